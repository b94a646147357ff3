//! `HASH(name,key)` and `HASHKEYS(name)`: associative arrays, kept in
//! variables as Asterisk names them, so that they are inherited like others.

use super::super::arguments::split;
use super::super::inquiry::Inquiry;
use super::super::state::Scope;
use super::super::step::Step;

/// The variable that holds the names which go with a list of values, for
/// `Set(HASH(name)=…)`.
pub(super) const FIELDS: &str = "~ODBCFIELDS~";

/// `${HASH(name,key)}`, or all values by `${HASH(name)}`, which remembers the
/// keys they belong to.
pub(super) fn read(step: &mut Step<'_>, arguments: &str) -> String {
    let parts = split(arguments, 2);
    match parts.as_slice() {
        [name, key] => value(&step.scope(), name, key),
        [name] => {
            let keys = keys(&step.scope(), name);
            let values: Vec<_> = split(&keys, usize::MAX)
                .iter()
                .map(|key| value(&step.scope(), name, key))
                .collect();
            step.set(FIELDS, &keys);
            values.join(",")
        }
        _ => String::new(),
    }
}

/// `Set(HASH(name,key)=value)`; `Set(HASH(name)=values)` sets those of the
/// keys last read. Underscores before the name make the values inherited.
pub(super) fn write(step: &mut Step<'_>, arguments: &str, value: &str) -> Option<Inquiry> {
    let parts = split(arguments, 2);
    match parts.as_slice() {
        [name, key] => step.set(&variable(name, key), value),
        [name] => {
            let keys = step
                .scope()
                .variable(FIELDS)
                .unwrap_or_default()
                .into_owned();
            let mut values = split(value, usize::MAX).into_iter();
            for key in split(&keys, usize::MAX) {
                let value = values.next().unwrap_or_default();
                step.set(&variable(name, &key), &value);
            }
        }
        _ => {}
    }
    None
}

/// `${HASHKEYS(name)}`: the keys, the youngest first, joined by commas.
pub(super) fn keys(scope: &Scope<'_>, arguments: &str) -> String {
    let prefix = format!("~HASH~{arguments}~");
    let key = |name: &'_ str| -> Option<String> {
        let (start, key) = name.split_at_checked(prefix.len())?;
        let matches = start.eq_ignore_ascii_case(&prefix);
        matches.then(|| key.strip_suffix('~').unwrap_or(key).into())
    };
    let variables = scope.state.variables.iter();
    let keys: Vec<_> = variables.rev().filter_map(|(name, _)| key(name)).collect();
    keys.join(",")
}

fn value(scope: &Scope<'_>, name: &str, key: &str) -> String {
    let value = scope.variable(&variable(name, key));
    value.unwrap_or_default().into_owned()
}

/// The variable an element lives in.
fn variable(name: &str, key: &str) -> String {
    let bare = name.strip_prefix("__").or(name.strip_prefix('_'));
    let bare = bare.unwrap_or(name);
    let heritage = name.strip_suffix(bare).unwrap_or("");
    format!("{heritage}~HASH~{bare}~{key}~")
}
