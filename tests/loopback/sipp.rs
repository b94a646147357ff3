//! SIPp as a process: started on a scenario of `tests/sipp`, bounded in time,
//! judged by its exit code and its statistics file. Knows nothing of the engine.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::address::host;
use crate::engine::Scratch;

/// One SIPp to be started.
pub struct Sipp {
    command: Command,
    host: IpAddr,
    base: PathBuf,
    limit: Duration,
    /// What `-t` says.
    transport: Option<&'static str>,
    /// Where it has to listen before anybody calls it.
    listens: Option<SocketAddr>,
}

/// One SIPp at work; killed when dropped.
pub struct Running {
    child: Child,
    base: PathBuf,
    deadline: Instant,
}

/// What one SIPp says it did.
#[derive(Debug)]
pub struct Outcome {
    /// SIPp's exit code: 0 when every call went as the scenario says.
    pub exit: Option<i32>,
    /// Calls made or taken.
    pub created: u64,
    /// Calls that went as the scenario says.
    pub successful: u64,
    /// Calls that did not.
    pub failed: u64,
    /// Messages the scenario did not expect, or of no call.
    pub unexpected: u64,
    /// Messages sent again for want of an answer.
    pub retransmissions: u64,
    /// What the scenario's `log` actions wrote.
    pub log: String,
    /// What it complained of.
    pub errors: String,
}

impl Sipp {
    /// `calls` calls of the scenario `name`, to end within `limit`. Its files
    /// go to `scratch`.
    pub fn new(scratch: &Scratch, name: &str, calls: usize, limit: Duration) -> Sipp {
        static SERIAL: AtomicU16 = AtomicU16::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let base = scratch.path().join(format!("{name}-{serial}"));
        let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/sipp/{name}.xml"));
        let mut command = Command::new("sipp");
        command.arg("-sf").arg(scenario).arg("-nostdin");
        command.args([
            "-m",
            &calls.to_string(),
            "-l",
            "10000",
            "-buff_size",
            "4000000",
        ]);
        // For media that never comes; of one and the same, too many would try.
        command.args(["-mp", &(10_000 + 4 * serial).to_string()]);
        command.args(["-timeout", &limit.as_secs().to_string(), "-timeout_error"]);
        for (trace, file, suffix) in [
            ("-trace_stat", "-stf", "csv"),
            ("-trace_err", "-error_file", "errors"),
            ("-trace_logs", "-log_file", "log"),
        ] {
            command.args([trace, file]).arg(base.with_extension(suffix));
        }
        Sipp {
            command,
            host: host().into(),
            base,
            limit,
            transport: None,
            listens: None,
        }
    }

    /// Goes by `transport`, in SIPp's words: `t1` is one connection, `tn` one for
    /// each call.
    pub fn over(mut self, transport: &'static str) -> Sipp {
        self.transport = Some(transport);
        self
    }

    /// Takes calls on `address`.
    pub fn listening(mut self, address: SocketAddr) -> Sipp {
        self.command.args(["-p", &address.port().to_string()]);
        self.listens = Some(address);
        self.on(address.ip())
    }

    /// Sends from the address `host`, not from the one of this process.
    pub fn on(mut self, host: IpAddr) -> Sipp {
        self.host = host;
        self
    }

    /// Makes calls to `engine` at `per_second`, each from a socket of its own,
    /// with one line of `injected` for each (in turn, and over again).
    pub fn calling(
        mut self,
        engine: SocketAddr,
        per_second: u32,
        injected: &[impl Display],
    ) -> Sipp {
        let mut csv = String::from("SEQUENTIAL\n");
        for line in injected {
            csv.push_str(&format!("{line}\n"));
        }
        let file = self.base.with_extension("injected");
        fs::write(&file, csv).expect("the scratch directory can be written");
        self.command.arg(engine.to_string()).arg("-inf").arg(file);
        self.transport.get_or_insert("un");
        self.listens = None;
        self.command.args(["-max_socket", "8000"]);
        self.command.args(["-r", &per_second.to_string()]);
        self
    }

    /// Gives the scenario's keyword `name` a value.
    pub fn key(mut self, name: &str, value: &str) -> Sipp {
        self.command.args(["-key", name, value]);
        self
    }

