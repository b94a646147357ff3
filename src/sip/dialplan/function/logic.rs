//! `EXISTS(x)`, `ISNULL(x)`, `IF(condition?then:else)` and `GLOBAL(name)`.

use super::super::state::Scope;
use super::super::step::holds;

pub(super) fn exists(_: &Scope<'_>, arguments: &str) -> String {
    truth(!arguments.is_empty())
}

pub(super) fn is_null(_: &Scope<'_>, arguments: &str) -> String {
    truth(arguments.is_empty())
}

/// The branches lose outer blanks and quotes.
pub(super) fn choose(_: &Scope<'_>, arguments: &str) -> String {
    let (condition, branches) = arguments.split_once('?').unwrap_or((arguments, ""));
    let (then, otherwise) = branches.split_once(':').unwrap_or((branches, ""));
    let branch = if holds(condition.trim()) {
        then
    } else {
        otherwise
    }
    .trim();
    let bare = branch
        .strip_prefix('"')
        .and_then(|branch| branch.strip_suffix('"'));
    bare.unwrap_or(branch).into()
}

pub(super) fn global(scope: &Scope<'_>, arguments: &str) -> String {
    scope.plan.global(arguments.trim()).unwrap_or("").into()
}

fn truth(yes: bool) -> String {
    if yes { "1" } else { "0" }.into()
}
