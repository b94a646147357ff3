//! `CHANNEL(item)`: the channel a plan runs on.

use super::super::inquiry::Inquiry;
use super::super::state::Scope;
use super::super::step::Step;
use super::super::variables::Full;
use crate::config::AmaFlags;

/// What was set comes first, then what the technology knows.
pub(super) fn read(scope: &Scope<'_>, arguments: &str) -> String {
    let item = arguments.split(',').next().unwrap_or("").trim();
    let item = item.to_ascii_lowercase();
    let record = scope.state.record();
    if let Some(set) = record.and_then(|record| record.setting(&item)) {
        return set.into();
    }
    if let Some(told) = scope.channels.read("CHANNEL", arguments) {
        return told;
    }
    let variable = |name| scope.variable(name).unwrap_or_default().into_owned();
    match item.as_str() {
        "name" => variable("CHANNEL"),
        "uniqueid" => variable("UNIQUEID"),
        "linkedid" => variable("LINKEDID"),
        "context" => variable("CONTEXT"),
        "exten" => variable("EXTEN"),
        "state" if scope.channels.is_answered() => "Up".into(),
        "state" => "Ring".into(),
        "checkhangup" => u8::from(scope.state.ending.is_some()).to_string(),
        "amaflags" => AmaFlags::default().number().into(),
        "language" => "en".into(),
        "musicclass" => "default".into(),
        _ => String::new(),
    }
}

/// Items of the channel itself can be set; what the technology or media decide
/// cannot.
pub(super) fn write(step: &mut Step<'_>, arguments: &str, value: &str) -> Option<Inquiry> {
    let item = arguments.trim();
    if super::handler::write(step, item, value) {
        return None;
    }
    let value = match item.eq_ignore_ascii_case("amaflags") {
        true => AmaFlags::parse(value).map_or(value, |flags| flags.number()),
        false => value,
    };
    let doubt = match step.state.record_mut().set(item, value) {
        Ok(true) => return None,
        Ok(false) => "cannot be set",
        Err(Full) => "takes no value as long as this",
    };
    let at = step.here();
    step.warn("no-function", || format!("{at}: CHANNEL({item}) {doubt}"));
    None
}

#[cfg(test)]
mod tests;
