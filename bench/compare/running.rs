//! Processes pinned to CPUs: started, measured by the kernel's own accounting,
//! and ended by their numbers. Knows nothing of what they do.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often a process is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// How long a process may take to end when told to.
const END: Duration = Duration::from_secs(8);

/// /proc/PID/stat counts time in these (USER_HZ, the same on all Linux hosts).
const TICK: Duration = Duration::from_millis(10);

/// A process and its descendants. Ends with this value.
pub struct Running {
    child: Child,
    name: String,
}

/// How a process ended.
pub struct Finished {
    pub status: ExitStatus,
    /// User and system time of all its threads.
    pub cpu: Duration,
}

impl Running {
    /// Starts `program` on `cpus` (as taskset reads them) in `directory`; what
    /// it says goes to `log`.
    pub fn start(
        cpus: &str,
        program: &Path,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        directory: &Path,
        log: &Path,
    ) -> Result<Running> {
        let name = program.display().to_string();
        let log = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let child = Command::new("taskset")
            .args(["-c", cpus])
            .arg(program)
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start taskset (on Debian: apt-get install util-linux)")?;
        Ok(Running { child, name })
    }

    /// CPU time of all threads of the process and its descendants so far. The
    /// time of threads that ended is not in it.
    pub fn cpu(&self) -> Duration {
        let threads = tree(self.child.id())
            .into_iter()
            .flat_map(|pid| entries(&format!("/proc/{pid}/task")));
        let on_cpu = threads.filter_map(|thread| {
            let text = fs::read_to_string(format!("{thread}/schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(on_cpu.sum())
    }

    /// Resident bytes of the process and its descendants, shared pages once.
    pub fn resident(&self) -> u64 {
        let share = |pid| {
            let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
            let line = text.lines().find(|line| line.starts_with("Pss:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        };
        tree(self.child.id())
            .into_iter()
            .filter_map(share)
            .sum::<u64>()
            * 1024
    }

    /// Whether it still runs.
    pub fn is_alive(&self) -> bool {
        stat(self.child.id()).is_some_and(|stat| !stat.ended)
    }

    /// Waits for its end, `limit` at most.
    pub fn finish(mut self, limit: Duration) -> Result<Finished> {
        let deadline = Instant::now() + limit;
        while self.is_alive() {
            if Instant::now() > deadline {
                bail!("{} did not end within {} s", self.name, limit.as_secs());
            }
            sleep(LOOK);
        }
        // Nobody has waited for it yet, so its number and its times are still its own.
        let cpu = stat(self.child.id()).map_or(Duration::ZERO, |stat| stat.cpu);
        let status = self.child.wait()?;
        Ok(Finished { status, cpu })
    }

    /// Tells it to end and waits until it has.
    pub fn end(&mut self) {
        let pid = self.child.id().to_string();
        // A process that is gone already needs no telling.
        let _ = Command::new("kill")
            .args(["-TERM", &pid])
            .stderr(Stdio::null())
            .status();
        let deadline = Instant::now() + END;
        while self.is_alive() && Instant::now() < deadline {
            sleep(LOOK);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_alive() {
            self.end();
        }
        // Both fail only where it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Stat {
    ended: bool,
    cpu: Duration,
}

/// What /proc/PID/stat says; a process nobody waited for still has one.
fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<u32>().ok();
    Some(Stat {
        ended: matches!(*fields.first()?, "Z" | "X"),
        cpu: TICK * (ticks(11)? + ticks(12)?),
    })
}

/// A process and its descendants.
fn tree(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&pid) = found.get(next) {
        next += 1;
        for thread in entries(&format!("/proc/{pid}/task")) {
            let children = fs::read_to_string(format!("{thread}/children")).unwrap_or_default();
            found.extend(
                children
                    .split_whitespace()
                    .filter_map(|pid| pid.parse::<u32>().ok()),
            );
        }
    }
    found
}

fn entries(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path().display().to_string())
        .collect()
}
