//! `Set(name=value)` and `MSet(name=value,…)`: variables and what functions
//! let be set.

use alloc::collections::VecDeque;

use super::super::arguments::split;
use super::super::inquiry::Inquiry;
use super::super::step::{Next, Step};

/// The value is taken as it stands, quotes and commas included.
pub(super) fn one(step: &mut Step<'_>, arguments: &str) -> Next {
    match assign(step, arguments) {
        Some(inquiry) => step.ask(inquiry, |_, _| Next::Continue),
        None => Next::Continue,
    }
}

pub(super) fn many(step: &mut Step<'_>, arguments: &str) -> Next {
    let assignments = split(arguments, 24);
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
    let Some((name, value)) = assignment.split_once('=') else {
        step.warn("arguments", || format!("Set: '{assignment}' has no '='"));
        return None;
    };
    step.assign(name.trim(), value)
}
