//! When two URIs are equivalent (RFC 3261 §19.1.4; RFC 3966 §4 for tel).

use super::{Scheme, Uri, is_separator, units};
use crate::wire::header::Params;
use crate::wire::scan::{ip, split};
use memchr::memchr;

/// Parameters that, present in one URI only, keep it from matching. The RFC's
/// text names user, ttl, method and maddr here, its examples transport too.
const SIGNIFICANT: [&[u8]; 5] = [b"transport", b"user", b"ttl", b"method", b"maddr"];

/// How many parameters and headers of a URI are compared pair by pair, which
/// takes time by their square.
const MAX_PARTS: usize = 32;

impl Uri<'_> {
    /// Whether both URIs are equivalent. Not transitive, as the RFC notes.
    /// URIs of other schemes are equivalent when they are the same bytes.
    /// So are those with more parts than are compared pair by pair.
    pub fn equivalent(a: &Uri, b: &Uri) -> bool {
        if a.scheme != b.scheme {
            return false;
        }
        if a.rest == b.rest || a.is_crowded() || b.is_crowded() {
            return a.rest == b.rest;
        }
        match a.scheme {
            Scheme::Sip | Scheme::Sips => {
                same(a.user, b.user)
                    && same_option(a.password, b.password)
                    && same_host(a.host, b.host)
                    && a.port == b.port
                    && same_params(a.params, b.params)
                    && same_headers(a.headers, b.headers)
            }
            Scheme::Tel => same_number(a.user, b.user) && all_params(a.params, b.params),
            Scheme::Other => false,
        }
    }

    fn is_crowded(&self) -> bool {
        let parts = |text: &[u8], mark| text.iter().filter(|&&byte| byte == mark).count();
        parts(self.params.as_bytes(), b';') + parts(self.headers, b'&') > MAX_PARTS
    }
}

/// One character as the comparison sees it: an escape is the character it
/// stands for, except where that one is reserved (RFC 2396 §2.2).
fn meaning(bytes: &[u8]) -> impl Iterator<Item = (u8, bool)> {
    units(bytes).map(|(byte, escaped)| {
        let reserved = matches!(
            byte,
            b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b','
        );
        (byte, escaped && reserved)
    })
}

/// Equal, case included.
fn same(a: &[u8], b: &[u8]) -> bool {
    a == b || meaning(a).eq(meaning(b))
}

/// Equal, case aside.
fn alike(a: &[u8], b: &[u8]) -> bool {
    let folded = |(byte, escaped): (u8, bool)| (byte.to_ascii_lowercase(), escaped);
    meaning(a).map(folded).eq(meaning(b).map(folded))
}

fn same_option(a: Option<&[u8]>, b: Option<&[u8]>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same(a, b),
        (None, None) => true,
        _ => false,
    }
}

fn alike_option(a: Option<&[u8]>, b: Option<&[u8]>) -> bool {
    alike(a.unwrap_or(b""), b.unwrap_or(b""))
}

fn same_host(a: &[u8], b: &[u8]) -> bool {
    a.eq_ignore_ascii_case(b) || ip(a).is_some_and(|address| ip(b) == Some(address))
}

fn find<'a>(params: Params<'a>, name: &[u8]) -> Option<Option<&'a [u8]>> {
    params
        .iter()
        .find(|(found, _)| alike(found, name))
        .map(|(_, value)| value)
}

fn same_params(a: Params, b: Params) -> bool {
    let matches = |from: Params, to: Params| {
        from.iter().all(|(name, value)| match find(to, name) {
            Some(other) => alike_option(value, other),
            None => !SIGNIFICANT
                .iter()
                .any(|significant| alike(significant, name)),
        })
    };
    matches(a, b) && matches(b, a)
}

/// Of tel URIs every parameter counts.
fn all_params(a: Params, b: Params) -> bool {
    let within = |from: Params, to: Params| {
        from.iter()
            .all(|(name, value)| find(to, name).is_some_and(|other| alike_option(value, other)))
    };
    within(a, b) && within(b, a)
}

