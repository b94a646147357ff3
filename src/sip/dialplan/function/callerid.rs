//! `CALLERID(num|name|all)`: who calls, and whom callees shall see.

use super::super::inquiry::Inquiry;
use super::super::state::Scope;
use super::super::step::Step;

pub(super) fn read(scope: &Scope<'_>, arguments: &str) -> String {
    let (name, number) = (&scope.state.name, &scope.state.number);
    match field(arguments).as_str() {
        "name" => String::from(&**name),
        "num" | "number" | "ani" => String::from(&**number),
        "all" => format!("\"{name}\" <{number}>"),
        _ => String::new(),
    }
}

pub(super) fn write(step: &mut Step<'_>, arguments: &str, value: &str) -> Option<Inquiry> {
    let value = value.trim();
    match field(arguments).as_str() {
        "name" => step.state.name = value.into(),
        "num" | "number" => step.state.number = value.into(),
        "all" => {
            let (name, number) = match value.rsplit_once('<') {
                Some((name, number)) => (
                    name.trim().trim_matches('"'),
                    number.trim_end_matches('>').trim(),
                ),
                None => ("", value),
            };
            step.state.name = name.into();
            step.state.number = number.into();
        }
        other => {
            step.warn("no-function", || {
                format!("Set: CALLERID({other}) cannot be set")
            });
            return None;
        }
    }
    if !step.channels.present(&step.state.number, &step.state.name) {
        step.warn("callerid", || {
            "Set: CALLERID changes nothing for callees here".into()
        });
    }
    None
}

/// `num,…` as `num`.
fn field(arguments: &str) -> String {
    arguments
        .split(',')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase()
}
