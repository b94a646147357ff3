//! Bytes, tokens, quoted strings and lists: the basic rules of RFC 3261 §25.1.
//!
//! Everything here takes hostile bytes, returns parts of them, and knows no
//! header by name.

use memchr::{memchr, memchr2, memchr3};

/// Which classes each byte belongs to. One load answers for every rule of the
/// grammar: nearly every byte of an address passes here.
static CLASSES: [u8; 256] = classes();

/// `token`.
pub(crate) const TOKEN: u8 = 1;
/// The values of header parameters, a little wider than `gen-value`: visible
/// characters that separate nothing, as addresses and URIs need.
pub(crate) const PARAM_VALUE: u8 = 2;
/// `user`, and `#`: phones dial service codes so.
pub(crate) const USER: u8 = 4;
/// `password`.
pub(crate) const PASSWORD: u8 = 8;
/// `paramchar`, and `=`.
pub(crate) const URI_PARAM: u8 = 16;
/// `hname`, `hvalue`, and what joins them.
pub(crate) const URI_HEADER: u8 = 32;
/// The characters of names and IPv4 addresses. Underscores are among them:
/// they occur in private names and mean no harm.
pub(crate) const HOST: u8 = 64;
/// What a URI of any scheme may hold: no white space, controls, quotes or
/// angle brackets (RFC 3986 appendix C).
pub(crate) const OPAQUE: u8 = 128;

#[allow(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses what is out of bounds"
)]
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    loop {
        let alphanum = byte.is_ascii_alphanumeric();
        let unreserved = alphanum || is_one_of(byte, b"-_.!~*'()");
        table[byte as usize] = class(TOKEN, alphanum || is_one_of(byte, b"-.!%*_+`'~"))
            | class(
                PARAM_VALUE,
                byte.is_ascii_graphic() && !is_one_of(byte, b"\",;<>\\"),
            )
            | class(USER, unreserved || is_one_of(byte, b"&=+$,;?/#"))
            | class(PASSWORD, unreserved || is_one_of(byte, b"&=+$,"))
            | class(URI_PARAM, unreserved || is_one_of(byte, b"[]/:&+$="))
            | class(URI_HEADER, unreserved || is_one_of(byte, b"[]/?:+$=&"))
            | class(HOST, alphanum || is_one_of(byte, b"-._"))
            | class(OPAQUE, byte.is_ascii_graphic() && !is_one_of(byte, b"<>\""));
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
    }
}

const fn class(class: u8, belongs: bool) -> u8 {
    if belongs { class } else { 0 }
}

const fn is_one_of(byte: u8, mut bytes: &[u8]) -> bool {
    while let [first, rest @ ..] = bytes {
        if *first == byte {
            return true;
        }
        bytes = rest;
    }
    false
}

/// Whether a byte belongs to a class.
pub(crate) fn is(byte: u8, class: u8) -> bool {
    CLASSES
        .get(usize::from(byte))
        .is_some_and(|classes| classes & class != 0)
}

/// Linear white space, its folds included.
pub(crate) const fn is_lws(byte: u8) -> bool {
    byte <= b' ' && matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Whether all of `bytes` is one `token` (RFC 3261 §25.1).
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is(byte, TOKEN))
}

/// `bytes` without white space at its start, of which there is seldom more
/// than one space.
pub(crate) fn trim_start(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_prefix(b" ").unwrap_or(bytes);
    match bytes.first() {
        Some(&byte) if is_lws(byte) => span(bytes, is_lws).1,
        _ => bytes,
    }
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

/// The longest start of `bytes` that `belongs`, and the rest.
pub(crate) fn span(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = bytes
        .iter()
        .position(|&byte| !belongs(byte))
        .unwrap_or(bytes.len());
    split(bytes, end)
}

/// A token at the start of `bytes`, and the rest.
pub(crate) fn token(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (token, rest) = span(bytes, |byte| is(byte, TOKEN));
    if token.is_empty() {
        None
    } else {
        Some((token, rest))
    }
}

/// The inside of a quoted string whose opening quote has been taken, escapes
/// left as they are, and what follows the closing quote.
pub(crate) fn quoted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    loop {
        let hit = at + memchr2(b'"', b'\\', bytes.get(at..)?)?;
        let (inside, rest) = split(bytes, hit);
        match rest {
            [b'"', after @ ..] => return Some((inside, after)),
            _ => at = hit + 2,
        }
    }
}

