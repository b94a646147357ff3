//! The exposition, read back by the rules of the text format.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pinion_sip::machine::Stage;

use super::*;

/// Name, labels and value of each sample; types by name.
struct Read {
    samples: Vec<(String, String, f64)>,
    types: BTreeMap<String, String>,
}

/// Reads it; panics where the format is not kept.
fn read(text: &str) -> Read {
    let mut read = Read {
        samples: Vec::new(),
        types: BTreeMap::new(),
    };
    let mut helped = BTreeSet::new();
    let mut seen = BTreeSet::new();
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a sentence");
            assert!(
                help.ends_with('.') && helped.insert(name.to_owned()),
                "{line}"
            );
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert!(helped.contains(name), "HELP before TYPE: {line}");
            let before = read.types.insert(name.into(), kind.into());
            assert_eq!(before, None, "one TYPE each: {line}");
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            assert!(seen.insert(series.to_owned()), "once each: {line}");
            let (name, labels) = match series.split_once('{') {
                Some((name, labels)) => (name, labels.strip_suffix('}').expect("an end")),
                None => (series, ""),
            };
            let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
            assert!(
                name.starts_with("pinion_") && name.chars().all(legal),
                "{line}"
            );
            let value = value.parse().expect("a number");
            read.samples.push((name.into(), labels.into(), value));
        }
    }
    read
}

fn census(shard: u16, extra: &[(&'static str, u64)]) -> Census {
    let known = BY_SHARD
        .iter()
        .chain(SUMMED)
        .map(|row| (row.own, u64::from(shard) + 1));
    Census {
        shard,
        idle: true,
        counters: known.chain(extra.iter().copied()).collect(),
    }
}

fn told(censuses: &[Census]) -> Read {
    told_of(censuses.len() as u16, censuses)
}

/// What is told where so many shards are, of which these answered.
fn told_of(shards: u16, censuses: &[Census]) -> Read {
    let mut stages = Stages::default();
    for ms in [1, 2, 3, 700] {
        stages.took(Stage::Database, Duration::from_millis(ms));
    }
    let totals = [("realtime_breaker_\"odd\\name\"".to_owned(), 2)];
    read(&exposition(&Numbers {
        shards,
        censuses,
        stages: (censuses.len() == usize::from(shards)).then_some(&stages),
        totals: &totals,
        up_s: 12.5,
    }))
}

impl Read {
    fn value(&self, name: &str, labels: &str) -> f64 {
        let mut found = self.samples.iter();
        let sample = found.find(|sample| sample.0 == name && sample.1 == labels);
        sample.unwrap_or_else(|| panic!("no {name}{{{labels}}}")).2
    }
}

#[test]
fn every_sample_has_a_type_and_counters_say_so() {
    let read = told(&[census(0, &[]), census(1, &[])]);
    for (name, _, _) in &read.samples {
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| {
            name.strip_suffix(end)
                .filter(|family| read.types.contains_key(*family))
        });
        let kind = &read.types[family.unwrap_or(name)];
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        assert_eq!(kind == "histogram", family.is_some(), "{name}");
    }
}

#[test]
fn numbers_are_told_by_shard_or_summed_and_in_base_units() {
    let mut one = census(0, &[("novel", 5)]);
    one.counters[0].1 = 2_500_000;
    assert_eq!(one.counters[0].0, "busy_us");
    let read = told(&[one, census(1, &[("novel", 6)])]);
    assert_eq!(read.value("pinion_busy_seconds_total", "shard=\"0\""), 2.5);
    assert_eq!(read.value("pinion_calls", "shard=\"1\""), 2.0);
    assert_eq!(read.value("pinion_retransmissions_total", ""), 3.0);
    assert_eq!(read.value("pinion_shard_number", "name=\"novel\""), 11.0);
    let odd = "name=\"realtime_breaker_\\\"odd\\\\name\\\"\"";
    assert_eq!(read.value("pinion_worker_number", odd), 2.0);
    assert_eq!(read.value("pinion_up_seconds", ""), 12.5);
}

#[test]
fn a_shard_that_does_not_answer_lets_no_counter_fall() {
    let all = told(&[census(0, &[]), census(1, &[])]);
    let rest = told_of(2, &[census(0, &[])]);
    assert_eq!(rest.value("pinion_shards", ""), 2.0);
    assert_eq!(rest.value("pinion_shards_answering", ""), 1.0);
    assert_eq!(rest.value("pinion_calls_begun_total", "shard=\"0\""), 1.0);
    assert!(rest.samples.len() < all.samples.len());
    for (name, labels, value) in &rest.samples {
        let counts = name.ends_with("_total") || name.ends_with("_bucket");
        assert!(!counts || *value == all.value(name, labels), "{name}");
    }
    // Where all are summed, too.
    let most: Vec<Census> = (0..99).map(|shard| census(shard, &[])).collect();
    let rest = told_of(100, &most);
    assert!(
        rest.samples
            .iter()
            .all(|(name, ..)| !name.ends_with("_total"))
    );
}

#[test]
fn a_histogram_rises_to_its_count() {
    let read = told(&[census(0, &[])]);
    let stage = "stage=\"database\"";
    assert_eq!(read.value("pinion_stage_seconds_count", stage), 4.0);
    assert!((read.value("pinion_stage_seconds_sum", stage) - 0.706).abs() < 1e-9);
    let buckets: Vec<(f64, f64)> = read
        .samples
        .iter()
        .filter(|(name, labels, _)| {
            name == "pinion_stage_seconds_bucket" && labels.starts_with(stage)
        })
        .map(|(_, labels, value)| {
            let bound = labels.rsplit_once("le=\"").unwrap().1.trim_end_matches('"');
            (bound.parse().unwrap(), *value)
        })
        .collect();
    assert!(buckets.is_sorted_by(|one, next| one.0 < next.0 && one.1 <= next.1));
    assert_eq!(buckets.last(), Some(&(f64::INFINITY, 4.0)));
    let below_10_ms = buckets.iter().rfind(|(bound, _)| *bound < 0.01);
    assert_eq!(below_10_ms.map(|(_, count)| *count), Some(3.0));
}

#[test]
fn the_number_of_series_is_bounded() {
    for shards in [1, 16, 64, 76, 77, 1024] {
        let censuses: Vec<Census> = (0..shards).map(|shard| census(shard, &[])).collect();
        let count = told(&censuses).samples.len();
        assert!(count <= 2_000, "{count} series of {shards} shards");
    }
}
