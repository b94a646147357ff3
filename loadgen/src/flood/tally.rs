//! What a flood counts, and how that travels as a shard's counters.

use std::collections::BTreeMap;
use std::fmt;

/// What became of a flood.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Messages sent for the profile's own sake.
    pub sent: u64,
    /// Messages sent because of a response.
    pub followed: u64,
    /// Responses by the first digit of their status; what is none is at 0.
    pub answers: [u64; 7],
    /// OPTIONS asked.
    pub probes: u64,
    /// OPTIONS answered.
    pub probes_answered: u64,
    /// Whether one asked after the flood was answered.
    pub survived: bool,
}

const ANSWERS: [&str; 7] = [
    "unreadable",
    "answers_1xx",
    "answers_2xx",
    "answers_3xx",
    "answers_4xx",
    "answers_5xx",
    "answers_6xx",
];

impl Tally {
    /// Every count with its name, in order.
    pub fn rows(&self) -> Vec<(&'static str, u64)> {
        let mut rows = vec![
            ("sent", self.sent),
            ("followed", self.followed),
            ("probes", self.probes),
            ("probes_answered", self.probes_answered),
            ("survived", u64::from(self.survived)),
        ];
        rows.extend(ANSWERS.into_iter().zip(self.answers));
        rows
    }

    /// Reads it among a shard's counters.
    pub fn read(counters: &[(&'static str, u64)]) -> Tally {
        let rows: BTreeMap<_, _> = counters.iter().copied().collect();
        let row = |name| rows.get(name).copied().unwrap_or_default();
        Tally {
            sent: row("sent"),
            followed: row("followed"),
            answers: ANSWERS.map(row),
            probes: row("probes"),
            probes_answered: row("probes_answered"),
            survived: row("survived") > 0,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.rows() {
            if value > 0 || !name.starts_with("answers") {
                writeln!(f, "{name:<18}  {value}")?;
            }
        }
        Ok(())
    }
}
