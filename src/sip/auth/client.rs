//! The client's role: answers a challenge that a remote gave us (RFC 7616
//! §3.4, RFC 8760 §2.4). Credentials leave only for a realm they were
//! configured for.

use super::algorithm::{Algorithm, Hex};
use super::digest::{Counted, Secret, Terms, hashed_a2, says};
use crate::wire::DigestParams;

/// Who we are to a realm.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    /// The user name.
    pub user: &'a [u8],
    /// Its secret.
    pub secret: Secret<'a>,
    /// The realm it is for; `None` answers any realm this remote names.
    pub realm: Option<&'a [u8]>,
}

/// Answers one of the challenges of a 401 or 407 with the value of an
/// Authorization or Proxy-Authorization header.
///
/// Of the challenges that name a realm of ours, an algorithm known here and no
/// protection we lack, the one with the strongest algorithm is answered, the
/// topmost of several. An identity for the realm comes before one for any.
/// `cnonce` is random; `nc` counts the uses of the challenge's nonce, from 1.
/// `None`: nothing can be answered, and nothing leaves.
pub fn respond<'a>(
    challenges: impl Iterator<Item = DigestParams<'a>>,
    identities: &[Identity],
    method: &[u8],
    uri: &[u8],
    cnonce: u64,
    nc: u32,
) -> Option<Vec<u8>> {
    let mut best: Option<Plan> = None;
    for plan in challenges.filter_map(|params| Plan::read(&params, identities)) {
        if best
            .as_ref()
            .is_none_or(|best| plan.algorithm > best.algorithm)
        {
            best = Some(plan);
        }
    }
    best.map(|plan| plan.write(method, uri, cnonce, nc))
}

/// A challenge that can be answered, and by whom.
struct Plan<'a, 'i> {
    identity: &'i Identity<'i>,
    algorithm: Algorithm,
    /// `algorithm` was written, so the answer repeats it.
    named: bool,
    realm: &'a [u8],
    nonce: &'a [u8],
    opaque: Option<&'a [u8]>,
    /// `qop=auth` was offered.
    counted: bool,
}

impl<'a, 'i> Plan<'a, 'i> {
    fn read(params: &DigestParams<'a>, identities: &'i [Identity<'i>]) -> Option<Plan<'a, 'i>> {
        if !params.scheme_is_digest {
            return None;
        }
        let (realm, nonce) = (params.realm()?, params.nonce()?);
        let algorithm = Algorithm::parse(params.algorithm())?;
        let counted = match params.qop() {
            None => false,
            Some(offered) if offers_auth(offered) => true,
            Some(_) => return None,
        };
        let suited = || {
            identities
                .iter()
                .filter(|identity| identity.secret.suits(algorithm))
        };
        let identity = suited()
            .find(|identity| identity.realm.is_some_and(|ours| says(realm, ours)))
            .or_else(|| suited().find(|identity| identity.realm.is_none()))?;
        let named = params.algorithm().is_some();
        Some(Plan {
            identity,
            algorithm,
            named,
            realm,
            nonce,
            opaque: params.opaque(),
            counted,
        })
    }

    fn write(&self, method: &[u8], uri: &[u8], cnonce: u64, nc: u32) -> Vec<u8> {
        let cnonce = Hex::from(&cnonce.to_be_bytes()[..]);
        let nc = Hex::from(&nc.to_be_bytes()[..]);
        let sends_cnonce = self.counted || self.algorithm.is_session();
        let terms = Terms {
            algorithm: self.algorithm,
            user: self.identity.user,
            realm: self.realm,
            secret: self.identity.secret,
            nonce: self.nonce,
            cnonce: if sends_cnonce { cnonce.as_bytes() } else { b"" },
            counted: self.counted.then_some(Counted {
                nc: nc.as_bytes(),
                qop: b"auth",
            }),
            a2: hashed_a2(self.algorithm, method, uri),
        };
        let response = terms.response();
        let mut value = Vec::with_capacity(256);
        value.extend_from_slice(b"Digest username=\"");
        escape(self.identity.user, &mut value);
        // What came in quotes goes back as it came, escapes and all.
        for part in [
            b"\", realm=\"",
            self.realm,
            b"\", nonce=\"",
            self.nonce,
            b"\", uri=\"",
            uri,
        ] {
            value.extend_from_slice(part);
        }
        value.extend_from_slice(b"\", response=\"");
        value.extend_from_slice(response.as_bytes());
        value.push(b'"');
        if self.named {
            value.extend_from_slice(b", algorithm=");
            value.extend_from_slice(self.algorithm.name().as_bytes());
        }
        if sends_cnonce {
            value.extend_from_slice(b", cnonce=\"");
            value.extend_from_slice(cnonce.as_bytes());
            value.push(b'"');
        }
        if self.counted {
            value.extend_from_slice(b", qop=auth, nc=");
            value.extend_from_slice(nc.as_bytes());
        }
        if let Some(opaque) = self.opaque {
            value.extend_from_slice(b", opaque=\"");
            value.extend_from_slice(opaque);
            value.push(b'"');
        }
        value
    }
}

/// Whether `auth` is among the options of a challenge's `qop`.
fn offers_auth(options: &[u8]) -> bool {
    options
        .split(|&byte| byte == b',')
        .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"auth"))
}

