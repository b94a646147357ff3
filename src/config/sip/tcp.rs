//! What sip.conf says of streams.

use std::net::SocketAddr;
use std::time::Duration;

/// `tcpenable` and what goes with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tcp {
    /// `tcpenable`.
    pub enabled: bool,
    /// `tcpbindaddr`; none is where datagrams are listened for.
    pub listen: Vec<SocketAddr>,
    /// `tcpauthtimeout`: how long a remote that connects may take to prove who
    /// it is.
    pub authtimeout: Duration,
    /// `tcpauthlimit`: most remotes that have not proven it, at once.
    pub authlimit: u32,
}

impl Default for Tcp {
    fn default() -> Tcp {
        Tcp {
            enabled: false,
            listen: Vec::new(),
            authtimeout: Duration::from_secs(30),
            authlimit: 100,
        }
    }
}