    /// Has the first call go by this Call-ID, whose only `%u` is its number.
    pub fn call_id(mut self, call_id: &str) -> Sipp {
        self.command.args(["-cid_str", call_id]);
        self
    }

    /// Lets the scenario's pauses last this long.
    pub fn pausing(mut self, milliseconds: u32) -> Sipp {
        self.command.args(["-d", &milliseconds.to_string()]);
        self
    }

    /// Starts it; who takes calls listens when this returns.
    pub fn start(mut self) -> Running {
        let output = fs::File::create(self.base.with_extension("screen")).expect("a file");
        if let Some(transport) = self.transport {
            self.command.args(["-t", transport]);
        }
        let child = self
            .command
            .args(["-i", &self.host.to_string()])
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a second handle"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start sipp (package sip-tester): {error}"));
        let deadline = Instant::now() + self.limit + Duration::from_secs(5);
        let mut running = Running {
            child,
            base: self.base,
            deadline,
        };
        if let Some(address) = self.listens {
            let streams = self.transport.is_some_and(|name| name.starts_with('t'));
            while !is_bound(address, streams) && !running.is_over() {
                thread::sleep(Duration::from_millis(5));
            }
        }
        running
    }

    /// Starts it and waits for its end.
    pub fn run(self) -> Outcome {
        self.start().wait()
    }
}

/// Whether somebody has that address of the loopback interface.
fn is_bound(address: SocketAddr, streams: bool) -> bool {
    let IpAddr::V4(ip) = address.ip() else {
        unreachable!("tests are on IPv4");
    };
    let table = if streams { "tcp" } else { "udp" };
    let table = fs::read_to_string(format!("/proc/net/{table}")).expect("the kernel's table");
    let ip = u32::from_ne_bytes(ip.octets());
    let local = format!(" {ip:08X}:{:04X} ", address.port());
    // The remote of who waits for others.
    table.contains(&format!("{local}00000000:0000 "))
}

impl Running {
    /// Whether it has ended, or ought to have.
    fn is_over(&mut self) -> bool {
        let ended = self.child.try_wait().expect("a child of ours").is_some();
        ended || Instant::now() > self.deadline
    }

    /// Waits for its end and reads what it left.
    pub fn wait(mut self) -> Outcome {
        let exit = loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                break status.code();
            }
            assert!(
                Instant::now() < self.deadline,
                "SIPp outlives its own -timeout"
            );
            thread::sleep(Duration::from_millis(10));
        };
        let read = |suffix| {
            let bytes = fs::read(self.base.with_extension(suffix)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let statistics = read("csv");
        let mut rows = statistics.lines();
        let names: Vec<&str> = rows.next().unwrap_or_default().split(';').collect();
        let last: Vec<&str> = rows.last().unwrap_or_default().split(';').collect();
        let count = |name: &str| -> u64 {
            let column = names.iter().position(|&column| column == name);
            column
                .and_then(|column| last.get(column)?.parse().ok())
                .unwrap_or_else(|| {
                    panic!(
                        "SIPp left no {name}; exit {exit:?}:\n{}{}",
                        read("errors"),
                        read("screen")
                    )
                })
        };
        let unexpected = [
            "FailedUnexpectedMessage(C)",
            "OutOfCallMsgs(C)",
            "DeadCallMsgs(C)",
        ];
        Outcome {
            exit,
            created: count("TotalCallCreated"),
            successful: count("SuccessfulCall(C)"),
            failed: count("FailedCall(C)"),
            unexpected: unexpected.into_iter().map(count).sum(),
            retransmissions: count("Retransmissions(C)"),
            log: read("log"),
            errors: read("errors"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Outcome {
    /// Panics unless exactly `calls` calls were made, all as the scenario says.
    #[track_caller]
    pub fn expect(&self, calls: usize) -> &Outcome {
        let calls = calls as u64;
        assert!(
            self.exit == Some(0)
                && (self.created, self.successful) == (calls, calls)
                && (self.failed, self.unexpected) == (0, 0),
            "{calls} calls were to go well: {self:?}\nSIPp says:\n{}",
            self.errors.chars().take(4000).collect::<String>()
        );
        self
    }
}
