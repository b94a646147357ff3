//! A service level objective: bounds on what a run may show, as in
//! `p99<20ms,fail<0.01%` or `invite-200.p99.9<50ms,retrans<1%`.

use std::fmt;
use std::str::FromStr;

use crate::plan::Unit;
use crate::report::main_stages;
use crate::results::Results;
use crate::tally::Stage;

/// All bounds hold, or the objective is missed.
#[derive(Clone, PartialEq, Debug)]
pub struct Slo(Vec<Bound>);

/// One bound: `metric` stays below `limit`.
#[derive(Clone, PartialEq, Debug)]
pub struct Bound {
    /// What is bounded.
    pub metric: Metric,
    /// In microseconds for a latency, as a share (0.01 for 1 %) otherwise.
    pub limit: f64,
}

/// What can be bounded.
#[derive(Clone, PartialEq, Debug)]
pub enum Metric {
    /// A quantile of a stage's latency; 1 is the maximum. No stage means the
    /// scenario's main one.
    Quantile {
        /// Such as "invite-200".
        stage: Option<String>,
        /// 0 to 1.
        quantile: f64,
    },
    /// The mean latency of a stage.
    Mean {
        /// As for a quantile.
        stage: Option<String>,
    },
    /// Failed units of those begun.
    Fail,
    /// Messages sent again per unit begun.
    Retrans,
}

/// Why an objective cannot be read. One sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SloError {
    bound: String,
    fault: &'static str,
}

