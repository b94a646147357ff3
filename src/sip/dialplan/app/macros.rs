//! `Macro`, `MacroIf`, `MacroExclusive` and `MacroExit`: the older subroutines.

use smol_str::{SmolStr, ToSmolStr};

use super::super::frames::Kind;
use super::super::position::Position;
use super::super::step::{Next, Step, holds};
use super::complain;

/// How many macros may be at work in a call, unless `MACRO_RECURSION` says
/// otherwise.
const DEPTH: usize = 7;

/// The most a plan may ask for.
const MOST_DEPTH: usize = 127;

/// `ARG1` to this one are set (`MAX_ARGS`).
const ARGUMENTS: usize = 79;

/// `Macro(name[,argument…])`: goes to `s` of context `macro-name` and comes back
/// when its priorities run out. A macro that does not exist is passed over.
///
/// `MacroExclusive` is the same here: nothing keeps two calls of a plan from
/// being inside of one macro.
pub(super) fn run(step: &mut Step<'_>, arguments: &str) -> Next {
    let mut parts = arguments.split(',');
    let name = parts.next().unwrap_or("");
    if arguments.is_empty() {
        complain(step, "Macro", "there is no name");
        return step.fail();
    }
    let context = ["macro-", name].concat();
    let depth = step
        .state
        .frames
        .as_ref()
        .map_or(0, |frames| frames.macros());
    if depth >= most_depth(step) {
        complain(step, "Macro", "macros nest too deeply");
        return Next::Continue;
    }
    match step.has_in(&context, "s", 1) {
        Ok(true) => {}
        Ok(false) => {
            let text = format!("there is no priority 1 of extension s in context {context}");
            complain(step, "Macro", &text);
            return Next::Continue;
        }
        Err(lookup) => {
            let arguments: Box<str> = arguments.into();
            return step.ask_switch(lookup, move |step| run(step, &arguments));
        }
    }
    if step.enter(Kind::Macro(context.as_str().into())).is_err() {
        return step.fail();
    }
    let position = &step.state.position;
    for (name, value) in [
        ("MACRO_EXTEN", position.exten().clone()),
        ("MACRO_CONTEXT", position.context().clone()),
        ("MACRO_PRIORITY", position.priority.to_smolstr()),
        ("MACRO_OFFSET", SmolStr::default()),
        ("MACRO_DEPTH", (depth + 1).to_smolstr()),
    ] {
        step.set_local(name, &value);
    }
    for (number, argument) in (1..=ARGUMENTS).zip(parts) {
        step.set_argument(number, argument);
    }
    step.state.position = Position::new(context.into(), "s".into(), 0);
    Next::Continue
}

fn most_depth(step: &Step<'_>) -> usize {
    let wanted = step.state.variables.value("MACRO_RECURSION");
    let wanted = wanted.and_then(|depth| depth.trim().parse().ok());
    wanted.unwrap_or(DEPTH).min(MOST_DEPTH)
}

/// `MacroIf(condition?name[,argument…][:name[,argument…]])`.
pub(super) fn run_if(step: &mut Step<'_>, arguments: &str) -> Next {
    let Some((condition, branches)) = arguments.split_once('?') else {
        complain(step, "MacroIf", "there is no '?'");
        return Next::Continue;
    };
    let (then, otherwise) = branches.split_once(':').unwrap_or((branches, ""));
    match if holds(condition.trim()) {
        then
    } else {
        otherwise
    } {
        "" => Next::Continue,
        call => run(step, call),
    }
}

/// `MacroExit()`: back to after the innermost macro; subroutines entered since
/// are left, too. Outside of any macro the call ends.
pub(super) fn exit(step: &mut Step<'_>, _: &str) -> Next {
    while let Some(Kind::Gosub(_)) = step.frame().map(|frame| &frame.kind) {
        step.leave();
    }
    leave(step).unwrap_or_else(|| step.fail())
}

/// Goes back to after the macro at work, or as much further on as its
/// `MACRO_OFFSET` says where such a priority exists.
pub(in super::super) fn leave(step: &mut Step<'_>) -> Option<Next> {
    let Kind::Macro(_) = step.frame()?.kind else {
        return None;
    };
    let offset = step.state.variables.value("MACRO_OFFSET");
    let offset: i64 = offset
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0);
    let frame = step.leave()?;
    let back = step.go_back(frame);
    let further = i64::from(step.state.position.priority).saturating_add(offset);
    if let Ok(priority) = u32::try_from(further)
        && step.has_priority(priority.saturating_add(1)) == Ok(true)
    {
        step.state.position.priority = priority;
    }
    Some(step.after_leaving(back))
}

#[cfg(test)]
mod tests;
