//! The flags that concern streams.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use pinion_runtime::StreamOptions;

use super::values::{Bytes, milliseconds, seconds};
use crate::config::sip::Tcp;

const TCP: &str = "TCP";

/// The largest message there can be: offsets in one have 16 bits.
const MAX_MESSAGE: usize = 65_535;

/// How streams are listened for and bounded.
#[derive(Args, Clone, PartialEq, Debug)]
pub struct TcpFlags {
    /// TCP address to listen on; repeatable
    ///
    /// [default: what sip.conf says, tcpenable and tcpbindaddr]
    #[arg(long, value_name = "ADDR:PORT", help_heading = "What to serve")]
    pub listen_tcp: Vec<SocketAddr>,

    /// Requests above 1300 bytes take TCP instead of UDP (RFC 3261 18.1.1), and UDP
    /// where that cannot be had
    #[arg(long, help_heading = TCP)]
    pub tcp_switch: bool,

    /// The largest message, at most 65535; a larger one gets 413 or 513
    #[arg(long, value_name = "BYTES", default_value = "64k", help_heading = TCP)]
    pub tcp_max_message: Bytes,

    /// What may wait for one remote to read it; who leaves more is cut off
    #[arg(long, value_name = "BYTES", default_value = "256k", help_heading = TCP)]
    pub tcp_queue: Bytes,

    /// Connections at once; more are turned away
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = RangedU64ValueParser::<u32>::new().range(1..=1_000_000), help_heading = TCP)]
    pub tcp_connections: u32,

    /// How long a remote may take to accept a connection
    #[arg(long, value_name = "MS", default_value = "3000", value_parser = milliseconds, help_heading = TCP)]
    pub tcp_connect_timeout: Duration,

    /// After how long without a word a connection is closed
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = seconds, help_heading = TCP)]
    pub tcp_idle: Duration,
}

impl TcpFlags {
    /// What is wrong about them.
    pub(super) fn fault(&self) -> Option<String> {
        if self.tcp_idle.is_zero() {
            return Some("--tcp-idle must be 1 at least".into());
        }
        let twice = |(index, address): (usize, &SocketAddr)| {
            address.port() != 0 && self.listen_tcp[..index].contains(address)
        };
        let found = self.listen_tcp.iter().enumerate().find(|&one| twice(one));
        found.map(|(_, address)| format!("--listen-tcp {address} is given twice"))
    }

    /// What holds for the engine's streams, with what sip.conf says.
    pub(crate) fn options(&self, tcp: &Tcp) -> StreamOptions {
        StreamOptions {
            max_message: self.tcp_max_message.0.min(MAX_MESSAGE),
            queue: self.tcp_queue.0,
            connections: self.tcp_connections as usize,
            connect_timeout: self.tcp_connect_timeout,
            idle: self.tcp_idle,
            auth_timeout: tcp.authtimeout,
            auth_limit: tcp.authlimit as usize,
        }
    }

    /// Where to listen for streams: `--listen-tcp`, else what sip.conf says, and
    /// if that says no more than yes, where `datagrams` are listened for.
    pub(crate) fn addresses(&self, tcp: &Tcp, datagrams: &[SocketAddr]) -> Vec<SocketAddr> {
        if !self.listen_tcp.is_empty() {
            return self.listen_tcp.clone();
        }
        match (tcp.enabled, tcp.listen.is_empty()) {
            (false, _) => Vec::new(),
            (true, true) => datagrams.to_vec(),
            (true, false) => tcp.listen.clone(),
        }
    }
}
