//! The other end of the console: finds a running engine and has it carry out
//! commands, one (`-x`) or as they are typed (`-r`). Knows no command itself.

mod terminal;
mod wire;

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::thread;

use self::wire::{Engine, Reply};
use crate::control::frame::Kind;

/// The exit status where no engine is reached.
pub const NO_ENGINE: u8 = 3;

/// Has an engine carry out one command, and writes the answer on stdout.
/// Returns the exit status: 0, 1 if the command failed, 3 without an engine.
pub fn execute(socket: Option<&Path>, command: &str, json: bool) -> u8 {
    let mut engine = match Engine::reach(socket) {
        Ok(engine) => engine,
        Err(sentence) => return lost(&sentence),
    };
    let kind = if json { Kind::Json } else { Kind::Text };
    match answer(&mut engine, kind, command) {
        Ok(Some(ok)) => u8::from(!ok),
        Ok(None) => lost(&engine.farewell()),
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(error) => lost(&format!("the answer cannot be written: {error}")),
    }
}

/// Carries out what is typed, until the end of it, and tells news meanwhile.
/// Returns the exit status: that of the last command where lines are not edited
/// at a terminal, else 0; 3 once the engine has gone.
pub fn attach(socket: Option<&Path>) -> u8 {
    match Engine::reach(socket) {
        Ok(engine) if io::stdin().is_terminal() => terminal::attach(engine),
        Ok(engine) => follow(engine),
        Err(sentence) => lost(&sentence),
    }
}

/// Lines that are read before the one at hand is carried out.
const AHEAD: usize = 16;

/// What comes next where lines come from a pipe.
enum Turn {
    Line(String),
    /// There are no more lines.
    End,
    /// The engine has gone.
    Gone,
}

/// Carries out lines as they come, with no prompt, history or colours: from a
/// pipe, or where a terminal can do no better.
fn follow(mut engine: Engine) -> u8 {
    let (turns, next) = sync_channel(AHEAD);
    let gone = turns.clone();
    let told = engine.tell_news(move |text| match text {
        // Whether anybody reads is noticed where answers are written.
        Some(text) => drop(writeln!(io::stdout(), "{text}")),
        None => drop(gone.send(Turn::Gone)),
    });
    if told.is_err() {
        return lost(&engine.farewell());
    }
    // It may wait for a line that never comes, and ends with the program.
    thread::spawn(move || {
        let lines = io::stdin().lines().map_while(Result::ok);
        let mut all = lines.map(Turn::Line).chain([Turn::End]);
        all.try_for_each(|turn| turns.send(turn))
    });
    let mut status = 0;
    for turn in next {
        let line = match turn {
            Turn::Line(line) => line,
            Turn::End => break,
            Turn::Gone => return lost(&engine.farewell()),
        };
        let line = line.trim();
        if ["exit", "quit"].contains(&line) {
            break;
        }
        if line.is_empty() {
            continue;
        }
        match answer(&mut engine, Kind::Text, line) {
            Ok(Some(ok)) => status = u8::from(!ok),
            Ok(None) => return lost(&engine.farewell()),
            Err(_) => return status,
        }
    }
    status
}

/// Writes what an engine answers on stdout, which news share: between two parts
/// of an answer, each of whole lines. Whether the command did what it was asked;
/// `None` if the engine has gone meanwhile.
fn answer(engine: &mut Engine, kind: Kind, command: &str) -> io::Result<Option<bool>> {
    if engine.ask(kind, command).is_err() {
        return Ok(None);
    }
    let mut out = io::stdout();
    loop {
        match engine.reply() {
            Some(Reply::Part(bytes)) => out.write_all(&bytes)?,
            Some(Reply::Done(ok)) => {
                out.flush()?;
                return Ok(Some(ok));
            }
            Some(Reply::Words(_)) => {}
            None => return Ok(None),
        }
    }
}

fn lost(sentence: &str) -> u8 {
    eprintln!("pinion: {sentence}");
    NO_ENGINE
}
