//! SIPp (Debian's sip-tester) against the generator, each way round, with
//! SIPp's own scenarios: both must count the same calls.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;
use std::{env, fs, process, thread};

use pinion_loadgen::results::Results;

use crate::LIMIT;

const CALLS: u64 = 60;

/// An address of this process and this test alone.
pub fn own_address() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = process::id().to_be_bytes();
    let last = NEXT.fetch_add(1, Ordering::Relaxed);
    SocketAddr::from(([127, 64 + (high & 31), low, last], 5080))
}

/// A process of ours, ended when dropped.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Running {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        Running(child.unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    fn wait(&mut self) -> Option<i32> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            assert!(start.elapsed() < LIMIT, "it does not end");
            thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn scratch(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", process::id()));
    fs::create_dir_all(&path).unwrap();
    path
}

fn sipp(scenario: &str, ip: IpAddr, directory: &Path) -> Command {
    let mut command = Command::new("sipp");
    command
        .current_dir(directory)
        .args(["-sn", scenario, "-i", &ip.to_string(), "-nostdin"])
        .args(["-trace_stat", "-stf", "stat.csv", "-timeout", "50", "-m"])
        .arg(CALLS.to_string());
    command
}

/// What SIPp's statistics say in the last line of `stat.csv`.
fn count(directory: &Path, name: &str) -> u64 {
    let text = fs::read_to_string(directory.join("stat.csv")).unwrap();
    let mut rows = text.lines();
    let mut names = rows.next().unwrap().split(';');
    let column = names.position(|found| found == name).unwrap();
    let last = rows.last().unwrap().split(';').nth(column).unwrap();
    last.parse().unwrap()
}

fn load() -> Command {
    Command::new(env!("CARGO_BIN_EXE_pinion-load"))
}

fn results(directory: &Path) -> Results {
    let text = fs::read_to_string(directory.join("results.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn sipp_takes_every_call_of_ours() {
    let directory = scratch("sipp-uas");
    let address = own_address();
    let mut callee = sipp("uas", address.ip(), &directory);
    let mut callee = Running::start(callee.args(["-p", &address.port().to_string()]));
    // Until it listens, INVITEs are lost and sent again, as on any network.
    let mut ours = load();
    ours.args([
        "call",
        "--target",
        &address.to_string(),
        "--rate",
        "60",
        "--hold",
        "200ms",
    ])
    .args([
        "--calls",
        &CALLS.to_string(),
        "--quiet",
        "--json",
        "results.json",
    ])
    .current_dir(&directory);
    let code = Running::start(&mut ours).wait();
    let results = results(&directory);
    assert!(results.failures.is_empty(), "{:?}", results.failures);
    assert_eq!(results.units.completed, CALLS);
    // Whether this machine was the limit does not matter to the counts.
    assert!(matches!(code, Some(0 | 3)), "{code:?}");
    assert_eq!(callee.wait(), Some(0));
    assert_eq!(count(&directory, "SuccessfulCall(C)"), CALLS);
    assert_eq!(count(&directory, "FailedCall(C)"), 0);
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn every_call_of_sipp_is_taken() {
    let directory = scratch("sipp-uac");
    let address = own_address();
    let mut ours = load();
    ours.args([
        "uas",
        "--listen",
        &address.to_string(),
        "--threads",
        "1",
        "--ring",
        "50ms",
    ])
    .args([
        "--calls",
        &CALLS.to_string(),
        "--quiet",
        "--json",
        "results.json",
    ])
    .current_dir(&directory);
    let mut ours = Running::start(&mut ours);
    let mut caller = sipp("uac", address.ip(), &directory);
    caller
        .arg(address.to_string())
        .args(["-r", "60", "-d", "200"]);
    assert_eq!(Running::start(&mut caller).wait(), Some(0));
    assert_eq!(count(&directory, "SuccessfulCall(C)"), CALLS);
    let code = ours.wait();
    let results = results(&directory);
    assert!(results.failures.is_empty(), "{:?}", results.failures);
    assert_eq!(
        (results.units.begun, results.units.completed),
        (CALLS, CALLS)
    );
    assert!(matches!(code, Some(0 | 3)), "{code:?}");
    fs::remove_dir_all(directory).unwrap();
}
