//! What it costs to look at one address while calls go on: the same load by
//! turns, with `sip set debug ip` and without. Of the load itself nothing is
//! shown; a telephone at that address says something ten times a second.

use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::engine::Engine;
use crate::load::{CALLEES, CALLERS, drive, seconds, settle};
use crate::phones;
use crate::{optimised, take_machine};

/// The address that is looked at.
const WATCHED: &str = "127.0.0.77";

/// Calls once at `rate`; CPU time of the engine for one of them.
fn cpu_of_a_call(engine: &Engine, contact: SocketAddr, rate: u32) -> f64 {
    let calls = (rate * seconds().div_ceil(4)) as usize;
    let cpu = drive(engine, contact, rate, calls).cpu;
    cpu.as_secs_f64() * 1e6 / calls as f64
}

/// Has the engine carry out a command.
fn order(engine: &Engine, command: &str) {
    let binary = std::env::var_os("PINION_BIN").unwrap_or(env!("CARGO_BIN_EXE_pinion").into());
    let done = Command::new(binary)
        .args(["-x", command, "--console"])
        .arg(engine.scratch.path().join("console"))
        .output();
    assert!(done.is_ok_and(|done| done.status.success()), "{command}");
}

#[test]
fn looking_at_one_address_costs_next_to_nothing() {
    let _alone = take_machine();
    let rate = if optimised() { 2000 } else { 100 };
    let engine = phones::engine("watched", CALLERS.chain(CALLEES), &["--shards", "1"]);
    let contact = settle(&engine);
    let over = AtomicBool::new(false);
    let (mut off, mut on) = (0.0, 0.0);
    thread::scope(|scope| {
        let talker = UdpSocket::bind((WATCHED, 0)).expect("loopback is all ours");
        let at = talker.local_addr().expect("it is bound");
        let options = format!(
            "OPTIONS sip:{0} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bKw\r\nMax-Forwards: 70\r\n\
             From: <sip:w@{at}>;tag=w\r\nTo: <sip:{0}>\r\nCall-ID: w\r\nCSeq: 1 OPTIONS\r\n\
             Content-Length: 0\r\n\r\n",
            engine.address
        );
        let over = &over;
        scope.spawn(move || {
            while !over.load(Ordering::Relaxed) {
                drop(talker.send_to(options.as_bytes(), engine.address));
                thread::sleep(Duration::from_millis(100));
            }
        });
        // What one run leaves behind costs the next: each is once the later one.
        for looks in [false, true, true, false] {
            let cpu = if looks { &mut on } else { &mut off };
            if looks {
                order(&engine, &format!("sip set debug ip {WATCHED}"));
            }
            *cpu += cpu_of_a_call(&engine, contact, rate) / 2.0;
            order(&engine, "sip set debug off");
        }
        over.store(true, Ordering::Relaxed);
    });
    let log = engine.log();
    let shown = log.matches("<--- SIP read from UDP:").count();
    assert!(shown > 10, "{shown} messages of {WATCHED} are shown");
    assert_eq!(
        log.matches(&format!("<--- SIP read from UDP:{WATCHED}:"))
            .count(),
        shown,
        "and of nobody else"
    );
    println!(
        "figure: sip set debug ip at {rate} calls/s: {on:.1} µs of CPU a call, {off:.1} without, {:+.1} %",
        (on / off - 1.0) * 100.0
    );
}
