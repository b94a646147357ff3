//! The branch parameter of the requests we send (RFC 3261 §8.1.1.7).
//!
//! It names the slot it belongs to, so that a response finds its transaction
//! without a search, and carries 64 random bits, so that nobody who has not
//! seen the request can answer it.

use super::TransactionId;

/// Begins every branch that follows RFC 3261.
pub(super) const COOKIE: &[u8] = b"z9hG4bK";

/// The cookie, 16 digits of slot and generation, 16 random ones.
const LENGTH: usize = 7 + 16 + 16;

/// A branch of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Branch([u8; LENGTH]);

impl Branch {
    /// The branch of `id` with `secret` as its random bits.
    pub(super) fn new(id: TransactionId, secret: u64) -> Branch {
        let place = u64::from(id.slot) << 32 | u64::from(id.generation);
        let digits = u128::from(place) << 64 | u128::from(secret);
        let mut bytes = [0; LENGTH];
        for (byte, &letter) in bytes.iter_mut().zip(COOKIE) {
            *byte = letter;
        }
        for (n, byte) in bytes.iter_mut().rev().take(32).enumerate() {
            let digit = (digits >> (4 * n)) as u8 & 15;
            *byte = if digit < 10 {
                b'0' + digit
            } else {
                b'a' + digit - 10
            };
        }
        Branch(bytes)
    }

    /// What a branch says; `None` if it cannot be ours. Parameter values do
    /// not care for case (§7.3.1).
    pub(super) fn parse(branch: &[u8]) -> Option<(TransactionId, u64)> {
        let digits = strip_cookie(branch)?;
        if digits.len() != 32 {
            return None;
        }
        let value = digits.iter().try_fold(0_u128, |value, &byte| {
            Some(value << 4 | u128::from(char::from(byte).to_digit(16)?))
        })?;
        let id = TransactionId {
            slot: (value >> 96) as u32,
            generation: (value >> 64) as u32,
        };
        Some((id, value as u64))
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
