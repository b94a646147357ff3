//! `ExecIf(condition?app(arguments)[:app(arguments)])`.

use super::super::arguments::{first, split_call};
use super::super::step::{Next, Step, holds};

pub(super) fn run(step: &mut Step<'_>, arguments: &str) -> Next {
    let (condition, branches) = first(arguments, '?', false);
    let (then, otherwise) = first(branches.unwrap_or(""), ':', false);
    let call = if holds(condition.trim()) {
        &then
    } else {
        otherwise.unwrap_or("")
    };
    let (name, arguments) = split_call(call);
    if name.is_empty() {
        return Next::Continue;
    }
    match super::row(name) {
        // A chain of them would nest as deep as its text is long.
        Some(row) if row.name == "ExecIf" => {
            super::complain(step, "ExecIf", "it does not run itself");
            step.fail()
        }
        Some(row) => super::run(step, row, arguments),
        None => {
            step.warn("no-application", || {
                format!("ExecIf: there is no application {name}")
            });
            Next::Continue
        }
    }
}
