//! What a method has decided, done.

use alloc::sync::Arc;

use super::arrival::Arrival;
use super::reply::{RETRY_AFTER_S, Reply, write_with};
use super::shard::{RelayedMessage, Shard, digits};
use crate::base::{Instant, Text, UnixTime, shard_of};
use crate::call::{
    Call, LegRef, Onward, Opening, Outgoing, Owner, ParkedMessage, Responding, Resume, Turn,
    end_with, name_addr, push_address, push_user,
};
use crate::config::Peer;
use crate::dialog::{Dialog, Role, Sayings};
use crate::dialplan;
use crate::machine::{Answer, Outbox, Question};
use crate::method::{Extra, Verdict};
use crate::registrar::{self, Binding, Bindings, Refusal};
use crate::transaction::{Keep, Start, TransactionId};
use crate::wire::{HeaderName, Method, ReplyHead, Status, Uri, Writer};

/// A MESSAGE, or a NOTIFY, on its way out, outside of dialogs.
pub(super) struct Outward<'m> {
    pub(super) method: Method<'static>,
    pub(super) peer: &'m Arc<Peer>,
    /// The user part of its From.
    pub(super) from: &'m Text,
    pub(super) max_forwards: u8,
    pub(super) content_type: &'m [u8],
    pub(super) body: &'m [u8],
    pub(super) headers: &'m [(Box<str>, Box<str>)],
    pub(super) owner: Owner,
}

