//! Where files come from: the disk, or nowhere. It finds and reads them; what
//! is written in them is nothing to it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use glob::MatchOptions;

/// Where files come from: the disk, or a test.
pub trait Source {
    /// The files that `pattern`, a path or a glob, names now, in order.
    fn find(&self, pattern: &Path) -> Vec<PathBuf>;

    /// The content of one file.
    fn read(&self, path: &Path) -> io::Result<String>;

    /// What a command of the shell prints; `None` where commands are not
    /// allowed.
    fn run(&self, command: &str) -> Option<io::Result<String>>;
}

/// The file system.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Disk {
    /// Whether commands are allowed (`execincludes` of asterisk.conf).
    pub exec: bool,
}

/// As glob(3) has it: a `*` begins no hidden name and crosses no `/`.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

impl Source for Disk {
    fn find(&self, pattern: &Path) -> Vec<PathBuf> {
        if pattern.is_file() {
            return vec![pattern.to_path_buf()];
        }
        let patterns = pattern.to_str().map(alternatives).unwrap_or_default();
        let paths = patterns
            .iter()
            .filter_map(|pattern| glob::glob_with(pattern, OPTIONS).ok())
            .flatten();
        paths
            .filter_map(Result::ok)
            .filter(|path| path.is_file())
            .collect()
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        let bytes = std::fs::read(path)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn run(&self, command: &str) -> Option<io::Result<String>> {
        self.exec.then(|| {
            let mut shell = Command::new("/bin/sh");
            let output = shell
                .args(["-c", command])
                .stdin(Stdio::null())
                .stderr(Stdio::inherit())
                .output()?;
            match output.status.success() {
                true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
                false => Err(io::Error::other(format!("it ended with {}", output.status))),
            }
        })
    }
}

/// `a{b,c}` as `ab` and `ac`, in order; braces may nest. What is not closed
/// stands for itself.
pub(super) fn alternatives(pattern: &str) -> Vec<String> {
    let Some(open) = pattern.find('{') else {
        return vec![pattern.into()];
    };
    let (before, inside) = (&pattern[..open], &pattern[open + 1..]);
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
                let after = &inside[at + 1..];
                let expand = |choice: &&str| alternatives(&format!("{before}{choice}{after}"));
                return choices.iter().flat_map(expand).collect();
            }
            b'}' => depth -= 1,
            _ => {}
        }
    }
    vec![pattern.into()]
}

/// No files: a text that stands alone includes nothing.
pub(super) struct Nothing;

impl Source for Nothing {
    fn find(&self, _: &Path) -> Vec<PathBuf> {
        Vec::new()
    }

    fn read(&self, _: &Path) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn run(&self, _: &str) -> Option<io::Result<String>> {
        None
    }
}
