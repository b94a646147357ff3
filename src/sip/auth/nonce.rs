//! Nonces that need no memory: each says when and where it was minted and
//! carries a MAC that only this engine can make. Which proofs were spent is
//! the guard's business.

use core::fmt;
use core::hash::Hasher as _;

use sha2::{Digest, Sha256};
use siphasher::sip128::{Hasher128, SipHasher24};

use super::algorithm::{decode, encode};
use crate::base::{ShardId, UnixTime};

/// Length of a nonce on the wire, in characters.
pub const NONCE_LEN: usize = STAMP_LEN + SHARD_LEN + 2 * MAC_BYTES;

const STAMP_LEN: usize = 16;
const SHARD_LEN: usize = 4;
/// 80 bits: no forgery is found within a nonce's life, whatever the rate.
const MAC_BYTES: usize = 10;

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

/// What a nonce turns out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Freshness {
    /// Minted by this shard within the lifetime.
    Fresh(Stamp),
    /// Minted by this engine, but too long ago or by another shard.
    Stale,
    /// Not minted by this engine, at least not with its present key.
    Forged,
}

/// A nonce as it is sent: hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NonceText([u8; NONCE_LEN]);

impl NonceText {
    /// The digits.
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
/// A nonce is good on the shard that minted it and stale elsewhere, so that
/// the shard's own guard is exact without sharing.
///
/// The MAC is SipHash-2-4 with 128 bits, made for messages this short: whoever
/// lacks its 128-bit key can tell no tag of a stamp not seen yet from a random
/// one, however many nonces were seen. It costs a tenth of HMAC, and every
/// challenge that a stranger asks for costs one.
pub struct Nonces {
    /// Keyed for this realm.
    mac: SipHasher24,
    shard: ShardId,
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
        let mut realm_key = Sha256::new();
        realm_key.update(key);
        realm_key.update(realm);
        let mut mac_key = [0; 16];
        for (to, from) in mac_key.iter_mut().zip(realm_key.finalize()) {
            *to = from;
        }
        Nonces {
            mac: SipHasher24::new_with_key(&mac_key),
            shard,
            lifetime_s,
            last: Stamp::last_of(start),
        }
    }

    /// A nonce never minted before. `now` does not run backwards.
    pub fn mint(&mut self, now: UnixTime) -> NonceText {
        self.last = Stamp(self.last.0 + 1).max(Stamp::first_of(now));
        self.text(self.last, self.shard)
    }

    /// Judges a nonce of a request.
    pub fn check(&self, now: UnixTime, nonce: &[u8]) -> Freshness {
        let Some((stamp, shard)) = read(nonce) else {
            return Freshness::Forged;
        };
        let differences = self
            .text(stamp, shard)
            .as_bytes()
            .iter()
            .zip(nonce)
            .fold(0, |differences, (a, b)| differences | (a ^ b));
        if core::hint::black_box(differences) != 0 {
            return Freshness::Forged;
        }
        // Stamps may be slightly ahead of the clock, never by a lifetime.
        if shard != self.shard || stamp.second().abs_diff(now.0) > u64::from(self.lifetime_s) {
            return Freshness::Stale;
        }
        Freshness::Fresh(stamp)
    }

    /// The last stamp whose nonce is too old at `now`.
    pub(super) fn horizon(&self, now: UnixTime) -> Stamp {
        let oldest_live = now.0.saturating_sub(u64::from(self.lifetime_s));
        Stamp(Stamp::first_of(UnixTime(oldest_live)).0.saturating_sub(1))
    }

    fn text(&self, stamp: Stamp, shard: ShardId) -> NonceText {
        let mut mac = self.mac;
        mac.write(&stamp.0.to_be_bytes());
        mac.write(&shard.to_be_bytes());
        let tag = mac.finish128().as_bytes();
        let mut text = [0; NONCE_LEN];
        let (head, digits) = text.split_at_mut(STAMP_LEN + SHARD_LEN);
        let (stamp_digits, shard_digits) = head.split_at_mut(STAMP_LEN);
        encode(&stamp.0.to_be_bytes(), stamp_digits);
        encode(&shard.to_be_bytes(), shard_digits);
        encode(&tag, digits);
        NonceText(text)
    }
}

/// What a nonce of the right length claims; the MAC is not looked at.
fn read(nonce: &[u8]) -> Option<(Stamp, ShardId)> {
    if nonce.len() != NONCE_LEN {
        return None;
    }
    let (stamp, rest) = nonce.split_at_checked(STAMP_LEN)?;
    let (shard, _) = rest.split_at_checked(SHARD_LEN)?;
    Some((
        Stamp(decode(stamp)?),
        ShardId::try_from(decode(shard)?).ok()?,
    ))
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
    fn a_nonce_is_fresh_for_its_lifetime_then_stale() {
        let mut nonces = mint_of(0);
        let nonce = nonces.mint(NOW);
        assert!(matches!(
            nonces.check(NOW, nonce.as_bytes()),
            Freshness::Fresh(_)
        ));
        assert!(matches!(
            nonces.check(later(60), nonce.as_bytes()),
            Freshness::Fresh(_)
        ));
        assert_eq!(nonces.check(later(61), nonce.as_bytes()), Freshness::Stale);
    }

    #[test]
    fn a_nonce_of_another_shard_is_stale() {
        let nonce = mint_of(3).mint(NOW);
        assert_eq!(mint_of(4).check(NOW, nonce.as_bytes()), Freshness::Stale);
    }

    #[test]
    fn a_nonce_of_another_key_or_realm_is_forged() {
        let nonces = mint_of(0);
        let other_key = Nonces::new(&[8; 32], 0, b"pinion", 60, NOW).mint(NOW);
        let other_realm = Nonces::new(&[7; 32], 0, b"else", 60, NOW).mint(NOW);
        assert_eq!(nonces.check(NOW, other_key.as_bytes()), Freshness::Forged);
        assert_eq!(nonces.check(NOW, other_realm.as_bytes()), Freshness::Forged);
    }

    #[test]
    fn changing_any_character_makes_a_forgery() {
        let mut nonces = mint_of(0);
        let nonce = nonces.mint(NOW);
        for at in 0..NONCE_LEN {
            let mut changed = nonce.as_bytes().to_vec();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(nonces.check(NOW, &changed), Freshness::Forged, "at {at}");
        }
        let upper = nonce.as_bytes().to_ascii_uppercase();
        assert_eq!(nonces.check(NOW, &upper), Freshness::Forged);
        for wrong in [&b""[..], b"7d70bb0d", &[b'0'; 41], &[0xff; NONCE_LEN]] {
            assert_eq!(nonces.check(NOW, wrong), Freshness::Forged);
        }
    }

    #[test]
    fn nonces_of_one_second_differ_and_rise() {
        let mut nonces = mint_of(0);
        let stamps: Vec<Stamp> = (0..1000)
            .map(|_| {
                let nonce = nonces.mint(NOW);
                match nonces.check(NOW, nonce.as_bytes()) {
                    Freshness::Fresh(stamp) => stamp,
                    other => panic!("{other:?}"),
                }
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
            assert!(matches!(
                after.check(NOW, nonce.as_bytes()),
                Freshness::Fresh(_)
            ));
        }
    }

    #[test]
    fn the_horizon_parts_live_from_dead() {
        let mut nonces = mint_of(0);
        let nonce = nonces.mint(NOW);
        let Freshness::Fresh(stamp) = nonces.check(NOW, nonce.as_bytes()) else {
            panic!()
        };
        assert!(stamp > nonces.horizon(later(60)));
        assert!(stamp <= nonces.horizon(later(61)));
    }
}
