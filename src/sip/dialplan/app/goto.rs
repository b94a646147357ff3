//! `Goto`, `GotoIf` and `GotoIfTime`: jumps.

use super::super::schedule::Schedule;
use super::super::step::{Next, Step, holds};

/// `Goto([[context,]exten,]priority)`.
pub(super) fn goto(step: &mut Step<'_>, arguments: &str) -> Next {
    step.go(arguments)
}

/// `GotoIf(condition?[location if true][:location if false])`.
pub(super) fn goto_if(step: &mut Step<'_>, arguments: &str) -> Next {
    let (condition, branches) = arguments.split_once('?').unwrap_or((arguments, ""));
    branch(step, holds(condition.trim()), branches)
}

/// `GotoIfTime(times,weekdays,mdays,months[,timezone]?[location if true][:location if false])`.
pub(super) fn goto_if_time(step: &mut Step<'_>, arguments: &str) -> Next {
    let (schedule, branches) = arguments.split_once('?').unwrap_or((arguments, ""));
    let applies = match Schedule::parse(schedule) {
        Ok(schedule) => {
            if let Some(zone) = schedule.unknown_zone() {
                super::complain(
                    step,
                    "GotoIfTime",
                    &format!("there is no time zone '{zone}'; UTC is taken"),
                );
            }
            schedule.applies(step.state.time(step.now()), step.plan.zone())
        }
        Err(text) => {
            super::complain(step, "GotoIfTime", &text);
            false
        }
    };
    branch(step, applies, branches)
}

/// Jumps to one of `true:false`; an empty one goes on.
fn branch(step: &mut Step<'_>, condition: bool, branches: &str) -> Next {
    let (then, otherwise) = branches.split_once(':').unwrap_or((branches, ""));
    match if condition { then } else { otherwise }.trim() {
        "" => Next::Continue,
        location => step.go(location),
    }
}
