//! Numbers about the databases: counted by all workers, read by the operator.

use std::sync::atomic::{AtomicU64, Ordering};

/// One number.
#[derive(Default, Debug)]
pub struct Count(AtomicU64);

impl Count {
    /// Counts one more.
    pub fn one(&self) {
        self.add(1);
    }

    /// Counts more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// The number.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What all connections and workers count.
#[derive(Default, Debug)]
pub struct Tally {
    /// Statements sent, `COMMIT` included.
    pub statements: Count,
    /// Rows the database returned.
    pub rows_read: Count,
    /// Rows it was given.
    pub rows_written: Count,
    /// Batches of lookups.
    pub read_batches: Count,
    /// Transactions.
    pub write_batches: Count,
    /// Connections opened after the first.
    pub reconnects: Count,
    /// Errands that found their queue full.
    pub refused: Count,
    /// Errands answered with "unavailable".
    pub unavailable: Count,
    /// Rows whose values the database would not take.
    pub misfits: Count,
    /// Changes that went from the journal to the database.
    pub carried: Count,
}

impl Tally {
    /// Names and values, always the same names in the same order.
    pub fn values(&self) -> Vec<(String, u64)> {
        [
            ("statements", &self.statements),
            ("rows_read", &self.rows_read),
            ("rows_written", &self.rows_written),
            ("read_batches", &self.read_batches),
            ("write_batches", &self.write_batches),
            ("reconnects", &self.reconnects),
            ("refused", &self.refused),
            ("unavailable", &self.unavailable),
            ("misfits", &self.misfits),
            ("journal_carried", &self.carried),
        ]
        .map(|(name, count)| (format!("realtime_{name}"), count.value()))
        .to_vec()
    }
}
