//! The checked configuration: what sip.conf and extensions.conf mean.
//!
//! A value, immutable and shared read-only by every shard. Text files become
//! this value elsewhere; nothing here parses. A reload is a new value that
//! arrives as an input.

mod acl;
mod difference;
mod general;
mod groups;
mod peer;
mod realtime;
mod records;

use alloc::sync::Arc;
use core::net::IpAddr;

use hashbrown::{HashMap, HashTable};
use smol_str::SmolStr;

use crate::base::Hasher;
use crate::dialplan::Plan;

pub use acl::{Acl, Rule};
pub use difference::Change;
pub use general::General;
pub use groups::{Groups, PickupGroups};
pub use peer::{
    CallerId, FinalResponse, Host, Insecure, Nat, Peer, PeerKind, Presentation, Qualify, Secret,
    Transports, TrustIdOutbound,
};
pub use realtime::Realtime;
pub use records::{AmaFlags, Recording};

/// Everything an engine needs to know before its first datagram.
#[derive(Clone)]
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

/// The devices of sip.conf, by name and by source address. Clones share them.
#[derive(Clone)]
pub struct Peers(Arc<Index>);

struct Index {
    /// In file order.
    list: Vec<Arc<Peer>>,
    /// Their places in it, by name.
    order: Vec<u32>,
    /// The same, each a step away from the hash of its name.
    by_name: HashTable<Arc<Peer>>,
    hasher: Hasher,
    /// The realm the hashes of their secrets are for.
    realm: Option<SmolStr>,
    by_address: HashMap<IpAddr, Vec<Arc<Peer>>, Hasher>,
    /// Those whose contacts are watched, by name.
    watched: Vec<Arc<Peer>>,
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
        Peers::index(realm, hasher, list)
    }

    /// `list` has each name once.
    fn index(realm: Option<SmolStr>, hasher: Hasher, list: Vec<Arc<Peer>>) -> Peers {
        let hash = |peer: &Arc<Peer>| hasher.hash_one(peer.name.as_bytes());
        let mut by_name = HashTable::with_capacity(list.len());
        let mut by_address: HashMap<IpAddr, Vec<Arc<Peer>>, Hasher> =
            HashMap::with_hasher(hasher.clone());
        let mut watched = Vec::new();
        for peer in &list {
            by_name.insert_unique(hash(peer), Arc::clone(peer), hash);
            if peer.kind == PeerKind::User {
                continue;
            }
            if let Host::Fixed(address) = peer.host {
                let there = by_address.entry(address.ip()).or_default();
                there.push(Arc::clone(peer));
            }
            if peer.is_watched() {
                watched.push(Arc::clone(peer));
            }
        }
        watched.sort_by(|a, b| a.name.cmp(&b.name));
        let mut order: Vec<u32> = (0..).take(list.len()).collect();
        // What is in order already costs one look at each.
        order.sort_by_key(|&place| list.get(place as usize).map(|peer| &peer.name));
        Peers(Arc::new(Index {
            list,
            order,
            by_name,
            by_address,
            hasher,
            realm,
            watched,
        }))
    }

    /// The same devices, each as `change` leaves it.
    pub fn map(&self, change: impl Fn(&mut Peer)) -> Peers {
        let changed = self.iter().map(|peer| {
            let mut peer = Peer::clone(peer);
            change(&mut peer);
            peer
        });
        Peers::build(self.0.realm.clone(), changed)
    }

    /// The same devices, those that `earlier` has alike shared with it: where
    /// all are alike, this is `earlier` itself.
    pub fn keeping(self, earlier: &Peers) -> Peers {
        let alike = |peer: &Arc<Peer>| {
            let known = earlier.by_name(peer.name.as_bytes());
            known.filter(|known| ***known == **peer)
        };
        let kept = self.iter().map(|peer| alike(peer).unwrap_or(peer));
        let list: Vec<Arc<Peer>> = kept.cloned().collect();
        let is_same = list.len() == earlier.len()
            && self.0.realm == earlier.0.realm
            && list
                .iter()
                .zip(earlier.iter())
                .all(|(a, b)| Arc::ptr_eq(a, b));
        match is_same {
            true => earlier.clone(),
            false => Peers::index(self.0.realm.clone(), self.0.hasher.clone(), list),
        }
    }

    /// Whether these are the very same: not merely alike.
    pub fn is(&self, other: &Peers) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether anybody else has these.
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// The device called `name`.
    pub fn by_name(&self, name: &[u8]) -> Option<&Arc<Peer>> {
        let hash = self.0.hasher.hash_one(name);
        let is_it = |peer: &Arc<Peer>| peer.name.as_bytes() == name;
        self.0.by_name.find(hash, is_it)
    }

    /// The devices (type peer or friend) with a fixed host at `ip`, in the
    /// order of the file.
    pub fn by_ip(&self, ip: IpAddr) -> &[Arc<Peer>] {
        self.0.by_address.get(&ip).map_or(&[], Vec::as_slice)
    }

    /// Every device, by name.
    pub fn in_order(&self) -> impl Iterator<Item = &Arc<Peer>> {
        let places = self.0.order.iter();
        places.filter_map(|&place| self.0.list.get(place as usize))
    }

    /// Every device, in file order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Peer>> {
        self.0.list.iter()
    }

    /// The devices (type peer or friend) whose contacts are watched, by name.
    pub fn watched(&self) -> &[Arc<Peer>] {
        &self.0.watched
    }

    /// How many devices.
    pub fn len(&self) -> usize {
        self.0.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.list.is_empty()
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
        let named: Vec<&str> = changed.in_order().map(|peer| &*peer.name).collect();
        assert_eq!(named, ["a", "b", "c", "d", "e"]);
        assert_eq!(changed.len(), 5);
        assert!(changed.iter().all(|peer| peer.maxforwards == 3));
        assert_eq!(changed.by_name(b"d").unwrap().host, Host::Dynamic);
    }

    #[test]
    fn devices_that_are_alike_are_kept() {
        let peer = |name, context: &str| Peer {
            context: context.into(),
            ..Peer::new(name, PeerKind::Friend)
        };
        let made = |b| Peers::for_realm("r", [peer("a", "x"), peer("b", b)]);
        let earlier = made("x");
        assert!(made("x").keeping(&earlier).is(&earlier));
        let later = made("y").keeping(&earlier);
        let same = |name: &[u8]| {
            let (before, after) = (earlier.by_name(name), later.by_name(name));
            Arc::ptr_eq(before.unwrap(), after.unwrap())
        };
        assert!(!later.is(&earlier) && same(b"a") && !same(b"b"));
        let fewer = Peers::for_realm("r", [peer("a", "x")]).keeping(&earlier);
        assert!(fewer.len() == 1 && fewer.by_name(b"b").is_none());
        let elsewhere = Peers::for_realm("s", [peer("a", "x"), peer("b", "x")]);
        assert!(!elsewhere.keeping(&earlier).is(&earlier));
    }

    #[test]
    fn watched_devices_are_listed_by_name() {
        let names = ["c", "a", "b"];
        let peers = Peers::new(names.map(|name| Peer {
            qualify: match name {
                "b" => Qualify::Off,
                _ => Qualify::Within(core::time::Duration::from_secs(2)),
            },
            ..Peer::new(name, PeerKind::Friend)
        }));
        let watched: Vec<&str> = peers.watched().iter().map(|peer| &*peer.name).collect();
        assert_eq!(watched, ["a", "c"]);
    }
}
