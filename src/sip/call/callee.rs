//! Responses to the INVITEs that open legs: early dialogs, forks, answers,
//! refusals (RFC 3261 §13.2.2).

use core::time::Duration;

use super::call::{Call, Refused};
use super::exchange::{Alarm, LegRef, Owner, Turn};
use super::forks::EndedForks;
use super::leg::{AckOwed, Early, Leg, LegState};
use super::moved;
use super::reason::q850_cause;
use super::stray;

use crate::auth;
use crate::base::{Level, Text, Transmit};
use crate::dialog::Role;
use crate::dialplan::{Cause, ChannelEvent, ChannelId, Failure};
use crate::machine::Way;
use crate::transaction::TransactionId;
use crate::wire::{HeaderName, Message, Method, Status};

/// How long a ringing callee may be silent: over three minutes (§16.6 step 11).
const TIMER_C: Duration = Duration::from_secs(185);

/// INVITEs repeated with credentials before a challenge counts as a refusal.
const MOST_ATTEMPTS: u8 = 3;

impl Call {
    /// A response to a request of ours on a leg.
    pub fn response(&mut self, turn: &mut Turn<'_>, index: u16, id: TransactionId) {
        let Some((response, _)) = turn.message else {
            return;
        };
        let Some(status) = response.status() else {
            return;
        };
        let Some(leg) = self.leg(index) else { return };
        if leg.invite == Some(id) {
            self.note_response(index, response);
        }
        let Some(leg) = self.leg(index) else { return };
        if self.is_offered_to_picker(index, id) {
            self.picker_responded(turn, index, response, status);
        } else if leg.invite != Some(id) {
            self.relayed_response(turn, index, id, status);
        } else if status.is_provisional() {
            self.progressed_leg(turn, index, response, status);
        } else if status.is_success() {
            self.answered_leg(turn, index, id, response);
        } else {
            self.refused_leg(turn, index, response, status);
        }
        self.deliver(turn);
    }

    /// A request of ours got no final response in time, though it was sent so
    /// many times more.
    pub fn timed_out(
        &mut self,
        turn: &mut Turn<'_>,
        index: u16,
        (id, copies): (TransactionId, u8),
    ) {
        let Some(leg) = self.leg(index) else { return };
        if leg.invite == Some(id) && leg.state == LegState::Inviting {
            self.note_final(turn.now, index, Status::REQUEST_TIMEOUT, copies);
            self.lost_leg(turn, index, Status::REQUEST_TIMEOUT, Failure::NO_RESPONSE);
        } else if self.is_offered_to_picker(index, id) {
            self.lose_picker(turn, index, Status::REQUEST_TIMEOUT);
        } else {
            self.relay_unanswered(turn, id, Status::REQUEST_TIMEOUT);
        }
        self.deliver(turn);
    }

    /// A request of ours cannot be sent: as if 503 had come (RFC 3261 §8.1.3.1).
    pub fn unsent(&mut self, turn: &mut Turn<'_>, index: u16, id: TransactionId) {
        let Some(leg) = self.leg(index) else { return };
        let status = Status::SERVICE_UNAVAILABLE;
        if leg.invite == Some(id) && leg.state == LegState::Inviting {
            self.lost_leg(turn, index, status, Failure::from_status(status));
        } else if self.is_offered_to_picker(index, id) {
            self.lose_picker(turn, index, status);
        } else {
            self.relay_unanswered(turn, id, status);
        }
        self.deliver(turn);
    }

    fn progressed_leg(
        &mut self,
        turn: &mut Turn<'_>,
        index: u16,
        response: &Message<'_>,
        status: Status,
    ) {
        if self
            .leg(index)
            .is_none_or(|leg| leg.state != LegState::Inviting)
        {
            return;
        }
        self.heard_ringing(turn, index);
        self.remember_early(turn, index, response);
        let Some(channel) = self.leg(index).map(|leg| leg.channel) else {
            return;
        };
        if status.code() >= 180 {
            self.note_ringing(turn.now, channel);
        }
        let event = match status.code() {
            180 => ChannelEvent::Ringing,
            183 => ChannelEvent::Progress,
            101.. if !response.body().is_empty() => ChannelEvent::Progress,
            _ => ChannelEvent::Proceeding,
        };
        self.while_current(turn, index, |call, turn| {
            call.report(channel, event);
            call.deliver(turn);
        });
    }

