//! `SIPAddHeader`, `SIPRemoveHeader` and `SIPDtmfMode`: what INVITEs sent from
//! now on carry.

use super::super::arguments::decoded_text;
use super::super::step::{Next, Step};
use super::complain;

/// The most header fields one call may add.
const MOST: usize = 50;

/// Names the variables they are kept in, with their numbers behind.
const VARIABLE: &str = "SIPADDHEADER";

/// `SIPAddHeader(name: value)`: kept in `__SIPADDHEADER01` and so on, which
/// every channel rung from now on inherits. Backslashes escape as in C. What
/// would end the line is left out: a header field cannot bring another.
pub(super) fn add(step: &mut Step<'_>, arguments: &str) -> Next {
    if arguments.trim().is_empty() {
        complain(step, "SIPAddHeader", "there is no header");
        return Next::Continue;
    }
    let names = (1..=MOST).map(|number| format!("{VARIABLE}{number:02}"));
    let mut free = names.filter(|name| step.state.variables.value(name).is_none());
    match free.next() {
        Some(name) => step.set(&["__", &name].concat(), &unescape(arguments)),
        None => complain(step, "SIPAddHeader", "there are 50 already"),
    }
    Next::Continue
}

/// `SIPRemoveHeader([start])`: forgets those that begin so, in any case; all
/// without an argument.
pub(super) fn remove(step: &mut Step<'_>, start: &str) -> Next {
    let variables = &mut step.state.variables;
    let begins = |value: &str| {
        let head = value.as_bytes().get(..start.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
    };
    let gone: Vec<String> = variables
        .iter()
        .filter(|(name, value)| name.starts_with(VARIABLE) && begins(value))
        .map(|(name, _)| name.into())
        .collect();
    for name in gone {
        variables.remove(&name);
    }
    Next::Continue
}

/// `SIPDtmfMode(mode)`: checked, and without effect: media are the devices'.
pub(super) fn dtmf_mode(step: &mut Step<'_>, mode: &str) -> Next {
    let known = ["info", "inband", "rfc2833", "auto"];
    if !known
        .iter()
        .any(|known| known.eq_ignore_ascii_case(mode.trim()))
    {
        complain(step, "SIPDtmfMode", "write info, inband, rfc2833 or auto");
    }
    Next::Continue
}

/// What stands for other characters does so (`ast_get_encoded_str`); what ends a
/// line is dropped.
fn unescape(text: &str) -> String {
    let mut result = decoded_text(text);
    result.retain(|character| !matches!(character, '\r' | '\n' | '\0'));
    result
}

#[cfg(test)]
mod tests;
