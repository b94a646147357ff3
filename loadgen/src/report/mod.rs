//! What a run has to tell, for people.

use std::fmt::Write as _;

use crate::results::{Results, Verdict};

/// The results in words and columns.
pub fn text(results: &Results) -> String {
    let mut text = String::new();
    let units = &results.units;
    let _ = writeln!(
        text,
        "{} for {:.1} s, {}, seed {}\nbegun {}  completed {}  failed {}  running at the end {}  ({:.1}/s)",
        results.scenario,
        results.wall_s,
        results.arrival,
        results.seed,
        units.begun,
        units.completed,
        units.failed,
        units.in_flight_at_end,
        results.achieved,
    );
    if let Some(sides) = &results.sides {
        let _ = writeln!(
            text,
            "answered: caller {}, callee {}; ended: caller {}, callee {}; ghosts {}",
            sides.caller_answered,
            sides.callee_answered,
            sides.caller_ended,
            sides.callee_ended,
            sides.ghosts
        );
    }
    for (title, counts) in [
        ("failure", &results.failures),
        ("again", &results.retransmissions),
        ("loss", &results.losses),
    ] {
        for (cause, count) in counts {
            let _ = writeln!(text, "{title:8} {count:>9}  {cause}");
        }
    }
    let own = [
        ("send lateness", &results.generator.send_lateness),
        ("timer slip", &results.generator.timer_slip),
    ];
    let stages = results
        .stages
        .iter()
        .map(|(name, stage)| (name.as_str(), stage));
    for (name, stage) in stages.chain(own) {
        let _ = writeln!(
            text,
            "{name:14} {:>9}  p50 {} us  p99 {} us  p99.99 {} us  max {} us",
            stage.count, stage.p50_us, stage.p99_us, stage.p9999_us, stage.max_us
        );
    }
    let _ = writeln!(
        text,
        "generator: {:.1} us of CPU per unit, busiest thread {:.0} %",
        results.generator.cpu_us_per_unit,
        results.generator.busiest * 100.0
    );
    if let Verdict::Invalid { reasons } = &results.verdict {
        for reason in reasons {
            let _ = writeln!(text, "INVALID: {reason}");
        }
    }
    text
}
