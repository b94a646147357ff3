//! How a datagram comes to the shard that owns its call. A place for kernel
//! steering programs; never touches a packet itself.

use std::fmt;

/// The way a datagram finds its home shard.
///
/// The kernel spreads datagrams over the shards' sockets by its hash of the
/// addresses and ports, which knows nothing of Call-IDs. A program attached to
/// the socket group (SO_ATTACH_REUSEPORT_EBPF) can choose by
/// [`call_id_hash`](pinion_sip::base::call_id_hash) instead; whatever it
/// misses still takes the mesh, so every variant needs that hand-off.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Steering {
    /// The shard that received it forwards it to its home over the mesh.
    #[default]
    Mesh,
}

impl fmt::Display for Steering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Steering::Mesh => f.write_str("kernel hash, then hand-off over the mesh"),
        }
    }
}
