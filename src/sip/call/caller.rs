//! What the caller is told: provisional responses, the answer, or why not.

use super::call::{ALLOW, Call, body_of, end_with};
use super::diversion;
use super::exchange::{Owner, Responding, Turn};
use super::leg::{Early, Leg, LegState};
use super::reason::write_cause;
use crate::base::{Hasher, Text};
use crate::dialplan::{Cause, ChannelEvent, ChannelId, Redirecting};
use crate::machine::{Stage, Way};
use crate::wire::{HeaderName, Method, Status, Uri, Writer};

impl Call {
    /// Shows the caller a provisional response, with the body of the response
    /// being handled if there is one.
    pub(super) fn provisional(&mut self, turn: &mut Turn<'_>, status: Status) {
        self.provisional_with(turn, status, None);
    }

    /// Tells the caller that its call is forwarded, and by whom.
    pub(super) fn tell_forwarded(&mut self, turn: &mut Turn<'_>, by: &Redirecting) {
        self.provisional_with(turn, Status::CALL_IS_BEING_FORWARDED, Some(by));
    }

    fn provisional_with(
        &mut self,
        turn: &mut Turn<'_>,
        status: Status,
        redirecting: Option<&Redirecting>,
    ) {
        let tag = self.current_caller_tag();
        let Some(leg) = self.legs.first() else { return };
        let (Some(unanswered), Some(server)) = (&self.unanswered, leg.invite) else {
            return;
        };
        let (content_type, body) = match redirecting {
            None => self.early_body(turn),
            Some(_) => (&b""[..], &b""[..]),
        };
        let response = Responding {
            server,
            head: &unanswered.head,
            status,
            reason: None,
            tag: &tag,
        };
        let general = &turn.exchange.config.general;
        let redirecting = redirecting.filter(|_| general.send_diversion);
        let redirecting = redirecting.map(|by| (by, general.advertised(&leg.dialog.flow)));
        turn.exchange
            .respond(turn.now, turn.out, response, |mut writer| {
                leg.dialog.write_contact(&mut writer);
                if let Some((by, ours)) = redirecting {
                    diversion::write(&mut writer, by, ours);
                }
                end_with(writer, content_type, body);
            });
        let invite = (Method::Invite, leg.invite_cseq);
        turn.record_response(Way::Out, 0, status, invite);
        if let Some(flight) = &mut turn.exchange.flight
            && flight.rings()
        {
            let took = turn.now.since(flight.began());
            turn.out.stopwatch.took(Stage::Ringing, took);
        }
    }