impl fmt::Display for SloError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}`: {}; bounds look like p99<20ms, invite-200.p99.9<1s, max<2s, mean<500us, fail<0.01%, retrans<1%",
            self.bound, self.fault
        )
    }
}

impl std::error::Error for SloError {}

impl FromStr for Slo {
    type Err = SloError;

    fn from_str(text: &str) -> Result<Slo, SloError> {
        let bound = |part: &str| {
            Bound::read(part).map_err(|fault| SloError {
                bound: part.trim().into(),
                fault,
            })
        };
        text.split(',')
            .map(bound)
            .collect::<Result<_, _>>()
            .map(Slo)
    }
}

impl Bound {
    fn read(text: &str) -> Result<Bound, &'static str> {
        let (metric, limit) = text.split_once('<').ok_or("no < in it")?;
        let metric = Metric::read(metric.trim()).ok_or("no such metric")?;
        if metric.stage().is_some_and(|stage| !is_stage(stage)) {
            return Err("no such stage; `pinion-load find-max --help` names them");
        }
        let limit = limit.trim();
        let limit = match metric {
            Metric::Quantile { .. } | Metric::Mean { .. } => {
                micros(limit).ok_or("a time needs a number and us, ms or s")?
            }
            Metric::Fail | Metric::Retrans => share(limit).ok_or("a share needs a number and %")?,
        };
        if limit > 0.0 {
            Ok(Bound { metric, limit })
        } else {
            Err("nothing is below zero")
        }
    }

    /// What a run shows of it, in the unit of the limit; `None` when the run
    /// has no such sample.
    fn shown(&self, results: &Results) -> Option<f64> {
        let per_unit = |count: u64| {
            let begun = results.units.begun;
            (begun > 0).then(|| count as f64 / begun as f64)
        };
        match &self.metric {
            Metric::Fail => per_unit(results.units.failed),
            Metric::Retrans => per_unit(results.retransmissions.values().sum()),
            Metric::Mean { stage } => worst(results, stage, |stage| Some(stage.mean_us)),
            Metric::Quantile { stage, quantile } => worst(results, stage, |stage| {
                let samples = stage.samples()?;
                Some(samples.value_at_quantile(*quantile) as f64)
            }),
        }
    }

    fn miss(&self, results: &Results) -> Option<String> {
        match self.shown(results) {
            None => Some(format!("{self} has no sample")),
            Some(shown) if shown < self.limit => None,
            Some(shown) => Some(format!("{self} is {}", self.written(shown))),
        }
    }

    fn written(&self, value: f64) -> String {
        match self.metric {
            Metric::Fail | Metric::Retrans => format!("{}%", short(value * 100.0)),
            Metric::Mean { .. } | Metric::Quantile { .. } if value < 1e3 => {
                format!("{}us", short(value))
            }
            _ if value < 1e6 => format!("{}ms", short(value / 1e3)),
            _ => format!("{}s", short(value / 1e6)),
        }
    }
}

/// The largest figure among the stages meant, which must all have samples.
fn worst(
    results: &Results,
    stage: &Option<String>,
    figure: impl Fn(&crate::results::Stage) -> Option<f64>,
) -> Option<f64> {
    let names = match stage {
        Some(name) => vec![name.as_str()],
        None => main_stages(results),
    };
    let figures = names.into_iter().map(|name| {
        let stage = results.stages.get(name).filter(|stage| stage.count > 0)?;
        figure(stage)
    });
    let figures: Vec<f64> = figures.collect::<Option<_>>()?;
    figures.into_iter().reduce(f64::max)
}

/// Whether runs can have samples of such a stage.
fn is_stage(name: &str) -> bool {
    Stage::ALL.iter().any(|stage| stage.name() == name)
}

impl Slo {
    /// The first stage it names that no run of these units has samples of.
    pub fn foreign_stage(&self, units: &[Unit]) -> Option<&str> {
        let stages = self.0.iter().filter_map(|bound| bound.metric.stage());
        let foreign = |stage: &&str| {
            let known = Stage::ALL.iter().find(|known| known.name() == *stage);
            let unit = known.and_then(|stage| stage.unit());
            unit.is_some_and(|unit| !units.contains(&unit))
        };
        { stages }.find(foreign)
    }
}

impl Metric {
    /// The stage it is about, if it names one.
    fn stage(&self) -> Option<&str> {
        match self {
            Metric::Quantile { stage, .. } | Metric::Mean { stage } => stage.as_deref(),
            Metric::Fail | Metric::Retrans => None,
        }
    }

    fn read(text: &str) -> Option<Metric> {
        match text {
            "fail" => return Some(Metric::Fail),
            "retrans" => return Some(Metric::Retrans),
            _ => {}
        }
        // A stage's name has no dot, a percentile may have one: the first counts.
        let (stage, figure) = match text.split_once('.') {
            Some((stage, figure)) if percentile(text).is_none() => (Some(stage), figure),
            _ => (None, text),
        };
        let stage = stage.map(str::to_owned);
        if stage.as_deref() == Some("") {
            return None;
        }
        match figure {
            "mean" => Some(Metric::Mean { stage }),
            "max" => Some(Metric::Quantile {
                stage,
                quantile: 1.0,
            }),
            _ => percentile(figure).map(|quantile| Metric::Quantile { stage, quantile }),
        }
    }
}

/// `p99`, `p99.9`, or `p999` for the same, as a quantile.
fn percentile(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('p')?;
    let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|d| d.is_ascii_digit());
    let percent = match digits.split_once('.') {
        Some((whole, rest)) if plain(whole) && plain(rest) => digits.parse().ok()?,
        None if plain(digits) && digits.len() <= 2 => digits.parse().ok()?,
        None if plain(digits) && digits.starts_with("99") => {
            let (whole, rest) = digits.split_at(2);
            format!("{whole}.{rest}").parse().ok()?
        }
        _ => return None,
    };
    let within: f64 = percent;
    (0.0 < within && within < 100.0).then_some(within / 100.0)
}

fn micros(text: &str) -> Option<f64> {
    let scales = [("us", 1.0), ("µs", 1.0), ("ms", 1e3), ("s", 1e6)];
    scales
        .into_iter()
        .find_map(|(unit, scale)| Some(number(text.strip_suffix(unit)?)? * scale))
}

fn share(text: &str) -> Option<f64> {
    Some(number(text.strip_suffix('%')?)? / 100.0)
}

/// Digits and a point; neither a sign, an exponent nor a word.
fn number(text: &str) -> Option<f64> {
    let text = text.trim_end();
    let plain = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    text.bytes().all(plain).then(|| text.parse().ok())?
}

/// As few digits as tell the value, at most six.
fn short(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Slo {
    /// What a run misses, one clause each; nothing when the objective is kept.
    /// No objective allows calls that only one end knows.
    pub fn misses(&self, results: &Results) -> Vec<String> {
        let ghosts = results.sides.as_ref().map_or(0, |sides| sides.ghosts);
        let ghosts = (ghosts > 0).then(|| format!("{ghosts} ghost calls"));
        let miss = |bound: &Bound| bound.miss(results);
        self.0.iter().filter_map(miss).chain(ghosts).collect()
    }
}

impl fmt::Display for Slo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, bound) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{bound}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}<{}", self.metric, self.written(self.limit))
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Metric::Quantile { stage, .. } | Metric::Mean { stage } => {
                if let Some(stage) = stage {
                    write!(f, "{stage}.")?;
                }
            }
            Metric::Fail | Metric::Retrans => {}
        }
        match self {
            Metric::Quantile { quantile, .. } if *quantile >= 1.0 => f.write_str("max"),
            Metric::Quantile { quantile, .. } => write!(f, "p{}", short(quantile * 100.0)),
            Metric::Mean { .. } => f.write_str("mean"),
            Metric::Fail => f.write_str("fail"),
            Metric::Retrans => f.write_str("retrans"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Stage;
    use hdrhistogram::Histogram;

    fn slo(text: &str) -> Slo {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn bounds_are_read_with_their_units() {
        let rows = [
            ("p99<20ms", "p99<20ms"),
            ("p99 < 20000us", "p99<20ms"),
            ("p999<1s", "p99.9<1s"),
            ("p99.99<1500us", "p99.99<1.5ms"),
            ("p5<1ms", "p5<1ms"),
            ("max<2s", "max<2s"),
            ("mean<500µs", "mean<500us"),
            ("fail<0.01%", "fail<0.01%"),
            ("retrans<1%", "retrans<1%"),
            ("invite-200.p99<20ms", "invite-200.p99<20ms"),
            ("invite-200.p99.9<20ms", "invite-200.p99.9<20ms"),
            ("bye-200.max<1s, fail<1%", "bye-200.max<1s,fail<1%"),
        ];
        for (text, wanted) in rows {
            assert_eq!(slo(text).to_string(), wanted);
        }
    }

    #[test]
    fn what_is_no_bound_is_refused_by_name() {
        for text in [
            "",
            "p99",
            "p99>20ms",
            "p99<20",
            "p99<20%",
            "p0<1s",
            "p100<1s",
            "p123<1s",
            "q99<1s",
            "fail<1ms",
            "fail<-1%",
            "fail<0%",
            "p99<1e3ms",
            "p99<infs",
            ".p99<1s",
            "a.fail<1%",
            "p99<20ms,",
            "p99<20ms,x<1s",
        ] {
            let error = text.parse::<Slo>().expect_err(text).to_string();
            let last = text.split(',').next_back().unwrap();
            assert!(error.contains(&format!("`{last}`")), "{text}: {error}");
        }
    }

    /// A hundred calls of 1 to 100 ms, one failed, three messages sent again.
    fn results() -> Results {
        let mut histogram = Histogram::new(3).unwrap();
        for ms in 1..=100 {
            histogram.record(ms * 1000).unwrap();
        }
        let mut results = Results {
            scenario: "call".into(),
            ..Results::default()
        };
        results.units.begun = 100;
        results.units.failed = 1;
        results.retransmissions.insert("INVITE".into(), 1);
        results.retransmissions.insert("BYE".into(), 2);
        results
            .stages
            .insert("invite-200".into(), Stage::new(&histogram));
        results
    }

    #[test]
    fn a_run_is_judged_by_every_bound() {
        let results = results();
        let kept = "p50<51ms,p99<100ms,max<101ms,mean<51ms,fail<1.1%,retrans<3.1%";
        assert_eq!(slo(kept).misses(&results), Vec::<String>::new());
        for missed in [
            "p50<50ms",
            "p99<99ms",
            "max<100ms",
            "mean<50ms",
            "fail<1%",
            "retrans<3%",
            "invite-200.p50<50ms",
        ] {
            assert_eq!(slo(missed).misses(&results).len(), 1, "{missed}");
        }
        let both = slo("fail<1%,retrans<1%").misses(&results);
        assert_eq!(both, ["fail<1% is 1%", "retrans<1% is 3%"]);
    }

    #[test]
    fn a_ghost_call_is_a_miss() {
        let mut results = results();
        results.sides = Some(crate::results::Sides {
            ghosts: 2,
            ..Default::default()
        });
        assert_eq!(slo("fail<5%").misses(&results), ["2 ghost calls"]);
    }

    #[test]
    fn a_stage_without_samples_keeps_no_bound() {
        let misses = slo("bye-200.p99<1s").misses(&results());
        assert_eq!(misses, ["bye-200.p99<1s has no sample"]);
        let nothing = slo("p99<1s,fail<1%").misses(&Results::default());
        assert_eq!(nothing.len(), 2, "{nothing:?}");
    }
}
