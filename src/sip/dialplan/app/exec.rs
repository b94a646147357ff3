//! `Exec`, `TryExec`, `ExecIf` and `ExecIfTime`: applications that run another.

use super::super::arguments::{first, split_call};
use super::super::step::{App, Event, Next, Step, holds};
use super::super::substitute::substitute;
use super::{Row, complain, goto};
use crate::base::Instant;

/// How deep they may nest in one instruction.
const DEPTH: u8 = 16;

/// `Exec(application(arguments))`: the arguments are substituted once more.
pub(super) fn exec(step: &mut Step<'_>, call: &str) -> Next {
    match named(step, "Exec", call) {
        Ok(None) => Next::Continue,
        Ok(Some((row, arguments))) => read(step, row, arguments.into()),
        Err(Missing) => step.fail(),
    }
}

/// `TryExec(application(arguments))`: as `Exec`, and goes on whatever comes of
/// it. `TRYSTATUS` is `SUCCESS`, `FAILED` or `NOAPP`. The caller is not shown
/// the end an application asked for.
pub(super) fn try_exec(step: &mut Step<'_>, call: &str) -> Next {
    match named(step, "TryExec", call) {
        Ok(None) => Next::Continue,
        Ok(Some((row, arguments))) => {
            let next = read(step, row, arguments.into());
            tried(step, next)
        }
        Err(Missing) => {
            step.set("TRYSTATUS", "NOAPP");
            Next::Continue
        }
    }
}

/// What an application that is tried has come to.
fn tried(step: &mut Step<'_>, next: Next) -> Next {
    let status = match next {
        Next::Wait(app) => return Next::Wait(Box::new(Tried(app))),
        Next::Repeat => return Next::Repeat,
        Next::Continue => "SUCCESS",
        Next::End(_) => "FAILED",
    };
    step.set("TRYSTATUS", status);
    Next::Continue
}

/// An application that is tried, and waits.
struct Tried(Box<dyn App>);

impl App for Tried {
    fn deadline(&self) -> Option<Instant> {
        self.0.deadline()
    }

    fn lingers(&self) -> bool {
        self.0.lingers()
    }

    fn step(self: Box<Self>, step: &mut Step<'_>, event: Event) -> Next {
        let next = self.0.step(step, event);
        tried(step, next)
    }
}

/// Substitutes arguments, as often as what they ask for is found out, then runs
/// the application.
fn read(step: &mut Step<'_>, row: &'static Row, text: Box<str>) -> Next {
    let mut troubles = Vec::new();
    step.state.replay.rewind();
    let arguments = substitute(&text, step, &mut troubles);
    if let Some(wanted) = step.state.replay.take_wanted() {
        drop(arguments);
        return step.find_out(wanted, move |step| read(step, row, text));
    }
    step.state.replay.clear();
    for trouble in troubles {
        complain(step, row.name, &trouble);
    }
    nest(step, row, &arguments)
}

/// `ExecIf(condition?application(arguments)[:application(arguments)])`.
pub(super) fn exec_if(step: &mut Step<'_>, arguments: &str) -> Next {
    let (condition, branches) = first(arguments, '?', false);
    let (then, otherwise) = first(branches.unwrap_or(""), ':', false);
    let call = match holds(condition.trim()) {
        true => &then,
        false => otherwise.unwrap_or(""),
    };
    match named(step, "ExecIf", call) {
        Ok(Some((row, arguments))) => nest(step, row, arguments),
        Ok(None) | Err(Missing) => Next::Continue,
    }
}

/// `ExecIfTime(times,weekdays,mdays,months[,timezone]?application(arguments))`.
pub(super) fn exec_if_time(step: &mut Step<'_>, arguments: &str) -> Next {
    let (schedule, call) = arguments.split_once('?').unwrap_or((arguments, ""));
    if !goto::is_now(step, "ExecIfTime", schedule) {
        return Next::Continue;
    }
    match named(step, "ExecIfTime", call) {
        Ok(Some((row, arguments))) => nest(step, row, arguments),
        Ok(None) => Next::Continue,
        Err(Missing) => step.fail(),
    }
}

/// There is no application of that name.
struct Missing;

/// The application a text names, and its arguments; nothing for no text.
fn named<'t>(
    step: &mut Step<'_>,
    application: &str,
    call: &'t str,
) -> Result<Option<(&'static Row, &'t str)>, Missing> {
    let (name, arguments) = split_call(call);
    match step.plan.application(name) {
        Some(row) => Ok(Some((row, arguments))),
        None if name.is_empty() => Ok(None),
        None => {
            let text = format!("there is no application {name}");
            complain(step, application, &text);
            Err(Missing)
        }
    }
}

/// Runs an application from inside of another.
fn nest(step: &mut Step<'_>, row: &Row, arguments: &str) -> Next {
    if step.state.nested == DEPTH {
        complain(step, row.name, "applications nest too deeply");
        return step.fail();
    }
    step.state.nested += 1;
    let next = super::run(step, row, arguments);
    step.state.nested -= 1;
    next
}

#[cfg(test)]
mod tests;
