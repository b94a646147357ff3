//! What became of records, by where they go.

use std::sync::atomic::{AtomicU64, Ordering};

/// One number.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Counts more.
    pub fn add(&self, more: usize) {
        self.0.fetch_add(more as u64, Ordering::Relaxed);
    }

    /// Says what it is now.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The number.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The numbers of one place.
#[derive(Debug, Default)]
pub struct Tally {
    /// Records written there.
    pub written: Count,
    /// Records lost: the queue was full, or they could not be written.
    pub dropped: Count,
    /// Records put into the spool.
    pub spooled: Count,
    /// Records in the spool now.
    pub waiting: Count,
}
