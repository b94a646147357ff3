//! Messages as they came and went, for an operator: printed as Asterisk's
//! console prints them, or kept in files that Wireshark opens. Works on threads
//! of its own with copies that shards have made; never reaches into a shard.

mod messages;
mod packet;
mod pcapng;
mod print;
mod trace;

use std::time::Duration;

pub use messages::Messages;
pub use trace::{Bounds, Trace};

/// How often what was captured is fetched. Shards wake nobody for it; what
/// comes within this time has room to wait up to some 400,000 messages a
/// second.
const FETCH: Duration = Duration::from_millis(20);
