//! Requests: absorbed, refused for their form, handed to a call, or decided by
//! their method; and the application of what was decided.

use alloc::sync::Arc;

use super::shard::{RelayedMessage, Shard, digits};
use crate::auth::Offer;
use crate::base::{Flow, Instant, Text, call_id_hash};
use crate::call::{
    ALLOW, Call, LegRef, Opening, Owner, ParkedMessage, Resume, Turn, end_with, name_addr,
};
use crate::config::Peer;
use crate::dialog::{Dialog, Role, RouteSet};
use crate::machine::{Answer, Outbox, Question};
use crate::method::{self, Asked, Extra, Inside, Verdict, behind_nat};
use crate::registrar;
use crate::transaction::{Keep, Received, TransactionId};
use crate::wire::{
    HeaderName, Message, Method, ReplyHead, Status, Writer, reply_flow, write_reply,
};

/// Seconds a remote is asked to wait when a table is full.
const RETRY_AFTER_S: u32 = 10;

/// A response about to be written.
struct Reply<'r> {
    status: Status,
    reason: Option<&'r str>,
    extra: Extra,
}

impl Reply<'_> {
    fn of(status: Status) -> Reply<'static> {
        Reply {
            status,
            reason: None,
            extra: Extra::None,
        }
    }

    fn with(self, extra: Extra) -> Self {
        Reply { extra, ..self }
    }
}

impl Shard {
    /// A request from the wire.
    pub(super) fn request(
        &mut self,
        now: Instant,
        request: &Message<'_>,
        flow: Flow,
        out: &mut Outbox,
    ) {
        if let Err(fault) = request.check() {
            self.exchange.counters.malformed += 1;
            let reply = Reply {
                status: fault.status(),
                reason: Some(fault.reason()),
                extra: Extra::None,
            };
            self.reply(request, flow, reply, out);
            return;
        }
        match self.exchange.transactions.request(now, request, out) {
            Received::Absorbed => {}
            Received::Repeat { status, tag } => {
                self.write_reply(request, flow, &Reply::of(status), &tag, out);
            }
            Received::Merged => self.reply(request, flow, Reply::of(Status::LOOP_DETECTED), out),
            Received::New => self.new_request(now, request, flow, out),
        }
    }

    fn new_request(&mut self, now: Instant, request: &Message<'_>, flow: Flow, out: &mut Outbox) {
        let method = request.method();
        if method == Method::Cancel {
            self.cancel(now, request, flow, out);
            return;
        }
        if method != Method::Ack && request.require().next().is_some() {
            self.exchange.counters.malformed += 1;
            let extra = Extra::Unsupported(HeaderName::Require);
            self.reply(
                request,
                flow,
                Reply::of(Status::BAD_EXTENSION).with(extra),
                out,
            );
            return;
        }
        match request.to().ok().and_then(|to| to.tag()) {
            Some(tag) => self.within(now, request, tag, flow, out),
            None => {
                let verdict = self.ask_method(now, request, flow);
                self.apply(now, verdict, request, flow, out);
            }
        }
    }

    fn ask_method(&mut self, now: Instant, request: &Message<'_>, flow: Flow) -> Verdict {
        let unix = self.exchange.unix(now);
        (method::row(request.method()).outside)(&mut Asked {
            request,
            flow,
            now,
            unix,
            config: &self.exchange.config,
            gate: &mut self.gate,
            counters: &mut self.exchange.counters,
            draining: self.draining,
        })
    }

