//! One call in a plan: how it enters, and what others ask of it on its way.
//!
//! How it goes on is `run`'s matter.

use alloc::sync::Arc;

use super::app;
use super::cause::Cause;
use super::channel::Channels;
use super::frames::Frames;
use super::party::{Party, PartyField, Redirecting};
use super::plan::{Place, Plan};
use super::position::Position;
use super::record::{Account, Fork, Origin, Said};
use super::replay::Replay;
use super::state::{Scope, State};
use super::step::{App, Ending};
use super::variables::Variables;
use crate::base::{Instant, Limits};
use crate::config::AmaFlags;

mod run;
mod shown;

/// Where a call is after a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// It waits for events; [`Event::Timer`](super::Event::Timer) is wanted at the deadline.
    Waiting(Option<Instant>),
    /// The call is over, every outbound channel was hung up, and its `h`
    /// extension waits for a reply before it goes on.
    Lingering(Ending),
    /// It has left the dialplan. Every outbound channel was hung up.
    Ended(Ending),
}

/// What a call that ran out of priorities had last dialled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fell {
    /// Nobody answered in time.
    NoAnswer,
    /// It failed otherwise, or none was dialled.
    Refused,
}

/// A subroutine a channel is sent into.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Routine<'a> {
    /// The arguments of `Gosub`: `[[context,]exten,]priority[(arguments)]`.
    Gosub(&'a str),
    /// The arguments of `Macro`: `name[,arguments]`.
    Macro(&'a str),
}

/// What of the limits one call has to know.
#[derive(Clone, Copy)]
struct Bounds {
    /// `Limits::dialplan_steps`.
    steps: u32,
    /// `Limits::legs_per_call`.
    legs: u16,
}

/// How far a call has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It has not been started.
    Ahead,
    Begun,
    /// It has run an instruction.
    Entered,
}

/// One call in a plan. It stays in the plan it began in.
pub struct Cursor {
    plan: Arc<Plan>,
    bounds: Bounds,
    state: State,
    waiting: Option<Box<dyn App>>,
    fell: Option<Fell>,
    ended: Option<Ending>,
    way: Way,
    /// Instructions run since then: a plan that loops through waits which end
    /// at once is as much a runaway as one that never waits.
    spent: u32,
    spent_since: Instant,
}

impl Cursor {
    /// A call about to enter at priority 1 of `place`, whose time is now.
    pub fn new(plan: Arc<Plan>, place: Place<'_>, caller_name: &str, limits: &Limits) -> Cursor {
        let state = State {
            position: Position::new(place.context.into(), place.dialled().into(), 1),
            number: place.caller.into(),
            name: caller_name.into(),
            dialled: place.dialled().into(),
            parties: None,
            variables: Variables::new(),
            cause: Cause::NONE,
            ending: None,
            began: (place.time, Instant::START),
            replay: Replay::default(),
            course: None,
            nested: 0,
            frames: None,
        };
        Cursor {
            plan,
            bounds: Bounds {
                steps: limits.dialplan_steps,
                legs: limits.legs_per_call,
            },
            state,
            waiting: None,
            fell: None,
            ended: None,
            way: Way::Ahead,
            spent: 0,
            spent_since: Instant::START,
        }
    }

    /// A channel about to run a subroutine of its own, such as one that a
    /// callee is sent into before it is joined to its caller.
    ///
    /// The run ends with [`Ending::Returned`] once the subroutine is left, and
    /// [`Cursor::variables`] tells its results (`GOSUB_RETVAL`, `GOSUB_RESULT`,
    /// `MACRO_RESULT`). It ends so, too, where there is no such place or the
    /// plan runs out before `Return`; any other ending is the channel's own.
    /// Neither `h` nor `i` is run. `place` tells where a location without
    /// context or extension belongs.
    pub fn routine(
        plan: Arc<Plan>,
        place: Place<'_>,
        routine: Routine<'_>,
        caller_name: &str,
        variables: Variables,
        limits: &Limits,
    ) -> Cursor {
        let mut cursor = Cursor::new(plan, place, caller_name, limits);
        cursor.state.variables = variables;
        cursor.state.frames = Some(Box::new(Frames::of_routine()));
        cursor.waiting = Some(app::enter(routine));
        cursor
    }

    /// The same call, about to enter at another priority.
    pub fn at(mut self, priority: u32) -> Cursor {
        self.state.position.priority = priority;
        self
    }

    /// The same call, about to run an application before it enters. One there is
    /// not is passed over.
    pub fn running(mut self, name: &str, arguments: &str) -> Cursor {
        let row = self.plan.application(name);
        self.waiting = row.map(|row| app::first(row, arguments));
        self
    }

