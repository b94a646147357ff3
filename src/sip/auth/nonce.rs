//! Nonces that need no memory: each says when and where it was minted and
//! carries a MAC that only this engine can make. Which proofs were spent is
//! the guard's business.

use core::fmt;
use core::hash::Hasher as _;

use sha2::{Digest, Sha256};
use siphasher::sip::SipHasher24;

use crate::base::{ShardId, UnixTime};

/// Length of a nonce on the wire, in characters. A phone hashes the nonce into
/// its proof: with one this short the proof, whose client nonce has up to 17
/// characters, fits two blocks of MD5.
pub const NONCE_LEN: usize = STAMP_LEN + MAC_LEN;

/// 60 bits.
const STAMP_LEN: usize = 10;
/// 64 bits.
const MAC_LEN: usize = 11;

/// Bits of a stamp below the second: nonces of one shard and second that are
/// told apart before stamps run ahead of the clock.
const SERIAL_BITS: u32 = 24;

/// When a shard minted a nonce, and which one of that second it was. Unique
/// and rising on its shard.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Stamp(pub(super) u64);

impl Stamp {
    /// The last stamp of a second.
    pub(super) fn last_of(time: UnixTime) -> Stamp {
        Stamp(((time.0 + 1) << SERIAL_BITS) - 1)
    }

    fn first_of(time: UnixTime) -> Stamp {
        Stamp(time.0 << SERIAL_BITS)
    }

    fn second(self) -> u64 {
        self.0 >> SERIAL_BITS
    }
}

/// A nonce as it is sent: letters, digits, `-` and `_`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NonceText([u8; NONCE_LEN]);

impl NonceText {
    /// The characters.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for NonceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(&self.0).unwrap_or_default())
    }
}

impl fmt::Debug for NonceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One shard's mint.
///
/// A nonce is good on the shard that minted it and nowhere else, so that the
/// shard's own guard is exact without sharing.
///
/// The MAC is SipHash-2-4, made for messages this short: whoever lacks its
/// 128-bit key can tell no tag of a stamp not seen yet from a random one,
/// however many nonces were seen. A million guesses a second find one of 64
/// bits in half a million years, and then still lack a secret. It costs a tenth
/// of HMAC, and every challenge that a stranger asks for costs one.
pub struct Nonces {
    /// Keyed for this realm and shard.
    mac: SipHasher24,
    lifetime_s: u32,
    last: Stamp,
}

impl Nonces {
    /// The mint of `shard` for `realm`. `key` is the engine's; a nonce lives
    /// `lifetime_s` seconds. Nothing minted up to the second of `start`, by an
    /// earlier incarnation of this shard, is minted again.
    pub fn new(
        key: &[u8; 32],
        shard: ShardId,
        realm: &[u8],
        lifetime_s: u32,
        start: UnixTime,
    ) -> Nonces {
        let mut own_key = Sha256::new();
        own_key.update(key);
        own_key.update(shard.to_be_bytes());
        own_key.update(realm);
        let mut mac_key = [0; 16];
        for (to, from) in mac_key.iter_mut().zip(own_key.finalize()) {
            *to = from;
        }
        Nonces {
            mac: SipHasher24::new_with_key(&mac_key),
            lifetime_s,
            last: Stamp::last_of(start),
        }
    }

    /// A nonce never minted before. `now` does not run backwards.
    pub fn mint(&mut self, now: UnixTime) -> NonceText {
        self.last = Stamp(self.last.0 + 1).max(Stamp::first_of(now));
        self.text(self.last)
    }

    /// The stamp of a nonce of a request, if this mint made it within its
    /// lifetime.
    pub fn check(&self, now: UnixTime, nonce: &[u8]) -> Option<Stamp> {
        let nonce: &[u8; NONCE_LEN] = nonce.try_into().ok()?;
        let stamp = Stamp(decode(nonce.first_chunk::<STAMP_LEN>()?)?);
        let ours = self.text(stamp);
        let differences = ours
            .0
            .iter()
            .zip(nonce)
            .fold(0, |differences, (a, b)| differences | (a ^ b));
        // Stamps may be slightly ahead of the clock, never by a lifetime.
        let age_s = stamp.second().abs_diff(now.0);
        let fresh = age_s <= u64::from(self.lifetime_s);
        (core::hint::black_box(differences) == 0 && fresh).then_some(stamp)
    }

