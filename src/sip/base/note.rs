//! What the protocol says to the operator. It never logs: it hands notes to
//! the driver, which counts, samples or prints them.

use super::Text;

/// How loud a note is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// An operator must act.
    Error,
    /// A remote misbehaves, or a configuration does nothing.
    Warn,
    /// Lifecycle.
    Info,
    /// Transactions and dialplan steps.
    Debug,
    /// Messages.
    Trace,
}

/// One thing worth telling. Built only when the driver asked for its level
/// (`Outbox::wants`), so that a silent engine formats nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// How loud.
    pub level: Level,
    /// A fixed word per cause, for counting and rate limits, e.g. `"malformed"`.
    pub cause: &'static str,
    /// The Call-ID of the call it is about; empty where there is none.
    pub call_id: Text,
    /// The sentence. Never holds a secret.
    pub text: String,
}
