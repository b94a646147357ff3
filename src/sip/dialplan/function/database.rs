//! The AstDB: `DB(family/key)`, `DB_EXISTS`, `DB_DELETE`, `DB_KEYS(family)`, and
//! `BLACKLIST()` of callers in family `blacklist`.
//!
//! A value that was read is in `DB_RESULT`, too.

use super::super::inquiry::{Entry, Inquiry, Reply, Verb};
use super::super::step::Step;

pub(super) fn ask(step: &mut Step<'_>, arguments: &str) -> Result<Inquiry, String> {
    match path(step, arguments) {
        Some(path) => Ok(entry(path, Verb::Read)),
        None => Err(String::new()),
    }
}

pub(super) fn ask_delete(step: &mut Step<'_>, arguments: &str) -> Result<Inquiry, String> {
    match path(step, arguments) {
        Some(path) => Ok(entry(path, Verb::Remove)),
        None => Err(String::new()),
    }
}

pub(super) fn tell(step: &mut Step<'_>, arguments: &str, reply: Reply) -> String {
    complain(step, arguments, &reply);
    let value = reply.text().unwrap_or_default();
    step.set("DB_RESULT", &value);
    value
}

pub(super) fn tell_exists(step: &mut Step<'_>, arguments: &str, reply: Reply) -> String {
    complain(step, arguments, &reply);
    match reply.text() {
        Some(value) => {
            step.set("DB_RESULT", &value);
            "1".into()
        }
        None => "0".into(),
    }
}

pub(super) fn write(step: &mut Step<'_>, arguments: &str, value: &str) -> Option<Inquiry> {
    let path = path(step, arguments)?;
    Some(entry(path, Verb::Write(value.into())))
}

/// The value it is set to does not matter.
pub(super) fn delete(step: &mut Step<'_>, arguments: &str, _: &str) -> Option<Inquiry> {
    let path = path(step, arguments)?;
    Some(entry(path, Verb::Remove))
}

/// Families themselves are not listed: they are spread over the shards.
pub(super) fn ask_keys(step: &mut Step<'_>, arguments: &str) -> Result<Inquiry, String> {
    match arguments.trim_matches('/') {
        "" => {
            step.warn("arguments", || {
                "DB_KEYS needs a family: families are not listed here".into()
            });
            Err(String::new())
        }
        path => Ok(entry(path, Verb::Names)),
    }
}

pub(super) fn tell_keys(step: &mut Step<'_>, arguments: &str, reply: Reply) -> String {
    complain(step, arguments, &reply);
    reply.text().unwrap_or_default()
}

/// `1` where the caller's number or name is a key of family `blacklist`.
pub(super) fn ask_blacklist(step: &mut Step<'_>, _: &str) -> Result<Inquiry, String> {
    let known = [&step.state.number, &step.state.name];
    let known = known.into_iter().filter(|text| !text.is_empty());
    let keys: Vec<Box<str>> = known.map(|text| Box::from(&**text)).collect();
    match keys.is_empty() {
        true => Err("0".into()),
        false => Ok(entry("blacklist", Verb::HasAny(keys))),
    }
}

pub(super) fn tell_blacklist(_: &mut Step<'_>, _: &str, reply: Reply) -> String {
    if reply.text().is_some() { "1" } else { "0" }.into()
}

fn entry(path: &str, verb: Verb) -> Inquiry {
    Inquiry::Entry(Box::new(Entry {
        path: path.into(),
        verb,
    }))
}

/// `family/key`, both given.
fn path<'a>(step: &mut Step<'_>, arguments: &'a str) -> Option<&'a str> {
    let path = arguments.trim();
    match path.split_once('/') {
        Some((family, key)) if !family.is_empty() && !key.is_empty() => Some(path),
        _ => {
            step.warn("arguments", || {
                format!("'{path}' is not family/key, as DB and its kin need it")
            });
            None
        }
    }
}

fn complain(step: &mut Step<'_>, arguments: &str, reply: &Reply) {
    if *reply == Reply::Failed {
        step.warn("astdb", || {
            format!("'{arguments}' of the AstDB could not be asked for")
        });
    }
}

#[cfg(test)]
mod tests;
