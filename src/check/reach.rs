//! Lines that no call comes to: extensions whose calls all go to another one
//! that is tried before, and priorities that nothing leads to. Where only a
//! call could tell, nothing is found.

use std::collections::HashSet;
use std::ptr;

use pinion_sip::dialplan::{Context, Extension, Match};

use super::ground::{Ground, Place, position};
use super::jumps::number;
use super::target::{Part, targets};
use super::{Finding, Severity};

/// Where jumps lead, as far as that is literal.
#[derive(Default)]
struct Jumps {
    contexts: HashSet<String>,
    priorities: HashSet<u32>,
    labels: HashSet<String>,
    /// Some jump's context is found out in the call.
    to_any_context: bool,
    /// Some jump's priority is.
    to_any_priority: bool,
}

/// Finds what is never reached. `entries` are the contexts that calls come in
/// at; with none, calls may come in at each.
pub(super) fn lint(
    ground: &Ground<'_>,
    entries: Option<HashSet<String>>,
    findings: &mut Vec<Finding>,
) {
    let jumps = jumps(ground);
    let entries = entries.filter(|_| !jumps.to_any_context);
    shadows(ground, &roots(ground, &jumps, entries), findings);
    if !jumps.to_any_priority {
        gaps(ground, &jumps, findings);
    }
}

fn jumps(ground: &Ground<'_>) -> Jumps {
    let mut jumps = Jumps::default();
    for Place { instruction, .. } in ground.places() {
        for target in targets(&instruction.application, &instruction.arguments) {
            match target.context {
                Part::Here => {}
                Part::Unknown => jumps.to_any_context = true,
                Part::Is(name) => drop(jumps.contexts.insert(name)),
            }
            match target.priority {
                Part::Is(text) => match number(&text, instruction.priority) {
                    Some(priority) => drop(jumps.priorities.insert(priority)),
                    None => drop(jumps.labels.insert(text)),
                },
                Part::Unknown if target.exten != Part::Unknown => jumps.to_any_priority = true,
                _ => {}
            }
        }
    }
    jumps
}

/// The contexts in which searches begin: the entries, those that jumps name,
/// and those that nobody includes.
fn roots<'p>(
    ground: &Ground<'p>,
    jumps: &Jumps,
    entries: Option<HashSet<String>>,
) -> Vec<&'p Context> {
    let begins = |context: &&Context| match &entries {
        None => true,
        Some(entries) => {
            entries.contains(context.name())
                || jumps.contexts.contains(context.name())
                || ground.surroundings(context).len() == 1
        }
    };
    ground.plan.contexts().iter().filter(begins).collect()
}

/// Extensions that another one hides in every search that comes to them.
fn shadows(ground: &Ground<'_>, roots: &[&Context], findings: &mut Vec<Finding>) {
    let mut reached: HashSet<*const Extension> = HashSet::new();
    let mut hidden: Vec<(&Context, &Extension, &Extension)> = Vec::new();
    for root in roots {
        // What can hide others, in the order it is tried.
        let mut before: Vec<&Extension> = Vec::new();
        for visit in ground.reach(root.name()) {
            let earlier = before.len();
            for extension in visit.context.extensions() {
                let mut able = before.iter().enumerate().filter(|(at, other)| {
                    // Within a context only an open end is tried before what it covers.
                    *at < earlier || other.pattern().as_str().ends_with('!')
                });
                match able.find(|(_, other)| hides(other, extension)) {
                    Some((_, other)) => hidden.push((visit.context, extension, other)),
                    None => drop(reached.insert(ptr::from_ref(extension))),
                }
                if visit.always {
                    before.push(extension);
                }
            }
        }
    }
    for (context, extension, other) in hidden {
        let first = extension.instructions().first();
        let Some(first) = first.filter(|_| !reached.contains(&ptr::from_ref(extension))) else {
            continue;
        };
        let at = other.instructions().first().map_or("", |first| &first.at);
        findings.push(Finding {
            at: position(first),
            severity: Severity::Warning,
            text: format!(
                "'{}' of [{}] is never reached: '{}' at {at} is tried before and takes all its calls.",
                extension.pattern().as_str(),
                context.name(),
                other.pattern().as_str(),
            ),
        });
    }
}

/// Whether an extension that is tried before leaves nothing to another.
fn hides(before: &Extension, extension: &Extension) -> bool {
    let same_callers = before.caller().is_none() || before.caller() == extension.caller();
    let has = |priority: u32| {
        let mut all = before.instructions().iter();
        all.any(|instruction| instruction.priority == priority)
    };
    same_callers
        && !extension.instructions().is_empty()
        && before.pattern().covers(extension.pattern())
        && extension
            .instructions()
            .iter()
            .all(|instruction| has(instruction.priority))
}

/// Priorities above 1 without one before them, that nothing jumps to.
fn gaps(ground: &Ground<'_>, jumps: &Jumps, findings: &mut Vec<Finding>) {
    for Place {
        context,
        extension,
        instruction,
    } in ground.places()
    {
        let priority = instruction.priority;
        let jumped_to = jumps.priorities.contains(&priority)
            || (instruction.label.as_ref()).is_some_and(|label| jumps.labels.contains(&**label));
        if priority == 1 || jumped_to || is_led_to(ground, context, extension, priority - 1) {
            continue;
        }
        findings.push(Finding {
            at: position(instruction),
            severity: Severity::Warning,
            text: format!(
                "priority {priority} of '{}' is never reached: there is no priority {}, and nothing jumps here.",
                extension.pattern().as_str(),
                priority - 1
            ),
        });
    }
}

/// Whether a call that is in this extension may have run a priority, of its own
/// or of another that matches the same.
fn is_led_to(ground: &Ground<'_>, context: &Context, extension: &Extension, priority: u32) -> bool {
    let has = |other: &Extension| {
        let mut all = other.instructions().iter();
        all.any(|instruction| instruction.priority == priority)
    };
    if has(extension) {
        return true;
    }
    let around = ground.surroundings(context);
    let mut reached = around
        .iter()
        .flat_map(|context| ground.reach(context.name()));
    reached.any(|reached| {
        let mut others = reached.context.extensions().iter();
        others.any(|other| has(other) && meet(extension, other))
    })
}

/// Whether something may match both.
fn meet(one: &Extension, other: &Extension) -> bool {
    let (one, other) = (one.pattern(), other.pattern());
    match (one.is_pattern(), other.is_pattern()) {
        (true, true) => true,
        (true, false) => one.matches(other.as_str()) == Match::Yes,
        (false, _) => other.matches(one.as_str()) == Match::Yes,
    }
}
