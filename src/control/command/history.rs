//! `sip show history`, `sip show failures`: what happened to calls.

use std::io;

use pinion_sip::base::Text;
use pinion_sip::machine::{FailureRow, HistoryRow, Page, Query, Span};
use serde_json::json;

use super::silent::Silent;
use super::{Command, Wrong, empty};
use crate::control::house::House;
use crate::control::out::{Cell, Column, Fields, Out};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "sip show history",
        arguments: "CALLID",
        summary: "What happened to a call, there or failed, by how its Call-ID begins",
        run: history,
    },
    Command {
        words: "sip show failures",
        arguments: "",
        summary: "The calls that failed last, with 408, 500 or above",
        run: failures,
    },
];

fn history(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let [call_id] = arguments else {
        return Err(Wrong::Usage);
    };
    let query = Query::History(Text::from(*call_id), Span::FIRST);
    let mut silent = Silent::default();
    let mut calls = out.sheets("calls")?;
    for (shard, page) in silent.pages(house, query) {
        let Page::History(rows) = page else { continue };
        for row in &rows.rows {
            let mut sheet = calls.fields();
            tell(row, &mut sheet)?;
            members(shard, row, &mut sheet);
            sheet.end()?;
        }
    }
    if calls.end()? == 0 {
        out.fail(format!("No such SIP Call ID starting with '{call_id}'"))?;
    }
    Ok(silent.own_up(out)?)
}

/// A call in lines.
fn tell(row: &HistoryRow, out: &mut Fields<'_, '_>) -> io::Result<()> {
    out.remark("")?;
    let failed = row
        .failed
        .map(|status| format!(", failed with {status}", status = status.code()));
    let over = row
        .ended
        .map(|ago| format!(", over for {} s", ago.as_secs()));
    out.remark(&format!(
        "  * SIP Call {}{}{}",
        row.channel,
        failed.unwrap_or_default(),
        over.unwrap_or_default()
    ))?;
    for call_id in &row.call_ids {
        out.remark(&format!("    Call-ID {}", call_id.lossy()))?;
    }
    if row.forgotten > 0 {
        let forgotten = row.forgotten;
        out.remark(&format!(
            "    {forgotten} earlier moments are not known any more"
        ))?;
    }
    for (number, moment) in (row.forgotten + 1..).zip(&row.moments) {
        let after_s = moment.after.as_secs_f64();
        out.remark(&format!("{number}. {after_s:>9.3} s  {}", moment.what))?;
    }
    Ok(())
}

/// The same for programs.
fn members(shard: u16, row: &HistoryRow, sheet: &mut Fields<'_, '_>) {
    let moments = row.moments.iter().map(|moment| {
        json!({"after_ms": moment.after.as_millis() as u64, "what": moment.what.to_string()})
    });
    let call_ids: Vec<_> = row.call_ids.iter().map(Text::lossy).collect();
    for (key, value) in [
        ("shard", json!(shard)),
        ("channel", json!(row.channel.as_str())),
        ("call_ids", json!(call_ids)),
        ("began", json!(row.began.0)),
        ("ended_s_ago", json!(row.ended.map(|ago| ago.as_secs()))),
        ("failed", json!(row.failed.map(|status| status.code()))),
        ("forgotten", json!(row.forgotten)),
        ("moments", moments.collect()),
    ] {
        sheet.member(key, value);
    }
}

fn failures(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    const COLUMNS: [Column; 5] = [
        Column::left("Began", "began", 29),
        Column::right("Ago", "ended_s_ago", 6),
        Column::right("Status", "status", 6),
        Column::left("Channel", "channel", 24),
        Column::left("Call ID", "call_id", 40),
    ];
    empty(arguments)?;
    let mut silent = Silent::default();
    let pages = silent.pages(house, Query::Failures);
    let mut failed: Vec<FailureRow> = pages
        .filter_map(|(_, page)| match page {
            Page::Failures(rows) => Some(rows.rows),
            _ => None,
        })
        .flatten()
        .collect();
    failed.sort_by_key(|row| std::cmp::Reverse(row.ended));
    let mut table = out.table("failures", &COLUMNS)?;
    for row in &failed {
        let (began, status) = (
            row.began.date(),
            row.failed.map_or(0, |status| status.code()),
        );
        table.row(&[
            Cell::Both(
                String::from_utf8_lossy(began.as_bytes()),
                json!(row.began.0),
            ),
            (row.ended.as_secs() as i64).into(),
            i64::from(status).into(),
            row.channel.as_str().into(),
            row.call_id.lossy().into_owned().into(),
        ])?;
    }
    let count = table.end()?;
    out.remark(&format!("{count} failed calls"))?;
    Ok(silent.own_up(out)?)
}
