//! Calls that begin without an INVITE, and what calls tell each other of them.

use super::shard::Shard;
use crate::base::{Handle, Instant};
use crate::call::Call;
use crate::dialplan::{Originated, Origination, Reply, Ticket};
use crate::machine::Outbox;
use crate::modules::Module;

impl Shard {
    /// Begins a call without a caller; whether its telephone is being rung.
    /// Who asked hears what becomes of it.
    pub(super) fn originate(
        &mut self,
        now: Instant,
        origination: Box<Origination>,
        asker: Option<(Handle, Ticket)>,
        out: &mut Outbox,
    ) -> bool {
        let missing = self.exchange.config.general.missing;
        let refused = !self.exchange.has_room()
            || self.draining
            || missing.has(Module::ChanSip)
            || missing.leaving.has(Module::PbxConfig)
            || self.exchange.transactions.len() >= self.transactions_for_new;
        let call = (!refused)
            .then(|| Call::originating(now, &mut self.exchange, origination, asker))
            .flatten();
        let handle = call.and_then(|call| self.enter(call));
        let Some(handle) = handle else {
            self.exchange.counters.calls_refused += 1;
            if let Some((call, ticket)) = asker {
                let reply = Reply::Text(Originated::Failed.as_str().into());
                self.exchange.replies.push((call, ticket, reply));
            }
            return false;
        };
        let rings = self.with_call(now, None, handle, out, |call, turn| {
            call.ring_first(turn, handle)
        });
        rings == Some(true)
    }

    /// Begins the next call that a plan wants begun. One at a time: what it runs
    /// may want another.
    pub(super) fn originate_next(&mut self, now: Instant, out: &mut Outbox) {
        if let Some((origination, asker)) = self.exchange.originations.pop_front() {
            self.originate(now, origination, Some(asker), out);
        }
    }

    /// Enters the calls of callees that have left theirs, and starts their plans.
    pub(super) fn enter_departures(&mut self, now: Instant, out: &mut Outbox) {
        while let Some(call) = self.exchange.departures.pop_front() {
            // There is room: it was seen to when the callee left.
            if let Ok(handle) = self.calls.insert(call) {
                self.with_call(now, None, handle, out, |call, turn| {
                    call.begin_apart(turn, handle);
                });
            }
        }
    }

    /// Tells plans what has become of the calls they wanted begun; whether there
    /// was any.
    pub(super) fn reply_between_calls(&mut self, now: Instant, out: &mut Outbox) -> bool {
        let replies = core::mem::take(&mut self.exchange.replies);
        let any = !replies.is_empty();
        for (call, ticket, reply) in replies {
            self.with_call(now, None, call, out, |call, turn| {
                call.replied(turn, ticket, reply);
            });
        }
        any
    }
}
