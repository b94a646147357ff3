//! Every `unsafe` block of pinion, with those of the files below: the system calls
//! that std and socket2 do not wrap, each behind a safe function. Decides
//! nothing, keeps no policy.

pub(crate) mod bpf;
pub(crate) mod memory;

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::time::Duration;

use crate::address::{Ancillary, CONTROL_BYTES, Control, Family, NAME_BYTES, Name};

/// The largest UDP payload, in bytes (RFC 768's 16-bit length less its header,
/// rounded up).
pub(crate) const DATAGRAM_BYTES: usize = 65_535;

/// Distance between receive buffers: one cache line more than a power of two,
/// so that the first lines of all buffers do not compete for one cache set.
const STRIDE: usize = 65_536 + 64;

/// Turns the `-1` of a system call into the error it left in `errno`.
fn checked(result: libc::c_int) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

fn empty_header() -> libc::mmsghdr {
    // SAFETY: `mmsghdr` consists of integers and raw pointers, for all of which
    // the zero bit pattern is a value.
    unsafe { mem::zeroed() }
}

const EMPTY_VECTOR: libc::iovec = libc::iovec {
    iov_base: ptr::null_mut(),
    iov_len: 0,
};

/// Buffers for one recvmmsg(2), reused for ever.
pub(crate) struct Receiver {
    buffers: Vec<u8>,
    names: Vec<Name>,
    controls: Vec<Control>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    received: usize,
}

/// One datagram in a [`Receiver`].
pub(crate) struct Received<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) remote: SocketAddr,
    pub(crate) ancillary: Ancillary,
}

impl Receiver {
    /// Room for `batch` datagrams a call. Pages are touched as they are used.
    pub(crate) fn new(batch: usize) -> Receiver {
        Receiver {
            buffers: vec![0; batch * STRIDE],
            names: vec![Name::EMPTY; batch],
            controls: vec![Control::EMPTY; batch],
            vectors: vec![EMPTY_VECTOR; batch],
            headers: (0..batch).map(|_| empty_header()).collect(),
            received: 0,
        }
    }

    /// How many datagrams one call can take.
    pub(crate) fn batch(&self) -> usize {
        self.headers.len()
    }

    /// Takes what `socket` holds, up to the batch, without waiting; the count
    /// is 0 when it holds nothing. The datagrams of the call before are gone.
    pub(crate) fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        self.take(socket, libc::MSG_DONTWAIT)
    }

    /// The same for what came back: the beginnings of datagrams of `socket`'s
    /// that an error was reported about, each with where it was to go
    /// ([`report_errors`]).
    pub(crate) fn receive_errors(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        self.take(socket, libc::MSG_DONTWAIT | libc::MSG_ERRQUEUE)
    }

    fn take(&mut self, socket: BorrowedFd<'_>, flags: libc::c_int) -> io::Result<usize> {
        self.received = 0;
        let parts = self
            .buffers
            .chunks_exact_mut(STRIDE)
            .zip(&mut self.names)
            .zip(&mut self.controls)
            .zip(&mut self.vectors)
            .zip(&mut self.headers);
        for ((((buffer, name), control), vector), header) in parts {
            vector.iov_base = buffer.as_mut_ptr().cast();
            vector.iov_len = DATAGRAM_BYTES;
            header.msg_hdr.msg_name = ptr::from_mut(name).cast();
            header.msg_hdr.msg_namelen = NAME_BYTES as _;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = ptr::from_mut(control).cast();
            header.msg_hdr.msg_controllen = CONTROL_BYTES as _;
        }
        // SAFETY: every header points at a name, a control block and a vector
        // of this receiver, and every vector at a buffer of `STRIDE` bytes of
        // which `DATAGRAM_BYTES` are offered; all are exclusively borrowed by
        // `self` for the length of the call, and the count is theirs.
        let result = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                self.headers.len() as libc::c_uint,
                flags as _,
                ptr::null_mut(),
            )
        };
        match checked(result) {
            Ok(count) => self.received = count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(self.received)
    }

    /// The datagram `index` of the last call; `None` beyond its count, or when
    /// it came from an address of another family.
    pub(crate) fn datagram(&self, index: usize) -> Option<Received<'_>> {
        let header = self.headers[..self.received].get(index)?;
        let bytes = self
            .buffers
            .get(index * STRIDE..)?
            .get(..header.msg_len as usize)?;
        let ancillary = self
            .controls
            .get(index)?
            .read(header.msg_hdr.msg_controllen);
        Some(Received {
            bytes,
            remote: self.names.get(index)?.read()?,
            ancillary,
        })
    }
}

