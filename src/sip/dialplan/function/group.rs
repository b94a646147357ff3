//! `GROUP([category])`, `GROUP_COUNT([group][@category])`,
//! `GROUP_MATCH_COUNT(pattern[@pattern])` and `GROUP_LIST()`: how many calls
//! are of one kind, over all shards.
//!
//! A channel joins before it counts: of calls that race for a last place, each
//! counts at least those that came before it.

use smol_str::SmolStr;

use super::super::inquiry::{Count, Hold, Inquiry, Reply};
use super::super::state::Scope;
use super::super::step::Step;

/// Longest group and category, in bytes.
const LONGEST: usize = 79;

/// The group of that category; the first one if none is named.
pub(super) fn read(scope: &Scope<'_>, arguments: &str) -> String {
    let wanted = arguments.trim();
    let groups = scope.channels.groups();
    let named = |category: &str| wanted.is_empty() || category.eq_ignore_ascii_case(wanted);
    let found = groups.iter().find(|(_, category)| named(category));
    found.map_or(String::new(), |(group, _)| group.to_string())
}

/// An empty name leaves the category's group.
pub(super) fn write(_: &mut Step<'_>, arguments: &str, value: &str) -> Option<Inquiry> {
    let (group, category) = match value.split_once('@') {
        Some((group, category)) if arguments.is_empty() => (group, category),
        _ => (value, arguments),
    };
    let hold = Hold::Group {
        group: short(group),
        category: short(category),
    };
    Some(Inquiry::Take { hold, wait: false })
}

/// Without a group it is the channel's own.
pub(super) fn ask_count(step: &mut Step<'_>, arguments: &str) -> Result<Inquiry, String> {
    let (mut group, mut category) = split(arguments);
    if group.is_empty() {
        let own = step
            .channels
            .groups()
            .into_iter()
            .find(|(_, known)| category.is_empty() || known.eq_ignore_ascii_case(&category));
        (group, category) = own.ok_or_else(String::new)?;
    }
    Ok(count(group, category, false))
}

pub(super) fn ask_match(_: &mut Step<'_>, arguments: &str) -> Result<Inquiry, String> {
    match split(arguments) {
        (group, _) if group.is_empty() => Err("0".into()),
        (group, category) => Ok(count(group, category, true)),
    }
}

pub(super) fn tell_count(step: &mut Step<'_>, arguments: &str, reply: Reply) -> String {
    reply.text().unwrap_or_else(|| {
        step.warn("groups", || {
            format!("the group {arguments} could not be counted")
        });
        String::new()
    })
}

/// `group@category group`, in the order they were joined.
pub(super) fn list(scope: &Scope<'_>, _: &str) -> String {
    let groups = scope.channels.groups();
    let shown: Vec<String> = groups
        .iter()
        .map(|(group, category)| match category.is_empty() {
            true => group.to_string(),
            false => format!("{group}@{category}"),
        })
        .collect();
    shown.join(" ")
}

/// `group[@category]`.
fn split(text: &str) -> (SmolStr, SmolStr) {
    let (group, category) = text.split_once('@').unwrap_or((text, ""));
    (short(group), short(category))
}

/// The group and category the channels of a `Dial` shall be in: those of
/// `OUTBOUND_GROUP_ONCE`, which is spent, or of `OUTBOUND_GROUP`.
pub(in super::super) fn outbound(step: &mut Step<'_>) -> Option<(SmolStr, SmolStr)> {
    let variables = &mut step.state.variables;
    let once = variables.value("OUTBOUND_GROUP_ONCE").map(split);
    if once.is_some() {
        variables.remove("OUTBOUND_GROUP_ONCE");
    }
    once.or_else(|| variables.value("OUTBOUND_GROUP").map(split))
        .filter(|(group, _)| !group.is_empty())
}

fn short(name: &str) -> SmolStr {
    let ends = name
        .char_indices()
        .map(|(at, _)| at)
        .take_while(|&at| at <= LONGEST);
    match name.len() <= LONGEST {
        true => name.into(),
        false => name
            .get(..ends.last().unwrap_or(0))
            .unwrap_or_default()
            .into(),
    }
}

fn count(group: SmolStr, category: SmolStr, patterns: bool) -> Inquiry {
    Inquiry::Count(Box::new(Count {
        group,
        category,
        patterns,
    }))
}

#[cfg(test)]
mod tests;
