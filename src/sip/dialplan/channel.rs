//! What an application sees of the call it runs for.
//!
//! The dialplan never names SIP: it asks a technology by its name, as
//! `ast_channel_tech` lets Asterisk do, and hears of channels by events.

use alloc::borrow::Cow;

use smol_str::SmolStr;

use crate::base::{Instant, Level};

use super::app::ApplicationId;
use super::cause::{Cause, Failure};
use super::cursor::Routine;
use super::inquiry::{Inquiry, Ticket};
use super::party::Redirecting;
use super::record::Origin;

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
    /// The routine it was sent into has returned.
    Returned,
    /// It will not be answered; the channel is gone.
    Failed(Failure),
    /// An answered channel hung up; the channel is gone.
    Hangup(Cause),
}

/// Where a callee who is elsewhere wants to be rung (3xx).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Forward {
    /// `technology/resource`, or else an extension.
    pub to: SmolStr,
    /// Where such an extension belongs: the context of the callee's device.
    pub context: SmolStr,
    /// Who wants that, and why.
    pub from: Redirecting,
}

/// Whom a callee is told a call is from; what is `None` stays as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Shown<'a> {
    /// Number and name.
    pub identity: Option<(&'a str, &'a str)>,
    /// Whether the number may be shown: the octet of Q.931.
    pub presentation: Option<u8>,
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

    /// Hears that an application is about to run, and by which priority.
    fn runs(&mut self, _application: ApplicationId, _priority: u32) {}

    /// Says whom channels requested from now on are from (`CALLERID`), and
    /// whether the number may be shown: the octet of Q.931, `None` leaving it as
    /// it is. False, and nothing done, where callees cannot be shown another
    /// caller.
    fn present(&mut self, _number: &str, _name: &str, _presentation: Option<u8>) -> bool {
        false
    }

    /// Makes a channel of technology `tech` (`SIP`) to `resource`. An unknown
    /// technology or resource fails at once with its cause.
    fn request(&mut self, tech: &str, resource: &str) -> Result<ChannelId, Cause>;

    /// Gives a requested channel a variable it inherits; `__` in front of the
    /// name says that its own channels inherit it too. Ignored by a technology
    /// that reads no variables.
    fn inherit(&mut self, _channel: ChannelId, _name: &str, _value: &str) {}

    /// A variable of a channel: what it has inherited, and what its routines
    /// have set.
    fn channel_variable(&self, _channel: ChannelId, _name: &str) -> Option<&str> {
        None
    }

    /// A channel's name (`SIP/200-00000001`).
    fn name(&self, _channel: ChannelId) -> SmolStr {
        SmolStr::default()
    }

    /// Changes whom a requested channel is told the call is from.
    fn show(&mut self, _channel: ChannelId, _shown: Shown<'_>) {}

    /// Tells a requested channel who redirected the call to it.
    fn tell_redirecting(&mut self, _channel: ChannelId, _redirecting: &Redirecting) {}

    /// Tells an unanswered caller that its call is forwarded, and by whom.
    fn forwarded(&mut self, _redirecting: &Redirecting) {}

    /// Tells a requested channel which interfaces those who ring it have dialled
    /// already, for the plan it may enter.
    fn tell_dialled(&mut self, _channel: ChannelId, _interfaces: &[SmolStr]) {}

    /// The interfaces that were dialled on the way to the caller's channel.
    fn dialled(&self) -> &[SmolStr] {
        &[]
    }

    /// Sends a channel, requested or held, into a routine of its own. It reports
    /// [`ChannelEvent::Returned`] when it is back. False where it cannot.
    fn routine(&mut self, _channel: ChannelId, _routine: Routine<'_>) -> bool {
        false
    }

    /// Keeps a channel whose `Answered` is being handled for [`Channels::bridge`]
    /// or another end later.
    fn hold(&mut self, _channel: ChannelId) {}

    /// Lets an answered channel go on in the plan by itself; it reports nothing
    /// any more and ends with its plan. False where it cannot.
    fn go_on(&mut self, _channel: ChannelId, _place: (&str, &str, u32)) -> bool {
        false
    }

    /// Once this channel ends, the `h` extension of its own context runs for it.
    fn run_h(&mut self, _channel: ChannelId) {}

    /// Where the callee of a channel that just failed wants to be rung.
    fn forward(&self, _channel: ChannelId) -> Option<Forward> {
        None
    }

    /// The final response by which a channel just failed, if there was one.
    fn refusal(&self, _channel: ChannelId) -> Option<u16> {
        None
    }

    /// Begins the record of a call to a requested channel.
    fn account(&mut self, _channel: ChannelId, _origin: &Origin<'_>) {}

    /// Starts ringing a requested channel.
    fn call(&mut self, channel: ChannelId);

    /// Ends a channel: CANCEL or BYE. `elsewhere` says that another answered.
    fn hangup(&mut self, channel: ChannelId, cause: Cause, elsewhere: bool);

    /// Joins the caller to an answered channel: its answer becomes the
    /// caller's. May be called while its `Answered` is being handled, or when it
    /// was held then.
    fn bridge(&mut self, channel: ChannelId);

    /// Asks something outside of the call. Its reply comes as an
    /// [`Event::Reply`](super::Event::Reply) with that ticket, never before this
    /// returns. `None`: nobody can be asked.
    fn ask(&mut self, _inquiry: Inquiry) -> Option<Ticket> {
        None
    }

    /// A global that some plan has set.
    fn global(&self, _name: &str) -> Option<Cow<'_, str>> {
        None
    }

    /// Sets a global for all calls, of other shards too: they hear of it as
    /// soon as a message gets there. False where there is no room.
    fn set_global(&mut self, _name: &str, _value: &str) -> bool {
        false
    }

    /// A variable that all channels of the call share (`SHARED`).
    fn shared(&self, _name: &str) -> Option<Cow<'_, str>> {
        None
    }

    /// Sets one. False where there is no room.
    fn share(&mut self, _name: &str, _value: &str) -> bool {
        false
    }

    /// The groups the channel is in: name and category, in the order it joined.
    fn groups(&self) -> Vec<(SmolStr, SmolStr)> {
        Vec::new()
    }

    /// Puts a requested channel into a group, until it ends.
    fn enlist(&mut self, _channel: ChannelId, _group: SmolStr, _category: SmolStr) {}

    /// Tells the operator something; `text` is called only if `level` is wanted.
    fn note(&mut self, level: Level, cause: &'static str, text: &mut dyn FnMut() -> String);
}
