//! Functions that are not there. It looks at names alone; what a function
//! takes is its own matter.

use pinion_sip::dialplan::{Plan, functions};

use super::ground::{places, position};
use super::{Finding, Severity};
use crate::config::did_you_mean;

/// Finds the functions that no call could use.
pub(super) fn lint(plan: &Plan, findings: &mut Vec<Finding>) {
    for place in places(plan) {
        let instruction = place.instruction;
        let mut names = read(&instruction.arguments);
        let sets = ["set", "mset"].contains(&&*instruction.application.to_ascii_lowercase());
        names.extend(written(&instruction.arguments).filter(|_| sets));
        for name in names {
            if functions().any(|known| known == name) {
                continue;
            }
            let hint = did_you_mean(name, functions());
            findings.push(Finding {
                at: position(instruction),
                severity: Severity::Error,
                text: format!("there is no function '{name}'; it is empty in every call.{hint}"),
            });
        }
    }
}

/// The functions of `${NAME(…)}`.
fn read(text: &str) -> Vec<&str> {
    let references = text.match_indices("${").map(|(at, _)| &text[at + 2..]);
    references.filter_map(name).collect()
}

/// The function of `Set(NAME(…)=…)`.
fn written(text: &str) -> Option<&str> {
    let (left, _) = text.split_once('=')?;
    name(left.trim_start())
}

/// The name that a text begins with, if a parenthesis follows it.
fn name(text: &str) -> Option<&str> {
    let of_a_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let end = text.find(|character| !of_a_name(character))?;
    let (name, rest) = text.split_at(end);
    (!name.is_empty() && rest.starts_with('(')).then_some(name)
}
