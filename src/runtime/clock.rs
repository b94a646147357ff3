//! The engine's one clock. Never read by a machine: pumps stamp time for them.

use std::time::{Instant as StdInstant, SystemTime, UNIX_EPOCH};

use pinion_sip::base::{Instant, UnixTime};

/// Monotonic time from a start that all shards share (a copy keeps the start),
/// and the calendar time of that start.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: StdInstant,
    unix_start: UnixTime,
}

impl Clock {
    /// A clock whose [`Instant::START`] is now.
    pub fn start() -> Clock {
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        Clock {
            start: StdInstant::now(),
            unix_start: UnixTime(unix),
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
        self.unix_start
    }
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
    }
}
