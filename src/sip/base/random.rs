//! Seeded randomness: unpredictable on the wire, repeatable in a simulation.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::Hasher;

/// A ChaCha8 stream. Tags, branches and Call-IDs come from here, so that
/// nobody off-path can guess them (RFC 3261 §19.3).
pub struct Random(ChaCha8Rng);

impl Random {
    /// A stream from 32 bytes of seed: from the kernel in the engine, from the
    /// scenario's number in a simulation.
    pub fn from_seed(seed: [u8; 32]) -> Random {
        Random(ChaCha8Rng::from_seed(seed))
    }

    /// A stream from a small number, for tests and simulations.
    pub fn from_u64(seed: u64) -> Random {
        Random(ChaCha8Rng::seed_from_u64(seed))
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in `0..bound` (0 when `bound` is 0).
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A hasher nobody else knows the keys of.
    pub fn hasher(&mut self) -> Hasher {
        Hasher::with_seeds(
            self.next_u64(),
            self.next_u64(),
            self.next_u64(),
            self.next_u64(),
        )
    }

    /// 32 random bytes, to seed another stream.
    pub fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        seed
    }
}
