//! The engine's table of counters, as it prints it.

use std::collections::BTreeMap;

/// Counters of every shard by name, read from what SIGUSR1 makes the engine print.
#[derive(Debug)]
pub struct Counters(BTreeMap<String, Vec<u64>>);

impl Counters {
    /// Whether the table ends with `line`.
    pub fn is_last_line(line: &str) -> bool {
        line.is_empty()
    }

    /// Reads the table: a row for each counter, a column for each shard.
    pub fn parse(lines: &[String]) -> Counters {
        let rows = lines.iter().filter_map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next()?.to_owned();
            let values: Result<Vec<u64>, _> = words.map(str::parse).collect();
            Some((name, values.ok()?))
        });
        Counters(rows.collect())
    }

    /// The sum over the shards.
    pub fn total(&self, name: &str) -> u64 {
        let values = self
            .0
            .get(name)
            .unwrap_or_else(|| panic!("no counter {name} in {self:?}"));
        values.iter().sum()
    }

    /// The tables that must be empty when nobody calls, and are not.
    pub fn tables_in_use(&self) -> Vec<(&'static str, u64)> {
        let tables = ["calls", "dialogs", "transactions", "pending"];
        tables
            .map(|name| (name, self.total(name)))
            .into_iter()
            .filter(|&(_, n)| n > 0)
            .collect()
    }
}
