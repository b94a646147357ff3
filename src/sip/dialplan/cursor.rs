//! One call's way through the dialplan: find, substitute, execute, go on.
//!
//! It owns the order of things and the special extensions; what an
//! application does is the application's matter.

use alloc::borrow::Cow;
use alloc::sync::Arc;
use core::cell::Cell;
use core::time::Duration;

use super::app;
use super::cause::Cause;
use super::channel::Channels;
use super::frames::Frames;
use super::party::{Party, PartyField};
use super::plan::{Instruction, Place, Plan, Seek};
use super::record::{Account, Fork, Origin, Said};
use super::replay::Replay;
use super::state::{Scope, State};
use super::step::{App, Ending, Event, Next, Step};
use super::substitute::Names;
use super::switch::{self, Found};
use super::variables::Variables;
use crate::base::{Instant, Level, Limits};
use crate::config::AmaFlags;

/// How often a call may run `Limits::dialplan_steps` instructions.
const REFILL: Duration = Duration::from_secs(1);

/// Where a call is after a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// It waits for events; [`Event::Timer`] is wanted at the deadline.
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
            context: place.context.into(),
            exten: place.dialled().into(),
            priority: 1,
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
    /// `MACRO_RESULT`). Any other ending is the channel's own, or that of a plan
    /// that has no such place. Neither `h` nor `i` is run. `place` tells where
    /// a location without context or extension belongs.
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
        self.state.priority = priority;
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
            now: channels.now(),
        };
        scope.value_at_once(name)
    }

    /// Context, extension and priority, for display.
    pub fn position(&self) -> (&str, &str, u32) {
        (&self.state.context, &self.state.exten, self.state.priority)
    }

    /// The application at hand; `None` for one that a switch has found.
    pub fn application(&self, now: Instant) -> Option<&str> {
        let place = self.state.place(now);
        let found = self.plan.find(place, Seek::Priority(self.state.priority))?;
        Some(&found.application)
    }

    /// The application at hand and its arguments, with the values of variables
    /// and of the globals that `global` knows, as they are now; as they stand in the plan where the channel alone does
    /// not know all of them.
    pub fn at_hand<'a>(
        &'a self,
        now: Instant,
        global: &dyn Fn(&str) -> Option<&'a str>,
    ) -> Option<(&'a str, Cow<'a, str>)> {
        let place = self.state.place(now);
        let found = self.plan.find(place, Seek::Priority(self.state.priority))?;
        let mut known = Known {
            plan: &self.plan,
            state: &self.state,
            global,
            all: Cell::new(true),
        };
        let mut troubles = Vec::new();
        let arguments = super::substitute::substitute(&found.arguments, &mut known, &mut troubles);
        let arguments = match known.all.get() && troubles.is_empty() {
            true => arguments,
            false => Cow::Borrowed(&*found.arguments),
        };
        Some((&found.application, arguments))
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

    /// Enters the plan. Called once.
    pub fn start(&mut self, channels: &mut dyn Channels) -> Progress {
        self.way = Way::Begun;
        self.state.began.1 = channels.now();
        match self.waiting {
            None => self.run(channels),
            Some(_) => self.handle(Event::Timer, channels),
        }
    }

    /// Handles one event. After the end it changes nothing. A plan that has not
    /// been entered has no `h` to run for a caller who leaves.
    pub fn handle(&mut self, event: Event, channels: &mut dyn Channels) -> Progress {
        if let Some(ending) = self.ended {
            return Progress::Ended(ending);
        }
        if self.way == Way::Ahead && event == Event::CallerHangup {
            return self.finish(Ending::Hangup(Cause::NORMAL_CLEARING));
        }
        if let (Event::CallerHangup, Some(ending)) = (&event, self.state.ending) {
            return Progress::Lingering(ending);
        }
        let over = self.state.absolute().is_some_and(|at| channels.now() >= at);
        let next = match (self.waiting.take(), event) {
            (Some(app), Event::Timer | Event::Channel(..) | Event::Reply(..)) if over => {
                self.time_out(app, channels)
            }
            (Some(app), event @ Event::CallerHangup) => {
                app.step(&mut self.step(channels), event);
                Next::End(Ending::Hangup(Cause::NORMAL_CLEARING))
            }
            (None, Event::CallerHangup) => Next::End(Ending::Hangup(Cause::NORMAL_CLEARING)),
            (Some(app), event) => app.step(&mut self.step(channels), event),
            (None, _) => return Progress::Waiting(None),
        };
        self.follow(next, channels)
            .unwrap_or_else(|| self.run(channels))
    }

    /// Goes on elsewhere in the plan, at `[[context,]exten,]priority`, whatever it
    /// waits for: what it has dialled is hung up. `None`, and nothing done, where
    /// there is no such place, or the call is over or has not been let in yet.
    pub fn redirect(&mut self, location: &str, channels: &mut dyn Channels) -> Option<Progress> {
        let over = self.ended.is_some() || self.state.ending.is_some();
        if over || self.way == Way::Ahead {
            return None;
        }
        let target = self.step(channels).resolve(location)?;
        let place = Place {
            context: &target.0,
            exten: &target.1,
            ..self.state.place(channels.now())
        };
        let seek = Seek::Priority(target.2);
        if self.plan.find(place, seek).is_none() && !self.plan.may_ask(place) {
            return None;
        }
        if let Some(app) = self.waiting.take() {
            app.step(&mut self.step(channels), Event::CallerHangup);
        }
        self.state.replay.clear();
        self.way = Way::Entered;
        let next = self.step(channels).go_to(target);
        let progress = self.follow(next, channels);
        Some(progress.unwrap_or_else(|| self.run(channels)))
    }

    fn step<'s>(&'s mut self, channels: &'s mut dyn Channels) -> Step<'s> {
        Step {
            plan: &self.plan,
            state: &mut self.state,
            channels,
            legs_per_call: self.bounds.legs,
        }
    }

    /// Executes instructions until the call waits or ends.
    fn run(&mut self, channels: &mut dyn Channels) -> Progress {
        let now = channels.now();
        if now >= self.spent_since + REFILL {
            (self.spent_since, self.spent) = (now, 0);
        }
        while self.spent < self.bounds.steps {
            let course = self.state.course.as_ref();
            if course.is_some_and(|course| course.exhausted) {
                return self.cut("holds more than a call may", channels);
            }
            self.spent += 1;
            let next = self.advance(channels);
            if let Some(progress) = self.follow(next, channels) {
                return progress;
            }
        }
        let steps = self.bounds.steps;
        self.cut(
            &format!("ran {steps} instructions within a second"),
            channels,
        )
    }

    /// Runs the instruction at hand.
    fn advance(&mut self, channels: &mut dyn Channels) -> Next {
        let now = channels.now();
        let place = self.state.place(now);
        let found = match self.plan.asks {
            false => {
                let seek = Seek::Priority(self.state.priority);
                self.plan
                    .find(place, seek)
                    .map_or(Found::Nothing, Found::Plan)
            }
            true => {
                let scope = Scope {
                    plan: &self.plan,
                    state: &self.state,
                    channels,
                    now,
                };
                switch::search(&self.plan, &scope, place, self.state.priority)
            }
        };
        let mut step = Step {
            plan: &self.plan,
            state: &mut self.state,
            channels,
            legs_per_call: self.bounds.legs,
        };
        match found {
            Found::Plan(instruction) => {
                self.way = Way::Entered;
                if let Some(course) = &mut step.state.course {
                    course.replies.tidy();
                }
                execute(&mut step, instruction)
            }
            Found::Table(instruction) => {
                self.way = Way::Entered;
                step.state.course().replies.tidy();
                execute(&mut step, &instruction)
            }
            Found::Ask(lookup) => step.ask_switch(lookup, |_| Next::Repeat),
            // Only a switch could have known the extension that was dialled.
            Found::Nothing if self.way != Way::Entered && self.plan.asks => {
                self.state.ending = Some(Ending::Hangup(Cause::UNALLOCATED));
                Next::End(Ending::Hangup(Cause::UNALLOCATED))
            }
            Found::Nothing => self.fall_through(channels),
        }
    }

    /// Ends a call that ran wild, and says where.
    fn cut(&mut self, what: &str, channels: &mut dyn Channels) -> Progress {
        let place = self.state.place(channels.now());
        let found = self.plan.find(place, Seek::Priority(self.state.priority));
        let at = found.map_or("", |instruction| &instruction.at);
        let (context, exten, priority) = self.position();
        let mut text = || format!("{at}: {context},{exten},{priority} {what}; the call is ended");
        channels.note(Level::Error, "dialplan-runaway", &mut text);
        self.finish(
            self.state
                .ending
                .unwrap_or(Ending::Hangup(Cause::NORMAL_TEMPORARY_FAILURE)),
        )
    }

    /// The call's time is over: what it waits for is given up, as if the caller
    /// had left, and it goes on at `T`.
    fn time_out(&mut self, app: Box<dyn App>, channels: &mut dyn Channels) -> Next {
        self.state.course().absolute = None;
        self.state.replay.clear();
        let mut step = self.step(channels);
        app.step(&mut step, Event::CallerHangup);
        step.divert(&["T"], "ABSOLUTETIMEOUT")
    }

    /// Takes what an instruction returned; nothing if the run goes on.
    fn follow(&mut self, next: Next, channels: &mut dyn Channels) -> Option<Progress> {
        match next {
            Next::Continue => {
                self.state.priority = self.state.priority.saturating_add(1);
                None
            }
            Next::Repeat => None,
            Next::Wait(app) => Some(match self.state.ending {
                None => {
                    let absolute = self.state.absolute();
                    let deadline = app.deadline().into_iter().chain(absolute).min();
                    self.waiting = Some(app);
                    Progress::Waiting(deadline)
                }
                Some(ending) if app.lingers() => {
                    self.waiting = Some(app);
                    Progress::Lingering(ending)
                }
                Some(ending) => return self.wind_up(ending, channels),
            }),
            Next::End(ending) => self.end(ending, channels),
        }
    }

    /// Ends the call, by way of its `h` extension if there is one.
    fn end(&mut self, ending: Ending, channels: &mut dyn Channels) -> Option<Progress> {
        if let Some(ending) = self.state.ending {
            return self.wind_up(ending, channels);
        }
        if self.is_routine() {
            return Some(self.finish(ending));
        }
        self.state.replay.clear();
        let mut step = self.step(channels);
        step.abandon_macros();
        let known = match step.has("h", 1) {
            Ok(known) => known,
            Err(lookup) => {
                // The caller does not wait for what a switch knows of `h`.
                let next = step.ask_switch(lookup, move |_| Next::End(ending));
                return match next {
                    Next::Wait(app) => {
                        step.state.course().absolute = None;
                        self.waiting = Some(app);
                        Some(Progress::Lingering(ending))
                    }
                    next => self.follow(next, channels),
                };
            }
        };
        self.state.ending = Some(ending);
        if self.state.cause == Cause::NONE {
            self.state.cause = ending.cause();
        }
        if !known {
            return self.wind_up(ending, channels);
        }
        self.state.exten = "h".into();
        self.state.priority = 1;
        None
    }

    /// `h` is done, or a hangup handler: runs the next, or ends.
    fn wind_up(&mut self, ending: Ending, channels: &mut dyn Channels) -> Option<Progress> {
        let Some(handler) = self.state.pop_handler() else {
            return Some(self.finish(ending));
        };
        self.state.replay.clear();
        self.state.frames = Some(Box::new(Frames::of_routine()));
        let entry = app::enter(Routine::Gosub(&handler));
        let next = entry.step(&mut self.step(channels), Event::Timer);
        self.follow(next, channels)
    }

    fn is_routine(&self) -> bool {
        let frames = self.state.frames.as_ref();
        frames.is_some_and(|frames| frames.routine)
    }

    fn finish(&mut self, ending: Ending) -> Progress {
        self.ended = Some(ending);
        Progress::Ended(ending)
    }

    /// Where there is no instruction: `i`, the wait for `t`, or the end.
    fn fall_through(&mut self, channels: &mut dyn Channels) -> Next {
        let (autofallthrough, routine) = (self.plan.autofallthrough(), self.is_routine());
        let mut step = self.step(channels);
        if let Some(next) = app::leave_macro(&mut step).or_else(|| step.leave_called()) {
            return next;
        }
        let hangup = Ending::Hangup(step.state.cause);
        if step.is_over() || routine {
            return Next::End(hangup);
        }
        let wait = step.state.response();
        match step.has(&step.state.exten, 1) {
            Err(lookup) => return step.ask_switch(lookup, |_| Next::Repeat),
            Ok(false) => return step.divert(&["i"], "INVALID"),
            Ok(true) if autofallthrough || wait.is_zero() => {}
            Ok(true) => {
                return Next::Wait(Box::new(Response {
                    until: step.now() + wait,
                }));
            }
        }
        let (ending, fell) = match step.state.variables.value("DIALSTATUS") {
            Some("BUSY") => (Ending::Busy, Fell::Refused),
            Some("CONGESTION" | "CHANUNAVAIL") => (Ending::Congestion, Fell::Refused),
            Some("NOANSWER") => (hangup, Fell::NoAnswer),
            _ => (hangup, Fell::Refused),
        };
        self.fell = Some(fell);
        Next::End(ending)
    }
}

