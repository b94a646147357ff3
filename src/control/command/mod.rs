//! The commands of the console: one file per family, one row each. A command
//! is found by its words; what follows them are its arguments. Words may be
//! cut short where no other command is meant.

mod cdr;
mod channel;
mod channels;
mod core;
mod database;
mod help;
mod history;
mod inquiry;
mod listed;
mod module;
mod plan;
mod realtime;
mod reload;
mod shards;
mod silent;
pub(super) mod sip;
mod synopses;
mod watch;

use std::io;

use super::house::House;
use super::out::Out;
use super::words::words;
use crate::config::did_you_mean;

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
    /// What may follow them, as in `[concise|verbose]`, `PEER [load]`. Words in
    /// capitals stand for something; those that `complete` knows are offered.
    pub arguments: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// What carries it out.
    pub run: Run,
}

impl Command {
    /// How it is written.
    pub fn usage(&self) -> String {
        format!("{} {}", self.words, self.arguments)
            .trim_end()
            .into()
    }
}

/// All commands, by family.
pub fn all() -> impl Iterator<Item = &'static Command> {
    let families = [
        cdr::COMMANDS,
        channel::COMMANDS,
        channels::COMMANDS,
        core::COMMANDS,
        database::COMMANDS,
        help::COMMANDS,
        history::COMMANDS,
        module::COMMANDS,
        listed::COMMANDS,
        plan::COMMANDS,
        realtime::COMMANDS,
        reload::COMMANDS,
        shards::COMMANDS,
        watch::COMMANDS,
    ];
    let families = families.into_iter().chain(sip::FAMILIES);
    families.flatten()
}

/// Carries out a line that an operator has typed. Whether it did what was
/// asked; if not, the answer says why.
pub fn run(house: &House, line: &str, mut out: Out<'_>) -> io::Result<bool> {
    let words = words(line);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match find(&words) {
        Found::One(command, arguments) => match (command.run)(house, arguments, &mut out) {
            Ok(()) => {}
            Err(Wrong::Usage) => {
                out.fail(format!(
                    "Usage: {}\n       {}.",
                    command.usage(),
                    command.summary
                ))?;
            }
            Err(Wrong::Unwritten(error)) => return Err(error),
        },
        Found::Several(commands) => {
            let names: Vec<&str> = commands.iter().map(|command| command.words).collect();
            out.fail(format!(
                "'{}' may be: {}",
                words.join(" "),
                names.join(", ")
            ))?;
        }
        Found::Nothing => out.fail(unknown(&words.join(" ")))?,
    }
    out.end()
}

/// What is said of a line that is no command.
fn unknown(line: &str) -> String {
    let hint = did_you_mean(line, all().map(|command| command.words));
    format!(
        "No such command '{line}' (type 'core show help {line}' for other possible commands){}{}",
        if hint.is_empty() { "" } else { "\n" },
        hint.trim_start()
    )
}

/// What a line means.
enum Found<'a> {
    /// A command, and its arguments.
    One(&'static Command, &'a [&'a str]),
    /// One of these: its words are cut too short.
    Several(Vec<&'static Command>),
    Nothing,
}

/// The command that most words of the line belong to. What is written in full
/// counts for more than what is cut short.
fn find<'a>(words: &'a [&'a str]) -> Found<'a> {
    let weigh = |command: &&'static Command| {
        let own = command.words.split(' ');
        let length = own.clone().count();
        let given = words.get(..length)?;
        if !own
            .clone()
            .zip(given)
            .all(|(own, given)| agrees(own, given))
        {
            return None;
        }
        let whole = own
            .zip(given)
            .filter(|(own, given)| own.eq_ignore_ascii_case(given));
        let whole = whole.count();
        Some(((whole == length, length, whole), *command))
    };
    let weighed: Vec<_> = all().filter_map(|command| weigh(&command)).collect();
    let Some(best) = weighed.iter().map(|(weight, _)| *weight).max() else {
        return Found::Nothing;
    };
    let mut best_ones = weighed.into_iter().filter(|(weight, _)| *weight == best);
    match (best_ones.next(), best_ones.next()) {
        (Some((_, command)), None) => Found::One(command, &words[best.1..]),
        (first, second) => {
            let several = first.into_iter().chain(second).chain(best_ones);
            Found::Several(several.map(|(_, command)| command).collect())
        }
    }
}

/// Nothing follows a command's words.
fn empty(arguments: &[&str]) -> Result<(), Wrong> {
    match arguments {
        [] => Ok(()),
        _ => Err(Wrong::Usage),
    }
}

/// Whether a word that was given is a command's, or its beginning.
pub(super) fn agrees(own: &str, given: &str) -> bool {
    let start = own.get(..given.len());
    !given.is_empty() && start.is_some_and(|start| start.eq_ignore_ascii_case(given))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(line: &str) -> String {
        let words = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match find(&words) {
            Found::One(command, arguments) => format!("{}: {}", command.words, arguments.join(" ")),
            Found::Several(commands) => format!("{} are meant", commands.len()),
            Found::Nothing => "nothing".into(),
        }
    }

    #[test]
    fn a_command_is_found_by_its_words_or_their_beginnings() {
        assert_eq!(meant("core show uptime"), "core show uptime: ");
        assert_eq!(
            meant("core show uptime seconds"),
            "core show uptime: seconds"
        );
        assert_eq!(meant("CORE Show upt x"), "core show uptime: x");
        assert_eq!(meant("co st when convenient"), "core stop: when convenient");
        assert_eq!(meant("core show channel x"), "core show channel: x");
        assert_eq!(meant("core sh channels x"), "core show channels: x");
        assert!(meant("core sh chan x").ends_with("are meant"));
        for nothing in ["core", "core show uptimes", "nosuchcmd foo", ""] {
            assert_eq!(meant(nothing), "nothing", "{nothing}");
        }
    }

    #[test]
    fn no_two_commands_have_the_same_words() {
        let mut words: Vec<&str> = all().map(|command| command.words).collect();
        words.sort_unstable();
        let twice = words.windows(2).find(|pair| pair[0] == pair[1]);
        assert_eq!(twice, None);
    }

    #[test]
    fn what_is_no_command_is_told_as_asterisk_tells_it() {
        let said = unknown("core show uptme");
        assert_eq!(
            said,
            "No such command 'core show uptme' (type 'core show help core show uptme' for other possible commands)\n\
             Did you mean 'core show uptime'?"
        );
        assert!(!unknown("xyzzy").contains("mean"));
    }
}
