//! What a pump counts. Each shard owns its numbers; nothing is shared, a
//! census asks for a copy.

use pinion_sip::base::ShardId;

use crate::filing::Fate;

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
    /// Datagrams the kernel refused: no route, no room in the interface's queue,
    /// too long, forbidden.
    pub(crate) send_errors: u64,
    /// Errors that the network reported about datagrams (ICMP).
    pub(crate) icmp_errors: u64,
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
    /// Records of calls that their journal had no room for.
    pub(crate) records_unjournaled: u64,
    /// Doorbells rung: other shards that slept.
    pub(crate) rings: u64,
    /// Turns of the loop.
    pub(crate) turns: u64,
    /// Microseconds spent in turns.
    pub(crate) busy_us: u64,
    /// Machines replaced after a panic.
    pub(crate) faults: u64,
    /// Messages taken from streams.
    pub(crate) tcp_received: u64,
    /// Messages put into streams.
    pub(crate) tcp_sent: u64,
    /// Connections that came in.
    pub(crate) tcp_accepted: u64,
    /// Connections that could not be taken for a fault of the host's.
    pub(crate) tcp_accept_errors: u64,
    /// Connections turned away because there were as many as may be.
    pub(crate) tcp_refused_full: u64,
    /// Connections turned away because too many strangers were there.
    pub(crate) tcp_refused_strangers: u64,
    /// Connections that we asked for and got.
    pub(crate) tcp_opened: u64,
    /// Connections that we asked for in vain.
    pub(crate) tcp_unreachable: u64,
    /// Connections that the remote closed.
    pub(crate) tcp_closed_by_remote: u64,
    /// Connections that broke.
    pub(crate) tcp_broken: u64,
    /// Connections closed because nothing was heard for long.
    pub(crate) tcp_closed_idle: u64,
    /// Connections closed because the remote did not prove who it is in time.
    pub(crate) tcp_closed_strangers: u64,
    /// Connections closed because the remote did not read.
    pub(crate) tcp_closed_slow: u64,
    /// Connections closed because what came was no message.
    pub(crate) tcp_closed_unframed: u64,
}

impl Counters {
    /// Counts a record.
    pub(crate) fn file(&mut self, fate: Fate) {
        self.posted += u64::from(!fate.dropped);
        self.records_dropped += u64::from(fate.dropped);
        self.records_unjournaled += u64::from(fate.unjournaled);
    }

    /// All that was taken in.
    pub(crate) fn taken(&self) -> u64 {
        self.received + self.tcp_received + self.collected
    }

    /// All of them by name, with what the outbox dropped and how many connections
    /// there are.
    pub(crate) fn rows(
        &self,
        (outbox_sends, outbox_envelopes): (u64, u64),
        connections: u32,
    ) -> Vec<(&'static str, u64)> {
        vec![
            ("udp_received", self.received),
            ("udp_receive_errors", self.receive_errors),
            ("udp_kernel_drops", self.kernel_drops),
            ("udp_sent", self.sent),
            ("udp_send_errors", self.send_errors),
            ("udp_icmp_errors", self.icmp_errors),
            ("udp_send_waits", self.send_waits),
            ("udp_send_drops", self.send_drops + outbox_sends),
            ("mesh_posted", self.posted),
            ("mesh_collected", self.collected),
            ("mesh_drops", self.mesh_drops + outbox_envelopes),
            ("errands_refused", self.errands_refused),
            ("records_dropped", self.records_dropped),
            ("records_unjournaled", self.records_unjournaled),
            ("mesh_rings", self.rings),
            ("turns", self.turns),
            ("busy_us", self.busy_us),
            ("faults", self.faults),
            ("tcp_connections", connections.into()),
            ("tcp_received", self.tcp_received),
            ("tcp_sent", self.tcp_sent),
            ("tcp_accepted", self.tcp_accepted),
            ("tcp_accept_errors", self.tcp_accept_errors),
            ("tcp_refused_full", self.tcp_refused_full),
            ("tcp_refused_strangers", self.tcp_refused_strangers),
            ("tcp_opened", self.tcp_opened),
            ("tcp_unreachable", self.tcp_unreachable),
            ("tcp_closed_by_remote", self.tcp_closed_by_remote),
            ("tcp_broken", self.tcp_broken),
            ("tcp_closed_idle", self.tcp_closed_idle),
            ("tcp_closed_strangers", self.tcp_closed_strangers),
            ("tcp_closed_slow", self.tcp_closed_slow),
            ("tcp_closed_unframed", self.tcp_closed_unframed),
        ]
    }
}
