//! `name-addr` and `addr-spec`: From, To, Route, Record-Route, Contact and
//! their kin (RFC 3261 §20.10, §20.20, §20.34, §20.39).

use super::Params;
use super::params::each;
use crate::wire::class::TOKEN;
use crate::wire::part::Part;
use crate::wire::scan::{is_lws, is_word, quoted, trim};

/// An address with its display name and header parameters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NameAddr<'a> {
    /// The display name without its quotes, escapes as they are; perhaps empty.
    pub display: &'a [u8],
    /// The URI between the brackets, or the bare addr-spec.
    pub uri: &'a [u8],
    /// Parameters of the header field, not of the URI.
    pub params: Params<'a>,
    pub(crate) bracketed: bool,
    tag: Option<&'a [u8]>,
}

impl<'a> NameAddr<'a> {
    /// One address, all of `value`. The URI itself is not looked into:
    /// whoever acts on it parses it, as `Message::check` does.
    ///
    /// White space before `<` may be missing (RFC 4475 §3.1.1.6). Bytes above
    /// ASCII pass in an unquoted display name, as phones send them so. A bare
    /// URI has no comma, `?` or `;` (RFC 3261 §20.10): what follows a `;` are
    /// header parameters.
    pub fn parse(value: &'a [u8]) -> Option<NameAddr<'a>> {
        NameAddr::read(Part::new(value).trimmed())
    }

    /// One trimmed address.
    pub(crate) fn read(mut text: Part<'a>) -> Option<NameAddr<'a>> {
        let display = if text.eat(b'"') {
            let (display, rest) = quoted(text)?;
            text = rest;
            text.skip_lws();
            display
        } else {
            let whole = text;
            let display = text.until(b'<');
            if text.is_empty() {
                return NameAddr::addr_spec(whole);
            }
            if !is_display(display) {
                return None;
            }
            trim(display)
        };
        if !text.eat(b'<') {
            return None;
        }
        let uri = text.until(b'>');
        if !text.eat(b'>') {
            return None;
        }
        text.skip_lws();
        NameAddr::with(display, uri, text, true)
    }

    fn addr_spec(mut text: Part<'a>) -> Option<NameAddr<'a>> {
        let uri = trim(text.until(b';'));
        if Part::new(uri).has(b',') || Part::new(uri).has(b'?') {
            return None;
        }
        NameAddr::with(b"", uri, text, false)
    }

    /// Finds the tag; `None` if there is no URI or the parameters break the
    /// grammar.
    fn with(
        display: &'a [u8],
        uri: &'a [u8],
        params: Part<'a>,
        bracketed: bool,
    ) -> Option<NameAddr<'a>> {
        let mut tag = None;
        let whole = each(params, |name, value, _| {
            if is_word(name, b"tag") {
                tag.get_or_insert(value);
            }
        });
        (whole && !uri.is_empty()).then_some(NameAddr {
            display,
            uri,
            params: Params::new(params.rest()),
            bracketed,
            tag: tag.flatten(),
        })
    }

    /// The `tag` parameter (RFC 3261 §19.3).
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.tag
    }

    /// The value of a header parameter, unless empty or absent.
    pub fn param(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.params.value(name)
    }
}

/// Tokens, white space between them, and what is not ASCII.
fn is_display(text: &[u8]) -> bool {
    let mut text = Part::new(text);
    while !text.is_empty() {
        text.run(&TOKEN);
        match text.first() {
            Some(byte) if is_lws(byte) || byte >= 0x80 => text.take(1),
            Some(_) => return false,
            None => break,
        };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(value: &str) -> Option<(&str, &str, &str)> {
        let text = |bytes| core::str::from_utf8(bytes).unwrap();
        let addr = NameAddr::parse(value.as_bytes())?;
        Some((
            text(addr.display),
            text(addr.uri),
            text(addr.params.as_bytes()),
        ))
    }

    #[test]
    fn the_forms_of_an_address() {
        assert_eq!(parts("sip:a@b"), Some(("", "sip:a@b", "")));
        assert_eq!(parts("sip:a@b ;tag=1"), Some(("", "sip:a@b", ";tag=1")));
        assert_eq!(parts("<sip:a@b;lr>;x"), Some(("", "sip:a@b;lr", ";x")));
        assert_eq!(
            parts("A. G. Bell <sip:a@b> ; tag=1"),
            Some(("A. G. Bell", "sip:a@b", "; tag=1"))
        );
        assert_eq!(parts("caller<sip:a@b>"), Some(("caller", "sip:a@b", "")));
        assert_eq!(
            parts("\"J \\\"R\\\" <x>\"\r\n <sip:a@b>"),
            Some(("J \\\"R\\\" <x>", "sip:a@b", ""))
        );
        assert_eq!(parts("Żółw <sip:a@b>"), Some(("Żółw", "sip:a@b", "")));
        assert_eq!(parts("\"\" <sip:a@b>"), Some(("", "sip:a@b", "")));
    }

    #[test]
    fn what_is_no_address() {
        let bad = [
            "",
            "<>",
            "<sip:a@b",
            "\"open <sip:a@b>",
            "Bell, A <sip:a@b>",
            "<sip:a@b>;",
            "<sip:a@b>;;",
            "<sip:a@b> x",
            "sip:a@b?x=y",
            "sip:a,b@c",
            "\"a\" sip:a@b",
            ";tag=1",
        ];
        for value in bad {
            assert_eq!(parts(value), None, "{value}");
        }
    }
}
