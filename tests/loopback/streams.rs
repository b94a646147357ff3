//! Calls over TCP, and between TCP and UDP: the scenarios of `flows`, and what a
//! connection alone can show.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use pinion_runtime::uninterrupted;

use crate::address::{free_address, host};
use crate::asked::ask;
use crate::engine::{Engine, Scratch};
use crate::phones::{self, line};
use crate::sipp::{Outcome, Sipp};
use crate::usage::resident_mb;
use crate::{LINGER, share_machine, take_machine};

const LIMIT: Duration = Duration::from_secs(40);

/// Caller's and callee's scenario, and what stands before the number dialled.
const SCENARIOS: [(&str, &str, &str); 7] = [
    ("uac", "uas", ""),
    ("uac_called_off", "uas_hangs_up", ""),
    ("uac_cancel", "uas_rings", ""),
    ("uac_refused", "uas_rings", "8"),
    ("uac_hold", "uas_hold", ""),
    ("uac_info", "uas_info", ""),
    ("uac_message", "uas_message", ""),
];

/// An engine of two shards that listens for both.
fn engine(name: &str, users: impl Iterator<Item = u32>, flags: &[&str]) -> Engine {
    let scratch = Scratch::new(name);
    phones::write_files(&scratch, users);
    let address = free_address();
    let listen = address.to_string();
    let both = ["--shards", "2", "--t1", "100", "--listen-tcp", &listen];
    Engine::start(scratch, address, &[&both, flags].concat())
}

/// Every scenario at once, each between two phones of its own: callers by one
/// transport, callees by another, in SIPp's words.
fn all_scenarios(name: &str, caller: &'static str, callee: &'static str) {
    let shared = share_machine();
    let users = 1000..1000 + 2 * SCENARIOS.len() as u32;
    let engine = engine(name, users, &[]);
    let place = (&engine.scratch, engine.address);
    thread::scope(|scope| {
        for (number, (calling, called, before)) in (0..).zip(SCENARIOS) {
            let (from, to) = (1000 + 2 * number, 1001 + 2 * number);
            scope.spawn(move || {
                let call = (calling, line(from, format!("{before}{to}")), caller);
                let outcome = one_call(place, call, (called, to, callee));
                if calling == "uac_refused" {
                    let status = outcome.log.lines().next().unwrap_or_default().trim_end();
                    assert_eq!(status, "SIP/2.0 603 Declined");
                }
            });
        }
    });
    drop(shared);
    engine.wait_until_empty(LINGER);
    let counters = engine.counters();
    if (caller, callee) == ("tn", "t1") {
        // A 2xx alone is repeated over a stream (RFC 3261 §13.3.1.4).
        assert_eq!(counters.total("udp_received"), 0);
    }
    assert!(counters.total("tcp_received") > 0 && counters.total("tcp_sent") > 0);
}

