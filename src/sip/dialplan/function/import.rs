//! `IMPORT(channel,variable)` and `MASTER_CHANNEL(variable)`: variables of the
//! channel a plan runs on, by its name or without it.

use super::super::inquiry::Inquiry;
use super::super::state::Scope;
use super::super::step::Step;

/// Every other channel is out of reach; its variables are empty.
pub(in super::super) fn read(scope: &Scope<'_>, arguments: &str) -> String {
    let (channel, name) = arguments.split_once(',').unwrap_or((arguments, ""));
    let (channel, name) = (channel.trim(), name.trim());
    let own = scope.variable("CHANNEL").is_some_and(|own| own == channel);
    let value = own.then(|| scope.variable(name)).flatten();
    value.unwrap_or_default().into_owned()
}

/// The channel a plan runs on is the one its call was made by.
pub(super) fn master(scope: &Scope<'_>, arguments: &str) -> String {
    let value = scope.variable(arguments.trim());
    value.unwrap_or_default().into_owned()
}

pub(super) fn set_master(step: &mut Step<'_>, arguments: &str, value: &str) -> Option<Inquiry> {
    step.set(arguments.trim(), value);
    None
}
