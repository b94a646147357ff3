//! `GLOBAL(name)` and `SHARED(name[,channel])`: variables of all calls, and of
//! all channels of one.

use super::super::inquiry::Inquiry;
use super::super::state::Scope;
use super::super::step::Step;

pub(super) fn read(scope: &Scope<'_>, arguments: &str) -> String {
    let value = scope.global(arguments.trim());
    value.unwrap_or_default().into_owned()
}

/// It holds here at once, and for calls of other shards as soon as a message
/// gets there.
pub(super) fn write(step: &mut Step<'_>, arguments: &str, value: &str) -> Option<Inquiry> {
    if !step.channels.set_global(arguments.trim(), value) {
        step.warn("globals-full", || {
            format!("Set: there is no room for the global {arguments}")
        });
    }
    None
}

/// Channels of other calls are out of reach: what is set for them is known
/// within this call.
pub(super) fn read_shared(scope: &Scope<'_>, arguments: &str) -> String {
    let value = scope.channels.shared(&key(scope, arguments));
    value.unwrap_or_default().into_owned()
}

pub(super) fn write_shared(step: &mut Step<'_>, arguments: &str, value: &str) -> Option<Inquiry> {
    let key = key(&step.scope(), arguments);
    if !step.channels.share(&key, value) {
        step.warn("variables-full", || {
            format!("there is no room for the value of SHARED({arguments})")
        });
    }
    None
}

/// A name and its channel, this one unless another is named.
fn key(scope: &Scope<'_>, arguments: &str) -> String {
    let (name, channel) = arguments.split_once(',').unwrap_or((arguments, ""));
    match channel.trim() {
        "" => {
            let own = scope.variable("CHANNEL").unwrap_or_default();
            format!("{},{own}", name.trim())
        }
        channel => format!("{},{channel}", name.trim()),
    }
}
