//! What is told of what happened to calls.

use core::time::Duration;

use smol_str::SmolStr;

use crate::base::{Text, UnixTime};
use crate::machine::Moment;
use crate::wire::Status;

/// What happened to a call.
#[derive(Clone, PartialEq, Debug)]
pub struct HistoryRow {
    /// The caller's channel.
    pub channel: SmolStr,
    /// The Call-IDs of its legs, the caller's first.
    pub call_ids: Vec<Text>,
    /// When it began.
    pub began: UnixTime,
    /// How long it is over, if it is.
    pub ended: Option<Duration>,
    /// The final response by which it failed (408, 500 and above).
    pub failed: Option<Status>,
    /// Earlier moments that are not known any more.
    pub forgotten: u32,
    /// The last moments, the oldest first.
    pub moments: Vec<Moment>,
}

/// A call that failed.
#[derive(Clone, PartialEq, Debug)]
pub struct FailureRow {
    /// The caller's channel.
    pub channel: SmolStr,
    /// The caller's Call-ID.
    pub call_id: Text,
    /// When it began.
    pub began: UnixTime,
    /// How long it is over.
    pub ended: Duration,
    /// The final response by which it failed.
    pub failed: Option<Status>,
}
