//! The counters as text: one row per counter, one column per shard and their
//! sum, aligned for people, split by blanks for scripts; and what they say of
//! steering.

use std::fmt::Write;

use pinion_runtime::{Census, Way};
use pinion_sip::base::ShardId;

/// How the datagrams came, and how many of a thousand came to a shard that was
/// not their home: `ebpf: 0.1 of 1000 datagrams handed over`.
pub fn hit_rate(way: Way, censuses: &[Census]) -> String {
    let (taken, handed_off) = (sum("datagrams", censuses), sum("handed_off", censuses));
    let per_1000 = handed_off as f64 * 1000.0 / taken.max(1) as f64;
    format!(
        "{}: {per_1000:.1} of 1000 datagrams handed over",
        way.name()
    )
}

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

/// Counters that belong to no shard, a row each like those of the table.
pub fn totals(counters: &[(String, u64)]) -> String {
    let rows: Vec<Vec<String>> = counters
        .iter()
        .map(|(name, value)| vec![name.clone(), value.to_string()])
        .collect();
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

/// The sum of a counter over all shards.
pub fn sum(name: &str, censuses: &[Census]) -> u64 {
    censuses.iter().map(|census| value(name, census)).sum()
}

/// Which of so many shards have not answered.
pub fn silent(censuses: &[Census], shards: ShardId) -> Vec<ShardId> {
    let answered = |shard: &ShardId| censuses.iter().any(|census| census.shard == *shard);
    (0..shards).filter(|shard| !answered(shard)).collect()
}

/// A shard's counter; 0 for one it does not have.
pub fn value(name: &str, census: &Census) -> u64 {
    census
        .counters
        .iter()
        .find(|(own, _)| *own == name)
        .map_or(0, |&(_, value)| value)
}

fn row(name: &str, censuses: &[Census]) -> Vec<String> {
    let values: Vec<u64> = censuses.iter().map(|census| value(name, census)).collect();
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
    fn steering_is_judged_by_what_was_handed_over() {
        let census = |taken, handed_off| Census {
            shard: 0,
            idle: true,
            counters: vec![("datagrams", taken), ("handed_off", handed_off)],
        };
        assert_eq!(
            hit_rate(Way::Cbpf, &[census(1500, 1), census(500, 4)]),
            "cbpf: 2.5 of 1000 datagrams handed over"
        );
        assert_eq!(
            hit_rate(Way::Mesh, &[]),
            "mesh: 0.0 of 1000 datagrams handed over"
        );
    }

    #[test]
    fn no_shards_leave_a_header() {
        assert_eq!(table(&[]), "counter  total\n");
    }
}
