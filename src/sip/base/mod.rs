//! What everything else stands on: time as an integer, seeded randomness,
//! bounded tables, timers, and the addresses of the wire. No SIP grammar.

mod address;
mod date;
mod decimal;
mod flow;
mod hash;
mod hex;
mod histogram;
mod instant;
mod lanes;
mod limits;
mod note;
mod queue;
mod random;
mod slab;
mod spares;
mod text;
mod ways;

pub use address::AddressText;
pub use date::Date;
pub use decimal::Decimal;
pub use flow::{ConnectionId, Flow, SocketIndex, Transmit, Transport};
pub use hash::{Hasher, call_id_hash, home_hash, shard_of};
pub use hex::{from_hex, hex};
pub use histogram::Histogram;
pub use instant::{Instant, UnixTime};
pub use lanes::Lanes;
pub use limits::Limits;
pub use note::{Level, Note};
pub use random::Random;
pub use slab::{Handle, Slab};
pub use spares::Spares;
pub use text::{Label, Text, TextOf, lossy};
pub use ways::Ways;

/// Index of a shard, from 0.
pub type ShardId = u16;
