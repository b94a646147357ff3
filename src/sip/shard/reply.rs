//! Replies written from the request at hand, with a transaction or without.

use super::arrival::Arrival;
use super::shard::{Shard, digits};
use crate::auth::Offer;
use crate::base::{Instant, Text, hex};
use crate::call::{ALLOW, ALLOW_BUT_REGISTER, Owner};
use crate::config::General;
use crate::machine::Outbox;
use crate::method::Extra;
use crate::transaction::{Keep, Start, TransactionId};
use crate::wire::{HeaderName, Message, Method, Status, Writer, write_reply};

/// Seconds a remote is asked to wait when a table is full.
pub(super) const RETRY_AFTER_S: u32 = 10;

/// A response about to be written.
pub(super) struct Reply<'r> {
    pub(super) status: Status,
    pub(super) reason: Option<&'r str>,
    pub(super) extra: Extra,
    /// Our To tag, if there is one already.
    pub(super) tag: Option<Text>,
}

impl Reply<'_> {
    pub(super) fn of(status: Status) -> Reply<'static> {
        Reply {
            status,
            reason: None,
            extra: Extra::None,
            tag: None,
        }
    }

    pub(super) fn with(self, extra: Extra) -> Self {
        Reply { extra, ..self }
    }
}

impl Shard {
    /// `compactheaders`.
    pub(super) fn compact(&self) -> bool {
        self.exchange.config.general.compactheaders
    }

    /// The To tag of a reply that keeps nothing: the same for every copy of
    /// the request (RFC 3261 §8.2.7).
    fn stateless_tag(&self, arrival: &Arrival<'_>) -> Text {
        let digits = hex(self.tags.hash_one(arrival.identity.number()));
        // 32 bits, as many as §19.3 asks for.
        Text::from(digits.get(..8).unwrap_or_default())
    }

    /// Replies without keeping anything. ACK is never replied to.
    pub(super) fn reply(&mut self, arrival: &Arrival<'_>, reply: Reply<'_>, out: &mut Outbox) {
        if arrival.request.method() == Method::Ack {
            return;
        }
        let tag = self.stateless_tag(arrival);
        self.write_reply(arrival, &reply, &tag, out);
    }