/// Header components match as sets, values case aside.
fn same_headers(a: &[u8], b: &[u8]) -> bool {
    fn list(headers: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
        headers.split(|&byte| byte == b'&').map(name_and_value)
    }
    let within = |from: &[u8], to: &[u8]| {
        list(from).all(|(name, value)| {
            list(to).any(|(other, found)| alike(name, other) && alike(value, found))
        })
    };
    within(a, b) && within(b, a)
}

fn name_and_value(header: &[u8]) -> (&[u8], &[u8]) {
    let (name, value) = split(header, memchr(b'=', header).unwrap_or(header.len()));
    (name, value.get(1..).unwrap_or(b""))
}

/// Telephone numbers without their visual separators.
fn same_number(a: &[u8], b: &[u8]) -> bool {
    let digits = |number: &[u8]| {
        let kept = number.iter().filter(|&&byte| !is_separator(byte));
        kept.map(u8::to_ascii_lowercase)
            .collect::<smallvec::SmallVec<[u8; 32]>>()
    };
    digits(a) == digits(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equivalent(a: &str, b: &str) -> bool {
        let (a, b) = (
            Uri::parse(a.as_bytes()).unwrap(),
            Uri::parse(b.as_bytes()).unwrap(),
        );
        let forward = Uri::equivalent(&a, &b);
        assert_eq!(forward, Uri::equivalent(&b, &a), "symmetric");
        forward
    }

    #[test]
    fn the_equivalent_examples_of_rfc_3261_19_1_4() {
        let sets: [&[&str]; 4] = [
            &[
                "sip:%61lice@atlanta.com;transport=TCP",
                "sip:alice@AtLanTa.CoM;Transport=tcp",
            ],
            &["sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"],
            &[
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ],
            &[
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ],
        ];
        for set in sets {
            assert!(equivalent(set[0], set[1]), "{set:?}");
        }
        assert!(equivalent(
            "sip:carol@chicago.com",
            "sip:carol@chicago.com;security=on"
        ));
        assert!(equivalent(
            "sip:carol@chicago.com;newparam=5",
            "sip:carol@chicago.com;security=on"
        ));
    }

    #[test]
    fn the_different_examples_of_rfc_3261_19_1_4() {
        let pairs = [
            (
                "SIP:ALICE@AtLanTa.CoM;Transport=udp",
                "sip:alice@AtLanTa.CoM;Transport=UDP",
            ),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            (
                "sip:bob@biloxi.com",
                "sip:bob@biloxi.com:6000;transport=tcp",
            ),
            (
                "sip:carol@chicago.com",
                "sip:carol@chicago.com?Subject=next%20meeting",
            ),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            (
                "sip:carol@chicago.com;security=on",
                "sip:carol@chicago.com;security=off",
            ),
            ("sip:a@b", "sips:a@b"),
            ("sip:a@b", "sip:a:@b"),
            ("sip:a@b;user=phone", "sip:a@b"),
            ("sip:a@b;ttl=1", "sip:a@b"),
            ("sip:a@b;maddr=1.2.3.4", "sip:a@b"),
            ("sip:%40@b", "sip:a@b"),
            ("sip:a%3Bb@c", "sip:a;b@c"),
            ("sip:%00@host5.example.com", "sip:%00%00@host5.example.com"),
        ];
        for (a, b) in pairs {
            assert!(!equivalent(a, b), "{a} {b}");
        }
    }

    #[test]
    fn escapes_and_literals() {
        assert!(equivalent(
            "sip:a@h;n%61me=v%61lue%25%34%31",
            "sip:a@h;name=value%2541"
        ));
        assert!(!equivalent(
            "sip:a@h;name=value%2541",
            "sip:a@h;name=valueA"
        ));
        assert!(equivalent("sip:a@[2001:DB8::1]", "sip:a@[2001:db8:0::1]"));
    }

    #[test]
    fn tel_uris_ignore_separators() {
        assert!(equivalent("tel:+1-201-555-0123", "tel:+1(201)5550123"));
        assert!(!equivalent("tel:+12015550123", "tel:12015550123"));
        assert!(!equivalent("tel:1;phone-context=a", "tel:1"));
    }
}