    fn apply(
        &mut self,
        now: Instant,
        verdict: Verdict,
        request: &Message<'_>,
        flow: Flow,
        out: &mut Outbox,
    ) {
        match verdict {
            Verdict::Silence => self.exchange.counters.stray_requests += 1,
            Verdict::Reply {
                status,
                reason,
                extra,
                proven,
            } => {
                let reply = Reply {
                    status,
                    reason,
                    extra,
                };
                if status == Status::CALL_DOES_NOT_EXIST {
                    self.exchange.counters.stray_requests += 1;
                }
                if proven {
                    self.reply_once(now, request, flow, reply, out);
                } else {
                    self.reply(request, flow, reply, out);
                }
            }
            Verdict::Challenge(offer) => self.challenge(now, request, flow, offer, out),
            Verdict::Call(opening) => self.begin_call(now, opening, request, flow, out),
            Verdict::Register(update) => self.begin_registration(now, update, request, flow, out),
            Verdict::Message {
                peer,
                from,
                max_forwards,
            } => {
                self.begin_message(now, &peer, from, max_forwards, request, flow, out);
            }
        }
    }

    /// Whether responses go to the source of a request whatever its Via says.
    fn to_source(&self, request: &Message<'_>, flow: Flow) -> bool {
        behind_nat(self.exchange.config.general.nat, request, flow)
    }

    /// The To tag of a reply that keeps nothing: the same for every copy of
    /// the request (RFC 3261 §8.2.7).
    fn stateless_tag(&self, request: &Message<'_>) -> Text {
        let branch = request
            .top_via()
            .ok()
            .and_then(|via| via.branch())
            .unwrap_or_default();
        let mut tag = Text::new();
        for part in [request.call_id(), branch] {
            tag.push(digits(call_id_hash(part)).as_bytes());
        }
        tag
    }

    /// Replies without keeping anything. ACK is never replied to.
    fn reply(&mut self, request: &Message<'_>, flow: Flow, reply: Reply<'_>, out: &mut Outbox) {
        if request.method() == Method::Ack {
            return;
        }
        let tag = self.stateless_tag(request);
        self.write_reply(request, flow, &reply, &tag, out);
    }