    pub(super) fn write_reply<'o>(
        &mut self,
        arrival: &Arrival<'_>,
        reply: &Reply<'_>,
        tag: &[u8],
        out: &'o mut Outbox,
    ) -> Option<&'o [u8]> {
        let status = (reply.status, reply.reason);
        let general = &self.exchange.config.general;
        write_with(general, arrival, status, tag, out, |mut writer| {
            if reply.status == Status::TRYING {
                // §8.2.6.1.
                writer.copy(arrival.request, HeaderName::Timestamp);
            }
            write_extra(&mut writer, reply.extra, arrival.request);
            writer.end();
        })
    }

    /// Replies in a transaction, so that copies of the request find the same
    /// answer; without one when the table is full, so that the answer is still
    /// the right one.
    pub(super) fn reply_once(
        &mut self,
        now: Instant,
        arrival: &Arrival<'_>,
        reply: Reply<'_>,
        out: &mut Outbox,
    ) {
        if !self.has_room(arrival) {
            self.reply(arrival, reply, out);
            return;
        }
        let tag = reply.tag.clone().unwrap_or_else(|| self.exchange.tag());
        let keep = if reply.reason.is_none()
            && reply.extra == Extra::None
            && arrival.request.method() != Method::Invite
        {
            Keep::Essentials { tag: &tag }
        } else {
            Keep::Bytes
        };
        if let Some(bytes) = self.write_reply(arrival, &reply, &tag, out) {
            self.open_answered(now, arrival, reply.status, bytes, keep);
        }
    }

    /// Keeps a response that was just written, in a transaction; there has to
    /// be room for it.
    pub(super) fn open_answered(
        &mut self,
        now: Instant,
        arrival: &Arrival<'_>,
        status: Status,
        response: &[u8],
        keep: Keep<'_>,
    ) {
        let start = self.start(arrival, Owner::Nobody);
        let transactions = &mut self.exchange.transactions;
        let opened = transactions.open_answered(now, start, status, response, keep);
        self.exchange.counters.refused_transactions += u64::from(opened.is_err());
    }

    /// Whether the table has room for the transaction of a request. What is
    /// outside of dialogs leaves some for the calls that exist.
    pub(super) fn has_room(&mut self, arrival: &Arrival<'_>) -> bool {
        let transactions = &self.exchange.transactions;
        let room = if arrival.is_inside() {
            !transactions.is_full()
        } else {
            transactions.len() < self.transactions_for_new
        };
        self.exchange.counters.refused_transactions += u64::from(!room);
        room
    }

    fn start<'a>(&self, arrival: &'a Arrival<'_>, owner: Owner) -> Start<'a, Owner> {
        Start {
            identity: &arrival.identity,
            flow: arrival.replies,
            timers: self.exchange.timers(None),
            owner,
        }
    }

    /// Refuses a request because a table is full.
    pub(super) fn refuse(&mut self, arrival: &Arrival<'_>, out: &mut Outbox) {
        let reply = Reply::of(Status::SERVICE_UNAVAILABLE).with(Extra::RetryAfter(RETRY_AFTER_S));
        self.reply(arrival, reply, out);
    }

    /// Opens a server transaction, or answers 503 because the table is full.
    pub(super) fn open_or_refuse(
        &mut self,
        now: Instant,
        arrival: &Arrival<'_>,
        owner: Owner,
        out: &mut Outbox,
    ) -> Option<TransactionId> {
        let opened = self.open_server(now, arrival, owner);
        if opened.is_none() {
            self.refuse(arrival, out);
        }
        opened
    }

    /// Opens a server transaction, if the table has room.
    fn open_server(
        &mut self,
        now: Instant,
        arrival: &Arrival<'_>,
        owner: Owner,
    ) -> Option<TransactionId> {
        if !self.has_room(arrival) {
            return None;
        }
        let start = self.start(arrival, owner);
        self.exchange.transactions.open_server(now, start).ok()
    }

    pub(super) fn challenge(
        &mut self,
        now: Instant,
        arrival: &Arrival<'_>,
        offer: Offer,
        out: &mut Outbox,
    ) {
        self.exchange.counters.challenges += 1;
        let unix = self.exchange.unix(now);
        let tag = self.stateless_tag(arrival);
        let challenges = self.gate.challenge(unix, offer);
        let general = &self.exchange.config.general;
        let status = (Status::UNAUTHORIZED, None);
        write_with(general, arrival, status, &tag, out, |mut writer| {
            for challenge in challenges {
                writer.parts(HeaderName::WwwAuthenticate, &challenge.parts());
            }
            writer.end();
        });
    }
}

/// Writes a reply to the request at hand: its head, and what `rest` adds,
/// which ends it.
pub(super) fn write_with<'o>(
    general: &General,
    arrival: &Arrival<'_>,
    status: (Status, Option<&str>),
    tag: &[u8],
    out: &'o mut Outbox,
    rest: impl FnOnce(Writer<'_>),
) -> Option<&'o [u8]> {
    let Arrival {
        request,
        flow,
        to_source,
        ..
    } = *arrival;
    let compact = general.compactheaders;
    out.send(&arrival.replies, |buffer| {
        let mut writer = write_reply(buffer, compact, request, flow, to_source, status, tag);
        writer.field(HeaderName::Server, general.useragent.as_bytes());
        rest(writer);
    })
}

fn write_extra(writer: &mut Writer<'_>, extra: Extra, request: &Message<'_>) {
    match extra {
        Extra::None => {}
        Extra::Allow => writer.field(HeaderName::Allow, ALLOW),
        Extra::AllowButRegister => writer.field(HeaderName::Allow, ALLOW_BUT_REGISTER),
        Extra::Capabilities => {
            writer.field(HeaderName::Allow, ALLOW);
            writer.field(HeaderName::Accept, b"application/sdp");
        }
        Extra::RetryAfter(seconds) => {
            writer.parts(HeaderName::RetryAfter, &[digits(seconds).as_bytes()])
        }
        Extra::MinExpires(seconds) => {
            writer.parts(HeaderName::MinExpires, &[digits(seconds).as_bytes()])
        }
        Extra::Unsupported(name) => {
            for value in request.raw(name) {
                writer.field(HeaderName::Unsupported, value);
            }
        }
    }
}