    /// A callee that takes its time says so every minute (RFC 3261 §13.3.1.1);
    /// one not heard of for much longer is gone, as for a proxy (§16.6 step 11).
    fn heard_ringing(&mut self, turn: &mut Turn<'_>, index: u16) {
        let call = self.handle;
        let Some(leg) = self.leg_mut(index) else {
            return;
        };
        let ringing = leg.ringing_in(&mut turn.exchange.ringing);
        let first = ringing.until.replace(turn.now + TIMER_C).is_none();
        if first {
            let alarm = Alarm::Ring { call, leg: index };
            turn.exchange.alarms.set(turn.now, TIMER_C, alarm);
        }
    }

    /// Looks whether a callee has been heard of lately.
    pub fn still_rings(&mut self, turn: &mut Turn<'_>, index: u16) {
        let call = self.handle;
        let Some(leg) = self.leg(index) else {
            return;
        };
        let ringing = leg.ringing.as_ref().and_then(|ringing| ringing.until);
        let Some(until) = ringing.filter(|_| leg.state == LegState::Inviting) else {
            return;
        };
        if turn.now < until {
            let alarm = Alarm::Ring { call, leg: index };
            turn.exchange.alarms.set_at(until, alarm);
            return;
        }
        self.drop_leg(turn, index, Cause::NO_USER_RESPONSE, false);
        let status = Status::REQUEST_TIMEOUT;
        self.note_final(turn.now, index, status, 0);
        self.lost_leg(turn, index, status, Failure::from_status(status));
        self.deliver(turn);
    }

    /// Does `work` while the leg's response is the one being handled, so that
    /// its body and its early dialog go along.
    fn while_current<'t>(
        &mut self,
        turn: &mut Turn<'t>,
        index: u16,
        work: impl FnOnce(&mut Call, &mut Turn<'t>),
    ) {
        self.current = Some(index);
        work(self, turn);
        self.current = None;
    }

    /// Enters the early dialog a response belongs to, and makes it the leg's
    /// current one.
    fn remember_early(&mut self, turn: &mut Turn<'_>, index: u16, response: &Message<'_>) {
        let Some(tag) = response.to().ok().and_then(|to| to.tag()) else {
            return;
        };
        let ringing = self.leg(index).and_then(|leg| leg.ringing.as_ref());
        let early = ringing.map_or(&[][..], |ringing| &ringing.early);
        let known = early.iter().any(|early| early.remote_tag.as_bytes() == tag);
        if !known && early.len() < 16 {
            let caller_tag = self.caller_tag(turn);
            if let Some(leg) = self.leg_mut(index) {
                let ringing = leg.ringing_in(&mut turn.exchange.ringing);
                ringing.early.push(Early {
                    remote_tag: Text::from(tag),
                    caller_tag,
                });
            }
        }
        if let Some(leg) = self.leg_mut(index) {
            leg.dialog.set_remote_tag(tag);
        }
    }

    /// A tag for one more of the caller's early dialogs: its own for the
    /// first, a fresh one for each that a fork adds.
    pub(super) fn caller_tag(&mut self, turn: &mut Turn<'_>) -> Text {
        let Some(caller) = self.legs.first().filter(|_| self.has_caller()) else {
            return Text::new();
        };
        if !self.first_tag_taken || self.is_answered() {
            self.first_tag_taken = true;
            return Text::from(caller.dialog.local_tag());
        }
        let tag = turn.exchange.tag();
        let owner = LegRef {
            call: self.handle,
            leg: 0,
        };
        turn.exchange
            .dialogs
            .insert(caller.dialog.call_id(), &tag, owner);
        self.caller_tags.push(tag.clone());
        tag
    }

