//! Who is on the phone: exact call limits across shards.
//!
//! A peer's calls are counted in one place, the home shard of its name. A
//! place is a lease with a name of its own, so that taking it and giving it
//! back may be repeated without harm, and so that the leases of a shard that
//! was replaced are known to be void.

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::base::{Hasher, ShardId, Text};
use crate::machine::Lease;

/// The leases given for peers whose home this shard is.
pub struct Occupancy {
    peers: HashMap<Text, SmallVec<[Lease; 4]>, Hasher>,
}

impl Occupancy {
    /// Nobody is on the phone.
    pub fn new(hasher: Hasher) -> Occupancy {
        Occupancy {
            peers: HashMap::with_hasher(hasher),
        }
    }

    /// Gives `peer` a place unless it has `limit` already. Asking again for
    /// the same lease is granted again.
    pub fn admit(&mut self, peer: &Text, limit: u32, lease: Lease) -> bool {
        let leases = self.peers.entry(peer.clone()).or_default();
        if leases.contains(&lease) {
            return true;
        }
        if leases.len() >= limit as usize {
            return false;
        }
        leases.push(lease);
        true
    }

    /// Takes a place back; one never given is no harm.
    pub fn release(&mut self, peer: &Text, lease: Lease) {
        if let Some(leases) = self.peers.get_mut(peer.as_bytes()) {
            leases.retain(|held| *held != lease);
            if leases.is_empty() {
                self.peers.remove(peer.as_bytes());
            }
        }
    }

    /// Places a peer holds.
    pub fn held(&self, peer: &[u8]) -> usize {
        self.peers.get(peer).map_or(0, |leases| leases.len())
    }

    /// Voids what earlier incarnations of `shard` held.
    pub fn replaced(&mut self, shard: ShardId, incarnation: u32) {
        self.peers.retain(|_, leases| {
            leases.retain(|lease| lease.shard != shard || lease.incarnation >= incarnation);
            !leases.is_empty()
        });
    }

    /// Places given.
    pub fn len(&self) -> usize {
        self.peers.values().map(SmallVec::len).sum()
    }

    /// Whether nobody is on the phone.
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(shard: ShardId, incarnation: u32, serial: u64) -> Lease {
        Lease {
            shard,
            incarnation,
            serial,
        }
    }

    fn occupancy() -> Occupancy {
        Occupancy::new(Hasher::with_seeds(1, 2, 3, 4))
    }

    #[test]
    fn a_full_peer_refuses_until_a_place_is_given_back() {
        let mut occupancy = occupancy();
        let peer = Text::from("1001");
        assert!(occupancy.admit(&peer, 1, lease(0, 0, 1)));
        assert!(occupancy.admit(&peer, 1, lease(0, 0, 1)), "asked again");
        assert!(!occupancy.admit(&peer, 1, lease(1, 0, 1)));
        occupancy.release(&peer, lease(0, 0, 1));
        occupancy.release(&peer, lease(0, 0, 1));
        assert!(occupancy.admit(&peer, 1, lease(1, 0, 1)));
    }

    #[test]
    fn a_replaced_shard_holds_nothing() {
        let mut occupancy = occupancy();
        let peer = Text::from("1001");
        assert!(occupancy.admit(&peer, 9, lease(0, 0, 1)));
        assert!(occupancy.admit(&peer, 9, lease(1, 0, 1)));
        assert!(occupancy.admit(&peer, 9, lease(1, 1, 1)));
        occupancy.replaced(1, 1);
        assert_eq!(occupancy.len(), 2);
    }
}
