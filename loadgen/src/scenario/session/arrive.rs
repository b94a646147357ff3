//! A message has come: which step waits for it, whether it is a copy, and
//! what an unexpected one does.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use pinion_sip::base::Flow;
use pinion_sip::dialog::RouteSet;
use pinion_sip::wire::{Fields, Message};

use super::{Challenge, Context, Heard, Progress, REMEMBERED, Session, draw};
use crate::scenario::score::Cause;
use crate::scenario::step::{Expected, Kind, Optional, Recv, Step};
use crate::scenario::text;
use crate::scenario::variable::Value;

/// What a received message is known by.
struct Incoming<'m> {
    message: &'m [u8],
    /// Its status; `None` for a request.
    status: Option<u16>,
    /// A request's method, or the one a response answers.
    method: &'m [u8],
    cseq: u32,
}

impl Session {
    /// Takes a message that carries the call's Call-ID.
    pub fn receive(&mut self, cx: &mut Context<'_>, message: &[u8], flow: Flow) -> Progress {
        let (cseq, method) = text::cseq(message).unwrap_or((0, b""));
        let status = text::status(message);
        let incoming = Incoming {
            message,
            status,
            method: status.map_or(text::method(message), |_| method),
            cseq,
        };
        cx.score.received += 1;
        if self.paused_until.is_some() && cx.settings.deaf_in_pauses {
            return Progress::Waiting;
        }
        let hash = hash(message);
        if cx.settings.retransmits
            && let Some(copy) = self.heard.iter().find(|heard| heard.hash == hash)
        {
            cx.score.take_again(incoming.method == b"INVITE");
            if let Some(answer) = &copy.answer {
                cx.score.retransmissions += 1;
                self.transmit(cx, answer);
            }
            return Progress::Waiting;
        }
        if status.is_some() {
            if let Some(tag) = text::tag(message, b"To") {
                self.peer_tag = Some(tag.into());
            }
        } else {
            self.last_flow = flow;
            self.is_established |= incoming.method == b"ACK";
        }
        let Some(at) = self.find(cx, &incoming) else {
            return self.deal_with_unexpected(cx, &incoming, hash);
        };
        self.accept(cx, &incoming, at, hash)
    }

    /// Takes the message for the one step `at` waits for.
    fn accept(
        &mut self,
        cx: &mut Context<'_>,
        incoming: &Incoming<'_>,
        at: usize,
        hash: u64,
    ) -> Progress {
        let Some(step) = cx.scenario.steps.get(at) else {
            return Progress::Waiting;
        };
        let Kind::Recv(recv) = &step.kind else {
            return Progress::Waiting;
        };
        if draw(cx.random) * 100.0 < recv.lost {
            cx.score.lost += 1;
            return Progress::Waiting;
        }
        self.keep(incoming, recv, hash);
        self.stop_copies(cx, incoming, at);
        self.mark(cx, &step.marks);
        if let Err(failure) = self.act(cx, step, Some(incoming.message)) {
            return Progress::Ended(Err(failure));
        }
        if recv.optional == Optional::No || self.leads_on(cx, step) {
            self.paused_until = None;
            self.at = at;
            self.go_on(cx, step);
        }
        self.run(cx)
    }

    /// Whether an optional message takes the call elsewhere.
    fn leads_on(&self, cx: &Context<'_>, step: &Step) -> bool {
        let test = step.branching.test;
        self.jump_to.is_some()
            || step.branching.next.is_some()
                && test.is_none_or(|variable| self.value(cx, variable).is_set())
    }

    /// The step that waits for it: from here up to the first that must be
    /// taken, else an optional one just left, else one that may come any time.
    fn find(&self, cx: &Context<'_>, incoming: &Incoming<'_>) -> Option<usize> {
        let steps = &cx.scenario.steps;
        for (at, step) in steps.iter().enumerate().skip(self.at) {
            if self.suits(at, step, incoming) {
                return Some(at);
            }
            if optional(step) == Optional::No {
                break;
            }
        }
        let mut is_adjacent = true;
        for (at, step) in steps.iter().enumerate().take(self.at).rev() {
            let optional = optional(step);
            is_adjacent &= optional != Optional::No;
            if (is_adjacent || optional == Optional::Global) && self.suits(at, step, incoming) {
                return Some(at);
            }
        }
        None
    }

    fn suits(&self, at: usize, step: &Step, incoming: &Incoming<'_>) -> bool {
        let Kind::Recv(recv) = &step.kind else {
            return false;
        };
        match (&recv.expected, incoming.status) {
            (Expected::Request(method), None) => method.as_bytes() == incoming.method,
            (Expected::Matching(pattern), None) => pattern.is_match(incoming.method),
            (
                Expected::Response {
                    status,
                    methods,
                    transaction,
                },
                Some(came),
            ) => {
                let answers = || match transaction {
                    Some(transaction) => {
                        let ours = self.branches[*transaction].as_deref();
                        ours.is_some() && ours == text::branch(incoming.message)
                    }
                    None => at == 0 || methods.iter().any(|one| one.as_bytes() == incoming.method),
                };
                *status == came && answers()
            }
            _ => false,
        }
    }

    /// Keeps what later messages are made from.
    fn keep(&mut self, incoming: &Incoming<'_>, recv: &Recv, hash: u64) {
        let message = incoming.message;
        self.last_received.clear();
        self.last_received.extend_from_slice(message);
        if self.heard.len() == REMEMBERED {
            self.heard.remove(0);
        }
        self.heard.push(Heard {
            hash,
            is_response: incoming.status.is_some(),
            cseq: incoming.cseq,
            method: incoming.method.into(),
            answer: None,
        });
        match incoming.status {
            None => self.cseq = self.cseq.max(incoming.cseq),
            Some(status @ (401 | 407)) if recv.keeps_challenge => {
                self.keep_challenge(message, status);
            }
            Some(status) => {
                self.owes_ack |= (200..300).contains(&status) && incoming.method == b"INVITE";
            }
        }
        if recv.keeps_routes {
            self.keep_routes(message);
        }
    }

