//! Requests inside the dialogs: relayed from leg to leg, each leg keeping its
//! own CSeq, tags and route set. Bodies pass byte for byte.

use super::call::{ALLOW, Call, Relay, body_of, end_with};
use super::exchange::{Alarm, LegRef, Outgoing, Owner, Responding, Turn};
use super::forks::EndedForks;
use super::leg::{AckOwed, Leg, LegState};
use crate::base::Text;
use crate::config::Peer;
use crate::dialog::{Dialog, Role};
use crate::dialplan::{Cause, Failure};
use crate::machine::Way;
use crate::transaction::TransactionId;
use crate::wire::{HeaderName, Message, Method, ReplyHead, Status};
use core::time::Duration;

/// Times a re-INVITE is tried again after a 491 before it has failed.
pub(super) const MOST_GLARES: u8 = 3;

/// The status a relayed request's sender is told. A challenge is for us, who
/// cannot answer it here; its sender has no credentials for that realm. A
/// redirection is for us, too: its sender has this dialog with us, and is to
/// take it nowhere else.
pub fn relayable(status: Status) -> Status {
    match status.code() {
        300..=399 => Status::TEMPORARILY_UNAVAILABLE,
        401 | 407 => Status::FORBIDDEN,
        _ => status,
    }
}

impl Call {
    /// A request inside the dialog of leg `index`; ACK, BYE and CANCEL have
    /// ways of their own. Its CSeq has been accepted and its transaction
    /// opened: `server`.
    pub fn request_within(&mut self, turn: &mut Turn<'_>, index: u16, server: TransactionId) {
        let Some((request, flow)) = turn.message else {
            return;
        };
        let pinned = self.leg(index).is_some_and(|leg| leg.dialog.pinned);
        let kept = turn.exchange.keep(request, flow, pinned);
        match self.relay(turn, index, request) {
            Ok((to, client, max_forwards)) => self.relays.push(Relay {
                server,
                kept,
                client: Some(client),
                from: index,
                to,
                cseq: request.cseq().map_or(0, |cseq| cseq.number),
                invite: request.method() == Method::Invite,
                target: self.new_target(index, request),
                max_forwards,
                tries: 0,
            }),
            Err(status) => {
                self.answer_within(turn, server, &kept.head, status);
                let cseq = request.cseq().map_or(0, |cseq| cseq.number);
                turn.record_response(Way::Out, index, status, (request.method(), cseq));
                turn.exchange.kept.give(kept);
            }
        }
    }

    /// The target a re-INVITE of leg `index` moves to once it is answered 2xx.
    fn new_target(&self, index: u16, request: &Message<'_>) -> Option<Box<Text>> {
        if request.method() != Method::Invite {
            return None;
        }
        let dialog = &self.leg(index)?.dialog;
        let target = dialog.other_target(request)?;
        Some(Box::new(Text::from(target)))
    }

    /// Tells the sender of an INVITE that it has arrived and nothing more is
    /// known yet (RFC 3261 §17.2.1). Where its leg is moving, whoever takes it may
    /// have said more.
    pub fn trying(&self, turn: &mut Turn<'_>, server: TransactionId) {
        let relay = self.relays.iter().find(|relay| relay.server == server);
        let kept = match relay {
            Some(relay) => Some(&relay.kept),
            None => self.unanswered.as_ref().filter(|_| !self.moving),
        };
        if let Some(kept) = kept {
            let nothing = (None, &b""[..], &b""[..]);
            self.answer_with(turn, server, &kept.head, Status::TRYING, nothing);
        }
    }

    /// Sends a request of leg `index` on to the leg opposite. Returns that leg,
    /// our transaction and its Max-Forwards, or why it cannot be.
    fn relay(
        &mut self,
        turn: &mut Turn<'_>,
        index: u16,
        request: &Message<'_>,
    ) -> Result<(u16, TransactionId, u8), Status> {
        let invite = request.method() == Method::Invite;
        let up = self.leg(index).is_some_and(|leg| leg.is_up());
        let Some(to) = self.opposite(index).filter(|_| up) else {
            // Nobody to relay to yet: the sender may try later (§14.2 for an INVITE).
            return Err(if invite {
                Status::REQUEST_PENDING
            } else {
                Status::SERVER_INTERNAL_ERROR
            });
        };
        let max_forwards = match request.max_forwards() {
            Ok(Some(0)) => return Err(Status::TOO_MANY_HOPS),
            Ok(Some(hops)) => hops - 1,
            _ => self.device(turn, to).maxforwards,
        };
        if invite {
            self.glare(index, to)?;
            self.yield_to(turn, to);
        }
        if !self.device(turn, to).takes(request.method()) {
            return Err(Status::FORBIDDEN);
        }
        let body = body_of(turn);
        let client = self
            .send_within(turn, to, request.method(), max_forwards, body)
            .ok_or(Status::SERVICE_UNAVAILABLE)?;
        Ok((to, client, max_forwards))
    }

