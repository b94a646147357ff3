//! Credentials and challenges (RFC 3261 §20.7, §20.27, §20.28, §20.44; the
//! parameters of RFC 7616 §3.3 and §3.4). Checks no secret.

use memchr::memchr;

use super::unquote;
use crate::base::Text;
use crate::wire::class::{PARAM_VALUE, TOKEN, VISIBLE};
use crate::wire::part::Part;
use crate::wire::scan::{Elements, is_word, quoted, split, trim};

const NAMES: [&[u8]; 11] = [
    b"username",
    b"realm",
    b"nonce",
    b"uri",
    b"response",
    b"cnonce",
    b"nc",
    b"qop",
    b"algorithm",
    b"opaque",
    b"stale",
];

/// One credential or challenge. Values come without quotes, escapes as they
/// are (see [`unescape`]); of a repeated parameter the first counts.
#[derive(Clone, Copy, Debug)]
pub struct DigestParams<'a> {
    /// Whether the scheme is Digest; the parameters are empty otherwise.
    pub scheme_is_digest: bool,
    values: [Option<&'a [u8]>; NAMES.len()],
}

macro_rules! accessors {
    ($($name:ident $index:literal,)*) => {
        impl<'a> DigestParams<'a> {
            $(#[doc = concat!("`", stringify!($name), "`")]
            pub const fn $name(&self) -> Option<&'a [u8]> {
                self.values[$index]
            })*
        }
    };
}

accessors! {
    username 0,
    realm 1,
    nonce 2,
    uri 3,
    response 4,
    cnonce 5,
    nc 6,
    qop 7,
    algorithm 8,
    opaque 9,
    stale 10,
}

impl<'a> DigestParams<'a> {
    /// One header field value. Whatever is no parameter is passed over.
    pub fn parse(value: &'a [u8]) -> DigestParams<'a> {
        DigestParams::read(Part::new(value).trimmed())
    }

    /// One trimmed header field value.
    pub(crate) fn read(mut text: Part<'a>) -> DigestParams<'a> {
        let scheme = text.run(&VISIBLE);
        let scheme_is_digest =
            is_word(scheme, b"Digest") && text.first().is_none_or(|byte| byte <= b' ');
        let mut values = [None; NAMES.len()];
        let mut rest = scheme_is_digest.then_some(text);
        while let Some(text) = rest {
            let (name, value, after) = well_formed(text).unwrap_or_else(|| any(text));
            if let Some(slot) = index(name).and_then(|index| values.get_mut(index))
                && slot.is_none()
            {
                *slot = value;
            }
            rest = after;
        }
        DigestParams {
            scheme_is_digest,
            values,
        }
    }
}

/// Which of `NAMES` a name is; nearly all come as the RFC writes them.
fn index(name: &[u8]) -> Option<usize> {
    Some(match name {
        b"username" => 0,
        b"realm" => 1,
        b"nonce" => 2,
        b"uri" => 3,
        b"response" => 4,
        b"cnonce" => 5,
        b"nc" => 6,
        b"qop" => 7,
        b"algorithm" => 8,
        b"opaque" => 9,
        b"stale" => 10,
        _ => {
            return NAMES
                .iter()
                .position(|known| known.eq_ignore_ascii_case(name));
        }
    })
}

/// Name and value of one parameter, and what follows its comma.
type Param<'a> = (&'a [u8], Option<&'a [u8]>, Option<Part<'a>>);

/// The parameter `text` begins with, if it is one.
fn well_formed(mut text: Part<'_>) -> Option<Param<'_>> {
    text.skip_lws();
    let name = text.run(&TOKEN);
    text.skip_lws();
    if name.is_empty() || !text.eat(b'=') {
        return None;
    }
    text.skip_lws();
    let value = if text.eat(b'"') {
        let (inside, rest) = quoted(text)?;
        text = rest;
        inside
    } else {
        text.run(&PARAM_VALUE)
    };
    text.skip_lws();
    if text.is_empty() {
        return Some((name, Some(value), None));
    }
    text.eat(b',').then_some((name, Some(value), Some(text)))
}

/// Whatever `text` begins with, up to a comma.
fn any(text: Part<'_>) -> Param<'_> {
    let mut list = Elements::of(text);
    let param = list.next().unwrap_or_default();
    let (name, value) = split(param, memchr(b'=', param).unwrap_or(param.len()));
    let value = value.get(1..).map(|value| unquote(trim(value)));
    (trim(name), value, list.rest())
}

/// Appends what a quoted string means: `\x` becomes `x`.
pub fn unescape(inside: &[u8], out: &mut Text) {
    let mut rest = inside;
    while let Some(at) = memchr(b'\\', rest) {
        let (before, after) = split(rest, at);
        out.push(before);
        let (escaped, after) = split(after.get(1..).unwrap_or(b""), 1);
        out.push(escaped);
        rest = after;
    }
    out.push(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_rfc_3261_22_4() {
        let digest = DigestParams::parse(
            b"Digest username=\"bob\",\r\n realm=\"biloxi.com\", nonce=\"dcd98b\", uri=\"sip:bob@biloxi.com\",\
              qop=auth, nc=00000001, cnonce=\"0a4f113b\", response=\"6629fae4\", opaque=\"5ccc\"",
        );
        assert!(digest.scheme_is_digest);
        assert_eq!(digest.username(), Some(&b"bob"[..]));
        assert_eq!(digest.realm(), Some(&b"biloxi.com"[..]));
        assert_eq!(digest.uri(), Some(&b"sip:bob@biloxi.com"[..]));
        assert_eq!(digest.qop(), Some(&b"auth"[..]));
        assert_eq!(digest.nc(), Some(&b"00000001"[..]));
        assert_eq!(digest.opaque(), Some(&b"5ccc"[..]));
        assert_eq!(digest.stale(), None);
    }

    #[test]
    fn a_challenge_keeps_its_list_of_qop() {
        let digest =
            DigestParams::parse(b"DIGEST realm=\"a, b\", QOP = \"auth,auth-int\", stale=TRUE");
        assert_eq!(digest.realm(), Some(&b"a, b"[..]));
        assert_eq!(digest.qop(), Some(&b"auth,auth-int"[..]));
        assert_eq!(digest.stale(), Some(&b"TRUE"[..]));
    }

    #[test]
    fn every_name_finds_its_place_in_either_case() {
        for (place, name) in NAMES.iter().enumerate() {
            assert_eq!(index(name), Some(place));
            assert_eq!(index(&name.to_ascii_uppercase()), Some(place));
        }
        for other in [&b""[..], b"realn", b"usernam", b"x"] {
            assert_eq!(index(other), None);
        }
    }

    #[test]
    fn other_schemes_and_noise() {
        let other = DigestParams::parse(b"NoOneKnowsThisScheme opaque=here");
        assert!(!other.scheme_is_digest && other.opaque().is_none());
        let noise = DigestParams::parse(b"Digest ,,realm,nonce=\"a\",nonce=\"b\",=,\"");
        assert_eq!((noise.realm(), noise.nonce()), (None, Some(&b"a"[..])));
    }

    #[test]
    fn escapes_are_undone_once() {
        let mut text = Text::new();
        unescape(b"a\\\"b\\\\\\n\\", &mut text);
        assert_eq!(text.as_bytes(), b"a\"b\\n");
    }
}