/// One datagram for a [`Sender`].
#[derive(Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) remote: &'a SocketAddr,
    /// The local address to send from, where the socket leaves a choice.
    pub(crate) source: Option<&'a SocketAddr>,
}

/// Room for one sendmmsg(2), reused for ever.
pub(crate) struct Sender {
    names: Vec<Name>,
    controls: Vec<Control>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

impl Sender {
    /// Room for `batch` datagrams a call.
    pub(crate) fn new(batch: usize) -> Sender {
        Sender {
            names: vec![Name::EMPTY; batch],
            controls: vec![Control::EMPTY; batch],
            vectors: vec![EMPTY_VECTOR; batch],
            headers: (0..batch).map(|_| empty_header()).collect(),
        }
    }

    /// Sends the first datagrams of `queue`, as many as fit one call, without
    /// waiting. Returns how many left, at least one; an error is the first
    /// datagram's own, and none has left.
    pub(crate) fn send<'a>(
        &mut self,
        socket: BorrowedFd<'_>,
        family: Family,
        queue: impl Iterator<Item = Outgoing<'a>>,
    ) -> io::Result<usize> {
        let slots = self
            .names
            .iter_mut()
            .zip(&mut self.controls)
            .zip(&mut self.vectors)
            .zip(&mut self.headers);
        let mut filled = 0;
        for ((((name, control), vector), header), outgoing) in slots.zip(queue) {
            let Some(name_bytes) = name.write(family, outgoing.remote) else {
                if filled == 0 {
                    return Err(io::ErrorKind::NetworkUnreachable.into());
                }
                break;
            };
            let control_bytes = outgoing
                .source
                .map_or(0, |source| control.write_source(family, source));
            vector.iov_base = outgoing.bytes.as_ptr().cast_mut().cast();
            vector.iov_len = outgoing.bytes.len();
            header.msg_hdr.msg_name = ptr::from_mut(name).cast();
            header.msg_hdr.msg_namelen = name_bytes as _;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = if control_bytes == 0 {
                ptr::null_mut()
            } else {
                ptr::from_mut(control).cast()
            };
            header.msg_hdr.msg_controllen = control_bytes as _;
            filled += 1;
        }
        // SAFETY: the first `filled` headers point at a name, a control block
        // and a vector of this sender, exclusively borrowed by `self`, and at
        // bytes borrowed for 'a, which outlives the call; the kernel only reads
        // those bytes, so the cast to a mutable pointer is never used as one.
        let result = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                filled as libc::c_uint,
                (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as _,
            )
        };
        checked(result)
    }
}

/// Something an [`Epoll`] watches is ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Event {
    /// What it was to be named by.
    pub(crate) token: u64,
    /// It has an error to report, which is always watched for.
    pub(crate) error: bool,
}

