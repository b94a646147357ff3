//! `While`, `EndWhile`, `ContinueWhile` and `ExitWhile`: loops.
//!
//! A loop is known by the place of its `While`. Its body may lie anywhere; the
//! way out leads past the `EndWhile` further on in the same extension.

use super::super::frames::Loop;
use super::super::plan::{Place, Seek};
use super::super::step::{Next, Step, holds};
use super::complain;

/// `While(condition)`: goes on into the loop, or past its end.
pub(super) fn start(step: &mut Step<'_>, condition: &str) -> Next {
    let here = Loop {
        context: step.state.context.clone(),
        exten: step.state.exten.clone(),
        priority: step.state.priority,
    };
    if !holds(condition.trim()) {
        return leave(step, &here);
    }
    let frames = step.state.frames.get_or_insert_default();
    if frames.open_loop(here).is_err() {
        complain(step, "While", "loops nest too deeply");
        return step.fail();
    }
    Next::Continue
}

/// `EndWhile()`: back to the innermost `While`.
pub(super) fn end(step: &mut Step<'_>, _: &str) -> Next {
    again(step, "EndWhile")
}

/// `ContinueWhile()`: back to the innermost `While`, without the rest of it.
pub(super) fn resume(step: &mut Step<'_>, _: &str) -> Next {
    again(step, "ContinueWhile")
}

fn again(step: &mut Step<'_>, application: &str) -> Next {
    let Some(innermost) = innermost(step) else {
        complain(step, application, "there is no While at work");
        return Next::Continue;
    };
    arrive(step, &innermost, innermost.priority - 1)
}

/// `ExitWhile()`: past the end of the innermost loop.
pub(super) fn exit(step: &mut Step<'_>, _: &str) -> Next {
    match innermost(step) {
        Some(innermost) => leave(step, &innermost),
        None => {
            complain(step, "ExitWhile", "there is no While at work");
            Next::Continue
        }
    }
}

fn innermost(step: &Step<'_>) -> Option<Loop> {
    let frames = step.state.frames.as_ref()?;
    frames.innermost_loop().cloned()
}

/// Leaves a loop for what follows its `EndWhile`; without one the call goes on
/// where it is.
fn leave(step: &mut Step<'_>, of: &Loop) -> Next {
    if let Some(frames) = &mut step.state.frames {
        frames.close_loop(of);
    }
    match last(step, of) {
        Some(priority) => arrive(step, of, priority),
        None => {
            complain(step, "While", "there is no EndWhile");
            Next::Continue
        }
    }
}

/// Goes on after a priority of the extension a loop is in.
fn arrive(step: &mut Step<'_>, of: &Loop, after: u32) -> Next {
    step.state.context = of.context.clone();
    step.state.exten = of.exten.clone();
    step.state.priority = after;
    step.leave_macros_behind()
}

/// The priority of the `EndWhile` that belongs to a `While`.
fn last(step: &Step<'_>, of: &Loop) -> Option<u32> {
    let place = Place {
        context: &of.context,
        exten: &of.exten,
        ..step.state.place(step.now())
    };
    let mut depth = 1_u32;
    for priority in of.priority.checked_add(1)?.. {
        let instruction = step.plan.find(place, Seek::Priority(priority))?;
        if instruction.application.eq_ignore_ascii_case("While") {
            depth += 1;
        } else if instruction.application.eq_ignore_ascii_case("EndWhile") {
            depth -= 1;
        }
        if depth == 0 {
            return Some(priority);
        }
    }
    None
}

#[cfg(test)]
mod tests;
