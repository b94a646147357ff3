//! The counters as text: one row per counter, one column per shard and their
//! sum, aligned for people, split by blanks for scripts.

use std::fmt::Write;

use pinion_runtime::Census;

/// The table, a line end after each row. The first row names the columns;
/// `awk '$1 == "udp_received" { print $NF }'` reads a total.
pub fn table(censuses: &[Census]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in censuses.iter().flat_map(|census| &census.counters) {
        if !names.contains(name) {
            names.push(name);
        }
    }
    let mut rows = vec![header(censuses)];
    rows.extend(names.into_iter().map(|name| row(name, censuses)));
    align(&rows)
}

fn header(censuses: &[Census]) -> Vec<String> {
    let shards = censuses
        .iter()
        .map(|census| format!("shard-{}", census.shard));
    std::iter::once("counter".into())
        .chain(shards)
        .chain(std::iter::once("total".into()))
        .collect()
}

fn row(name: &str, censuses: &[Census]) -> Vec<String> {
    let value = |census: &Census| {
        census
            .counters
            .iter()
            .find(|(own, _)| *own == name)
            .map_or(0, |&(_, value)| value)
    };
    let values: Vec<u64> = censuses.iter().map(value).collect();
    let total: u64 = values.iter().sum();
    let cells = values.iter().map(ToString::to_string);
    std::iter::once(name.to_string())
        .chain(cells)
        .chain(std::iter::once(total.to_string()))
        .collect()
}

fn align(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(String::len)
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Writing to a String does not fail.
            let _ = if column == 0 {
                write!(text, "{cell:<width$}")
            } else {
                write!(text, "  {cell:>width$}")
            };
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_sum() {
        let census = |shard, counters| Census {
            shard,
            idle: true,
            counters,
        };
        let text = table(&[
            census(0, vec![("udp_received", 7), ("calls", 123_456_789)]),
            census(1, vec![("udp_received", 35), ("calls", 0), ("late", 2)]),
        ]);
        let expected = "\
counter         shard-0  shard-1      total
udp_received          7       35         42
calls         123456789        0  123456789
late                  0        2          2
";
        assert_eq!(text, expected);
    }

    #[test]
    fn no_shards_leave_a_header() {
        assert_eq!(table(&[]), "counter  total\n");
    }
}
