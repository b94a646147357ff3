//! Where a datagram came from or goes to.

use core::net::SocketAddr;

/// Which of the engine's listening sockets, in the order of `Config::sockets`.
pub type SocketIndex = u8;

/// One path over the wire: our socket and address, and theirs.
///
/// A reply to a flow leaves by the socket and from the local address it came
/// to, which is what NATs and multihomed hosts need (RFC 3581 §4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Flow {
    /// The listening socket.
    pub socket: SocketIndex,
    /// Our own address on that path; never a wildcard.
    pub local: SocketAddr,
    /// The remote's address.
    pub remote: SocketAddr,
}

/// Something that takes finished datagrams: the outbox, or a test.
pub trait Transmit {
    /// Queues one datagram. Never blocks; a full queue drops and counts.
    fn transmit(&mut self, flow: &Flow, datagram: &[u8]);
}
