//! The highest rate at which fewer than one in a thousand fails, and how long
//! answers take at a rate.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::generator::{Generator, Order, Outcome};
use crate::measure::{median, run_once};
use crate::server::Server;

/// The first rate tried, calls a second.
const FIRST: u32 = 2_000;

/// No rate beyond is tried.
const LAST: u32 = 60_000;

/// The search ends when it knows the rate to so many parts of itself.
const PARTS: u32 = 20;

/// Share of failures from which on a rate is too high.
const FAILED: f64 = 0.001;

/// Share of the wanted rate below which it was not offered.
const OFFERED: f64 = 0.93;

/// Share of its core from which on the generator is the limit.
const BUSY: f64 = 0.93;

/// How long a server may take to come to rest; what lingers does so for 32 s.
const REST: Duration = Duration::from_secs(90);

/// Share of a core below which a server rests.
const RESTING: f64 = 0.03;

/// What was found.
pub struct Highest {
    /// Units a second.
    pub rate: f64,
    /// What kept it from going higher.
    pub limit: &'static str,
}

/// The highest rate that holds when it is offered.
pub fn find(
    server: &Server,
    generator: &dyn Generator,
    order: &dyn Fn(u32) -> Order,
) -> Result<Highest> {
    search(|rate| {
        let verdict = match run_once(server, generator, &order(rate)) {
            Ok((outcome, _)) => judge(rate, &outcome),
            // Too much load may leave a generator waiting beyond its time.
            Err(error) => {
                eprintln!("  {rate}/s: {error:#}");
                Verdict::TooHigh("the server")
            }
        };
        if verdict != Verdict::Holds {
            rest(server);
        }
        verdict
    })
}

/// Waits until the server has done with what a rate too high has left: it
/// would be taken for the next rate's.
fn rest(server: &Server) {
    const GLANCE: Duration = Duration::from_secs(1);
    let deadline = Instant::now() + REST;
    while Instant::now() < deadline {
        let before = server.running.cpu();
        sleep(GLANCE);
        let used = server.running.cpu() - before;
        if used.as_secs_f64() < RESTING * GLANCE.as_secs_f64() {
            return;
        }
    }
    eprintln!("  the server still has work after {REST:?}");
}

/// Doubles the rate until it is too high, halves the step until the rate is
/// known, and has it hold once more: the first time may have been luck. A rate
/// that does not gives way to the next lower one, which must hold twice.
fn search(mut offer: impl FnMut(u32) -> Verdict) -> Result<Highest> {
    let (mut good, mut bad) = (0, None);
    let mut limit = "the search's own";
    while good < LAST && bad.is_none_or(|bad| bad - good > bad / PARTS) {
        let rate = match bad {
            Some(bad) => good + (bad - good) / 2,
            None => (good * 2).max(FIRST),
        };
        match offer(rate) {
            Verdict::Holds => good = rate,
            Verdict::TooHigh(by) => {
                bad = Some(rate);
                limit = by;
            }
        }
    }
    let mut held = 1;
    while good > 0 && held < 2 {
        match offer(good) {
            Verdict::Holds => held += 1,
            Verdict::TooHigh(by) => {
                good -= good.div_ceil(PARTS);
                held = 0;
                limit = by;
            }
        }
    }
    if good == 0 {
        bail!("no rate holds");
    }
    Ok(Highest {
        rate: good.into(),
        limit,
    })
}

/// What a run says of its rate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Holds,
    /// And whose limit that is.
    TooHigh(&'static str),
}

fn judge(rate: u32, outcome: &Outcome) -> Verdict {
    let all = (outcome.completed + outcome.failed).max(1) as f64;
    let failed = outcome.failed as f64 / all;
    eprintln!(
        "  {rate}/s: {:.0}/s done, {:.3} % failed, generator {:.0} % busy",
        outcome.rate(),
        failed * 100.0,
        outcome.busy() * 100.0
    );
    let offered = outcome.rate() >= f64::from(rate) * OFFERED;
    if failed < FAILED && offered && outcome.invalid.is_none() {
        Verdict::Holds
    } else if outcome.busy() > BUSY || outcome.invalid.is_some() {
        Verdict::TooHigh("the generator's core")
    } else {
        Verdict::TooHigh("the server")
    }
}

/// Median over the runs of p50 and p99, in microseconds.
pub fn latency(
    server: &Server,
    generator: &dyn Generator,
    order: &Order,
    rounds: u32,
) -> Result<(f64, f64)> {
    let (mut halves, mut tails) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (outcome, judged) = run_once(server, generator, order)?;
        if let (Ok(_), Some((p50, p99))) = (&judged, outcome.latency) {
            halves.push(p50.as_secs_f64() * 1e6);
            tails.push(p99.as_secs_f64() * 1e6);
        } else if let Err(reason) = judged {
            eprintln!("  a run does not count: {reason}");
        }
    }
    if halves.is_empty() {
        bail!("no run counts");
    }
    Ok((median(halves), median(tails)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn outcome(completed: u64, failed: u64, cpu_s: f64) -> Outcome {
        Outcome {
            completed,
            failed,
            wall: Duration::from_secs(1),
            cpu: Duration::from_secs_f64(cpu_s),
            latency: None,
            invalid: None,
        }
    }

    #[test]
    fn a_rate_holds_when_offered_and_nearly_nothing_fails() {
        assert_eq!(judge(10_000, &outcome(9_995, 5, 0.5)), Verdict::Holds);
        assert_eq!(
            judge(10_000, &outcome(9_980, 20, 0.5)),
            Verdict::TooHigh("the server")
        );
        assert_eq!(
            judge(10_000, &outcome(8_000, 0, 0.99)),
            Verdict::TooHigh("the generator's core")
        );
    }

    /// Offers rates to something that holds up to `highest`, except that it has
    /// luck the first time up to `lucky`.
    fn found(highest: u32, lucky: u32) -> Result<Highest> {
        let mut seen = Vec::new();
        search(|rate| {
            let first = !seen.contains(&rate);
            seen.push(rate);
            if rate <= highest || first && rate <= lucky {
                Verdict::Holds
            } else {
                Verdict::TooHigh("the server")
            }
        })
    }

    #[test]
    fn the_rate_found_has_held_twice() {
        for (highest, lucky) in [(15_000, 0), (15_000, 20_000), (2_300, 50_000)] {
            let rate = found(highest, lucky).expect("some rate").rate;
            let highest = f64::from(highest);
            assert!(rate <= highest && rate > highest * 0.9, "{rate} {highest}");
        }
        assert!(found(0, 5_000).is_err());
        assert_eq!(found(u32::MAX, 0).expect("all").limit, "the search's own");
    }
}
