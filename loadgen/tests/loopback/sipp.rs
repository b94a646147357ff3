//! SIPp (Debian's sip-tester) against the generator: calls each way round with
//! SIPp's own scenarios, registrations whose digest SIPp checks, and OPTIONS.
//! Both must count the same, and no time either tells may be shorter than what
//! the other is known to have waited.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;
use std::{env, fs, process, thread};

use pinion_loadgen::results::Results;

use crate::LIMIT;

const CALLS: u64 = 60;

/// How long the other side waits before it answers.
const PAUSE_MS: u64 = 300;

/// How far SIPp's clock may be behind: it looks at it once in a turn.
const TURN_US: u64 = 50_000;

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

/// What SIPp's statistics count in the last line of `stat.csv`.
fn count(directory: &Path, name: &str) -> u64 {
    statistic(directory, name).parse().unwrap()
}

/// What they say there.
fn statistic(directory: &Path, name: &str) -> String {
    let text = fs::read_to_string(directory.join("stat.csv")).unwrap();
    let mut rows = text.lines();
    let mut names = rows.next().unwrap().split(';');
    let column = names.position(|found| found == name).unwrap();
    rows.last().unwrap().split(';').nth(column).unwrap().into()
}

/// `hours:minutes:seconds:microseconds`, as SIPp writes times.
fn microseconds(time: &str) -> u64 {
    let parts: Vec<u64> = time.split(':').map(|part| part.parse().unwrap()).collect();
    let [hours, minutes, seconds, rest] = parts[..] else {
        panic!("{time} is no time")
    };
    ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + rest
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
        "300ms",
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
    // SIPp's own uac measures from its INVITE to the 200; the callee rings 300 ms.
    let response = statistic(&directory, "ResponseTime1(C)");
    assert!(
        microseconds(&response) >= PAUSE_MS * 1000 - TURN_US,
        "{response}"
    );
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

/// A response of a SIPp that plays the server.
fn reply(status: &str, more: &str) -> String {
    format!(
        "<send><![CDATA[\n\nSIP/2.0 {status}\n[last_Via:]\n[last_From:]\n\
         [last_To:];tag=s[call_number]\n[last_Call-ID:]\n[last_CSeq:]\n{more}\
         Content-Length: 0\n\n]]></send>\n"
    )
}

/// Runs the generator against a SIPp that plays `steps` for each Call-ID.
fn against(name: &str, steps: &str, flags: &str) -> Results {
    let directory = scratch(name);
    let address = own_address();
    let file = directory.join("server.xml");
    let scenario =
        format!("<?xml version=\"1.0\"?>\n<scenario name=\"{name}\">\n{steps}</scenario>\n");
    fs::write(&file, scenario).unwrap();
    let mut server = Command::new("sipp");
    server
        .current_dir(&directory)
        .args([
            "-sf",
            "server.xml",
            "-i",
            &address.ip().to_string(),
            "-nostdin",
        ])
        .args([
            "-p",
            &address.port().to_string(),
            "-trace_stat",
            "-stf",
            "stat.csv",
        ])
        .args(["-timeout", "50", "-m", &CALLS.to_string()]);
    let mut server = Running::start(&mut server);
    let mut ours = load();
    ours.args(flags.split_whitespace())
        .args([
            "--target",
            &address.to_string(),
            "--calls",
            &CALLS.to_string(),
        ])
        .args([
            "--rate",
            "60",
            "--threads",
            "1",
            "--quiet",
            "--json",
            "results.json",
        ])
        .current_dir(&directory);
    let code = Running::start(&mut ours).wait();
    let results = results(&directory);
    assert!(results.failures.is_empty(), "{:?}", results.failures);
    assert!(matches!(code, Some(0 | 3)), "{code:?}");
    assert_eq!(results.units.completed, CALLS);
    assert_eq!(server.wait(), Some(0));
    assert_eq!(count(&directory, "SuccessfulCall(C)"), CALLS);
    assert_eq!(count(&directory, "FailedCall(C)"), 0);
    fs::remove_dir_all(directory).unwrap();
    results
}

#[test]
fn sipp_answers_every_options_of_ours_and_no_sooner_than_we_say() {
    let steps = format!(
        "<recv request=\"OPTIONS\"/>\n<pause milliseconds=\"{PAUSE_MS}\"/>\n{}",
        reply("200 OK", "")
    );
    let results = against("sipp-options", &steps, "options");
    let stage = &results.stages["options-200"];
    assert_eq!(stage.count, CALLS);
    assert!(
        stage.min_us >= PAUSE_MS * 1000 - TURN_US,
        "{} us",
        stage.min_us
    );
}

#[test]
fn sipp_finds_the_credentials_of_every_registration_right() {
    let challenge =
        "WWW-Authenticate: Digest realm=\"sipp\",nonce=\"abcdef[call_number]\",algorithm=MD5\n";
    let steps = [
        "<recv request=\"REGISTER\"/>\n",
        &reply("401 Unauthorized", challenge),
        "<recv request=\"REGISTER\"><action>\
         <verifyauth assign_to=\"right\" username=\"alice\" password=\"secret\"/>\
         </action></recv>\n",
        &format!("<pause milliseconds=\"{PAUSE_MS}\"/>\n"),
        "<nop next=\"right\" test=\"right\"/>\n",
        &reply("403 Forbidden", ""),
        "<nop next=\"end\"/>\n<label id=\"right\"/>\n",
        &reply("200 OK", "Contact: <sip:alice@127.0.0.1>;expires=60\n"),
        "<label id=\"end\"/>\n",
    ];
    let flags = "register --users alice --password secret";
    let results = against("sipp-register", &steps.concat(), flags);
    let stage = &results.stages["register-200"];
    assert_eq!(stage.count, CALLS);
    assert!(
        stage.min_us >= PAUSE_MS * 1000 - TURN_US,
        "{} us",
        stage.min_us
    );
    assert_eq!(results.stages["register-401"].count, CALLS);
}
