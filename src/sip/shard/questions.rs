//! Questions: put to the shard that can answer, this one included, or to the
//! database; answered; and what waited for an answer resumed. `pending` keeps
//! those on their way, `realtime` what only the database can answer.

use alloc::sync::Arc;
use core::time::Duration;

use super::inquiries::LOCK_PATIENCE;
use super::pending::{Asked, TRY, is_refusable};
use super::realtime::LEEWAY;
use super::shard::Shard;
use crate::base::{Handle, Instant, ShardId, shard_of};
use crate::call::{Ask, Asker, Call, Resume};
use crate::dialplan::{Reply, Whereabouts};
use crate::machine::realtime::Outcome;
use crate::machine::{
    Answer, Body, DATABASE, Envelope, Outbox, Question, QuestionId, Stage, WORKERS, What,
};
use crate::registrar::Bindings;

impl Shard {
    /// Answers what only this shard can: it owns the AoR, or counts the peer.
    /// `None`: the answer comes later, to `waiter`.
    pub(super) fn decide(
        &mut self,
        now: Instant,
        question: &Question,
        waiter: Option<QuestionId>,
        out: &mut Outbox,
    ) -> Option<Answer> {
        Some(match question {
            Question::Register(update) => {
                let outcome = self.register(now, update);
                Answer::Registered(outcome.map(Bindings::into_vec))
            }
            Question::Bindings(aor) => Answer::Bindings(self.reachable(now, aor)),
            Question::Admit { peer, limit, lease } => {
                Answer::Admitted(self.occupancy.admit(peer, *limit, *lease))
            }
            Question::Release { peer, lease } => {
                self.occupancy.release(peer, *lease);
                Answer::Released
            }
            Question::Errand(_) | Question::Entries(_) => Answer::Outcome(Outcome::Unavailable),
            Question::Inquiry(inquiry) => Answer::Reply(self.inquired(now, inquiry, out)),
            Question::Take { hold, lease, wait } => {
                let waiter = waiter.filter(|_| *wait);
                Answer::Reply(self.take(hold, *lease, waiter)?)
            }
            Question::Unlock { name, lease } => Answer::Reply(self.unlock(now, name, *lease, out)),
            Question::GiveBack { hold, lease } => {
                self.take_back(now, hold, *lease, out);
                Answer::Released
            }
            Question::PickUp(wanted) => Answer::PickedUp(self.pick_up(now, wanted, None, out)),
            Question::Lives { call_id, on, .. } => self.hear_where(now, call_id, *on)?,
            Question::Globals { changes, .. } => {
                self.hear_of(changes, out);
                Answer::Released
            }
        })
    }

    /// Puts the questions of this turn, and enters the calls it has begun. A
    /// question for this very shard is answered at once, which may raise more.
    pub(super) fn put_questions(&mut self, now: Instant, out: &mut Outbox) {
        while !self.pending.is_full()
            && let Some(ask) = self.owed.pop_front()
        {
            self.put(now, ask, out);
        }
        loop {
            // Before anybody asks for them.
            self.enter_departures(now, out);
            if let Some(ask) = self.exchange.asks.pop_front() {
                self.put(now, ask, out);
            } else if !self.reply_between_calls(now, out) {
                break;
            }
        }
    }

    fn put(&mut self, now: Instant, ask: Ask, out: &mut Outbox) {
        let Ask { question, resume } = ask;
        if let Question::Errand(errand) = question {
            self.run_errand(now, errand, resume, out);
            return;
        }
        let home = self.home_of(&question);
        if home == self.exchange.shard && self.takes_the_database(now, &question) {
            self.consider(now, question, Asker::Here(Box::new(resume)), out);
            return;
        }
        if home == self.exchange.shard {
            if let Question::Take { wait: true, .. } = question {
                self.wait_here(now, question, resume, out);
                return;
            }
            if let Question::PickUp(wanted) = &question {
                let wanted = Arc::clone(wanted);
                self.pick_up_here(now, &wanted, Ask { question, resume }, out);
                return;
            }
            let answer = self.decide(now, &question, None, out);
            let ask = Ask { question, resume };
            self.resume(now, Asked { ask, asked: now }, answer, out);
            return;
        }
        if home == DATABASE && self.exchange.config.realtime.is_none() {
            // There is nobody to ask.
            let ask = Ask { question, resume };
            self.resume(now, Asked { ask, asked: now }, None, out);
            return;
        }
        if let Question::PickUp(wanted) = &question
            && !self.offer(now, wanted, &resume, out)
        {
            return;
        }
        self.exchange.counters.questions += 1;
        self.record(now, &resume, What::Asked(question.topic()));
        let wait = match (&question, &self.exchange.config.realtime) {
            // Its home may have to wait for the database.
            (Question::Register(_), Some(rules)) => TRY + rules.timeout,
            (Question::Take { wait: true, .. }, _) => LOCK_PATIENCE,
            (Question::Inquiry(_), Some(rules)) if home == DATABASE => rules.timeout + LEEWAY,
            (Question::Inquiry(_), _) if home == WORKERS => self.exchange.limits.work + LEEWAY,
            _ => TRY,
        };
        let ask = Ask {
            question: question.clone(),
            resume,
        };
        match self.pending.park(now, ask, wait) {
            Ok(id) => self.forward_question(home, id, question, out),
            // What is given back must get there.
            Err(ask) if !is_refusable(&ask) => self.owed.push_back(ask),
            Err(ask) => {
                self.exchange.counters.questions_refused += 1;
                self.resume(now, Asked { ask, asked: now }, None, out);
            }
        }
    }

