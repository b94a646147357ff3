//! What an application sees of the call it runs for.
//!
//! The dialplan never names SIP: it asks a technology by its name, as
//! `ast_channel_tech` lets Asterisk do, and hears of channels by events.

use alloc::borrow::Cow;

use crate::base::{Instant, Level};

use super::cause::{Cause, Failure};
use super::inquiry::{Inquiry, Ticket};

/// Names one outbound channel of a call. The caller's own channel is not
/// among them. Stale ids find nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ChannelId(pub u32);

/// A state to show the caller (AST_CONTROL_*).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Indication {
    /// 100 Trying.
    Proceeding,
    /// 180 Ringing.
    Ringing,
    /// 183 Session Progress.
    Progress,
}

/// What an outbound channel reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChannelEvent {
    /// The callee's side is at work (100, or 18x without meaning here).
    Proceeding,
    /// 180.
    Ringing,
    /// 183 (or another 18x with a body).
    Progress,
    /// 2xx.
    Answered,
    /// It will not be answered; the channel is gone.
    Failed(Failure),
    /// An answered channel hung up; the channel is gone.
    Hangup(Cause),
}

/// Answer() where no media exists to answer with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoMedia;

/// A technology's verbs and the caller's channel, as the call offers them to
/// applications. All calls return at once; results that take time come back
/// as a [`ChannelEvent`].
pub trait Channels {
    /// The time of this step.
    fn now(&self) -> Instant;

    /// Shows the caller a state. An unchanged state is not repeated. While an
    /// event of a channel is being handled, `Progress` carries that channel's
    /// body along.
    fn indicate(&mut self, indication: Indication);

    /// Answers the caller without a callee.
    fn answer(&mut self) -> Result<(), NoMedia>;

    /// Whether the caller has been answered.
    fn is_answered(&self) -> bool;

    /// When the caller was answered.
    fn answered_at(&self) -> Option<Instant> {
        None
    }

    /// What the caller's technology knows by a function of the dialplan
    /// (`SIP_HEADER`, items of `CHANNEL`). `None`: nothing of the kind.
    fn read(&self, _function: &str, _arguments: &str) -> Option<String> {
        None
    }

    /// Forgets what dialled channels responded (`HangupCauseClear`).
    fn forget_causes(&mut self) {}

    /// Sends an unanswered caller elsewhere. False, and nothing done, if it
    /// cannot be.
    fn redirect(&mut self, _destination: &str) -> bool {
        false
    }

    /// A variable that the caller's technology knows by itself (`SIPCALLID`).
    /// What the plan sets by that name comes first.
    fn variable(&self, _name: &str) -> Option<Cow<'_, str>> {
        None
    }

    /// 64 random bits.
    fn random(&mut self) -> u64;

    /// Says whom channels requested from now on are from (`CALLERID`). False,
    /// and nothing done, where callees cannot be shown another caller.
    fn present(&mut self, _number: &str, _name: &str) -> bool {
        false
    }

    /// Makes a channel of technology `tech` (`SIP`) to `resource`. An unknown
    /// technology or resource fails at once with its cause.
    fn request(&mut self, tech: &str, resource: &str) -> Result<ChannelId, Cause>;

    /// Gives a requested channel a variable it inherits; `__` in front of the
    /// name says that its own channels inherit it too. Ignored by a technology
    /// that reads no variables.
    fn inherit(&mut self, _channel: ChannelId, _name: &str, _value: &str) {}

    /// Starts ringing a requested channel.
    fn call(&mut self, channel: ChannelId);

    /// Ends a channel: CANCEL or BYE. `elsewhere` says that another answered.
    fn hangup(&mut self, channel: ChannelId, cause: Cause, elsewhere: bool);

    /// Joins the caller to an answered channel: its answer becomes the
    /// caller's. May be called while its `Answered` is being handled only.
    fn bridge(&mut self, channel: ChannelId);

    /// Asks something outside of the call. Its reply comes as an
    /// [`Event::Reply`](super::Event::Reply) with that ticket, never before this
    /// returns. `None`: nobody can be asked.
    fn ask(&mut self, _inquiry: Inquiry) -> Option<Ticket> {
        None
    }

    /// Tells the operator something; `text` is called only if `level` is wanted.
    fn note(&mut self, level: Level, cause: &'static str, text: &mut dyn FnMut() -> String);
}
