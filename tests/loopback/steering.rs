//! Four shards, callers at a port each: whether datagrams come to the shard
//! that owns their call, by the engine's own counts, and what is said where
//! they do not.

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use pinion_runtime::uninterrupted;

use crate::address::free_address;
use crate::engine::Engine;
use crate::phones::{self, line};
use crate::share_machine;
use crate::sipp::Sipp;

const CALLS: usize = 200;
const STRANGERS: usize = 1000;

/// Calls from a port each, and OPTIONS from as many more; returns how many of
/// a thousand datagrams were handed over.
fn handed_over_per_1000(engine: &Engine) -> f64 {
    let contact = free_address();
    phones::register(engine, [(1002, contact)].into_iter(), 10);
    let limit = Duration::from_secs(60);
    let callees = Sipp::new(&engine.scratch, "uas", CALLS, limit)
        .listening(contact)
        .start();
    Sipp::new(&engine.scratch, "uac", CALLS, limit)
        .calling(engine.address, 50, &[line(1001, 1002)])
        .pausing(100)
        .run()
        .expect(CALLS);
    callees.wait().expect(CALLS);
    for number in 0..STRANGERS {
        ask(engine, number);
    }
    let counters = engine.counters();
    let taken = counters.total("datagrams");
    assert!(taken as usize > 8 * CALLS + STRANGERS, "{taken} datagrams");
    counters.total("handed_off") as f64 * 1000.0 / taken as f64
}

/// OPTIONS of a Call-ID of its own from a socket of its own.
fn ask(engine: &Engine, number: usize) {
    let phone = UdpSocket::bind((engine.address.ip(), 0)).unwrap();
    let (near, far) = (phone.local_addr().unwrap(), engine.address);
    let text = format!(
        "OPTIONS sip:{far} SIP/2.0\r\nVia: SIP/2.0/UDP {near};branch=z9hG4bKs{number};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:a@{near}>;tag=1\r\nTo: <sip:{far}>\r\n\
         Call-ID: {number}-{}@{near}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
        number.wrapping_mul(0x9e37_79b9)
    );
    phone.send_to(text.as_bytes(), far).unwrap();
    phone
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut answer = [0; 2000];
    let len = uninterrupted(|| phone.recv(&mut answer)).expect("an answer");
    assert!(answer[..len].starts_with(b"SIP/2.0 "));
}

fn engine(way: &str) -> Engine {
    let flags = ["--shards", "4", "--steer", way];
    phones::engine(&format!("steer-{way}"), [1001, 1002].into_iter(), &flags)
}

#[test]
fn a_steered_datagram_is_not_handed_over() {
    let _shared = share_machine();
    let auto = engine("auto");
    if auto.log().contains("not ebpf: this process may load no") {
        eprintln!("NOT TESTED, for lack of CAP_BPF and CAP_PERFMON: steering by ebpf");
    } else {
        assert!(!auto.log().contains("--steer"), "{}", auto.log());
    }
    if !auto.log().contains("not cbpf:") {
        check("auto", &auto);
    }
    if may_attach_large_filters() {
        check("cbpf", &engine("cbpf"));
    } else {
        eprintln!("NOT TESTED, for lack of net.core.optmem_max of 131072: steering by cbpf");
    }
}

fn check(way: &str, engine: &Engine) {
    let handed_over = handed_over_per_1000(engine);
    println!("figure: --steer {way}: {handed_over:.2} of 1000 datagrams handed over");
    assert!(handed_over <= 1.0, "--steer {way}: {handed_over} of 1000");
}

/// Whether the kernel takes filters of the greatest size, as it does from
/// Linux 6.7 on by default.
fn may_attach_large_filters() -> bool {
    let limit = fs::read_to_string("/proc/sys/net/core/optmem_max");
    limit.is_ok_and(|limit| {
        limit
            .trim()
            .parse::<u32>()
            .is_ok_and(|limit| limit >= 131_072)
    })
}

#[test]
fn without_steering_most_datagrams_are_handed_over() {
    let _shared = share_machine();
    let handed_over = handed_over_per_1000(&engine("mesh"));
    println!("figure: --steer mesh: {handed_over:.0} of 1000 datagrams handed over");
    assert!(handed_over > 400.0, "{handed_over} of 1000");
}

/// The engine without the rights that eBPF takes, whoever runs the test.
fn unprivileged(way: &str) -> Command {
    let binary = env::var_os("PINION_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_pinion").into());
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    let mut command = if is_root {
        let mut command = Command::new("setpriv");
        command.arg("--bounding-set=-bpf,-perfmon,-sys_admin");
        command.arg(binary);
        command
    } else {
        Command::new(binary)
    };
    command
        .args(["--listen", &free_address().to_string(), "--shards", "2"])
        .args(["--steer", way])
        .stdin(Stdio::null());
    command
}

#[test]
fn a_way_that_is_closed_ends_the_start_with_one_sentence() {
    let output = unprivileged("ebpf").output().expect("setpriv or pinion");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.starts_with("pinion: --steer ebpf: this process may load no eBPF program")
            && said.contains("setcap cap_bpf,cap_perfmon,"),
        "{said}"
    );
}

#[test]
fn a_free_choice_falls_back_and_says_why() {
    let mut engine = unprivileged("auto")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("setpriv or pinion");
    let banner: Vec<String> = BufReader::new(engine.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .take_while(|line| line != "ready")
        .collect();
    engine.kill().unwrap();
    let output = engine.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("--steer auto: not ebpf:"), "{said}");
    let way = if said.contains("--steer auto: not cbpf:") {
        assert!(said.contains("net.core.optmem_max=131072"), "{said}");
        assert!(!may_attach_large_filters(), "{said}");
        "mesh"
    } else {
        "cbpf"
    };
    let steering = banner.iter().find(|line| line.starts_with("steering"));
    let taken = format!("steering  {way}:");
    assert!(
        steering.is_some_and(|line| line.starts_with(&taken)),
        "{banner:?}"
    );
}
