//! Jumps to what is not there: contexts, extensions, priorities and labels
//! that stand literally in arguments. What only a call knows is left alone.

use pinion_sip::dialplan::{Extension, Seek};

use super::ground::{Ground, Place, position};
use super::target::{Part, Target, targets};
use super::{Finding, Severity};
use crate::config::did_you_mean;

/// Finds the jumps that lead nowhere.
pub(super) fn lint(ground: &Ground<'_>, findings: &mut Vec<Finding>) {
    for place in ground.places() {
        let instruction = place.instruction;
        for target in targets(&instruction.application, &instruction.arguments) {
            if let Some(text) = fault(ground, place, &target) {
                findings.push(Finding {
                    at: position(instruction),
                    severity: Severity::Error,
                    text,
                });
            }
        }
    }
}

/// What is wrong with a place, in a sentence.
fn fault(ground: &Ground<'_>, from: Place<'_>, target: &Target) -> Option<String> {
    let contexts: Vec<&str> = match &target.context {
        Part::Unknown => return None,
        Part::Here => {
            let around = ground.surroundings(from.context);
            around.iter().map(|context| context.name()).collect()
        }
        Part::Is(name) if ground.plan.context(name).is_none() => {
            let known = ground.plan.contexts().iter().map(|known| known.name());
            let hint = did_you_mean(name, known);
            return Some(format!("there is no context '{name}' to go to.{hint}"));
        }
        Part::Is(name) => vec![name],
    };
    if contexts.iter().any(|context| ground.asks(context)) {
        return None;
    }
    let called = match &target.context {
        Part::Is(name) => name,
        _ => from.context.name(),
    };
    let matching = |exten: &str| {
        let in_each = contexts
            .iter()
            .flat_map(|context| ground.matching(context, exten));
        in_each.collect::<Vec<&Extension>>()
    };
    let (extensions, exten) = match &target.exten {
        Part::Unknown => return None,
        Part::Is(exten) => (matching(exten), exten.as_str()),
        Part::Here => {
            let own = from.extension.pattern();
            match own.is_pattern() || called != from.context.name() {
                // What was dialled may match other patterns, too.
                true => (everything(ground, &contexts), own.as_str()),
                false => (matching(own.as_str()), own.as_str()),
            }
        }
    };
    if extensions.is_empty() {
        return Some(format!(
            "there is no extension '{exten}' in [{called}] to go to."
        ));
    }
    let Part::Is(priority) = &target.priority else {
        return None;
    };
    missing(&extensions, from, priority)
        .map(|what| format!("there is no {what} of '{exten}' in [{called}] to go to."))
        .map(|text| text + &hint(&extensions, priority))
}

/// Every extension that a search in the contexts may meet.
fn everything<'p>(ground: &Ground<'p>, contexts: &[&str]) -> Vec<&'p Extension> {
    let reached = contexts.iter().flat_map(|context| ground.reach(context));
    reached
        .flat_map(|reached| reached.context.extensions())
        .collect()
}

/// The priority or label that none of the extensions has.
fn missing(extensions: &[&Extension], from: Place<'_>, text: &str) -> Option<String> {
    let has = |seek: Seek<'_>| {
        let found = |extension: &&Extension| match seek {
            Seek::Priority(wanted) => {
                let mut all = extension.instructions().iter();
                all.any(|instruction| instruction.priority == wanted)
            }
            Seek::Label(wanted) => {
                let mut all = extension.instructions().iter();
                all.any(|instruction| instruction.label.as_deref() == Some(wanted))
            }
        };
        extensions.iter().any(found)
    };
    let priority = number(text, from.instruction.priority);
    match priority {
        Some(priority) if has(Seek::Priority(priority)) => None,
        Some(priority) => Some(format!("priority {priority}")),
        None if has(Seek::Label(text)) => None,
        None => Some(format!("label '{text}'")),
    }
}

/// A priority that is a number, or one relative to the line's own.
pub(super) fn number(text: &str, own: u32) -> Option<u32> {
    if let Some(more) = text.strip_prefix('+') {
        return own.checked_add(more.parse().ok()?);
    }
    if let Some(less) = text.strip_prefix('-') {
        return own.checked_sub(less.parse().ok()?);
    }
    text.parse().ok()
}

fn hint(extensions: &[&Extension], label: &str) -> String {
    let instructions = extensions
        .iter()
        .flat_map(|extension| extension.instructions());
    let labels = instructions.filter_map(|instruction| instruction.label.as_deref());
    did_you_mean(label, labels)
}
