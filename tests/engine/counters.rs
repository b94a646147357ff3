//! The engine's table of counters, as it prints it.

use std::collections::BTreeMap;

/// The totals of all shards by name, read from what SIGUSR1 makes the engine print.
#[derive(Debug)]
pub struct Counters(BTreeMap<String, u64>);

/// The tables that are empty when nobody calls.
const OF_CALLS: [&str; 6] = [
    "calls",
    "dialogs",
    "transactions",
    "pending",
    "messages",
    "places",
];

impl Counters {
    /// Whether the table ends with `line`.
    pub fn is_last_line(line: &str) -> bool {
        line.is_empty()
    }

    /// Reads the table: a row for each counter, a column for each shard and
    /// the last for their sum.
    pub fn parse(lines: &[String]) -> Counters {
        let total = |line: &String| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.last()?.parse().ok()?))
        };
        Counters(lines.iter().filter_map(total).collect())
    }

    /// The sum over the shards.
    pub fn total(&self, name: &str) -> u64 {
        *self
            .0
            .get(name)
            .unwrap_or_else(|| panic!("no counter {name} in {self:?}"))
    }

    /// What is left in the tables that are empty when nobody calls.
    pub fn left_of_calls(&self) -> Vec<(&'static str, u64)> {
        OF_CALLS
            .map(|name| (name, self.total(name)))
            .into_iter()
            .filter(|&(_, left)| left > 0)
            .collect()
    }
}
