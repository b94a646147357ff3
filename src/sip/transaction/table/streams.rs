//! Which requests of ours are on their way over which stream, so that they can
//! be failed with it (RFC 3261 §17.1.4). Owns names only; the transactions are
//! the table's.

use core::net::SocketAddr;

use hashbrown::HashMap;

use crate::base::{Flow, Hasher, ShardId};
use crate::transaction::TransactionId;

/// Remotes, and requests of one, kept before any is looked at again.
const FEW: usize = 16;

/// Sent requests by the connection's owner and remote. What is answered stays
/// until half of all could be: then all of it goes at once.
pub(super) struct Streams {
    sent: HashMap<(ShardId, SocketAddr), Sent, Hasher>,
    /// So many remotes, and those without a request on its way are dropped.
    most: usize,
}

/// Requests to one remote.
struct Sent {
    ids: Vec<TransactionId>,
    /// So many, and those that are answered are dropped.
    most: usize,
}

impl Streams {
    pub fn new(hasher: Hasher) -> Streams {
        Streams {
            sent: HashMap::with_hasher(hasher),
            most: FEW,
        }
    }

    /// A request has been sent by `flow`; `waits` says of one whether it still
    /// has no final response.
    pub fn note(&mut self, flow: &Flow, id: TransactionId, waits: impl Fn(TransactionId) -> bool) {
        if self.sent.len() >= self.most {
            self.sent.retain(|_, sent| sent.sweep(&waits) > 0);
            self.most = (2 * self.sent.len()).max(FEW);
        }
        let sent = self.sent.entry((flow.owner, flow.remote));
        let sent = sent.or_insert_with(|| Sent {
            ids: Vec::new(),
            most: FEW,
        });
        if sent.ids.len() >= sent.most {
            sent.sweep(waits);
        }
        sent.ids.push(id);
    }

    /// Takes those sent by `flow`, answered ones among them.
    pub fn lost(&mut self, flow: &Flow) -> Vec<TransactionId> {
        let sent = self.sent.remove(&(flow.owner, flow.remote));
        sent.map_or_else(Vec::new, |sent| sent.ids)
    }
}

impl Sent {
    /// Drops what is answered; how many are left.
    fn sweep(&mut self, waits: impl Fn(TransactionId) -> bool) -> usize {
        self.ids.retain(|&id| waits(id));
        self.most = (2 * self.ids.len()).max(FEW);
        self.ids.len()
    }
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;

    use super::*;
    use crate::base::{Handle, Random};

    fn flow(port: u16) -> Flow {
        let [near, far] = [5060, port].map(|port| ([127, 0, 0, 1], port).into());
        Flow::udp(0, near, far)
    }

    fn id(slot: u32) -> TransactionId {
        let generation = 0;
        Handle { slot, generation }
    }

    fn streams() -> Streams {
        Streams::new(Random::from_u64(1).hasher())
    }

    #[test]
    fn those_that_wait_are_found_with_their_connection() {
        let mut streams = streams();
        for slot in 0..100 {
            streams.note(&flow(1), id(slot), |id| id.slot % 10 == 0);
            streams.note(&flow(2), id(1000 + slot), |_| true);
        }
        let lost = streams.lost(&flow(1));
        assert!((0..10).all(|ten| lost.contains(&id(ten * 10))));
        assert!(lost.len() < 40, "{} are kept", lost.len());
        assert_eq!(streams.lost(&flow(1)), []);
        assert_eq!(streams.lost(&flow(2)).len(), 100);
    }

    #[test]
    fn remotes_without_a_request_on_its_way_are_forgotten() {
        let mut streams = streams();
        for port in 1..10_000 {
            streams.note(&flow(port), id(port.into()), |id| id.slot < 50);
        }
        assert!(streams.sent.len() < 200, "{} are kept", streams.sent.len());
        assert_eq!(streams.lost(&flow(49)), [id(49)]);
    }

    #[test]
    fn each_is_looked_at_a_few_times_however_many_wait() {
        let (mut streams, looks) = (streams(), Cell::new(0_u32));
        let look = |_| {
            looks.set(looks.get() + 1);
            true
        };
        for slot in 0..10_000 {
            streams.note(&flow(1), id(slot), look);
        }
        assert!(looks.get() < 20_000, "{} looks", looks.get());
    }
}
