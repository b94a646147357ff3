//! UDP sockets: bound in groups of one per shard before any of them is read,
//! and one shard's end of a group, which turns datagrams into flows and back.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

use pinion_sip::base::{Flow, SocketIndex, Transport};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::address::Family;
use crate::counters::Counters;
use crate::stream;
use crate::sys::{self, Outgoing, Receiver, Sender};

/// Datagrams one socket keeps while the kernel has no room for them.
const BACKLOG: usize = 4096;

/// Times a call is made again that may have been told of another's error. Each
/// takes an ICMP message of its own, within the microsecond since the last.
const ERRORS_PASSED: usize = 4;

/// The sockets of one listening address, one per shard (SO_REUSEPORT): for
/// datagrams or for streams.
pub struct Group {
    local: SocketAddr,
    transport: Transport,
    sockets: Vec<UdpSocket>,
    listeners: Vec<TcpListener>,
}

/// The kernel granted smaller buffers than asked for; the figures are what it
/// reports, which is twice what an application may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shortfall {
    /// `true` for the receive buffer.
    pub receive: bool,
    /// Bytes asked for.
    pub asked: usize,
    /// Bytes granted.
    pub granted: usize,
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (flag, option) = if self.receive {
            ("--rcvbuf", "rmem_max")
        } else {
            ("--sndbuf", "wmem_max")
        };
        write!(
            f,
            "{flag} asks for {} bytes, the kernel grants {}; raise its limit with: sysctl -w net.core.{option}={}",
            self.asked, self.granted, self.asked
        )
    }
}

/// Why an address cannot be listened on. One sentence each.
#[derive(Debug)]
pub enum BindError {
    /// Another socket has it.
    InUse(SocketAddr, Transport),
    /// A port below `net.ipv4.ip_unprivileged_port_start`, without the right.
    Denied(SocketAddr),
    /// No interface of this host has it.
    NotHere(SocketAddr),
    /// Anything else.
    Other(SocketAddr, io::Error),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindError::InUse(at, transport) => {
                let kind = if transport.is_reliable() { 't' } else { 'u' };
                write!(
                    f,
                    "cannot listen on {at}: another program already uses this {} port (ss -l{kind}np 'sport = :{}' names it)",
                    transport.name(),
                    at.port()
                )
            }
            BindError::Denied(at) => write!(
                f,
                "cannot listen on {at}: port {} needs root or CAP_NET_BIND_SERVICE; choose a port from 1024 up or grant it",
                at.port()
            ),
            BindError::NotHere(at) => write!(
                f,
                "cannot listen on {at}: no interface of this host has that address"
            ),
            BindError::Other(at, error) => write!(f, "cannot listen on {at}: {error}"),
        }
    }
}

impl std::error::Error for BindError {}

impl BindError {
    fn new(at: SocketAddr, transport: Transport, error: io::Error) -> BindError {
        match error.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse(at, transport),
            io::ErrorKind::PermissionDenied => BindError::Denied(at),
            io::ErrorKind::AddrNotAvailable => BindError::NotHere(at),
            _ => BindError::Other(at, error),
        }
    }
}

impl Group {
    fn of_datagrams(local: SocketAddr, sockets: Vec<UdpSocket>) -> Group {
        Group {
            local,
            transport: Transport::Udp,
            sockets,
            listeners: Vec::new(),
        }
    }

    /// The address bound, with the port the kernel chose if 0 was asked for.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// The address to write into messages: the bound one, or for a wildcard
    /// the source address of the default route, else loopback.
    pub fn advertised(&self) -> SocketAddr {
        let ip = match self.local.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => {
                source_address(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)))
                    .unwrap_or(Ipv4Addr::LOCALHOST.into())
            }
            IpAddr::V6(ip) if ip.is_unspecified() => source_address(
                "2001:db8::1"
                    .parse::<Ipv6Addr>()
                    .map_or(IpAddr::V6(ip), IpAddr::V6),
            )
            .or_else(|| source_address(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))))
            .unwrap_or(Ipv6Addr::LOCALHOST.into()),
            ip => ip,
        };
        SocketAddr::new(ip, self.local.port())
    }

    /// What its sockets carry.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Marks all that leaves: the TOS or traffic class octet (RFC 2474 §3) and
    /// the priority, 0 to 7, that a VLAN's 802.1p bits are made from. 7 takes
    /// CAP_NET_ADMIN.
    pub fn mark(&self, tos: u8, cos: u8) -> io::Result<()> {
        let datagrams = self.sockets.iter().map(SockRef::from);
        // What a listener accepts has its marks.
        for socket in datagrams.chain(self.listeners.iter().map(SockRef::from)) {
            if self.local.is_ipv6() {
                socket.set_tclass_v6(tos.into())?;
            }
            // An IPv6 wildcard speaks IPv4, too. IP_TOS sets a priority of its
            // own, so that comes last.
            socket.set_tos_v4(tos.into())?;
            socket.set_priority(cos.into())?;
        }
        Ok(())
    }

    /// The address of each shard's socket: all the same, except after
    /// [`bind_apart`].
    pub fn locals(&self) -> io::Result<Vec<SocketAddr>> {
        let datagrams = self.sockets.iter().map(UdpSocket::local_addr);
        let streams = self.listeners.iter().map(TcpListener::local_addr);
        datagrams.chain(streams).collect()
    }

    /// The sockets for datagrams, in the order of the shards.
    pub(crate) fn sockets(&self) -> &[UdpSocket] {
        &self.sockets
    }

    /// The same, for their shards to own.
    pub(crate) fn into_sockets(self) -> Vec<UdpSocket> {
        self.sockets
    }

    /// The sockets for streams, for their shards to own.
    pub(crate) fn into_listeners(self) -> Vec<TcpListener> {
        self.listeners
    }
}

