//! `Goto`, `GotoIf` and `GotoIfTime`: jumps.

use super::super::arguments::{split_at_byte, trimmed};
use super::super::schedule::Schedule;
use super::super::step::{Next, Step, holds};
use super::complain;

/// `Goto([[context,]exten,]priority)`.
pub(super) fn goto(step: &mut Step<'_>, arguments: &str) -> Next {
    step.go(arguments)
}

/// `GotoIf(condition?[location if true][:location if false])`.
pub(super) fn goto_if(step: &mut Step<'_>, arguments: &str) -> Next {
    let (condition, branches) = split_at_byte(arguments, b'?').unwrap_or((arguments, ""));
    branch(step, holds(trimmed(condition)), branches)
}

/// `GotoIfTime(times,weekdays,mdays,months[,timezone]?[location if true][:location if false])`.
pub(super) fn goto_if_time(step: &mut Step<'_>, arguments: &str) -> Next {
    let (schedule, branches) = split_at_byte(arguments, b'?').unwrap_or((arguments, ""));
    let applies = is_now(step, "GotoIfTime", schedule);
    branch(step, applies, branches)
}

/// Whether times, as `GotoIfTime` takes them, apply now.
pub(super) fn is_now(step: &mut Step<'_>, application: &str, times: &str) -> bool {
    let schedule = Schedule::parse(times);
    for fault in schedule.faults() {
        complain(step, application, fault);
    }
    schedule.applies(step.state.time(step.now()), step.plan.zone())
}

/// Jumps to one of `true:false`; an empty one goes on.
fn branch(step: &mut Step<'_>, condition: bool, branches: &str) -> Next {
    let (then, otherwise) = split_at_byte(branches, b':').unwrap_or((branches, ""));
    match trimmed(if condition { then } else { otherwise }) {
        "" => Next::Continue,
        location => step.go(location),
    }
}