    pub(super) fn forward_question(
        &self,
        home: ShardId,
        id: QuestionId,
        question: Question,
        out: &mut Outbox,
    ) {
        let body = Body::Ask { id, question };
        out.forward(Envelope {
            from: self.exchange.shard,
            to: home,
            body,
        });
    }

    pub(super) fn home_of(&self, question: &Question) -> ShardId {
        let key = match question {
            Question::Register(update) => update.aor.as_bytes(),
            Question::Bindings(aor) => aor.as_bytes(),
            Question::Admit { peer, .. } | Question::Release { peer, .. } => peer.as_bytes(),
            Question::Errand(_) | Question::Entries(_) => return DATABASE,
            Question::Inquiry(inquiry) => match inquiry.whereabouts() {
                Whereabouts::Home(key) => key,
                Whereabouts::Database => return DATABASE,
                Whereabouts::Workers => return WORKERS,
                Whereabouts::Number(number) => {
                    return (number % u32::from(self.exchange.shards)) as ShardId;
                }
            },
            Question::Take { hold, .. } | Question::GiveBack { hold, .. } => hold.key(),
            Question::Unlock { name, .. } => name.as_bytes(),
            Question::Globals { to, .. } | Question::Lives { to, .. } => return *to,
            Question::PickUp(wanted) => return wanted.to,
        };
        shard_of(key, self.exchange.shards)
    }

    /// Goes on with what an answer was waited for; `None`: there is none.
    pub(super) fn resume(
        &mut self,
        now: Instant,
        Asked { ask, asked }: Asked,
        answer: Option<Answer>,
        out: &mut Outbox,
    ) {
        let Ask { question, resume } = ask;
        let (topic, took) = (question.topic(), now.since(asked));
        let answered = answer.as_ref().is_some_and(|answer| !answer.is_failure());
        self.record(now, &resume, What::Heard(topic, answered, took));
        if answer.is_some() || !took.is_zero() {
            time(&question, took, out);
        }
        if let Question::Errand(errand) = question {
            let outcome = match answer {
                Some(Answer::Outcome(outcome)) => outcome,
                _ => Outcome::Unavailable,
            };
            self.errand_done(now, asked, errand, resume, outcome, out);
            return;
        }
        match (resume, answer) {
            (Resume::Register { server, head }, answer) => {
                self.registered(now, server, &head, answer, out);
            }
            (Resume::Message { server, message }, answer) => {
                self.message_located(now, server, *message, answer, out);
            }
            (Resume::AdmitCaller(call), answer) => {
                let admitted = matches!(answer, Some(Answer::Admitted(true)));
                let told = self.with_call(now, None, call, out, |call, turn| {
                    call.admitted(turn, admitted)
                });
                self.give_back_unless(told == Some(true), question);
            }
            (Resume::AdmitChannel(call, channel), answer) => {
                let admitted = matches!(answer, Some(Answer::Admitted(true)));
                let told = self.with_call(now, None, call, out, |call, turn| {
                    call.channel_admitted(turn, channel, admitted)
                });
                self.give_back_unless(told == Some(true), question);
            }
            (Resume::Bindings(call, channel), answer) => {
                let bindings = match answer {
                    Some(Answer::Bindings(bindings)) => bindings,
                    _ => Vec::new(),
                };
                self.with_call(now, None, call, out, |call, turn| {
                    call.located(turn, channel, &bindings);
                });
            }
            (Resume::Plan(call, ticket), answer) => {
                let reply = match answer {
                    Some(Answer::Reply(reply)) => reply,
                    _ => Reply::Failed,
                };
                let answered = reply != Reply::Failed;
                self.with_call(now, None, call, out, |call, turn| {
                    call.replied(turn, ticket, reply);
                });
                self.give_back_unless_held(call, answered, question);
            }
            (Resume::PickUp(call, ticket), answer) => {
                if let Question::PickUp(wanted) = question {
                    self.picked_up(now, (call, ticket), &wanted, answer, out);
                }
            }
            (Resume::Counted(call), _) => self.give_back_unless_counted(call, question),
            (Resume::Operator(number), answer) => {
                let reply = match answer {
                    Some(Answer::Reply(reply)) => reply,
                    _ => Reply::Failed,
                };
                self.inquiries.replied(number, reply);
            }
            (Resume::Enlisted(call), answer) => {
                self.give_back_unless_held(call, answer.is_some(), question);
            }
            (Resume::PlanMessage(call, ticket, message), answer) => {
                let sent = self.send_for_plan(now, &message, answer, out);
                let reply = Reply::Text(if sent { "SUCCESS" } else { "FAILURE" }.into());
                self.with_call(now, None, call, out, |call, turn| {
                    call.replied(turn, ticket, reply);
                });
            }
            (
                Resume::Release
                | Resume::Datagram(_)
                | Resume::Consider { .. }
                | Resume::Saved(_)
                | Resume::Device(..)
                | Resume::Probe
                | Resume::Nobody,
                _,
            ) => {}
        }
    }