/// The local address that routing would choose towards `remote`. Sends nothing:
/// connecting a UDP socket only looks up the route.
pub fn source_address(remote: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = if remote.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((remote, 9)).ok()?;
    let local = socket.local_addr().ok()?.ip();
    (!local.is_unspecified()).then_some(local)
}

/// Binds every address of `listen` once per shard. When it returns, all
/// sockets stand, so the kernel's spreading over a group is final before the
/// first datagram is read.
///
/// SO_REUSEPORT would let another program of the same user share the port in
/// silence and take a part of the traffic, so each address is first bound
/// alone, for a moment.
pub fn bind(
    listen: &[SocketAddr],
    shards: usize,
    receive_bytes: usize,
    send_bytes: usize,
) -> Result<(Vec<Group>, Vec<Shortfall>), BindError> {
    let mut groups = Vec::with_capacity(listen.len());
    let mut shortfalls = Vec::new();
    for &address in listen {
        open(address, false, None)
            .map_err(|error| BindError::new(address, Transport::Udp, error))?;
    }
    for &address in listen {
        let mut local = address;
        let mut sockets = Vec::with_capacity(shards);
        for _ in 0..shards.max(1) {
            let socket = open(local, true, Some((receive_bytes, send_bytes)))
                .map_err(|error| BindError::new(address, Transport::Udp, error))?;
            local = socket
                .local_addr()
                .map_err(|error| BindError::new(address, Transport::Udp, error))?;
            shortfalls.extend(shortfall(&socket, receive_bytes, send_bytes));
            sockets.push(socket);
        }
        groups.push(Group::of_datagrams(local, sockets));
    }
    shortfalls.dedup();
    Ok((groups, shortfalls))
}

/// Listens for streams at one address for each shard, which has it alone.
pub fn bind_streams_apart(addresses: &[SocketAddr]) -> Result<Group, BindError> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for &address in addresses {
        let failed = |error| BindError::new(address, Transport::Tcp, error);
        listeners.push(stream::open(address, false).map_err(failed)?);
    }
    let local = listeners.first().and_then(|first| first.local_addr().ok());
    Ok(Group {
        local: local.unwrap_or_else(|| (Ipv4Addr::UNSPECIFIED, 0).into()),
        transport: Transport::Tcp,
        sockets: Vec::new(),
        listeners,
    })
}

/// Listens for streams at every address, once per shard. The engine's groups
/// are those for datagrams first, then these.
pub fn bind_streams(listen: &[SocketAddr], shards: usize) -> Result<Vec<Group>, BindError> {
    for &address in listen {
        let failed = |error| BindError::new(address, Transport::Tcp, error);
        stream::open(address, false).map_err(failed)?;
    }
    let group = |&address: &SocketAddr| {
        let failed = |error| BindError::new(address, Transport::Tcp, error);
        let mut local = address;
        let mut listeners = Vec::with_capacity(shards);
        for _ in 0..shards.max(1) {
            let listener = stream::open(local, true).map_err(failed)?;
            local = listener.local_addr().map_err(failed)?;
            listeners.push(listener);
        }
        Ok(Group {
            local,
            transport: Transport::Tcp,
            sockets: Vec::new(),
            listeners,
        })
    };
    listen.iter().map(group).collect()
}

