//! `NoOp`, `Verbose([level,]message)` and `Log(level,message)`: words for the
//! operator.

use super::super::step::{Next, Step};
use crate::base::Level;

/// Every instruction is noted as it runs; this one does no more.
pub(super) fn no_op(_: &mut Step<'_>, _: &str) -> Next {
    Next::Continue
}

pub(super) fn verbose(step: &mut Step<'_>, arguments: &str) -> Next {
    let message = match arguments.split_once(',') {
        Some((level, message)) if level.trim().parse::<u8>().is_ok() => message,
        _ => arguments,
    };
    say(step, Level::Info, "verbose", message)
}

pub(super) fn log(step: &mut Step<'_>, arguments: &str) -> Next {
    let (level, message) = arguments.split_once(',').unwrap_or(("NOTICE", arguments));
    let level = match level.trim().to_ascii_uppercase().as_str() {
        "ERROR" => Level::Error,
        "WARNING" => Level::Warn,
        "DEBUG" => Level::Debug,
        _ => Level::Info,
    };
    say(step, level, "log", message)
}

fn say(step: &mut Step<'_>, level: Level, cause: &'static str, message: &str) -> Next {
    step.channels
        .note(level, cause, &mut || String::from(message));
    Next::Continue
}
