//! What the caller is told: provisional responses, the answer, or why not.

use super::call::{ALLOW, Body, Call, body_of, end_with};
use super::exchange::{Owner, Turn};
use super::leg::LegState;
use super::reason::write_cause;
use crate::base::Text;
use crate::dialplan::{Cause, ChannelId};
use crate::transaction::Keep;
use crate::wire::{HeaderName, Status};

impl Call {
    /// Shows the caller a provisional response, with the body of the response
    /// being handled if there is one.
    pub(super) fn provisional(&mut self, turn: &mut Turn<'_>, status: Status) {
        let tag = self.current_caller_tag();
        let Some(leg) = self.legs.first() else { return };
        let (Some(head), Some(server)) = (&leg.head, leg.invite) else {
            return;
        };
        let (content_type, body) = if self.current.is_some() {
            body_of(turn)
        } else {
            (&b""[..], &b""[..])
        };
        let general = &turn.exchange.config.general;
        let sent = turn.out.send(head.flow(), |buffer| {
            let mut writer = head.write(buffer, general.compactheaders, status, None, &tag);
            writer.parts(HeaderName::Contact, &[b"<", &leg.dialog.contact, b">"]);
            writer.field(HeaderName::Server, general.useragent.as_bytes());
            end_with(writer, content_type, body);
        });
        if let Some(bytes) = sent {
            turn.exchange
                .transactions
                .responded(turn.now, server, status, bytes, Keep::Bytes);
        }
    }

    /// Ends the caller's INVITE with an error response.
    pub(super) fn final_response(
        &mut self,
        turn: &mut Turn<'_>,
        status: Status,
        reason: Option<&str>,
        cause: Cause,
    ) {
        let Some(leg) = self.legs.first_mut() else {
            return;
        };
        if leg.state != LegState::Inviting {
            return;
        }
        leg.state = LegState::Ended;
        let (Some(head), Some(server)) = (&leg.head, leg.invite) else {
            return;
        };
        let general = &turn.exchange.config.general;
        let sent = turn.out.send(head.flow(), |buffer| {
            let mut writer = head.write(
                buffer,
                general.compactheaders,
                status,
                reason,
                &leg.dialog.local_tag,
            );
            writer.field(HeaderName::Server, general.useragent.as_bytes());
            let device = general.device(leg.peer.as_deref());
            write_cause(&mut writer, cause, device.use_q850_reason);
            writer.end();
        });
        if let Some(bytes) = sent {
            turn.exchange
                .transactions
                .responded(turn.now, server, status, bytes, Keep::Bytes);
        }
        turn.exchange.transactions.set_owner(server, Owner::Nobody);
    }

    /// Joins the caller to the channel whose 2xx is being handled.
    pub(super) fn join(&mut self, turn: &mut Turn<'_>, channel: ChannelId) {
        let Some(index) = self
            .current
            .filter(|&index| self.leg(index).is_some_and(|leg| leg.channel == channel))
        else {
            return;
        };
        self.bridge = Some(index);
        if self.is_answered() {
            self.renegotiate(turn);
        } else {
            self.answer_caller(turn);
        }
    }

    /// Sends the caller the 2xx being handled, as its own.
    fn answer_caller(&mut self, turn: &mut Turn<'_>) {
        let tag = self.current_caller_tag();
        let (content_type, body) = body_of(turn);
        let Some(leg) = self.legs.first_mut() else {
            return;
        };
        let (Some(head), Some(server)) = (&leg.head, leg.invite) else {
            return;
        };
        let first_tag = core::mem::replace(&mut leg.dialog.local_tag, tag);
        leg.state = LegState::Unacknowledged;
        leg.answered.push((leg.invite_cseq, server));
        let general = &turn.exchange.config.general;
        let sent = turn.out.send(head.flow(), |buffer| {
            let mut writer = head.write(
                buffer,
                general.compactheaders,
                Status::OK,
                None,
                &leg.dialog.local_tag,
            );
            writer.parts(HeaderName::Contact, &[b"<", &leg.dialog.contact, b">"]);
            writer.field(HeaderName::Server, general.useragent.as_bytes());
            writer.field(HeaderName::Allow, ALLOW);
            end_with(writer, content_type, body);
        });
        if let Some(bytes) = sent {
            turn.exchange
                .transactions
                .responded(turn.now, server, Status::OK, bytes, Keep::Bytes);
        }
        leg.head = None;
        if first_tag != leg.dialog.local_tag {
            self.caller_tags.push(first_tag);
        }
        self.offer = Body::default();
        turn.exchange.counters.calls_answered += 1;
    }

    /// The tag of the caller's dialog that stands for the early dialog being
    /// handled: each early dialog of a callee is one of the caller's too.
    fn current_caller_tag(&self) -> Text {
        let first = || {
            self.legs
                .first()
                .map(|leg| leg.dialog.local_tag.clone())
                .unwrap_or_default()
        };
        let Some(leg) = self.current.and_then(|index| self.leg(index)) else {
            return first();
        };
        let early = leg
            .early
            .iter()
            .find(|early| early.remote_tag == leg.dialog.remote_tag);
        early.map_or_else(first, |early| early.caller_tag.clone())
    }
}
