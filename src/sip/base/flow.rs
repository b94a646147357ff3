//! Where a message came from or goes to.

use core::net::SocketAddr;
use core::num::NonZeroU32;

use super::ShardId;

/// Which of the engine's listening sockets: those for datagrams in the order of
/// `Config::sockets`, then those for streams.
pub type SocketIndex = u8;

/// What carries messages (RFC 3261 §18).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Transport {
    /// Datagrams.
    #[default]
    Udp,
    /// A stream; `Content-Length` says where a message ends (§18.3).
    Tcp,
}

impl Transport {
    /// Whether what is sent arrives, or the connection breaks: nothing is
    /// retransmitted, and copies are not waited for (§17).
    pub fn is_reliable(self) -> bool {
        self != Transport::Udp
    }

    /// As it stands in a Via.
    pub fn name(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        }
    }

    /// What a URI of ours says of it (§19.1.1): nothing, where it is the usual.
    pub fn uri_parameter(self) -> &'static [u8] {
        match self {
            Transport::Udp => b"",
            Transport::Tcp => b";transport=tcp",
        }
    }

    /// What begins a Via.
    pub fn sent_protocol(self) -> &'static [u8] {
        match self {
            Transport::Udp => b"SIP/2.0/UDP ",
            Transport::Tcp => b"SIP/2.0/TCP ",
        }
    }

    /// The transport of a name, in any case: of a URI's parameter, of a Via.
    pub fn named(name: &[u8]) -> Option<Transport> {
        [Transport::Udp, Transport::Tcp]
            .into_iter()
            .find(|transport| name.eq_ignore_ascii_case(transport.name().as_bytes()))
    }
}

/// One connection among those of the shard that owns it. A number is used again
/// only long after, and then for another remote.
pub type ConnectionId = NonZeroU32;

/// One path over the wire: our socket and address, and theirs.
///
/// A reply to a flow leaves by the socket and from the local address it came
/// to, which is what NATs and multihomed hosts need (RFC 3581 §4), and over a
/// stream by the connection it came by (RFC 3261 §18.2.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Flow {
    /// The listening socket.
    pub socket: SocketIndex,
    /// What carries it.
    pub transport: Transport,
    /// Whose connection it is; means nothing for datagrams.
    pub owner: ShardId,
    /// The connection, and no other. Without one, any of the owner's to the
    /// remote will do, and one is opened if there is none.
    pub connection: Option<ConnectionId>,
    /// Our own address on that path; never a wildcard.
    pub local: SocketAddr,
    /// The remote's address.
    pub remote: SocketAddr,
}

impl Flow {
    /// A path for datagrams.
    pub fn udp(socket: SocketIndex, local: SocketAddr, remote: SocketAddr) -> Flow {
        Flow {
            socket,
            transport: Transport::Udp,
            owner: 0,
            connection: None,
            local,
            remote,
        }
    }
}

/// Something that takes finished messages: the outbox, or a test.
pub trait Transmit {
    /// Queues one message. Never blocks; a full queue drops and counts.
    fn transmit(&mut self, flow: &Flow, message: &[u8]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_is_small() {
        assert!(size_of::<Flow>() <= 72, "{}", size_of::<Flow>());
    }

    #[test]
    fn a_transport_is_known_by_its_name() {
        assert_eq!(Transport::named(b"Tcp"), Some(Transport::Tcp));
        assert_eq!(Transport::named(b"udp"), Some(Transport::Udp));
        assert_eq!(Transport::named(b"sctp"), None);
    }
}
