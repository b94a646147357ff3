//! `LOCAL(name)` and `LOCAL_PEEK(n,name)`: variables of a subroutine.

use super::super::arguments::trimmed;
use super::super::inquiry::Inquiry;
use super::super::state::Scope;
use super::super::step::Step;

/// Empty unless the innermost subroutine has a variable of its own of that
/// name.
pub(super) fn read(scope: &Scope<'_>, arguments: &str) -> String {
    let name = trimmed(arguments);
    let frames = scope.state.frames.as_ref();
    let own = frames.and_then(|frames| frames.top()?.owns(name).then_some(()));
    own.and_then(|()| scope.state.variables.value(name))
        .unwrap_or_default()
        .into()
}

/// Until the subroutine returns; outside of any it is refused.
pub(super) fn write(step: &mut Step<'_>, arguments: &str, value: &str) -> Option<Inquiry> {
    let name = trimmed(arguments);
    if step.frame().is_some() {
        step.set_local(name, value);
    } else {
        let at = step.here();
        step.warn("arguments", || {
            format!("{at}: LOCAL({name}) is set outside of any Gosub")
        });
    }
    None
}

/// The value behind `n` others of that name: 0 is the one at hand.
pub(super) fn peek(scope: &Scope<'_>, arguments: &str) -> String {
    let (n, name) = arguments.split_once(',').unwrap_or(("0", arguments));
    let name = name.trim();
    let hidden = scope.state.frames.iter();
    let hidden = hidden.flat_map(|frames| frames.hidden(name));
    let mut values = scope.state.variables.value(name).into_iter().chain(hidden);
    let n = n.trim().parse().unwrap_or(0);
    values.nth(n).unwrap_or_default().into()
}
