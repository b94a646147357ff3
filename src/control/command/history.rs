//! `sip show history`, `sip show failures`: what happened to calls.

use pinion_sip::base::Text;
use pinion_sip::machine::{FailureRow, HistoryRow, Page, Query, Span};
use serde_json::{Value, json};

use super::{Command, Wrong};
use crate::control::house::House;
use crate::control::out::{Cell, Column, Out};

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
    let mut calls = Vec::new();
    for (shard, page) in house.shards.pages(query) {
        let Page::History(rows) = page else { continue };
        for row in &rows.rows {
            tell(row, out)?;
            calls.push(object(shard, row));
        }
    }
    if calls.is_empty() {
        let sentence = format!("No such SIP Call ID starting with '{call_id}'");
        return Ok(out.fail(sentence)?);
    }
    Ok(out.member("calls", &Value::Array(calls))?)
}

/// A call in lines.
fn tell(row: &HistoryRow, out: &mut Out<'_>) -> Result<(), Wrong> {
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

fn object(shard: u16, row: &HistoryRow) -> Value {
    let moments = row.moments.iter().map(|moment| {
        json!({"after_ms": moment.after.as_millis() as u64, "what": moment.what.to_string()})
    });
    json!({
        "shard": shard,
        "channel": row.channel.as_str(),
        "call_ids": row.call_ids.iter().map(Text::lossy).collect::<Vec<_>>(),
        "began": row.began.0,
        "ended_s_ago": row.ended.map(|ago| ago.as_secs()),
        "failed": row.failed.map(|status| status.code()),
        "forgotten": row.forgotten,
        "moments": moments.collect::<Vec<_>>(),
    })
}

fn failures(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    const COLUMNS: [Column; 5] = [
        Column::left("Began", "began", 29),
        Column::right("Ago", "ended_s_ago", 6),
        Column::right("Status", "status", 6),
        Column::left("Channel", "channel", 24),
        Column::left("Call ID", "call_id", 40),
    ];
    if !arguments.is_empty() {
        return Err(Wrong::Usage);
    }
    let pages = house.shards.pages(Query::Failures);
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
    Ok(out.remark(&format!("{count} failed calls"))?)
}
