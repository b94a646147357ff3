//! What the engine costs: idle, and per call. Judged on an optimised binary
//! only; of noisy measurements the best of three counts.

use std::thread;
use std::time::Duration;

use crate::address::free_address;
use crate::engine::{Engine, Scratch};
use crate::phones::{self, line};
use crate::sipp::Sipp;
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
    let measured = Duration::from_secs(10);
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
    let engine = phones::engine("cost", [1001, 1002].into_iter(), &["--shards", "1"]);
    let contact = free_address();
    phones::register(&engine, [(1002, contact)].into_iter(), 10);
    let best = (0..3)
        .map(|_| call_cost_us(&engine, contact, rate))
        .fold(f64::INFINITY, f64::min);
    println!("figure: {best:.1} µs of CPU a call at {rate}/s on one shard, the best of three");
    assert!(best < CALL_US || !optimised(), "{best:.1} µs of CPU a call");
}

/// µs of CPU a call over ten seconds at `rate`.
fn call_cost_us(engine: &Engine, contact: std::net::SocketAddr, rate: u32) -> f64 {
    let calls = 10 * rate as usize;
    let limit = Duration::from_secs(40);
    let callee = Sipp::new(&engine.scratch, "uas", calls, limit)
        .listening(contact)
        .start();
    let before = cpu_time(engine.pid());
    let caller = Sipp::new(&engine.scratch, "uac", calls, limit)
        .calling(engine.address, rate, &[line(1001, 1002)])
        .pausing(0)
        .run();
    let cpu = cpu_time(engine.pid()) - before;
    caller.expect(calls);
    callee.wait().expect(calls);
    cpu.as_secs_f64() * 1e6 / calls as f64
}
