//! `SIPAddHeader`, `SIPRemoveHeader` and `SIPDtmfMode`: what INVITEs sent from
//! now on carry.

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

/// `\n`, `\x41`, `\0101` and the like become what they stand for
/// (`ast_get_encoded_str`); what ends a line is dropped.
fn unescape(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let meant = match character {
            '\\' => match characters.next() {
                Some('a') => '\u{7}',
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('v') => '\u{b}',
                Some('x') => code(&mut characters, 16, 2),
                Some('0') => code(&mut characters, 8, 3),
                Some(other) => other,
                None => '\\',
            },
            other => other,
        };
        if !matches!(meant, '\r' | '\n' | '\0') {
            result.push(meant);
        }
    }
    result
}

/// The character of a number in `radix`, of at most so many digits.
fn code(
    characters: &mut core::iter::Peekable<core::str::Chars<'_>>,
    radix: u32,
    most: usize,
) -> char {
    let mut value = 0;
    for _ in 0..most {
        let digit = characters.peek().and_then(|next| next.to_digit(radix));
        let Some(digit) = digit else { break };
        value = value * radix + digit;
        characters.next();
    }
    char::from_u32(value).unwrap_or('\0')
}

#[cfg(test)]
mod tests;