    fn write_reply<'o>(
        &mut self,
        request: &Message<'_>,
        flow: Flow,
        reply: &Reply<'_>,
        tag: &[u8],
        out: &'o mut Outbox,
    ) -> Option<&'o [u8]> {
        let to_source = self.to_source(request, flow);
        let general = &self.exchange.config.general;
        out.send(&reply_flow(request, flow, to_source), |buffer| {
            let status = (reply.status, reply.reason);
            let mut writer = write_reply(
                buffer,
                general.compactheaders,
                request,
                flow,
                to_source,
                status,
                tag,
            );
            writer.field(HeaderName::Server, general.useragent.as_bytes());
            write_extra(&mut writer, reply.extra, request);
            writer.end();
        })
    }

    /// Replies in a transaction, so that copies of the request find the same answer.
    fn reply_once(
        &mut self,
        now: Instant,
        request: &Message<'_>,
        flow: Flow,
        reply: Reply<'_>,
        out: &mut Outbox,
    ) {
        let Some(server) = self.open_server(now, request, flow, Owner::Nobody, out) else {
            return;
        };
        let tag = self.exchange.tag();
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

    /// Opens a server transaction; a full table answers 503.
    fn open_server(
        &mut self,
        now: Instant,
        request: &Message<'_>,
        flow: Flow,
        owner: Owner,
        out: &mut Outbox,
    ) -> Option<TransactionId> {
        let to_source = self.to_source(request, flow);
        let replies = reply_flow(request, flow, to_source);
        let timers = self.exchange.timers(None);
        let opened = if request.method() == Method::Invite {
            let head = ReplyHead::new(request, flow, to_source);
            let trying = self.trying(&head);
            self.exchange
                .transactions
                .open_invite_server(now, request, replies, timers, owner, &trying)
        } else {
            self.exchange
                .transactions
                .open_server(now, request, replies, timers, owner)
        };
        if opened.is_err() {
            self.exchange.counters.refused_transactions += 1;
            let reply =
                Reply::of(Status::SERVICE_UNAVAILABLE).with(Extra::RetryAfter(RETRY_AFTER_S));
            self.reply(request, flow, reply, out);
        }
        opened.ok()
    }

    /// The 100 the transaction sends if nothing better comes in time.
    fn trying(&self, head: &ReplyHead) -> Vec<u8> {
        let mut trying = Vec::with_capacity(512);
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

    fn challenge(
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
        let general = &self.exchange.config.general;
        let challenges = self.gate.challenge(unix, offer);
        out.send(&reply_flow(request, flow, to_source), |buffer| {
            let status = (Status::UNAUTHORIZED, None);
            let mut writer = write_reply(
                buffer,
                general.compactheaders,
                request,
                flow,
                to_source,
                status,
                &tag,
            );
            for challenge in challenges {
                writer.field_fmt(HeaderName::WwwAuthenticate, format_args!("{challenge}"));
            }
            writer.field(HeaderName::Server, general.useragent.as_bytes());
            writer.end();
        });
    }

    fn begin_call(
        &mut self,
        now: Instant,
        opening: Opening,
        request: &Message<'_>,
        flow: Flow,
        out: &mut Outbox,
    ) {
        let full =
            self.calls.is_full() || self.exchange.transactions.len() >= self.transactions_for_new;
        if full {
            self.exchange.counters.calls_refused += 1;
            let reply =
                Reply::of(Status::SERVICE_UNAVAILABLE).with(Extra::RetryAfter(RETRY_AFTER_S));
            self.reply_once(now, request, flow, reply, out);
            return;
        }
        let head = ReplyHead::new(request, flow, opening.pinned);
        let trying = self.trying(&head);
        let replies = *head.flow();
        let message = Some((request, flow));
        let mut turn = Turn {
            now,
            exchange: &mut self.exchange,
            out,
            message,
        };
        let Some(call) = Call::new(&mut turn, &opening, head) else {
            return;
        };
        let Ok(handle) = self.calls.insert(call) else {
            return;
        };
        let timers = turn.exchange.timers(opening.peer.as_deref());
        let owner = Owner::Leg(LegRef {
            call: handle,
            leg: 0,
        });
        let opened = turn
            .exchange
            .transactions
            .open_invite_server(now, request, replies, timers, owner, &trying);
        let Ok(server) = opened else {
            self.calls.remove(handle);
            return;
        };
        self.with_call(now, message, handle, out, |call, turn| {
            call.open(turn, handle, server, &opening)
        });
    }

    fn begin_registration(
        &mut self,
        now: Instant,
        update: registrar::Update,
        request: &Message<'_>,
        flow: Flow,
        out: &mut Outbox,
    ) {
        let Some(server) = self.open_server(now, request, flow, Owner::Nobody, out) else {
            return;
        };
        let head = Box::new(ReplyHead::new(request, flow, update.to_source));
        let mut turn = Turn {
            now,
            exchange: &mut self.exchange,
            out,
            message: None,
        };
        turn.ask(
            Question::Register(Arc::new(update)),
            Resume::Register { server, head },
        );
    }

    /// The AoR's home answered a REGISTER, or did not.
    pub(super) fn registered(
        &mut self,
        now: Instant,
        server: TransactionId,
        head: &ReplyHead,
        answer: Option<Answer>,
        out: &mut Outbox,
    ) {
        let (status, bindings) = match answer {
            Some(Answer::Registered(Ok(bindings))) => (Status::OK, bindings),
            Some(Answer::Registered(Err(registrar::Refusal::OutOfOrder))) => {
                (Status::SERVER_INTERNAL_ERROR, Vec::new())
            }
            _ => (Status::SERVICE_UNAVAILABLE, Vec::new()),
        };
        if status == Status::OK {
            self.exchange.counters.registered += 1;
        }
        let (tag, unix) = (self.exchange.tag(), self.exchange.unix(now));
        let general = &self.exchange.config.general;
        let sent = out.send(head.flow(), |buffer| {
            let mut writer = head.write(buffer, general.compactheaders, status, None, &tag);
            registrar::write_contacts(now, &bindings, &mut writer);
            writer.field(HeaderName::Server, general.useragent.as_bytes());
            if status == Status::OK {
                writer.field_fmt(HeaderName::Date, format_args!("{}", unix.date()));
            } else {
                writer.parts(HeaderName::RetryAfter, &[digits(RETRY_AFTER_S).as_bytes()]);
            }
            writer.end();
        });
        if let Some(bytes) = sent {
            self.exchange
                .transactions
                .responded(now, server, status, bytes, Keep::Bytes);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a verdict's parts, once")]
    fn begin_message(
        &mut self,
        now: Instant,
        peer: &Peer,
        from: Text,
        max_forwards: u8,
        request: &Message<'_>,
        flow: Flow,
        out: &mut Outbox,
    ) {
        let Some(server) = self.open_server(now, request, flow, Owner::Nobody, out) else {
            return;
        };
        let to_source = self.to_source(request, flow);
        let message = Box::new(ParkedMessage {
            head: ReplyHead::new(request, flow, to_source),
            from,
            flow,
            max_forwards,
            content_type: Text::from(request.content_type().unwrap_or_default()),
            body: request.body().to_vec(),
        });
        let mut turn = Turn {
            now,
            exchange: &mut self.exchange,
            out,
            message: None,
        };
        turn.ask(
            Question::Bindings(Text::from(peer.name.as_str())),
            Resume::Message { server, message },
        );
    }

    /// Sends a MESSAGE on to its recipient's first contact.
    pub(super) fn message_located(
        &mut self,
        now: Instant,
        server: TransactionId,
        parked: ParkedMessage,
        answer: Option<Answer>,
        out: &mut Outbox,
    ) {
        let binding = match answer {
            Some(Answer::Bindings(bindings)) => bindings.into_iter().next(),
            _ => None,
        };
        let Some(binding) = binding else {
            self.answer_message(
                now,
                server,
                &parked.head,
                Status::TEMPORARILY_UNAVAILABLE,
                out,
            );
            return;
        };
        let mut local = Text::from("<sip:");
        local.push(&parked.from);
        local.push(format!("@{}>", binding.flow.local).as_bytes());
        let dialog = Dialog {
            role: Role::Uac,
            call_id: self.exchange.call_id(),
            local_tag: self.exchange.tag(),
            remote_tag: Text::new(),
            local,
            remote: name_addr(&binding.uri),
            target: binding.uri,
            contact: Text::new(),
            routes: RouteSet::default(),
            local_cseq: 102,
            remote_cseq: None,
            flow: binding.flow,
            pinned: true,
        };
        let relayed = RelayedMessage {
            server,
            head: parked.head,
        };
        let handle = match self.messages.insert(relayed) {
            Ok(handle) => handle,
            Err(relayed) => {
                self.answer_message(now, server, &relayed.head, Status::SERVICE_UNAVAILABLE, out);
                return;
            }
        };
        let timers = self.exchange.timers(None);
        let config = Arc::clone(&self.exchange.config);
        let mut turn = Turn {
            now,
            exchange: &mut self.exchange,
            out,
            message: None,
        };
        let sent = turn.request(
            Method::Message,
            &dialog.flow,
            timers,
            Owner::Relayed(handle),
            |buffer, branch| {
                let general = &config.general;
                let mut writer = dialog.write_request(
                    buffer,
                    general.compactheaders,
                    Method::Message,
                    dialog.local_cseq,
                    branch.as_bytes(),
                    parked.max_forwards,
                );
                writer.field(HeaderName::UserAgent, general.useragent.as_bytes());
                end_with(writer, &parked.content_type, &parked.body);
            },
        );
        if sent.is_none()
            && let Some(relayed) = self.messages.remove(handle)
        {
            self.answer_message(now, server, &relayed.head, Status::SERVICE_UNAVAILABLE, out);
        }
    }

    fn answer_message(
        &mut self,
        now: Instant,
        server: TransactionId,
        head: &ReplyHead,
        status: Status,
        out: &mut Outbox,
    ) {
        let tag = self.exchange.tag();
        let general = &self.exchange.config.general;
        let sent = out.send(head.flow(), |buffer| {
            let mut writer = head.write(buffer, general.compactheaders, status, None, &tag);
            writer.field(HeaderName::Server, general.useragent.as_bytes());
            writer.end();
        });
        if let Some(bytes) = sent {
            self.exchange
                .transactions
                .responded(now, server, status, bytes, Keep::Bytes);
        }
    }

    /// CANCEL (RFC 3261 §9.2): answered by itself, then the INVITE's owner is told.
    fn cancel(&mut self, now: Instant, request: &Message<'_>, flow: Flow, out: &mut Outbox) {
        let Some((server, owner)) = self.exchange.transactions.cancel_target(request) else {
            self.exchange.counters.stray_requests += 1;
            self.reply(request, flow, Reply::of(Status::CALL_DOES_NOT_EXIST), out);
            return;
        };
        self.reply_once(now, request, flow, Reply::of(Status::OK), out);
        let Owner::Leg(leg) = owner else { return };
        self.with_call(now, None, leg.call, out, |call, turn| {
            if leg.leg == 0 && !call.is_answered() {
                call.cancelled(turn);
            } else {
                call.cancel_within(turn, server);
            }
        });
    }

    /// A request with a To tag: inside a dialog of ours, or a stray.
    fn within(
        &mut self,
        now: Instant,
        request: &Message<'_>,
        local_tag: &[u8],
        flow: Flow,
        out: &mut Outbox,
    ) {
        let remote_tag = request
            .from()
            .ok()
            .and_then(|from| from.tag())
            .unwrap_or_default();
        let found = self.exchange.dialogs.find(request.call_id(), local_tag);
        let found = found.filter(|leg| {
            self.calls
                .get(leg.call)
                .is_some_and(|call| call.is_dialog(leg.leg, remote_tag))
        });
        let Some(leg) = found else {
            self.exchange.counters.stray_requests += 1;
            self.reply(request, flow, stray_reply(request.method()), out);
            return;
        };
        let message = Some((request, flow));
        let inside = method::row(request.method()).inside;
        if inside == Inside::Acknowledge {
            self.with_call(now, message, leg.call, out, |call, turn| {
                call.ack(turn, leg.leg)
            });
            return;
        }
        let cseq = request.cseq().map_or(0, |cseq| cseq.number);
        if self
            .calls
            .get_mut(leg.call)
            .is_none_or(|call| call.accept(leg.leg, cseq).is_err())
        {
            let wait_s = self.exchange.random.below(10) as u32;
            let reply = Reply::of(Status::SERVER_INTERNAL_ERROR).with(Extra::RetryAfter(wait_s));
            self.reply(request, flow, reply, out);
            return;
        }
        match inside {
            Inside::Acknowledge => {}
            Inside::Answer(status) => {
                let extra = if status == Status::OK || status == Status::NOT_IMPLEMENTED {
                    Extra::Allow
                } else {
                    Extra::None
                };
                self.reply_once(now, request, flow, Reply::of(status).with(extra), out);
            }
            Inside::End => {
                self.reply_once(now, request, flow, Reply::of(Status::OK), out);
                self.with_call(now, message, leg.call, out, |call, turn| {
                    call.bye_from(turn, leg.leg)
                });
            }
            Inside::Relay => {
                let Some(server) = self.open_server(now, request, flow, Owner::Leg(leg), out)
                else {
                    return;
                };
                self.with_call(now, message, leg.call, out, |call, turn| {
                    call.request_within(turn, leg.leg, server);
                });
            }
        }
    }
}

/// What a request that names an unknown dialog gets, by method.
fn stray_reply(method: Method<'_>) -> Reply<'static> {
    match method {
        Method::Notify | Method::Publish | Method::Subscribe => Reply::of(Status::BAD_EVENT),
        Method::Other(_) => Reply::of(Status::NOT_IMPLEMENTED).with(Extra::Allow),
        _ => Reply::of(Status::CALL_DOES_NOT_EXIST),
    }
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
