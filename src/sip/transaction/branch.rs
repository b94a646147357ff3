//! The branch parameter of the requests we send (RFC 3261 §8.1.1.7).
//!
//! It names the slot it belongs to, so that a response finds its transaction
//! without a search, and carries 64 random bits, so that nobody who has not
//! seen the request can answer it.

use super::TransactionId;
use crate::base::{from_hex, hex};

/// Begins every branch that follows RFC 3261.
const COOKIE: &[u8; 7] = b"z9hG4bK";

/// The cookie, 16 digits of slot and generation, 16 random ones.
const LENGTH: usize = 7 + 16 + 16;

/// A branch of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Branch([u8; LENGTH]);

impl Branch {
    /// The branch of `id` with `secret` as its random bits.
    pub(super) fn new(id: TransactionId, secret: u64) -> Branch {
        let place = u64::from(id.slot) << 32 | u64::from(id.generation);
        let mut bytes = [0; LENGTH];
        let (cookie, digits) = bytes.split_at_mut(COOKIE.len());
        let (places, secrets) = digits.split_at_mut(16);
        cookie.copy_from_slice(COOKIE);
        places.copy_from_slice(&hex(place));
        secrets.copy_from_slice(&hex(secret));
        Branch(bytes)
    }

    /// What a branch says; `None` if it cannot be ours. Parameter values do
    /// not care for case (§7.3.1).
    pub(super) fn parse(branch: &[u8]) -> Option<(TransactionId, u64)> {
        let (place, secret) = strip_cookie(branch)?.split_at_checked(16)?;
        let place = from_hex(place.try_into().ok()?)?;
        let id = TransactionId {
            slot: (place >> 32) as u32,
            generation: place as u32,
        };
        Some((id, from_hex(secret.try_into().ok()?)?))
    }

    /// The parameter's value.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What follows the magic cookie, if `branch` begins with it (§17.2.3).
pub(super) fn strip_cookie(branch: &[u8]) -> Option<&[u8]> {
    let (cookie, rest) = branch.split_at_checked(COOKIE.len())?;
    cookie.eq_ignore_ascii_case(COOKIE).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TransactionId = TransactionId {
        slot: 0x0001_e240,
        generation: 7,
    };

    #[test]
    fn a_branch_says_what_it_was_made_of() {
        let branch = Branch::new(ID, 0xfedc_ba98_7654_3210);
        assert_eq!(
            branch.as_bytes(),
            b"z9hG4bK0001e24000000007fedcba9876543210"
        );
        assert_eq!(
            Branch::parse(branch.as_bytes()),
            Some((ID, 0xfedc_ba98_7654_3210))
        );
        let upper = branch.as_bytes().to_ascii_uppercase();
        assert_eq!(Branch::parse(&upper), Some((ID, 0xfedc_ba98_7654_3210)));
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let ours = Branch::new(ID, 1);
        assert_eq!(Branch::parse(&ours.as_bytes()[..38]), None);
        assert_eq!(Branch::parse(&[ours.as_bytes(), b"0"].concat()), None);
        assert_eq!(Branch::parse(b"z9hG4bKnashds8"), None);
        assert_eq!(
            Branch::parse(b"z9hG4bK0001e24000000007fedcba987654321g"),
            None
        );
        assert_eq!(Branch::parse(b"z9hG4"), None);
    }
}
