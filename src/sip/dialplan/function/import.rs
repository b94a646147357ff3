//! `IMPORT(channel,variable)` and `MASTER_CHANNEL(variable)`: variables of
//! another channel, and of the one that a call was made by.

use super::super::foreign::{Foreign, Wish};
use super::super::inquiry::{Inquiry, Reply};
use super::super::state::Scope;
use super::super::step::Step;

/// The channel's own variables are at hand.
pub(in super::super) fn ask(step: &mut Step<'_>, arguments: &str) -> Result<Inquiry, String> {
    let (channel, name) = arguments.split_once(',').unwrap_or((arguments, ""));
    let (channel, name) = (channel.trim(), name.trim());
    let scope = step.scope();
    if scope.is_own(channel) {
        return Err(scope.value_at_once(name));
    }
    let foreign = Foreign::new(channel, Wish::Variable(name.into()));
    foreign.map(Inquiry::Foreign).ok_or_else(String::new)
}

pub(in super::super) fn tell(_: &mut Step<'_>, _: &str, reply: Reply) -> String {
    reply.text().unwrap_or_default()
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
