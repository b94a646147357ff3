//! A thousand calls a second: none may fail, both ends must agree, and
//! afterwards every table must be empty.

use std::env;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use crate::address::free_address;
use crate::engine::Engine;
use crate::phones::{self, line};
use crate::sipp::{Outcome, Sipp};
use crate::usage::cpu_time;
use crate::{LINGER, optimised, share_machine, take_machine};

pub const CALLERS: std::ops::Range<u32> = 1000..1100;
pub const CALLEES: std::ops::Range<u32> = 2000..2100;

/// How long each run lasts; `PINION_LOAD_S` says otherwise.
pub fn seconds() -> u32 {
    env::var("PINION_LOAD_S").map_or(10, |text| text.parse().expect("PINION_LOAD_S is a number"))
}

/// What a load has come to.
pub struct Driven {
    /// What the callers' side tells.
    pub callers: Outcome,
    /// What the callees' side tells.
    pub callees: Outcome,
    /// CPU time of the engine for all of it.
    pub cpu: Duration,
}

/// Registers the callees; where all of them are.
pub fn settle(engine: &Engine) -> SocketAddr {
    let contact = free_address();
    phones::register(engine, CALLEES.map(|user| (user, contact)), 200);
    contact
}

/// Has each callee called at `contact`, again and again: `calls` calls in all,
/// of which none may fail.
pub fn drive(engine: &Engine, contact: SocketAddr, rate: u32, calls: usize) -> Driven {
    let limit = Duration::from_secs(60 + calls as u64 / u64::from(rate));
    let callees = Sipp::new(&engine.scratch, "uas", calls, limit)
        .listening(contact)
        .start();
    let lines: Vec<String> = CALLERS
        .zip(CALLEES)
        .map(|(from, to)| line(from, to))
        .collect();
    let before = cpu_time(engine.pid());
    let callers = Sipp::new(&engine.scratch, "uac", calls, limit)
        .calling(engine.address, rate, &lines)
        .pausing(100)
        .run();
    let callees = callees.wait();
    let cpu = cpu_time(engine.pid()) - before;
    callers.expect(calls);
    callees.expect(calls);
    Driven {
        callers,
        callees,
        cpu,
    }
}

fn carry(shards: &str) {
    let alone = take_machine();
    let rate = if optimised() { 1000 } else { 100 };
    let calls = (rate * seconds()) as usize;
    let name = format!("load-{shards}");
    let engine = phones::engine(&name, CALLERS.chain(CALLEES), &["--shards", shards]);
    let Driven {
        callers,
        callees,
        cpu,
    } = drive(&engine, settle(&engine), rate, calls);
    drop(alone);
    let emptied = engine.wait_until_empty(LINGER);
    println!(
        "figure: {shards} shards: {calls} calls at {rate}/s, 0 failed; {:.1} µs of CPU a call; \
         sent again: {} by the callers, {} by the callees; tables empty after {:.1} s",
        cpu.as_secs_f64() * 1e6 / calls as f64,
        callers.retransmissions,
        callees.retransmissions,
        emptied.as_secs_f64(),
    );
}

#[test]
fn a_thousand_calls_a_second_on_one_shard() {
    carry("1");
}

#[test]
fn a_thousand_calls_a_second_on_two_shards() {
    carry("2");
}

#[test]
fn a_thousand_calls_a_second_on_four_shards() {
    carry("4");
}

/// As a debugger, or whoever freezes a container, does: each wait of each thread
/// ends with EINTR where the kernel does not resume it.
#[test]
fn an_engine_that_is_stopped_again_and_again_loses_no_call() {
    let _shared = share_machine();
    let engine = phones::engine("load-stopped", CALLERS.chain(CALLEES), &["--shards", "2"]);
    let contact = settle(&engine);
    let pid = engine.pid();
    let stops = format!(
        "for turn in $(seq 40); do kill -s STOP {pid}; sleep 0.01; kill -s CONT {pid}; sleep 0.05; done"
    );
    let mut stopping = Command::new("sh").args(["-c", &stops]).spawn().unwrap();
    drive(&engine, contact, 100, 300);
    assert!(stopping.wait().unwrap().success());
    assert_eq!(engine.stop(LINGER), Some(0));
}