/// What a channel knows by itself, for display.
struct Known<'a, 'g> {
    plan: &'a Plan,
    state: &'a State,
    /// A global that has been set since the plan was loaded.
    global: &'g dyn Fn(&str) -> Option<&'a str>,
    /// Whether it has known all that was asked.
    all: Cell<bool>,
}

impl Names for Known<'_, '_> {
    fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
        let value = match name {
            "EXTEN" => &self.state.exten,
            "CONTEXT" => &self.state.context,
            _ => {
                let own = self.state.variables.value(name);
                let global = || (self.global)(name).or_else(|| self.plan.global(name));
                match own.or_else(global) {
                    Some(value) => value,
                    None => {
                        self.all.set(false);
                        return None;
                    }
                }
            }
        };
        Some(Cow::Borrowed(value))
    }

    fn function(&mut self, name: &str, arguments: &str) -> Option<String> {
        let field = match (name, arguments) {
            ("CALLERID", "num" | "number") => PartyField::Number,
            ("CALLERID", "name") => PartyField::Name,
            _ => {
                self.all.set(false);
                return Some(String::new());
            }
        };
        Some(self.state.party(Party::Caller, field).into())
    }
}

/// Substitutes and runs one instruction.
fn execute(step: &mut Step<'_>, instruction: &Instruction) -> Next {
    let mut troubles = Vec::new();
    step.state.replay.rewind();
    let arguments = super::substitute::substitute(&instruction.arguments, step, &mut troubles);
    if let Some(wanted) = step.state.replay.take_wanted() {
        // Then the instruction is read again.
        return step.find_out(wanted, |_| Next::Repeat);
    }
    step.state.replay.clear();
    for trouble in troubles {
        step.warn("dialplan-text", || format!("{}: {trouble}", instruction.at));
    }
    let mut text = || {
        format!(
            "{}: {}({arguments})",
            instruction.at, instruction.application
        )
    };
    step.channels.note(Level::Debug, "dialplan", &mut text);
    match instruction.row {
        Some(row) => {
            let application = app::ApplicationId::of(row);
            step.channels.runs(application, instruction.priority);
            app::run(step, row, &arguments)
        }
        None if step.plan.is_leaving(&instruction.application) => {
            step.state.cause = Cause::NORMAL_CIRCUIT_CONGESTION;
            Next::End(Ending::Congestion)
        }
        None => {
            let text = || {
                format!(
                    "{}: there is no application {}",
                    instruction.at, instruction.application
                )
            };
            step.warn("no-application", text);
            match step.state.exten == "e" {
                true => step.fail(),
                false => step.divert(&[], "ERROR"),
            }
        }
    }
}

/// A call that has nothing to do until somebody gives up.
struct Response {
    until: Instant,
}

impl App for Response {
    fn deadline(&self) -> Option<Instant> {
        Some(self.until)
    }

    fn step(self: Box<Self>, step: &mut Step<'_>, _: Event) -> Next {
        match step.now() < self.until {
            true => Next::Wait(self),
            false => step.divert(&["t"], "RESPONSETIMEOUT"),
        }
    }
}

#[cfg(test)]
mod special;
#[cfg(test)]
mod tests;
