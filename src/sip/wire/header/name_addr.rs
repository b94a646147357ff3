//! `name-addr` and `addr-spec`: From, To, Route, Record-Route, Contact and
//! their kin (RFC 3261 §20.10, §20.20, §20.34, §20.39).

use memchr::{memchr, memchr2};

use super::Params;
use crate::wire::scan::{TOKEN, is, is_lws, quoted, split, trim, trim_start};

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
    tag: Option<Option<&'a [u8]>>,
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
        let value = trim(value);
        let (display, rest) = match value {
            [b'"', inside @ ..] => {
                let (display, rest) = quoted(inside)?;
                (display, trim_start(rest).strip_prefix(b"<")?)
            }
            _ => match memchr(b'<', value) {
                Some(at) => {
                    let (display, rest) = split(value, at);
                    if !display.iter().all(|&byte| is_display_byte(byte)) {
                        return None;
                    }
                    (trim(display), rest.get(1..)?)
                }
                None => return NameAddr::addr_spec(value),
            },
        };
        let (uri, rest) = split(rest, memchr(b'>', rest)?);
        NameAddr {
            display,
            uri,
            params: Params::new(trim_start(rest.get(1..)?)),
            bracketed: true,
            tag: None,
        }
        .checked()
    }

    fn addr_spec(value: &'a [u8]) -> Option<NameAddr<'a>> {
        let (uri, params) = split(value, memchr(b';', value).unwrap_or(value.len()));
        let uri = trim(uri);
        if memchr2(b',', b'?', uri).is_some() {
            return None;
        }
        NameAddr {
            display: b"",
            uri,
            params: Params::new(params),
            bracketed: false,
            tag: None,
        }
        .checked()
    }

    /// The same with its tag; `None` if its parameters break the grammar.
    fn checked(mut self) -> Option<NameAddr<'a>> {
        let params = self.params.visit(|name, value| {
            if name.eq_ignore_ascii_case(b"tag") {
                self.tag.get_or_insert(value);
            }
        });
        let whole = !self.uri.is_empty() && params;
        whole.then_some(self)
    }

    /// The `tag` parameter (RFC 3261 §19.3).
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.tag.flatten()
    }

    /// The value of a header parameter, unless empty or absent.
    pub fn param(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.params.value(name)
    }
}

fn is_display_byte(byte: u8) -> bool {
    is(byte, TOKEN) || is_lws(byte) || byte >= 0x80
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
