//! `Set(name=value)` and `MSet(name=value,…)`: variables and what functions
//! let be set.

use super::super::arguments::split;
use super::super::function;
use super::super::step::{Next, Step};

/// The value is taken as it stands, quotes and commas included.
pub(super) fn one(step: &mut Step<'_>, arguments: &str) -> Next {
    assign(step, arguments);
    Next::Continue
}

pub(super) fn many(step: &mut Step<'_>, arguments: &str) -> Next {
    for assignment in split(arguments, 24) {
        assign(step, &assignment);
    }
    Next::Continue
}

fn assign(step: &mut Step<'_>, assignment: &str) {
    let Some((name, value)) = assignment.split_once('=') else {
        step.warn("arguments", || format!("Set: '{assignment}' has no '='"));
        return;
    };
    let name = name.trim();
    let Some((function, arguments)) = name.split_once('(') else {
        step.set(name, value);
        return;
    };
    let arguments = arguments
        .rsplit_once(')')
        .map_or(arguments, |(arguments, _)| arguments);
    match function::row(function).and_then(|row| row.write) {
        Some(write) => write(step, arguments, value),
        None => step.warn("no-function", || {
            format!("Set: {function} is not a function that can be set")
        }),
    }
}
