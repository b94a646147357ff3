//! What the engine costs: idle, and per call. Judged on an optimised binary
//! only; of noisy measurements the best of three counts.

use std::thread;
use std::time::Duration;

use crate::address::free_address;
use crate::engine::{Engine, Scratch};
use crate::load::{CALLEES, CALLERS, drive, settle};
use crate::phones;
use crate::usage::{cpu_time, resident_mb};
use crate::{optimised, take_machine};

/// µs of CPU, user and system, for one authenticated call. The aim is 100 on a
/// quiet machine, and the figure is printed; what is judged leaves room for a
/// busy one, and catches a mistake that doubles the cost.
const CALL_US: f64 = 220.0;

#[test]
fn an_idle_engine_costs_next_to_nothing() {
    let _alone = take_machine();
    let engine = Engine::start(Scratch::new("idle"), free_address(), &[]);
    thread::sleep(Duration::from_secs(1));
    let measured = Duration::from_secs(5);
    let before = cpu_time(engine.pid());
    thread::sleep(measured);
    let share = (cpu_time(engine.pid()) - before).as_secs_f64() / measured.as_secs_f64();
    let resident = resident_mb(engine.pid());
    println!(
        "figure: idle: {:.3} % of a core, {resident:.1} MB resident",
        share * 100.0
    );
    assert!(
        share < 0.01,
        "an idle engine takes {:.2} % of a core",
        share * 100.0
    );
    assert!(resident < 60.0 || !optimised(), "{resident:.1} MB resident");
}

#[test]
fn an_authenticated_call_costs_little() {
    let _alone = take_machine();
    let rate = if optimised() { 2000 } else { 200 };
    let engine = phones::engine("cost", CALLERS.chain(CALLEES), &["--shards", "1"]);
    let contact = settle(&engine);
    let calls = 5 * rate as usize;
    let best = (0..3)
        .map(|_| drive(&engine, contact, rate, calls).cpu.as_secs_f64())
        .fold(f64::INFINITY, f64::min);
    let best = best * 1e6 / calls as f64;
    println!("figure: {best:.1} µs of CPU a call at {rate}/s on one shard, the best of three");
    assert!(best < CALL_US || !optimised(), "{best:.1} µs of CPU a call");
}
