//! What of a host holds the server back: one item after the other is looked at,
//! and each says what was found, what is wanted, and how to come there. Changes
//! nothing.

mod host;
mod limits;
mod processors;
mod sockets;

use std::fmt;
use std::io::{self, Write};

use serde_json::{Value, json};

pub use host::Host;

/// What the host is to be good for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Purpose {
    /// The CPUs that have a shard.
    pub cpus: Vec<usize>,
    /// How many shards there are.
    pub shards: u64,
    /// `--rcvbuf`.
    pub receive_bytes: u64,
    /// `--sndbuf`.
    pub send_bytes: u64,
    /// Connections at once.
    pub connections: u64,
}

/// How an item is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// To be mended.
    Mend,
    /// The host does not tell.
    Unknown,
}

impl Verdict {
    /// As programs read it.
    fn word(self) -> &'static str {
        match self {
            Verdict::Good => "ok",
            Verdict::Mend => "mend",
            Verdict::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Verdict {
    /// As people read it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Good => "ok",
            Verdict::Mend => "to mend",
            Verdict::Unknown => "cannot tell",
        })
    }
}

/// One thing that was looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    /// What it is called, the same on every host but for the names of devices.
    pub name: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What is wanted.
    pub wanted: String,
    /// How to mend it: a command for a shell of root, or of the user for
    /// `ulimit`. Empty where there is nothing to mend.
    pub command: String,
}

impl Item {
    fn good(name: &str, found: impl Into<String>, wanted: impl Into<String>) -> Item {
        Item {
            name: name.into(),
            verdict: Verdict::Good,
            found: found.into(),
            wanted: wanted.into(),
            command: String::new(),
        }
    }

    fn unknown(name: &str, found: impl Into<String>, wanted: impl Into<String>) -> Item {
        Item {
            verdict: Verdict::Unknown,
            ..Item::good(name, found, wanted)
        }
    }

    /// To be mended by `command`.
    fn mend(
        name: &str,
        found: impl Into<String>,
        wanted: impl Into<String>,
        command: impl Into<String>,
    ) -> Item {
        Item {
            verdict: Verdict::Mend,
            command: command.into(),
            ..Item::good(name, found, wanted)
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "item": self.name,
            "verdict": self.verdict.word(),
            "found": self.found,
            "wanted": self.wanted,
            "command": (!self.command.is_empty()).then_some(&self.command),
        })
    }
}

/// All items, in the order they are told.
pub struct Report(Vec<Item>);

impl Report {
    /// Looks at a host.
    pub fn of(host: &Host, purpose: &Purpose) -> Report {
        let mut items = sockets::items(host, purpose);
        items.extend(limits::items(host, purpose));
        items.extend(processors::items(host, purpose));
        Report(items)
    }

    /// The items.
    pub fn items(&self) -> &[Item] {
        &self.0
    }

    /// Whether nothing is to be mended.
    pub fn passes(&self) -> bool {
        self.0.iter().all(|item| item.verdict != Verdict::Mend)
    }

    /// A line for each.
    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let width = self.0.iter().map(|item| item.name.len()).max().unwrap_or(0);
        for item in &self.0 {
            let Item {
                name,
                verdict,
                found,
                wanted,
                command,
            } = item;
            write!(out, "{verdict:<11}  {name:<width$}  {found}; {wanted}")?;
            match command.is_empty() {
                true => writeln!(out)?,
                false => writeln!(out, ": {command}")?,
            }
        }
        if self.0.iter().any(|item| item.command.contains("sysctl -w")) {
            writeln!(
                out,
                "What sysctl -w sets, and what is written below /proc and /sys, lasts until the host restarts; \
                 lines NAME=VALUE in /etc/sysctl.d/60-pinion.conf last longer."
            )?;
        }
        Ok(())
    }

    /// The same for programs.
    pub fn to_json(&self) -> Value {
        let items: Vec<Value> = self.0.iter().map(Item::to_json).collect();
        json!({ "passes": self.passes(), "items": items })
    }
}

#[cfg(test)]
mod tests;
