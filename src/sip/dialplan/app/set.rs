//! `Set(name=value)`, `MSet(name=value,…)`, `ImportVar` and `ClearHash`:
//! variables, and what functions let be set.

use alloc::collections::VecDeque;

use super::super::arguments::{split, split_at_byte, trimmed};
use super::super::function;
use super::super::inquiry::Inquiry;
use super::super::step::{Next, Step};
use super::complain;

/// The most assignments of one `MSet`; the last takes the rest as it stands.
const ASSIGNMENTS: usize = 24;

/// The value is taken as it stands, quotes and commas included. Blanks around
/// the name are no part of it; Asterisk keeps them, which nobody wants.
pub(super) fn one(step: &mut Step<'_>, arguments: &str) -> Next {
    match assign(step, arguments) {
        Some(inquiry) => step.ask(inquiry, |_, _| Next::Continue),
        None => Next::Continue,
    }
}

pub(super) fn many(step: &mut Step<'_>, arguments: &str) -> Next {
    let assignments = split(arguments, ASSIGNMENTS);
    carry_out(step, assignments.into_iter().map(Into::into).collect())
}

/// Assigns one after the other, waiting for those that take time.
fn carry_out(step: &mut Step<'_>, mut assignments: VecDeque<String>) -> Next {
    while let Some(assignment) = assignments.pop_front() {
        if let Some(inquiry) = assign(step, &assignment) {
            return step.ask(inquiry, |step, _| carry_out(step, assignments));
        }
    }
    Next::Continue
}

fn assign(step: &mut Step<'_>, assignment: &str) -> Option<Inquiry> {
    match split_at_byte(assignment, b'=') {
        None => refuse(step, assignment, "'='"),
        Some((name, value)) => match trimmed(name) {
            "" => refuse(step, assignment, "name"),
            name => step.assign(name, value),
        },
    }
}

#[cold]
fn refuse(step: &mut Step<'_>, assignment: &str, without: &str) -> Option<Inquiry> {
    complain(step, "Set", &format!("'{assignment}' has no {without}"));
    None
}

/// `ImportVar(name=channel,variable)`: copies a variable of another channel.
pub(super) fn import(step: &mut Step<'_>, arguments: &str) -> Next {
    let Some((name, source)) = split_at_byte(arguments, b'=') else {
        complain(step, "ImportVar", "write name=channel,variable");
        return Next::Continue;
    };
    match function::ask_import(step, source) {
        Err(value) => step.set(name.trim(), &value),
        Ok(inquiry) => {
            let name = String::from(name.trim());
            return step.ask(inquiry, move |step, reply| {
                let value = function::tell_import(step, &name, reply);
                step.set(&name, &value);
                Next::Continue
            });
        }
    }
    Next::Continue
}

/// `ClearHash(name)`: forgets every key of a `HASH`.
pub(super) fn clear_hash(step: &mut Step<'_>, arguments: &str) -> Next {
    let prefix = ["~HASH~", arguments.trim(), "~"].concat();
    let variables = &mut step.state.variables;
    let keys: Vec<String> = variables
        .iter()
        .filter(|(name, _)| name.starts_with(&prefix))
        .map(|(name, _)| name.into())
        .collect();
    for key in keys {
        variables.remove(&key);
    }
    Next::Continue
}

#[cfg(test)]
mod tests;
