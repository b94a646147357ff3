//! A run as plain text: aligned for a reader, and for a script one fact per
//! line, its columns two or more spaces apart, the first one its name.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::figure::{moment, share, stages};
use crate::results::{Results, Stage, Verdict};

/// Times in microseconds, in the order of the columns.
const COLUMNS: [&str; 9] = [
    "count", "min_us", "mean_us", "p50_us", "p90_us", "p99_us", "p999_us", "p9999_us", "max_us",
];

/// The whole run. Ends with a line end.
pub fn text(results: &Results) -> String {
    let mut out = String::new();
    summary(&mut out, results);
    stage_table(&mut out, "stage", &stages(results));
    let begun = results.units.begun;
    causes(&mut out, "failures", &results.failures, begun);
    causes(&mut out, "retransmissions", &results.retransmissions, begun);
    causes(&mut out, "losses", &results.losses, begun);
    generator(&mut out, results);
    for warning in &results.warnings {
        fact(&mut out, "warning", warning);
    }
    verdict(&mut out, &results.verdict);
    out
}

fn fact(out: &mut String, name: &str, value: impl std::fmt::Display) {
    let _ = writeln!(out, "{name:<18}  {value}");
}

fn summary(out: &mut String, results: &Results) {
    let units = &results.units;
    fact(out, "scenario", &results.scenario);
    fact(out, "arrival", &results.arrival);
    fact(out, "began", moment(results.started_unix_ms));
    fact(out, "wall_s", format_args!("{:.1}", results.wall_s));
    fact(out, "seed", results.seed);
    fact(out, "offered_per_s", format_args!("{:.1}", results.offered));
    fact(
        out,
        "achieved_per_s",
        format_args!("{:.1}", results.achieved),
    );
    fact(out, "begun", units.begun);
    fact(out, "completed", units.completed);
    fact(
        out,
        "failed",
        format_args!("{}  {}", units.failed, share(units.failed, units.begun)),
    );
    fact(out, "in_flight_at_end", units.in_flight_at_end);
    if let Some(sides) = &results.sides {
        fact(out, "caller_answered", sides.caller_answered);
        fact(out, "callee_answered", sides.callee_answered);
        fact(out, "ghosts", sides.ghosts);
    }
}

/// A row per stage; nothing at all when there is none.
fn stage_table(out: &mut String, heading: &str, stages: &[(&str, &Stage)]) {
    if stages.is_empty() {
        return;
    }
    let _ = write!(out, "\n{heading:<18}");
    for column in COLUMNS {
        let _ = write!(out, "  {column:>9}");
    }
    out.push('\n');
    for (name, stage) in stages {
        let _ = write!(out, "{name:<18}");
        for value in [stage.count, stage.min_us] {
            let _ = write!(out, "  {value:>9}");
        }
        let _ = write!(out, "  {:>9.1}", stage.mean_us);
        for value in [
            stage.p50_us,
            stage.p90_us,
            stage.p99_us,
            stage.p999_us,
            stage.p9999_us,
            stage.max_us,
        ] {
            let _ = write!(out, "  {value:>9}");
        }
        out.push('\n');
    }
}

fn causes(out: &mut String, heading: &str, rows: &BTreeMap<String, u64>, begun: u64) {
    if rows.is_empty() {
        return;
    }
    let width = rows.keys().map(|cause| cause.chars().count()).max();
    let width = width.unwrap_or_default().max(18);
    let _ = writeln!(out, "\n{heading:<width$}  {:>9}  of units", "count");
    for (cause, &count) in rows {
        let _ = writeln!(out, "{cause:<width$}  {count:>9}  {}", share(count, begun));
    }
}

fn generator(out: &mut String, results: &Results) {
    let generator = &results.generator;
    let own = [
        ("send lateness", &generator.send_lateness),
        ("timer slip", &generator.timer_slip),
    ];
    let own = own.into_iter().filter(|(_, stage)| stage.count > 0);
    stage_table(out, "generator", &own.collect::<Vec<_>>());
    out.push('\n');
    let busiest = generator.busiest * 100.0;
    fact(
        out,
        "busiest_thread",
        format_args!("{busiest:.0} % of a CPU"),
    );
    fact(
        out,
        "cpu_us_per_unit",
        format_args!("{:.1}", generator.cpu_us_per_unit),
    );
    for (thread, cpu_s) in generator.cpu_s.iter().enumerate() {
        fact(
            out,
            &format!("cpu_s_thread_{thread}"),
            format_args!("{cpu_s:.2}"),
        );
    }
    fact(out, "kernel_drops", generator.kernel_drops);
    fact(out, "rcvbuf_errors", generator.rcvbuf_errors);
    fact(out, "send_drops", generator.send_drops);
    fact(out, "skipped", generator.skipped);
    fact(out, "strays", results.strays);
}

/// Last, where the eye is when a run ends.
fn verdict(out: &mut String, verdict: &Verdict) {
    match verdict {
        Verdict::Valid => fact(out, "verdict", "valid"),
        Verdict::Invalid { reasons } => {
            fact(out, "verdict", "INVALID: the generator was the limit");
            for reason in reasons {
                fact(out, "reason", reason);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    /// The columns of the line of that name.
    fn row<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
        let columns = |line: &'a str| -> Vec<&'a str> {
            line.split("  ")
                .map(str::trim)
                .filter(|column| !column.is_empty())
                .collect()
        };
        text.lines()
            .map(columns)
            .find(|columns| columns.first() == Some(&name))
            .unwrap_or_else(|| panic!("no {name} in\n{text}"))
    }

    #[test]
    fn each_fact_is_found_by_its_name() {
        let results = sample::call(1);
        let text = text(&results);
        assert_eq!(row(&text, "completed"), ["completed", "149976"]);
        assert_eq!(row(&text, "failed"), ["failed", "24", "0.02 %"]);
        assert_eq!(
            row(&text, "INVITE: peer silent"),
            ["INVITE: peer silent", "37", "0.02 %"]
        );
        let stage = &results.stages["invite-200"];
        let told = row(&text, "invite-200");
        assert_eq!(told.len(), 1 + COLUMNS.len());
        assert_eq!(told[6], stage.p99_us.to_string());
        assert_eq!(row(&text, "stage")[6], "p99_us");
        assert_eq!(row(&text, "verdict"), ["verdict", "valid"]);
        assert!(!text.contains("losses"), "{text}");
    }

    #[test]
    fn an_invalid_run_ends_with_its_reasons() {
        let mut results = sample::call(1);
        results.verdict = Verdict::Invalid {
            reasons: vec!["send lateness p99 is 40 ms".into()],
        };
        let text = text(&results);
        assert!(
            text.ends_with("reason              send lateness p99 is 40 ms\n"),
            "{text}"
        );
        assert!(row(&text, "verdict")[1].starts_with("INVALID"));
    }
}