    fn answered_leg(
        &mut self,
        turn: &mut Turn<'_>,
        index: u16,
        id: TransactionId,
        response: &Message<'_>,
    ) {
        let tag = response
            .to()
            .ok()
            .and_then(|to| to.tag())
            .unwrap_or_default();
        let Some(leg) = self.leg(index) else { return };
        if leg.is_up() {
            if leg.dialog.remote_tag() == tag {
                let cseq = response.cseq().map_or(0, |cseq| cseq.number);
                self.repeat_ack(turn, index, cseq);
            } else {
                if let Some(leg) = self.leg_mut(index) {
                    stray::settle_fork(turn, &mut leg.ended);
                }
            }
            return;
        }
        if leg.state == LegState::Ended {
            stray::settle(turn, id, EndedForks::default());
            return;
        }
        self.remember_early(turn, index, response);
        let Some(leg) = self.leg_mut(index) else {
            return;
        };
        let channel = leg.channel;
        leg.dialog.set_remote_tag(tag);
        leg.dialog.establish(response, &turn.exchange.ways);
        leg.state = LegState::Confirmed;
        self.note_answered(turn, index, id);
        self.owe_ack(turn, index);
        // The first contact that answers wins.
        self.drop_ringing(turn, channel, true);
        self.tell_answered(turn, index);
    }

    /// Tells who rang the channel of a leg that it has been answered, by the
    /// message being handled.
    pub(super) fn tell_answered(&mut self, turn: &mut Turn<'_>, index: u16) {
        let Some(channel) = self.leg(index).map(|leg| leg.channel) else {
            return;
        };
        self.while_current(turn, index, |call, turn| {
            call.report(channel, ChannelEvent::Answered);
            call.deliver(turn);
        });
        if let Some(leg) = self.leg_mut(index) {
            leg.stop_ringing(&mut turn.exchange.ringing);
        }
        // An answer the plan did not take, because it has none any more, is hung up.
        let taken = self.bridge == Some(index) || self.is_kept(channel);
        if self.leg(index).is_some_and(|leg| leg.is_up()) && !taken {
            self.drop_leg(turn, index, Cause::NORMAL_CLEARING, false);
            self.report(channel, ChannelEvent::Hangup(Cause::NORMAL_CLEARING));
            self.forget_channel(turn, channel);
            self.deliver(turn);
        }
    }

    /// Cancels the legs of a channel that ring still. `elsewhere`: they are told
    /// that another has answered.
    pub(super) fn drop_ringing(&mut self, turn: &mut Turn<'_>, id: ChannelId, elsewhere: bool) {
        for index in 1..self.legs.len() as u16 {
            if self.leg(index).is_some_and(|leg| leg.rings_for(id)) {
                self.drop_leg(turn, index, Cause::NORMAL_CLEARING, elsewhere);
            }
        }
    }

    fn refused_leg(
        &mut self,
        turn: &mut Turn<'_>,
        index: u16,
        response: &Message<'_>,
        status: Status,
    ) {
        if self
            .leg(index)
            .is_none_or(|leg| leg.state != LegState::Inviting)
        {
            return;
        }
        let challenged = matches!(status.code(), 401 | 407);
        if challenged && self.repeat_with_credentials(turn, index, response, status) {
            return;
        }
        self.note_refused(turn, index, status);
        if Failure::from_status(status) == Failure::Forwarded(Cause::NORMAL_CLEARING) {
            self.note_forward(turn, index, response, status);
        }
        let failure = match self.told_cause(turn, index) {
            Some(cause) => Failure::from_status(status).because(cause),
            None => Failure::from_status(status),
        };
        self.lost_leg(turn, index, status, failure);
    }

    /// The Q.850 cause the message of this turn gives, where its device is
    /// believed (`use_q850_reason`).
    pub(super) fn told_cause(&self, turn: &Turn<'_>, index: u16) -> Option<Cause> {
        let (message, _) = turn.message?;
        let believed = self.device(turn, index).use_q850_reason;
        if believed { q850_cause(message) } else { None }
    }