/// A decimal number that is all of `bytes`; `None` also when it exceeds 32 bits.
pub(crate) fn number(bytes: &[u8]) -> Option<u32> {
    if bytes.is_empty() {
        return None;
    }
    bytes.iter().try_fold(0_u32, |number, &byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u32::from(digit))
    })
}

/// The values of a comma-separated header field value, trimmed. Commas in
/// quoted strings and between `<` and `>` do not separate. An unterminated
/// quote or bracket takes all that is left.
pub fn elements(value: &[u8]) -> Elements<'_> {
    Elements { rest: Some(value) }
}

/// Iterates over the values of one header field. See [`elements`].
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Elements<'a> {
    /// What has not been taken, after its comma; `None` after the last value.
    pub(crate) fn rest(&self) -> Option<&'a [u8]> {
        self.rest
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest.take()?;
        match comma(rest) {
            Some(at) => {
                let (element, after) = split(rest, at);
                self.rest = after.get(1..);
                Some(trim(element))
            }
            None => Some(trim(rest)),
        }
    }
}

/// Where the first separating comma stands.
fn comma(bytes: &[u8]) -> Option<usize> {
    // Most values are one, whatever quotes and brackets they have.
    memchr(b',', bytes)?;
    let mut at = 0;
    loop {
        let hit = at + memchr3(b',', b'"', b'<', bytes.get(at..)?)?;
        let after = bytes.get(hit + 1..)?;
        match bytes.get(hit)? {
            b',' => return Some(hit),
            b'"' => at = bytes.len() - quoted(after)?.1.len(),
            _ => at = hit + 1 + memchr(b'>', after)? + 1,
        }
    }
}

/// A host at the start of `bytes` (an IPv6 literal with its brackets), and the rest.
pub(crate) fn host(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if bytes.first() == Some(&b'[') {
        let (host, rest) = split(bytes, memchr(b']', bytes)? + 1);
        return ip_v6(host).map(|_| (host, rest));
    }
    let (host, rest) = span(bytes, |byte| is(byte, HOST));
    if host.is_empty() {
        None
    } else {
        Some((host, rest))
    }
}

/// A port at the start of `bytes`, and the rest. 0 is none.
pub(crate) fn port(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, rest) = span(bytes, |byte| byte.is_ascii_digit());
    let port = u16::try_from(number(digits)?).ok()?;
    if port == 0 { None } else { Some((port, rest)) }
}

/// The address a host names literally: IPv4, or IPv6 with or without brackets.
pub(crate) fn ip(host: &[u8]) -> Option<core::net::IpAddr> {
    if memchr(b':', host).is_some() {
        return ip_v6(host).map(core::net::IpAddr::V6);
    }
    let text = core::str::from_utf8(host).ok()?;
    text.parse().ok().map(core::net::IpAddr::V4)
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
        assert_eq!(
            quoted(b"a\\\"b\\\\\" rest"),
            Some((&b"a\\\"b\\\\"[..], &b" rest"[..]))
        );
        assert_eq!(quoted(b"open\\\""), None);
        assert_eq!(quoted(b"open\\"), None);
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
        assert_eq!(host(b"a.b:5060"), Some((&b"a.b"[..], &b":5060"[..])));
        assert_eq!(host(b"[::1]:5"), Some((&b"[::1]"[..], &b":5"[..])));
        assert!(host(b"[::1").is_none());
        assert!(host(b"[::g]").is_none());
        assert!(host(b"").is_none());
        assert_eq!(ip(b"[2001:db8:::192.0.2.1]"), ip(b"2001:db8::192.0.2.1"));
        assert!(ip(b"[2001:db8:::192.0.2.1]").is_some());
        assert_eq!(ip(b"1.2.3"), None);
    }

    #[test]
    fn ports_are_1_to_65535() {
        assert_eq!(port(b"65535;x"), Some((65535, &b";x"[..])));
        assert!(port(b"65536").is_none());
        assert!(port(b"0").is_none());
        assert!(port(b"").is_none());
    }
}
