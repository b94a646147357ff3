//! SIP, SIPS and tel URIs (RFC 3261 §19.1, RFC 3966), in place. Resolves no names.

mod compare;

use core::net::{IpAddr, SocketAddr};

use memchr::memchr;

use super::class::{Class, OPAQUE, PASSWORD, URI_HEADER, URI_PARAM, USER};
use super::header::Params;
use super::part::Part;
use super::scan::{hex, host, ip, port, split};
use super::{Fault, FaultKind};
use crate::base::{Text, Transport};

/// The scheme of a URI.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scheme {
    /// `sip`
    Sip,
    /// `sips`
    Sips,
    /// `tel`
    Tel,
    /// Any other: only `rest` is set.
    Other,
}

/// A URI, split but not unescaped.
#[derive(Clone, Copy, Debug)]
pub struct Uri<'a> {
    /// The scheme.
    pub scheme: Scheme,
    /// The user, escapes as they are; empty when there is none. The number of
    /// a tel URI.
    pub user: &'a [u8],
    /// The password, escapes as they are.
    pub password: Option<&'a [u8]>,
    /// The host; an IPv6 literal with its brackets; empty for tel.
    pub host: &'a [u8],
    /// The port.
    pub port: Option<u16>,
    /// The URI's parameters.
    pub params: Params<'a>,
    /// What follows `?`; empty when nothing does.
    pub headers: &'a [u8],
    /// All that follows the scheme's colon.
    pub rest: &'a [u8],
}

