//! `help`: which commands there are.

use super::{Command, Wrong, agrees, all, unknown};
use crate::control::house::House;
use crate::control::out::{Column, Out};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "core show help",
        arguments: "[COMMAND]",
        summary: "All commands, those that begin so, or what one does",
        run: help,
    },
    Command {
        words: "help",
        arguments: "[COMMAND]",
        summary: "All commands, those that begin so, or what one does",
        run: help,
    },
];

fn help(_: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let asked = arguments.join(" ");
    let begins = |command: &&Command| {
        let mut own = command.words.split(' ');
        asked
            .split_whitespace()
            .all(|given| own.next().is_some_and(|own| agrees(own, given)))
    };
    let mut meant: Vec<&Command> = all().filter(begins).collect();
    meant.sort_unstable_by_key(|command| command.words);
    let exact = meant
        .iter()
        .find(|command| command.words.eq_ignore_ascii_case(&asked));
    match (exact.copied(), &meant[..]) {
        (Some(command), _) | (None, &[command]) => {
            out.line(format!("Usage: {}", command.usage()))?;
            Ok(out.line(format!("       {}.", command.summary))?)
        }
        (None, []) => Ok(out.fail(unknown(&asked))?),
        (None, commands) => list(commands, out),
    }
}

fn list(commands: &[&Command], out: &mut Out<'_>) -> Result<(), Wrong> {
    const COLUMNS: [Column; 2] = [
        Column::right("Command", "command", 30),
        Column::left("What it does", "summary", 100),
    ];
    let mut table = out.table("commands", &COLUMNS)?;
    for command in commands {
        table.row(&[command.usage().into(), command.summary.into()])?;
    }
    table.end()?;
    Ok(())
}
