//! How a datagram comes to the shard that owns its call: programs attached to
//! the groups of sockets, by which the kernel chooses. Never touches a
//! datagram itself.
//!
//! Left alone, the kernel spreads datagrams over a group by its hash of the
//! addresses and ports, which knows nothing of Call-IDs. A program chooses as
//! [`shard_of`](pinion_sip::base::shard_of) does instead. Whatever it misses is
//! handed over the mesh, so a wrong choice costs time and nothing else.

mod assembler;
mod bytecode;
mod cbpf;
mod ebpf;

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use pinion_sip::base::{ShardId, SocketIndex};

use crate::sys::bpf;
use crate::udp::Group;
use cbpf::Cbpf;
use ebpf::Ebpf;

/// A way by which datagrams find their home shard, the best first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// An eBPF program chooses the socket: nearly all come to their home.
    Ebpf,
    /// A classic BPF filter does, which needs no privilege and sees less.
    Cbpf,
    /// The kernel spreads, and shards hand over what is not theirs.
    Mesh,
}

impl Way {
    /// As flags and logs write it.
    pub fn name(self) -> &'static str {
        match self {
            Way::Ebpf => "ebpf",
            Way::Cbpf => "cbpf",
            Way::Mesh => "mesh",
        }
    }
}

impl fmt::Display for Way {
    /// Its name and what it means.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meaning = match self {
            Way::Ebpf => "the kernel chooses the shard by Call-ID",
            Way::Cbpf => "the kernel chooses the shard by Call-IDs near the beginning",
            Way::Mesh => "the kernel spreads by addresses, shards hand over by Call-ID",
        };
        write!(f, "{}: {meaning}", self.name())
    }
}

/// Why a way is closed on this host. One sentence, with a way out.
#[derive(Debug)]
pub struct Closed {
    /// The way.
    pub way: Way,
    /// What the kernel answered.
    pub error: io::Error,
}

impl Closed {
    /// Whether this process lacks a privilege. The verifier's objections do
    /// not count: it answers EACCES, for which std has the same kind.
    fn is_unprivileged(&self) -> bool {
        self.error.raw_os_error() == Some(libc::EPERM)
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = &self.error;
        match self.way {
            Way::Ebpf if self.is_unprivileged() => write!(
                f,
                "this process may load no eBPF program, which takes root, or the rights that \
                 setcap cap_bpf,cap_perfmon,cap_net_bind_service=+ep gives to the program's file ({error})"
            ),
            Way::Ebpf => write!(f, "the kernel refuses the eBPF program: {error}"),
            Way::Cbpf if error.raw_os_error() == Some(libc::ENOMEM) => f.write_str(
                "the kernel takes no filter of this size; raise its limit with: \
                 sysctl -w net.core.optmem_max=131072",
            ),
            Way::Cbpf => write!(f, "the kernel refuses the classic BPF filter: {error}"),
            Way::Mesh => write!(f, "the kernel goes on with an earlier program: {error}"),
        }
    }
}

impl std::error::Error for Closed {}

/// How the datagrams of all groups are steered. Dropping it changes nothing:
/// what is attached stays as long as the sockets.
pub struct Steering {
    way: Way,
    closed: Vec<Closed>,
    /// One for each group, in their order; none on the mesh.
    attached: Vec<Attached>,
}

enum Attached {
    Ebpf(Ebpf),
    Cbpf(Cbpf),
}

impl Steering {
    /// Steers all groups the given way, or if none is given, the best that
    /// every group takes. A single shard needs no steering.
    pub fn start(groups: &[Group], way: Option<Way>) -> Result<Steering, Closed> {
        if let Some(way) = way {
            return Steering::attach(groups, way);
        }
        let mut closed = Vec::new();
        if groups.iter().any(|group| group.sockets().len() > 1) {
            for way in [Way::Ebpf, Way::Cbpf] {
                match Steering::attach(groups, way) {
                    Ok(steering) => return Ok(Steering { closed, ..steering }),
                    Err(why) => closed.push(why),
                }
            }
        }
        let mesh = Steering::attach(groups, Way::Mesh)?;
        Ok(Steering { closed, ..mesh })
    }

    fn attach(groups: &[Group], way: Way) -> Result<Steering, Closed> {
        let attach = |group: &Group| match way {
            Way::Ebpf => Ebpf::attach(group).map(Attached::Ebpf).map(Some),
            Way::Cbpf => Cbpf::attach(group).map(Attached::Cbpf).map(Some),
            Way::Mesh => detach(group).map(|()| None),
        };
        // Which connection takes which shard is the kernel's to say.
        let datagrams = groups.iter().filter(|group| !group.sockets().is_empty());
        let attached: io::Result<Vec<_>> = datagrams.map(attach).collect();
        match attached {
            Ok(attached) => Ok(Steering {
                way,
                closed: Vec::new(),
                attached: attached.into_iter().flatten().collect(),
            }),
            Err(error) => Err(Closed { way, error }),
        }
    }

    /// The way they are steered.
    pub fn way(&self) -> Way {
        self.way
    }

    /// The better ways that were tried and why they are closed.
    pub fn closed(&self) -> &[Closed] {
        &self.closed
    }

    /// Gives `shard` a socket, just bound, of the group `index`, where it has
    /// none. The engine replaces no socket while it runs; this is for whoever
    /// does.
    pub fn insert(
        &mut self,
        index: SocketIndex,
        shard: ShardId,
        socket: BorrowedFd<'_>,
    ) -> io::Result<()> {
        match self.attached.get_mut(usize::from(index)) {
            Some(Attached::Ebpf(ebpf)) => ebpf.insert(shard, socket),
            Some(Attached::Cbpf(cbpf)) => cbpf.insert(shard, socket),
            None => Ok(()),
        }
    }

    /// Forgets the socket of `shard` in the group `index`, just closed. `other`
    /// is one that stays in the group. The kernel spreads what belonged to it.
    /// The counterpart of [`Steering::insert`].
    pub fn remove(
        &mut self,
        index: SocketIndex,
        shard: ShardId,
        other: BorrowedFd<'_>,
    ) -> io::Result<()> {
        match self.attached.get_mut(usize::from(index)) {
            Some(Attached::Ebpf(ebpf)) => ebpf.remove(shard),
            Some(Attached::Cbpf(cbpf)) => cbpf.remove(shard, other),
            None => Ok(()),
        }
    }
}

/// Takes away what an attempt left.
fn detach(group: &Group) -> io::Result<()> {
    let Some(socket) = group.sockets().first() else {
        return Ok(());
    };
    match bpf::detach(socket.as_fd()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
