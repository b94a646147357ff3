//! What it costs to look while calls go on: the same load by turns, with
//! somebody who looks and without.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, Scope};
use std::time::Duration;

use crate::address;
use crate::asked::ask;
use crate::engine::Engine;
use crate::http;
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

/// CPU time of the engine for a call, in microseconds: while somebody looks, and
/// without. What one run leaves behind costs the next, so each is once the later
/// one, and the first of all, which finds nothing, does not count. `look` begins
/// and ends it.
fn beside(engine: &Engine, rate: u32, mut look: impl FnMut(bool)) -> (f64, f64) {
    let contact = settle(engine);
    cpu_of_a_call(engine, contact, rate);
    let (mut off, mut on) = (0.0, 0.0);
    for looks in [false, true, true, false] {
        look(looks);
        let cpu = if looks { &mut on } else { &mut off };
        *cpu += cpu_of_a_call(engine, contact, rate) / 2.0;
    }
    (on, off)
}

/// Says what came of it.
fn tell(what: &str, rate: u32, (on, off): (f64, f64)) {
    let more = (on / off - 1.0) * 100.0;
    println!(
        "figure: {what} at {rate} calls/s: {on:.1} µs of CPU a call, {off:.1} without, {more:+.1} %"
    );
}

/// Does something ten times a second until what this returns is dropped, also by
/// a test that fails.
fn now_and_then<'s>(scope: &'s Scope<'s, '_>, work: impl Fn() + Send + 's) -> Sender<Infallible> {
    let (over, rest) = channel();
    let pause = Duration::from_millis(100);
    scope.spawn(move || {
        while rest.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            work();
        }
    });
    over
}

/// Calls a second.
fn rate() -> u32 {
    if optimised() { 2000 } else { 100 }
}

/// Of the load itself nothing is shown; a telephone at that address says
/// something ten times a second.
#[test]
fn looking_at_one_address_costs_next_to_nothing() {
    let _alone = take_machine();
    let engine = phones::engine("watched", CALLERS.chain(CALLEES), &["--shards", "1"]);
    let cost = thread::scope(|scope| {
        let talker = UdpSocket::bind((WATCHED, 0)).expect("loopback is all ours");
        let at = talker.local_addr().expect("it is bound");
        let options = format!(
            "OPTIONS sip:{0} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bKw\r\nMax-Forwards: 70\r\n\
             From: <sip:w@{at}>;tag=w\r\nTo: <sip:{0}>\r\nCall-ID: w\r\nCSeq: 1 OPTIONS\r\n\
             Content-Length: 0\r\n\r\n",
            engine.address
        );
        let sip = engine.address;
        let _over = now_and_then(scope, move || {
            drop(talker.send_to(options.as_bytes(), sip));
        });
        beside(&engine, rate(), |looks| {
            let order = match looks {
                true => format!("sip set debug ip {WATCHED}"),
                false => "sip set debug off".into(),
            };
            ask(&engine, &order).done();
        })
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
    tell("sip set debug ip", rate(), cost);
}

#[test]
fn metrics_every_tenth_of_a_second_cost_little() {
    let _alone = take_machine();
    let any = TcpListener::bind((address::host(), 0)).expect("a free port");
    let server = any.local_addr().expect("it is bound");
    drop(any);
    let flags = ["--shards", "1", "--http", &server.to_string()];
    let engine = phones::engine("scraped", CALLERS.chain(CALLEES), &flags);
    let looks = AtomicBool::new(false);
    let (scrapes, bytes) = (AtomicU32::new(0), AtomicU32::new(0));
    let cost = thread::scope(|scope| {
        let _over = now_and_then(scope, || {
            if looks.load(Ordering::Relaxed) {
                let metrics = http::get(server, "/metrics");
                assert_eq!(metrics.status, 200, "{metrics:?}");
                bytes.store(metrics.body.len() as u32, Ordering::Relaxed);
                scrapes.fetch_add(1, Ordering::Relaxed);
            }
        });
        beside(&engine, rate(), |look| looks.store(look, Ordering::Relaxed))
    });
    let (scrapes, bytes) = (scrapes.into_inner(), bytes.into_inner());
    assert!(scrapes > 10, "{scrapes} scrapes");
    tell(&format!("{scrapes} scrapes of {bytes} bytes"), rate(), cost);
}
