//! What a flight recorder tells of a call, as values. How they are kept is not
//! known here.

use core::fmt;
use core::time::Duration;

use crate::dialplan::{ApplicationId, Cause};
use crate::wire::{Method, Status};

/// One thing that happened to a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// How long after the beginning of the call, to the millisecond.
    pub after: Duration,
    /// What.
    pub what: What,
}

/// Which way a message went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// To us.
    In,
    /// From us.
    Out,
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// A request of a leg; 0 is the caller's, and 15 stands for all beyond.
    Request(Way, u16, Method<'static>, u32),
    /// A response of a leg: its status, and the method and CSeq it is to.
    Response(Way, u16, Status, Method<'static>, u32),
    /// An application of the plan began, by that priority.
    Step(ApplicationId, u32),
    /// Something was asked that takes waiting.
    Asked(Topic),
    /// It was answered, or given up (`false`), after so long; to the microsecond.
    Heard(Topic, bool, Duration),
    /// A timer rang, of a leg where it belongs to one.
    Timer(Ringer, u16),
    /// The call was ended, for that cause.
    Ended(Cause),
    /// A callee went on without its caller: the leg it was in this call, or 0 in
    /// that of its own.
    Onward(u16),
}

macro_rules! words {
    ($(#[doc = $about:literal])* $name:ident { $($(#[doc = $doc:literal])* $variant:ident $text:literal,)* }) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $name {
            $($(#[doc = $doc])* $variant,)*
        }

        impl $name {
            const ALL: &[$name] = &[$($name::$variant,)*];

            /// A number for it.
            pub const fn number(self) -> u8 {
                self as u8
            }

            /// What that number stands for.
            pub fn numbered(number: u8) -> Option<$name> {
                $name::ALL.get(usize::from(number)).copied()
            }

            /// In a word or two.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)*
                }
            }
        }
    };
}

words! {
    /// What a question is about.
    Topic {
        /// The row of a device.
        Device "device",
        /// Where somebody is registered.
        Bindings "bindings",
        /// A place in a call limit.
        Admission "call limit",
        /// What another shard knows for a plan.
        Shard "shard",
        /// What a plan reads from a database.
        Rows "database",
        /// What a plan has done outside: HTTP, DNS, the host.
        Work "outside",
        /// A lock or a group.
        Hold "lock or group",
    }
}

words! {
    /// Whose timer rang.
    Ringer {
        /// The plan's own.
        Plan "plan",
        /// A callee rang for too long (Timer C).
        Ringing "timer C",
        /// A BYE is tried again.
        Bye "BYE again",
        /// A re-INVITE is tried again after a 491.
        Glare "glare",
        /// A request of ours met no final response (Timer B or F).
        Unanswered "timer B/F",
        /// A 2xx of ours met no ACK.
        Unacknowledged "no ACK",
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = |way| match way {
            Way::In => "Rx",
            Way::Out => "Tx",
        };
        match *self {
            What::Request(to, leg, method, cseq) => {
                let direction = way(to);
                write!(f, "{direction:<8} leg {leg}  {method} (CSeq {cseq})")
            }
            What::Response(to, leg, status, method, cseq) => {
                let (direction, code, reason) = (way(to), status.code(), status.reason());
                write!(
                    f,
                    "{direction:<8} leg {leg}  {code} {reason} (CSeq {cseq} {method})"
                )
            }
            What::Step(application, priority) => {
                let name = application.name();
                write!(f, "{:<8} priority {priority}: {name}", "Plan")
            }
            What::Asked(topic) => write!(f, "{:<8} {}", "Asked", topic.as_str()),
            What::Heard(topic, answered, took) => {
                let word = if answered { "Heard" } else { "Unheard" };
                let (topic, ms) = (topic.as_str(), took.as_micros() as f64 / 1000.0);
                write!(f, "{word:<8} {topic} after {ms} ms")
            }
            What::Timer(ringer, leg) => {
                write!(f, "{:<8} leg {leg}  {}", "Timer", ringer.as_str())
            }
            What::Ended(cause) => write!(f, "{:<8} cause {}", "End", cause.0),
            What::Onward(leg) => write!(f, "{:<8} leg {leg}  goes on by itself", "Onward"),
        }
    }
}
