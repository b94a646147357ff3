//! Reloads under load: no call may notice.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fs};

use clap::Parser;
use pinion_loadgen::Results;
use pinion_loadgen::cli::Cli;

use crate::engine::Engine;
use crate::{cpus, engine, execute, extensions, optimised, sip, take_machine};

/// What makes one file differ from the other that takes its place.
const MARKS: [&str; 2] = ["two", "one"];

/// Writes both kinds of a file, before anything is measured.
fn lay_out(dir: &Path, name: &str, text: impl Fn(&str) -> String) {
    for mark in MARKS {
        fs::write(dir.join(name).with_extension(mark), text(mark)).expect("a file of ours");
    }
}

/// Puts one of them in the place of the other.
fn put(dir: &Path, name: &str, mark: &str) {
    let (kept, next) = (dir.join(name).with_extension(mark), dir.join("next"));
    fs::hard_link(kept, &next).expect("a link of ours");
    fs::rename(next, dir.join(name)).expect("a file of ours");
}

/// The mark of the n-th file.
fn mark(count: u32) -> &'static str {
    MARKS[count as usize % MARKS.len()]
}

/// Runs with reloads and without, by turns: an odd number.
const TURNS: u32 = 3;

/// How long each run lasts; `PINION_LOAD_S` says otherwise.
fn seconds() -> u32 {
    env::var("PINION_LOAD_S").map_or(10, |text| text.parse().expect("PINION_LOAD_S is a number"))
}

/// Calls through the engine, none of which may fail.
fn calls(target: SocketAddr, rate: u32) -> Results {
    let words = format!(
        "pinion-load call --target {target} --uas local --users user{{0..9}} --callees callee{{0..9}} \
         --password secret-of-{{user}} --rate {rate} --duration {}s --hold 100ms --threads 1 --cpus {} --quiet",
        seconds(),
        cpus().1
    );
    let cli = Cli::try_parse_from(words.split_whitespace()).expect("flags of ours");
    let (plan, _) = cli.command.plan(Vec::new()).expect("a plan of ours");
    let results = pinion_loadgen::run(&plan).expect("a run");
    assert!(results.failures.is_empty(), "{:?}", results.failures);
    let expected = u64::from(rate * seconds());
    assert_eq!(results.units.completed, expected, "{:?}", results.units);
    results
}

/// Does something once a second while calls are made; how often, and the
/// longest it took.
fn once_a_second(
    calls: impl FnOnce() -> Results,
    mut work: impl FnMut(u32) + Send,
) -> (Results, u32, Duration) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let (mut count, mut longest) = (0, Duration::ZERO);
            while !done.load(Ordering::Relaxed) {
                let began = Instant::now();
                work(count);
                longest = longest.max(began.elapsed());
                count += 1;
                thread::sleep(Duration::from_secs(1).saturating_sub(began.elapsed()));
            }
            (count, longest)
        });
        let results = calls();
        done.store(true, Ordering::Relaxed);
        let (count, longest) = worker.join().expect("reloads that succeed");
        (results, count, longest)
    })
}

/// The same calls while as many commands are given that change nothing: what the
/// client costs, on the CPUs of the shards, is no part of a reload.
fn without(dir: &Path, calls: impl FnOnce() -> Results) -> Results {
    let ask = |_| assert_eq!(execute(dir, "core show uptime").0, Some(0));
    once_a_second(calls, ask).0
}

/// Messages the generator sent again, and the engine since its count was `earlier`.
fn sent_again(results: &Results, engine: &Engine, earlier: u64) -> u64 {
    let own: u64 = results.retransmissions.values().sum();
    own + engine.counters().total("retransmissions") - earlier
}

fn p99_us(results: &Results) -> u64 {
    results.stages["invite-200"].p99_us
}

#[test]
fn everything_is_reloaded_once_a_second_under_load() {
    let _alone = take_machine();
    let rate = if optimised() { 2000 } else { 100 };
    let engine = engine("each-second", 0);
    let (target, dir) = (engine.address, engine.scratch.path().to_owned());
    lay_out(&dir, "extensions.conf", extensions);
    lay_out(&dir, "sip.conf", |mark| sip(0, mark));
    let quiet = without(&dir, || calls(target, rate));
    let before = sent_again(&quiet, &engine, 0);
    let earlier = engine.counters().total("retransmissions");
    let (busy, count, longest) = once_a_second(
        || calls(target, rate),
        |count| {
            put(&dir, "extensions.conf", mark(count));
            put(&dir, "sip.conf", mark(count));
            let (status, said) = execute(&dir, "module reload");
            assert_eq!(status, Some(0), "{said}");
            assert!(
                said.contains("20 changed") && said.contains("1 changed"),
                "{said}"
            );
        },
    );
    let again = sent_again(&busy, &engine, earlier);
    println!(
        "figure: module reload {count} times in {} s at {rate} calls/s: 0 failed calls; sent again {again}, \
         {before} without reloads; p99 {} µs, {} µs without; the longest reload {} ms",
        seconds(),
        p99_us(&busy),
        p99_us(&quiet),
        longest.as_millis()
    );
    if optimised() {
        assert!(
            again <= before,
            "{again} messages were sent again, {before} without reloads"
        );
    }
}

/// The one in the middle of an odd number of figures.
fn median(mut figures: Vec<u64>) -> u64 {
    figures.sort_unstable();
    figures[figures.len() / 2]
}

#[test]
fn a_hundred_thousand_peers_are_reloaded_under_load() {
    let _alone = take_machine();
    let (rate, peers) = if optimised() {
        (2000, 100_000)
    } else {
        (50, 5_000)
    };
    let engine = engine("many", peers);
    let (target, dir) = (engine.address, engine.scratch.path().to_owned());
    lay_out(&dir, "sip.conf", |mark| sip(peers, mark));
    let (mut quiet, mut busy) = (Vec::new(), Vec::new());
    let (mut reloads, mut longest) = (0, Duration::ZERO);
    // By turns, as what else the host does comes and goes.
    for _ in 0..TURNS {
        quiet.push(p99_us(&without(&dir, || calls(target, rate))));
        let before = reloads;
        let (results, count, slowest) = once_a_second(
            || calls(target, rate),
            |count| {
                put(&dir, "sip.conf", mark(before + count));
                let (status, said) = execute(&dir, "sip reload");
                assert_eq!(status, Some(0), "{said}");
            },
        );
        busy.push(p99_us(&results));
        reloads += count;
        longest = longest.max(slowest);
    }
    println!(
        "figure: {peers} static peers, all changed, reloaded {reloads} times in {} s at {rate} calls/s: 0 failed \
         calls; p99 {} µs, {} µs without (each the median of {TURNS}); the longest reload {} ms",
        seconds() * TURNS,
        median(busy),
        median(quiet),
        longest.as_millis()
    );
}
