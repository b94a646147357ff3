//! The checked configuration: what sip.conf and extensions.conf mean.
//!
//! A value, immutable and shared read-only by every shard. Text files become
//! this value elsewhere; nothing here parses. A reload is a new value that
//! arrives as an input.

mod acl;
mod general;
mod peer;
mod realtime;

use alloc::sync::Arc;
use core::net::IpAddr;

use hashbrown::{HashMap, HashTable};
use smol_str::SmolStr;

use crate::base::Hasher;
use crate::dialplan::Plan;

pub use acl::{Acl, Rule};
pub use general::General;
pub use peer::{
    CallerId, FinalResponse, Host, Insecure, Nat, Peer, PeerKind, Presentation, Qualify, Secret,
    TrustIdOutbound,
};
pub use realtime::Realtime;

/// Everything an engine needs to know before its first datagram.
pub struct Config {
    /// sip.conf `[general]`.
    pub general: General,
    /// sip.conf's devices.
    pub peers: Peers,
    /// extensions.conf, compiled.
    pub plan: Arc<Plan>,
    /// The database beside them, if there is one.
    pub realtime: Option<Realtime>,
}

/// The devices of sip.conf, by name and by source address.
pub struct Peers {
    /// In file order.
    list: Vec<Arc<Peer>>,
    /// The same, each a step away from the hash of its name.
    by_name: HashTable<Arc<Peer>>,
    hasher: Hasher,
    /// The realm the hashes of their secrets are for.
    realm: Option<SmolStr>,
    by_address: HashMap<IpAddr, Vec<Arc<Peer>>, Hasher>,
}

impl Peers {
    /// Indexes the devices. A later one of the same name replaces an earlier.
    pub fn new(peers: impl IntoIterator<Item = Peer>) -> Peers {
        Peers::build(None, peers)
    }

    /// The same, with secrets hashed for `realm` once and not for each proof.
    pub fn for_realm(realm: &str, peers: impl IntoIterator<Item = Peer>) -> Peers {
        Peers::build(Some(realm.into()), peers)
    }

    fn build(realm: Option<SmolStr>, peers: impl IntoIterator<Item = Peer>) -> Peers {
        let hasher = Hasher::with_seeds(1, 2, 3, 4);
        let mut places: HashMap<SmolStr, usize, Hasher> = HashMap::with_hasher(hasher.clone());
        let mut list: Vec<Arc<Peer>> = Vec::new();
        for mut peer in peers {
            peer.hashed = None;
            if let Some(realm) = &realm {
                peer.hash_secret(realm);
            }
            let earlier = places.get(&peer.name);
            match earlier.and_then(|&index| list.get_mut(index)) {
                Some(earlier) => *earlier = Arc::new(peer),
                None => {
                    places.insert(peer.name.clone(), list.len());
                    list.push(Arc::new(peer));
                }
            }
        }
        let hash = |peer: &Arc<Peer>| hasher.hash_one(peer.name.as_bytes());
        let mut by_name = HashTable::with_capacity(list.len());
        let mut by_address: HashMap<IpAddr, Vec<Arc<Peer>>, Hasher> =
            HashMap::with_hasher(hasher.clone());
        for peer in &list {
            by_name.insert_unique(hash(peer), Arc::clone(peer), hash);
            if let Host::Fixed(address) = peer.host
                && peer.kind != PeerKind::User
            {
                let there = by_address.entry(address.ip()).or_default();
                there.push(Arc::clone(peer));
            }
        }
        Peers {
            list,
            by_name,
            by_address,
            hasher,
            realm,
        }
    }

    /// The same devices, each as `change` leaves it.
    pub fn map(&self, change: impl Fn(&mut Peer)) -> Peers {
        let changed = self.list.iter().map(|peer| {
            let mut peer = Peer::clone(peer);
            change(&mut peer);
            peer
        });
        Peers::build(self.realm.clone(), changed)
    }

    /// The device called `name`.
    pub fn by_name(&self, name: &[u8]) -> Option<&Arc<Peer>> {
        let hash = self.hasher.hash_one(name);
        self.by_name.find(hash, |peer| peer.name.as_bytes() == name)
    }

    /// The devices (type peer or friend) with a fixed host at `ip`, in the
    /// order of the file.
    pub fn by_ip(&self, ip: IpAddr) -> &[Arc<Peer>] {
        self.by_address.get(&ip).map_or(&[], Vec::as_slice)
    }

    /// Every device, in file order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Peer>> {
        self.list.iter()
    }

    /// How many devices.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_devices_keep_their_names_and_the_order_of_an_address() {
        let address = "192.0.2.1:5060".parse().unwrap();
        let names = ["c", "a", "d", "b", "e"];
        let peers = Peers::new(names.map(|name| {
            let mut peer = Peer::new(name, PeerKind::Friend);
            if name != "d" {
                peer.host = Host::Fixed(address);
            }
            peer
        }));
        let changed = peers.map(|peer| peer.maxforwards = 3);
        let order: Vec<&str> = changed
            .by_ip(address.ip())
            .iter()
            .map(|peer| peer.name.as_str())
            .collect();
        assert_eq!(order, ["c", "a", "b", "e"]);
        assert_eq!(changed.len(), 5);
        assert!(changed.iter().all(|peer| peer.maxforwards == 3));
        assert_eq!(changed.by_name(b"d").unwrap().host, Host::Dynamic);
    }
}
