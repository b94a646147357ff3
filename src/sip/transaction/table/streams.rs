//! Which requests of ours are on their way over which stream, so that they can
//! be failed with it (RFC 3261 §17.1.4). Owns names only; the transactions are
//! the table's.

use core::net::SocketAddr;

use hashbrown::HashMap;

use crate::base::{Flow, Hasher, ShardId};
use crate::transaction::TransactionId;

/// Sent requests by the connection's owner and remote. What is answered stays
/// until room is needed: then all of it goes at once.
pub(super) struct Streams {
    sent: HashMap<(ShardId, SocketAddr), Vec<TransactionId>, Hasher>,
}

impl Streams {
    pub fn new(hasher: Hasher) -> Streams {
        Streams {
            sent: HashMap::with_hasher(hasher),
        }
    }

    /// A request has been sent by `flow`; `waits` says of one whether it still
    /// has no final response.
    pub fn note(&mut self, flow: &Flow, id: TransactionId, waits: impl Fn(TransactionId) -> bool) {
        let sent = self.sent.entry((flow.owner, flow.remote)).or_default();
        if sent.len() == sent.capacity() {
            sent.retain(|&id| waits(id));
        }
        sent.push(id);
    }

    /// Takes those sent by `flow`, answered ones among them.
    pub fn lost(&mut self, flow: &Flow) -> Vec<TransactionId> {
        let sent = self.sent.remove(&(flow.owner, flow.remote));
        sent.unwrap_or_default()
    }
}
