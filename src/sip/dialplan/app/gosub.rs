//! `Gosub`, `GosubIf`, `Return` and `StackPop`: subroutines.

use super::super::arguments::{first, rsplit_at_byte, split_at_byte, split_raw, trimmed};
use super::super::frames::Kind;
use super::super::step::{Next, Step, holds};
use super::complain;
use crate::base::Decimal;

/// `Gosub([[context,]exten,]priority[(argument,…)])`: goes there and comes
/// back with `Return`. `ARG1` to `ARGn` and `ARGC` are its own; those its
/// caller had beyond `n` are empty.
pub(super) fn gosub(step: &mut Step<'_>, arguments: &str) -> Next {
    if trimmed(arguments).is_empty() {
        complain(step, "Gosub", "there is no location");
        return step.fail();
    }
    let (location, inside) = split_at_byte(arguments, b'(').unwrap_or((arguments, ""));
    let inside = rsplit_at_byte(inside, b')').map_or(inside, |(inside, _)| inside);
    let parts = split_raw(inside, usize::MAX);
    let outer = match step.frame().map(|frame| &frame.kind) {
        Some(&Kind::Gosub(outer)) => outer,
        _ => 0,
    };
    if step.enter(Kind::Gosub(parts.len())).is_err() {
        return step.fail();
    }
    let gone = step.go(location);
    if !matches!(gone, Next::Continue) {
        return turn_back(step, None);
    }
    match step.has_priority(step.state.position.priority.saturating_add(1)) {
        Ok(true) => {}
        Ok(false) => return turn_back(step, Some(location)),
        Err(lookup) => {
            turn_back(step, None);
            let arguments: Box<str> = arguments.into();
            return step.ask_switch(lookup, move |step| gosub(step, &arguments));
        }
    }
    for number in 1..=parts.len().max(outer) {
        let value = parts.get(number - 1).map_or("", |part| part.as_ref());
        step.set_argument(number, value);
    }
    step.set_local("ARGC", Decimal::new(parts.len() as u64).as_str());
    gone
}

/// The subroutine cannot be entered, at least not yet: the call fails where it
/// was.
fn turn_back(step: &mut Step<'_>, missing: Option<&str>) -> Next {
    if let Some(frame) = step.leave() {
        step.go_back(frame);
    }
    if let Some(location) = missing {
        complain(
            step,
            "Gosub",
            &format!("there is no priority at '{location}'"),
        );
    }
    step.fail()
}

/// `GosubIf(condition?[location[(arguments)]][:location[(arguments)]])`.
pub(super) fn gosub_if(step: &mut Step<'_>, arguments: &str) -> Next {
    let (condition, branches) = first(arguments, '?', false);
    let Some(branches) = branches else {
        complain(step, "GosubIf", "there is no '?'");
        return Next::Continue;
    };
    let (then, otherwise) = first(branches, ':', false);
    let location = match holds(condition.trim()) {
        true => &then,
        false => otherwise.unwrap_or(""),
    };
    match location.trim() {
        "" => Next::Continue,
        location => gosub(step, location),
    }
}

/// `Return([value])`: back to after the `Gosub`; `GOSUB_RETVAL` is the value.
/// Macros entered since are left, too.
pub(super) fn leave(step: &mut Step<'_>, value: &str) -> Next {
    let frame = loop {
        match step.leave() {
            Some(frame) if matches!(frame.kind, Kind::Macro(_)) => {}
            Some(frame) => break frame,
            None => {
                complain(step, "Return", "there is no Gosub to return to");
                return step.fail();
            }
        }
    };
    step.set("GOSUB_RETVAL", value);
    let back = step.go_back(frame);
    step.after_leaving(back)
}

/// `StackPop()`: the innermost `Gosub` will not be returned to. From inside of
/// a macro its caller's cannot be forgotten.
pub(super) fn stack_pop(step: &mut Step<'_>, _: &str) -> Next {
    match step.frame().map(|frame| &frame.kind) {
        Some(Kind::Gosub(_)) => {
            step.leave();
        }
        _ => complain(step, "StackPop", "there is no Gosub to forget"),
    }
    match step.after_leaving(Next::Continue) {
        Next::Continue => Next::Continue,
        _ => step.fail(),
    }
}

#[cfg(test)]
mod tests;
