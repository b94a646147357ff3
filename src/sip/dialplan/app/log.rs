//! `NoOp`, `Verbose`, `Log`, `UserEvent`, `CELGenUserEvent` and `DumpChan`: words
//! for the operator.

use core::fmt::Write;

use super::super::step::{Next, Step};
use super::complain;
use crate::base::Level;

/// Every instruction is noted as it runs; this one does no more.
pub(super) fn no_op(_: &mut Step<'_>, _: &str) -> Next {
    Next::Continue
}

/// `Verbose([level,]message)`: the level, 0 to 4, makes no difference here. A word
/// before a comma that is no number belongs to the message; Asterisk takes it
/// for a level, complains, and says the rest.
pub(super) fn verbose(step: &mut Step<'_>, arguments: &str) -> Next {
    let message = match arguments.split_once(',') {
        Some((level, message)) if level.trim().parse::<u8>().is_ok() => message,
        _ => arguments,
    };
    say(step, Level::Info, "verbose", message)
}

/// `Log(level,message)`: `ERROR`, `WARNING`, `NOTICE`, `VERBOSE`, `DTMF` or
/// `DEBUG`.
pub(super) fn log(step: &mut Step<'_>, arguments: &str) -> Next {
    let (level, message) = arguments.split_once(',').unwrap_or((arguments, ""));
    let level = match level.trim().to_ascii_uppercase().as_str() {
        "ERROR" => Level::Error,
        "WARNING" => Level::Warn,
        "NOTICE" | "VERBOSE" | "DTMF" => Level::Info,
        "DEBUG" => Level::Debug,
        other => {
            complain(step, "Log", &format!("there is no level '{other}'"));
            return Next::Continue;
        }
    };
    say(step, level, "log", message)
}

/// `UserEvent(name[,header: value…])`: an event for whoever watches this
/// engine, noted on one line.
pub(super) fn user_event(step: &mut Step<'_>, arguments: &str) -> Next {
    if arguments.trim().is_empty() {
        complain(step, "UserEvent", "there is no name");
        return Next::Continue;
    }
    say(step, Level::Info, "user-event", arguments)
}

/// `CELGenUserEvent(name[,extra])`: an event of the call's log, noted likewise.
pub(super) fn cel_event(step: &mut Step<'_>, arguments: &str) -> Next {
    say(step, Level::Info, "cel-event", arguments)
}

/// `DumpChan([level])`: the channel and its variables; the level makes no
/// difference here.
pub(super) fn dump_channel(step: &mut Step<'_>, _: &str) -> Next {
    let state = &step.state;
    let mut text = String::new();
    for (name, value) in [
        ("Context", state.position.context()),
        ("Extension", state.position.exten()),
        ("Caller ID", &state.number),
        ("Caller ID Name", &state.name),
    ] {
        // Writing to a String does not fail.
        let _ = write!(text, "{name}={value} ");
    }
    let answered = step.channels.is_answered();
    let (priority, cause) = (state.position.priority, state.cause.0);
    let _ = write!(
        text,
        "Priority={priority} Answered={answered} Cause={cause}"
    );
    for (name, value) in state.variables.iter() {
        let _ = write!(text, " {name}={value:?}");
    }
    say(step, Level::Info, "channel", &text)
}

fn say(step: &mut Step<'_>, level: Level, cause: &'static str, message: &str) -> Next {
    step.channels
        .note(level, cause, &mut || String::from(message));
    Next::Continue
}

#[cfg(test)]
mod tests;
