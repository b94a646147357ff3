//! `cdr …`: the records of calls.

use super::{Command, Wrong};
use crate::control::house::House;
use crate::control::out::{Column, Out};

pub(super) const COMMANDS: &[Command] = &[Command {
    words: "cdr show status",
    arguments: "",
    summary: "Whether calls leave records, where they go, and how many were lost",
    run: status,
}];

fn status(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    const COLUMNS: [Column; 5] = [
        Column::left("Backend", "backend", 10),
        Column::right("Written", "written", 12),
        Column::right("Dropped", "dropped", 12),
        Column::right("Spooled", "spooled", 12),
        Column::right("Waiting", "waiting", 12),
    ];
    if !arguments.is_empty() {
        return Err(Wrong::Usage);
    }
    let config = house.settings().config;
    let rules = config.general.records;
    let yes = |yes: bool| if yes { "Yes" } else { "No" };
    let logging = if rules.enable { "Enabled" } else { "Disabled" };
    out.line("")?;
    out.line("Call Detail Record (CDR) settings")?;
    out.line("----------------------------------")?;
    for (name, value) in [
        ("Logging:", logging),
        ("Mode:", "Batch"),
        ("Log unanswered calls:", yes(rules.unanswered)),
        ("Log congestion:", yes(rules.congestion)),
        ("End before h:", yes(rules.endbeforehexten)),
    ] {
        out.line(format!("  {name:<27}{value}"))?;
    }
    out.line("")?;
    let mut table = out.table("backends", &COLUMNS)?;
    for (name, tally) in house.records.iter().flat_map(|board| board.places()) {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX).into();
        table.row(&[
            name.into(),
            number(tally.written.value()),
            number(tally.dropped.value()),
            number(tally.spooled.value()),
            number(tally.waiting.value()),
        ])?;
    }
    table.end()?;
    Ok(())
}