    /// The last stamp whose nonce is too old at `now`.
    pub(super) fn horizon(&self, now: UnixTime) -> Stamp {
        let oldest_live = now.0.saturating_sub(u64::from(self.lifetime_s));
        Stamp(Stamp::first_of(UnixTime(oldest_live)).0.saturating_sub(1))
    }

    fn text(&self, stamp: Stamp) -> NonceText {
        let mut mac = self.mac;
        mac.write_u64(stamp.0);
        let mut text = [0; NONCE_LEN];
        let (stamp_text, tag) = text.split_at_mut(STAMP_LEN);
        encode(stamp.0, stamp_text);
        encode(mac.finish(), tag);
        NonceText(text)
    }
}

/// The digits of base 64 (RFC 4648 §5).
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Writes the last digits of `number`, as many as there is room for.
fn encode(mut number: u64, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS
            .get((number & 63) as usize)
            .copied()
            .unwrap_or_default();
        number >>= 6;
    }
}

/// Reads digits of at most 60 bits.
fn decode(digits: &[u8; STAMP_LEN]) -> Option<u64> {
    digits.iter().try_fold(0, |number, &digit| {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        Some(number << 6 | u64::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn mint_of(shard: ShardId) -> Nonces {
        Nonces::new(&[7; 32], shard, b"pinion", 60, UnixTime(NOW.0 - 1))
    }

    fn later(seconds: u64) -> UnixTime {
        UnixTime(NOW.0 + seconds)
    }

    #[test]
    fn a_nonce_is_fresh_for_its_lifetime() {
        let mut nonces = mint_of(0);
        let nonce = nonces.mint(NOW);
        for (age_s, fresh) in [(0, true), (60, true), (61, false)] {
            let stamp = nonces.check(later(age_s), nonce.as_bytes());
            assert_eq!(stamp.is_some(), fresh, "after {age_s} s");
        }
    }

    #[test]
    fn a_nonce_is_of_its_shard_key_and_realm() {
        let nonces = mint_of(0);
        let other_shard = mint_of(1).mint(NOW);
        let other_key = Nonces::new(&[8; 32], 0, b"pinion", 60, NOW).mint(NOW);
        let other_realm = Nonces::new(&[7; 32], 0, b"else", 60, NOW).mint(NOW);
        for other in [other_shard, other_key, other_realm] {
            assert_eq!(nonces.check(NOW, other.as_bytes()), None);
        }
    }

    #[test]
    fn changing_any_character_makes_a_forgery() {
        let mut nonces = mint_of(0);
        let nonce = nonces.mint(NOW);
        for at in 0..NONCE_LEN {
            let mut changed = nonce.as_bytes().to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(nonces.check(NOW, &changed), None, "at {at}");
        }
        let upper = nonce.as_bytes().to_ascii_uppercase();
        assert_eq!(nonces.check(NOW, &upper), None);
        for wrong in [&b""[..], b"7d70bb0d", &[b'0'; 41], &[0xff; NONCE_LEN]] {
            assert_eq!(nonces.check(NOW, wrong), None);
        }
    }

    #[test]
    fn nonces_of_one_second_differ_and_rise() {
        let mut nonces = mint_of(0);
        let stamps: Vec<Stamp> = (0..1000)
            .map(|_| {
                let nonce = nonces.mint(NOW);
                nonces.check(NOW, nonce.as_bytes()).unwrap()
            })
            .collect();
        assert!(stamps.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn a_replaced_shard_mints_nothing_its_predecessor_minted() {
        let mut before = mint_of(0);
        let minted: Vec<NonceText> = (0..10).map(|_| before.mint(NOW)).collect();
        let mut after = Nonces::new(&[7; 32], 0, b"pinion", 60, NOW);
        for _ in 0..10 {
            let nonce = after.mint(NOW);
            assert!(!minted.contains(&nonce));
            assert!(after.check(NOW, nonce.as_bytes()).is_some());
        }
    }

    #[test]
    fn the_horizon_parts_live_from_dead() {
        let mut nonces = mint_of(0);
        let nonce = nonces.mint(NOW);
        let stamp = nonces.check(NOW, nonce.as_bytes()).unwrap();
        assert!(stamp > nonces.horizon(later(60)));
        assert!(stamp <= nonces.horizon(later(61)));
    }

    #[test]
    fn sixty_bits_read_back() {
        for number in [0, 1, 63, 64, 1_800_000_000 << SERIAL_BITS, (1 << 60) - 1] {
            let mut digits = [0; STAMP_LEN];
            encode(number, &mut digits);
            assert_eq!(decode(&digits), Some(number));
        }
    }
}
