//! `cdr …`: the records of calls.

use std::io;

use pinion_sip::config::Recording;
use serde_json::json;

use super::{Command, Wrong, empty};
use crate::control::house::House;
use crate::control::out::{Column, Out};
use crate::records::Board;

pub(super) const COMMANDS: &[Command] = &[Command {
    words: "cdr show status",
    arguments: "",
    summary: "Whether calls leave records, where they go, and how many were lost",
    run: status,
}];

fn status(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    empty(arguments)?;
    let rules = house.settings().config.general.records;
    tell_rules(rules, out)?;
    Ok(tell_board(house.records.as_deref(), out)?)
}

fn tell_rules(rules: Recording, out: &mut Out<'_>) -> io::Result<()> {
    let yes = |yes: bool| if yes { "Yes" } else { "No" };
    let logging = if rules.enable { "Enabled" } else { "Disabled" };
    out.remark("")?;
    out.remark("Call Detail Record (CDR) settings")?;
    out.remark("----------------------------------")?;
    for (name, value) in [
        ("Logging:", logging),
        ("Mode:", "Batch"),
        ("Log unanswered calls:", yes(rules.unanswered)),
        ("Log congestion:", yes(rules.congestion)),
        ("End before h:", yes(rules.endbeforehexten)),
    ] {
        out.remark(&format!("  {name:<27}{value}"))?;
    }
    out.remark("")?;
    let settings = json!({
        "enable": rules.enable,
        "unanswered": rules.unanswered,
        "congestion": rules.congestion,
        "endbeforehexten": rules.endbeforehexten,
    });
    out.member("settings", &settings)
}

fn tell_board(board: Option<&Board>, out: &mut Out<'_>) -> io::Result<()> {
    const COLUMNS: [Column; 5] = [
        Column::left("Backend", "backend", 10),
        Column::right("Written", "written", 12),
        Column::right("Dropped", "dropped", 12),
        Column::right("Spooled", "spooled", 12),
        Column::right("Waiting", "waiting", 12),
    ];
    let mut table = out.table("backends", &COLUMNS)?;
    for (name, tally) in board.into_iter().flat_map(Board::places) {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX).into();
        table.row(&[
            name.into(),
            number(tally.written.value()),
            number(tally.dropped.value()),
            number(tally.spooled.value()),
            number(tally.waiting.value()),
        ])?;
    }
    table.end().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::out::Form;

    #[test]
    fn the_status_is_told_as_asterisk_tells_it() {
        let rules = Recording {
            enable: true,
            unanswered: true,
            ..Recording::default()
        };
        let mut text = Vec::new();
        let mut out = Out::new(Form::Text, &mut text);
        tell_rules(rules, &mut out).unwrap();
        assert!(out.end().unwrap());
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "\nCall Detail Record (CDR) settings\n----------------------------------\n\
             \u{20} Logging:                   Enabled\n\
             \u{20} Mode:                      Batch\n\
             \u{20} Log unanswered calls:      Yes\n\
             \u{20} Log congestion:            No\n\
             \u{20} End before h:              No\n\n"
        );
        let mut json = Vec::new();
        let mut out = Out::new(Form::Json, &mut json);
        tell_rules(rules, &mut out).unwrap();
        tell_board(None, &mut out).unwrap();
        assert!(out.end().unwrap());
        let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(value["settings"]["unanswered"], true);
        assert_eq!(value["backends"], json!([]));
    }
}