/// An epoll(7) instance; what it watches is named by a token.
pub(crate) struct Epoll {
    instance: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Epoll {
    /// Watches nothing yet; one wait reports at most `capacity` tokens.
    pub(crate) fn new(capacity: usize) -> io::Result<Epoll> {
        // SAFETY: no pointer is passed.
        let instance = checked(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        Ok(Epoll {
            instance: owned(instance),
            events: vec![libc::epoll_event { events: 0, u64: 0 }; capacity.max(1)],
        })
    }

    /// Watches `watched` for input, under `token`. Its closing ends the watch.
    pub(crate) fn add(&self, watched: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, watched, libc::EPOLLIN, token)
    }

    /// Watches for input when `input`, and for room to send when `output`, from
    /// now on.
    pub(crate) fn change(
        &self,
        watched: BorrowedFd<'_>,
        (input, output): (bool, bool),
        token: u64,
    ) -> io::Result<()> {
        let events =
            if input { libc::EPOLLIN } else { 0 } | if output { libc::EPOLLOUT } else { 0 };
        self.control(libc::EPOLL_CTL_MOD, watched, events, token)
    }

    fn control(
        &self,
        operation: i32,
        watched: BorrowedFd<'_>,
        events: i32,
        token: u64,
    ) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: events as u32,
            u64: token,
        };
        // SAFETY: both descriptors are open while borrowed, and the kernel
        // copies `event` before it returns.
        let result = unsafe {
            libc::epoll_ctl(
                self.instance.as_raw_fd(),
                operation,
                watched.as_raw_fd(),
                &mut event,
            )
        };
        checked(result).map(drop)
    }

    /// Waits up to `timeout` (`None`: for ever) and returns what is ready. A
    /// signal, or work that io_uring queued for this thread, ends the wait with
    /// `Interrupted`. Milliseconds count, and what is less when
    /// `precise`, by epoll_pwait2(2); kernels before 5.11 lack it, and wait for
    /// the whole of the last millisecond.
    pub(crate) fn wait(
        &mut self,
        timeout: Option<Duration>,
        precise: bool,
    ) -> io::Result<impl Iterator<Item = Event> + '_> {
        let count = if precise {
            self.wait_precisely(timeout)
        } else {
            self.wait_ms(timeout.map(|timeout| timeout.as_millis()))
        }?;
        let error = libc::EPOLLERR as u32;
        Ok(self.events.iter().take(count).map(move |event| Event {
            token: event.u64,
            error: event.events & error != 0,
        }))
    }

    fn wait_ms(&mut self, timeout_ms: Option<u128>) -> io::Result<usize> {
        let timeout_ms = timeout_ms.map_or(-1, |timeout_ms| {
            libc::c_int::try_from(timeout_ms).unwrap_or(libc::c_int::MAX)
        });
        // SAFETY: `events` is exclusively borrowed and its length is passed.
        checked(unsafe {
            libc::epoll_wait(
                self.instance.as_raw_fd(),
                self.events.as_mut_ptr(),
                self.events.len() as libc::c_int,
                timeout_ms,
            )
        })
    }

    fn wait_precisely(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        match self.pwait2(timeout) {
            Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => {
                self.wait_rounded_up(timeout)
            }
            result => result,
        }
    }

    fn wait_rounded_up(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        self.wait_ms(timeout.map(|timeout| timeout.as_nanos().div_ceil(1_000_000)))
    }

    /// Not libc's function of that name, which glibc has from 2.35 on: a program
    /// that names it does not start with an older one.
    fn pwait2(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        // Seconds and nanoseconds (`__kernel_timespec`), 64 bits each everywhere.
        let timeout = timeout.map(|timeout| {
            let seconds = i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX);
            [seconds, timeout.subsec_nanos().into()]
        });
        let no_signals: *const libc::sigset_t = ptr::null();
        // SAFETY: `events` is exclusively borrowed and its length is passed;
        // `timeout` is null or points at a value that outlives the call and is
        // laid out as the kernel reads it; no signal mask is passed.
        let result = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.instance.as_raw_fd(),
                self.events.as_mut_ptr(),
                self.events.len() as libc::c_int,
                timeout.as_ref().map_or(ptr::null(), ptr::from_ref),
                no_signals,
                0_usize,
            )
        };
        checked(result as libc::c_int)
    }
}

