//! Requests: absorbed, refused for their form, handed to a call, or put to
//! their method.

use super::arrival::Arrival;
use super::reply::Reply;
use super::shard::Shard;
use crate::base::{Flow, Instant, Text, Transport};
use crate::call::Owner;
use crate::machine::{Outbox, SecurityEvent, Stage, Suspicion, Way};
use crate::method::{self, Asked, Extra, Inside, Verdict};
use crate::transaction::Received;
use crate::wire::{Fault, HeaderName, Message, Method, Status};

impl Shard {
    /// Answers a request that cannot be acted on.
    #[cold]
    pub(super) fn malformed(
        &mut self,
        request: &Message<'_>,
        fault: Fault,
        flow: Flow,
        out: &mut Outbox,
    ) {
        self.exchange.counters.malformed += 1;
        report(Suspicion::RequestBadFormat, request, flow, out);
        let reply = Reply {
            status: fault.status(),
            reason: Some(fault.reason()),
            extra: Extra::None,
            tag: None,
        };
        let identity = self.exchange.transactions.identify(request);
        let arrival = self.arrival(request, flow, identity);
        self.reply(&arrival, reply, out);
    }

    /// A well-formed request from the wire.
    pub(super) fn request(
        &mut self,
        now: Instant,
        request: &Message<'_>,
        flow: Flow,
        out: &mut Outbox,
    ) {
        if let Some(arrival) = self.unanswered(now, request, flow, out)
            && !self.is_waiting(&arrival)
        {
            if self.turned_away.get(&arrival.identity.number()).is_some() {
                self.turn_away(now, &arrival, out);
            } else {
                self.new_request(now, &arrival, out);
            }
        }
    }

    /// Whether it is a copy of a request that waits for the database.
    fn is_waiting(&self, arrival: &Arrival<'_>) -> bool {
        !self.waiting.is_empty()
            && !matches!(arrival.request.method(), Method::Ack | Method::Cancel)
            && self.waiting.contains(&arrival.identity.number())
    }

