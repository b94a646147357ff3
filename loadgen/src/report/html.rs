//! A run as one HTML page that needs nothing else: figures, curves, causes,
//! and what the generator says of itself. Owns the order of the page; how it
//! looks is in `page.css`, what moves in `page.js`.

use std::collections::BTreeMap;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::{Across, Chart, Line, Scale, even_ticks};
use super::figure::{digits, grouped, main_stages, micros, moment, share, stages};
use crate::results::{Results, Second, Sides, Stage, Verdict};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Points of a chart over time; longer runs are gathered into as many.
const MOST_POINTS: usize = 600;

/// Points per factor of ten along the percentiles.
const PER_DECADE: u32 = 24;

/// The page.
pub fn html(results: &Results) -> String {
    let title = format!(
        "{}, {}: {}",
        results.scenario,
        results.arrival,
        moment(results.started_unix_ms)
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " – pinion-load" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (header(results))
                    (tiles(results))
                    (latency(results))
                    (over_time(results))
                    (what_failed(results))
                    (generator(results))
                    (environment(results))
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

fn header(results: &Results) -> Markup {
    html! {
        header {
            p.origin { "pinion-load · " (moment(results.started_unix_ms)) " · seed " (results.seed) }
            h1 { (results.scenario) " " span.muted { (results.arrival) } }
            code.command { "pinion-load " (results.flags.join(" ")) }
        }
        @match &results.verdict {
            Verdict::Valid => p.verdict.valid { b { "Valid" } " The generator kept its times: what follows was measured of the target." },
            Verdict::Invalid { reasons } => section.verdict.invalid {
                h2 { "INVALID" }
                p { "The generator was the limit. What follows says nothing of the target." }
                ul { @for reason in reasons { li { (reason) } } }
            },
        }
    }
}

fn tiles(results: &Results) -> Markup {
    let units = &results.units;
    let tile = |name: &str, value: String, note: String, bad: bool| {
        html! { div.tile.bad[bad] { span { (name) } b { (value) } small { (note) } } }
    };
    let offered = if is_open(results) {
        format!("of {} offered", digits(results.offered))
    } else {
        "in a closed loop".into()
    };
    let begun = format!(
        "of {} in {} s",
        grouped(units.begun),
        digits(results.wall_s)
    );
    let failed = format!("{} units", grouped(units.failed));
    let main = main_stages(results).into_iter();
    let main = main.filter_map(|name| Some((name, results.stages.get(name)?)));
    html! {
        section.tiles {
            (tile("rate, per second", digits(results.achieved), offered, false))
            (tile("completed", grouped(units.completed), begun, false))
            (tile("failed", share(units.failed, units.begun), failed, units.failed > 0))
            @for (name, stage) in main.take(1) {
                (tile("median", micros(stage.p50_us as f64), name.into(), false))
                (tile("99th percentile", micros(stage.p99_us as f64), name.into(), false))
                (tile("longest", micros(stage.max_us as f64), name.into(), false))
            }
            @if let Some(sides) = &results.sides {
                (tile("ghost calls", grouped(sides.ghosts), both_ends(sides), sides.ghosts > 0))
            }
        }
    }
}

fn both_ends(sides: &Sides) -> String {
    let (caller, callee) = (sides.caller_answered, sides.callee_answered);
    if caller == callee {
        format!("both ends: {}", grouped(caller))
    } else {
        format!("caller {}, callee {}", grouped(caller), grouped(callee))
    }
}

/// Whether units had times to keep.
fn is_open(results: &Results) -> bool {
    results.offered > 0.0
}

fn latency(results: &Results) -> Markup {
    let stages = stages(results);
    html! {
        section {
            h2 { "Latency" }
            p.note {
                @if is_open(results) { "Each sample counts from the time its message was meant to leave." }
                @else { "A closed loop: a slow target slows the load, so these latencies are no measure of it." }
            }
            (percentiles(&stages).draw())
            (stage_table(&stages))
        }
    }
}

/// Latency over the percentiles, on a scale that gives each further nine the
/// same room; each line ends where its stage runs out of samples.
fn percentiles(stages: &[(&str, &Stage)]) -> Chart {
    let most = stages
        .iter()
        .map(|(_, stage)| stage.count)
        .max()
        .unwrap_or(1);
    let nines = (most as f64).log10().clamp(1.0, 6.0);
    let steps = 0..=(nines * f64::from(PER_DECADE)).floor() as u32;
    let places: Vec<f64> = steps
        .map(|step| f64::from(step) / f64::from(PER_DECADE))
        .collect();
    let quantile = |place: f64| 1.0 - 10f64.powf(-place);
    let line = |(colour, &(name, stage)): (usize, &(&str, &Stage))| {
        let samples = stage.samples();
        let reach = (stage.count as f64).log10();
        let value = |&place: &f64| {
            let samples = samples.as_ref().filter(|_| place <= reach + 1e-9)?;
            Some(samples.value_at_quantile(quantile(place)) as f64)
        };
        Line {
            name: name.to_owned(),
            colour,
            values: places.iter().map(value).collect(),
        }
    };
    let marks = [0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999_999];
    let ticks = marks.map(|quantile: f64| (-(1.0 - quantile).log10(), percent(quantile)));
    Chart {
        title: "Latency by percentile",
        caption: "Both scales are logarithmic.".into(),
        across: Across {
            label: "percentile",
            names: places
                .iter()
                .map(|&place| percent(quantile(place)))
                .collect(),
            ticks: ticks
                .into_iter()
                .filter(|(place, _)| *place <= nines + 1e-9)
                .collect(),
            places: places.clone(),
        },
        scale: Scale::Log,
        written: micros,
        lines: stages.iter().enumerate().map(line).collect(),
    }
}

/// A quantile as a percentile, with the nines it has.
fn percent(quantile: f64) -> String {
    let nines = -(1.0 - quantile).log10();
    // A whole number of nines is one but for rounding.
    let decimals = (nines - 2.0 - 1e-9).ceil().clamp(0.0, 4.0) as usize;
    format!("{:.decimals$} %", quantile * 100.0)
}

fn stage_table(stages: &[(&str, &Stage)]) -> Markup {
    html! {
        div.scroll { table {
            thead { tr {
                th { "stage" } th { "samples" } th { "min" } th { "mean" } th { "p50" } th { "p90" }
                th { "p99" } th { "p99.9" } th { "p99.99" } th { "max" }
            } }
            tbody { @for (name, stage) in stages { tr {
                th { (name) }
                td { (grouped(stage.count)) }
                @for us in [
                    stage.min_us as f64, stage.mean_us, stage.p50_us as f64, stage.p90_us as f64, stage.p99_us as f64,
                    stage.p999_us as f64, stage.p9999_us as f64, stage.max_us as f64,
                ] { td { (micros(us)) } }
            } } }
        } }
    }
}

fn over_time(results: &Results) -> Markup {
    if results.series.len() < 2 {
        return html! {};
    }
    let points = gathered(&results.series);
    let width = |pair: &[Point]| pair[1].at_s - pair[0].at_s;
    let each_s = points.windows(2).map(width).fold(f64::INFINITY, f64::min);
    let across = || Across {
        label: "seconds since the start",
        places: points.iter().map(|point| point.at_s).collect(),
        names: points
            .iter()
            .map(|point| format!("{} s", digits(point.at_s)))
            .collect(),
        ticks: even_ticks(points.last().map_or(1.0, |point| point.at_s)),
    };
    let line = |name: &str, colour, value: fn(&Point) -> f64| Line {
        name: name.into(),
        colour,
        values: points.iter().map(|point| Some(value(point))).collect(),
    };
    let rate = Chart {
        title: "Units per second",
        caption: format!("One point every {} s.", digits(each_s)),
        across: across(),
        scale: Scale::Linear,
        written: digits,
        lines: vec![
            line("begun", 0, |point| point.begun),
            line("completed", 2, |point| point.completed),
            line("failed", 7, |point| point.failed),
        ],
    };
    let latency = Chart {
        title: "Latency over time",
        caption: format!(
            "{}; the worst second of each point.",
            main_stages(results).join(", ")
        ),
        across: across(),
        scale: Scale::Log,
        written: micros,
        lines: vec![
            line("median", 0, |point| point.p50_us),
            line("99th percentile", 1, |point| point.p99_us),
        ],
    };
    html! {
        section { h2 { "Over time" } (rate.draw()) (latency.draw()) }
    }
}

/// One or more seconds of a run: rates as means, latencies as the worst.
struct Point {
    at_s: f64,
    begun: f64,
    completed: f64,
    failed: f64,
    p50_us: f64,
    p99_us: f64,
}

fn gathered(series: &[Second]) -> Vec<Point> {
    let step_s = series.windows(2).map(|pair| pair[1].at_s - pair[0].at_s);
    let step_s = step_s.fold(f64::INFINITY, f64::min).max(1.0);
    let point = |seconds: &[Second]| {
        let mean = |count: fn(&Second) -> u64| {
            seconds.iter().map(count).sum::<u64>() as f64 / seconds.len() as f64 / step_s
        };
        let worst = |us: fn(&Second) -> u64| seconds.iter().map(us).max().unwrap_or(0) as f64;
        Point {
            at_s: seconds.first().map_or(0.0, |second| second.at_s),
            begun: mean(|second| second.begun),
            completed: mean(|second| second.completed),
            failed: mean(|second| second.failed),
            p50_us: worst(|second| second.p50_us),
            p99_us: worst(|second| second.p99_us),
        }
    };
    let size = series.len().div_ceil(MOST_POINTS).max(1);
    series.chunks(size).map(point).collect()
}

fn what_failed(results: &Results) -> Markup {
    let begun = results.units.begun;
    let tables = [
        ("Failures", "units that failed", &results.failures),
        (
            "Retransmissions",
            "messages sent again",
            &results.retransmissions,
        ),
        ("Losses", "messages lost", &results.losses),
    ];
    html! {
        section {
            h2 { "What went wrong" }
            div.columns { @for (title, what, causes) in tables { (causes_table(title, what, causes, begun)) } }
        }
    }
}

fn causes_table(title: &str, what: &str, causes: &BTreeMap<String, u64>, begun: u64) -> Markup {
    let mut rows: Vec<(&String, u64)> = causes
        .iter()
        .map(|(cause, &count)| (cause, count))
        .collect();
    rows.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    html! {
        div {
            h3 { (title) }
            @if rows.is_empty() { p.note { "No " (what) "." } }
            @else {
                table {
                    thead { tr { th { "cause" } th { "count" } th { "of units" } } }
                    tbody { @for (cause, count) in rows {
                        tr { th { (cause) } td { (grouped(count)) } td { (share(count, begun)) } }
                    } }
                }
            }
        }
    }
}

fn generator(results: &Results) -> Markup {
    let generator = &results.generator;
    let own = [
        ("send lateness", &generator.send_lateness),
        ("timer slip", &generator.timer_slip),
    ];
    let own: Vec<(&str, &Stage)> = own
        .into_iter()
        .filter(|(_, stage)| stage.count > 0)
        .collect();
    let mut facts = vec![
        (
            "busiest thread".to_owned(),
            format!("{} % of a CPU", digits(generator.busiest * 100.0)),
        ),
        ("CPU per unit".to_owned(), micros(generator.cpu_us_per_unit)),
    ];
    for (thread, &cpu_s) in generator.cpu_s.iter().enumerate() {
        facts.push((
            format!("CPU of thread {thread}"),
            format!("{} s", digits(cpu_s)),
        ));
    }
    for (name, count) in [
        ("datagrams its sockets dropped", generator.kernel_drops),
        ("RcvbufErrors on this host", generator.rcvbuf_errors),
        ("datagrams without room to leave", generator.send_drops),
        ("units skipped, too many at once", generator.skipped),
    ] {
        facts.push((name.to_owned(), grouped(count)));
    }
    html! {
        section {
            h2 { "The generator itself" }
            p.note { "By these a run is judged: late sends, slipping timers or drops of its own make it INVALID." }
            @if !own.is_empty() { (stage_table(&own)) }
            (facts_table(facts.into_iter()))
        }
    }
}

fn facts_table(facts: impl Iterator<Item = (String, String)>) -> Markup {
    html! {
        dl.facts { @for (name, value) in facts { div { dt { (name) } dd { (value) } } } }
    }
}

fn environment(results: &Results) -> Markup {
    let environment = &results.environment;
    let told = |text: &str| {
        if text.is_empty() {
            "not known".to_owned()
        } else {
            text.to_owned()
        }
    };
    let machine = [
        ("processor", told(&environment.cpu)),
        ("cores", environment.cores.to_string()),
        ("kernel", told(&environment.kernel)),
        ("governor", told(&environment.governor)),
    ];
    let machine = machine
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    let rest = environment.versions.iter().chain(&environment.sysctls);
    let rest = rest.map(|(name, value)| (name.clone(), value.clone()));
    html! {
        section { h2 { "Where it ran" } (facts_table(machine.chain(rest))) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_page_needs_nothing_else() {
        let page = html(&sample::call(1));
        for outside in ["http:", "https:", "src=", "href=", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert_eq!(page.matches("<svg").count(), 3);
        assert!(page.contains("Model &lt;X&gt;") && !page.contains("Model <X>"));
    }

    #[test]
    fn an_invalid_run_says_so_before_all_else() {
        let mut results = sample::call(1);
        assert!(!html(&results).contains("INVALID</h2>"));
        results.verdict = Verdict::Invalid {
            reasons: vec!["timer slip p99 is 9 ms".into()],
        };
        let page = html(&results);
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}"));
        assert!(at("<h2>INVALID</h2>") < at("timer slip p99 is 9 ms"));
        assert!(at("timer slip p99 is 9 ms") < at("rate, per second"));
    }

    #[test]
    fn a_run_without_anything_is_still_a_page() {
        let page = html(&Results::default());
        assert!(page.contains("No units that failed.") && !page.contains("<svg"));
        assert!(!page.contains("NaN") && !page.contains("inf"));
    }

    #[test]
    fn a_long_run_is_gathered_without_hiding_its_worst_second() {
        let mut series = vec![Second::default(); 1300];
        for (second, each) in series.iter_mut().enumerate() {
            each.at_s = second as f64;
            each.completed = 100;
            each.p99_us = 10;
        }
        series[700].p99_us = 9999;
        let points = gathered(&series);
        assert!(points.len() <= MOST_POINTS, "{}", points.len());
        assert!(points.iter().any(|point| point.p99_us == 9999.0));
        assert!(points.iter().all(|point| point.completed == 100.0));
    }

    #[test]
    fn percentiles_have_the_nines_they_need() {
        for (quantile, wanted) in [
            (0.0, "0 %"),
            (0.5, "50 %"),
            (0.9, "90 %"),
            (0.999, "99.9 %"),
        ] {
            assert_eq!(percent(quantile), wanted);
        }
    }

    #[test]
    fn a_line_ends_where_its_samples_do() {
        let mut random = pinion_sip::base::Random::from_u64(1);
        let (many, few) = (
            sample::stage(&mut random, 100_000, 100),
            sample::stage(&mut random, 100, 100),
        );
        let chart = percentiles(&[("many", &many), ("few", &few)]);
        let known = |line: &Line| line.values.iter().flatten().count();
        assert_eq!(known(&chart.lines[0]), chart.across.places.len());
        assert_eq!(known(&chart.lines[1]), 2 * PER_DECADE as usize + 1);
    }
}
