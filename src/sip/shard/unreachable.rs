//! What the network says of our datagrams: that one reached nobody (ICMP). Never
//! believes more of it than that a request which nobody has answered failed.

use core::net::SocketAddr;

use super::shard::Shard;
use crate::base::Instant;
use crate::machine::{Body, Envelope, Outbox};
use crate::wire::{Fields, Message};

impl Shard {
    /// A request of ours reached nobody: a failure of its transport, as if 503
    /// had come (RFC 3261 §8.1.3.1, §18.4). Anybody can send ICMP, and little is
    /// quoted of a datagram: the branch has to be there, whose 64 random bits none
    /// but those on its way know, and its transaction has to be with that very
    /// destination and to have heard nothing. Others change nothing.
    ///
    /// The kernel tells any of the sockets at our address: the Call-ID, if it is
    /// quoted, says which shard sent the request.
    pub(super) fn unreachable(
        &mut self,
        now: Instant,
        quoted: &[u8],
        remote: SocketAddr,
        out: &mut Outbox,
    ) {
        let lines = whole_lines(quoted);
        let mut fields = Fields::new();
        let Ok(request) = &Message::parse(lines, &mut fields) else {
            return;
        };
        if !request.is_request() {
            return;
        }
        let transactions = &mut self.exchange.transactions;
        if let Some(id) = transactions.unanswered_by(request, remote) {
            self.exchange.counters.unreachable += 1;
            if let Some(expired) = transactions.unsent(now, id) {
                self.transaction_expired(now, expired, out);
            }
            return;
        }
        let (own, home) = (self.exchange.shard, self.home_of_message(lines));
        if home != own {
            let bytes = lines.into();
            out.forward(Envelope {
                from: own,
                to: home,
                body: Body::Unreachable { bytes, remote },
            });
        }
    }
}

/// Without the line that the quotation breaks off in.
fn whole_lines(quoted: &[u8]) -> &[u8] {
    let end = memchr::memrchr(b'\n', quoted).map_or(0, |last| last + 1);
    quoted.get(..end).unwrap_or_default()
}
