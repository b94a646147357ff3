//! The only values that cross shards.

use alloc::sync::Arc;
use core::net::SocketAddr;

use smol_str::SmolStr;

use super::Topic;
use super::cdr::Cdr;
use super::realtime::{Errand, Outcome};
use crate::base::{Flow, Instant, ShardId, Text};
use crate::call::PickUp;
use crate::dialplan::{Hold, Inquiry, Reply, Whereabouts};
use crate::registrar::{Binding, Refusal, Update};

/// Where the envelopes go that only the database can answer; no shard's number.
pub const DATABASE: ShardId = ShardId::MAX;

/// Where the envelopes go whose questions take the world outside: HTTP, DNS, the
/// host. No shard's number.
pub const WORKERS: ShardId = ShardId::MAX - 1;

/// Where the records of calls go, which nothing answers. No shard's number.
pub const RECORDS: ShardId = ShardId::MAX - 2;

/// Names a question of one shard; answers quote it. Stale ones find nothing.
pub type QuestionId = crate::base::Handle;

/// One place in a peer's call limit, held by one leg of one call. Unique for
/// the engine's life, so that taking and giving back may be repeated.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Lease {
    /// The shard whose call holds it.
    pub shard: ShardId,
    /// How often that shard had been replaced.
    pub incarnation: u32,
    /// A number never used again by that incarnation.
    pub serial: u64,
}

/// A global that a plan has set. Of two changes of one global, the one with the
/// later stamp stays.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// Without leading underscores.
    pub name: Box<str>,
    /// Its value.
    pub value: Box<str>,
    /// When and where it was set.
    pub stamp: (Instant, ShardId),
}

/// Paths of the AstDB and their values; `None` where there is none any more.
pub type Entries = Arc<[(Box<str>, Option<Box<str>>)]>;

/// Something another shard or a worker is asked. Every one has a deadline at
/// the asker; a lost envelope and a slow answer are one case.
#[derive(Clone, Debug)]
pub enum Question {
    /// Apply a REGISTER on the AoR's home shard.
    Register(Arc<Update>),
    /// The bindings of an AoR.
    Bindings(Text),
    /// A place in `peer`'s call limit of `limit`.
    Admit {
        /// The peer's name.
        peer: Text,
        /// Its `call-limit`.
        limit: u32,
        /// The place.
        lease: Lease,
    },
    /// Gives a place back; repeated until answered.
    Release {
        /// The peer's name.
        peer: Text,
        /// The place.
        lease: Lease,
    },
    /// Something for the database.
    Errand(Errand),
    /// Something a plan needs to know.
    Inquiry(Inquiry),
    /// A channel takes something that it gives back.
    Take {
        /// What.
        hold: Hold,
        /// The taking.
        lease: Lease,
        /// Whether the answer may wait until it is free.
        wait: bool,
    },
    /// Undoes one `Take` of a lock.
    Unlock {
        /// The lock.
        name: SmolStr,
        /// The taking.
        lease: Lease,
    },
    /// Gives back what was taken; repeated until answered.
    GiveBack {
        /// What.
        hold: Hold,
        /// The taking.
        lease: Lease,
    },
    /// Values of the AstDB that have changed, for the database workers to keep.
    /// Not answered.
    Entries(Entries),
    /// Whether a call that rings there takes a caller's leg for its callee's.
    PickUp(Arc<PickUp>),
    /// Where a dialog lives whose Call-ID's home is that shard; that it is over is
    /// repeated until answered.
    Lives {
        /// The home.
        to: ShardId,
        /// The Call-ID.
        call_id: Text,
        /// The shard it lives on; `None` once it is over.
        on: Option<ShardId>,
    },
    /// Globals that have been set, for that shard to know.
    Globals {
        /// The shard.
        to: ShardId,
        /// What was set.
        changes: Arc<[Change]>,
    },
}

