//! `sip show tcp`: the connections of the shards.

use pinion_sip::machine::{Page, Query, Span};

use super::silent::Silent;
use super::{Command, Wrong, empty};
use crate::control::house::House;
use crate::control::out::{Column, Out};

pub(super) const COMMANDS: &[Command] = &[Command {
    words: "sip show tcp",
    arguments: "",
    summary: "The connections there are, and which side asked for each",
    run: tcp,
}];

const COLUMNS: [Column; 4] = [
    Column::left("Address", "address", 47),
    Column::left("Transport", "transport", 9),
    Column::right("Type", "type", 6),
    Column::hidden("shard"),
];

fn tcp(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    empty(arguments)?;
    let mut silent = Silent::default();
    let mut table = out.table("connections", &COLUMNS)?;
    for (shard, page) in silent.pages(house, Query::Connections(Span::FIRST)) {
        let Page::Connections(rows) = page else {
            continue;
        };
        for row in rows.rows {
            // What we are to the remote, as Asterisk has it.
            let role = if row.accepted { "Server" } else { "Client" };
            table.row(&[
                row.remote.to_string().into(),
                row.transport.name().into(),
                role.into(),
                u32::from(shard).into(),
            ])?;
        }
    }
    table.end()?;
    Ok(silent.own_up(out)?)
}
