//! The one hash that decides where a call lives, and the seeded hasher of tables.

use super::ShardId;

/// The numbers of [`call_id_hash`], for programs that compute the same in the
/// kernel.
pub mod home_hash {
    /// How many bytes of a Call-ID count.
    pub const BYTES: usize = 32;
    /// What FNV-1a begins with.
    pub const BASIS: u32 = 0x811c_9dc5;
    /// What FNV-1a multiplies by after each byte.
    pub const PRIME: u32 = 0x0100_0193;
    /// What the sum is multiplied by at the end, between two shifts.
    pub const MIX: u32 = 0x85eb_ca6b;
}

/// FNV-1a over the first 32 bytes of a Call-ID, finalised. Stops at white
/// space, so that a value taken with its trailing blanks hashes the same.
pub fn call_id_hash(call_id: &[u8]) -> u32 {
    let mut hash = home_hash::BASIS;
    for &byte in call_id.iter().take(home_hash::BYTES) {
        if byte <= b' ' {
            break;
        }
        hash = (hash ^ u32::from(byte)).wrapping_mul(home_hash::PRIME);
    }
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(home_hash::MIX);
    hash ^ (hash >> 13)
}

/// The home shard of a Call-ID (or of an AoR, for bindings), among `shards`.
///
/// The same function serves intake, minted Call-IDs and kernel steering.
pub fn shard_of(key: &[u8], shards: u16) -> ShardId {
    if shards <= 1 {
        return 0;
    }
    (call_id_hash(key) % u32::from(shards)) as ShardId
}

/// The hasher of every table: keyed by the shard's seed, so that a remote
/// cannot choose collisions and a simulation repeats itself.
pub type Hasher = ahash::RandomState;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_id_hashes_the_same_with_trailing_blanks() {
        assert_eq!(call_id_hash(b"abc@host"), call_id_hash(b"abc@host \r\n"));
        assert_ne!(call_id_hash(b"abc@host"), call_id_hash(b"abd@host"));
    }

    #[test]
    fn only_32_bytes_count() {
        let long = [b'a'; 64];
        assert_eq!(call_id_hash(&long), call_id_hash(&long[..32]));
    }

    #[test]
    fn homes_are_spread_evenly() {
        let mut count = [0_u32; 4];
        for n in 0..40_000_u32 {
            count[usize::from(shard_of(format!("{n}-77@10.0.0.1").as_bytes(), 4))] += 1;
        }
        assert!(
            count.iter().all(|&c| (9_000..11_000).contains(&c)),
            "{count:?}"
        );
    }
}
