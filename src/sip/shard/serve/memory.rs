//! `core show memory`: what the tables of this shard hold.

use crate::machine::TableRow;
use crate::shard::Shard;

impl Shard {
    /// A row a table.
    pub(super) fn tables(&self) -> Vec<TableRow> {
        let limits = &self.exchange.limits;
        let (devices, strangers) = self.exchange.devices.len();
        let row = |name, entries: u64, capacity: Option<u32>, bytes: usize| TableRow {
            name,
            entries,
            capacity: capacity.map(u64::from),
            bytes: bytes as u64,
        };
        let (calls, transactions) = (&self.calls, &self.exchange.transactions);
        let (location, commons) = (&self.location, &self.commons);
        vec![
            row(
                "calls",
                calls.len().into(),
                Some(limits.calls),
                calls.used_bytes(),
            ),
            row("dialogs", self.exchange.dialogs.len() as u64, None, 0),
            row("moved", self.moved.len() as u64, Some(limits.pending), 0),
            row(
                "transactions",
                transactions.len().into(),
                Some(limits.transactions),
                transactions.used_bytes(),
            ),
            row(
                "bindings",
                location.len() as u64,
                Some(limits.bindings),
                location.used_bytes(),
            ),
            row(
                "watched",
                self.qualifier.len().into(),
                Some(limits.bindings),
                self.qualifier.used_bytes(),
            ),
            row(
                "questions",
                self.pending.len().into(),
                Some(limits.pending),
                self.pending.used_bytes(),
            ),
            row(
                "messages",
                self.messages.len().into(),
                Some(limits.pending),
                self.messages.used_bytes(),
            ),
            row("devices", devices as u64, None, 0),
            row("strangers", strangers as u64, None, 0),
            row("places", self.occupancy.len() as u64, None, 0),
            row("members", commons.groups.len() as u64, None, 0),
            row("locks", commons.locks.len() as u64, None, 0),
            row(
                "entries",
                commons.store.len() as u64,
                None,
                commons.store.bytes(),
            ),
        ]
    }
}
