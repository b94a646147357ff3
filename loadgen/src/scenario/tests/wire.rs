//! Against SIPp itself, on loopback: both must call the same number of calls
//! good.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant as StdInstant};

use pinion_sip::base::{Flow, Instant, Random};
use pinion_sip::machine::{Input, Machine as _, Outbox};

use super::corpus::embedded;
use super::stage::program;
use crate::quota::Quota;
use crate::scenario::{Load, ScenarioCaller, Score, Seat, Settings};

/// How long a test may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Calls of one test.
const CALLS: u64 = 20;

/// A loopback address of this process and this test alone.
fn host() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(
        127,
        32 + (high & 31),
        low,
        NEXT.fetch_add(1, Ordering::Relaxed),
    )
}

/// SIPp at work; killed when dropped.
struct Sipp(Child);

impl Sipp {
    fn start(name: &str, local: SocketAddr, remote: Option<SocketAddr>) -> Sipp {
        let mut command = Command::new("sipp");
        command.args(["-sn", name, "-nostdin", "-timeout", "50", "-timeout_error"]);
        command.args([
            "-i",
            &local.ip().to_string(),
            "-p",
            &local.port().to_string(),
        ]);
        command.args(["-m", &CALLS.to_string(), "-r", "20"]);
        command.args(remote.map(|remote| remote.to_string()));
        command.current_dir(std::env::temp_dir());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Sipp(
            command
                .spawn()
                .expect("SIPp is installed (Debian package sip-tester)"),
        )
    }

    /// Its exit code, 0 if every call went as its scenario says.
    fn end(mut self) -> Option<i32> {
        let limit = StdInstant::now() + LIMIT;
        while StdInstant::now() < limit {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One thread of scenarios on a socket, driven until it is done.
fn drive(name: &str, socket: &UdpSocket, remote: Option<SocketAddr>) -> Score {
    let local = socket.local_addr().unwrap();
    let load = match remote {
        Some(_) => Load::Times(Box::new(
            (0..CALLS as u32).map(|n| Duration::from_millis(50) * n),
        )),
        None => Load::Server,
    };
    let seat = Seat {
        thread: 0,
        threads: 1,
        local,
        remote,
        most_at_once: 1000,
        quota: Quota::new(Some(CALLS)),
        duration: LIMIT,
    };
    let settings = Settings {
        pid: std::process::id(),
        ..Settings::default()
    };
    let program = Arc::new(program(&embedded(name), settings, &[]));
    let mut caller = ScenarioCaller::new(program, seat, load, Random::from_u64(9));
    let mut out = Outbox::new(1000);
    let began = StdInstant::now();
    let now = || Instant::from_micros(began.elapsed().as_micros() as u64);
    caller.begin(now());
    let mut datagram = vec![0; 65_535];
    socket
        .set_read_timeout(Some(Duration::from_millis(2)))
        .unwrap();
    while !caller.is_done() && began.elapsed() < LIMIT {
        match socket.recv_from(&mut datagram) {
            Ok((len, remote)) => {
                let flow = Flow::udp(0, local, remote);
                let bytes = &datagram[..len];
                caller.handle(now(), Input::Datagram { bytes, flow }, &mut out);
            }
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) =>
            {
                caller.handle(now(), Input::Elapsed, &mut out);
            }
            // A port nobody listens on yet: the copy of the request comes later.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
            Err(error) => panic!("{error}"),
        }
        for (flow, bytes) in out.sends() {
            socket.send_to(bytes, flow.remote).unwrap();
        }
        out.clear_sends();
    }
    caller.score().clone()
}

/// Ours is `client`, SIPp is `server`.
fn call_sipp(client: &str, server: &str) {
    let theirs = SocketAddr::from((host(), 5060));
    let socket = UdpSocket::bind((host(), 5060)).unwrap();
    let sipp = Sipp::start(server, theirs, None);
    let score = drive(client, &socket, Some(theirs));
    assert_eq!(
        (score.tally.completed, score.tally.failed),
        (CALLS, 0),
        "{:?}",
        score.tally.failures
    );
    // Servers wait four seconds for copies before they end.
    assert_eq!(sipp.end(), Some(0));
}

/// SIPp is `client`, ours is `server`.
fn called_by_sipp(client: &str, server: &str) {
    let ours = SocketAddr::from((host(), 5060));
    let socket = UdpSocket::bind(ours).unwrap();
    let sipp = Sipp::start(client, SocketAddr::from((host(), 5060)), Some(ours));
    let score = drive(server, &socket, None);
    assert_eq!(
        (score.tally.completed, score.tally.failed),
        (CALLS, 0),
        "{:?}",
        score.tally.failures
    );
    assert_eq!(sipp.end(), Some(0));
}

#[test]
fn our_uac_calls_sipps_uas() {
    call_sipp("uac", "uas");
}

#[test]
fn our_regexp_calls_sipps_uas() {
    call_sipp("regexp", "uas");
}

#[test]
fn our_branchc_calls_sipps_branchs() {
    call_sipp("branchc", "branchs");
}

#[test]
fn sipps_uac_calls_our_uas() {
    called_by_sipp("uac", "uas");
}

#[test]
fn sipps_branchc_calls_our_branchs() {
    called_by_sipp("branchc", "branchs");
}
