//! `sip show sched`: what this shard waits for.

use core::time::Duration;

use crate::machine::TimerRow;
use crate::shard::Shard;

impl Shard {
    pub(super) fn timer_rows(&self) -> Vec<TimerRow> {
        let mut rows = Vec::new();
        let mut tell = |of, duration: Option<Duration>, count: usize| {
            rows.push(TimerRow {
                of,
                duration,
                count: count as u64,
            });
        };
        let transactions = self.exchange.transactions.alarms();
        transactions.for_each(|(duration, count)| tell("transactions", duration, count));
        let calls = self.exchange.alarms.by_duration();
        calls.for_each(|(duration, count)| tell("calls", duration, count));
        let questions = self.pending.alarms();
        questions.for_each(|(duration, count)| tell("questions", duration, count));
        let contacts = self.qualifier.alarms();
        contacts.for_each(|(duration, count)| tell("contacts", duration, count));
        tell("registrations", None, self.location.aors());
        rows
    }
}
