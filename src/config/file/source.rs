//! Where files come from: the disk, or nowhere. It finds and reads them; what
//! is written in them is nothing to it.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use glob::MatchOptions;

/// The most names that the braces of one pattern may stand for.
const MOST_NAMES: usize = 1_000;

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most a command may print, in bytes.
const LONGEST: usize = 16 << 20;

/// How often it is looked whether a command has ended.
const LOOK: Duration = Duration::from_millis(2);

/// Where files come from: the disk, or a test.
pub trait Source {
    /// The files that `pattern`, a path or a glob, names now, in order.
    fn find(&self, pattern: &Path) -> io::Result<Vec<PathBuf>>;

    /// The content of one file.
    fn read(&self, path: &Path) -> io::Result<String>;

    /// Runs a command of the shell, where that is allowed.
    fn run(&self, command: &str) -> io::Result<Ran>;
}

/// What came of a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ran {
    /// It printed this.
    Printed(String),
    /// It is passed over.
    Skipped,
    /// It is not allowed.
    Forbidden,
}

/// What becomes of commands (`#exec`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Exec {
    /// They are mistakes.
    #[default]
    Forbid,
    /// They are passed over: who looks at a configuration does not run it.
    Skip,
    /// They run.
    Run,
}

/// The file system.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Disk {
    /// What becomes of commands.
    pub exec: Exec,
}

/// As glob(3) has it: a `*` begins no hidden name and crosses no `/`.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

impl Source for Disk {
    fn find(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        if pattern.is_file() {
            return Ok(vec![pattern.to_path_buf()]);
        }
        let patterns = alternatives(pattern.to_str().unwrap_or_default()).ok_or_else(|| {
            io::Error::other(format!("its braces stand for more than {MOST_NAMES} names"))
        })?;
        let paths = patterns
            .iter()
            .filter_map(|pattern| glob::glob_with(pattern, OPTIONS).ok())
            .flatten();
        Ok(paths
            .filter_map(Result::ok)
            .filter(|path| path.is_file())
            .collect())
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        let bytes = std::fs::read(path)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn run(&self, command: &str) -> io::Result<Ran> {
        match self.exec {
            Exec::Forbid => Ok(Ran::Forbidden),
            Exec::Skip => Ok(Ran::Skipped),
            Exec::Run => output(command, PATIENCE).map(Ran::Printed),
        }
    }
}

/// What a command prints. One that has not ended in time is killed; what it has
/// started itself is not.
pub(super) fn output(command: &str, patience: Duration) -> io::Result<String> {
    let until = Instant::now() + patience;
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let pipe = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let (sender, receiver) = sync_channel(1);
    // The pipe may be held open by what the command has started.
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.take(LONGEST as u64 + 1).read_to_end(&mut bytes);
        drop(sender.send(read.map(|_| bytes)));
    });
    let bytes = receiver.recv_timeout(patience).ok();
    let status = end(&mut child, until)?;
    let late = || {
        io::Error::other(format!(
            "it did not end within {} s",
            patience.as_secs_f32()
        ))
    };
    let (bytes, status) = bytes.zip(status).ok_or_else(late)?;
    let bytes = bytes?;
    match status.success() {
        _ if bytes.len() > LONGEST => Err(io::Error::other(format!(
            "it prints more than {} MiB",
            LONGEST >> 20
        ))),
        true => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        false => Err(io::Error::other(format!("it ended with {status}"))),
    }
}

/// Waits until a command ends; `None` for one that has to be ended.
fn end(child: &mut Child, until: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= until {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}

/// `a{b,c}` as `ab` and `ac`, in order; braces may nest. What is not closed
/// stands for itself. `None` where that is too many.
pub(super) fn alternatives(pattern: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    // Still to be looked at, the next one last.
    let mut ahead = vec![pattern.to_owned()];
    // A name of n braces takes n steps more than its last.
    for _ in 0..2 * MOST_NAMES {
        let Some(pattern) = ahead.pop() else {
            return Some(names);
        };
        let Some((before, choices, after)) = braces(&pattern) else {
            names.push(pattern);
            continue;
        };
        if names.len() + ahead.len() + choices.len() > MOST_NAMES {
            return None;
        }
        let expand = |choice: &&str| format!("{before}{choice}{after}");
        ahead.extend(choices.iter().rev().map(expand));
    }
    ahead.is_empty().then_some(names)
}

/// What stands before the first braces, between their commas, and behind them.
fn braces(pattern: &str) -> Option<(&str, Vec<&str>, &str)> {
    let (before, inside) = pattern.split_once('{')?;
    let (mut depth, mut from) = (0, 0);
    let mut choices = Vec::new();
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b',' if depth == 0 => {
                choices.push(&inside[from..at]);
                from = at + 1;
            }
            b'}' if depth == 0 => {
                choices.push(&inside[from..at]);
                return Some((before, choices, &inside[at + 1..]));
            }
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// No files: a text that stands alone includes nothing.
pub(super) struct Nothing;

impl Source for Nothing {
    fn find(&self, _: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }

    fn read(&self, _: &Path) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn run(&self, _: &str) -> io::Result<Ran> {
        Ok(Ran::Forbidden)
    }
}
