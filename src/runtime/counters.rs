//! What a pump counts. Each shard owns its numbers; nothing is shared, a
//! census asks for a copy.

use pinion_sip::base::ShardId;

/// One shard's numbers at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Census {
    /// The shard.
    pub shard: ShardId,
    /// Whether its machine holds no calls.
    pub idle: bool,
    /// Name and value, the pump's first and then the machine's, always in the
    /// same order. They count from the start, except that a
    /// replaced machine counts its own from its birth.
    pub counters: Vec<(&'static str, u64)>,
}

/// The pump's own numbers.
#[derive(Default)]
pub(crate) struct Counters {
    /// Datagrams taken from the kernel.
    pub(crate) received: u64,
    /// Failed receive calls.
    pub(crate) receive_errors: u64,
    /// Datagrams the kernel had no buffer for (SO_RXQ_OVFL).
    pub(crate) kernel_drops: u64,
    /// Datagrams the kernel took.
    pub(crate) sent: u64,
    /// Datagrams the kernel refused: no route, too long, forbidden.
    pub(crate) send_errors: u64,
    /// Datagrams that waited for room in the kernel's send buffer.
    pub(crate) send_waits: u64,
    /// Datagrams dropped because too many waited already.
    pub(crate) send_drops: u64,
    /// Envelopes put into a ring.
    pub(crate) posted: u64,
    /// Envelopes taken from a ring.
    pub(crate) collected: u64,
    /// Envelopes dropped because a ring was full.
    pub(crate) mesh_drops: u64,
    /// Errands that their desk had no room for.
    pub(crate) errands_refused: u64,
    /// Records of calls that their desk had no room for.
    pub(crate) records_dropped: u64,
    /// Doorbells rung: other shards that slept.
    pub(crate) rings: u64,
    /// Turns of the loop.
    pub(crate) turns: u64,
    /// Microseconds spent in turns.
    pub(crate) busy_us: u64,
    /// Machines replaced after a panic.
    pub(crate) faults: u64,
}

impl Counters {
    /// All of them by name, with what the outbox dropped.
    pub(crate) fn rows(
        &self,
        (outbox_sends, outbox_envelopes): (u64, u64),
    ) -> Vec<(&'static str, u64)> {
        vec![
            ("udp_received", self.received),
            ("udp_receive_errors", self.receive_errors),
            ("udp_kernel_drops", self.kernel_drops),
            ("udp_sent", self.sent),
            ("udp_send_errors", self.send_errors),
            ("udp_send_waits", self.send_waits),
            ("udp_send_drops", self.send_drops + outbox_sends),
            ("mesh_posted", self.posted),
            ("mesh_collected", self.collected),
            ("mesh_drops", self.mesh_drops + outbox_envelopes),
            ("errands_refused", self.errands_refused),
            ("records_dropped", self.records_dropped),
            ("mesh_rings", self.rings),
            ("turns", self.turns),
            ("busy_us", self.busy_us),
            ("faults", self.faults),
        ]
    }
}
