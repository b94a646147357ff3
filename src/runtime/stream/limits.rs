//! How much of everything streams may take, and how much all shards together
//! have taken.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Most connections a shard can name.
pub(super) const MOST_CONNECTIONS: usize = 1 << 20;

/// What holds for the streams of an engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamOptions {
    /// The largest message, in bytes; at most 65,535.
    pub max_message: usize,
    /// The most that waits for one remote to read it, in bytes; who leaves more
    /// is cut off.
    pub queue: usize,
    /// The most connections of all shards together.
    pub connections: usize,
    /// How long a remote may take to accept a connection of ours.
    pub connect_timeout: Duration,
    /// After how long without a byte from the remote a connection is closed, up
    /// to a quarter later; and how long what waits for a remote that has said
    /// its last may take to leave.
    pub idle: Duration,
    /// How long a remote that connects may take to prove who it is.
    pub auth_timeout: Duration,
    /// The most connections of all shards whose remotes have not.
    pub auth_limit: usize,
}

impl Default for StreamOptions {
    fn default() -> StreamOptions {
        StreamOptions {
            max_message: 65_535,
            queue: 256 << 10,
            connections: 100_000,
            connect_timeout: Duration::from_secs(3),
            idle: Duration::from_secs(3600),
            auth_timeout: Duration::from_secs(30),
            auth_limit: 100,
        }
    }
}

/// What all shards together have open. Touched once as a connection begins and
/// once as it ends, never for a message.
#[derive(Default)]
pub(crate) struct Tally {
    open: AtomicUsize,
    strangers: AtomicUsize,
}

impl Tally {
    /// One more connection; whether there was room for it.
    pub(super) fn open(&self, most: usize) -> bool {
        take(&self.open, most)
    }

    /// One less.
    pub(super) fn close(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// One more whose remote is a stranger; whether there was room for it.
    pub(super) fn meet(&self, most: usize) -> bool {
        take(&self.strangers, most)
    }

    /// One of them is none any more.
    pub(super) fn part(&self) {
        self.strangers.fetch_sub(1, Ordering::Relaxed);
    }
}

fn take(count: &AtomicUsize, most: usize) -> bool {
    let more = |taken: usize| (taken < most).then_some(taken + 1);
    count
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_most_is_let_in() {
        let tally = Tally::default();
        assert!(tally.open(2) && tally.open(2) && !tally.open(2));
        tally.close();
        assert!(tally.open(2));
        assert!(!tally.meet(0) && tally.meet(1) && !tally.meet(1));
        tally.part();
        assert!(tally.meet(1));
    }
}