    /// A channel that has ended so, about to run the `h` extension at `place`.
    pub fn farewell(
        plan: Arc<Plan>,
        place: Place<'_>,
        cause: Cause,
        variables: Variables,
        limits: &Limits,
    ) -> Cursor {
        let place = Place {
            exten: "h",
            ..place
        };
        let mut cursor = Cursor::new(plan, place, "", limits);
        cursor.state.variables = variables;
        cursor.state.cause = cause;
        cursor.state.ending = Some(Ending::Hangup(cause));
        cursor
    }

    /// The variables of the caller's channel.
    pub fn variables(&self) -> &Variables {
        &self.state.variables
    }

    /// The variables of the caller's channel.
    pub fn variables_mut(&mut self) -> &mut Variables {
        &mut self.state.variables
    }

    /// The value of `${name}` for another call: a variable, or a function that is
    /// a mere view of this one.
    pub fn value(&self, name: &str, channels: &dyn Channels) -> String {
        let scope = Scope {
            plan: &self.plan,
            state: &self.state,
            channels,
        };
        scope.value_at_once(name)
    }

    /// Context, extension and priority, for display.
    pub fn position(&self) -> (&str, &str, u32) {
        self.state.position.parts()
    }

    /// Context and extension outside of any subroutine: what was dialled, unless
    /// the plan went elsewhere.
    pub fn outermost(&self) -> (&str, &str) {
        let (context, exten, _) = self.state.outermost().parts();
        (context, exten)
    }

    /// What the plan has set of its channel by `CHANNEL`; empty for nothing.
    pub fn setting(&self, name: &str) -> &str {
        let record = self.state.record();
        record.and_then(|record| record.setting(name)).unwrap_or("")
    }

    /// What the plan says of a party.
    pub fn party(&self, party: Party, field: PartyField) -> &str {
        self.state.party(party, field)
    }

    /// The presentation of a party's name and number taken together, by its
    /// number (ITU-T Q.931 octet 3a).
    pub fn presentation(&self, party: Party) -> u32 {
        self.state.presentation(party)
    }

    /// Tells the plan of a party. What is shown to callees stays as it is.
    pub fn set_party(&mut self, party: Party, field: PartyField, value: &str) {
        self.state.set_party(party, field, value);
    }

    /// Tells the plan who redirected the call.
    pub fn set_redirecting(&mut self, redirecting: &Redirecting) {
        self.state.set_redirecting(redirecting);
    }

    /// `HANGUPCAUSE`.
    pub fn cause(&self) -> Cause {
        self.state.cause
    }

    /// Has the run keep what the records of its call are made from. What `h` and
    /// hangup handlers say of them counts unless they end before it.
    pub fn keep_account(&mut self, ends_before_h: bool) {
        self.state.course().account = Some(Account {
            ends_before_h,
            ..Account::default()
        });
    }

    /// Whether it has rung somebody, and kept what the record takes from it.
    pub fn has_rung(&self) -> bool {
        let account = self.state.account();
        account.is_some_and(|account| account.rang)
    }

    /// What the record of a call that rang nobody takes from its run; nothing
    /// where no records are made, or the plan was never entered.
    pub fn origin(&self) -> Option<Origin<'_>> {
        let entered = self.way != Way::Ahead;
        let origin = self.state.origin(self.state.begun());
        origin.filter(|_| entered)
    }

    /// What the plan has said of its channel so far; nothing of most.
    pub fn said(&self) -> Option<Said<'_>> {
        let record = self.state.record()?;
        let amaflags = record.setting("amaflags");
        Some(Said {
            accountcode: record.setting("accountcode"),
            peeraccount: record.setting("peeraccount"),
            amaflags: amaflags.and_then(AmaFlags::parse),
            sheet: &record.sheet,
        })
    }

    /// When the run began.
    pub fn began(&self) -> Instant {
        self.state.began.1
    }

    /// Takes the records that `ForkCDR` has left behind.
    pub fn take_forks(&mut self) -> Vec<Fork> {
        let course = self.state.course.as_mut();
        let record = course.and_then(|course| course.record.as_mut());
        record.map_or(Vec::new(), |record| record.take_forks())
    }

    /// What the plan has said of its channel and its record.
    #[cfg(test)]
    pub(super) fn record(&self) -> Option<&super::record::Record> {
        self.state.record()
    }

    /// What it had last dialled, if it ended because it ran out of priorities.
    pub fn fell(&self) -> Option<Fell> {
        self.fell
    }

    /// Whether it was stopped because it ran too many instructions.
    pub fn ran_away(&self) -> bool {
        self.spent >= self.bounds.steps
    }
}

#[cfg(test)]
mod special;
#[cfg(test)]
mod tests;
