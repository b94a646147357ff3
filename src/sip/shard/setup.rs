//! What a shard is made from. Values only.

use alloc::sync::Arc;
use core::net::SocketAddr;

use crate::base::{Limits, ShardId, UnixTime};
use crate::config::Config;
use crate::machine::realtime::Saving;

/// What a shard is made from.
pub struct Setup {
    /// Its index.
    pub shard: ShardId,
    /// How many there are.
    pub shards: u16,
    /// How often it was replaced.
    pub incarnation: u32,
    /// Sizes of its tables.
    pub limits: Limits,
    /// The configuration.
    pub config: Arc<Config>,
    /// Our addresses for datagrams, by socket; never a wildcard.
    pub sockets: Vec<SocketAddr>,
    /// Our addresses for streams: of the sockets that follow.
    pub streams: Vec<SocketAddr>,
    /// Registrations an earlier process has left, of AoRs whose home this is.
    pub kept: Vec<Arc<Saving>>,
    /// Values of the AstDB that an earlier process has left, by path, of
    /// families whose home this is.
    pub entries: Vec<(Box<str>, Box<str>)>,
    /// Randomness, different for every shard and incarnation.
    pub seed: [u8; 32],
    /// The key of nonces, the same for all shards.
    pub nonce_secret: [u8; 32],
    /// Unix time at `Instant::START`.
    pub unix_start: UnixTime,
}

impl Setup {
    /// The only shard of an engine that hears datagrams at one address and was
    /// never started before. What is random in it everybody knows: it is for trials
    /// and measurements, and for no network.
    pub fn alone(config: Arc<Config>, address: SocketAddr) -> Setup {
        Setup {
            shard: 0,
            shards: 1,
            incarnation: 0,
            limits: Limits::default(),
            config,
            sockets: vec![address],
            streams: Vec::new(),
            kept: Vec::new(),
            entries: Vec::new(),
            seed: [1; 32],
            nonce_secret: [2; 32],
            unix_start: UnixTime(1_700_000_000),
        }
    }
}
