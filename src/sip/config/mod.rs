//! The checked configuration: what sip.conf and extensions.conf mean.
//!
//! A value, immutable and shared read-only by every shard. Text files become
//! this value elsewhere; nothing here parses. A reload is a new value that
//! arrives as an input.

mod acl;
mod general;
mod peer;

use alloc::sync::Arc;
use core::net::IpAddr;

use hashbrown::HashMap;

use crate::base::Hasher;
use crate::dialplan::Plan;

pub use acl::{Acl, Rule};
pub use general::General;
pub use peer::{
    CallerId, Host, Insecure, Nat, Peer, PeerKind, Presentation, Qualify, Secret, TrustIdOutbound,
};

/// Everything an engine needs to know before its first datagram.
pub struct Config {
    /// sip.conf `[general]`.
    pub general: General,
    /// sip.conf's devices.
    pub peers: Peers,
    /// extensions.conf, compiled.
    pub plan: Arc<Plan>,
}

/// The devices of sip.conf, by name and by source address.
pub struct Peers {
    /// In file order.
    list: Vec<Arc<Peer>>,
    by_name: HashMap<Box<[u8]>, usize, Hasher>,
    by_address: HashMap<IpAddr, Vec<Arc<Peer>>, Hasher>,
}

impl Peers {
    /// Indexes the devices. A later one of the same name replaces an earlier.
    pub fn new(peers: impl IntoIterator<Item = Peer>) -> Peers {
        let hasher = Hasher::with_seeds(1, 2, 3, 4);
        let mut by_name: HashMap<Box<[u8]>, usize, Hasher> = HashMap::with_hasher(hasher.clone());
        let mut by_address: HashMap<IpAddr, Vec<Arc<Peer>>, Hasher> = HashMap::with_hasher(hasher);
        let mut list: Vec<Arc<Peer>> = Vec::new();
        for peer in peers {
            let peer = Arc::new(peer);
            match by_name
                .get(peer.name.as_bytes())
                .and_then(|&index| list.get_mut(index))
            {
                Some(earlier) => *earlier = peer,
                None => {
                    by_name.insert(peer.name.as_bytes().into(), list.len());
                    list.push(peer);
                }
            }
        }
        for peer in &list {
            if let Host::Fixed(address) = peer.host
                && peer.kind != PeerKind::User
            {
                by_address
                    .entry(address.ip())
                    .or_default()
                    .push(Arc::clone(peer));
            }
        }
        Peers {
            list,
            by_name,
            by_address,
        }
    }

    /// The same devices, each as `change` leaves it.
    pub fn map(&self, change: impl Fn(&mut Peer)) -> Peers {
        Peers::new(self.list.iter().map(|peer| {
            let mut peer = Peer::clone(peer);
            change(&mut peer);
            peer
        }))
    }

    /// The device called `name`.
    pub fn by_name(&self, name: &[u8]) -> Option<&Arc<Peer>> {
        self.list.get(*self.by_name.get(name)?)
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
