//! Two runs side by side: the ratios of their figures with intervals, what
//! differs in how they were made, and whether the second is worse.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::figure::digits;
use super::interval::{self, Interval};
use crate::results::{Results, Second, Stage, Verdict};

/// Quantiles compared of each stage.
const QUANTILES: [(&str, f64); 5] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p99", 0.99),
    ("p99.9", 0.999),
    ("p99.99", 0.9999),
];

/// What the second run's figure is to the first's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Judgement {
    /// Better by more than the tolerance, throughout the interval.
    Better,
    /// Worse by more than the tolerance, throughout the interval.
    Worse,
    /// The interval does not leave the tolerance.
    Same,
    /// The interval is too wide to say, or there is none.
    Open,
}

/// One figure of both runs.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is, with its unit.
    pub name: String,
    /// The first run's.
    pub a: f64,
    /// The second run's.
    pub b: f64,
    /// Of b to a, 95 %; `None` for a figure that a run has only one of.
    pub interval: Option<Interval>,
    /// What that says of b.
    pub judgement: Judgement,
}

/// Something that makes the comparison doubtful.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// What differs.
    pub name: String,
    /// In the first run.
    pub a: String,
    /// In the second run.
    pub b: String,
}

/// Two runs beside each other.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The figures.
    pub rows: Vec<Row>,
    /// What differs in flags and environment.
    pub differences: Vec<Difference>,
    /// One sentence for each reason not to believe a run.
    pub invalid: Vec<String>,
}

/// Compares run `b` to run `a`. A figure is better or worse when the 95 %
/// interval of its ratio lies wholly more than `tolerance` (0.05 for 5 %) on
/// that side.
///
/// The intervals: of a quantile by order statistics, which need no assumption
/// about the distribution; of the rate completed by the scatter of its
/// seconds; of the share failed by Wilson's score. Each run's holds with
/// √0.95, so that the ratio's holds with 95 %. The processor time per unit is
/// one figure a run and has none.
pub fn compare(a: &Results, b: &Results, tolerance: f64) -> Comparison {
    let mut rows = vec![rate(a, b, tolerance), failed(a, b, tolerance), cpu(a, b)];
    rows.extend(ghosts(a, b));
    for (name, first) in &a.stages {
        if let Some(second) = b.stages.get(name) {
            rows.extend(quantiles(name, first, second, tolerance));
        }
    }
    let told = |name: &str, results: &Results| match &results.verdict {
        Verdict::Valid => None,
        Verdict::Invalid { reasons } => {
            Some(format!("run {name} is INVALID: {}", reasons.join("; ")))
        }
    };
    Comparison {
        rows,
        differences: differences(a, b),
        invalid: told("a", a).into_iter().chain(told("b", b)).collect(),
    }
}

impl Comparison {
    /// Whether some figure of the second run is worse.
    pub fn is_worse(&self) -> bool {
        let worse = |row: &Row| row.judgement == Judgement::Worse;
        self.rows.iter().any(worse)
    }

    /// 3 when a run is INVALID, else 1 when the second is worse, else 0.
    pub fn exit_status(&self) -> u8 {
        match (self.invalid.is_empty(), self.is_worse()) {
            (false, _) => 3,
            (true, true) => 1,
            (true, false) => 0,
        }
    }
}

fn judge(interval: Option<Interval>, tolerance: f64, more_is_better: bool) -> Judgement {
    let Some(Interval { low, high }) = interval else {
        return Judgement::Open;
    };
    let (least, most) = (1.0 / (1.0 + tolerance), 1.0 + tolerance);
    match (low > most, high < least) {
        (true, _) if more_is_better => Judgement::Better,
        (true, _) => Judgement::Worse,
        (_, true) if more_is_better => Judgement::Worse,
        (_, true) => Judgement::Better,
        _ if low >= least && high <= most => Judgement::Same,
        _ => Judgement::Open,
    }
}