/// A new eventfd(2), non-blocking, at zero.
pub(crate) fn eventfd() -> io::Result<OwnedFd> {
    // SAFETY: no pointer is passed.
    let fd = checked(unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) })?;
    Ok(owned(fd))
}

/// Takes ownership of a descriptor that a system call has just returned.
fn owned(fd: usize) -> OwnedFd {
    // SAFETY: callers pass the fresh result of a successful call that opens a
    // descriptor, which nothing else knows yet; it fits the c_int it was.
    unsafe { OwnedFd::from_raw_fd(fd as libc::c_int) }
}

/// Another name for an open descriptor of ours (fcntl F_DUPFD_CLOEXEC);
/// an error when `fd` is not open.
pub(crate) fn duplicate(fd: i32) -> io::Result<OwnedFd> {
    // SAFETY: no pointer is passed, and a descriptor that is not open is an
    // error, not undefined.
    let copy = checked(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0) })?;
    Ok(owned(copy))
}

/// Asks for the count of datagrams the kernel had no room for, beside each
/// datagram, and if a family is given, for the datagram's local address.
pub(crate) fn set_ancillary(socket: BorrowedFd<'_>, local: Option<Family>) -> io::Result<()> {
    let packet_info = local.map(|family| match family {
        Family::V4 => (libc::IPPROTO_IP, libc::IP_PKTINFO),
        Family::V6 => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
    });
    if let Some((level, option)) = packet_info {
        set_option(socket, level, option, 1)?;
    }
    set_option(socket, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1)
}

/// Has `socket`, of `family`, keep the errors that are reported about its
/// datagrams (ip(7), IP_RECVERR), for [`Receiver::receive_errors`]; they take room
/// of its receive buffer. Of each the next call on the socket is told, too, whatever
/// that is about. A datagram that finds the interface's queue full is an error of
/// its send from then on.
pub(crate) fn report_errors(socket: BorrowedFd<'_>, family: Family) -> io::Result<()> {
    if family == Family::V6 {
        set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1)?;
    }
    // An IPv6 wildcard speaks IPv4, too.
    set_option(socket, libc::IPPROTO_IP, libc::IP_RECVERR, 1)
}

/// Leaves the port of the next bind(2) to be chosen by connect(2), which may take
/// one that leads elsewhere as well: looking for one that leads nowhere takes the
/// longer the more connections there are.
pub(crate) fn bind_without_port(socket: BorrowedFd<'_>) -> io::Result<()> {
    set_option(socket, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1)
}

fn set_option(
    socket: BorrowedFd<'_>,
    level: i32,
    option: i32,
    value: libc::c_int,
) -> io::Result<()> {
    // SAFETY: the option's value is a c_int, copied before the call returns.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            ptr::from_ref(&value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    checked(result).map(drop)
}

/// The CPUs the calling thread may run on, in ascending order.
pub(crate) fn allowed_cpus() -> io::Result<Vec<usize>> {
    // SAFETY: `cpu_set_t` is an array of integers, for which zero is a value.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: the size passed is that of `set`, which is exclusively ours.
    checked(unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) })?;
    let bits = 8 * size_of::<libc::cpu_set_t>();
    // SAFETY: `cpu` stays below the number of bits in `set`.
    Ok((0..bits)
        .filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) })
        .collect())
}

/// Lets the calling thread run only as far as others leave a CPU to it, for the
/// rest of its life. Being nice alone is not enough: whoever wakes may have to wait
/// for the end of a nice thread's slice, some milliseconds, but never for that of
/// a `SCHED_IDLE` one (sched(7)).
pub(crate) fn give_way() -> io::Result<()> {
    // SAFETY: takes numbers alone; 0 is the calling thread.
    checked(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 19) })?;
    let param = libc::sched_param { sched_priority: 0 };
    // SAFETY: `param` is read during the call alone; 0 is the calling thread.
    checked(unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &param) }).map(drop)
}

#[cfg(test)]
mod tests;
