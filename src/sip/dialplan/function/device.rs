//! `DEVICE_STATE(device)`: whether a device can take a call. That of `Custom:x`
//! is what a plan sets it to, kept in family `CustomDevstate` of the AstDB.

use super::super::inquiry::{DEVICE_STATES, Entry, Inquiry, Reply, Verb};
use super::super::step::Step;

pub(super) fn ask(_: &mut Step<'_>, arguments: &str) -> Result<Inquiry, String> {
    let device = arguments.trim();
    match custom(device) {
        _ if device.is_empty() => Err("INVALID".into()),
        Some(name) => Ok(entry(name, Verb::Read)),
        None => Ok(Inquiry::Device(device.into())),
    }
}

pub(super) fn tell(_: &mut Step<'_>, arguments: &str, reply: Reply) -> String {
    let text = reply.text().unwrap_or_default();
    if custom(arguments.trim()).is_none() && !text.is_empty() {
        return text;
    }
    let state = DEVICE_STATES
        .iter()
        .find(|state| state.eq_ignore_ascii_case(&text));
    state.map_or("UNKNOWN", |state| *state).into()
}

pub(super) fn write(step: &mut Step<'_>, arguments: &str, value: &str) -> Option<Inquiry> {
    match custom(arguments.trim()) {
        Some(name) if !name.is_empty() => Some(entry(name, Verb::Write(value.trim().into()))),
        _ => {
            step.warn("arguments", || {
                format!("Set: the state of '{arguments}' is its own; only Custom: devices are set")
            });
            None
        }
    }
}

/// The name after `Custom:`.
fn custom(device: &str) -> Option<&str> {
    let (kind, name) = device.split_once(':')?;
    kind.eq_ignore_ascii_case("Custom").then_some(name)
}

fn entry(name: &str, verb: Verb) -> Inquiry {
    Inquiry::Entry(Box::new(Entry {
        path: format!("CustomDevstate/{name}").into(),
        verb,
    }))
}