impl Question {
    /// What it is about.
    pub fn topic(&self) -> Topic {
        match self {
            Question::Errand(_) | Question::Register(_) => Topic::Device,
            Question::Bindings(_) => Topic::Bindings,
            Question::Admit { .. } | Question::Release { .. } => Topic::Admission,
            Question::Inquiry(inquiry) => match inquiry.whereabouts() {
                Whereabouts::Home(_) | Whereabouts::Number(_) => Topic::Shard,
                Whereabouts::Database => Topic::Rows,
                Whereabouts::Workers => Topic::Work,
            },
            Question::Take { .. } | Question::Unlock { .. } | Question::GiveBack { .. } => {
                Topic::Hold
            }
            Question::Entries(_)
            | Question::Globals { .. }
            | Question::PickUp(_)
            | Question::Lives { .. } => Topic::Shard,
        }
    }
}

/// What comes back.
#[derive(Clone, Debug)]
pub enum Answer {
    /// To `Register`: all bindings after it.
    Registered(Result<Vec<Binding>, Refusal>),
    /// To `Bindings`: highest q first.
    Bindings(Vec<Binding>),
    /// To `Admit`: whether there was room.
    Admitted(bool),
    /// To `PickUp`: whether the leg is that shard's now.
    PickedUp(bool),
    /// To `Release`, `GiveBack`, `Lives` and `Globals`: it is done.
    Released,
    /// To `Errand`.
    Outcome(Outcome),
    /// To `Inquiry`, `Take` and `Unlock`.
    Reply(Reply),
}

impl Answer {
    /// Whether it says only that there is none.
    pub fn is_failure(&self) -> bool {
        matches!(
            self,
            Answer::Outcome(Outcome::Unavailable | Outcome::Refused) | Answer::Reply(Reply::Failed)
        )
    }
}

/// A connection whose remote has proven who it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Proven {
    /// The connection.
    pub flow: Flow,
    /// Another port of the remote's host that this connection leads to as well
    /// (RFC 5923): what is sent there goes by it.
    pub alias: Option<u16>,
}

/// What an envelope holds.
#[derive(Debug)]
pub enum Body {
    /// A datagram that hashed to the receiver.
    Datagram {
        /// Its bytes.
        bytes: Box<[u8]>,
        /// The path it came by.
        flow: Flow,
    },
    /// A message for the owner of a connection to send; its driver takes it, and
    /// no machine sees it.
    Send {
        /// Its bytes.
        bytes: Box<[u8]>,
        /// The path it takes.
        flow: Flow,
    },
    /// The remote of a connection has proven who it is; for its owner's driver,
    /// too.
    Proven(Proven),
    /// A message that the owner of a connection could not send.
    Unsent {
        /// Its bytes.
        bytes: Box<[u8]>,
        /// The path it was to take.
        flow: Flow,
    },
    /// A connection broke over which the receiver has sent.
    Broken {
        /// The path.
        flow: Flow,
    },
    /// What the network says of a datagram that the receiver may have sent, as in
    /// `Input::Unreachable`.
    Unreachable {
        /// What is quoted of it, in whole lines.
        bytes: Box<[u8]>,
        /// Where it was to go.
        remote: SocketAddr,
    },
    /// A question.
    Ask {
        /// The asker's name for it.
        id: QuestionId,
        /// The question.
        question: Question,
    },
    /// An answer.
    Answer {
        /// The asker's name for the question.
        id: QuestionId,
        /// The answer.
        answer: Answer,
    },
    /// The record of a call, for [`RECORDS`]. Not answered.
    Record(Box<Cdr>),
    /// The sender was replaced after a fault; what its earlier incarnations
    /// held is void.
    Replaced {
        /// The new incarnation.
        incarnation: u32,
    },
}

/// A value on its way from one shard to another.
#[derive(Debug)]
pub struct Envelope {
    /// The sender.
    pub from: ShardId,
    /// The receiver.
    pub to: ShardId,
    /// The content.
    pub body: Body,
}
