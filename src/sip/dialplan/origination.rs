//! A call that the engine begins itself. Values only.

use core::time::Duration;

use smol_str::SmolStr;

/// How long a telephone rings if nothing else is said.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A telephone to ring, and what it does once it is answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origination {
    /// The technology, as in `SIP`.
    pub tech: SmolStr,
    /// What is rung, as in `1001`.
    pub resource: SmolStr,
    /// What it does once it is answered.
    pub goal: Goal,
    /// Whom it is told the call is from: number and name. Perhaps empty.
    pub caller: (SmolStr, SmolStr),
    /// What its channel has; underscores say who inherits it.
    pub variables: Vec<(Box<str>, Box<str>)>,
    /// How long it rings.
    pub patience: Duration,
}

/// Where an answered telephone goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Goal {
    /// Into the plan.
    Plan {
        /// Context.
        context: SmolStr,
        /// Extension.
        exten: SmolStr,
        /// Priority.
        priority: u32,
    },
    /// It runs one application, and hangs up.
    App {
        /// Its name.
        name: SmolStr,
        /// Its arguments.
        arguments: Box<str>,
    },
}

/// What becomes of an origination: `ORIGINATE_STATUS`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Originated {
    /// It was answered.
    Success,
    /// It is busy.
    Busy,
    /// There was no way to it.
    Congestion,
    /// It refused.
    Hangup,
    /// It rang, and nobody answered.
    Ringing,
    /// Anything else.
    Failed,
}

impl Originated {
    /// As `ORIGINATE_STATUS` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Originated::Success => "SUCCESS",
            Originated::Busy => "BUSY",
            Originated::Congestion => "CONGESTION",
            Originated::Hangup => "HANGUP",
            Originated::Ringing => "RINGING",
            Originated::Failed => "FAILED",
        }
    }
}