impl<'a> Uri<'a> {
    /// Splits and checks a URI. The fault's offset is one in `text`.
    pub fn parse(text: &'a [u8]) -> Result<Uri<'a>, Fault> {
        Uri::read(Part::new(text))
    }

    /// A URI without its headers, which no Request-URI, To or From may have
    /// (RFC 3261 §19.1.1, table 1); `text` itself where it is none.
    pub fn without_headers(text: &'a [u8]) -> &'a [u8] {
        if memchr(b'?', text).is_none() {
            return text;
        }
        let headers = Uri::parse(text).map_or(0, |uri| match uri.headers.len() {
            0 => 0,
            length => length + 1,
        });
        let end = text.len().saturating_sub(headers);
        text.get(..end).unwrap_or(text)
    }

    /// Splits and checks a URI that is all of `text`.
    pub(super) fn read(text: Part<'a>) -> Result<Uri<'a>, Fault> {
        Uri::split(text).map_err(|left| Fault::new(FaultKind::Uri, text.len() - left))
    }

    /// The error is how much of `text` was left where the fault was found.
    fn split(mut text: Part<'a>) -> Result<Uri<'a>, usize> {
        let scheme = if text.rest().starts_with(b"sip:") {
            text.take(4);
            Scheme::Sip
        } else {
            let left = text.len();
            let scheme = Scheme::new(text.until(b':')).ok_or(left)?;
            if !text.eat(b':') {
                return Err(left);
            }
            scheme
        };
        if let Scheme::Sip | Scheme::Sips = scheme {
            return Uri::sip(scheme, text);
        }
        let uri = Uri {
            scheme,
            user: b"",
            password: None,
            host: b"",
            port: None,
            params: Params::default(),
            headers: b"",
            rest: text.rest(),
        };
        match scheme {
            Scheme::Tel => uri.tel(),
            _ if !text.is_empty() && text.is_all(&OPAQUE) => Ok(uri),
            _ => Err(text.len()),
        }
    }

    #[inline]
    fn sip(scheme: Scheme, mut text: Part<'a>) -> Result<Uri<'a>, usize> {
        let whole = text;
        let (mut user, mut password) = (text.run(&USER), None);
        if user.is_empty() || !text.eat(b'@') {
            (user, password, text) = userinfo(whole)?;
        }
        let left = text.len();
        let host = host(&mut text).ok_or(left)?;
        let mut at_port = None;
        if text.eat(b':') {
            let left = text.len();
            at_port = Some(port(&mut text).ok_or(left)?);
        }
        let (params, headers) = if text.is_empty() {
            (Params::default(), &b""[..])
        } else {
            params_and_headers(text)?
        };
        Ok(Uri {
            scheme,
            user,
            password,
            host,
            port: at_port,
            params,
            headers,
            rest: whole.rest(),
        })
    }

    fn tel(mut self) -> Result<Uri<'a>, usize> {
        let (number, params) = split(
            self.rest,
            memchr(b';', self.rest).unwrap_or(self.rest.len()),
        );
        let digits = number.strip_prefix(b"+").unwrap_or(number);
        let valid = digits.iter().any(|&byte| is_phone_digit(byte))
            && digits
                .iter()
                .all(|&byte| is_phone_digit(byte) || is_separator(byte));
        let mut rest = Part::new(params);
        if !valid || !take_params(&mut rest) || !rest.is_empty() {
            return Err(self.rest.len());
        }
        self.user = number;
        self.params = Params::new(params);
        Ok(self)
    }

    /// Whether the user, unescaped, is `name`. The user's case counts.
    pub fn user_eq(&self, name: &[u8]) -> bool {
        unescaped(self.user).eq(name.iter().copied())
    }

    /// Replaces `out` by the unescaped user. It may hold any byte, NUL included.
    pub fn user_decoded(&self, out: &mut Text) {
        // Hardly any user is escaped.
        if !self.user.contains(&b'%') {
            out.set(self.user);
            return;
        }
        out.set(b"");
        for byte in unescaped(self.user) {
            out.push(&[byte]);
        }
    }

    /// The address the host names literally.
    pub fn ip(&self) -> Option<IpAddr> {
        ip(self.host)
    }

    /// Where the host and port point if the host is an IP literal.
    pub fn socket_addr(&self, default_port: u16) -> Option<SocketAddr> {
        Some(SocketAddr::new(
            self.ip()?,
            self.port.unwrap_or(default_port),
        ))
    }

    /// The transport it names, if that is one we know.
    pub fn transport(&self) -> Option<Transport> {
        Transport::named(self.params.value(b"transport")?)
    }

    /// Whether the URI is of a loose router: it has `lr` (RFC 3261 §16.12.1.1).
    pub fn is_loose(&self) -> bool {
        self.params.has(b"lr")
    }

    /// Whether it is a sip or sips URI.
    pub fn is_sip(&self) -> bool {
        matches!(self.scheme, Scheme::Sip | Scheme::Sips)
    }
}

/// A user, a password, and what follows their `@`.
type UserInfo<'a> = (&'a [u8], Option<&'a [u8]>, Part<'a>);

/// User and password, if there are any.
#[inline(never)]
fn userinfo(text: Part<'_>) -> Result<UserInfo<'_>, usize> {
    let mut after = text;
    let before = after.until(b'@');
    if !after.eat(b'@') {
        return Ok((b"", None, text));
    }
    let (user, password) = split(before, memchr(b':', before).unwrap_or(before.len()));
    let password = password.get(1..);
    let valid = !user.is_empty()
        && consists_of(user, &USER)
        && password.is_none_or(|password| consists_of(password, &PASSWORD));
    if valid {
        Ok((user, password, after))
    } else {
        Err(text.len())
    }
}

/// `uri-parameters` and `headers`, which are all of `text`.
#[inline(never)]
fn params_and_headers(text: Part<'_>) -> Result<(Params<'_>, &[u8]), usize> {
    let mut rest = text;
    if !take_params(&mut rest) || !are_headers(rest.rest()) {
        return Err(text.len());
    }
    let params = text.before(text.len() - rest.len());
    Ok((Params::new(params.rest()), rest.after(1).rest()))
}

impl Scheme {
    /// The scheme of that name, in any case; `None` if it cannot be one.
    fn new(name: &[u8]) -> Option<Scheme> {
        let known: [(&[u8], Scheme); 3] = [
            (b"sip", Scheme::Sip),
            (b"sips", Scheme::Sips),
            (b"tel", Scheme::Tel),
        ];
        for (text, scheme) in known {
            if name.eq_ignore_ascii_case(text) {
                return Some(scheme);
            }
        }
        let valid = name.first().is_some_and(u8::is_ascii_alphabetic)
            && name
                .iter()
                .all(|&byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
        valid.then_some(Scheme::Other)
    }
}

/// `bytes` with every `%` HEX HEX undone, once. A `%` without two digits stays.
fn unescaped(bytes: &[u8]) -> impl Iterator<Item = u8> {
    units(bytes).map(|(byte, _)| byte)
}

/// The characters of a URI component, each with whether it was escaped.
fn units(bytes: &[u8]) -> impl Iterator<Item = (u8, bool)> {
    let mut rest = bytes;
    core::iter::from_fn(move || match rest {
        [b'%', high, low, after @ ..] if hex(*high).is_some() && hex(*low).is_some() => {
            rest = after;
            Some((hex(*high)? << 4 | hex(*low)?, true))
        }
        [byte, after @ ..] => {
            rest = after;
            Some((*byte, false))
        }
        [] => None,
    })
}

/// Takes escapes and characters of a class, which `%` is none of.
fn take_escaped(text: &mut Part<'_>, class: &Class) {
    loop {
        text.run(class);
        match text.rest() {
            [b'%', high, low, ..] if hex(*high).is_some() && hex(*low).is_some() => text.take(3),
            _ => return,
        };
    }
}

/// Whether `bytes` is made of escapes and characters of a class.
fn consists_of(bytes: &[u8], class: &Class) -> bool {
    let mut text = Part::new(bytes);
    take_escaped(&mut text, class);
    text.is_empty()
}

/// Takes `*( ";" uri-parameter )`; whether each is one. An empty value after
/// `=` is overlooked.
fn take_params(text: &mut Part<'_>) -> bool {
    while text.eat(b';') {
        let left = text.len();
        if text.first() != Some(b'=') {
            take_escaped(text, &URI_PARAM);
        }
        if text.len() == left {
            return false;
        }
    }
    true
}

/// `[ "?" header *( "&" header ) ]`
fn are_headers(headers: &[u8]) -> bool {
    let Some(all) = headers.strip_prefix(b"?") else {
        return headers.is_empty();
    };
    all.split(|&byte| byte == b'&').all(|header| {
        header.first().is_some_and(|&first| first != b'=')
            && memchr(b'=', header).is_some()
            && consists_of(header, &URI_HEADER)
    })
}

const fn is_phone_digit(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b'*' | b'#')
}

const fn is_separator(byte: u8) -> bool {
    matches!(byte, b'-' | b'.' | b'(' | b')')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri<'_> {
        Uri::parse(text.as_bytes()).unwrap_or_else(|fault| panic!("{text}: {fault:?}"))
    }

    #[test]
    fn all_parts_of_a_sip_uri() {
        let uri =
            uri("sip:alice:secret@[2001:db8::1]:5070;transport=tcp;lr?subject=x&priority=urgent");
        assert_eq!(uri.scheme, Scheme::Sip);
        assert_eq!(uri.user, b"alice");
        assert_eq!(uri.password, Some(&b"secret"[..]));
        assert_eq!(uri.host, b"[2001:db8::1]");
        assert_eq!(uri.port, Some(5070));
        assert_eq!(uri.params.value(b"transport"), Some(&b"tcp"[..]));
        assert_eq!(uri.headers, b"subject=x&priority=urgent");
        assert!(uri.is_loose());
        assert_eq!(uri.socket_addr(5060), "[2001:db8::1]:5070".parse().ok());
    }

    #[test]
    fn users_may_look_like_other_parts() {
        assert_eq!(
            uri("sip:user;par=u%40example.net@example.com").user,
            b"user;par=u%40example.net"
        );
        assert_eq!(uri("sip:a?b/c@h").user, b"a?b/c");
        assert_eq!(uri("sip:*72#@h").user, b"*72#");
        assert_eq!(uri("sip:a:@h").password, Some(&b""[..]));
        assert_eq!(uri("SIPS:h").scheme, Scheme::Sips);
    }

    #[test]
    fn what_is_no_uri() {
        let bad = [
            "",
            "sip",
            "sip:",
            "sip:@h",
            "sip:a@",
            "sip:a b@h",
            "sip:%4@h",
            "sip:%zz@h",
            "sip:a@h:",
            "sip:a@h:0",
            "sip:a@h:65536",
            "sip:a@h;",
            "sip:a@h;;lr",
            "sip:a@h;=x",
            "sip:a@h?",
            "sip:a@h?x",
            "sip:a@h?=x",
            "sip:2001:db8::10",
            "sip:[2001:db8::10",
            "sip:a@h;lr \"",
            "<sip:a@h>",
            "tel:",
            "tel:+",
            "tel:x;a",
            "1x:y",
            "x:",
            "x:a b",
            "sip:a@b@c",
            "sip:\u{e9}@h",
        ];
        for text in bad {
            assert!(Uri::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn headers_are_cut_off_and_nothing_else() {
        for (text, cut) in [
            ("sip:a@h", "sip:a@h"),
            ("sip:a@h:1;lr", "sip:a@h:1;lr"),
            ("sip:a@h;lr?Subject=x&Route=%3Csip:b%3E", "sip:a@h;lr"),
            ("sip:a?b@h", "sip:a?b@h"),
            ("sip:a?b@h?Subject=x", "sip:a?b@h"),
            ("sip:a@h?", "sip:a@h?"),
        ] {
            assert_eq!(Uri::without_headers(text.as_bytes()), cut.as_bytes());
        }
    }

    #[test]
    fn a_fault_points_into_the_uri() {
        assert_eq!(Uri::parse(b"sip:a@h:x").unwrap_err().at, 8);
        assert_eq!(Uri::parse(b"sip:a@h;;").unwrap_err().at, 7);
    }

    #[test]
    fn tel_and_other_schemes() {
        let tel = uri("tel:+1-201-555-0123;phone-context=example.com");
        assert_eq!(
            (tel.scheme, tel.user),
            (Scheme::Tel, &b"+1-201-555-0123"[..])
        );
        assert_eq!(
            tel.params.value(b"phone-context"),
            Some(&b"example.com"[..])
        );
        let other = uri("soap.beep://192.0.2.103:3002");
        assert_eq!(
            (other.scheme, other.rest),
            (Scheme::Other, &b"//192.0.2.103:3002"[..])
        );
        assert_eq!(other.socket_addr(5060), None);
    }

    #[test]
    fn users_are_unescaped_once() {
        assert!(uri("sip:%61li%2541@h").user_eq(b"ali%41"));
        assert!(!uri("sip:Alice@h").user_eq(b"alice"));
        let mut text = Text::from("old");
        uri("sip:null-%00-null@h").user_decoded(&mut text);
        assert_eq!(text.as_bytes(), b"null-\0-null");
    }
}