    /// Whether a re-INVITE from leg `from` must wait: 491 when ours to that
    /// leg is on its way, 500 when its own earlier one is (§14.2).
    fn glare(&self, from: u16, to: u16) -> Result<(), Status> {
        let ours_under_way =
            |relay: &Relay| relay.invite && relay.from == to && relay.client.is_some();
        let theirs_under_way = |relay: &Relay| relay.invite && relay.from == from;
        if self.reoffer.is_some() || self.relays.iter().any(ours_under_way) {
            Err(Status::REQUEST_PENDING)
        } else if self.relays.iter().any(theirs_under_way) {
            Err(Status::SERVER_INTERNAL_ERROR)
        } else if self
            .leg(to)
            .is_some_and(|leg| leg.state != LegState::Confirmed || leg.ack_owed.is_some())
        {
            Err(Status::REQUEST_PENDING)
        } else {
            Ok(())
        }
    }

    /// A re-INVITE of leg `from` that waits after a 491 gives way to one that
    /// comes the other way: its sender hears of the 491 and tries again itself.
    fn yield_to(&mut self, turn: &mut Turn<'_>, from: u16) {
        let waits = |relay: &Relay| relay.invite && relay.from == from && relay.client.is_none();
        if let Some(position) = self.relays.iter().position(waits) {
            let relay = self.relays.swap_remove(position);
            self.end_relay(turn, relay, Status::REQUEST_PENDING);
        }
    }

