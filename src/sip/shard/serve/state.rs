//! `/readyz`: whether this shard takes new work.

use crate::base::Transport;
use crate::machine::StateRow;
use crate::shard::Shard;

impl Shard {
    pub(super) fn state(&self) -> StateRow {
        let exchange = &self.exchange;
        let realtime = exchange.config.realtime.as_ref();
        let missing = exchange.config.general.missing;
        let takes =
            |transport: &Transport| missing.carries(*transport) && !self.refuses_calls(*transport);
        let refuses = ![Transport::Udp, Transport::Tcp].iter().any(takes);
        StateRow {
            draining: refuses,
            database: realtime.map(|_| exchange.devices.database_is_well()),
            calls: (self.calls.len(), exchange.limits.calls),
            transactions: (exchange.transactions.len(), self.transactions_for_new),
        }
    }
}
