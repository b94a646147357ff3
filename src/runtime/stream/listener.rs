//! Listening sockets of streams: bound in groups of one per shard, and one
//! shard's end of a group.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::sys;

/// Connections the kernel keeps for a listener that has no time for them yet.
const BACKLOG: i32 = 4096;

/// Binds `address` and listens, beside others of this engine if `shared`.
pub(crate) fn open(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = stream_socket(address)?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // Connections of an engine that has ended linger in the kernel for a while
    // and are no reason not to listen.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn stream_socket(address: SocketAddr) -> io::Result<Socket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_cloexec(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// One shard's listener of one address.
pub(crate) struct Listener {
    socket: TcpListener,
    /// The bound address.
    pub(super) local: SocketAddr,
    /// Whether it is left alone, the host having nothing left to accept with.
    pub(super) muted: bool,
    /// The octet and the priority that mark what it accepts
    /// ([`Group::mark`](crate::udp::Group::mark)), and what it begins as well.
    marks: (u32, u32),
}

impl Listener {
    pub(crate) fn new(socket: TcpListener) -> io::Result<Listener> {
        let local = socket.local_addr()?;
        let marked = SockRef::from(&socket);
        let marks = (marked.tos_v4()?, marked.priority()?);
        Ok(Listener {
            socket,
            local,
            muted: false,
            marks,
        })
    }

    /// Begins to connect to `remote`, from the listener's address unless that is
    /// a wildcard.
    pub(super) fn connect(&self, remote: SocketAddr) -> io::Result<TcpStream> {
        let socket = stream_socket(remote)?;
        socket.set_tcp_nodelay(true)?;
        self.mark(&socket, remote);
        let source = self.local.ip();
        if !source.is_unspecified() {
            sys::bind_without_port(socket.as_fd())?;
            socket.bind(&SocketAddr::new(source, 0).into())?;
        }
        match socket.connect(&remote.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
            Err(error) => return Err(error),
        }
        Ok(socket.into())
    }

    /// Marks what leaves by a connection of ours. That a kernel refuses has been
    /// told of the listener, and is no reason not to connect.
    fn mark(&self, socket: &Socket, remote: SocketAddr) {
        let (tos, priority) = self.marks;
        let _ = match remote.is_ipv6() {
            true => socket.set_tclass_v6(tos),
            false => socket.set_tos_v4(tos),
        };
        // IP_TOS sets a priority of its own.
        let _ = socket.set_priority(priority);
    }

    /// Takes a connection, its local address and its remote's; `None` when there
    /// is none.
    pub(super) fn accept(&self) -> io::Result<Option<(TcpStream, SocketAddr, SocketAddr)>> {
        let (socket, remote) = match self.socket.accept() {
            Ok(accepted) => accepted,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        };
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        let local = match self.local.ip().is_unspecified() {
            true => socket.local_addr()?,
            false => self.local,
        };
        Ok(Some((socket, canonical(local), canonical(remote))))
    }
}

/// A mapped address as the IPv4 address it stands for.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
        IpAddr::V6(_) => address,
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