    /// The device at the end of a leg.
    pub(super) fn device<'a>(&'a self, turn: &'a Turn<'_>, index: u16) -> &'a Peer {
        let peer = self.leg(index).and_then(|leg| leg.peer.as_deref());
        turn.exchange.config.general.device(peer)
    }

    /// The leg at the other side of the bridge.
    fn opposite(&self, index: u16) -> Option<u16> {
        let callee = self.bridge?;
        match index {
            0 => Some(callee),
            index if index == callee => Some(0),
            _ => None,
        }
    }

    /// Sends a request inside a leg's dialog.
    pub(super) fn send_within(
        &mut self,
        turn: &mut Turn<'_>,
        to: u16,
        method: Method<'_>,
        max_forwards: u8,
        (content_type, body): (&[u8], &[u8]),
    ) -> Option<TransactionId> {
        let owner = Owner::Leg(LegRef {
            call: self.handle,
            leg: to,
        });
        let leg = self.leg_mut(to)?;
        let cseq = leg.dialog.next_cseq();
        let timers = turn.exchange.timers(leg.peer.as_deref());
        let request = Outgoing {
            dialog: &leg.dialog,
            method,
            cseq,
            max_forwards,
            timers,
            owner,
        };
        turn.request(request, |mut writer| {
            if method == Method::Invite {
                writer.own(HeaderName::Allow, &[ALLOW]);
            }
            end_with(writer, content_type, body);
        })
    }

    /// Tells a sender that its request will not be answered by the other side.
    fn end_relay(&mut self, turn: &mut Turn<'_>, relay: Relay, status: Status) {
        self.answer_within(turn, relay.server, &relay.kept.head, status);
        let method = match relay.invite {
            true => Method::Invite,
            false => Method::Other(b""),
        };
        turn.record_response(Way::Out, relay.from, status, (method, relay.cseq));
        turn.exchange.kept.give(relay.kept);
    }

    /// Answers a sender from the response of this turn, or with nothing but a status.
    fn answer_within(
        &mut self,
        turn: &mut Turn<'_>,
        server: TransactionId,
        head: &ReplyHead,
        status: Status,
    ) {
        self.answer_with(turn, server, head, status, (None, b"", b""));
    }

    fn answer_with(
        &self,
        turn: &mut Turn<'_>,
        server: TransactionId,
        head: &ReplyHead,
        status: Status,
        (shown, content_type, body): (Option<&Dialog>, &[u8], &[u8]),
    ) {
        let status = relayable(status);
        let response = Responding {
            server,
            head,
            status,
            reason: None,
            tag: b"",
        };
        turn.exchange
            .respond(turn.now, turn.out, response, |mut writer| {
                if let Some(dialog) = shown {
                    dialog.write_contact(&mut writer);
                }
                if status == Status::SERVER_INTERNAL_ERROR {
                    writer.field(HeaderName::RetryAfter, b"5");
                }
                end_with(writer, content_type, body);
            });
    }

    /// A response to a request relayed to leg `index`.
    pub(super) fn relayed_response(
        &mut self,
        turn: &mut Turn<'_>,
        index: u16,
        client: TransactionId,
        status: Status,
    ) {
        let Some((response, _)) = turn.message else {
            return;
        };
        let invite = response.method() == Method::Invite;
        let Some(position) = self
            .relays
            .iter()
            .position(|relay| relay.client == Some(client))
        else {
            if self.is_reoffer(client) {
                self.reoffer_answered(turn, response, status);
            } else if invite && status.is_success() {
                let cseq = response.cseq().map_or(0, |cseq| cseq.number);
                self.repeat_ack(turn, index, cseq);
            }
            return;
        };
        if status == Status::TRYING {
            return;
        }
        if invite && status == Status::REQUEST_PENDING && self.wait_out_glare(turn, position, index)
        {
            return;
        }
        let from = self.relays.get(position).map_or(0, |relay| relay.from);
        let dialog = self.leg(from).map(|leg| &leg.dialog);
        let (content_type, body) = body_of(turn);
        if let Some(relay) = self.relays.get(position) {
            let shown = dialog.filter(|_| invite && status.code() < 300);
            self.answer_with(
                turn,
                relay.server,
                &relay.kept.head,
                status,
                (shown, content_type, body),
            );
            let asked = (response.method(), relay.cseq);
            turn.record_response(Way::Out, relay.from, relayable(status), asked);
        }
        if status.is_provisional() {
            return;
        }
        let relay = self.relays.swap_remove(position);
        if invite && status.is_success() {
            self.reinvite_answered(turn, index, &relay, response);
        }
        turn.exchange.kept.give(relay.kept);
        if matches!(status.code(), 481 | 408) {
            self.dialog_lost(turn, index, Cause::NORMAL_CLEARING);
        }
    }

    fn reinvite_answered(
        &mut self,
        turn: &mut Turn<'_>,
        index: u16,
        relay: &Relay,
        response: &Message<'_>,
    ) {
        let cseq = response.cseq().ok().map(|cseq| cseq.number);
        if let Some(leg) = self.leg_mut(index) {
            leg.dialog.refresh_target(response, &turn.exchange.ways);
            leg.ack_owed = cseq.map(|cseq| AckOwed {
                cseq,
                relayed_for: Some(relay.cseq),
            });
            leg.acked_cseq = cseq;
        }
        if let Some(leg) = self.leg_mut(relay.from) {
            leg.answered.push((relay.cseq, relay.server));
            if let Some(target) = &relay.target {
                leg.dialog.move_target(target, &turn.exchange.ways);
            }
        }
        if !relay.kept.body.bytes.is_empty() {
            self.acknowledge_owed(turn, index);
        }
    }

    /// The other side's own re-INVITE crossed a relayed one. It is tried again
    /// a little later; the sender hears nothing of it meanwhile.
    fn wait_out_glare(&mut self, turn: &mut Turn<'_>, position: usize, index: u16) -> bool {
        let Some(relay) = self.relays.get_mut(position) else {
            return false;
        };
        if relay.tries >= MOST_GLARES {
            return false;
        }
        relay.tries += 1;
        relay.client = None;
        let alarm = Alarm::Glare {
            call: self.handle,
            server: relay.server,
        };
        self.wait_after_glare(turn, index, alarm);
        true
    }

    /// Sets the alarm by which a leg's INVITE is tried again after a 491: later
    /// where we own its Call-ID (§14.1).
    pub(super) fn wait_after_glare(&self, turn: &mut Turn<'_>, index: u16, alarm: Alarm) {
        let is_ours = |leg: &Leg| leg.dialog.role == Role::Uac;
        let tens_of_ms = if self.leg(index).is_some_and(is_ours) {
            210 + turn.exchange.random.below(191)
        } else {
            turn.exchange.random.below(201)
        };
        let wait = Duration::from_millis(tens_of_ms * 10);
        turn.exchange.alarms.set_at(turn.now + wait, alarm);
    }

    /// The wait after a 491 is over.
    pub fn retry_after_glare(&mut self, turn: &mut Turn<'_>, server: TransactionId) {
        let waiting = |relay: &Relay| relay.server == server && relay.client.is_none();
        let Some(position) = self.relays.iter().position(waiting) else {
            return;
        };
        let mut relay = self.relays.swap_remove(position);
        let body = &relay.kept.body;
        let body = (body.content_type.as_bytes(), body.bytes.as_slice());
        relay.client = self
            .opposite(relay.from)
            .and_then(|to| self.send_within(turn, to, Method::Invite, relay.max_forwards, body));
        if relay.client.is_some() {
            self.relays.push(relay);
        } else {
            self.end_relay(turn, relay, Status::REQUEST_PENDING);
        }
    }

    /// A relayed request met no answer, which is told as `status`: 408, if none
    /// came in time. An INVITE's sender is told so; others have given up by
    /// themselves then (RFC 4320). Either way the dialog is lost (RFC 3261
    /// §12.2.1.2). One that could not be sent leaves it as it is: the remote may
    /// be back by the next.
    pub(super) fn relay_unanswered(
        &mut self,
        turn: &mut Turn<'_>,
        client: TransactionId,
        status: Status,
    ) {
        if self.is_reoffer(client) {
            self.reoffer_unanswered(turn, status);
            return;
        }
        let Some(position) = self
            .relays
            .iter()
            .position(|relay| relay.client == Some(client))
        else {
            return;
        };
        let relay = self.relays.swap_remove(position);
        let (lost, to) = (status == Status::REQUEST_TIMEOUT, relay.to);
        if relay.invite || !lost {
            self.end_relay(turn, relay, status);
        } else {
            turn.exchange.kept.give(relay.kept);
        }
        if lost {
            self.dialog_lost(turn, to, Cause::RECOVERY_ON_TIMER_EXPIRE);
        }
    }

    /// ACK to a 2xx of ours, named by its CSeq number. Its body goes to the
    /// side whose 2xx made the offer.
    pub fn ack(&mut self, turn: &mut Turn<'_>, index: u16) {
        let Some(cseq) = turn.message.and_then(|(ack, _)| ack.cseq().ok()) else {
            return;
        };
        let Some(leg) = self.leg_mut(index) else {
            return;
        };
        let named = |(invite, _): &(u32, TransactionId)| *invite == cseq.number;
        let Some(position) = leg.answered.iter().position(named) else {
            return;
        };
        let (invite, server) = leg.answered.swap_remove(position);
        turn.exchange.transactions.acknowledge(server);
        let to = self.opposite(index).filter(|&to| {
            let owed = self.leg(to).and_then(|leg| leg.ack_owed);
            owed.is_some_and(|owed| owed.relayed_for == Some(invite))
        });
        if let Some(to) = to {
            let (content_type, body) = body_of(turn);
            self.acknowledge_with(turn, to, content_type, body);
        }
        match index {
            0 => self.acknowledged(turn),
            index => self.picker_acknowledged(turn, index),
        }
    }

    /// CANCEL of a relayed re-INVITE: passed on; its 487 comes back by itself.
    pub fn cancel_within(&mut self, turn: &mut Turn<'_>, server: TransactionId) {
        let Some(position) = self.relays.iter().position(|relay| relay.server == server) else {
            return;
        };
        match self.relays.get(position).and_then(|relay| relay.client) {
            Some(client) => turn
                .exchange
                .transactions
                .cancel(turn.now, client, b"", turn.out),
            None => {
                let relay = self.relays.swap_remove(position);
                self.end_relay(turn, relay, Status::REQUEST_TERMINATED);
            }
        }
    }

    /// BYE from leg `index`; it has been answered.
    pub fn bye_from(&mut self, turn: &mut Turn<'_>, index: u16) {
        let ringing = self
            .leg(index)
            .is_some_and(|leg| leg.state == LegState::Inviting);
        if index == 0 && !self.is_answered() {
            self.cancelled(turn);
        } else if ringing {
            // No callee may do that (§15); it has left all the same.
            self.drop_leg(turn, index, Cause::NORMAL_CLEARING, false);
            let status = Status::TEMPORARILY_UNAVAILABLE;
            self.lost_leg(turn, index, status, Failure::Hangup(Cause::NORMAL_CLEARING));
            self.deliver(turn);
        } else {
            let cause = self.told_cause(turn, index);
            self.hung_up_by(turn, index, cause.unwrap_or(Cause::NORMAL_CLEARING));
        }
    }

    /// Answers what is still being relayed, because the bridge is gone.
    pub(super) fn drop_relays(&mut self, turn: &mut Turn<'_>) {
        while let Some(relay) = self.relays.pop() {
            match relay.client {
                Some(client) if relay.invite => self.abandon_invite(turn, client, relay.to),
                Some(client) => turn.exchange.transactions.set_owner(client, Owner::Nobody),
                None => {}
            }
            self.end_relay(turn, relay, Status::REQUEST_TERMINATED);
        }
        self.drop_reoffer(turn);
    }

    /// Leaves a re-INVITE that nobody waits for any more: cancelled, so that it
    /// ends whatever its remote does, and acknowledged if it is answered still.
    /// Its dialog has a BYE of its own.
    pub(super) fn abandon_invite(&mut self, turn: &mut Turn<'_>, client: TransactionId, to: u16) {
        let ended = self.leg(to).map_or(EndedForks::default(), |leg| {
            leg.ended.with(leg.dialog.remote_tag())
        });
        let transactions = &mut turn.exchange.transactions;
        transactions.set_owner(client, Owner::Straggler { ended });
        transactions.cancel(turn.now, client, b"", turn.out);
    }
}
