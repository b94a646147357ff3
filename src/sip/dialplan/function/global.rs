//! `GLOBAL(name)` and `SHARED(name[,channel])`: variables of all calls, and those
//! of one channel that all others may read and set.

use super::super::foreign::{Foreign, Wish};
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

/// That of the channel the plan runs on; another's would have to be asked for.
pub(super) fn own_shared(scope: &Scope<'_>, arguments: &str) -> String {
    match holder(scope, arguments) {
        Holder::Own(key) => at_hand(scope, &key),
        Holder::Other(..) => String::new(),
    }
}

fn at_hand(scope: &Scope<'_>, key: &str) -> String {
    scope.channels.shared(key).unwrap_or_default().into_owned()
}

pub(super) fn ask_shared(step: &mut Step<'_>, arguments: &str) -> Result<Inquiry, String> {
    match holder(&step.scope(), arguments) {
        Holder::Own(key) => Err(at_hand(&step.scope(), &key)),
        Holder::Other(name, channel) => {
            let foreign = Foreign::new(&channel, Wish::Shared(name.into()));
            foreign.map(Inquiry::Foreign).ok_or_else(String::new)
        }
    }
}

pub(super) fn write_shared(step: &mut Step<'_>, arguments: &str, value: &str) -> Option<Inquiry> {
    match holder(&step.scope(), arguments) {
        Holder::Own(key) => {
            if !step.channels.share(&key, value) {
                step.warn("variables-full", || {
                    format!("there is no room for the value of SHARED({arguments})")
                });
            }
            None
        }
        Holder::Other(name, channel) => {
            let foreign = Foreign::new(&channel, Wish::Share(name.into(), value.into()));
            if foreign.is_none() {
                step.warn("arguments", || {
                    format!("Set: no channel is called '{channel}', as SHARED({arguments}) says")
                });
            }
            foreign.map(Inquiry::Foreign)
        }
    }
}

/// Whose variable of `SHARED` is meant.
enum Holder {
    /// That of the channel the plan runs on, by its key.
    Own(String),
    /// A name, and another channel.
    Other(String, String),
}

fn holder(scope: &Scope<'_>, arguments: &str) -> Holder {
    let (name, channel) = arguments.split_once(',').unwrap_or((arguments, ""));
    let (name, channel) = (name.trim(), channel.trim());
    if channel.is_empty() || scope.is_own(channel) {
        let own = scope.variable("CHANNEL").unwrap_or_default();
        Holder::Own(shared_key(name, &own))
    } else {
        Holder::Other(name.into(), channel.into())
    }
}

/// What a variable of `SHARED` is kept by: its name and its channel's.
pub fn shared_key(name: &str, channel: &str) -> String {
    format!("{name},{channel}")
}
