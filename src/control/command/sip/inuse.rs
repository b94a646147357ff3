//! `sip show inuse`: how many calls devices have, where somebody counts.

use serde_json::json;

use super::directory::{self, Directory, Entry};
use super::silent::Silent;
use super::{Command, Wrong};
use crate::control::house::House;
use crate::control::out::{Cell, Column, Out};

pub(super) const COMMANDS: &[Command] = &[Command {
    words: "sip show inuse",
    arguments: "[all]",
    summary: "Calls of the devices that have a call-limit, or of all",
    run: inuse,
}];

const COLUMNS: [Column; 3] = [
    Column::left("* Peer name", "name", 25),
    Column::left("In use", "calls", 15),
    Column::left("Limit", "limit", 16),
];

fn inuse(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let all = match arguments {
        [] => false,
        ["all"] => true,
        _ => return Err(Wrong::Usage),
    };
    let mut silent = Silent::default();
    let directory = Directory::of(house, &mut silent);
    let wanted = |entry: &Entry<'_>| all || entry.peer.call_limit > 0;
    let mut table = out.table("peers", &COLUMNS)?;
    let entries = directory.entries().filter(wanted);
    directory::each(house, &mut silent, entries, |entry, row| {
        let limit = entry.peer.call_limit;
        let calls = row.map(|row| row.calls);
        // Those that ring, or are held, are among the calls.
        let used = format!("{}/0/0", calls.unwrap_or(0));
        let shown = match limit {
            0 => "N/A".into(),
            limit => limit.to_string(),
        };
        Ok(table.row(&[
            entry.peer.name.as_str().into(),
            Cell::Both(used.into(), json!(calls)),
            Cell::Both(shown.into(), json!(Some(limit).filter(|&limit| limit > 0))),
        ])?)
    })?;
    table.end()?;
    Ok(silent.own_up(out)?)
}
