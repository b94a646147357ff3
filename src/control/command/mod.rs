//! The commands of the console: one file per family, one row each. A command
//! is found by its words; what follows them are its arguments.

mod channel;
mod core;

use std::io;

use super::house::House;
use super::out::Out;

/// Why a command was not carried out.
#[derive(Debug)]
pub enum Wrong {
    /// Its arguments are not what it takes.
    Usage,
    /// What it says cannot be written.
    Unwritten(io::Error),
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Wrong {
        Wrong::Unwritten(error)
    }
}

/// Carries a command out.
pub type Run = fn(&House, &[&str], &mut Out<'_>) -> Result<(), Wrong>;

/// One command.
#[derive(Clone, Copy)]
pub struct Command {
    /// Its words.
    pub words: &'static str,
    /// What may follow them, as in `[concise|verbose]`.
    pub arguments: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// What carries it out.
    pub run: Run,
}

/// All commands, by family.
pub fn all() -> impl Iterator<Item = &'static Command> {
    [channel::COMMANDS, core::COMMANDS].into_iter().flatten()
}

/// Carries out a line that an operator has typed. Whether it did what was
/// asked; if not, the answer says why.
pub fn run(house: &House, line: &str, mut out: Out<'_>) -> io::Result<bool> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let Some((command, arguments)) = find(&words) else {
        out.fail(format!(
            "No such command '{}' (type 'core show help' for all there are)",
            words.join(" ")
        ))?;
        return out.end();
    };
    match (command.run)(house, arguments, &mut out) {
        Ok(()) => {}
        Err(Wrong::Usage) => {
            out.fail(format!("Usage: {} {}", command.words, command.arguments))?;
        }
        Err(Wrong::Unwritten(error)) => return Err(error),
    }
    out.end()
}

/// The command with most words that the line begins with, and the rest.
fn find<'a>(words: &'a [&'a str]) -> Option<(&'static Command, &'a [&'a str])> {
    let begins = |command: &&Command| {
        let mut given = words.iter();
        command
            .words
            .split(' ')
            .all(|word| given.next() == Some(&word))
    };
    let count = |command: &&Command| command.words.split(' ').count();
    let command = all().filter(begins).max_by_key(count)?;
    Some((command, &words[count(&command)..]))
}
