//! `;name=value` parameters of header fields and URIs (RFC 3261 §25.1
//! `generic-param`, `uri-parameters`).

use memchr::memchr;

use crate::wire::class::{PARAM_VALUE, TOKEN};
use crate::wire::part::Part;
use crate::wire::scan::{quoted, split, trim, trim_start};

/// Parameters as they stand: empty, or from the first `;` on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Params<'a>(&'a [u8]);

impl<'a> Params<'a> {
    /// Parameters from text that is empty or starts with `;`. Anything else
    /// has no parameters.
    pub const fn new(text: &'a [u8]) -> Params<'a> {
        Params(text)
    }

    /// The text, first `;` included.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        trim(self.0).is_empty()
    }

    /// Names and values in order; a quoted value keeps its quotes (see [`unquote`]).
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + Clone {
        Iter {
            rest: trim_start(self.0),
        }
    }

    /// The value of the first parameter of that name, in any case:
    /// `Some(None)` when it is there without one.
    pub fn get(self, name: &[u8]) -> Option<Option<&'a [u8]>> {
        self.iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Whether a parameter of that name is there.
    pub fn has(self, name: &[u8]) -> bool {
        self.get(name).is_some()
    }

    /// The value of the first parameter of that name, unless empty or absent.
    pub fn value(self, name: &[u8]) -> Option<&'a [u8]> {
        self.get(name).flatten().filter(|value| !value.is_empty())
    }

    /// Shows each parameter, as `iter` does, up to the first that breaks
    /// `*( SEMI generic-param )`. Whether none did.
    pub(crate) fn visit(self, mut visit: impl FnMut(&'a [u8], Option<&'a [u8]>)) -> bool {
        let mut text = Part::new(self.0);
        text.skip_lws();
        each(text, |name, value, _| visit(name, value))
    }
}

/// Shows each parameter of `text`, which is empty or starts with `;`: its
/// name, its value with its quotes, and how much was left at its name. Ends at
/// the first that breaks `*( SEMI generic-param )`; whether none did.
pub(super) fn each<'a>(
    mut text: Part<'a>,
    mut visit: impl FnMut(&'a [u8], Option<&'a [u8]>, usize),
) -> bool {
    while !text.is_empty() {
        let Some((name, value, left)) = generic_param(&mut text) else {
            return false;
        };
        visit(name, value, left);
    }
    true
}

/// A parameter's name, its value with its quotes, and how much was left at its
/// name.
type Found<'a> = (&'a [u8], Option<&'a [u8]>, usize);

/// Takes `SEMI generic-param`. Looks for white space only where something else
/// is missing, for it seldom stands there.
#[inline(always)]
fn generic_param<'a>(text: &mut Part<'a>) -> Option<Found<'a>> {
    if !text.eat(b';') {
        return None;
    }
    let mut left = text.len();
    let mut name = text.run(&TOKEN);
    if name.is_empty() {
        text.skip_lws();
        left = text.len();
        name = text.run(&TOKEN);
        if name.is_empty() {
            return None;
        }
    }
    if !text.eat(b'=') && (!text.skip_lws() || !text.eat(b'=')) {
        return Some((name, None, left));
    }
    let mut value = text.run(&PARAM_VALUE);
    if value.is_empty() {
        (value, *text) = late_value(*text)?;
    }
    text.skip_lws();
    Some((name, Some(value), left))
}

/// A `gen-value` that is quoted, with its quotes, or after white space; and
/// what follows it.
#[cold]
#[inline(never)]
fn late_value(mut text: Part<'_>) -> Option<(&[u8], Part<'_>)> {
    text.skip_lws();
    let whole = text;
    if text.eat(b'"') {
        let (_, rest) = quoted(text)?;
        return Some((whole.before(whole.len() - rest.len()).rest(), rest));
    }
    let value = text.run(&PARAM_VALUE);
    if value.is_empty() {
        None
    } else {
        Some((value, text))
    }
}

/// A value without its quotes; escapes inside stay as they are.
pub fn unquote(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inside @ .., b'"'] => inside,
        _ => value,
    }
}

#[derive(Clone)]
struct Iter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        let after = self.rest.strip_prefix(b";")?;
        let (param, rest) = split(after, semicolon(after));
        self.rest = rest;
        match memchr(b'=', param) {
            Some(at) => {
                let (name, value) = split(param, at);
                Some((trim(name), Some(trim(value.get(1..).unwrap_or(b"")))))
            }
            None => Some((trim(param), None)),
        }
    }
}

/// Where a parameter ends: at the next `;` outside quotes, or with the text.
fn semicolon(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        match rest.iter().position(|&byte| matches!(byte, b';' | b'"')) {
            None => break,
            Some(hit) => match rest.get(hit + 1..) {
                Some(after) if rest.get(hit) == Some(&b'"') => {
                    let Some((_, after)) = quoted(Part::new(after)) else {
                        break;
                    };
                    at = text.len() - after.len();
                }
                _ => return at + hit,
            },
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_in_any_case_and_spacing() {
        let params = Params::new(b" ; Tag = abc ;x;q=\"a;b=\\\"c\" ;z=");
        assert_eq!(params.value(b"tag"), Some(&b"abc"[..]));
        assert_eq!(params.get(b"X"), Some(None));
        assert_eq!(params.value(b"q").map(unquote), Some(&b"a;b=\\\"c"[..]));
        assert_eq!(params.get(b"z"), Some(Some(&b""[..])));
        assert_eq!(params.get(b"b"), None);
        assert_eq!(params.iter().count(), 4);
    }

    #[test]
    fn what_is_well_formed() {
        let good = [
            "",
            ";a",
            " ; a = b ; c",
            ";a=\"x;y\"",
            ";received=2001:db8::1",
            ";a=[::1]",
            ";a=\r\n b",
        ];
        let bad = [
            ";", ";;", "a", ";a=", ";a=\"x", ";a;", ";a=b c", ";a=<b>", ";\"a\"=b",
        ];
        for text in good {
            let params = Params::new(text.as_bytes());
            let mut visited = Vec::new();
            assert!(
                params.visit(|name, value| visited.push((name, value))),
                "{text:?}"
            );
            assert!(params.iter().eq(visited), "{text:?}");
        }
        for text in bad {
            assert!(!Params::new(text.as_bytes()).visit(|_, _| {}), "{text:?}");
        }
    }

    #[test]
    fn broken_parameters_still_end() {
        for text in [";;;;", ";\"", ";a=\"b;c", "=;=", ";=;\"\";"] {
            assert!(Params::new(text.as_bytes()).iter().count() < 9);
        }
    }
}
