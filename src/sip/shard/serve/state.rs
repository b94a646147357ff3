//! `/readyz`: whether this shard takes new work.

use crate::machine::StateRow;
use crate::modules::Module;
use crate::shard::Shard;

impl Shard {
    pub(super) fn state(&self) -> StateRow {
        let exchange = &self.exchange;
        let realtime = exchange.config.realtime.as_ref();
        let missing = exchange.config.general.missing;
        let refuses = missing.refuses_calls() || missing.absent.has(Module::ChanSip);
        StateRow {
            draining: self.draining || refuses,
            database: realtime.map(|_| exchange.devices.database_is_well()),
            calls: (self.calls.len(), exchange.limits.calls),
            transactions: (exchange.transactions.len(), self.transactions_for_new),
        }
    }
}