impl Shard {
    /// Applies a verdict.
    pub(super) fn apply(
        &mut self,
        now: Instant,
        verdict: Verdict,
        arrival: &Arrival<'_>,
        out: &mut Outbox,
    ) {
        if let Verdict::Call(_) | Verdict::Register(_) | Verdict::Message { .. } = verdict {
            self.prove_connection(arrival, out);
        }
        match verdict {
            Verdict::Silence => {}
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
                    tag: None,
                };
                if status == Status::CALL_DOES_NOT_EXIST {
                    self.exchange.counters.stray_requests += 1;
                }
                if proven {
                    self.reply_once(now, arrival, reply, out);
                } else {
                    self.reply(arrival, reply, out);
                }
            }
            Verdict::Challenge(offer) => self.challenge(now, arrival, offer, out),
            Verdict::Call(opening) => self.begin_call(now, opening, arrival, out),
            Verdict::Register(update) => self.begin_registration(now, update, arrival, out),
            Verdict::Await(errand) => self.await_errand(now, errand, arrival, out),
            Verdict::Message {
                peer,
                from,
                from_node,
                max_forwards,
            } => {
                let sender = (from, from_node);
                self.begin_message(now, &peer, sender, max_forwards, arrival, out);
            }
        }
    }

    fn begin_call(
        &mut self,
        now: Instant,
        opening: Opening,
        arrival: &Arrival<'_>,
        out: &mut Outbox,
    ) {
        let full = !self.exchange.has_room()
            || self.exchange.transactions.len() >= self.transactions_for_new;
        if full {
            self.exchange.counters.calls_refused += 1;
            let reply =
                Reply::of(Status::SERVICE_UNAVAILABLE).with(Extra::RetryAfter(RETRY_AFTER_S));
            self.reply_once(now, arrival, reply, out);
            return;
        }
        let Arrival { request, flow, .. } = *arrival;
        let kept = self.exchange.keep(request, flow, opening.pinned);
        let replies = *kept.head.flow();
        let message = Some((request, flow));
        let mut turn = Turn {
            now,
            exchange: &mut self.exchange,
            out,
            message,
        };
        let Some(call) = Call::new(&mut turn, &opening, kept) else {
            return;
        };
        let Some(handle) = self.enter(call) else {
            return;
        };
        let start = Start {
            identity: &arrival.identity,
            flow: replies,
            timers: self.exchange.timers(opening.peer.as_deref()),
            owner: Owner::Leg(LegRef {
                call: handle,
                leg: 0,
            }),
        };
        let opened = self.exchange.transactions.open_server(now, start);
        let Ok(server) = opened else {
            self.discard(handle);
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
        arrival: &Arrival<'_>,
        out: &mut Outbox,
    ) {
        let at_home = shard_of(&update.aor, self.exchange.shards) == self.exchange.shard;
        if at_home && !self.waits_for_database(now, &update) {
            self.register_here(now, &update, arrival, out);
            return;
        }
        let Some(server) = self.open_or_refuse(now, arrival, Owner::Nobody, out) else {
            return;
        };
        let Arrival { request, flow, .. } = *arrival;
        let to_source = update.to_source;
        let head = Box::new(ReplyHead::new(request, flow, to_source, self.compact()));
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

    /// Registers with an AoR that is at home here: nothing has to wait, and
    /// the request is still there to be answered from.
    fn register_here(
        &mut self,
        now: Instant,
        update: &registrar::Update,
        arrival: &Arrival<'_>,
        out: &mut Outbox,
    ) {
        if !self.has_room(arrival) {
            self.refuse(arrival, out);
            return;
        }
        // The device's `nat` counts even where Via names the source.
        let arrival = &Arrival {
            to_source: update.to_source,
            ..*arrival
        };
        let outcome = Some(self.register(now, update));
        let (status, bindings) = self.registration_outcome(outcome);
        let (tag, unix) = (self.exchange.tag(), self.exchange.unix(now));
        let general = &self.exchange.config.general;
        let reply = (status, None);
        let sent = write_with(general, arrival, reply, &tag, out, |mut writer| {
            end_registration(&mut writer, now, unix, status, &bindings);
            writer.end();
        });
        if let Some(bytes) = sent {
            self.open_answered(now, arrival, status, bytes, Keep::Bytes);
        }
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
        let outcome = match answer {
            Some(Answer::Registered(outcome)) => Some(outcome.map(Bindings::from_vec)),
            _ => None,
        };
        let (status, bindings) = self.registration_outcome(outcome);
        let (tag, unix) = (self.exchange.tag(), self.exchange.unix(now));
        let response = Responding {
            server,
            head,
            status,
            reason: None,
            tag: &tag,
        };
        self.exchange.respond(now, out, response, |mut writer| {
            end_registration(&mut writer, now, unix, status, &bindings);
            writer.end();
        });
    }

    fn registration_outcome(
        &mut self,
        outcome: Option<Result<Bindings, Refusal>>,
    ) -> (Status, Bindings) {
        match outcome {
            Some(Ok(bindings)) => {
                self.exchange.counters.registered += 1;
                (Status::OK, bindings)
            }
            Some(Err(Refusal::OutOfOrder)) => (Status::SERVER_INTERNAL_ERROR, Bindings::new()),
            Some(Err(Refusal::Full | Refusal::Unsaved)) | None => {
                (Status::SERVICE_UNAVAILABLE, Bindings::new())
            }
        }
    }

    fn begin_message(
        &mut self,
        now: Instant,
        peer: &Arc<Peer>,
        (from, from_node): (Text, bool),
        max_forwards: u8,
        arrival: &Arrival<'_>,
        out: &mut Outbox,
    ) {
        let Some(server) = self.open_or_refuse(now, arrival, Owner::Nobody, out) else {
            return;
        };
        let Arrival {
            request,
            flow,
            to_source,
            ..
        } = *arrival;
        let message = Box::new(ParkedMessage {
            head: ReplyHead::new(request, flow, to_source, self.compact()),
            peer: Arc::clone(peer),
            from,
            from_node,
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
            Some(Answer::Bindings(bindings)) => bindings
                .into_iter()
                .find(|binding| binding.node.is_none() || !parked.from_node),
            _ => None,
        };
        let relayed = RelayedMessage {
            server,
            head: parked.head,
        };
        let nothing = (&b""[..], &b""[..]);
        let Some(binding) = binding else {
            let status = Status::TEMPORARILY_UNAVAILABLE;
            self.answer_message(now, &relayed, status, nothing, out);
            return;
        };
        let handle = match self.messages.insert(relayed) {
            Ok(handle) => handle,
            Err(relayed) => {
                let status = Status::SERVICE_UNAVAILABLE;
                self.answer_message(now, &relayed, status, nothing, out);
                return;
            }
        };
        let outward = Outward {
            method: Method::Message,
            peer: &parked.peer,
            from: &parked.from,
            max_forwards: parked.max_forwards,
            content_type: &parked.content_type,
            body: &parked.body,
            headers: &[],
            owner: Owner::Relayed(handle),
        };
        if !self.send_outward(now, &binding, outward, out) {
            self.message_unsent(now, handle, out);
        }
    }

    /// Sends a plan's MESSAGE to its recipient's first contact; whether it left.
    pub(super) fn send_for_plan(
        &mut self,
        now: Instant,
        message: &dialplan::Message,
        answer: Option<Answer>,
        out: &mut Outbox,
    ) -> bool {
        let bindings = match answer {
            Some(Answer::Bindings(bindings)) => bindings,
            _ => Vec::new(),
        };
        let peer = self.exchange.device(message.to.as_bytes()).cloned();
        let (Some(peer), Some(binding)) = (peer, bindings.first()) else {
            return false;
        };
        let mut from = Text::new();
        push_user(&mut from, message.from.as_bytes());
        let outward = Outward {
            method: Method::Message,
            peer: &peer,
            from: &from,
            max_forwards: peer.maxforwards,
            content_type: b"text/plain;charset=UTF-8",
            body: message.body.as_bytes(),
            headers: &message.headers,
            owner: Owner::Nobody,
        };
        self.send_outward(now, binding, outward, out)
    }

    /// Sends a request to a contact; whether there was room.
    pub(super) fn send_outward(
        &mut self,
        now: Instant,
        binding: &Binding,
        message: Outward<'_>,
        out: &mut Outbox,
    ) -> bool {
        let config = Arc::clone(&self.exchange.config);
        let onward = binding
            .node
            .as_ref()
            .map(|node| Onward::new(node, message.peer.name.as_bytes(), None));
        let (call_id, tag) = (self.exchange.call_id(), self.exchange.tag());
        let node = onward
            .as_ref()
            .map(|onward| onward.device(&self.exchange, &call_id, &tag));
        let peer = Some(node.as_deref().unwrap_or(message.peer));
        let uri = Uri::parse(binding.uri()).ok();
        let flow = self.exchange.way_of(binding.flow, uri.as_ref());
        let (flow, routes) = self.exchange.first_hop(peer, flow);
        let mut local = Text::from("sip:");
        local.push(message.from);
        local.push(b"@");
        push_address(&mut local, config.general.advertised(&flow));
        // A MESSAGE has no Contact (RFC 3428 §4), a NOTIFY must (RFC 6665 §8.1.1).
        let has_contact = message.method == Method::Notify;
        let mut contact = Text::new();
        if has_contact {
            contact.push(&local);
            contact.push(flow.transport.uri_parameter());
        }
        let uri = match &onward {
            Some(onward) => &onward.uri,
            None => Uri::without_headers(binding.uri()),
        };
        let sayings = Sayings {
            call_id: &call_id,
            local_tag: &tag,
            local: &name_addr(&local),
            remote: &name_addr(uri),
            target: uri,
            contact: &contact,
            ..Sayings::default()
        };
        let mut dialog = Dialog::new(Role::Uac, &sayings, flow);
        dialog.routes = routes;
        dialog.local_cseq = 102;
        dialog.pinned = true;
        let timers = self.exchange.timers(peer);
        let mut turn = Turn {
            now,
            exchange: &mut self.exchange,
            out,
            message: None,
        };
        let request = Outgoing {
            dialog: &dialog,
            method: message.method,
            cseq: dialog.local_cseq,
            max_forwards: message.max_forwards,
            timers,
            owner: message.owner,
        };
        let sent = turn.request(request, |mut writer| {
            if has_contact {
                dialog.write_contact(&mut writer);
            }
            for (name, value) in node.iter().flat_map(|node| &node.header) {
                writer.other(name.as_bytes(), value.as_bytes());
            }
            for (name, value) in message.headers {
                writer.other(name.as_bytes(), value.as_bytes());
            }
            end_with(writer, message.content_type, message.body);
        });
        sent.is_some()
    }
}

/// What the answer to a REGISTER has beside its head (§10.3 step 8).
fn end_registration(
    writer: &mut Writer<'_>,
    now: Instant,
    unix: UnixTime,
    status: Status,
    bindings: &[Binding],
) {
    registrar::write_contacts(now, bindings, writer);
    if status == Status::OK {
        writer.field(HeaderName::Date, unix.date().as_bytes());
    } else {
        writer.parts(HeaderName::RetryAfter, &[digits(RETRY_AFTER_S).as_bytes()]);
    }
}