    /// A leg will not be answered; when it was its channel's last, the channel
    /// is gone. A 6xx speaks for all of them (§16.7).
    pub(super) fn lost_leg(
        &mut self,
        turn: &mut Turn<'_>,
        index: u16,
        status: Status,
        failure: Failure,
    ) {
        let Some(id) = self.leg(index).map(|leg| leg.channel) else {
            return;
        };
        self.forget_leg(turn, index);
        let Some(channel) = self.channel_mut(id) else {
            return;
        };
        channel.open_legs = channel.open_legs.saturating_sub(1);
        let better = channel
            .failure
            .is_none_or(|(known, _)| rank(status) < rank(known));
        if better {
            channel.failure = Some((status, failure));
        }
        if status.code() >= 600 {
            channel.open_legs = 0;
            self.drop_ringing(turn, id, false);
        }
        let Some(channel) = self.channel(id) else {
            return;
        };
        if channel.open_legs == 0
            && let Some((status, failure)) = channel.failure
        {
            self.note_refusal(id, status);
            self.note_lost(id, status);
            self.fail(turn, id, failure);
        }
    }

    /// Remembers where a callee wants to be rung, in case its channel fails by
    /// that.
    fn note_forward(
        &mut self,
        turn: &Turn<'_>,
        index: u16,
        response: &Message<'_>,
        status: Status,
    ) {
        let device = self.device(turn, index);
        let forward = moved::forward(response, device.promiscredir, &device.context);
        if let Some(channel) = self.leg(index).map(|leg| leg.channel) {
            self.note_refusal(channel, status);
            if let Some(refused) = &mut self.refused {
                refused.forward = forward;
            }
        }
    }

    /// Remembers by what response a channel fails.
    fn note_refusal(&mut self, channel: ChannelId, status: Status) {
        let before = self.refused.take();
        let best = match &before {
            Some(before) if rank(before.best) < rank(status) => before.best,
            _ => status,
        };
        let forward = before
            .filter(|before| before.channel == channel)
            .and_then(|before| before.forward);
        self.refused = Some(Box::new(Refused {
            channel,
            status,
            best,
            forward,
        }));
    }

    /// Answers a challenge with the credentials configured for its realm. The
    /// peer's own secret answers only the first challenge of an INVITE.
    fn repeat_with_credentials(
        &mut self,
        turn: &mut Turn<'_>,
        index: u16,
        response: &Message<'_>,
        status: Status,
    ) -> bool {
        let cnonce = turn.exchange.random.next_u64();
        let Some(leg) = self.leg_mut(index) else {
            return false;
        };
        let Some(peer) = leg.peer.clone().filter(|_| leg.attempts < MOST_ATTEMPTS) else {
            return false;
        };
        leg.attempts += 1;
        let (asked, answer) = match status.code() {
            401 => (HeaderName::WwwAuthenticate, HeaderName::Authorization),
            _ => (
                HeaderName::ProxyAuthenticate,
                HeaderName::ProxyAuthorization,
            ),
        };
        let challenges = response.credentials(asked);
        let answered = auth::respond(
            challenges,
            &peer.identities(),
            b"INVITE",
            leg.dialog.target(),
            cnonce,
            1,
        );
        let Some(authorization) = answered else {
            self.note(turn, Level::Warn, "no-credentials", || {
                format!(
                    "peer '{}' asks for credentials of a realm that none is configured for",
                    peer.name
                )
            });
            return false;
        };
        leg.dialog.set_remote_tag(b"");
        if let Some(ringing) = &mut leg.ringing {
            ringing.early.clear();
        }
        let sent = self.send_invite(turn, index, Some((answer, &authorization)));
        if let Some(leg) = self.leg_mut(index) {
            leg.acks.get_or_insert_default().credentials = Some((answer, authorization));
        }
        sent
    }

    /// A leg's INVITE, which brought what the caller's did, has a 2xx. Where that
    /// was an offer, it is acknowledged at once; else its ACK waits for the
    /// caller's, which brings the answer (§13.2.1).
    pub(super) fn owe_ack(&mut self, turn: &mut Turn<'_>, index: u16) {
        let relayed_for = self.leg(0).map(|caller| caller.invite_cseq);
        let Some(leg) = self.leg_mut(index) else {
            return;
        };
        let cseq = leg.dialog.local_cseq;
        leg.acked_cseq = Some(cseq);
        leg.ack_owed = Some(AckOwed { cseq, relayed_for });
        if self.has_offer() {
            self.acknowledge_owed(turn, index);
        }
    }