    /// Records what happens to a call that waits.
    pub(super) fn record(&mut self, now: Instant, resume: &Resume, what: What) {
        let call = resume.call().and_then(|call| self.calls.get_mut(call));
        if let Some(flight) = call.and_then(|call| call.flight().as_mut()) {
            flight.record(now, what);
        }
    }

    /// A place asked for by a call that has gone since: its own release may
    /// have come before the last repetition of the question.
    fn give_back_unless(&mut self, told: bool, question: Question) {
        if let (false, Question::Admit { peer, lease, .. }) = (told, question) {
            let question = Question::Release { peer, lease };
            let resume = Resume::Release;
            self.exchange.asks.push_back(Ask { question, resume });
        }
    }

    /// Gives a place back that no channel of a call has any more.
    fn give_back_unless_counted(&mut self, call: Handle, question: Question) {
        if let Question::Admit { lease, .. } = question {
            let counted = self.is_with(call, |call| call.has_place(lease));
            self.give_back_unless(counted, question);
        }
    }

    /// Whether it is so of a call, or of that of a callee which has left it.
    fn is_with(&self, call: Handle, is_so: impl Fn(&Call) -> bool) -> bool {
        let number = self.exchange.number_of(call);
        let departed = self.exchange.departed_from(number);
        let mut calls = core::iter::once(call).chain(departed);
        calls.any(|call| self.calls.get(call).is_some_and(&is_so))
    }

    /// What a call asked for and does not have: its end, or that of its channel,
    /// or an answer that never came, may have been told before the last
    /// repetition of the question.
    fn give_back_unless_held(&mut self, call: Handle, answered: bool, question: Question) {
        let Question::Take { hold, lease, .. } = question else {
            return;
        };
        if !answered || !self.is_with(call, |call| call.holds(lease)) {
            let question = Question::GiveBack { hold, lease };
            let resume = Resume::Release;
            self.exchange.asks.push_back(Ask { question, resume });
        }
    }

    /// Gives an answer to whoever asked.
    pub(super) fn answer(
        &mut self,
        now: Instant,
        asker: Asker,
        question: Question,
        answer: Answer,
        out: &mut Outbox,
    ) {
        match asker {
            Asker::Here(resume) => {
                let ask = Ask {
                    question,
                    resume: *resume,
                };
                self.resume(now, Asked { ask, asked: now }, Some(answer), out);
            }
            Asker::There { shard, id } => out.forward(Envelope {
                from: self.exchange.shard,
                to: shard,
                body: Body::Answer { id, answer },
            }),
        }
    }
}

/// Counts what a question took that only the world outside could answer.
fn time(question: &Question, took: Duration, out: &mut Outbox) {
    let stage = match question {
        Question::Errand(_) => Stage::Database,
        Question::Inquiry(inquiry) => match inquiry.whereabouts() {
            Whereabouts::Database => Stage::Database,
            Whereabouts::Workers => Stage::Outside,
            Whereabouts::Home(_) | Whereabouts::Number(_) => return,
        },
        _ => return,
    };
    out.stopwatch.took(stage, took);
}
