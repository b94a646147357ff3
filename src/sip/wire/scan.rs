//! Bytes, tokens, quoted strings and lists: the basic rules of RFC 3261 §25.1.
//!
//! Everything here takes hostile bytes, returns parts of them, and knows no
//! header by name.

use memchr::{memchr, memchr3};

use super::class::{HOST, TOKEN};
use super::part::Part;

/// Linear white space, its folds included.
pub(crate) const fn is_lws(byte: u8) -> bool {
    byte <= b' ' && matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Whether all of `bytes` is one `token` (RFC 3261 §25.1).
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && Part::new(bytes).is_all(&TOKEN)
}

/// Whether `bytes` is `word`, in any case. Nearly all that is comes as the RFC
/// writes it.
pub(crate) fn is_word(bytes: &[u8], word: &[u8]) -> bool {
    bytes == word || bytes.eq_ignore_ascii_case(word)
}

/// `bytes` without white space at its start, of which there is seldom more
/// than one space.
pub(crate) fn trim_start(bytes: &[u8]) -> &[u8] {
    let mut bytes = bytes.strip_prefix(b" ").unwrap_or(bytes);
    while let [first, rest @ ..] = bytes
        && is_lws(*first)
    {
        bytes = rest;
    }
    bytes
}

/// `bytes` without white space at its end, of which there is seldom any.
pub(crate) fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., last] = bytes
        && is_lws(*last)
    {
        bytes = rest;
    }
    bytes
}

/// `bytes` without white space at either end.
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    trim_end(trim_start(bytes))
}

/// `bytes` before `at`, and from `at` on; all and nothing if it is shorter.
pub(crate) fn split(bytes: &[u8], at: usize) -> (&[u8], &[u8]) {
    bytes.split_at_checked(at).unwrap_or((bytes, b""))
}

/// The inside of a quoted string whose opening quote has been taken, escapes
/// left as they are, and what follows its closing quote.
#[inline(never)]
pub(crate) fn quoted(text: Part<'_>) -> Option<(&[u8], Part<'_>)> {
    let mut rest = text;
    loop {
        rest.until_either(b'"', b'\\');
        if rest.first()? == b'"' {
            let inside = text.before(text.len() - rest.len());
            return Some((inside.rest(), rest.after(1)));
        }
        rest.take(2);
    }
}

/// A decimal number that is all of `bytes`; `None` also when it exceeds 32 bits.
pub(crate) fn number(bytes: &[u8]) -> Option<u32> {
    Part::new(bytes).whole_number()
}

/// The values of a comma-separated header field value, trimmed. Commas in
/// quoted strings and between `<` and `>` do not separate. An unterminated
/// quote or bracket takes all that is left.
pub fn elements(value: &[u8]) -> Elements<'_> {
    Elements::of(Part::new(value).trimmed())
}

/// Iterates over the values of one header field. See [`elements`].
#[derive(Clone, Debug, Default)]
pub struct Elements<'a> {
    /// What has not been taken, trimmed.
    rest: Option<Part<'a>>,
}

impl<'a> Elements<'a> {
    /// Those of a trimmed value.
    pub(crate) fn of(value: Part<'a>) -> Elements<'a> {
        Elements { rest: Some(value) }
    }

    /// What has not been taken, after its comma; `None` after the last value.
    pub(crate) fn rest(&self) -> Option<Part<'a>> {
        self.rest
    }

    /// The next value.
    #[inline]
    pub(crate) fn next_part(&mut self) -> Option<Part<'a>> {
        let rest = self.rest.take()?;
        Some(self.first_of(rest))
    }

    fn first_of(&mut self, rest: Part<'a>) -> Part<'a> {
        // Most values are one, whatever quotes and brackets they have.
        if !rest.has(b',') {
            return rest;
        }
        let Some(at) = comma(rest) else {
            return rest;
        };
        self.rest = Some(rest.after(at + 1).trimmed());
        rest.before(at).trimmed()
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.next_part().map(Part::rest)
    }
}

/// Where the first separating comma stands.
fn comma(text: Part<'_>) -> Option<usize> {
    let bytes = text.rest();
    let mut at = 0;
    loop {
        let hit = at + memchr3(b',', b'"', b'<', bytes.get(at..)?)?;
        let after = bytes.get(hit + 1..)?;
        match bytes.get(hit)? {
            b',' => return Some(hit),
            b'"' => {
                let (_, after) = quoted(Part::new(after))?;
                at = bytes.len() - after.len();
            }
            _ => at = hit + 1 + memchr(b'>', after)? + 1,
        }
    }
}

/// Takes a host (an IPv6 literal with its brackets).
#[inline]
pub(crate) fn host<'a>(text: &mut Part<'a>) -> Option<&'a [u8]> {
    let host = text.run(&HOST);
    if !host.is_empty() {
        return Some(host);
    }
    let literal = ip_literal(*text)?;
    *text = text.after(literal.len());
    Some(literal)
}

/// The IPv6 literal that text begins with, with its brackets.
#[inline(never)]
fn ip_literal(mut text: Part<'_>) -> Option<&[u8]> {
    if text.first() != Some(b'[') {
        return None;
    }
    let literal = text.take(memchr(b']', text.rest())? + 1);
    ip_v6(literal).map(|_| literal)
}

/// Takes a port. 0 is none.
pub(crate) fn port(text: &mut Part<'_>) -> Option<u16> {
    let port = u16::try_from(text.number()?).ok()?;
    if port == 0 { None } else { Some(port) }
}

