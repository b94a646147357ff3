//! Our own addresses, and which of them leads to a remote. Knows nothing of
//! routing: the kernel chooses the interface, this the socket.

use core::net::SocketAddr;

use super::{Flow, ShardId, SocketIndex, Transport};

/// The addresses one shard sends from: sockets for datagrams, then listeners
/// for streams, in the order of their [`SocketIndex`].
#[derive(Clone, Debug)]
pub struct Ways {
    shard: ShardId,
    sockets: Vec<(Transport, SocketAddr)>,
}

impl Ways {
    /// The addresses of `shard`, none a wildcard.
    pub fn new(shard: ShardId, datagrams: &[SocketAddr], streams: &[SocketAddr]) -> Ways {
        let datagrams = datagrams.iter().map(|&local| (Transport::Udp, local));
        let streams = streams.iter().map(|&local| (Transport::Tcp, local));
        Ways {
            shard,
            sockets: datagrams.chain(streams).collect(),
        }
    }

    /// Whether anything is carried so.
    pub fn has(&self, transport: Transport) -> bool {
        self.sockets
            .iter()
            .any(|&(carried, _)| carried == transport)
    }

    /// From our first address to itself; `None` without any.
    pub fn to_self(&self) -> Option<Flow> {
        let &(transport, local) = self.sockets.first()?;
        self.to(local, transport)
    }

    /// A path to `remote` for what answers no flow: by the first socket of that
    /// transport and the remote's address family.
    pub fn to(&self, remote: SocketAddr, transport: Transport) -> Option<Flow> {
        self.find(remote, |carried, _| carried == transport)
    }

    /// The path to `remote` from the address of ours that `local` says, as far
    /// as we still have it, and else as [`Ways::to`] has it.
    pub fn from(
        &self,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        transport: Transport,
    ) -> Option<Flow> {
        self.find(remote, |carried, own| {
            carried == transport && Some(own) == local
        })
        .or_else(|| self.to(remote, transport))
    }

    /// `flow` turned towards another remote or another transport, at the same
    /// address of ours if that can be. What is not carried here goes as before.
    pub fn turned(&self, flow: Flow, remote: SocketAddr, transport: Transport) -> Flow {
        if !transport.is_reliable() && !flow.transport.is_reliable() {
            return Flow { remote, ..flow };
        }
        if (remote, transport) == (flow.remote, flow.transport) {
            return flow;
        }
        let beside = |carried, own: SocketAddr| carried == transport && own.ip() == flow.local.ip();
        self.find(remote, beside)
            .or_else(|| self.to(remote, transport))
            .unwrap_or(Flow { remote, ..flow })
    }

    fn find(
        &self,
        remote: SocketAddr,
        wanted: impl Fn(Transport, SocketAddr) -> bool,
    ) -> Option<Flow> {
        let fits = |&(transport, local): &(Transport, SocketAddr)| {
            local.is_ipv4() == remote.is_ipv4() && wanted(transport, local)
        };
        let socket = self.sockets.iter().position(fits)?;
        let &(transport, local) = self.sockets.get(socket)?;
        Some(Flow {
            socket: socket as SocketIndex,
            transport,
            owner: self.shard,
            connection: None,
            local,
            remote,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn ways() -> Ways {
        let datagrams = ["192.0.2.1:5060", "[2001:db8::1]:5060"].map(address);
        let streams = ["192.0.2.2:5070", "192.0.2.1:5060"].map(address);
        Ways::new(3, &datagrams, &streams)
    }

    #[test]
    fn a_remote_is_reached_by_the_first_socket_that_can() {
        let (v4, v6) = (address("198.51.100.1:9"), address("[2001:db8::2]:9"));
        let socket = |remote, transport| ways().to(remote, transport).map(|flow| flow.socket);
        assert_eq!(socket(v4, Transport::Udp), Some(0));
        assert_eq!(socket(v6, Transport::Udp), Some(1));
        assert_eq!(socket(v4, Transport::Tcp), Some(2));
        assert_eq!(socket(v6, Transport::Tcp), None);
        let own = Some(address("192.0.2.1:5060"));
        let flow = ways().from(own, v4, Transport::Tcp).unwrap();
        assert_eq!((flow.socket, flow.owner), (3, 3));
    }

    #[test]
    fn a_flow_is_turned_beside_itself() {
        let (near, far) = (address("198.51.100.1:9"), address("198.51.100.2:9"));
        let udp = ways().to(near, Transport::Udp).unwrap();
        let tcp = ways().turned(udp, far, Transport::Tcp);
        assert_eq!((tcp.socket, tcp.remote, tcp.owner), (3, far, 3));
        let held = Flow {
            connection: core::num::NonZeroU32::new(7),
            owner: 1,
            ..tcp
        };
        assert_eq!(ways().turned(held, far, Transport::Tcp), held);
        let other = ways().turned(held, near, Transport::Tcp);
        assert_eq!((other.connection, other.owner), (None, 3));
        assert_eq!(ways().turned(tcp, near, Transport::Udp), udp);
        let alone = Ways::new(0, &[udp.local], &[]);
        let as_before = Flow { remote: far, ..udp };
        assert_eq!(alone.turned(udp, far, Transport::Tcp), as_before);
    }
}
