//! What an operator hears of connections.

use core::net::SocketAddr;

use crate::base::Transport;

/// One connection of a shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectionRow {
    /// The remote's address.
    pub remote: SocketAddr,
    /// What it carries.
    pub transport: Transport,
    /// Whether the remote asked for it, to which we are the server; else we did.
    pub accepted: bool,
}
