//! Responses: matched to a transaction, then told to whoever it belongs to.

use super::shard::{RelayedMessage, Shard};
use crate::base::{Flow, Handle, Instant};
use crate::call::{self, Owner, Responding, Turn};
use crate::machine::Outbox;
use crate::transaction::Answered;
use crate::wire::{Message, Status};

impl Shard {
    /// A well-formed response from the wire.
    pub(super) fn response(
        &mut self,
        now: Instant,
        response: &Message<'_>,
        flow: Flow,
        out: &mut Outbox,
    ) {
        match self.exchange.transactions.response(now, response, out) {
            Answered::Stray => self.exchange.counters.stray_responses += 1,
            Answered::Absorbed => {}
            Answered::Passed { id, owner } => match owner {
                Owner::Nobody => {}
                Owner::Leg(leg) => {
                    self.with_call(now, Some((response, flow)), leg.call, out, |call, turn| {
                        turn.record_message(leg.leg);
                        call.response(turn, leg.leg, id);
                    });
                }
                Owner::Straggler { ended } => {
                    let mut turn = Turn {
                        now,
                        exchange: &mut self.exchange,
                        out,
                        message: Some((response, flow)),
                    };
                    call::settle(&mut turn, id, ended);
                }
                Owner::Qualify(contact) => {
                    if response.status().is_some_and(|status| status.is_final()) {
                        self.qualifier.answered(now, contact);
                        self.save_turns(out);
                    }
                }
                Owner::Relayed(message) => self.message_answered(now, response, message, out),
            },
        }
    }

    /// A relayed MESSAGE could not be sent: its sender may try again.
    pub(super) fn message_unsent(&mut self, now: Instant, message: Handle, out: &mut Outbox) {
        self.end_message(now, message, Status::SERVICE_UNAVAILABLE, (b"", b""), out);
    }

    /// The final response to a relayed MESSAGE is its sender's too.
    fn message_answered(
        &mut self,
        now: Instant,
        response: &Message<'_>,
        message: Handle,
        out: &mut Outbox,
    ) {
        let Some(status) = response.status().filter(|status| status.is_final()) else {
            return;
        };
        let content_type = response.content_type().unwrap_or_default();
        let content = (content_type, response.body());
        self.end_message(now, message, call::relayable(status), content, out);
    }

    /// Answers the sender of a relayed MESSAGE and forgets it.
    fn end_message(
        &mut self,
        now: Instant,
        message: Handle,
        status: Status,
        content: (&[u8], &[u8]),
        out: &mut Outbox,
    ) {
        if let Some(relayed) = self.messages.remove(message) {
            self.answer_message(now, &relayed, status, content, out);
        }
    }

    /// Answers the sender of a MESSAGE.
    pub(super) fn answer_message(
        &mut self,
        now: Instant,
        relayed: &RelayedMessage,
        status: Status,
        (content_type, body): (&[u8], &[u8]),
        out: &mut Outbox,
    ) {
        let tag = self.exchange.tag();
        let answer = Responding {
            server: relayed.server,
            head: &relayed.head,
            status,
            reason: None,
            tag: &tag,
        };
        self.exchange.respond(now, out, answer, |writer| {
            call::end_with(writer, content_type, body);
        });
    }
}