    /// A request that is no copy of one that was answered, or is about to be:
    /// those end here.
    pub(super) fn unanswered<'m>(
        &mut self,
        now: Instant,
        request: &'m Message<'m>,
        flow: Flow,
        out: &mut Outbox,
    ) -> Option<Arrival<'m>> {
        let transactions = &mut self.exchange.transactions;
        let identity = transactions.identify(request);
        let received = transactions.request(now, request, &identity, out);
        if received == Received::Absorbed {
            return None;
        }
        let arrival = self.arrival(request, flow, identity);
        match received {
            Received::Absorbed => {}
            Received::Repeat { status, tag } => {
                self.write_reply(&arrival, &Reply::of(status), &tag, out);
            }
            Received::Merged => self.reply(&arrival, Reply::of(Status::LOOP_DETECTED), out),
            Received::New => return Some(arrival),
        }
        None
    }

    fn new_request(&mut self, now: Instant, arrival: &Arrival<'_>, out: &mut Outbox) {
        let request = arrival.request;
        let method = request.method();
        if method == Method::Cancel {
            self.cancel(now, arrival, out);
            return;
        }
        if method != Method::Ack && request.require().next().is_some() {
            self.exchange.counters.malformed += 1;
            let extra = Extra::Unsupported(HeaderName::Require);
            self.reply(arrival, Reply::of(Status::BAD_EXTENSION).with(extra), out);
            return;
        }
        match request.to().ok().and_then(|to| to.tag()) {
            Some(tag) => self.within(now, arrival, tag, out),
            None => {
                let (verdict, suspicion) = self.ask_method(now, arrival);
                if let Some(suspicion) = suspicion {
                    report(suspicion, arrival.request, arrival.flow, out);
                }
                out.mark(Stage::Auth);
                self.apply(now, verdict, arrival, out);
            }
        }
    }

    /// Whether the engine takes no new calls, or none that come so.
    pub(super) fn refuses_calls(&self, transport: Transport) -> bool {
        let missing = self.exchange.config.general.missing;
        self.draining || missing.refuses_calls(transport)
    }

    fn ask_method(&mut self, now: Instant, arrival: &Arrival<'_>) -> (Verdict, Option<Suspicion>) {
        let unix = self.exchange.unix(now);
        let request = arrival.request;
        let draining = self.refuses_calls(arrival.flow.transport);
        let mut asked = Asked {
            request,
            flow: arrival.flow,
            unix,
            config: &self.exchange.config,
            gate: &mut self.gate,
            counters: &mut self.exchange.counters,
            draining,
            now,
            devices: &self.exchange.devices,
            denied: false,
            suspicion: None,
        };
        let verdict = (method::row(request.method()).outside)(&mut asked);
        (verdict, asked.suspicion)
    }

    /// CANCEL (RFC 3261 §9.2): answered by itself, then the INVITE's owner is told.
    fn cancel(&mut self, now: Instant, arrival: &Arrival<'_>, out: &mut Outbox) {
        let target = self.exchange.transactions.cancel_target(arrival.request);
        let Some((server, owner)) = target else {
            let invite = self.exchange.transactions.cancelled_number(arrival.request);
            if self.waiting.contains(&invite) {
                self.cancelled.insert(invite);
                self.reply_once(now, arrival, Reply::of(Status::OK), out);
                return;
            }
            self.exchange.counters.stray_requests += 1;
            self.reply(arrival, Reply::of(Status::CALL_DOES_NOT_EXIST), out);
            return;
        };
        let mut reply = Reply::of(Status::OK);
        if let Owner::Leg(leg) = owner {
            // §9.2: the same tag as the INVITE's own answers.
            reply.tag = self
                .calls
                .get(leg.call)
                .map(|call| call.local_tag(leg.leg).clone());
        }
        self.reply_once(now, arrival, reply, out);
        let Owner::Leg(leg) = owner else { return };
        let cseq = arrival.request.cseq().map_or(0, |cseq| cseq.number);
        let cancel = (Method::Cancel, cseq);
        self.with_call(now, None, leg.call, out, |call, turn| {
            turn.record_request(Way::In, leg.leg, cancel.0, cancel.1);
            turn.record_response(Way::Out, leg.leg, Status::OK, cancel);
            if leg.leg == 0 && !call.is_answered() {
                call.cancelled(turn);
            } else {
                call.cancel_within(turn, server);
            }
        });
    }

    /// A request with a To tag: inside a dialog of ours, or a stray.
    fn within(&mut self, now: Instant, arrival: &Arrival<'_>, local_tag: &[u8], out: &mut Outbox) {
        let request = arrival.request;
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
            if request.method() != Method::Ack {
                self.exchange.counters.stray_requests += 1;
            }
            self.reply(arrival, stray_reply(request.method()), out);
            return;
        };
        self.prove_connection(arrival, out);
        let message = Some((request, arrival.flow));
        let inside = method::row(request.method()).inside;
        if inside == Inside::Acknowledge {
            self.with_call(now, message, leg.call, out, |call, turn| {
                turn.record_message(leg.leg);
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
            self.reply_once(now, arrival, reply, out);
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
                self.reply_once(now, arrival, Reply::of(status).with(extra), out);
            }
            Inside::End => {
                self.reply_once(now, arrival, Reply::of(Status::OK), out);
                self.with_call(now, message, leg.call, out, |call, turn| {
                    turn.record_message(leg.leg);
                    let answered = (Method::Bye, cseq);
                    turn.record_response(Way::Out, leg.leg, Status::OK, answered);
                    call.bye_from(turn, leg.leg)
                });
            }
            Inside::Relay => {
                let Some(server) = self.open_or_refuse(now, arrival, Owner::Leg(leg), out) else {
                    return;
                };
                self.with_call(now, message, leg.call, out, |call, turn| {
                    turn.record_message(leg.leg);
                    call.request_within(turn, leg.leg, server);
                });
            }
        }
    }
}

/// Tells the operator who was turned away.
#[cold]
fn report(suspicion: Suspicion, request: &Message<'_>, flow: Flow, out: &mut Outbox) {
    out.report(|| SecurityEvent {
        suspicion,
        account: method::claimed_account(request),
        method: Text::from(request.method().as_bytes()),
        call_id: Text::from(request.call_id()),
        flow,
    });
}

/// What a request that names an unknown dialog gets, by method.
fn stray_reply(method: Method<'_>) -> Reply<'static> {
    match method {
        Method::Notify | Method::Publish | Method::Subscribe => Reply::of(Status::BAD_EVENT),
        Method::Other(_) => Reply::of(Status::NOT_IMPLEMENTED).with(Extra::Allow),
        _ => Reply::of(Status::CALL_DOES_NOT_EXIST),
    }
}