    /// Whether the caller waits for an answer to what it offered.
    pub(super) fn has_offer(&self) -> bool {
        let invite = self.unanswered.as_ref();
        invite.is_some_and(|invite| !invite.body.bytes.is_empty())
    }

    /// Sends the ACK a leg's 2xx waits for, without a body.
    pub(super) fn acknowledge_owed(&mut self, turn: &mut Turn<'_>, index: u16) {
        self.acknowledge_with(turn, index, b"", b"");
    }

    /// Sends the ACK a leg's 2xx waits for.
    pub(super) fn acknowledge_with(
        &mut self,
        turn: &mut Turn<'_>,
        index: u16,
        content_type: &[u8],
        body: &[u8],
    ) {
        let Some(leg) = self.leg_mut(index) else {
            return;
        };
        let Some(AckOwed { cseq, .. }) = leg.ack_owed.take() else {
            return;
        };
        leg.acked_cseq = Some(cseq);
        if let Some(acks) = &mut leg.acks {
            acks.last = Box::default();
        }
        turn.record_request(Way::Out, index, Method::Ack, cseq);
        let sent = send_ack(turn, leg, cseq, content_type, body);
        if !body.is_empty() {
            leg.acks.get_or_insert_default().last = sent.into();
        }
    }

    /// A 2xx came again: so does its ACK, by its own CSeq number, unless the
    /// other side still owes its body.
    pub(super) fn repeat_ack(&mut self, turn: &mut Turn<'_>, index: u16, cseq: u32) {
        let Some(leg) = self.leg(index) else {
            return;
        };
        if leg.ack_owed.is_some_and(|owed| owed.cseq == cseq) {
            return;
        }
        turn.record_request(Way::Out, index, Method::Ack, cseq);
        let acks = leg.acks.as_ref();
        match acks.filter(|acks| leg.acked_cseq == Some(cseq) && !acks.last.is_empty()) {
            Some(acks) => turn.out.transmit(&leg.dialog.flow, &acks.last),
            None => drop(send_ack(turn, leg, cseq, b"", b"")),
        }
    }

    /// Hands the INVITE transaction of a leg that goes away to nobody, so that
    /// a copy of its 2xx is still acknowledged.
    pub(super) fn settle_leg(&mut self, turn: &mut Turn<'_>, index: u16) {
        let Some(leg) = self.leg(index).filter(|leg| leg.dialog.role == Role::Uac) else {
            return;
        };
        let Some(invite) = leg.invite else { return };
        let ended = match leg.acked_cseq {
            Some(_) => leg.ended.with(leg.dialog.remote_tag()),
            None => leg.ended,
        };
        turn.exchange
            .transactions
            .set_owner(invite, Owner::Straggler { ended });
    }
}

/// Sends an ACK and returns it.
fn send_ack(
    turn: &mut Turn<'_>,
    leg: &Leg,
    cseq: u32,
    content_type: &[u8],
    body: &[u8],
) -> Vec<u8> {
    let branch = turn.exchange.loose_branch();
    let general = &turn.exchange.config.general;
    let dialog = &leg.dialog;
    let device = general.device(leg.peer.as_deref());
    let sent = turn.out.send(&dialog.flow, |buffer| {
        let mut writer = dialog.write_request(
            buffer,
            general.sent_by(&dialog.flow),
            Method::Ack,
            cseq,
            &branch,
            device.maxforwards,
        );
        let acks = leg.acks.as_ref();
        if let Some((name, credentials)) = acks.and_then(|acks| acks.credentials.as_ref()) {
            writer.field(*name, credentials);
        }
        super::call::end_with(writer, content_type, body);
    });
    match sent {
        Some(bytes) if !body.is_empty() => bytes.to_vec(),
        _ => Vec::new(),
    }
}

/// Which of several refusals speaks for a channel: 6xx, then busy, then the
/// lowest class (§16.7 step 6).
fn rank(status: Status) -> (u16, u16) {
    match status.code() {
        code @ 600.. => (0, code),
        code @ 486 => (1, code),
        code => (code / 100 + 1, code),
    }
}
