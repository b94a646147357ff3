//! The highest rate at which fewer than one in a thousand fails, and how long
//! answers take at a rate.

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

/// What was found.
pub struct Highest {
    /// Units a second.
    pub rate: f64,
    /// What kept it from going higher.
    pub limit: &'static str,
}

/// Doubles the rate until it is too high, then halves the step.
pub fn find(
    server: &Server,
    generator: &dyn Generator,
    order: &dyn Fn(u32) -> Order,
) -> Result<Highest> {
    let (mut good, mut bad) = (0, None);
    let mut limit = "the search's own";
    while good < LAST && bad.is_none_or(|bad| bad - good > bad / PARTS) {
        let rate = match bad {
            Some(bad) => good + (bad - good) / 2,
            None => (good * 2).max(FIRST),
        };
        let (holds, by) = match run_once(server, generator, &order(rate)) {
            Ok((outcome, _)) => judge(rate, &outcome),
            // Too much load may leave a generator waiting beyond its time.
            Err(error) => {
                eprintln!("  {rate}/s: {error:#}");
                (false, "the server")
            }
        };
        if holds {
            good = rate;
        } else {
            bad = Some(rate);
            limit = by;
        }
    }
    if good == 0 {
        bail!("not even {FIRST}/s hold");
    }
    Ok(Highest {
        rate: good.into(),
        limit,
    })
}

/// Whether a run at `rate` holds, and else whose limit that is.
fn judge(rate: u32, outcome: &Outcome) -> (bool, &'static str) {
    let all = (outcome.completed + outcome.failed).max(1) as f64;
    let failed = outcome.failed as f64 / all;
    eprintln!(
        "  {rate}/s: {:.0}/s done, {:.3} % failed, generator {:.0} % busy",
        outcome.rate(),
        failed * 100.0,
        outcome.busy() * 100.0
    );
    let offered = outcome.rate() >= f64::from(rate) * OFFERED;
    let holds = failed < FAILED && offered && outcome.invalid.is_none();
    let limit = if outcome.busy() > BUSY || outcome.invalid.is_some() {
        "the generator's core"
    } else {
        "the server"
    };
    (holds, limit)
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
        assert!(judge(10_000, &outcome(9_995, 5, 0.5)).0);
        assert_eq!(
            judge(10_000, &outcome(9_980, 20, 0.5)),
            (false, "the server")
        );
        assert_eq!(
            judge(10_000, &outcome(8_000, 0, 0.99)),
            (false, "the generator's core")
        );
    }
}
