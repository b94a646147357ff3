//! Whether a run may be believed: what the generator watched of itself against
//! the bounds within which it is no limit. Pure; measures nothing.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::results::Verdict;
use crate::tally::Stage;

/// Up to this a timer or a send may be late. Above it latencies hold a part
/// that is the generator's own.
const LATE: Duration = Duration::from_millis(10);

/// A thread busier than this share of its CPU has no room left for bursts.
const BUSY: f64 = 0.95;

/// Shorter runs end before a scheduler's accounts mean anything.
const SHORTEST_S: f64 = 1.0;

/// Beyond this share of a latency the sends' own lateness is worth a word.
const OWN_SHARE: f64 = 0.25;

/// What is watched.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// Whether units came at times of their own, ours or the callers'. Those of
    /// a closed loop have none, and it is busy by design.
    pub open: bool,
    /// How long the load lasted, in seconds.
    pub wall_s: f64,
    /// The busiest thread's CPU time in its busiest second, as a share of it.
    pub busiest: f64,
    /// 99th percentile of the sends' lateness, in microseconds.
    pub lateness_p99_us: u64,
    /// 99th percentile of the timers' slip, in microseconds.
    pub slip_p99_us: u64,
    /// Datagrams its own sockets had no room for.
    pub kernel_drops: u64,
    /// Datagrams that found no room on their way out.
    pub send_drops: u64,
    /// Units whose time came while the table was full.
    pub skipped: u64,
    /// Machines lost to a fault, and their counts with them.
    pub faults: u64,
}

/// The verdict, with every reason there is against the run.
pub fn judge(watched: &Watched) -> Verdict {
    let late_us = LATE.as_micros() as u64;
    let long = watched.wall_s >= SHORTEST_S;
    let reasons: Vec<String> = [
        (watched.open && watched.lateness_p99_us > late_us).then(|| {
            format!(
                "1 % of the units were sent more than {} ms after their time",
                watched.lateness_p99_us / 1000
            )
        }),
        (watched.open && watched.slip_p99_us > late_us).then(|| {
            format!(
                "1 % of the timers ran more than {} ms late",
                watched.slip_p99_us / 1000
            )
        }),
        (watched.open && long && watched.busiest > BUSY).then(|| {
            format!(
                "a thread used {:.0} % of its CPU; give it more with --threads or --cpus",
                watched.busiest * 100.0
            )
        }),
        (watched.kernel_drops > 0).then(|| {
            format!(
                "its own sockets dropped {} datagrams; raise net.core.rmem_max",
                watched.kernel_drops
            )
        }),
        (watched.send_drops > 0).then(|| {
            format!(
                "{} datagrams found no room on their way out",
                watched.send_drops
            )
        }),
        (watched.skipped > 0).then(|| {
            format!(
                "{} units did not begin as too many ran at once; raise --most-at-once",
                watched.skipped
            )
        }),
        (watched.faults > 0).then(|| {
            format!(
                "{} times a fault of the generator lost its counts",
                watched.faults
            )
        }),
    ]
    .into_iter()
    .flatten()
    .collect();
    if reasons.is_empty() {
        Verdict::Valid
    } else {
        Verdict::Invalid { reasons }
    }
}

/// Quantiles of the `main` stage that may be the generator's own `lateness` in
/// good part. One sentence each.
pub fn doubts(lateness: &Histogram<u64>, main: Option<(Stage, &Histogram<u64>)>) -> Vec<String> {
    let Some((stage, latency)) = main.filter(|(_, latency)| !latency.is_empty()) else {
        return Vec::new();
    };
    let doubt = |(name, quantile): (&str, f64)| {
        let own_us = lateness.value_at_quantile(quantile);
        let us = latency.value_at_quantile(quantile);
        (own_us as f64 > us as f64 * OWN_SHARE).then(|| {
            format!(
                "{name} of {} is {us} us, and up to {own_us} us of it the generator's own lateness",
                stage.name()
            )
        })
    };
    [("p99", 0.99), ("p99.9", 0.999)]
        .into_iter()
        .filter_map(doubt)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_that_is_a_good_part_of_the_latency_is_told() {
        let of = |us: &[u64]| {
            let mut histogram = Histogram::<u64>::new(3).unwrap();
            us.iter().for_each(|&us| histogram.record(us).unwrap());
            histogram
        };
        let latency = of(&[500; 100]);
        let main = Some((Stage::Options200, &latency));
        assert_eq!(doubts(&of(&[100; 100]), main), [""; 0]);
        let told = doubts(&of(&[200; 100]), main);
        assert_eq!(told.len(), 2);
        assert!(
            told[0].starts_with("p99 of options-200 is 500 us"),
            "{told:?}"
        );
        assert_eq!(doubts(&of(&[200; 100]), None), [""; 0]);
    }

    fn calm() -> Watched {
        Watched {
            open: true,
            wall_s: 10.0,
            busiest: 0.6,
            lateness_p99_us: 900,
            slip_p99_us: 1_100,
            ..Watched::default()
        }
    }

    #[test]
    fn each_bound_has_its_reason() {
        let cases: [(Watched, &[&str]); 11] = [
            (calm(), &[]),
            (
                Watched {
                    lateness_p99_us: 10_001,
                    ..calm()
                },
                &["sent more than 10 ms"],
            ),
            (
                Watched {
                    slip_p99_us: 25_000,
                    ..calm()
                },
                &["timers ran more than 25 ms"],
            ),
            (
                Watched {
                    busiest: 0.99,
                    ..calm()
                },
                &["99 % of its CPU"],
            ),
            (
                Watched {
                    busiest: 0.99,
                    wall_s: 0.2,
                    ..calm()
                },
                &[],
            ),
            (
                Watched {
                    busiest: 1.0,
                    lateness_p99_us: 90_000,
                    open: false,
                    ..calm()
                },
                &[],
            ),
            (
                Watched {
                    kernel_drops: 1,
                    ..calm()
                },
                &["dropped 1 datagrams"],
            ),
            (
                Watched {
                    kernel_drops: 1,
                    open: false,
                    ..calm()
                },
                &["dropped 1 datagrams"],
            ),
            (
                Watched {
                    send_drops: 3,
                    ..calm()
                },
                &["3 datagrams found no room"],
            ),
            (
                Watched {
                    skipped: 7,
                    ..calm()
                },
                &["7 units did not begin"],
            ),
            (
                Watched {
                    faults: 1,
                    lateness_p99_us: 11_000,
                    ..calm()
                },
                &["sent more than 11 ms", "1 times a fault"],
            ),
        ];
        for (watched, wanted) in cases {
            let reasons = match judge(&watched) {
                Verdict::Valid => Vec::new(),
                Verdict::Invalid { reasons } => reasons,
            };
            assert_eq!(reasons.len(), wanted.len(), "{watched:?}: {reasons:?}");
            for (reason, wanted) in reasons.iter().zip(wanted) {
                assert!(reason.contains(wanted), "{reason}");
            }
        }
    }
}
