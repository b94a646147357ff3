//! What an application is, and what it may touch.
//!
//! An application runs, and either is done or becomes an [`App`] that waits
//! for events. It never blocks and never sees the cursor.

use super::cause::Cause;
use super::channel::{ChannelEvent, ChannelId, Channels};
use super::plan::{Place, Plan, Seek};
use super::state::{Scope, State};
use super::substitute::leading_number;
use super::variables::Full;
use crate::base::{Instant, Level};
use crate::wire::Status;

/// What a call hears of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// The deadline it asked for has passed.
    Timer,
    /// An outbound channel reports.
    Channel(ChannelId, ChannelEvent),
    /// The caller hung up.
    CallerHangup,
}

/// How a call leaves the dialplan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Like `Busy()`.
    Busy,
    /// Like `Congestion()`.
    Congestion,
    /// Like `Hangup()`; the cause is [`Cause::NONE`] if none is known.
    Hangup(Cause),
}

impl Ending {
    /// The final response for a caller who has not been answered.
    pub fn status(self) -> Status {
        match self {
            Ending::Busy => Status::BUSY_HERE,
            Ending::Congestion => Status::SERVICE_UNAVAILABLE,
            Ending::Hangup(cause) => cause.status().unwrap_or(Status::DECLINED),
        }
    }

    /// The cause for a caller who has been answered.
    pub fn cause(self) -> Cause {
        match self {
            Ending::Busy => Cause::USER_BUSY,
            Ending::Congestion => Cause::NORMAL_CIRCUIT_CONGESTION,
            Ending::Hangup(Cause::NONE) => Cause::NORMAL_CLEARING,
            Ending::Hangup(cause) => cause,
        }
    }
}

/// What follows an application's step.
pub(super) enum Next {
    /// The next priority, or wherever [`Step::go`] jumped.
    Continue,
    /// An event, to be handled by this.
    Wait(Box<dyn App>),
    /// The end of the call.
    End(Ending),
}

/// An application that waits.
pub(super) trait App: Send {
    /// When [`Event::Timer`] is wanted.
    fn deadline(&self) -> Option<Instant>;

    /// Handles one event. After `CallerHangup` the call ends whatever is
    /// returned. Events may be early, late or about channels of the past.
    fn step(self: Box<Self>, step: &mut Step<'_>, event: Event) -> Next;
}

/// One step of an application: the call, the plan and the channels.
pub(super) struct Step<'a> {
    pub(super) plan: &'a Plan,
    pub(super) state: &'a mut State,
    pub(super) channels: &'a mut dyn Channels,
    /// Channels one application may request.
    pub(super) legs_per_call: u16,
}

impl Step<'_> {
    pub(super) fn now(&self) -> Instant {
        self.channels.now()
    }

    /// What variables and functions yield now.
    pub(super) fn scope(&self) -> Scope<'_> {
        Scope {
            plan: self.plan,
            state: self.state,
            channels: self.channels,
            now: self.now(),
        }
    }

    /// Whether the call is over and only its `h` extension runs.
    pub(super) fn is_over(&self) -> bool {
        self.state.ending.is_some()
    }

    /// Tells the operator of something that will not work.
    pub(super) fn warn(&mut self, cause: &'static str, text: impl Fn() -> String) {
        self.channels.note(Level::Warn, cause, &mut || text());
    }

    /// Sets a variable of the caller's channel.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        if self.state.variables.set(name, value) == Err(Full) {
            self.warn("variables-full", || {
                format!("there is no room for the value of {name}")
            });
        }
    }

    /// Ends the call as an application that failed.
    pub(super) fn fail(&self) -> Next {
        Next::End(Ending::Hangup(self.state.cause))
    }

    /// `Goto([[context,]exten,]priority)`: a number, `+n`, `-n` or a label.
    pub(super) fn go(&mut self, location: &str) -> Next {
        let mut parts = location.rsplitn(3, ',').map(str::trim);
        let priority = parts.next().unwrap_or("");
        let exten = parts
            .next()
            .filter(|exten| !exten.is_empty())
            .unwrap_or(&self.state.exten);
        let context = parts
            .next()
            .filter(|context| !context.is_empty())
            .unwrap_or(&self.state.context);
        let place = Place {
            context,
            exten,
            ..self.state.place(self.now())
        };
        let Some(priority) = self.priority(place, priority) else {
            let location: Box<str> = location.into();
            self.warn("goto", || {
                format!("Goto: '{location}' is neither a priority nor a label")
            });
            return self.fail();
        };
        let (context, exten) = (context.into(), exten.into());
        self.state.context = context;
        self.state.exten = exten;
        // What continues goes on to the priority after this one.
        self.state.priority = priority - 1;
        Next::Continue
    }

    fn priority(&self, place: Place<'_>, text: &str) -> Option<u32> {
        let number: Option<i64> = text.parse().ok();
        let target = match number {
            Some(number) if text.starts_with(['+', '-']) => i64::from(self.state.priority) + number,
            Some(number) => number,
            None => i64::from(self.plan.find(place, Seek::Label(text))?.priority),
        };
        u32::try_from(target).ok().filter(|&priority| priority > 0)
    }
}

/// Whether a condition holds (`pbx_checkcondition`): not empty, and not a text
/// that begins with a number whose integer part is zero.
pub(super) fn holds(condition: &str) -> bool {
    match leading_number(condition) {
        _ if condition.is_empty() => false,
        Some(number) => number != 0,
        None => true,
    }
}
