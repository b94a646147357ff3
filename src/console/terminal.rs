//! `-r` at a terminal: lines with a history and completion, answers in colours,
//! news above the line being typed.

use std::cell::RefCell;
use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::history::FileHistory;
use rustyline::{
    CompletionType, Config, Context, Editor, ExternalPrinter, Helper, Hinter, Validator,
};

use super::wire::{Engine, Reply};
use super::{answer, follow, lost};
use crate::control::frame::Kind;

/// Lines the history keeps.
const HISTORY: usize = 2000;

/// What the line editor asks of the engine.
#[derive(Helper, Hinter, Validator)]
struct Prompter {
    engine: Rc<RefCell<Engine>>,
    colours: bool,
}

impl Highlighter for Prompter {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        _default: bool,
    ) -> std::borrow::Cow<'b, str> {
        match self.colours {
            true => format!("\x1b[1m{prompt}\x1b[0m").into(),
            false => prompt.into(),
        }
    }
}

impl Completer for Prompter {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let line = &line[..at];
        let mut letters = line.char_indices();
        let blank = letters.rfind(|(_, letter)| letter.is_whitespace());
        let start = blank.map_or(0, |(at, blank)| at + blank.len_utf8());
        let mut engine = self.engine.borrow_mut();
        engine.ask(Kind::Complete, line)?;
        match engine.reply() {
            Some(Reply::Words(words)) => {
                let end = if words.len() == 1 { " " } else { "" };
                let words = words.into_iter().map(|word| match word.contains(' ') {
                    true => format!("\"{word}\"{end}"),
                    false => word + end,
                });
                Ok((start, words.collect()))
            }
            _ => Ok((start, Vec::new())),
        }
    }
}

/// Carries out what is typed. Returns the exit status.
pub(super) fn attach(engine: Engine) -> u8 {
    match converse(engine) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("pinion: {error}");
            1
        }
    }
}

fn converse(engine: Engine) -> rustyline::Result<u8> {
    let config = Config::builder()
        .max_history_size(HISTORY)?
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .build();
    let mut editor: Editor<Prompter, FileHistory> = Editor::with_config(config)?;
    // A terminal on which news cannot stand above a line, or an output that is
    // none.
    let Ok(mut printer) = editor.create_external_printer() else {
        return Ok(follow(engine));
    };
    let history = history();
    if let Some(file) = &history {
        // The first time there is none.
        let _ = editor.load_history(file);
    }
    let colours = env::var_os("NO_COLOR").is_none();
    println!("pinion {}", engine.version);
    println!(
        "Connected to pinion {} currently running on {} (pid = {})",
        engine.version, engine.host, engine.pid
    );
    let prompt = format!("{}*CLI> ", engine.host);
    let engine = Rc::new(RefCell::new(engine));
    engine.borrow_mut().tell_news(move |text| {
        let text = text.unwrap_or("The engine has ended the session; Enter leaves.");
        // A terminal that is gone is noticed where the next line is read.
        let _ = printer.print(format!("{text}\n"));
    })?;
    editor.set_helper(Some(Prompter {
        engine: Rc::clone(&engine),
        colours,
    }));
    let status = loop {
        let typed = match editor.readline(&prompt) {
            Ok(typed) => typed,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break 0,
            Err(error) => return Err(error),
        };
        let line = typed.trim();
        if line.is_empty() && !engine.borrow().has_gone() {
            continue;
        }
        // One that begins with a blank is not kept.
        editor.add_history_entry(typed.trim_end())?;
        if ["exit", "quit"].contains(&line) {
            break 0;
        }
        if let Some(command) = line.strip_prefix('!') {
            shell(command);
            continue;
        }
        let kind = if colours { Kind::Colour } else { Kind::Text };
        let mut engine = engine.borrow_mut();
        if answer(&mut engine, kind, line)?.is_none() {
            break lost(&engine.farewell());
        }
    };
    if let Some(file) = &history {
        // A home that cannot be written is no trouble of this session's.
        let _ = editor.save_history(file);
    }
    Ok(status)
}

fn history() -> Option<PathBuf> {
    let home = env::var_os("HOME").filter(|home| !home.is_empty())?;
    Some(PathBuf::from(home).join(".pinion_history"))
}

/// Runs a command of this host, or a shell.
fn shell(command: &str) {
    let shell = env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
    let mut process = Command::new(shell);
    if !command.trim().is_empty() {
        process.arg("-c").arg(command);
    }
    if let Err(error) = process.status() {
        eprintln!("{error}");
    }
}
