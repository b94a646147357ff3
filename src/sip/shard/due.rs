//! What is due: the timers of all tables, a bounded share of them in one turn,
//! and whom each wakes.

use core::iter::once_with;

use super::pending::Overdue;
use super::shard::Shard;
use crate::base::{Instant, Level};
use crate::call::{Alarm, Call, Owner};
use crate::machine::{Outbox, Ringer, What};
use crate::transaction::Expired;

/// Most timers served in one turn.
const MOST_EXPIRED: usize = 256;

impl Shard {
    /// The deadlines of the tables, the dearest last: each is found when it is
    /// asked for.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = Instant> {
        once_with(|| self.exchange.transactions.deadline())
            .chain(once_with(|| self.exchange.alarms.deadline()))
            .chain(once_with(|| self.pending.deadline()))
            .chain(once_with(|| self.qualifier.deadline()))
            .chain(once_with(|| self.location.deadline()))
            .chain(once_with(|| self.looks_on()))
            .flatten()
    }

    /// Does what is due, a bounded share of it: the deadline stays due, and the
    /// driver comes back after it has flushed the outbox.
    pub(super) fn expire(&mut self, now: Instant, out: &mut Outbox) {
        for _ in 0..MOST_EXPIRED {
            if let Some(expired) = self.exchange.transactions.expire(now, out) {
                self.transaction_expired(now, expired, out);
            } else if let Some(alarm) = self.exchange.alarms.expire(now) {
                self.alarm(now, alarm, out);
            } else if let Some(overdue) = self.pending.expire(now) {
                self.overdue(now, overdue, out);
            } else if let Some(aor) = self.location.expire(now) {
                self.expired(now, &aor, out);
                out.note(Level::Debug, "expired", || {
                    format!("a contact of {} expired", aor.lossy())
                });
            } else if !self.ask_contact(now, out) {
                self.watch_some(now);
                break;
            }
        }
        self.save_turns(out);
    }

    fn alarm(&mut self, now: Instant, alarm: Alarm, out: &mut Outbox) {
        match alarm {
            Alarm::Plan { call } => {
                self.with_call(now, None, call, out, Call::wake);
            }
            Alarm::Ring { call, leg } => {
                self.with_call(now, None, call, out, |call, turn| {
                    turn.record(What::Timer(Ringer::Ringing, leg));
                    call.still_rings(turn, leg)
                });
            }
            Alarm::Bye { call, leg } => {
                self.with_call(now, None, call, out, |call, turn| {
                    turn.record(What::Timer(Ringer::Bye, leg));
                    call.send_bye(turn, leg)
                });
            }
            Alarm::Glare { call, server } => {
                self.with_call(now, None, call, out, |call, turn| {
                    turn.record(What::Timer(Ringer::Glare, 0));
                    call.retry_after_glare(turn, server)
                });
            }
            Alarm::Reoffer { call } => {
                self.with_call(now, None, call, out, |call, turn| {
                    turn.record(What::Timer(Ringer::Glare, 0));
                    call.retry_reoffer(turn)
                });
            }
            Alarm::Offer { call, leg } => {
                self.with_call(now, None, call, out, |call, turn| {
                    turn.record(What::Timer(Ringer::Glare, leg));
                    call.offer_again(turn, leg)
                });
            }
            Alarm::Forget(dialog) => self.moved.forget(dialog),
            Alarm::Probe => self.probe(now, out),
            Alarm::Originate => self.originate_next(now, out),
        }
    }

    fn overdue(&mut self, now: Instant, overdue: Overdue, out: &mut Outbox) {
        match overdue {
            Overdue::Again(id, question) => {
                self.forward_question(self.home_of(&question), id, question, out)
            }
            Overdue::Late(asked) => self.late(now, asked, out),
            Overdue::Unanswered(asked) => {
                self.exchange.counters.questions_expired += 1;
                self.resume(now, asked, None, out);
            }
        }
    }

    pub(super) fn transaction_expired(
        &mut self,
        now: Instant,
        expired: Expired<Owner>,
        out: &mut Outbox,
    ) {
        match expired {
            Expired::Trying {
                id,
                owner: Owner::Leg(leg),
            } => {
                self.with_call(now, None, leg.call, out, |call, turn| call.trying(turn, id));
            }
            Expired::Timeout {
                id,
                owner: Owner::Leg(leg),
                copies,
            } => {
                self.with_call(now, None, leg.call, out, |call, turn| {
                    turn.record(What::Timer(Ringer::Unanswered, leg.leg));
                    call.timed_out(turn, leg.leg, (id, copies))
                });
            }
            Expired::Unsent {
                id,
                owner: Owner::Leg(leg),
            } => {
                self.with_call(now, None, leg.call, out, |call, turn| {
                    call.unsent(turn, leg.leg, id)
                });
            }
            Expired::Unsent {
                owner: Owner::Relayed(message),
                ..
            } => self.message_unsent(now, message, out),
            Expired::Unacknowledged {
                id,
                owner: Owner::Leg(leg),
            } => {
                self.with_call(now, None, leg.call, out, |call, turn| {
                    turn.record(What::Timer(Ringer::Unacknowledged, leg.leg));
                    call.unacknowledged(turn, leg.leg, id)
                });
            }
            Expired::Timeout {
                owner: Owner::Relayed(message),
                ..
            } => {
                // The sender has given up by now, and a 408 would say nothing (RFC 4320).
                self.messages.remove(message);
            }
            Expired::Trying { .. }
            | Expired::Timeout { .. }
            | Expired::Unsent { .. }
            | Expired::Unacknowledged { .. } => {}
        }
    }
}