/// The seconds between a run's beginning and its end, in which no unit has
/// ended yet or the last ones are waited for: those between the first and the
/// last that reach half of the median.
fn steady(series: &[Second]) -> &[Second] {
    let mut counts: Vec<u64> = series.iter().map(|second| second.completed).collect();
    counts.sort_unstable();
    let median = counts.get(counts.len() / 2).copied().unwrap_or_default();
    let full = |second: &Second| second.completed >= median.div_ceil(2);
    let first = series.iter().position(full).unwrap_or_default() + 1;
    let last = series.iter().rposition(full).unwrap_or_default();
    series.get(first..last).unwrap_or_default()
}

/// How long a step of the series is, in seconds.
fn step_s(series: &[Second]) -> f64 {
    match series {
        [first, second, ..] if second.at_s > first.at_s => second.at_s - first.at_s,
        _ => 1.0,
    }
}

fn rate(a: &Results, b: &Results, tolerance: f64) -> Row {
    let of = |results: &Results| {
        let steady = steady(&results.series).iter();
        let interval = interval::of_mean(steady.map(|second| second.completed))?;
        Some(interval.scaled(1.0 / step_s(&results.series)))
    };
    let interval = of(a).zip(of(b)).map(|(a, b)| b.over(a));
    Row {
        name: "completed per s".into(),
        a: a.achieved,
        b: b.achieved,
        interval,
        judgement: judge(interval, tolerance, true),
    }
}

fn failed(a: &Results, b: &Results, tolerance: f64) -> Row {
    let percent =
        |results: &Results| super::figure::percent(results.units.failed, results.units.begun);
    let of = |results: &Results| interval::of_share(results.units.failed, results.units.begun);
    let interval = of(a).zip(of(b)).map(|(a, b)| b.over(a));
    Row {
        name: "failed %".into(),
        a: percent(a),
        b: percent(b),
        interval,
        judgement: judge(interval, tolerance, false),
    }
}

/// Calls that one end knows and the other does not: each is one too many, so
/// no interval and no tolerance excuses them. No row where no run has two ends.
fn ghosts(a: &Results, b: &Results) -> Option<Row> {
    let of = |results: &Results| results.sides.as_ref().map(|sides| sides.ghosts);
    of(a).or(of(b))?;
    let (a, b) = (of(a).unwrap_or_default(), of(b).unwrap_or_default());
    Some(Row {
        name: "ghosts".into(),
        a: a as f64,
        b: b as f64,
        interval: None,
        judgement: match b.cmp(&a) {
            Ordering::Less => Judgement::Better,
            Ordering::Equal => Judgement::Same,
            Ordering::Greater => Judgement::Worse,
        },
    })
}

fn cpu(a: &Results, b: &Results) -> Row {
    Row {
        name: "generator cpu_us per unit".into(),
        a: a.generator.cpu_us_per_unit,
        b: b.generator.cpu_us_per_unit,
        interval: None,
        judgement: Judgement::Open,
    }
}

fn quantiles(name: &str, a: &Stage, b: &Stage, tolerance: f64) -> Vec<Row> {
    let (Some(a), Some(b)) = (a.samples(), b.samples()) else {
        return Vec::new();
    };
    let row = |&(label, quantile): &(&str, f64)| {
        let (low, high) = (
            interval::of_quantile(&a, quantile)?,
            interval::of_quantile(&b, quantile)?,
        );
        let interval = Some(high.over(low));
        Some(Row {
            name: format!("{name} {label}_us"),
            a: a.value_at_quantile(quantile) as f64,
            b: b.value_at_quantile(quantile) as f64,
            interval,
            judgement: judge(interval, tolerance, false),
        })
    };
    QUANTILES.iter().filter_map(row).collect()
}

/// Everything that should have been the same. Seeds and file names differ by
/// intention and are left out.
fn differences(a: &Results, b: &Results) -> Vec<Difference> {
    let (first, second) = (conditions(a), conditions(b));
    let names: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
    let absent = || "absent".to_owned();
    names
        .into_iter()
        .filter(|&name| first.get(name) != second.get(name))
        .map(|name| Difference {
            name: name.clone(),
            a: first.get(name).cloned().unwrap_or_else(absent),
            b: second.get(name).cloned().unwrap_or_else(absent),
        })
        .collect()
}