/// Writes the inside of a quoted-string.
fn escape(plain: &[u8], value: &mut Vec<u8>) {
    for &byte in plain.iter().filter(|byte| !byte.is_ascii_control()) {
        if matches!(byte, b'"' | b'\\') {
            value.push(b'\\');
        }
        value.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Secret<'static> = Secret::Plain(b"Circle Of Life");

    fn mufasa(realm: Option<&'static [u8]>) -> Identity<'static> {
        Identity {
            user: b"Mufasa",
            secret: PLAIN,
            realm,
        }
    }

    fn answer(challenges: &[&'static str], identities: &[Identity]) -> Option<String> {
        let challenges = challenges
            .iter()
            .map(|value| DigestParams::parse(value.as_bytes()));
        let value = respond(
            challenges,
            identities,
            b"GET",
            b"/dir/index.html",
            0x0a4f_113b,
            1,
        )?;
        Some(String::from_utf8(value).unwrap())
    }

    #[test]
    fn credentials_have_the_form_of_rfc_7616_section_3_4() {
        let challenge = "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", \
                         nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c\", algorithm=MD5";
        let response = Terms {
            algorithm: Algorithm::Md5,
            user: b"Mufasa",
            realm: b"testrealm@host.com",
            secret: PLAIN,
            nonce: b"dcd98b7102dd2f0e8b11d0f600bfb0c093",
            cnonce: b"000000000a4f113b",
            counted: Some(Counted {
                nc: b"00000001",
                qop: b"auth",
            }),
            a2: hashed_a2(Algorithm::Md5, b"GET", b"/dir/index.html"),
        }
        .response();
        let expected = format!(
            "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", \
             nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", response=\"{}\", \
             algorithm=MD5, cnonce=\"000000000a4f113b\", qop=auth, nc=00000001, opaque=\"5ccc069c\"",
            core::str::from_utf8(response.as_bytes()).unwrap()
        );
        assert_eq!(answer(&[challenge], &[mufasa(None)]), Some(expected));
    }

    /// What Asterisk 13.3.2 sends, and how a phone of its day answers.
    #[test]
    fn an_old_challenge_is_answered_in_the_old_form() {
        let value = answer(
            &["Digest algorithm=MD5, realm=\"asterisk\", nonce=\"7d70bb0d\""],
            &[mufasa(None)],
        );
        let value = value.unwrap();
        assert!(value.starts_with(
            "Digest username=\"Mufasa\", realm=\"asterisk\", nonce=\"7d70bb0d\", uri=\"/dir/index.html\", response=\""
        ));
        assert!(
            value.ends_with("\", algorithm=MD5")
                && !value.contains("cnonce")
                && !value.contains("qop")
        );
    }

    #[test]
    fn an_algorithm_that_was_not_named_is_not_named_back() {
        let value = answer(&["Digest realm=\"r\", nonce=\"n\""], &[mufasa(None)]).unwrap();
        assert!(!value.contains("algorithm"));
    }

    #[test]
    fn a_realm_without_an_identity_gets_nothing() {
        let challenge = ["Digest realm=\"evil\", nonce=\"n\""];
        assert_eq!(answer(&challenge, &[mufasa(Some(b"good"))]), None);
        assert_eq!(answer(&challenge, &[]), None);
        assert!(
            answer(
                &["Digest realm=\"good\", nonce=\"n\""],
                &[mufasa(Some(b"good"))]
            )
            .is_some()
        );
    }

    #[test]
    fn the_realm_s_own_identity_comes_before_one_for_any() {
        let own = Identity {
            user: b"own",
            ..mufasa(Some(b"r"))
        };
        let value = answer(&["Digest realm=\"r\", nonce=\"n\""], &[mufasa(None), own]).unwrap();
        assert!(value.starts_with("Digest username=\"own\""));
    }

    #[test]
    fn the_strongest_algorithm_is_answered_the_topmost_of_equals() {
        let challenges = [
            "Digest realm=\"r\", nonce=\"1\", algorithm=MD5",
            "Digest realm=\"r\", nonce=\"2\", algorithm=SHA-256",
            "Digest realm=\"r\", nonce=\"3\", algorithm=SHA-256",
            "Digest realm=\"r\", nonce=\"4\", algorithm=SHA-512-256",
        ];
        assert!(
            answer(&challenges, &[mufasa(None)])
                .unwrap()
                .contains("nonce=\"2\"")
        );
        let hashed = Identity {
            secret: Secret::Md5(b"939e7578ed9e3c518a452acee763bce9"),
            ..mufasa(None)
        };
        assert!(
            answer(&challenges, &[hashed])
                .unwrap()
                .contains("nonce=\"1\"")
        );
        assert_eq!(
            answer(&challenges[1..], &[hashed]),
            None,
            "md5secret answers MD5 only"
        );
    }

    #[test]
    fn what_cannot_be_answered_is_passed_over() {
        let challenges = [
            "Basic realm=\"r\"",
            "Digest realm=\"r\"",
            "Digest nonce=\"n\"",
            "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"",
        ];
        assert_eq!(answer(&challenges, &[mufasa(None)]), None);
    }

    #[test]
    fn a_session_sends_its_cnonce_even_without_qop() {
        let value = answer(
            &["Digest realm=\"r\", nonce=\"n\", algorithm=MD5-sess"],
            &[mufasa(None)],
        )
        .unwrap();
        assert!(value.contains(", algorithm=MD5-sess, cnonce=\"000000000a4f113b\""));
    }

    #[test]
    fn a_user_cannot_break_out_of_its_quotes() {
        let odd = Identity {
            user: b"a\"b\r\n\\",
            ..mufasa(None)
        };
        let value = answer(&["Digest realm=\"r\", nonce=\"n\""], &[odd]).unwrap();
        assert!(value.starts_with("Digest username=\"a\\\"b\\\\\", realm="));
    }
}
