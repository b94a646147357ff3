//! `core show shards|steering|memory|counters`: what each shard does, and holds.

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use pinion_sip::base::ShardId;
use pinion_sip::machine::{Page, Query};
use serde_json::json;

use super::silent::Silent;
use super::{Command, Wrong, empty};
use crate::control::house::House;
use crate::control::out::{Cell, Column, Out};
use crate::table::{hit_rate, sum, table, value};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "core show counters",
        arguments: "",
        summary: "All that the shards count",
        run: counters,
    },
    Command {
        words: "core show memory",
        arguments: "",
        summary: "What the tables of each shard hold",
        run: memory,
    },
    Command {
        words: "core show shards",
        arguments: "",
        summary: "How busy each shard is, and with what",
        run: shards,
    },
    Command {
        words: "core show steering",
        arguments: "",
        summary: "How datagrams find the shard of their call",
        run: steering,
    },
];

/// For how long shards are watched to tell how busy they are.
const WATCHED: Duration = Duration::from_millis(250);

/// Ticks of a processor's time in a second, as /proc has them (USER_HZ).
const TICKS: f64 = 100.0;

fn counters(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    empty(arguments)?;
    let mut silent = Silent::default();
    let censuses = silent.census(house);
    for census in &censuses {
        let all = census.counters.iter();
        let all: serde_json::Map<_, _> = all
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        out.member(&format!("shard_{}", census.shard), &all.into())?;
    }
    out.remark(table(&censuses).trim_end())?;
    Ok(silent.own_up(out)?)
}

fn steering(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    empty(arguments)?;
    let Some(way) = house.about.way else {
        return Ok(out.fail("Nothing is known of the steering")?);
    };
    let mut silent = Silent::default();
    let censuses = silent.census(house);
    let total = |name| sum(name, &censuses);
    out.member("way", &json!(way.name()))?;
    out.member("datagrams", &json!(total("datagrams")))?;
    out.member("handed_over", &json!(total("handed_off")))?;
    out.remark(&format!("Steering by {way}"))?;
    out.remark(&hit_rate(way, &censuses))?;
    Ok(silent.own_up(out)?)
}

fn memory(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    const COLUMNS: [Column; 5] = [
        Column::right("Shard", "shard", 5),
        Column::left("Table", "table", 16),
        Column::right("Entries", "entries", 12),
        Column::right("Capacity", "capacity", 12),
        Column::right("Bytes", "bytes", 14),
    ];
    empty(arguments)?;
    let (mut bytes, mut silent) = (0, Silent::default());
    let mut table = out.table("tables", &COLUMNS)?;
    for (shard, page) in silent.pages(house, Query::Memory) {
        let Page::Memory(rows) = page else {
            continue;
        };
        for row in rows {
            bytes += row.bytes;
            let number = |number: u64| Cell::from(number as i64);
            let capacity = row
                .capacity
                .map_or(Cell::Both("-".into(), json!(null)), number);
            table.row(&[
                i64::from(shard).into(),
                row.name.into(),
                number(row.entries),
                capacity,
                number(row.bytes),
            ])?;
        }
    }
    table.end()?;
    out.member("bytes", &json!(bytes))?;
    out.remark(&format!("{bytes} bytes in tables"))?;
    let resident = resident().unwrap_or_default();
    out.member("resident_bytes", &json!(resident))?;
    out.remark(&format!("{resident} bytes of the process in memory"))?;
    Ok(silent.own_up(out)?)
}

/// Bytes of this process that are in memory.
fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

fn shards(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    const COLUMNS: [Column; 9] = [
        Column::right("Shard", "shard", 5),
        Column::right("CPU", "cpu", 4),
        Column::right("Busy %", "busy_percent", 6),
        Column::right("Calls", "calls", 9),
        Column::right("Transactions", "transactions", 12),
        Column::right("Turns/s", "turns_per_s", 10),
        Column::right("Received/s", "received_per_s", 10),
        Column::right("Sent/s", "sent_per_s", 10),
        Column::right("Drops", "drops", 10),
    ];
    empty(arguments)?;
    let (before, began) = (house.shards.census(), Instant::now());
    let worked = seats();
    thread::sleep(WATCHED);
    let mut silent = Silent::default();
    let (after, took) = (silent.census(house), began.elapsed().as_secs_f64());
    let work = seats();
    let mut table = out.table("shards", &COLUMNS)?;
    for census in &after {
        let earlier = before.iter().find(|earlier| earlier.shard == census.shard);
        let rate = |name| {
            let then = earlier.map_or(0, |earlier| value(name, earlier));
            let more = value(name, census).saturating_sub(then);
            Cell::from((more as f64 / took).round() as i64)
        };
        let count = |name| Cell::from(value(name, census) as i64);
        let seat = work.get(&census.shard);
        let busy = seat.map(|seat| {
            let then = worked.get(&census.shard).map_or(0, |seat| seat.ticks);
            let ticks = seat.ticks.saturating_sub(then);
            (ticks as f64 / TICKS / took * 100.0).min(100.0).round() as i64
        });
        let known = |number: Option<i64>| match number {
            Some(number) => number.into(),
            None => Cell::Both("-".into(), json!(null)),
        };
        let drops = ["udp_kernel_drops", "udp_send_drops", "mesh_drops"];
        let drops: u64 = drops.iter().map(|name| value(name, census)).sum();
        table.row(&[
            i64::from(census.shard).into(),
            known(seat.map(|seat| seat.cpu)),
            known(busy),
            count("calls"),
            count("transactions"),
            rate("turns"),
            rate("udp_received"),
            rate("udp_sent"),
            (drops as i64).into(),
        ])?;
    }
    table.end()?;
    Ok(silent.own_up(out)?)
}

/// Where a shard's thread runs, and what it has had of a processor.
struct Seat {
    cpu: i64,
    ticks: u64,
}

/// The threads of the shards, as the kernel sees them.
fn seats() -> BTreeMap<ShardId, Seat> {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten();
    let seat = |path: std::path::PathBuf| {
        let name = fs::read_to_string(path.join("comm")).ok()?;
        let shard = name.trim().strip_prefix("shard-")?.parse().ok()?;
        Some((shard, seat(&fs::read_to_string(path.join("stat")).ok()?)?))
    };
    threads
        .filter_map(|thread| seat(thread.ok()?.path()))
        .collect()
}

/// Reads proc(5) `stat`: utime and stime are fields 14 and 15, the processor is
/// field 39; the name, which may hold blanks, is field 2.
fn seat(stat: &str) -> Option<Seat> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Seat {
        cpu: field(39)? as i64,
        ticks: field(14)? + field(15)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threads_time_and_place_are_read_behind_its_name() {
        let rest: Vec<String> = (4..=52).map(|field| field.to_string()).collect();
        let stat = format!("17 (shard-0) x) S {}", rest.join(" "));
        let seat = seat(&stat).unwrap();
        assert_eq!((seat.cpu, seat.ticks), (39, 14 + 15));
        let own = fs::read_to_string("/proc/thread-self/stat").unwrap();
        assert!(super::seat(&own).is_some());
    }
}
