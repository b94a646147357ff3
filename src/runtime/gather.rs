//! When a shard lets datagrams gather before it looks again. Decides only:
//! reads no clock and never sleeps.
//!
//! Waking, receiving and sending cost the same for one datagram as for ten. At
//! a load where each wake-up finds two or three, that cost exceeds the work on
//! them, so a shard with company pauses until a window after its last turn
//! began. A lone request never waits: nothing came with it. At saturation the
//! turn outlasts the window and nothing waits either.
//!
//! A machine's deadline does not cut the pause short: under load some timer is
//! always due within the window, and the park's sleep is coarser than it.

use std::time::Duration;

use pinion_sip::base::Instant;

/// Datagrams and envelopes in one turn that make it worth waiting for more.
const COMPANY: u64 = 2;

/// How long a shard may leave its sockets alone.
#[derive(Clone, Copy)]
pub(crate) struct Gather {
    window: Duration,
}

impl Gather {
    /// At most `window` from the start of one turn to the start of the next;
    /// zero never pauses.
    pub(crate) fn new(window: Duration) -> Gather {
        Gather { window }
    }

    /// How long to pause at `now`, after a turn that began at `began` and
    /// brought `taken` inputs. Zero: not at all.
    pub(crate) fn pause(self, taken: u64, began: Instant, now: Instant) -> Duration {
        if taken < COMPANY {
            return Duration::ZERO;
        }
        self.window.saturating_sub(now.since(began))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(taken: u64, began: u64, now: u64) -> u128 {
        Gather::new(Duration::from_micros(200))
            .pause(
                taken,
                Instant::from_micros(began),
                Instant::from_micros(now),
            )
            .as_micros()
    }

    #[test]
    fn a_lone_request_does_not_wait() {
        assert_eq!(pause(0, 1000, 1010), 0);
        assert_eq!(pause(1, 1000, 1010), 0);
    }

    #[test]
    fn company_waits_for_the_rest_of_the_window() {
        assert_eq!(pause(2, 1000, 1030), 170);
        assert_eq!(pause(30, 1000, 1199), 1);
    }

    #[test]
    fn a_turn_longer_than_the_window_is_followed_at_once() {
        assert_eq!(pause(9, 1000, 1200), 0);
        assert_eq!(pause(9, 1000, 3000), 0);
    }

    #[test]
    fn no_window_no_pause() {
        let never = Gather::new(Duration::ZERO);
        let at = Instant::from_micros(7);
        assert_eq!(never.pause(40, at, at), Duration::ZERO);
    }
}
