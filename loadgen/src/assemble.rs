//! Puts together what all threads of a run left: one [`Results`]. Decides what
//! is a ghost call and what a loss; measures nothing.

use std::collections::BTreeMap;

use crate::host;
use crate::plan::{Load, Plan};
use crate::results::{Generator, Results, Second, Sides, Stage, Units, VERSION};
use crate::run::Reaped;
use crate::tally::{Again, End, Tally};
use crate::verdict::{Watched, doubts, judge};

/// Everything a run leaves.
pub struct Harvest {
    /// When it began, in milliseconds since 1970 UTC.
    pub started_unix_ms: u64,
    /// Each thread's part.
    pub threads: Vec<Reaped>,
    /// The runtime's counters, of all threads together.
    pub counters: Vec<(&'static str, u64)>,
    /// Datagrams its own sockets had no room for, by the kernel's list of them.
    pub kernel_drops: u64,
    /// Growth of RcvbufErrors on the host.
    pub rcvbuf_errors: u64,
}

/// The results of `plan`.
pub fn assemble(plan: &Plan, harvest: Harvest) -> Results {
    let Harvest {
        started_unix_ms,
        threads,
        counters,
        kernel_drops,
        rcvbuf_errors,
    } = harvest;
    let mut tally = Tally::new(plan.duration);
    for thread in &threads {
        tally.add(&thread.tally);
    }
    let wall_s = threads
        .iter()
        .map(|thread| thread.wall_s)
        .fold(0.0, f64::max);
    let counter = |name| {
        counters
            .iter()
            .find(|(known, _)| *known == name)
            .map_or(0, |&(_, value)| value)
    };
    let cpu_s: Vec<f64> = threads.iter().map(|thread| thread.cpu_s).collect();
    let shares = threads.iter().map(|thread| thread.busiest);
    let main = tally.main().filter(|_| !plan.units.is_empty());
    let watched = Watched {
        open: plan.units.is_empty() || matches!(plan.load, Load::Open(_)),
        wall_s,
        busiest: shares.fold(0.0, f64::max),
        lateness_p99_us: tally.lateness.value_at_quantile(0.99),
        slip_p99_us: tally.slip.value_at_quantile(0.99),
        kernel_drops: kernel_drops.max(counter("udp_kernel_drops")),
        send_drops: counter("udp_send_drops"),
        skipped: tally.skipped,
        faults: counter("faults"),
    };
    let generator = Generator {
        cpu_us_per_unit: cpu_s.iter().sum::<f64>() * 1e6 / tally.begun.max(1) as f64,
        cpu_s,
        send_lateness: Stage::new(&tally.lateness),
        timer_slip: Stage::new(&tally.slip),
        kernel_drops: watched.kernel_drops,
        rcvbuf_errors,
        busiest: watched.busiest,
        send_drops: watched.send_drops,
        skipped: watched.skipped,
    };
    Results {
        version: VERSION,
        scenario: plan.scenario.clone(),
        flags: plan.flags.clone(),
        seed: plan.seed,
        environment: host::environment(),
        started_unix_ms,
        wall_s,
        arrival: plan.arrival(),
        offered: plan.offered(),
        achieved: achieved(&threads, wall_s),
        units: Units {
            begun: tally.begun,
            completed: tally.completed,
            failed: tally.failed,
            in_flight_at_end: tally.begun - tally.completed - tally.failed,
        },
        failures: named(&tally.failures),
        retransmissions: retransmissions(&tally, watched.kernel_drops),
        losses: losses(&counters, rcvbuf_errors, watched.kernel_drops),
        sides: sides(plan, &tally),
        stages: tally.stages(),
        series: series(&tally),
        verdict: judge(&watched),
        warnings: doubts(&tally.lateness, main),
        strays: tally.strays,
        generator,
    }
}

/// Units completed a second while units began. Where they began at one moment,
/// or nobody knows how long they take, a second of the whole run.
fn achieved(threads: &[Reaped], wall_s: f64) -> f64 {
    let tallies = || threads.iter().map(|thread| &thread.tally);
    let offering = tallies().map(Tally::offering).max().unwrap_or_default();
    if offering.is_zero() {
        let completed: u64 = tallies().map(|tally| tally.completed).sum();
        return completed as f64 / wall_s.max(1e-9);
    }
    let in_time: u64 = tallies().map(|tally| tally.in_time).sum();
    in_time as f64 / offering.as_secs_f64()
}

fn named<K: ToString>(counts: &BTreeMap<K, u64>) -> BTreeMap<String, u64> {
    let rows = counts
        .iter()
        .map(|(cause, &count)| (cause.to_string(), count));
    rows.collect()
}

/// Messages again, by cause. A datagram our own socket dropped has made its
/// sender silent without fault: as many of our timers, at most, are put down
/// to that.
fn retransmissions(tally: &Tally, kernel_drops: u64) -> BTreeMap<String, u64> {
    let mut left = kernel_drops;
    let mut causes = BTreeMap::new();
    for (cause, &count) in &tally.again {
        let dropped = match cause {
            Again::Silent(_) => count.min(left),
            Again::Late(_) | Again::Copy(_) => 0,
        };
        left -= dropped;
        let rows = [
            (cause.to_string(), count - dropped),
            ("dropped by our own sockets".to_owned(), dropped),
        ];
        for (name, count) in rows.into_iter().filter(|&(_, count)| count > 0) {
            *causes.entry(name).or_default() += count;
        }
    }
    causes
}

/// Datagrams known to be lost, by place. What the network loses is seen in
/// retransmissions and timeouts only.
fn losses(
    counters: &[(&'static str, u64)],
    rcvbuf_errors: u64,
    kernel_drops: u64,
) -> BTreeMap<String, u64> {
    let counter = |name| {
        let found = counters.iter().find(|(known, _)| *known == name);
        found.map_or(0, |&(_, value)| value)
    };
    [
        ("dropped by our own sockets", kernel_drops),
        (
            "dropped by other sockets of this host",
            rcvbuf_errors.saturating_sub(kernel_drops),
        ),
        ("refused by the kernel", counter("udp_send_errors")),
        ("no room on the way out", counter("udp_send_drops")),
    ]
    .into_iter()
    .filter(|&(_, count)| count > 0)
    .map(|(place, count)| (place.to_owned(), count))
    .collect()
}

/// Both ends' counts of calls, where both are here.
fn sides(plan: &Plan, tally: &Tally) -> Option<Sides> {
    let calls = plan
        .units
        .iter()
        .any(|&(unit, weight)| unit == crate::plan::Unit::Call && weight > 0);
    (calls && plan.callee.is_some()).then(|| Sides {
        caller_answered: tally.caller.answered,
        callee_answered: tally.callee.answered,
        caller_ended: tally.caller.ended,
        callee_ended: tally.callee.ended,
        ghosts: ghosts(&tally.caller, &tally.callee),
    })
}

/// Calls one end knows and the other does not, and answered ones that never
/// ended at an end. A refusal that the called side is planned to make, and did
/// not, is somebody else's. Equal counts of different calls show in their marks: then
/// at least one at each end is a ghost.
fn ghosts(caller: &End, callee: &End) -> u64 {
    let unmatched = caller.answered.abs_diff(callee.answered);
    let comparable = unmatched == 0 && callee.unmarked == 0;
    let mixed = if comparable && caller.marks != callee.marks {
        2
    } else {
        0
    };
    let unended = [caller, callee].map(|end| end.answered.saturating_sub(end.ended));
    let feigned = caller.refused.saturating_sub(callee.refused);
    unmatched + mixed + feigned + callee.strangers + unended.iter().sum::<u64>()
}

fn series(tally: &Tally) -> Vec<Second> {
    let (steps, step) = tally.series();
    let rows = steps.iter().zip(0_u32..);
    rows.map(|(found, number)| Second {
        at_s: step.as_secs_f64() * f64::from(number),
        begun: found.begun,
        completed: found.completed,
        failed: found.failed,
        p50_us: found.latencies.value_at_quantile(0.5),
        p99_us: found.latencies.value_at_quantile(0.99),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(answered: u64, ended: u64, marks: u64) -> End {
        End {
            begun: answered,
            answered,
            ended,
            refused: 0,
            marks,
            strangers: 0,
            unmarked: 0,
        }
    }

    #[test]
    fn ends_that_agree_have_no_ghosts() {
        assert_eq!(ghosts(&end(5, 5, 77), &end(5, 5, 77)), 0);
        assert_eq!(ghosts(&End::default(), &End::default()), 0);
    }

    #[test]
    fn each_disagreement_is_a_ghost() {
        assert_eq!(ghosts(&end(5, 5, 77), &end(4, 4, 60)), 1);
        assert_eq!(ghosts(&end(5, 5, 77), &end(5, 5, 78)), 2);
        let unmarked = End {
            unmarked: 1,
            ..end(5, 5, 78)
        };
        assert_eq!(ghosts(&end(5, 5, 77), &unmarked), 0);
        assert_eq!(ghosts(&end(5, 5, 77), &end(5, 3, 77)), 2);
        let refused = End {
            refused: 3,
            ..end(5, 5, 77)
        };
        assert_eq!(ghosts(&refused, &end(5, 5, 77)), 3);
        assert_eq!(ghosts(&end(5, 5, 77), &refused), 0);
        let stranger = End {
            strangers: 1,
            ..end(5, 5, 77)
        };
        assert_eq!(ghosts(&end(5, 5, 77), &stranger), 1);
    }

    #[test]
    fn our_own_drops_account_for_silence_but_not_for_copies() {
        let mut tally = Tally::new(std::time::Duration::from_secs(1));
        for _ in 0..5 {
            tally.again(Again::Silent("INVITE"));
            tally.again(Again::Copy("200"));
        }
        let causes = retransmissions(&tally, 2);
        assert_eq!(causes["INVITE: peer silent"], 3);
        assert_eq!(causes["200: copy from the peer"], 5);
        assert_eq!(causes["dropped by our own sockets"], 2);
        assert_eq!(retransmissions(&tally, 9)["dropped by our own sockets"], 5);
    }
}
