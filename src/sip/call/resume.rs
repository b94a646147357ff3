//! What waits for an answer, and what the answer resumes. Values only: `shard`
//! puts the questions and hears the answers.

use alloc::sync::Arc;

use crate::base::{Flow, Handle, ShardId, Text};
use crate::config::Peer;
use crate::dialplan::{self, ChannelId, Ticket};
use crate::machine::{Question, QuestionId};
use crate::registrar::Binding;
use crate::transaction::TransactionId;
use crate::wire::ReplyHead;

/// A question to be put when the turn ends, and what its answer resumes.
#[derive(Debug)]
pub struct Ask {
    /// The question.
    pub question: Question,
    /// What the answer resumes.
    pub resume: Resume,
}

/// What an answer resumes.
#[derive(Debug)]
pub enum Resume {
    /// A REGISTER waits for its 200.
    Register {
        /// Its transaction.
        server: TransactionId,
        /// The head of its answers.
        head: Box<ReplyHead>,
    },
    /// A MESSAGE waits for its recipient's bindings.
    Message {
        /// Its transaction.
        server: TransactionId,
        /// The message, to be written to the recipient.
        message: Box<ParkedMessage>,
    },
    /// A call waits for a place in its caller's call limit.
    AdmitCaller(Handle),
    /// A channel waits for a place in its peer's call limit.
    AdmitChannel(Handle, ChannelId),
    /// A channel of a call is counted among its peer's calls, which nobody
    /// refuses it.
    Counted(Handle),
    /// A call's plan waits for a reply.
    Plan(Handle, Ticket),
    /// A caller waits whether its leg is another call's from now on.
    PickUp(Handle, Ticket),
    /// An operator waits for a reply, and fetches it by that number.
    Operator(u32),
    /// A channel of a call is put into a group; nobody waits for it.
    Enlisted(Handle),
    /// A call's plan waits until its MESSAGE has left.
    PlanMessage(Handle, Ticket, Box<dialplan::Message>),
    /// A channel waits for its peer's bindings.
    Bindings(Handle, ChannelId),
    /// A place in a call limit is being given back; asked until answered.
    Release,
    /// A datagram waits until it is known who sent it, to be handled afresh.
    Datagram(Box<Waiting>),
    /// A question waits for the row of its device.
    Consider {
        /// Who asked.
        asker: Asker,
        /// The question.
        question: Box<Question>,
    },
    /// A registration waits until it would survive a crash.
    Saved(Box<Unsaved>),
    /// A channel waits to know its device.
    Device(Handle, ChannelId),
    /// Whether the database answers again is to be found out.
    Probe,
    /// Nobody waits.
    Nobody,
}

impl Resume {
    /// The call that waits, if it is one.
    pub fn call(&self) -> Option<Handle> {
        match *self {
            Resume::AdmitCaller(call)
            | Resume::AdmitChannel(call, _)
            | Resume::Plan(call, _)
            | Resume::PickUp(call, _)
            | Resume::PlanMessage(call, ..)
            | Resume::Bindings(call, _)
            | Resume::Device(call, _) => Some(call),
            _ => None,
        }
    }
}

/// A datagram that waits.
#[derive(Debug)]
pub struct Waiting {
    /// The bytes.
    pub bytes: Box<[u8]>,
    /// The path it came by.
    pub flow: Flow,
    /// What its copies are told by.
    pub number: u64,
}

/// A registration that has been applied and not yet saved.
#[derive(Debug)]
pub struct Unsaved {
    /// Who asked for it.
    pub asker: Asker,
    /// The question.
    pub question: Question,
    /// All bindings after it.
    pub bindings: Vec<Binding>,
}

/// Who put a question to this shard.
#[derive(Debug)]
pub enum Asker {
    /// The shard itself.
    Here(Box<Resume>),
    /// Another one.
    There {
        /// Which.
        shard: ShardId,
        /// Its name for the question.
        id: QuestionId,
    },
}

/// A MESSAGE on its way through (RFC 3428).
#[derive(Debug)]
pub struct ParkedMessage {
    /// The head of its answers.
    pub head: ReplyHead,
    /// From value without tag.
    pub from: Text,
    /// The recipient.
    pub peer: Arc<Peer>,
    /// Whether another node brought it: it goes to no other.
    pub from_node: bool,
    /// Max-Forwards to send on.
    pub max_forwards: u8,
    /// Content-Type.
    pub content_type: Text,
    /// The body.
    pub body: Vec<u8>,
}
