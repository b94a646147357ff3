//! The timers of a shard.

use core::time::Duration;

/// Timers of one kind and one duration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimerRow {
    /// What they are for.
    pub of: &'static str,
    /// After what time they are due; `None` for those of all other durations.
    pub duration: Option<Duration>,
    /// How many are set. Most of a transaction's are void when they are due,
    /// and wait for that all the same.
    pub count: u64,
}