    /// What a provisional response of the callee that is being handled offers.
    fn early_body<'a>(&self, turn: &Turn<'a>) -> (&'a [u8], &'a [u8]) {
        match self.current {
            Some(_) => body_of(turn),
            None => (b"", b""),
        }
    }

    /// Whether the callee's response being handled has an early session the
    /// caller was not shown last: another body, or one of another early dialog
    /// (RFC 3261 §13.2.1, RFC 3960 §3.1). It counts as shown then.
    pub(super) fn begins_early_session(&mut self, turn: &Turn<'_>) -> bool {
        let (_, body) = self.early_body(turn);
        if body.is_empty() {
            return false;
        }
        let tag = self.current_caller_tag();
        let Some(kept) = &mut self.unanswered else {
            return false;
        };
        // Whoever makes two hash the same hides an early session of its own.
        let session = Hasher::with_seeds(1, 2, 3, 4).hash_one((tag.as_bytes(), body));
        kept.early_session.replace(session) != Some(session)
    }

    /// Ends the caller's INVITE with an error response.
    pub(super) fn final_response(
        &mut self,
        turn: &mut Turn<'_>,
        status: Status,
        reason: Option<&str>,
        cause: Cause,
    ) {
        self.refuse(turn, status, reason, |mut writer, q850| {
            write_cause(&mut writer, cause, q850);
            writer.end();
        });
    }

    /// Sends the caller elsewhere: 302 with the destination as its Contact
    /// (RFC 3261 §21.3.3). False if it is too late for that, or no SIP URI.
    pub(super) fn redirect(&mut self, turn: &mut Turn<'_>, destination: &str) -> bool {
        let bare = destination.strip_prefix("sip:").unwrap_or(destination);
        let uri = ["sip:", bare].concat();
        let in_time = self
            .legs
            .first()
            .is_some_and(|leg| leg.state == LegState::Inviting);
        if !in_time || Uri::parse(uri.as_bytes()).is_err() {
            return false;
        }
        let contact: [&[u8]; 3] = [b"<", uri.as_bytes(), b">"];
        self.refuse(turn, Status::MOVED_TEMPORARILY, None, |mut writer, _| {
            writer.own(HeaderName::Contact, &contact);
            writer.end();
        });
        true
    }

    /// Ends the caller's INVITE with a response other than 2xx, whose own header
    /// fields `write` adds; it is told whether the device reads Q.850 causes.
    fn refuse(
        &mut self,
        turn: &mut Turn<'_>,
        status: Status,
        reason: Option<&str>,
        write: impl FnOnce(Writer<'_>, bool),
    ) {
        let Some(leg) = self.legs.first_mut() else {
            return;
        };
        if leg.state != LegState::Inviting {
            return;
        }
        leg.state = LegState::Ended;
        let (Some(unanswered), Some(server)) = (&self.unanswered, leg.invite) else {
            return;
        };
        let device = turn.exchange.config.general.device(leg.peer.as_deref());
        let q850 = device.use_q850_reason;
        let response = Responding {
            server,
            head: &unanswered.head,
            status,
            reason,
            tag: leg.dialog.local_tag(),
        };
        turn.exchange
            .respond(turn.now, turn.out, response, |writer| write(writer, q850));
        turn.exchange.transactions.set_owner(server, Owner::Nobody);
        turn.record_response(Way::Out, 0, status, (Method::Invite, leg.invite_cseq));
        if let Some(flight) = &mut turn.exchange.flight {
            flight.refused(status);
        }
        self.invite_answered(turn);
    }

    /// Joins the caller to the channel whose 2xx is being handled, or to one
    /// whose 2xx was held. A caller who has had another final response is not
    /// joined to anybody: the channel is hung up.
    pub(super) fn join(&mut self, turn: &mut Turn<'_>, channel: ChannelId) {
        let caller = self.legs.first();
        if caller.is_none_or(|leg| leg.state == LegState::Ended) {
            self.report(channel, ChannelEvent::Hangup(Cause::NORMAL_CLEARING));
            self.hang_up_channel(turn, channel, Cause::NORMAL_CLEARING);
            return;
        }
        let real = self.join_through(channel);
        let held = self.channel_mut(real).and_then(|channel| {
            let more = channel.more.as_mut()?;
            more.held.take()
        });
        let Some(index) = self.answered_of(real) else {
            return;
        };
        self.bridge = Some(index);
        self.note_joined(turn.now, channel, index);
        let (content_type, body) = match &held {
            Some(held) => (held.body.content_type.as_bytes(), &*held.body.bytes),
            None => body_of(turn),
        };
        if self.is_answered() {
            self.reoffer(turn, (content_type, body));
        } else {
            let tag = match &held {
                Some(held) => held.caller_tag.clone(),
                None => self.current_caller_tag(),
            };
            self.answer_caller(turn, &tag, (content_type, body));
        }
    }

    /// The leg of a channel that has been answered.
    pub(super) fn answered_of(&self, channel: ChannelId) -> Option<u16> {
        let mut legs = self.legs.iter().skip(1);
        let answered = |leg: &Leg| leg.channel == channel && leg.is_up();
        let position = legs.position(answered)?;
        u16::try_from(position + 1).ok()
    }

    /// Sends the caller a callee's 2xx as its own.
    fn answer_caller(
        &mut self,
        turn: &mut Turn<'_>,
        tag: &Text,
        (content_type, body): (&[u8], &[u8]),
    ) {
        let Some(leg) = self.legs.first_mut() else {
            return;
        };
        let (Some(unanswered), Some(server)) = (&self.unanswered, leg.invite) else {
            return;
        };
        if leg.dialog.local_tag() != tag.as_bytes() {
            self.caller_tags.push(Text::from(leg.dialog.local_tag()));
            leg.dialog.set_local_tag(tag);
        }
        leg.state = LegState::Unacknowledged;
        leg.answered.push((leg.invite_cseq, server));
        let response = Responding {
            server,
            head: &unanswered.head,
            status: Status::OK,
            reason: None,
            tag: leg.dialog.local_tag(),
        };
        turn.exchange
            .respond(turn.now, turn.out, response, |mut writer| {
                leg.dialog.write_contact(&mut writer);
                writer.own(HeaderName::Allow, &[ALLOW]);
                end_with(writer, content_type, body);
            });
        turn.record_response(Way::Out, 0, Status::OK, (Method::Invite, leg.invite_cseq));
        if let Some(flight) = &turn.exchange.flight {
            let took = turn.now.since(flight.began());
            turn.out.stopwatch.took(Stage::Answer, took);
        }
        self.answered_at = Some(turn.now);
        self.invite_answered(turn);
        turn.exchange.counters.calls_answered += 1;
    }

    /// The caller's INVITE has its final response.
    fn invite_answered(&mut self, turn: &mut Turn<'_>) {
        if let Some(kept) = self.unanswered.take() {
            turn.exchange.kept.give(kept);
        }
    }

    /// The tag of the caller's dialog that stands for the early dialog being
    /// handled: each early dialog of a callee is one of the caller's too.
    pub(super) fn current_caller_tag(&self) -> Text {
        let first = || {
            self.legs
                .first()
                .map(|leg| Text::from(leg.dialog.local_tag()))
                .unwrap_or_default()
        };
        let Some(leg) = self.current.and_then(|index| self.leg(index)) else {
            return first();
        };
        let current = |early: &&Early| early.remote_tag.as_bytes() == leg.dialog.remote_tag();
        let ringing = leg.ringing.as_ref();
        let early = ringing.and_then(|ringing| ringing.early.iter().find(current));
        early.map_or_else(first, |early| early.caller_tag.clone())
    }
}