fn conditions(results: &Results) -> BTreeMap<String, String> {
    let environment = &results.environment;
    let mut conditions: BTreeMap<String, String> = [
        ("scenario", results.scenario.clone()),
        ("arrival", results.arrival.clone()),
        ("flags", flags(&results.flags)),
        ("cpu", environment.cpu.clone()),
        ("cores", environment.cores.to_string()),
        ("kernel", environment.kernel.clone()),
        ("governor", environment.governor.clone()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    for (name, value) in environment.sysctls.iter().chain(&environment.versions) {
        conditions.insert(name.clone(), value.clone());
    }
    conditions
}

/// The command line without what names an output or a seed.
fn flags(flags: &[String]) -> String {
    const OWN: [&str; 3] = ["--seed", "--json", "--html"];
    let mut kept = Vec::new();
    let mut rest = flags.iter();
    while let Some(flag) = rest.next() {
        if OWN.contains(&flag.as_str()) {
            rest.next();
        } else if !OWN.iter().any(|own| flag.starts_with(&format!("{own}="))) {
            kept.push(flag.as_str());
        }
    }
    kept.join(" ")
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for reason in &self.invalid {
            writeln!(f, "WARNING: {reason}")?;
        }
        for Difference { name, a, b } in &self.differences {
            writeln!(f, "differs: {name}  a: {a}  b: {b}")?;
        }
        let width = self.rows.iter().map(|row| row.name.len()).max();
        let width = width.unwrap_or_default();
        writeln!(
            f,
            "{:<width$}  {:>10}  {:>10}  {:>7}  {:>15}  b is",
            "figure", "a", "b", "b/a", "95 % interval"
        )?;
        self.rows.iter().try_for_each(|row| {
            let (ratio, interval) = row.ratio();
            let judgement = match row.judgement {
                Judgement::Better => "better",
                Judgement::Worse => "WORSE",
                Judgement::Same => "the same",
                Judgement::Open => "-",
            };
            writeln!(
                f,
                "{:<width$}  {:>10}  {:>10}  {ratio:>7}  {interval:>15}  {judgement}",
                row.name,
                digits(row.a),
                digits(row.b),
            )
        })
    }
}

impl Row {
    /// Ratio and interval as written; "-" where there is none.
    fn ratio(&self) -> (String, String) {
        let ratio = if self.a > 0.0 {
            format!("{:.3}", self.b / self.a)
        } else {
            "-".into()
        };
        let interval = match self.interval {
            None => "-".into(),
            Some(Interval { low, high }) if high.is_infinite() => format!("over {low:.3}"),
            Some(Interval { low, high }) => format!("{low:.3} to {high:.3}"),
        };
        (ratio, interval)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::results::Sides;
    use pinion_sip::base::Random;

    fn row<'a>(comparison: &'a Comparison, name: &str) -> &'a Row {
        let found = comparison.rows.iter().find(|row| row.name == name);
        found.unwrap_or_else(|| panic!("no {name}"))
    }

    #[test]
    fn two_runs_alike_are_the_same() {
        let comparison = compare(&sample::call(1), &sample::call(2), 0.05);
        assert_eq!(comparison.exit_status(), 0);
        let median = row(&comparison, "invite-200 p50_us");
        assert_eq!(median.judgement, Judgement::Same);
        let interval = median.interval.unwrap();
        assert!(interval.low <= 1.0 && 1.0 <= interval.high, "{interval:?}");
        assert_eq!(
            row(&comparison, "completed per s").judgement,
            Judgement::Same
        );
        assert_eq!(
            row(&comparison, "generator cpu_us per unit").judgement,
            Judgement::Open
        );
        assert_eq!(comparison.differences, []);
    }

    #[test]
    fn a_slower_run_is_worse_and_the_other_way_round_better() {
        let quick = sample::call(1);
        let mut slow = sample::call(2);
        let slower = sample::stage(&mut Random::from_u64(3), 150_000, 600);
        slow.stages.insert("invite-200".into(), slower);
        let comparison = compare(&quick, &slow, 0.05);
        assert_eq!(
            row(&comparison, "invite-200 p99_us").judgement,
            Judgement::Worse
        );
        assert_eq!(row(&comparison, "ack p99_us").judgement, Judgement::Same);
        assert_eq!(comparison.exit_status(), 1);
        let back = compare(&slow, &quick, 0.05);
        assert_eq!(row(&back, "invite-200 p99_us").judgement, Judgement::Better);
        assert_eq!(back.exit_status(), 0);
        assert_eq!(compare(&quick, &slow, 0.6).exit_status(), 0);
    }

    #[test]
    fn more_failures_are_worse_once_they_are_sure() {
        let mut few = sample::call(1);
        few.units.failed = 0;
        let mut many = few.clone();
        many.units.failed = 2;
        assert_eq!(
            row(&compare(&few, &many, 0.05), "failed %").judgement,
            Judgement::Open
        );
        many.units.failed = 500;
        assert_eq!(
            row(&compare(&few, &many, 0.05), "failed %").judgement,
            Judgement::Worse
        );
    }

    #[test]
    fn one_ghost_more_is_worse() {
        let (clean, mut haunted) = (sample::call(1), sample::call(2));
        let ghosts = |ghosts| Sides {
            ghosts,
            ..Sides::default()
        };
        haunted.sides = Some(ghosts(1));
        let comparison = compare(&clean, &haunted, 0.05);
        assert_eq!(row(&comparison, "ghosts").judgement, Judgement::Worse);
        assert_eq!(comparison.exit_status(), 1);
        assert_eq!(compare(&haunted, &clean, 0.05).exit_status(), 0);
    }

    #[test]
    fn the_rate_is_that_of_the_steady_seconds() {
        let completed = [0, 0, 60, 100, 101, 99, 100, 55, 0];
        let series = completed.map(|completed| Second {
            completed,
            ..Second::default()
        });
        let steady: Vec<u64> = steady(&series)
            .iter()
            .map(|second| second.completed)
            .collect();
        assert_eq!(steady, [100, 101, 99, 100]);
        assert!(super::steady(&[]).is_empty() && super::steady(&series[..1]).is_empty());
    }

    #[test]
    fn a_series_of_longer_steps_is_of_the_same_rate() {
        let run = |step_s: u64| {
            let second = |number: u64| Second {
                at_s: (number * step_s) as f64,
                completed: 100 * step_s,
                ..Second::default()
            };
            let mut results = sample::call(1);
            results.series = (0..20).map(second).collect();
            results
        };
        let comparison = compare(&run(1), &run(10), 0.05);
        let rate = row(&comparison, "completed per s");
        assert_eq!(rate.judgement, Judgement::Same, "{rate:?}");
    }

    #[test]
    fn an_invalid_run_is_no_ground_for_a_judgement() {
        let mut doubtful = sample::call(2);
        doubtful.verdict = Verdict::Invalid {
            reasons: vec!["kernel drops".into()],
        };
        let comparison = compare(&sample::call(1), &doubtful, 0.05);
        assert_eq!(comparison.exit_status(), 3);
        let text = comparison.to_string();
        assert!(
            text.starts_with("WARNING: run b is INVALID: kernel drops\n"),
            "{text}"
        );
    }

    #[test]
    fn what_was_done_otherwise_is_told() {
        let first = sample::call(1);
        let mut second = sample::call(1);
        second.environment.kernel = "6.12.0".into();
        second
            .flags
            .extend(["--seed", "9", "--json=b.json"].map(String::from));
        second
            .environment
            .sysctls
            .insert("net.core.busy_poll".into(), "50".into());
        let names = |results: &Results| -> Vec<String> {
            let comparison = compare(&first, results, 0.05);
            comparison
                .differences
                .into_iter()
                .map(|each| each.name)
                .collect()
        };
        assert_eq!(names(&second), ["kernel", "net.core.busy_poll"]);
        second.flags.extend(["--hold", "10s"].map(String::from));
        assert_eq!(names(&second), ["flags", "kernel", "net.core.busy_poll"]);
    }
}
