//! `/metrics`: what the engine counts, as Prometheus reads it (text format
//! 0.0.4). Series are as many as shards and numbers, never as callers, devices
//! or databases' rows.

mod rows;

use std::fmt::Write;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use pinion_runtime::Census;
use pinion_sip::base::Histogram;
use pinion_sip::machine::Stages;

use super::{Shown, answer};
use crate::table::{sum, value};
use rows::Kind::{self, Counter, Gauge};
use rows::{BY_SHARD, Row, SUMMED};

/// Series told for each shard by itself stay below this; with more shards they
/// are summed.
const MOST_BY_SHARD: usize = 1_600;

/// What Prometheus is told this is.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn metrics(shown: Shown) -> Response {
    answer(shown, |view| {
        let up_s = view.house.started.elapsed().unwrap_or_default();
        let (stages, silent) = view.stages();
        let text = exposition(&Numbers {
            shards: view.house.shards.count(),
            censuses: &view.census(),
            stages: silent.is_empty().then_some(&stages),
            totals: &(view.totals)(),
            up_s: up_s.as_secs_f64(),
        });
        ([(CONTENT_TYPE, FORMAT)], text).into_response()
    })
    .await
}

/// All there is to tell.
struct Numbers<'n> {
    shards: u16,
    /// Of the shards that answered.
    censuses: &'n [Census],
    /// Of all shards; `None` if one did not answer.
    stages: Option<&'n Stages>,
    totals: &'n [(String, u64)],
    up_s: f64,
}

fn exposition(numbers: &Numbers<'_>) -> String {
    let mut text = Text::default();
    let version = env!("CARGO_PKG_VERSION");
    let build = "Always 1; the label tells the version";
    text.head("pinion_build_info", Gauge, build);
    text.sample("pinion_build_info", &format!("version=\"{version}\""), 1.0);
    text.single(
        "pinion_up_seconds",
        "How long the engine runs, in seconds",
        numbers.up_s,
    );
    let answering = numbers.censuses.len() as f64;
    text.single("pinion_shards", "Shards", numbers.shards.into());
    text.single(
        "pinion_shards_answering",
        "Shards that answered just now",
        answering,
    );
    let each = usize::from(numbers.shards) * BY_SHARD.len() <= MOST_BY_SHARD;
    let (alone, summed) = match each {
        true => (BY_SHARD, [SUMMED, &[]]),
        false => (&[][..], [BY_SHARD, SUMMED]),
    };
    for row in alone {
        text.by_shard(row, numbers.censuses);
    }
    // A sum that lacks a shard would seem to have begun anew.
    if numbers.censuses.len() == usize::from(numbers.shards) {
        for row in summed.into_iter().flatten() {
            text.summed(row, numbers.censuses);
        }
        text.others(numbers.censuses);
    }
    if let Some(stages) = numbers.stages {
        text.stages(stages);
    }
    text.totals(numbers.totals);
    text.text
}

/// The text on its way. Writing to a String does not fail.
#[derive(Default)]
struct Text {
    text: String,
}

impl Text {
    fn head(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Counter => "counter",
            Gauge => "gauge",
        };
        let _ = writeln!(self.text, "# HELP {name} {help}.\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: f64) {
        let _ = match labels {
            "" => writeln!(self.text, "{name} {value}"),
            labels => writeln!(self.text, "{name}{{{labels}}} {value}"),
        };
    }

    /// A gauge of one value.
    fn single(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, Gauge, help);
        self.sample(name, "", value);
    }

    /// A number of each shard.
    fn by_shard(&mut self, row: &Row, censuses: &[Census]) {
        let name = self.row(row);
        for census in censuses {
            let number = value(row.own, census) as f64 / row.unit;
            self.sample(&name, &format!("shard=\"{}\"", census.shard), number);
        }
    }

    /// A number of all shards together.
    fn summed(&mut self, row: &Row, censuses: &[Census]) {
        let name = self.row(row);
        self.sample(&name, "", sum(row.own, censuses) as f64 / row.unit);
    }

    /// Begins the metric of a row; its name.
    fn row(&mut self, row: &Row) -> String {
        let name = match row.kind {
            Counter => format!("pinion_{}_total", row.name),
            Gauge => format!("pinion_{}", row.name),
        };
        self.head(&name, row.kind, row.help);
        name
    }

    /// What shards count that no row is about.
    fn others(&mut self, censuses: &[Census]) {
        let told = |name: &str| BY_SHARD.iter().chain(SUMMED).any(|row| row.own == name);
        let mut sums: Vec<(&str, u64)> = Vec::new();
        for (name, value) in censuses.iter().flat_map(|census| &census.counters) {
            match sums.iter_mut().find(|(own, _)| own == name) {
                Some((_, sum)) => *sum += value,
                None if !told(name) => sums.push((name, *value)),
                None => {}
            }
        }
        self.named(
            "pinion_shard_number",
            "Other numbers of the shards, summed",
            &sums,
        );
    }

    /// Numbers of databases, workers, records of calls and the log.
    fn totals(&mut self, totals: &[(String, u64)]) {
        let totals: Vec<(&str, u64)> = totals
            .iter()
            .map(|(name, value)| (&**name, *value))
            .collect();
        self.named(
            "pinion_worker_number",
            "Numbers of databases, workers, records of calls and the log",
            &totals,
        );
    }

    fn named(&mut self, name: &str, help: &str, values: &[(&str, u64)]) {
        if values.is_empty() {
            return;
        }
        self.head(name, Gauge, help);
        for (own, value) in values {
            self.sample(name, &format!("name=\"{}\"", escaped(own)), *value as f64);
        }
    }

    fn stages(&mut self, stages: &Stages) {
        const STAGE: &str = "pinion_stage_seconds";
        let _ = writeln!(
            self.text,
            "# HELP {STAGE} Time a message spent in each stage, in seconds, of those that are timed (--sample).\n# TYPE {STAGE} histogram"
        );
        for (stage, histogram) in stages.each().filter(|(stage, _)| !stage.is_of_calls()) {
            self.histogram(STAGE, &format!("stage=\"{}\"", stage.name()), histogram);
        }
        for (stage, histogram) in stages.each().filter(|(stage, _)| stage.is_of_calls()) {
            let name = format!("pinion_call_{}_seconds", stage.name());
            let until = match stage.name() {
                "ringing" => "the caller is told that somebody rings",
                _ => "the caller is answered",
            };
            let _ = writeln!(
                self.text,
                "# HELP {name} From a caller's INVITE until {until}, in seconds.\n# TYPE {name} histogram"
            );
            self.histogram(&name, "", histogram);
        }
    }

    fn histogram(&mut self, name: &str, labels: &str, histogram: &Histogram) {
        let comma = if labels.is_empty() { "" } else { "," };
        let bucket = format!("{name}_bucket");
        for (bound, count) in histogram.powers() {
            let bound_s = bound.as_nanos() as f64 / 1e9;
            let labels = format!("{labels}{comma}le=\"{bound_s}\"");
            self.sample(&bucket, &labels, count as f64);
        }
        let count = histogram.count() as f64;
        self.sample(&bucket, &format!("{labels}{comma}le=\"+Inf\""), count);
        let sum_s = histogram.sum().as_nanos() as f64 / 1e9;
        self.sample(&format!("{name}_sum"), labels, sum_s);
        self.sample(&format!("{name}_count"), labels, count);
    }
}

/// A value of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests;
