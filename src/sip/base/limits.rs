//! The bounds of every table, fixed at start.

use core::time::Duration;

/// Sizes of one shard's tables. Each is a hard bound: a full table refuses
/// new work (503) and counts the refusal; it never grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Calls at once on this shard.
    pub calls: u32,
    /// Transactions at once on this shard, client and server together.
    pub transactions: u32,
    /// Bindings (contacts) on this shard.
    pub bindings: u32,
    /// Questions waiting for an answer on this shard.
    pub pending: u32,
    /// Contacts one AoR may hold when its peer does not say.
    pub contacts_per_aor: u16,
    /// Legs one call may fork to.
    pub legs_per_call: u16,
    /// Largest datagram sent or taken, in bytes.
    pub datagram_bytes: u32,
    /// Instructions a dialplan may run in a second before it is stopped.
    pub dialplan_steps: u32,
    /// Calls that failed whose history is kept.
    pub failures: u16,
    /// How long a dialplan waits for what is done outside of the engine, by HTTP,
    /// DNS or the host.
    pub work: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            calls: 50_000,
            transactions: 400_000,
            bindings: 1_000_000,
            pending: 65_536,
            contacts_per_aor: 10,
            legs_per_call: 64,
            datagram_bytes: 65_535,
            dialplan_steps: 10_000,
            failures: 64,
            work: Duration::from_secs(2),
        }
    }
}
