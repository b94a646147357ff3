//! One file a SIP method: what a request asks for, and what it is answered.
//!
//! A method decides; it does nothing. Outside of dialogs its whole answer is a
//! `Verdict`, a value that the shard applies. Inside a dialog a row says
//! whether the call handles it. Adding a method is a file and a row.

mod admission;
mod destination;
mod identity;
mod info;
mod invite;
mod message;
mod node;
mod options;
mod register;
mod stray;

use alloc::sync::Arc;

use crate::auth::{Gate, Offer};
use crate::base::{Flow, Instant, Text, UnixTime};
use crate::call::Opening;
use crate::config::{Config, Peer};
use crate::devices::{Devices, Found};
use crate::machine::realtime::Errand;
use crate::machine::{Counters, Suspicion};
use crate::registrar::Update;
use crate::wire::{HeaderName, Message, Method, Status};

pub use admission::behind_nat;

/// A request outside of dialogs, and what may be known to decide it.
pub struct Asked<'a> {
    /// The request; its form has been checked.
    pub request: &'a Message<'a>,
    /// The path it came by.
    pub flow: Flow,
    /// Unix time.
    pub unix: UnixTime,
    /// The configuration.
    pub config: &'a Arc<Config>,
    /// The shard's judge of credentials.
    pub gate: &'a mut Gate,
    /// Counters.
    pub counters: &'a mut Counters,
    /// Whether the engine takes no new calls.
    pub draining: bool,
    /// The time.
    pub now: Instant,
    /// Who there is.
    pub devices: &'a Devices,
    /// Whether the ACL of the device it names denies its source: nobody is
    /// told that the device exists.
    pub denied: bool,
    /// What the operator shall hear of its sender.
    pub suspicion: Option<Suspicion>,
}

impl<'a> Asked<'a> {
    /// The device called `name`, or what to ask for first.
    pub fn by_name(&self, name: &[u8]) -> Found<'a> {
        self.devices.by_name(self.now, self.config, name)
    }

    /// The device with a fixed host that the request comes from, or what to
    /// ask for first.
    pub fn by_source(&self) -> Found<'a> {
        self.devices
            .by_source(self.now, self.config, self.flow.remote)
    }

    /// Whether it brings credentials for a nonce of ours that may still be
    /// used: only then is anybody looked up for a stranger.
    pub fn answers_a_challenge(&self) -> bool {
        let credentials = self.request.credentials(HeaderName::Authorization);
        self.gate
            .find(credentials)
            .is_some_and(|params| self.gate.is_fresh(self.unix, &params))
    }
}

/// Whom a request claims to be from: the user of To for REGISTER (RFC 3261
/// §10.2), else of From.
pub fn claimed_account(request: &Message<'_>) -> Text {
    let uri = match request.method() {
        Method::Register => request.to_uri(),
        _ => request.from_uri(),
    };
    let mut user = Text::new();
    if let Some(uri) = uri {
        uri.user_decoded(&mut user);
    }
    user
}

/// What a reply carries beside its status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extra {
    /// Nothing.
    None,
    /// Allow: what this engine takes.
    Allow,
    /// Allow: the same without REGISTER, as long as nobody may.
    AllowButRegister,
    /// Allow, Accept: the answer to OPTIONS.
    Capabilities,
    /// Retry-After, seconds.
    RetryAfter(u32),
    /// Min-Expires, seconds.
    MinExpires(u32),
    /// Unsupported: the option tags of the request's header of that name that
    /// this engine does not know.
    Unsupported(HeaderName),
}

/// A method's whole answer.
pub enum Verdict {
    /// Nothing is sent.
    Silence,
    /// A response.
    Reply {
        /// Its status.
        status: Status,
        /// Its reason phrase, if not the status's own.
        reason: Option<&'static str>,
        /// What else it carries.
        extra: Extra,
        /// Whether credentials were spent on it: then a copy of the request
        /// must find the same answer, and a transaction is kept.
        proven: bool,
    },
    /// A 401 with a challenge; nothing is kept.
    Challenge(Offer),
    /// A call begins.
    Call(Opening),
    /// A registration goes to its AoR's home.
    Register(Update),
    /// To be decided again when this has been found out.
    Await(Errand),
    /// A MESSAGE goes to the contacts of a peer.
    Message {
        /// The recipient.
        peer: Arc<Peer>,
        /// The sender's number, for From.
        from: Text,
        /// Whether another node brings it.
        from_node: bool,
        /// Max-Forwards to send on.
        max_forwards: u8,
    },
}

impl Verdict {
    /// A reply that costs nothing to repeat.
    pub fn reply(status: Status) -> Verdict {
        Verdict::Reply {
            status,
            reason: None,
            extra: Extra::None,
            proven: false,
        }
    }

    /// A reply to a request whose credentials were spent.
    pub fn proven(status: Status) -> Verdict {
        Verdict::Reply {
            status,
            reason: None,
            extra: Extra::None,
            proven: true,
        }
    }

    /// The same reply, carrying more.
    pub fn with(self, more: Extra) -> Verdict {
        match self {
            Verdict::Reply {
                status,
                reason,
                proven,
                ..
            } => Verdict::Reply {
                status,
                reason,
                extra: more,
                proven,
            },
            other => other,
        }
    }
}

/// What happens to a request of a method inside a dialog.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Inside {
    /// The call passes it to the other side.
    Relay,
    /// Answered here with this status.
    Answer(Status),
    /// The call ends.
    End,
    /// ACK: belongs to a 2xx.
    Acknowledge,
}

/// One method.
pub struct Row {
    /// Decides a request outside of dialogs.
    pub outside: fn(&mut Asked<'_>) -> Verdict,
    /// Says what happens inside of one.
    pub inside: Inside,
}

/// The row of a method.
pub fn row(method: Method<'_>) -> &'static Row {
    match method {
        Method::Invite => &invite::ROW,
        Method::Ack => &stray::ACK,
        Method::Bye => &stray::BYE,
        Method::Cancel | Method::Refer | Method::Update | Method::Prack => &stray::DIALOG_ONLY,
        Method::Info => &info::ROW,
        Method::Register => &register::ROW,
        Method::Options => &options::ROW,
        Method::Message => &message::ROW,
        Method::Notify | Method::Publish => &stray::BAD_EVENT,
        Method::Subscribe => &stray::SUBSCRIBE,
        Method::Other(_) => &stray::UNKNOWN,
    }
}