    fn keep_challenge(&mut self, message: &[u8], status: u16) {
        let name: &[u8] = if status == 401 {
            b"WWW-Authenticate"
        } else {
            b"Proxy-Authenticate"
        };
        let values = text::named(message, name).map(|field| field.value.trim_ascii().into());
        self.challenge = Some(Challenge {
            status,
            values: values.collect(),
            uses: 0,
        });
    }

    /// The route set is kept once (RFC 3261 §12.2.1.1), the target each time.
    fn keep_routes(&mut self, message: &[u8]) {
        if let Some(target) = text::uri(message, b"Contact") {
            self.target = target.into();
        }
        let mut fields = Fields::new();
        if self.routes.is_none()
            && let Ok(message) = Message::parse(message, &mut fields)
        {
            let routes = if message.is_request() {
                RouteSet::from_request(&message)
            } else {
                RouteSet::from_response(&message)
            };
            self.routes = Some(routes).filter(|routes| !routes.is_empty());
        }
    }

    /// Something later than the message being sent again has come: a response,
    /// or a request that only comes after one, ends the copies; a provisional
    /// response to anything but an INVITE only slows them down (RFC 3261
    /// §17.1.2.2).
    fn stop_copies(&mut self, cx: &Context<'_>, incoming: &Incoming<'_>, at: usize) {
        if self.last_sent_step.is_some_and(|sent| at <= sent) {
            return;
        }
        match incoming.status {
            None if !matches!(incoming.method, b"ACK" | b"CANCEL" | b"BYE" | b"PRACK") => {}
            Some(100..200) if incoming.method != b"INVITE" => {
                if let Some(copies) = &mut self.copies {
                    copies.delay = cx.settings.t2;
                    copies.at = cx.now + cx.settings.t2;
                }
            }
            _ => self.copies = None,
        }
    }

    /// A message sent is the answer to the copies of the one it answers.
    pub(super) fn remember_answer(&mut self, message: &[u8], method: Option<&str>) {
        let Some((number, of)) = text::cseq(message) else {
            return;
        };
        let answered = self.heard.iter_mut().rev().find(|heard| match method {
            None => !heard.is_response && heard.cseq == number && *heard.method == *of,
            Some("ACK") => heard.is_response && heard.cseq == number && &*heard.method == b"INVITE",
            Some(_) => false,
        });
        if let Some(heard) = answered {
            heard.answer = Some(message.into());
        }
    }

    fn deal_with_unexpected(
        &mut self,
        cx: &mut Context<'_>,
        incoming: &Incoming<'_>,
        hash: u64,
    ) -> Progress {
        if self.acknowledge_again(cx, incoming) {
            return Progress::Waiting;
        }
        if let Some(unexpected) = cx.scenario.unexpected
            && self.value(cx, unexpected.left).number() == 0.0
        {
            self.set(cx, unexpected.left, Value::Number(self.at as f64));
            self.jump(unexpected.step);
            if let ended @ Progress::Ended(_) = self.run(cx) {
                return ended;
            }
            if let Some(at) = self.find(cx, incoming) {
                return self.accept(cx, incoming, at, hash);
            }
        }
        let behaviours = cx.settings.behaviours;
        let (is_answered, ends) = match incoming.method {
            _ if incoming.status.is_some() => (false, false),
            b"BYE" | b"CANCEL" => (behaviours.bye, true),
            b"PING" => (behaviours.ping_reply, false),
            b"INFO" | b"NOTIFY" | b"OPTIONS" | b"UPDATE" => (cx.settings.answers_unasked, false),
            _ => (false, false),
        };
        let line = self.line(cx.scenario);
        if is_answered {
            cx.score.answered += 1;
            let reply = self.reply_ok(cx, incoming.message);
            self.transmit(cx, &reply);
            if !ends {
                return Progress::Waiting;
            }
            cx.score.unexpected += u64::from(!self.is_settled);
            return self.fail(Cause::Unexpected, line);
        }
        cx.score.unexpected += 1;
        if !behaviours.abort_unexpected {
            return Progress::Waiting;
        }
        self.last_received.clear();
        self.last_received.extend_from_slice(incoming.message);
        self.abort(cx);
        self.fail(Cause::Unexpected, line)
    }

    /// A final response to an INVITE that was acknowledged, in other words
    /// than before: its sender lacks the ACK.
    fn acknowledge_again(&self, cx: &mut Context<'_>, incoming: &Incoming<'_>) -> bool {
        let is_final = incoming.status.is_some_and(|status| status >= 200);
        if !(is_final && incoming.method == b"INVITE") {
            return false;
        }
        let same = |heard: &&Heard| {
            heard.is_response && heard.cseq == incoming.cseq && &*heard.method == b"INVITE"
        };
        let mut acknowledged = self.heard.iter().filter(same);
        let Some(ack) = acknowledged.find_map(|heard| heard.answer.as_deref()) else {
            return false;
        };
        cx.score.take_again(true);
        cx.score.retransmissions += 1;
        self.transmit(cx, ack);
        true
    }
}

fn optional(step: &Step) -> Optional {
    match &step.kind {
        Kind::Recv(recv) => recv.optional,
        _ => Optional::No,
    }
}

fn hash(message: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    message.hash(&mut hasher);
    hasher.finish()
}
