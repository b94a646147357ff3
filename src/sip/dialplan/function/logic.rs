//! `EXISTS`, `ISNULL`, `IF`, `IFTIME` and `SET`.

use super::super::arguments::first;
use super::super::schedule::Schedule;
use super::super::state::Scope;
use super::super::step::{Step, holds};
use super::truth;

/// `EXISTS(text)`: whether there is a text.
pub(super) fn exists(_: &Scope<'_>, arguments: &str) -> String {
    truth(!arguments.is_empty())
}

/// `ISNULL(text)`: whether there is none.
pub(super) fn is_null(_: &Scope<'_>, arguments: &str) -> String {
    truth(arguments.is_empty())
}

/// `IF(condition?then:otherwise)`. The condition and the first branch lose
/// quotes and backslashes, the second keeps them; `?` and `:` within
/// parentheses, brackets and quotes do not count.
pub(super) fn choose(step: &mut Step<'_>, arguments: &str) -> String {
    let (condition, branches) = first(arguments, '?', true);
    let branches = branches.unwrap_or("");
    if condition.is_empty() || branches.is_empty() {
        step.warn("arguments", || {
            format!("IF({arguments}): a condition and a branch are needed")
        });
        return String::new();
    }
    let (then, otherwise) = first(branches, ':', true);
    match holds(condition.trim()) {
        true => then.trim().into(),
        false => otherwise.unwrap_or("").trim().into(),
    }
}

/// `IFTIME(times,weekdays,mdays,months[,timezone]?then:otherwise)`. Branches
/// lose outer blanks and quotes.
pub(super) fn choose_by_time(step: &mut Step<'_>, arguments: &str) -> String {
    let (schedule, branches) = unquoted(arguments).split_once('?').unwrap_or_default();
    if schedule.is_empty() || branches.is_empty() {
        step.warn("arguments", || {
            format!("IFTIME({arguments}): a time and a branch are needed")
        });
        return String::new();
    }
    let (then, otherwise) = branches.split_once(':').unwrap_or((branches, ""));
    let schedule = Schedule::parse(schedule);
    for fault in schedule.faults() {
        step.warn("arguments", || format!("IFTIME: {fault}"));
    }
    let applies = schedule.applies(step.state.time(step.now()), step.plan.zone());
    unquoted(if applies { then } else { otherwise }).into()
}

/// `${SET(name=value)}`: sets a variable and yields its value.
pub(super) fn set(step: &mut Step<'_>, arguments: &str) -> String {
    let Some((name, value)) = arguments
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
    else {
        step.warn("arguments", || {
            format!("SET({arguments}): name=value is needed")
        });
        return String::new();
    };
    let value = value.trim();
    step.assign_at_once(name.trim(), value);
    value.into()
}

/// A text without blanks and quotes around it.
fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let bare = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    bare.unwrap_or(text)
}
