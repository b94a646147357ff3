//! `sip show sched`: the timers of the shards.

use pinion_sip::machine::{Page, Query};
use serde_json::{Value, json};

use super::silent::Silent;
use super::{Command, Wrong, empty};
use crate::control::house::House;
use crate::control::out::{Cell, Column, Out};

pub(super) const COMMANDS: &[Command] = &[Command {
    words: "sip show sched",
    arguments: "",
    summary: "How many timers are set, by shard, kind and duration",
    run: sched,
}];

const COLUMNS: [Column; 4] = [
    Column::right("Shard", "shard", 5),
    Column::left("Timers of", "of", 14),
    Column::right("Duration", "duration_ms", 12),
    Column::right("Set", "count", 10),
];

fn sched(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    empty(arguments)?;
    let (mut all, mut silent) = (0, Silent::default());
    let mut table = out.table("timers", &COLUMNS)?;
    for (shard, page) in silent.pages(house, Query::Timers) {
        let Page::Timers(rows) = page else { continue };
        for row in rows {
            all += row.count;
            let duration = match row.duration {
                Some(time) => Cell::Both(
                    format!("{} ms", time.as_secs_f64() * 1000.0).into(),
                    json!(time.as_secs_f64() * 1000.0),
                ),
                None => Cell::Both("any".into(), Value::Null),
            };
            table.row(&[
                u32::from(shard).into(),
                row.of.into(),
                duration,
                i64::try_from(row.count).unwrap_or(i64::MAX).into(),
            ])?;
        }
    }
    table.end()?;
    out.remark(&format!("{all} timers are set"))?;
    Ok(silent.own_up(out)?)
}
