//! `While`, `EndWhile`, `ContinueWhile` and `ExitWhile`: loops.
//!
//! A loop is known by the place of its `While`. Its body may lie anywhere; the
//! way out leads past the `EndWhile` further on in the same extension.

use super::super::plan::Seek;
use super::super::position::Position;
use super::super::step::{Next, Step, holds};
use super::complain;

/// `While(condition)`: goes on into the loop, or past its end.
pub(super) fn start(step: &mut Step<'_>, condition: &str) -> Next {
    let here = step.state.position.clone();
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
    arrive(step, innermost.at(innermost.priority - 1))
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

fn innermost(step: &Step<'_>) -> Option<Position> {
    let frames = step.state.frames.as_ref()?;
    frames.innermost_loop().cloned()
}

/// Leaves a loop for what follows its `EndWhile`; without one the call goes on
/// where it is.
fn leave(step: &mut Step<'_>, of: &Position) -> Next {
    if let Some(frames) = &mut step.state.frames {
        frames.close_loop(of);
    }
    match last(step, of) {
        Some(priority) => arrive(step, of.at(priority)),
        None => {
            complain(step, "While", "there is no EndWhile");
            Next::Continue
        }
    }
}

/// Goes on after a priority of the extension a loop is in.
fn arrive(step: &mut Step<'_>, after: Position) -> Next {
    step.state.position = after;
    step.leave_macros_behind()
}

/// The priority of the `EndWhile` that belongs to a `While`.
fn last(step: &Step<'_>, of: &Position) -> Option<u32> {
    let mut depth = 1_u32;
    for priority in of.priority.checked_add(1)?.. {
        let instruction = step.find(of, Seek::Priority(priority))?;
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
