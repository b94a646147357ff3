//! SIPp as generator: scenario files, injection files, and what its
//! statistics say.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::generator::{CPU, Generator, Load, Ongoing, Order, Outcome, Pace};
use crate::running::Running;
use crate::server::free_address;
use crate::users;

/// What a run may take beyond the time its load needs.
const GRACE: Duration = Duration::from_secs(60);

/// SIPp calling, and another SIPp that takes the calls.
pub struct Sipp {
    scenarios: TempDir,
    answering: SocketAddr,
    uas: RefCell<Running>,
}

impl Sipp {
    /// Starts the side that takes calls.
    pub fn new() -> Result<Sipp> {
        let scenarios = tempfile::tempdir()?;
        for (name, text) in [
            ("options", include_str!("options.xml")),
            ("register", include_str!("register.xml")),
            ("register_digest", include_str!("register_digest.xml")),
            ("uac", include_str!("uac.xml")),
            ("uas", include_str!("uas.xml")),
        ] {
            fs::write(scenarios.path().join(name).with_extension("xml"), text)?;
        }
        let answering = free_address()?;
        let mut arguments = common(&scenarios.path().join("uas.xml"));
        arguments.extend(["-p".into(), answering.port().to_string()]);
        let log = scenarios.path().join("uas.log");
        let uas = Running::start(CPU, Path::new("sipp"), arguments, scenarios.path(), &log)?;
        Ok(Sipp {
            scenarios,
            answering,
            uas: RefCell::new(uas),
        })
    }

    /// Lines for SIPp to take in turn.
    fn lines(&self, order: &Order) -> String {
        let mut text = String::from("SEQUENTIAL\n");
        let callees = users::callees();
        for (index, user) in order.users.clone().enumerate() {
            // Writing to a String does not fail.
            let _ = match order.load {
                Load::Call { .. } => {
                    let callee = callees.start + index as u32 % callees.len() as u32;
                    writeln!(text, "{user};{callee}")
                }
                _ => writeln!(
                    text,
                    "{user};[authentication username={user} password={}];{}",
                    users::PASSWORD,
                    self.answering
                ),
            };
        }
        text
    }
}

fn common(scenario: &Path) -> Vec<String> {
    let text = format!(
        "-sf {} -i 127.0.0.1 -nostdin -buff_size 4000000",
        scenario.display()
    );
    text.split(' ').map(String::from).collect()
}

impl Generator for Sipp {
    fn name(&self) -> &'static str {
        "SIPp"
    }

    fn prepare(&self, target: SocketAddr, digest: bool) -> Result<()> {
        let callees = users::callees();
        let order = Order {
            load: if digest {
                Load::RegisterWithDigest
            } else {
                Load::Register
            },
            pace: Pace::Rate(1_000),
            units: callees.len() as u64,
            target,
            users: callees,
            tcp: false,
            many_ports: false,
        };
        let outcome = self.run(&order)?;
        ensure!(
            outcome.failed == 0,
            "{} callees could not register",
            outcome.failed
        );
        Ok(())
    }

    fn start(&self, order: &Order) -> Result<Box<dyn Ongoing + '_>> {
        ensure!(!order.tcp, "TCP is pinion-load's");
        let (scenario, hold) = match order.load {
            Load::Options => ("options", Duration::ZERO),
            Load::Register => ("register", Duration::ZERO),
            Load::RegisterWithDigest => ("register_digest", Duration::ZERO),
            Load::Call { hold } => ("uac", hold),
        };
        let directory = tempfile::tempdir()?;
        let injection = directory.path().join("lines.csv");
        fs::write(&injection, self.lines(order))?;
        let scenario = self.scenarios.path().join(scenario).with_extension("xml");
        let mut arguments = common(&scenario);
        let (rate, at_once) = match order.pace {
            Pace::Saturate(at_once) => (1_000_000, u64::from(at_once)),
            Pace::Rate(rate) => (rate, order.units),
        };
        let text = format!(
            "-inf {} -d {} -m {} -r {rate} -l {at_once} -trace_stat -stf {} -fd 60 {}{}",
            injection.display(),
            hold.as_millis(),
            order.units,
            directory.path().join("statistics.csv").display(),
            if order.many_ports {
                "-t un -max_socket 20000 "
            } else {
                ""
            },
            order.target,
        );
        arguments.extend(text.split(' ').map(String::from));
        if matches!(order.pace, Pace::Rate(_)) {
            arguments.extend(["-trace_rtt".into(), "-rtt_freq".into(), "1000".into()]);
        }
        let log = directory.path().join("log");
        let uas_before = self.uas.borrow().cpu();
        let running = Running::start(CPU, Path::new("sipp"), arguments, directory.path(), &log)?;
        let expected = match order.pace {
            Pace::Saturate(_) => Duration::from_secs(order.units / 500),
            Pace::Rate(rate) => Duration::from_secs(2 * order.units / u64::from(rate)),
        };
        Ok(Box::new(Run {
            sipp: self,
            directory,
            running,
            began: Instant::now(),
            uas_before,
            limit: expected + hold + GRACE,
        }))
    }
}

struct Run<'a> {
    sipp: &'a Sipp,
    directory: TempDir,
    running: Running,
    began: Instant,
    uas_before: Duration,
    limit: Duration,
}

impl Ongoing for Run<'_> {
    fn finish(self: Box<Self>) -> Result<Outcome> {
        let finished = self.running.finish(self.limit)?;
        let wall = self.began.elapsed();
        let uas = self.sipp.uas.borrow().cpu() - self.uas_before;
        let path = self.directory.path();
        let statistics = fs::read_to_string(path.join("statistics.csv")).with_context(|| {
            let said = fs::read_to_string(path.join("log")).unwrap_or_default();
            format!(
                "SIPp ended with {} and no statistics:\n{said}",
                finished.status
            )
        })?;
        let column = |name: &str| last_of(&statistics, name).with_context(|| format!("no {name}"));
        Ok(Outcome {
            completed: column("SuccessfulCall(C)")?,
            failed: column("FailedCall(C)")?,
            wall,
            cpu: finished.cpu + uas,
            latency: response_times(path),
            invalid: None,
        })
    }
}

/// The last line's value in the column of that name.
fn last_of(statistics: &str, name: &str) -> Option<u64> {
    let mut lines = statistics.lines().filter(|line| !line.is_empty());
    let index = lines.next()?.split(';').position(|column| column == name)?;
    lines.next_back()?.split(';').nth(index)?.parse().ok()
}

/// Median and 99th percentile of what SIPp wrote of each response, in its
/// resolution of one to four milliseconds.
fn response_times(directory: &Path) -> Option<(Duration, Duration)> {
    let file = fs::read_dir(directory)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .find(|path: &PathBuf| path.to_string_lossy().ends_with("_rtt.csv"))?;
    let text = fs::read_to_string(file).ok()?;
    let column = |line: &str| line.split(';').nth(1)?.parse::<f64>().ok();
    let mut times: Vec<f64> = text.lines().skip(1).filter_map(column).collect();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let index = (times.len() as f64 * share) as usize;
        let ms = times.get(index.min(times.len().checked_sub(1)?))?;
        Some(Duration::from_secs_f64(ms / 1000.0))
    };
    Some((at(0.5)?, at(0.99)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts() {
        let text = "A;SuccessfulCall(C);B;\n1;5;9;\n1;7;9;\n";
        assert_eq!(last_of(text, "SuccessfulCall(C)"), Some(7));
        assert_eq!(last_of(text, "FailedCall(C)"), None);
    }
}