/// Registers the callee, has it take a call of the caller's, and returns what
/// the caller saw. Both must go well.
fn one_call(
    (scratch, engine): (&Scratch, SocketAddr),
    (calling, dials, caller): (&str, String, &'static str),
    (called, to, callee): (&str, u32, &'static str),
) -> Outcome {
    // Each has a port of its own: two that look for one at once may find the same.
    let contact = free_address();
    Sipp::new(scratch, "register", 1, LIMIT)
        .over(if callee.starts_with('t') { "tn" } else { "un" })
        .listening(free_address())
        .calling(engine, 10, &[line(to, contact)])
        .key("expires", "3600")
        .run()
        .expect(1);
    let callee = Sipp::new(scratch, called, 1, LIMIT)
        .over(callee)
        .listening(contact)
        .start();
    let outcome = Sipp::new(scratch, calling, 1, LIMIT)
        .over(caller)
        .listening(free_address())
        .calling(engine, 10, &[dials])
        .pausing(200)
        .run();
    outcome.expect(1);
    callee.wait().expect(1);
    outcome
}

#[test]
fn every_scenario_passes_over_tcp() {
    all_scenarios("tcp", "tn", "t1");
}

#[test]
fn every_scenario_passes_over_one_connection() {
    all_scenarios("tcp-one", "t1", "t1");
}

#[test]
fn every_scenario_passes_from_udp_to_tcp() {
    all_scenarios("udp-tcp", "un", "t1");
}

#[test]
fn every_scenario_passes_from_tcp_to_udp() {
    all_scenarios("tcp-udp", "tn", "u1");
}

/// A phone that is nothing but a connection.
struct Phone {
    connection: TcpStream,
    heard: Vec<u8>,
}

impl Phone {
    fn new(engine: &Engine) -> Phone {
        Phone::of(TcpStream::connect(engine.address).unwrap())
    }

    fn of(connection: TcpStream) -> Phone {
        connection.set_read_timeout(Some(LIMIT)).unwrap();
        Phone {
            connection,
            heard: Vec::new(),
        }
    }

    fn say(&mut self, text: &str) {
        let bytes = text.replace('\n', "\r\n");
        self.connection.write_all(bytes.as_bytes()).unwrap();
    }

    /// The next message without a body.
    fn hear(&mut self) -> String {
        let end = b"\r\n\r\n";
        loop {
            if let Some(at) = self.heard.windows(4).position(|four| four == end) {
                let message: Vec<u8> = self.heard.drain(..at + 4).collect();
                return String::from_utf8(message).unwrap();
            }
            let mut bytes = [0; 4096];
            let len = uninterrupted(|| self.connection.read(&mut bytes)).unwrap();
            assert!(len > 0, "the engine has closed the connection");
            self.heard.extend_from_slice(&bytes[..len]);
        }
    }
}

fn options(number: u32, rest: &str) -> String {
    let host = host();
    format!(
        "OPTIONS sip:{host} SIP/2.0\nVia: SIP/2.0/TCP {host};branch=z9hG4bK{number}\n\
         From: <sip:a@{host}>;tag=1\nTo: <sip:{host}>\nCall-ID: options-{number}\n\
         CSeq: {number} OPTIONS\nMax-Forwards: 70\n{rest}"
    )
}

/// The Call-IDs of these are at home on both shards; the connection is one
/// shard's.
#[test]
fn messages_find_their_home_and_answers_their_connection() {
    let _shared = share_machine();
    let engine = engine("tcp-homes", 1001..=1002, &[]);
    let mut phone = Phone::new(&engine);
    let whole = |number| options(number, "Content-Length: 0\n\n");
    let all: String = (0..50).map(whole).collect();
    phone.say(&all);
    let mut answered: Vec<u32> = (0..50)
        .map(|_| {
            let answer = phone.hear();
            assert!(answer.starts_with("SIP/2.0 200 OK\r\n"), "{answer}");
            let line = answer
                .lines()
                .find(|line| line.starts_with("CSeq: "))
                .unwrap();
            line.split(' ').nth(1).unwrap().parse().unwrap()
        })
        .collect();
    answered.sort_unstable();
    assert_eq!(answered, (0..50).collect::<Vec<_>>());
    assert!(engine.counters().total("handed_off") > 0);
}

#[test]
fn what_cannot_be_framed_is_refused_and_closed() {
    let _shared = share_machine();
    let engine = engine("tcp-unframed", 1001..=1002, &["--tcp-max-message", "20k"]);
    for (rest, status) in [
        ("\n".to_owned(), "400 Missing Content-Length"),
        (
            "Content-Length: 70000\n\n".to_owned(),
            "413 Request Entity Too Large",
        ),
        (
            format!("X: {}\n\n", "y".repeat(30_000)),
            "513 Message Too Large",
        ),
    ] {
        let mut phone = Phone::new(&engine);
        phone.say(&options(1, &rest));
        let answer = phone.hear();
        assert!(
            answer.starts_with(&format!("SIP/2.0 {status}\r\n")),
            "{answer}"
        );
        let mut rest = Vec::new();
        phone.connection.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"");
    }
}

/// A listener whose queue is full lets nobody in, and says nothing.
fn dark_address() -> (TcpListener, Vec<TcpStream>, SocketAddr) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((host(), 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let listener = TcpListener::from(socket);
    let address = listener.local_addr().unwrap();
    let mut filling = Vec::new();
    while let Ok(one) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        filling.push(one);
    }
    (listener, filling, address)
}

/// 1002 says that it is at `contact`, over TCP.
fn register_over_tcp(engine: &Engine, contact: SocketAddr) {
    Sipp::new(&engine.scratch, "register", 1, LIMIT)
        .over("tn")
        .calling(engine.address, 10, &[line(1002, contact)])
        .key("expires", "3600")
        .run()
        .expect(1);
}

/// 1001 calls 1002, who cannot be sent an INVITE.
fn expect_unsent(engine: &Engine) {
    let outcome = Sipp::new(&engine.scratch, "uac_refused", 1, LIMIT)
        .calling(engine.address, 10, &[line(1001, 1002)])
        .run();
    outcome.expect(1);
    assert!(outcome.log.starts_with("SIP/2.0 503 "), "{}", outcome.log);
    let counters = engine.counters();
    assert_eq!(counters.total("unsent"), 1);
    assert_eq!(counters.total("timeouts"), 0, "Timer B was not waited for");
}

#[test]
fn a_callee_that_lets_nobody_in_is_given_up_in_time() {
    let _shared = share_machine();
    let engine = engine("tcp-dark", 1001..=1002, &["--tcp-connect-timeout", "500"]);
    let (_listener, _filling, dark) = dark_address();
    register_over_tcp(&engine, dark);
    expect_unsent(&engine);
}

#[test]
fn a_callee_behind_an_unloaded_transport_is_given_up_at_once() {
    let _shared = share_machine();
    let engine = engine("tcp-unloaded", 1001..=1002, &[]);
    register_over_tcp(&engine, free_address());
    ask(&engine, "module unload res_sip_tcp now").done();
    expect_unsent(&engine);
}

#[test]
fn strangers_are_closed_and_known_phones_stay() {
    let _shared = share_machine();
    let scratch = Scratch::new("tcp-strangers");
    phones::write_files(&scratch, 1001..=1002);
    let sip = std::fs::read_to_string(scratch.path().join("sip.conf")).unwrap();
    let limits = "[general]\ntcpenable=yes\ntcpauthtimeout=1\ntcpauthlimit=2\n";
    scratch.write("sip.conf", &sip.replace("[general]\n", limits));
    let engine = Engine::start(scratch, free_address(), &["--shards", "2"]);
    let mut strangers: Vec<TcpStream> = (0..4)
        .map(|_| TcpStream::connect(engine.address).unwrap())
        .collect();
    for stranger in &mut strangers {
        stranger.set_read_timeout(Some(LIMIT)).unwrap();
        // Closed or reset, but not left alone.
        let heard = uninterrupted(|| stranger.read(&mut [0]));
        assert!(!matches!(heard, Ok(1..)));
    }
    let counters = engine.counters();
    assert_eq!(counters.total("tcp_refused_strangers"), 2);
    assert_eq!(counters.total("tcp_closed_strangers"), 2);
    let contact = free_address();
    let callee = Sipp::new(&engine.scratch, "uas", 1, LIMIT)
        .over("t1")
        .listening(contact)
        .start();
    Sipp::new(&engine.scratch, "register", 1, LIMIT)
        .over("tn")
        .calling(engine.address, 10, &[line(1002, contact)])
        .key("expires", "3600")
        .run()
        .expect(1);
    // The call lasts beyond the strangers' time.
    Sipp::new(&engine.scratch, "uac", 1, LIMIT)
        .over("tn")
        .calling(engine.address, 10, &[line(1001, 1002)])
        .pausing(2500)
        .run()
        .expect(1);
    callee.wait().expect(1);
    assert_eq!(engine.counters().total("tcp_closed_strangers"), 2);
}

/// Connections that idle, as many as this process may have and 50,000 at most,
/// from several addresses, as one has too few ports.
#[test]
fn idle_connections_cost_little() {
    const MOST: usize = 50_000;
    const FROM_ONE: usize = 2_000;
    let _alone = take_machine();
    let scratch = Scratch::new("tcp-idle");
    phones::write_files(&scratch, 1001..=1002);
    let sip = std::fs::read_to_string(scratch.path().join("sip.conf")).unwrap();
    let limits = "[general]\ntcpenable=yes\ntcpauthtimeout=3600\ntcpauthlimit=100000\n";
    scratch.write("sip.conf", &sip.replace("[general]\n", limits));
    let engine = Engine::start(scratch, free_address(), &["--shards", "2"]);
    // What is touched once is no connection's.
    let warm: Vec<TcpStream> = (0..200)
        .map(|_| TcpStream::connect(engine.address).unwrap())
        .collect();
    let number = MOST.min(open_files() - 1000);
    let wait_for = |connections: usize| {
        let start = Instant::now();
        while engine.counters().total("tcp_connections") < connections as u64 {
            assert!(start.elapsed() < LIMIT, "they are not accepted");
            thread::sleep(Duration::from_millis(50));
        }
    };
    wait_for(warm.len());
    let before = resident_mb(engine.pid());
    let [high, middle, low, _] = host().octets();
    let connections: Vec<TcpStream> = (0..number)
        .map(|index| {
            let from = Ipv4Addr::new(high, middle, low, 1 + (index / FROM_ONE) as u8);
            connect_from(from, engine.address)
        })
        .collect();
    wait_for(warm.len() + number);
    let each = (resident_mb(engine.pid()) - before) * 1e6 / number as f64;
    println!("figure: {number} idle connections, {each:.0} bytes resident for each");
    assert!(each <= 4096.0, "{each:.0} bytes");
    let mut first = Phone::of(connections.into_iter().next().unwrap());
    first.say(&options(1, "Content-Length: 0\n\n"));
    assert!(first.hear().starts_with("SIP/2.0 200 OK\r\n"));
}

/// Files this process, and so the engine, may have open.
fn open_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = line.unwrap().split_whitespace().nth(3).unwrap();
    soft.parse().unwrap_or(usize::MAX)
}

fn connect_from(from: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    socket.into()
}
