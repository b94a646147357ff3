//! The seam between protocol and drivers: values in, values out.
//!
//! A `Machine` is driven by a pump on a real core or by a simulated world; it
//! cannot tell which. Everything it wants done is in the `Outbox` afterwards,
//! and everything it waits for comes back as an `Input`.

mod cdr;
mod counters;
mod envelope;
mod moment;
mod outbox;
mod query;
pub mod realtime;
mod security;
mod sought;
mod stopwatch;

use alloc::sync::Arc;
use core::net::SocketAddr;

use crate::base::{Flow, Instant, Text};
use crate::config::Config;

pub use cdr::{Cdr, CdrId, Disposition, UnixMicros};
pub use counters::Counters;
pub use envelope::{
    Answer, Body, Change, DATABASE, Entries, Envelope, Lease, Proven, Question, QuestionId,
    RECORDS, WORKERS,
};
pub use moment::{Moment, Ringer, Topic, Way, What};
pub use outbox::{Outbox, Sent};
pub use query::{
    ChannelDetail, ChannelRow, ChannelState, ConnectionRow, ContactRow, DeviceRow, DialogDetail,
    DialogRow, FailureRow, HistoryRow, Notification, Page, Query, RegistrationRow, Rows, Span,
    StateRow, TableRow, TimerRow,
};
pub use security::{SecurityEvent, Suspicion};
pub use sought::Sought;
pub use stopwatch::{Nanoseconds, Stage, Stages, Stopwatch};

/// What a driver hands to a machine.
pub enum Input<'a> {
    /// One datagram or one message of a stream, and the path it came by.
    Datagram {
        /// The bytes; valid for this call only.
        bytes: &'a [u8],
        /// The path.
        flow: Flow,
    },
    /// A message that cannot be sent: the connection it was for is gone, or none
    /// could be opened.
    Unsent {
        /// Its bytes; valid for this call only.
        bytes: &'a [u8],
        /// The path it was to take.
        flow: Flow,
    },
    /// A connection broke over which this shard has sent: what is on its way
    /// may be lost.
    Broken {
        /// The path; its owner and remote tell which.
        flow: Flow,
    },
    /// The network says that a datagram of this host's reached nobody: no host,
    /// no port, no way (ICMP). Anybody may say so; what it quotes has to be
    /// believed, or not.
    Unreachable {
        /// What is quoted of the datagram, from its beginning; valid for this
        /// call only.
        bytes: &'a [u8],
        /// Where it was to go.
        remote: SocketAddr,
    },
    /// Something from another shard, or from a worker.
    Envelope(Envelope),
    /// Time has passed: `deadline()` may be due.
    Elapsed,
    /// Take no new calls; 503 with Retry-After instead.
    Drain,
    /// Take new calls again.
    Undrain,
    /// A new configuration; running calls keep the plan they started with.
    Reload(Arc<Config>),
    /// Forget a device of the database, or all: it is read again when it is
    /// needed (`sip prune realtime`).
    Prune(Option<Text>),
}

/// Anything driven by inputs and time: the server's shard, a load generator's caller.
pub trait Machine {
    /// Takes one input. Never blocks, reads no clock, logs nothing.
    fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Outbox);

    /// When `Input::Elapsed` is next wanted, at the latest.
    fn deadline(&self) -> Option<Instant>;

    /// Answers what an operator asks. What that changes, or wants sent, is in
    /// the outbox afterwards, as for `handle`.
    fn serve(&mut self, _now: Instant, _query: Query, _out: &mut Outbox) -> Page {
        Page::Unknown
    }

    /// Numbers for the operator: name and value, always the same names in the
    /// same order.
    fn counters(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    /// Whether no call is held, so that a draining engine may end.
    fn is_idle(&self) -> bool {
        true
    }
}
