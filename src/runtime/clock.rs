//! The engine's one clock. Never read by a machine: pumps stamp time for them.

use std::sync::OnceLock;
use std::time::{Duration, Instant as StdInstant, SystemTime, UNIX_EPOCH};

use pinion_sip::base::{Instant, UnixTime};

/// Monotonic time from a start that all shards share (a copy keeps the start),
/// and the calendar time of that start.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: StdInstant,
    /// Microseconds since 1970.
    unix_start_us: u64,
}

impl Clock {
    /// A clock whose [`Instant::START`] is when this second of the calendar
    /// began, so that the two agree to the microsecond.
    pub fn start() -> Clock {
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = StdInstant::now();
        let part = Duration::from_nanos(unix.subsec_nanos().into());
        Clock {
            start: now.checked_sub(part).unwrap_or(now),
            unix_start_us: unix.as_secs() * 1_000_000,
        }
    }

    /// Microseconds since the start (CLOCK_MONOTONIC).
    pub fn now(&self) -> Instant {
        let micros = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        Instant::from_micros(micros)
    }

    /// Calendar time of the start. A later step of the system's clock does not
    /// reach the engine.
    pub fn unix_start(&self) -> UnixTime {
        UnixTime(self.unix_start_us / 1_000_000)
    }

    /// Calendar time at `now`, in microseconds since 1970.
    pub fn unix_us(&self, now: Instant) -> u64 {
        self.unix_start_us.saturating_add(now.as_micros())
    }
}

/// Nanoseconds of the same clock, from some fixed start, to time what is short.
pub(crate) fn nanoseconds() -> u64 {
    static START: OnceLock<StdInstant> = OnceLock::new();
    let since = START.get_or_init(StdInstant::now).elapsed();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_share_their_start_and_never_run_backwards() {
        let clock = Clock::start();
        let copy = clock;
        let first = clock.now();
        let second = copy.now();
        let third = clock.now();
        assert!(first <= second && second <= third);
        assert_eq!(clock.unix_start(), copy.unix_start());
        assert!(clock.unix_start() > UnixTime(1_600_000_000));
        let second = Instant::from_micros(1_000_000);
        assert_eq!(clock.unix_us(second) / 1_000_000, clock.unix_start().0 + 1);
    }
}