/// One more socket of the group at `local`, for a shard whose own is gone. It
/// takes part in the kernel's spreading at once, and in steering with
/// [`Steering::insert`](crate::steer::Steering::insert). The engine replaces no
/// socket while it runs; this is for whoever does.
pub fn join(
    local: SocketAddr,
    receive_bytes: usize,
    send_bytes: usize,
) -> Result<UdpSocket, BindError> {
    open(local, true, Some((receive_bytes, send_bytes)))
        .map_err(|error| BindError::new(local, Transport::Udp, error))
}

/// Binds one address for each shard, which has it alone: whatever a remote
/// sends there reaches that shard. With port 0 the kernel chooses.
pub fn bind_apart(
    addresses: &[SocketAddr],
    receive_bytes: usize,
    send_bytes: usize,
) -> Result<(Group, Vec<Shortfall>), BindError> {
    let mut sockets = Vec::with_capacity(addresses.len());
    let mut shortfalls = Vec::new();
    let mut first = None;
    for &address in addresses {
        let failed = |error| BindError::new(address, Transport::Udp, error);
        let buffers = Some((receive_bytes, send_bytes));
        let socket = open(address, false, buffers).map_err(failed)?;
        first = first.or(Some(socket.local_addr().map_err(failed)?));
        shortfalls.extend(shortfall(&socket, receive_bytes, send_bytes));
        sockets.push(socket);
    }
    shortfalls.dedup();
    let local = first.unwrap_or_else(|| (Ipv4Addr::UNSPECIFIED, 0).into());
    Ok((Group::of_datagrams(local, sockets), shortfalls))
}