/// The address a host names literally: IPv4, or IPv6 with or without brackets.
pub(crate) fn ip(host: &[u8]) -> Option<core::net::IpAddr> {
    match ip_v4(host) {
        Some(address) => Some(core::net::IpAddr::V4(address)),
        None if memchr(b':', host).is_some() => ip_v6(host).map(core::net::IpAddr::V6),
        None => None,
    }
}

/// An IPv4 literal: four numbers up to 255, without zeros before them. Nearly
/// every message names a few of these.
fn ip_v4(host: &[u8]) -> Option<core::net::Ipv4Addr> {
    let (mut octets, mut dots) = (0_u32, 0);
    // What has been read of a number; `None` before its first digit.
    let mut number = None;
    for &byte in host {
        let digit = u32::from(byte.wrapping_sub(b'0'));
        number = match number {
            Some(read) if byte == b'.' => {
                octets = octets << 8 | read;
                dots += 1;
                None
            }
            None if digit <= 9 => Some(digit),
            Some(read @ 1..) if digit <= 9 && read * 10 + digit <= 255 => Some(read * 10 + digit),
            _ => return None,
        };
    }
    let octets = octets << 8 | number?;
    (dots == 3).then_some(core::net::Ipv4Addr::from_bits(octets))
}

/// An IPv6 literal with or without brackets. The third colon which RFC 3261's
/// grammar allows before an embedded IPv4 address is overlooked (RFC 5118 §4.10).
fn ip_v6(host: &[u8]) -> Option<core::net::Ipv6Addr> {
    let inside = match host {
        [b'[', inside @ .., b']'] => inside,
        _ => host,
    };
    let text = core::str::from_utf8(inside).ok()?;
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let (before, after) = text.split_once(":::")?;
    let mut mended = arrayvec::ArrayString::<48>::new();
    for part in [before, "::", after] {
        mended.try_push_str(part).ok()?;
    }
    mended.parse().ok()
}

/// The value of a hexadecimal digit.
pub(crate) const fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(value: &str) -> Vec<&str> {
        elements(value.as_bytes())
            .map(|element| core::str::from_utf8(element).unwrap())
            .collect()
    }

    #[test]
    fn commas_separate_outside_quotes_and_brackets_only() {
        assert_eq!(list("a, b ,c"), ["a", "b", "c"]);
        assert_eq!(
            list("\"x, \\\" y\" <sip:a,b@c>;p, z"),
            ["\"x, \\\" y\" <sip:a,b@c>;p", "z"]
        );
        assert_eq!(list(""), [""]);
        assert_eq!(list("a,,"), ["a", "", ""]);
        assert_eq!(list("\"open, a"), ["\"open, a"]);
        assert_eq!(list("<open, a"), ["<open, a"]);
    }

    #[test]
    fn a_quoted_string_ends_at_its_first_unescaped_quote() {
        let (inside, after) = quoted(Part::new(b"a\\\"b\\\\\" rest")).unwrap();
        assert_eq!((inside, after.rest()), (&b"a\\\"b\\\\"[..], &b" rest"[..]));
        assert!(quoted(Part::new(b"open\\\"")).is_none());
        assert!(quoted(Part::new(b"open\\")).is_none());
    }

    #[test]
    fn numbers_end_at_32_bits() {
        assert_eq!(number(b"0068"), Some(68));
        assert_eq!(number(b"4294967295"), Some(u32::MAX));
        assert_eq!(number(b"4294967296"), None);
        assert_eq!(number(b"-1"), None);
        assert_eq!(number(b""), None);
    }

    #[test]
    fn hosts_are_names_or_literals() {
        let host = |text| {
            let mut text = Part::new(text);
            host(&mut text).map(|host| (host, text.rest()))
        };
        assert_eq!(host(b"a.b:5060"), Some((&b"a.b"[..], &b":5060"[..])));
        assert_eq!(host(b"[::1]:5"), Some((&b"[::1]"[..], &b":5"[..])));
        assert!(host(b"[::1").is_none());
        assert!(host(b"[::g]").is_none());
        assert!(host(b"").is_none());
        assert_eq!(ip(b"[2001:db8:::192.0.2.1]"), ip(b"2001:db8::192.0.2.1"));
        assert!(ip(b"[2001:db8:::192.0.2.1]").is_some());
        assert_eq!(ip(b"1.2.3"), None);
    }

    proptest! {
        #[test]
        fn ipv4_literals_are_those_of_the_standard_library(
            text in "[0-9.]{0,9}|([0-9]{1,3}\\.){2,4}[0-9]{1,4}|[0-9]{1,2}(\\.[0-9a:]{1,3}){3}",
        ) {
            prop_assert_eq!(ip_v4(text.as_bytes()), text.parse().ok());
        }

        #[test]
        fn every_ipv4_literal_is_read(bits in any::<u32>()) {
            let address = core::net::Ipv4Addr::from_bits(bits);
            prop_assert_eq!(ip_v4(address.to_string().as_bytes()), Some(address));
        }
    }

    #[test]
    fn ports_are_1_to_65535() {
        let port = |text| {
            let mut text = Part::new(text);
            port(&mut text).map(|port| (port, text.rest()))
        };
        assert_eq!(port(b"65535;x"), Some((65535, &b";x"[..])));
        assert!(port(b"65536").is_none());
        assert!(port(b"0").is_none());
        assert!(port(b"").is_none());
    }
}
