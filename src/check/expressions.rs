//! Expressions that have no value while their variables are empty: the classic
//! `$[${X} = 1]`. What is always set, or set somewhere in the plan, is taken
//! as set.

use std::borrow::Cow;
use std::collections::HashSet;

use pinion_sip::dialplan::{Names, Plan};

use super::ground::{places, position};
use super::{Finding, Severity};
use crate::config::extensions::expressions::without_value;

/// Variables that every call has, or that applications set before anybody asks.
const ALWAYS_SET: [&str; 14] = [
    "CHANNEL",
    "CONTEXT",
    "DIALSTATUS",
    "EPOCH",
    "EXTEN",
    "HANGUPCAUSE",
    "INVALID_EXTEN",
    "MACRO_CONTEXT",
    "MACRO_EXTEN",
    "MACRO_PRIORITY",
    "PRIORITY",
    "SIPCALLID",
    "SIPURI",
    "UNIQUEID",
];

/// A value that leaves something, whatever part of it is taken.
const SOME: &str = "11111111111111111111111111111111";

struct Usual<'p> {
    plan: &'p Plan,
    /// What some line of the plan sets.
    set: HashSet<&'p str>,
}

impl Names for Usual<'_> {
    fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
        let set = ALWAYS_SET.contains(&name) || self.set.contains(name);
        match set {
            true => Some(SOME.into()),
            false => self.plan.global(name).map(Cow::Borrowed),
        }
    }

    fn function(&mut self, _: &str, _: &str) -> Option<String> {
        Some(SOME.into())
    }
}

/// Finds the expressions that an empty variable leaves without value.
pub(super) fn lint(plan: &Plan, findings: &mut Vec<Finding>) {
    let set = places(plan).flat_map(|place| {
        let arguments = place.instruction.arguments.split(',');
        arguments.filter_map(|argument| {
            Some(
                argument
                    .split_once('=')?
                    .0
                    .trim_start_matches([' ', '_'])
                    .trim(),
            )
        })
    });
    let mut names = Usual {
        plan,
        set: set.collect(),
    };
    for place in places(plan) {
        for expression in without_value(&place.instruction.arguments, &mut names) {
            findings.push(Finding {
                at: position(place.instruction),
                severity: Severity::Warning,
                text: format!(
                    "{expression} has no value while its variables are empty. Quote both sides, as in \
                     $[\"${{X}}\" = \"1\"]."
                ),
            });
        }
    }
}
