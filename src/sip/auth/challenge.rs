//! The challenge as a header value (RFC 7616 §3.3, RFC 8760 §2.3). Which
//! challenge to give is the gate's decision.

use core::fmt;

use super::algorithm::Algorithm;
use super::nonce::NonceText;

/// The value of one WWW-Authenticate or Proxy-Authenticate header.
#[derive(Clone, Copy, Debug)]
pub struct Challenge<'a> {
    /// As it stands between quotes.
    pub(super) realm: &'a str,
    pub(super) nonce: NonceText,
    pub(super) algorithm: Algorithm,
    pub(super) stale: bool,
}

impl Challenge<'_> {
    /// The value in parts, to be written one after the other.
    pub fn parts(&self) -> [&[u8]; 7] {
        [
            b"Digest realm=\"",
            self.realm.as_bytes(),
            b"\", nonce=\"",
            self.nonce.as_bytes(),
            b"\", qop=\"auth\", algorithm=",
            self.algorithm.name().as_bytes(),
            if self.stale { b", stale=true" } else { b"" },
        ]
    }
}

/// The challenges of one answer, one header each, most preferred first. They
/// share a nonce.
#[derive(Clone, Debug)]
pub struct Challenges<'a> {
    /// As it stands between quotes.
    pub(super) realm: &'a str,
    pub(super) nonce: NonceText,
    pub(super) algorithms: core::slice::Iter<'a, Algorithm>,
    pub(super) md5_only: bool,
    pub(super) stale: bool,
}

impl<'a> Iterator for Challenges<'a> {
    type Item = Challenge<'a>;

    fn next(&mut self) -> Option<Challenge<'a>> {
        let md5_only = self.md5_only;
        let algorithm = *self
            .algorithms
            .find(|algorithm| !md5_only || algorithm.is_md5())?;
        Some(Challenge {
            realm: self.realm,
            nonce: self.nonce,
            algorithm,
            stale: self.stale,
        })
    }
}

/// The inside of a quoted-string (RFC 3261 §25.1): escapes what must be,
/// leaves out control characters.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for character in self.0.chars().filter(|character| !character.is_control()) {
            if matches!(character, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(character)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_cannot_break_out_of_its_quotes() {
        assert_eq!(Quoted("a\"b\\c\r\nd").to_string(), "a\\\"b\\\\cd");
    }
}
