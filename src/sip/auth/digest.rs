//! The formulas of Digest (RFC 7616 §3.4, RFC 2617 §3.2.2), from their terms
//! to the `response`. Both roles compute with them; neither parses here.

use memchr::memchr;

use super::algorithm::{Algorithm, Hex};

/// A password, or the hash that stands for it. Has no `Debug`.
#[derive(Clone, Copy)]
pub enum Secret<'a> {
    /// The password itself.
    Plain(&'a [u8]),
    /// MD5(user:realm:password) in 32 hexadecimal digits (`md5secret`).
    Md5(&'a [u8]),
    /// The password, and that hash of it for the realm at hand.
    Both {
        /// The password itself.
        password: &'a [u8],
        /// MD5(user:realm:password), as above.
        md5: &'a [u8],
    },
}

impl Secret<'_> {
    /// Whether a response by `algorithm` can be computed from it.
    pub fn suits(self, algorithm: Algorithm) -> bool {
        !matches!(self, Secret::Md5(_)) || algorithm.is_md5()
    }
}

/// MD5(user:realm:password) in hexadecimal digits, as [`Secret::Both`] takes it.
pub fn md5_of(user: &[u8], realm: &[u8], password: &[u8]) -> [u8; 32] {
    let hex = Algorithm::Md5.hash(&[user, realm, password]);
    hex.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// `qop=auth`'s terms (RFC 7616 §3.4).
#[derive(Clone, Copy)]
pub(super) struct Counted<'a> {
    /// `nc` as written, eight digits.
    pub(super) nc: &'a [u8],
    /// `qop` as written.
    pub(super) qop: &'a [u8],
}

/// Everything a response is made of.
pub(super) struct Terms<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) user: &'a [u8],
    pub(super) realm: &'a [u8],
    pub(super) secret: Secret<'a>,
    pub(super) nonce: &'a [u8],
    /// Empty where none is sent.
    pub(super) cnonce: &'a [u8],
    /// `None` is the form of RFC 2069.
    pub(super) counted: Option<Counted<'a>>,
    /// H(A2), by [`hashed_a2`].
    pub(super) a2: Hex,
}

/// H(A2) (RFC 7616 §3.4.3).
pub(super) fn hashed_a2(algorithm: Algorithm, method: &[u8], uri: &[u8]) -> Hex {
    algorithm.hash(&[method, uri])
}

impl Terms<'_> {
    /// The `response` value (RFC 7616 §3.4.1; RFC 2617 §3.2.2.1 without qop).
    pub(super) fn response(&self) -> Hex {
        let a1 = self.hashed_a1();
        let a2 = &self.a2;
        match self.counted {
            Some(Counted { nc, qop }) => self.algorithm.hash(&[
                a1.as_bytes(),
                self.nonce,
                nc,
                self.cnonce,
                qop,
                a2.as_bytes(),
            ]),
            None => self
                .algorithm
                .hash(&[a1.as_bytes(), self.nonce, a2.as_bytes()]),
        }
    }

    /// H(A1) (RFC 7616 §3.4.2).
    fn hashed_a1(&self) -> Hex {
        let base = match self.secret {
            Secret::Plain(password) => self.algorithm.hash(&[self.user, self.realm, password]),
            Secret::Both { md5, .. } if self.algorithm.is_md5() => Hex::from_digits(md5),
            Secret::Both { password, .. } => {
                self.algorithm.hash(&[self.user, self.realm, password])
            }
            Secret::Md5(digits) => Hex::from_digits(digits),
        };
        if self.algorithm.is_session() {
            self.algorithm
                .hash(&[base.as_bytes(), self.nonce, self.cnonce])
        } else {
            base
        }
    }
}

