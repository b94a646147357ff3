//! A real engine for the tests that drive it from outside: started as a
//! process, watched through its standard output, ended with its value.
//! Shared by the tests of SIPp and of softphones; never a test by itself.

mod again;
mod counters;
mod scratch;

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

pub use counters::Counters;
pub use scratch::Scratch;

const START_LIMIT: Duration = Duration::from_secs(20);
const COUNTERS_LIMIT: Duration = Duration::from_secs(5);
const LOG_LIMIT: Duration = Duration::from_secs(2);
const LOG_PAUSE: Duration = Duration::from_millis(100);

/// A running engine; dropping it kills the process.
pub struct Engine {
    child: Child,
    lines: Receiver<String>,
    flags: Vec<String>,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its configuration and its log; kept when the test fails.
    pub scratch: Scratch,
}

impl Engine {
    /// Starts an engine that listens on `address`, with the files of `scratch`
    /// as its configuration (or the built-in one when there is no sip.conf)
    /// and the `flags` given, and waits until it says that it is ready.
    pub fn start(scratch: Scratch, address: SocketAddr, flags: &[&str]) -> Engine {
        Engine::start_by(&[], scratch, address, flags)
    }

    /// Starts it as [`Engine::start`] does, by a command that runs what stands
    /// behind it.
    pub fn start_by(by: &[&str], scratch: Scratch, address: SocketAddr, flags: &[&str]) -> Engine {
        let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        let (child, lines) = launch(by, &scratch, address, &flags);
        let engine = Engine {
            child,
            lines,
            flags,
            address,
            scratch,
        };
        engine.await_ready();
        engine
    }

    fn await_ready(&self) {
        let banner = self.read_until(START_LIMIT, |line| line.trim() == "ready");
        assert!(
            banner.is_some(),
            "the engine is not ready; it says:\n{}",
            self.log()
        );
    }

    /// The engine's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What the engine logged so far. It writes beside what it does: the log is
    /// read until nothing comes for a while.
    pub fn log(&self) -> String {
        let read = || fs::read_to_string(self.scratch.path().join("engine.log"));
        let mut log = read().unwrap_or_default();
        let start = Instant::now();
        while start.elapsed() < LOG_LIMIT {
            thread::sleep(LOG_PAUSE);
            let now = read().unwrap_or_default();
            if now.len() == log.len() {
                break;
            }
            log = now;
        }
        log
    }

    /// Its counters now.
    pub fn counters(&self) -> Counters {
        while self.lines.try_recv().is_ok() {}
        self.signal("USR1");
        let lines = self
            .read_until(COUNTERS_LIMIT, Counters::is_last_line)
            .unwrap_or_else(|| panic!("no counters after SIGUSR1; log:\n{}", self.log()));
        Counters::parse(&lines)
    }

    /// Waits until the tables of every shard are empty and returns how long
    /// that took; panics with what is left after `limit`.
    pub fn wait_until_empty(&self, limit: Duration) -> Duration {
        let start = Instant::now();
        loop {
            let left = self.counters().left_of_calls();
            if left.is_empty() {
                return start.elapsed();
            }
            assert!(
                start.elapsed() < limit,
                "still in the tables after {limit:?}: {left:?}"
            );
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// Asks it to end as an operator would and returns its exit code.
    pub fn stop(mut self, limit: Duration) -> Option<i32> {
        self.end(limit)
    }

    /// As [`Engine::stop`]; its files stay.
    pub fn end(&mut self, limit: Duration) -> Option<i32> {
        self.signal("TERM");
        self.ended(limit)
    }

    /// Waits for the end it has been told to come to; its exit code.
    pub fn ended(&mut self, limit: Duration) -> Option<i32> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                return status.code();
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!(
            "the engine runs on {limit:?} after it was told to end; log:\n{}",
            self.log()
        );
    }

    /// Sends it a signal, as in `HUP`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.pid().to_string()])
            .status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "the engine has died:\n{}",
            self.log()
        );
    }

    /// Its output up to and with the first line that `is_last`.
    fn read_until(&self, limit: Duration, is_last: impl Fn(&str) -> bool) -> Option<Vec<String>> {
        let deadline = Instant::now() + limit;
        let mut lines = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).ok()?;
            let done = is_last(&line);
            lines.push(line);
            if done {
                return Some(lines);
            }
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Starts the process, by the command `by` if one is given, and reads what it
/// says.
fn launch(
    by: &[&str],
    scratch: &Scratch,
    address: SocketAddr,
    flags: &[String],
) -> (Child, Receiver<String>) {
    let binary = env::var_os("PINION_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_pinion").into());
    let mut words = by.iter().map(OsString::from).chain([binary]);
    let mut command = Command::new(words.next().expect("the binary at least"));
    command.args(words);
    if scratch.path().join("sip.conf").exists() {
        command.arg("--config").arg(scratch.path());
    }
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(scratch.path().join("engine.log"))
        .expect("the log's file");
    let mut child = command
        .args(["--listen", &address.to_string()])
        .arg("--console")
        .arg(scratch.path().join("console"))
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let stdout = BufReader::new(child.stdout.take().expect("a piped stdout"));
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in stdout.lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    (child, lines)
}
