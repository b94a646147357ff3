//! Replies written from the request at hand, with a transaction or without.

use super::shard::{Shard, digits};
use crate::auth::Offer;
use crate::base::{Decimal, Flow, Instant, Text};
use crate::call::{ALLOW, Owner};
use crate::config::General;
use crate::machine::Outbox;
use crate::method::{Extra, behind_nat};
use crate::transaction::{Keep, TransactionId};
use crate::wire::{
    HeaderName, Message, Method, ReplyHead, Status, Writer, reply_flow, write_reply,
};

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
    /// Whether responses go to the source of a request whatever its Via says:
    /// as its dialog does, else as its device's `nat` has it, else as
    /// `[general]` has it.
    pub(super) fn to_source(&self, request: &Message<'_>, flow: Flow) -> bool {
        let via = request.top_via();
        if via.is_ok_and(|via| via.reply_to(flow.remote, false) == flow.remote) {
            return false;
        }
        if let Some(pinned) = self.pinned(request) {
            return pinned;
        }
        let sender = match request.method() {
            Method::Register => request.to_uri(),
            _ => request.from_uri(),
        };
        let mut user = Text::new();
        if let Some(uri) = sender {
            uri.user_decoded(&mut user);
        }
        let config = &self.exchange.config;
        let peer = config.peers.by_name(&user);
        let nat = config.general.device(peer.map(core::ops::Deref::deref)).nat;
        behind_nat(nat, request, flow)
    }

    /// Whether the dialog a request names answers to the source.
    fn pinned(&self, request: &Message<'_>) -> Option<bool> {
        let tag = request.to().ok()?.tag()?;
        let leg = self.exchange.dialogs.find(request.call_id(), tag)?;
        Some(self.calls.get(leg.call)?.is_pinned(leg.leg))
    }

    /// `compactheaders`.
    pub(super) fn compact(&self) -> bool {
        self.exchange.config.general.compactheaders
    }

    /// The To tag of a reply that keeps nothing: the same for every copy of
    /// the request (RFC 3261 §8.2.7).
    fn stateless_tag(&self, request: &Message<'_>) -> Text {
        let branch = request
            .top_via()
            .ok()
            .and_then(|via| via.branch())
            .unwrap_or_default();
        // 32 bits, as many as §19.3 asks for.
        let hash = self.tags.hash_one((request.call_id(), branch)) >> 32;
        Text::from(Decimal::new(hash).as_bytes())
    }

    /// Replies without keeping anything. ACK is never replied to.
    pub(super) fn reply(
        &mut self,
        request: &Message<'_>,
        flow: Flow,
        reply: Reply<'_>,
        out: &mut Outbox,
    ) {
        if request.method() == Method::Ack {
            return;
        }
        let tag = self.stateless_tag(request);
        self.write_reply(request, flow, &reply, &tag, out);
    }

    pub(super) fn write_reply<'o>(
        &mut self,
        request: &Message<'_>,
        flow: Flow,
        reply: &Reply<'_>,
        tag: &[u8],
        out: &'o mut Outbox,
    ) -> Option<&'o [u8]> {
        let to_source = self.to_source(request, flow);
        let status = (reply.status, reply.reason);
        let general = &self.exchange.config.general;
        write_with(
            general,
            request,
            (flow, to_source),
            status,
            tag,
            out,
            |mut writer| {
                write_extra(&mut writer, reply.extra, request);
                writer.end();
            },
        )
    }

    /// Replies in a transaction, so that copies of the request find the same
    /// answer; without one when the table is full, so that the answer is still
    /// the right one.
    pub(super) fn reply_once(
        &mut self,
        now: Instant,
        request: &Message<'_>,
        flow: Flow,
        reply: Reply<'_>,
        out: &mut Outbox,
    ) {
        let Some(server) = self.open_server(now, request, flow, Owner::Nobody) else {
            self.reply(request, flow, reply, out);
            return;
        };
        let tag = reply.tag.clone().unwrap_or_else(|| self.exchange.tag());
        let keep = if reply.reason.is_none()
            && reply.extra == Extra::None
            && request.method() != Method::Invite
        {
            Keep::Essentials { tag: &tag }
        } else {
            Keep::Bytes
        };
        if let Some(bytes) = self.write_reply(request, flow, &reply, &tag, out) {
            self.exchange
                .transactions
                .responded(now, server, reply.status, bytes, keep);
        }
    }

    /// Opens a server transaction, or answers 503 because the table is full.
    pub(super) fn open_or_refuse(
        &mut self,
        now: Instant,
        request: &Message<'_>,
        flow: Flow,
        owner: Owner,
        out: &mut Outbox,
    ) -> Option<TransactionId> {
        let opened = self.open_server(now, request, flow, owner);
        if opened.is_none() {
            let reply =
                Reply::of(Status::SERVICE_UNAVAILABLE).with(Extra::RetryAfter(RETRY_AFTER_S));
            self.reply(request, flow, reply, out);
        }
        opened
    }

    /// Opens a server transaction, if the table has room. What is outside of
    /// dialogs leaves some for the calls that exist.
    pub(super) fn open_server(
        &mut self,
        now: Instant,
        request: &Message<'_>,
        flow: Flow,
        owner: Owner,
    ) -> Option<TransactionId> {
        let inside = request.to().is_ok_and(|to| to.tag().is_some());
        if !inside && self.exchange.transactions.len() >= self.transactions_for_new {
            self.exchange.counters.refused_transactions += 1;
            return None;
        }
        let to_source = self.to_source(request, flow);
        let replies = reply_flow(request, flow, to_source);
        let timers = self.exchange.timers(None);
        let opened = if request.method() == Method::Invite {
            let kept = self.exchange.keep(request, flow, to_source);
            let trying = self.trying(&kept.head);
            self.exchange.kept.give(kept);
            let transactions = &mut self.exchange.transactions;
            let opened =
                transactions.open_invite_server(now, request, replies, timers, owner, &trying);
            self.scratch = trying;
            opened
        } else {
            self.exchange
                .transactions
                .open_server(now, request, replies, timers, owner)
        };
        if opened.is_err() {
            self.exchange.counters.refused_transactions += 1;
        }
        opened.ok()
    }

    /// The 100 the transaction sends if nothing better comes in time, in the
    /// scratch buffer, which the caller puts back.
    pub(super) fn trying(&mut self, head: &ReplyHead) -> Vec<u8> {
        let mut trying = core::mem::take(&mut self.scratch);
        trying.clear();
        let general = &self.exchange.config.general;
        let mut writer = head.write(
            &mut trying,
            general.compactheaders,
            Status::TRYING,
            None,
            b"",
        );
        writer.field(HeaderName::Server, general.useragent.as_bytes());
        writer.end();
        trying
    }

    pub(super) fn challenge(
        &mut self,
        now: Instant,
        request: &Message<'_>,
        flow: Flow,
        offer: Offer,
        out: &mut Outbox,
    ) {
        self.exchange.counters.challenges += 1;
        let unix = self.exchange.unix(now);
        let (tag, to_source) = (self.stateless_tag(request), self.to_source(request, flow));
        let challenges = self.gate.challenge(unix, offer);
        let general = &self.exchange.config.general;
        let status = (Status::UNAUTHORIZED, None);
        write_with(
            general,
            request,
            (flow, to_source),
            status,
            &tag,
            out,
            |mut writer| {
                for challenge in challenges {
                    writer.parts(HeaderName::WwwAuthenticate, &challenge.parts());
                }
                writer.end();
            },
        );
    }
}

/// Writes a reply to the request at hand: its head, and what `rest` adds,
/// which ends it.
pub(super) fn write_with<'o>(
    general: &General,
    request: &Message<'_>,
    (flow, to_source): (Flow, bool),
    status: (Status, Option<&str>),
    tag: &[u8],
    out: &'o mut Outbox,
    rest: impl FnOnce(Writer<'_>),
) -> Option<&'o [u8]> {
    let compact = general.compactheaders;
    out.send(&reply_flow(request, flow, to_source), |buffer| {
        let mut writer = write_reply(buffer, compact, request, flow, to_source, status, tag);
        writer.field(HeaderName::Server, general.useragent.as_bytes());
        rest(writer);
    })
}

fn write_extra(writer: &mut Writer<'_>, extra: Extra, request: &Message<'_>) {
    match extra {
        Extra::None => {}
        Extra::Allow => writer.field(HeaderName::Allow, ALLOW),
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