/// Whether a quoted value, escapes still in it, says `plain`.
pub(super) fn says(quoted: &[u8], plain: &[u8]) -> bool {
    // Hardly any value has one.
    if memchr(b'\\', quoted).is_none() {
        return quoted == plain;
    }
    let mut rest = quoted.iter();
    let unescaped = core::iter::from_fn(|| match rest.next()? {
        b'\\' => rest.next(),
        byte => Some(byte),
    });
    unescaped.eq(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2617 §3.5.
    fn mufasa() -> Terms<'static> {
        Terms {
            algorithm: Algorithm::Md5,
            user: b"Mufasa",
            realm: b"testrealm@host.com",
            secret: Secret::Plain(b"Circle Of Life"),
            nonce: b"dcd98b7102dd2f0e8b11d0f600bfb0c093",
            cnonce: b"0a4f113b",
            counted: Some(Counted {
                nc: b"00000001",
                qop: b"auth",
            }),
            a2: hashed_a2(Algorithm::Md5, b"GET", b"/dir/index.html"),
        }
    }

    /// RFC 7616 §3.9.1, which spells the password otherwise.
    fn mufasa_2015(algorithm: Algorithm) -> Terms<'static> {
        Terms {
            algorithm,
            realm: b"http-auth@example.org",
            secret: Secret::Plain(b"Circle of Life"),
            a2: hashed_a2(algorithm, b"GET", b"/dir/index.html"),
            nonce: b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            cnonce: b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            ..mufasa()
        }
    }

    #[test]
    fn rfc_2617_section_3_5() {
        assert_eq!(
            mufasa().response().as_bytes(),
            b"6629fae49393a05397450978507c4ef1"
        );
    }

    #[test]
    fn rfc_7616_section_3_9_1_md5() {
        let response = mufasa_2015(Algorithm::Md5).response();
        assert_eq!(response.as_bytes(), b"8ca523f5e9506fed4657c9700eebdbec");
    }

    #[test]
    fn rfc_7616_section_3_9_1_sha_256() {
        let response = mufasa_2015(Algorithm::Sha256).response();
        assert_eq!(
            response.as_bytes(),
            b"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
    }

    #[test]
    fn without_qop_the_form_of_rfc_2069() {
        let a1 = Algorithm::Md5.hash(&[b"Mufasa:testrealm@host.com:Circle Of Life"]);
        let a2 = Algorithm::Md5.hash(&[b"GET:/dir/index.html"]);
        let joined = [
            a1.as_bytes(),
            b":dcd98b7102dd2f0e8b11d0f600bfb0c093:",
            a2.as_bytes(),
        ]
        .concat();
        let terms = Terms {
            counted: None,
            ..mufasa()
        };
        assert_eq!(
            terms.response().as_bytes(),
            Algorithm::Md5.hash(&[&joined]).as_bytes()
        );
    }

    #[test]
    fn a_session_hashes_the_nonces_into_a1() {
        let a1 = Algorithm::Md5.hash(&[b"Mufasa:testrealm@host.com:Circle Of Life"]);
        let session = Secret::Md5(a1.as_bytes());
        let inner = [
            a1.as_bytes(),
            b":dcd98b7102dd2f0e8b11d0f600bfb0c093:0a4f113b",
        ]
        .concat();
        let key = Algorithm::Md5.hash(&[&inner]);
        let plain = Terms {
            secret: Secret::Md5(key.as_bytes()),
            ..mufasa()
        };
        let md5_sess = Terms {
            algorithm: Algorithm::Md5Sess,
            secret: session,
            ..mufasa()
        };
        assert_eq!(md5_sess.response().as_bytes(), plain.response().as_bytes());
    }

    #[test]
    fn md5secret_stands_for_the_password_in_either_case() {
        let a1 = Algorithm::Md5.hash(&[b"Mufasa:testrealm@host.com:Circle Of Life"]);
        let upper = a1.as_bytes().to_ascii_uppercase();
        for digits in [a1.as_bytes(), &upper] {
            let terms = Terms {
                secret: Secret::Md5(digits),
                ..mufasa()
            };
            assert_eq!(terms.response().as_bytes(), mufasa().response().as_bytes());
        }
    }

    #[test]
    fn a_hash_known_beforehand_changes_no_response() {
        let password = b"Circle of Life";
        let md5 = md5_of(b"Mufasa", b"http-auth@example.org", password);
        for algorithm in [
            Algorithm::Md5,
            Algorithm::Md5Sess,
            Algorithm::Sha256,
            Algorithm::Sha256Sess,
        ] {
            let known = Terms {
                secret: Secret::Both {
                    password,
                    md5: &md5,
                },
                ..mufasa_2015(algorithm)
            };
            let computed = mufasa_2015(algorithm).response();
            assert_eq!(known.response().as_bytes(), computed.as_bytes());
            assert!(known.secret.suits(algorithm));
        }
    }

    #[test]
    fn md5secret_suits_md5_only() {
        let secret = Secret::Md5(b"");
        assert!(secret.suits(Algorithm::Md5) && secret.suits(Algorithm::Md5Sess));
        assert!(!secret.suits(Algorithm::Sha256) && !secret.suits(Algorithm::Sha256Sess));
        assert!(Secret::Plain(b"").suits(Algorithm::Sha256));
    }

    #[test]
    fn escapes_in_a_quoted_value_stand_for_their_character() {
        assert!(says(b"a\\\"b\\\\", b"a\"b\\"));
        assert!(says(b"plain", b"plain"));
        assert!(!says(b"plain", b"plai") && !says(b"plai", b"plain"));
    }
}
