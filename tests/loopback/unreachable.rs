//! Calls to ports that nobody listens at, which the kernel says by ICMP.

use std::time::Duration;

use crate::address::free_address;
use crate::engine::Engine;
use crate::phones::{self, line};
use crate::share_machine;
use crate::sipp::{Outcome, Sipp};

const LIMIT: Duration = Duration::from_secs(40);

/// Enough for the shards to have some each, whichever is told.
const CALLS: usize = 10;

/// An engine of two shards, where 1002 is registered at a closed port.
fn engine(name: &str) -> Engine {
    let engine = phones::engine(name, 1001..=1003, &["--shards", "2"]);
    phones::register(&engine, [(1002, free_address())].into_iter(), 10);
    engine
}

/// 1001 calls that number some times, and is refused each time.
fn refused(engine: &Engine, number: u32) -> Outcome {
    let lines = vec![line(1001, number); CALLS];
    let outcome = Sipp::new(&engine.scratch, "uac_refused", CALLS, LIMIT)
        .calling(engine.address, 20, &lines)
        .run();
    outcome.expect(CALLS);
    outcome
}

fn statuses<'a>(outcome: &'a Outcome, status: &str) -> Vec<&'a str> {
    let lines = outcome.log.lines().map(str::trim_end);
    lines.filter(|line| line.starts_with(status)).collect()
}

/// Every INVITE failed by that, and not by Timer B or the timeout of `Dial`.
fn expect_unreachable(engine: &Engine) {
    let counters = engine.counters();
    assert_eq!(counters.total("unreachable"), CALLS as u64);
    assert_eq!(counters.total("timeouts"), 0);
    assert_eq!(counters.total("udp_send_errors"), 0);
    assert!(counters.total("udp_icmp_errors") >= CALLS as u64);
}

#[test]
fn a_callee_at_a_closed_port_is_given_up_at_once() {
    let _shared = share_machine();
    let engine = engine("unreachable");
    let outcome = refused(&engine, 1002);
    assert_eq!(
        statuses(&outcome, "SIP/2.0 503 ").len(),
        CALLS,
        "{}",
        outcome.log
    );
    expect_unreachable(&engine);
}

#[test]
fn the_next_destination_is_rung_at_once() {
    let _shared = share_machine();
    let engine = engine("unreachable-next");
    let third = free_address();
    let callee = Sipp::new(&engine.scratch, "uas_refuses", CALLS, LIMIT)
        .listening(third)
        .key("status", "SIP/2.0 486 Busy Here")
        .start();
    phones::register(&engine, [(1003, third)].into_iter(), 10);
    let outcome = refused(&engine, 61002);
    callee.wait().expect(CALLS);
    assert_eq!(
        statuses(&outcome, "SIP/2.0 486 ").len(),
        CALLS,
        "{}",
        outcome.log
    );
    expect_unreachable(&engine);
}