fn open(
    address: SocketAddr,
    shared: bool,
    buffers: Option<(usize, usize)>,
) -> io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    socket.set_cloexec(true)?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_reuse_port(shared)?;
    if let Some((receive_bytes, send_bytes)) = buffers {
        socket.set_recv_buffer_size(receive_bytes)?;
        socket.set_send_buffer_size(send_bytes)?;
        // Bound to one address, a socket need not be told it with each datagram.
        let wildcard = address.ip().is_unspecified();
        let family = Family::of(&address);
        sys::set_ancillary(socket.as_fd(), wildcard.then_some(family))?;
        sys::report_errors(socket.as_fd(), family)?;
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// The kernel clamps in silence, and reports twice the size it granted.
fn shortfall(socket: &UdpSocket, receive_bytes: usize, send_bytes: usize) -> Vec<Shortfall> {
    let socket = socket2::SockRef::from(socket);
    let asked = [
        (true, receive_bytes, socket.recv_buffer_size()),
        (false, send_bytes, socket.send_buffer_size()),
    ];
    asked
        .into_iter()
        .filter_map(|(receive, asked, reported)| {
            let granted = reported.ok()? / 2;
            (granted < asked).then_some(Shortfall {
                receive,
                asked,
                granted,
            })
        })
        .collect()
}

/// One shard's socket of one listening address.
pub(crate) struct Port {
    socket: UdpSocket,
    index: SocketIndex,
    family: Family,
    /// The bound address.
    local: SocketAddr,
    /// The last drop count the kernel told.
    drops: u32,
    backlog: VecDeque<(Flow, Box<[u8]>)>,
}

impl Port {
    /// The socket number `index` of its shard.
    pub(crate) fn new(index: SocketIndex, socket: UdpSocket) -> io::Result<Port> {
        let local = socket.local_addr()?;
        Ok(Port {
            socket,
            index,
            family: Family::of(&local),
            local,
            drops: 0,
            backlog: VecDeque::new(),
        })
    }

    /// Takes up to a batch of datagrams into `receiver`; returns how many.
    pub(crate) fn receive(&mut self, receiver: &mut Receiver, counters: &mut Counters) -> usize {
        let received = match past_errors(|| receiver.receive(self.socket.as_fd())) {
            Ok(received) => received,
            Err(_) => {
                counters.receive_errors += 1;
                return 0;
            }
        };
        counters.received += received as u64;
        // The count is cumulative and beside every datagram: the last has all.
        let last = received
            .checked_sub(1)
            .and_then(|last| receiver.datagram(last));
        if let Some(drops) = last.and_then(|last| last.ancillary.drops) {
            counters.kernel_drops += u64::from(drops.wrapping_sub(self.drops));
            self.drops = drops;
        }
        received
    }

    /// Takes up to a batch of errors about datagrams of this socket's into
    /// `receiver`; returns how many. Where the sockets of an address are many,
    /// the kernel tells any of them.
    #[cold]
    pub(crate) fn receive_errors(&self, receiver: &mut Receiver, counters: &mut Counters) -> usize {
        let received = receiver.receive_errors(self.socket.as_fd()).unwrap_or(0);
        counters.icmp_errors += received as u64;
        received
    }

    /// The error `number` of the last batch, if it says that a datagram reached
    /// nobody: how that began, and where it was to go.
    pub(crate) fn unreachable<'a>(
        &self,
        receiver: &'a Receiver,
        number: usize,
    ) -> Option<(&'a [u8], SocketAddr)> {
        let received = receiver.datagram(number)?;
        received
            .ancillary
            .unreachable
            .then_some((received.bytes, received.remote))
    }

    /// The datagram `number` of the last batch, and the path it came by.
    pub(crate) fn datagram<'a>(
        &self,
        receiver: &'a Receiver,
        number: usize,
    ) -> Option<(&'a [u8], Flow)> {
        let received = receiver.datagram(number)?;
        let local = match received.ancillary.local {
            Some(IpAddr::V6(ip)) if ip.is_unicast_link_local() => SocketAddr::V6(
                SocketAddrV6::new(ip, self.local.port(), 0, received.ancillary.interface),
            ),
            Some(ip) => SocketAddr::new(ip, self.local.port()),
            None => self.local,
        };
        Some((
            received.bytes,
            Flow::udp(self.index, local, received.remote),
        ))
    }

    /// Sends the first datagrams of `queue`, which must not be empty; returns
    /// how many are dealt with: sent, refused by the kernel, or kept for later.
    pub(crate) fn send<'a>(
        &mut self,
        sender: &mut Sender,
        queue: impl Iterator<Item = (&'a Flow, &'a [u8])> + Clone,
        counters: &mut Counters,
    ) -> usize {
        if !self.backlog.is_empty() {
            return self.keep(queue, counters);
        }
        let wildcard = self.local.ip().is_unspecified();
        let outgoing = queue
            .clone()
            .map(move |(flow, bytes)| outgoing(wildcard, flow, bytes));
        let fd = self.socket.as_fd();
        match past_errors(|| sender.send(fd, self.family, outgoing.clone())) {
            Ok(sent) => {
                counters.sent += sent as u64;
                sent.max(1)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.keep(queue, counters),
            Err(_) => {
                counters.send_errors += 1;
                1
            }
        }
    }

    /// Copies the queue behind the backlog, as far as there is room.
    fn keep<'a>(
        &mut self,
        queue: impl Iterator<Item = (&'a Flow, &'a [u8])>,
        counters: &mut Counters,
    ) -> usize {
        let mut dealt_with = 0;
        for (flow, bytes) in queue {
            dealt_with += 1;
            if self.backlog.len() < BACKLOG {
                self.backlog.push_back((*flow, bytes.into()));
                counters.send_waits += 1;
            } else {
                counters.send_drops += 1;
            }
        }
        dealt_with
    }

    /// Sends what was kept, as far as the kernel has room now.
    pub(crate) fn retry(&mut self, sender: &mut Sender, counters: &mut Counters) {
        let wildcard = self.local.ip().is_unspecified();
        while !self.backlog.is_empty() {
            let queue = self
                .backlog
                .iter()
                .map(|(flow, bytes)| outgoing(wildcard, flow, bytes));
            let fd = self.socket.as_fd();
            let gone = match past_errors(|| sender.send(fd, self.family, queue.clone())) {
                Ok(sent) => {
                    counters.sent += sent as u64;
                    sent.max(1)
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    counters.send_errors += 1;
                    1
                }
            };
            self.backlog.drain(..gone);
        }
    }

    /// Whether datagrams wait for room.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.backlog.is_empty()
    }
}

/// Makes a call on a socket again where it may only have been told of an error
/// about an earlier datagram, to whomever: the kernel tells the next call, once
/// for each. What is told several times in a row is the call's own.
fn past_errors<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut result = call();
    for _ in 0..ERRORS_PASSED {
        match &result {
            Err(error) if error.raw_os_error().is_some_and(comes_by_icmp) => result = call(),
            _ => break,
        }
    }
    result
}

/// Whether that is one of the errors that the kernel makes of ICMP.
fn comes_by_icmp(error: i32) -> bool {
    matches!(
        error,
        libc::ECONNREFUSED
            | libc::EHOSTUNREACH
            | libc::ENETUNREACH
            | libc::EHOSTDOWN
            | libc::ENONET
            | libc::ENOPROTOOPT
            | libc::EOPNOTSUPP
            | libc::EPROTO
            | libc::EACCES
            | libc::EMSGSIZE
    )
}

fn outgoing<'a>(wildcard: bool, flow: &'a Flow, bytes: &'a [u8]) -> Outgoing<'a> {
    let source = (wildcard && !flow.local.ip().is_unspecified()).then_some(&flow.local);
    Outgoing {
        bytes,
        remote: &flow.remote,
        source,
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests;
