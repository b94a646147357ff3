//! Which proofs were spent: a bounded memory of (nonce, nonce count) pairs.
//! It never sees a nonce whose digest has not been verified, so only those who
//! know a secret can fill it.

use super::nonce::Stamp;
use crate::base::Hasher;

/// Nonces that share a place in the table.
const WAYS: usize = 8;

/// One nonce in use (RFC 7616 §3.4, `nc`).
#[derive(Clone, Copy)]
struct Entry {
    stamp: Stamp,
    /// The highest count accepted.
    highest: u32,
    /// Bit n: the count `highest - n` was accepted.
    window: u64,
}

const VACANT: Entry = Entry {
    stamp: Stamp(0),
    highest: 0,
    window: 0,
};

/// One shard's memory of accepted proofs; its size is fixed at construction.
///
/// Every (nonce, count) is accepted at most once. Counts may arrive out of
/// order within 64 of the highest. When the memory is short, the oldest nonces
/// end before their time: a nonce that might have been forgotten is refused.
pub struct ReplayGuard {
    sets: Box<[[Entry; WAYS]]>,
    hasher: Hasher,
    /// Nonces up to here count as spent unless the table knows them.
    low_water: Stamp,
}

impl ReplayGuard {
    /// A guard for about `nonces` nonces in use at once (24 bytes each), at
    /// least 8. Nonces minted up to `low_water` are refused.
    pub fn new(nonces: usize, hasher: Hasher, low_water: Stamp) -> ReplayGuard {
        let sets = nonces.div_ceil(WAYS).max(1);
        ReplayGuard {
            sets: vec![[VACANT; WAYS]; sets].into_boxed_slice(),
            hasher,
            low_water,
        }
    }

    /// Spends count `nc` of a nonce whose digest was verified. `false`: it was
    /// spent before, or may have been. Nonces up to `horizon` are dead and
    /// make room first.
    pub fn spend(&mut self, stamp: Stamp, nc: u32, horizon: Stamp) -> bool {
        let sets = self.sets.len().max(1) as u64;
        let index = (self.hasher.hash_one(stamp) % sets) as usize;
        let Some(set) = self.sets.get_mut(index) else {
            return false;
        };
        if let Some(entry) = set.iter_mut().find(|entry| entry.stamp == stamp) {
            return entry.spend(nc);
        }
        if nc == 0 || stamp <= self.low_water {
            return false;
        }
        let Some(oldest) = set.iter_mut().min_by_key(|entry| entry.stamp) else {
            return false;
        };
        if oldest.stamp > horizon {
            if stamp < oldest.stamp {
                return false;
            }
            self.low_water = self.low_water.max(oldest.stamp);
        }
        *oldest = Entry {
            stamp,
            highest: nc,
            window: 1,
        };
        true
    }
}

impl Entry {
    fn spend(&mut self, nc: u32) -> bool {
        if nc == 0 {
            return false;
        }
        if nc > self.highest {
            self.window = self.window.checked_shl(nc - self.highest).unwrap_or(0) | 1;
            self.highest = nc;
            return true;
        }
        let Some(bit) = 1_u64.checked_shl(self.highest - nc) else {
            return false;
        };
        let unspent = self.window & bit == 0;
        self.window |= bit;
        unspent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NEVER: Stamp = Stamp(0);

    fn guard(nonces: usize) -> ReplayGuard {
        ReplayGuard::new(nonces, Hasher::with_seeds(1, 2, 3, 4), Stamp(100))
    }

    #[test]
    fn a_proof_is_accepted_once() {
        let mut guard = guard(64);
        assert!(guard.spend(Stamp(200), 1, NEVER));
        assert!(!guard.spend(Stamp(200), 1, NEVER));
        assert!(guard.spend(Stamp(200), 2, NEVER));
        assert!(guard.spend(Stamp(201), 1, NEVER), "another nonce");
    }

    #[test]
    fn counts_may_overtake_within_the_window() {
        let mut guard = guard(64);
        assert!(guard.spend(Stamp(200), 70, NEVER));
        assert!(guard.spend(Stamp(200), 7, NEVER), "63 below");
        assert!(!guard.spend(Stamp(200), 7, NEVER));
        assert!(!guard.spend(Stamp(200), 6, NEVER), "64 below: forgotten");
        assert!(guard.spend(Stamp(200), 71, NEVER));
        assert!(!guard.spend(Stamp(200), 70, NEVER));
        assert!(guard.spend(Stamp(200), u32::MAX, NEVER));
        assert!(!guard.spend(Stamp(200), 71, NEVER));
    }

    #[test]
    fn count_zero_is_never_accepted() {
        let mut guard = guard(64);
        assert!(!guard.spend(Stamp(200), 0, NEVER));
        assert!(guard.spend(Stamp(200), 1, NEVER));
        assert!(!guard.spend(Stamp(200), 0, NEVER));
    }

    #[test]
    fn nonces_before_the_guard_are_refused() {
        assert!(!guard(64).spend(Stamp(100), 1, NEVER));
        assert!(guard(64).spend(Stamp(101), 1, NEVER));
    }

    #[test]
    fn the_oldest_nonce_makes_room_and_stays_refused() {
        let mut guard = guard(1);
        for n in 0..9 {
            assert!(guard.spend(Stamp(200 + n), 1, NEVER));
        }
        assert!(
            !guard.spend(Stamp(200), 1, NEVER),
            "a replay of the evicted"
        );
        assert!(!guard.spend(Stamp(200), 2, NEVER), "the evicted itself");
        assert!(
            guard.spend(Stamp(201), 2, NEVER),
            "older than no evicted one"
        );
    }

    #[test]
    fn a_nonce_older_than_all_held_is_refused_not_admitted() {
        let mut guard = guard(1);
        for n in 0..8 {
            assert!(guard.spend(Stamp(300 + n), 1, NEVER));
        }
        assert!(!guard.spend(Stamp(250), 1, NEVER));
    }

    #[test]
    fn dead_nonces_make_room_without_loss() {
        let mut guard = guard(1);
        for n in 0..8 {
            assert!(guard.spend(Stamp(200 + n), 1, NEVER));
        }
        assert!(guard.spend(Stamp(300), 1, Stamp(200)));
        assert!(guard.spend(Stamp(201), 2, Stamp(200)), "still held");
    }

    proptest! {
        #[test]
        fn nothing_is_ever_accepted_twice(
            proofs in proptest::collection::vec((101_u64..160, 1_u32..100), 0..400),
            size in 0_usize..40,
        ) {
            let mut guard = guard(size);
            let mut accepted = Vec::new();
            for (stamp, nc) in proofs {
                if guard.spend(Stamp(stamp), nc, NEVER) {
                    prop_assert!(!accepted.contains(&(stamp, nc)));
                    accepted.push((stamp, nc));
                }
            }
        }
    }
}
