//! One call's way through the dialplan: find, substitute, execute, go on.
//!
//! It owns the order of things and the special extensions; what an
//! application does is the application's matter.

use alloc::sync::Arc;
use core::time::Duration;

use super::app;
use super::cause::Cause;
use super::channel::Channels;
use super::plan::{Instruction, Place, Plan, Seek};
use super::replay::{Replay, Wanted};
use super::state::State;
use super::step::{App, Ending, Event, Next, Step};
use super::variables::Variables;
use crate::base::{Instant, Level, Limits};

/// How long a call without `autofallthrough` waits before `t`
/// (`TIMEOUT(response)`).
const RESPONSE: Duration = Duration::from_secs(10);

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

/// What of the limits one call has to know.
#[derive(Clone, Copy)]
struct Bounds {
    /// `Limits::dialplan_steps`.
    steps: u32,
    /// `Limits::legs_per_call`.
    legs: u16,
}

/// One call in a plan. It stays in the plan it began in.
pub struct Cursor {
    plan: Arc<Plan>,
    bounds: Bounds,
    state: State,
    waiting: Option<Box<dyn App>>,
    ended: Option<Ending>,
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
            variables: Variables::new(),
            cause: Cause::NONE,
            ending: None,
            began: (place.time, Instant::START),
            replay: Replay::default(),
        };
        Cursor {
            plan,
            bounds: Bounds {
                steps: limits.dialplan_steps,
                legs: limits.legs_per_call,
            },
            state,
            waiting: None,
            ended: None,
            spent: 0,
            spent_since: Instant::START,
        }
    }

    /// The variables of the caller's channel.
    pub fn variables(&self) -> &Variables {
        &self.state.variables
    }

    /// The variables of the caller's channel.
    pub fn variables_mut(&mut self) -> &mut Variables {
        &mut self.state.variables
    }

    /// Context, extension and priority, for display.
    pub fn position(&self) -> (&str, &str, u32) {
        (&self.state.context, &self.state.exten, self.state.priority)
    }

    /// `HANGUPCAUSE`.
    pub fn cause(&self) -> Cause {
        self.state.cause
    }

    /// Enters the plan. Called once.
    pub fn start(&mut self, channels: &mut dyn Channels) -> Progress {
        self.state.began.1 = channels.now();
        self.run(channels)
    }

    /// Handles one event. After the end it changes nothing.
    pub fn handle(&mut self, event: Event, channels: &mut dyn Channels) -> Progress {
        if let Some(ending) = self.ended {
            return Progress::Ended(ending);
        }
        if let (Event::CallerHangup, Some(ending)) = (&event, self.state.ending) {
            return Progress::Lingering(ending);
        }
        let next = match (self.waiting.take(), event) {
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
            self.spent += 1;
            let next = match self.plan.find(
                self.state.place(channels.now()),
                Seek::Priority(self.state.priority),
            ) {
                Some(instruction) => {
                    let mut step = Step {
                        plan: &self.plan,
                        state: &mut self.state,
                        channels,
                        legs_per_call: self.bounds.legs,
                    };
                    execute(&mut step, instruction)
                }
                None => self.fall_through(channels),
            };
            if let Some(progress) = self.follow(next, channels) {
                return progress;
            }
        }
        let (context, exten, _) = self.position();
        let steps = self.bounds.steps;
        let mut text = || {
            format!("{context},{exten} ran {steps} instructions within a second; the call is ended")
        };
        channels.note(Level::Error, "dialplan-runaway", &mut text);
        self.finish(
            self.state
                .ending
                .unwrap_or(Ending::Hangup(Cause::NORMAL_TEMPORARY_FAILURE)),
        )
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
                    let deadline = app.deadline();
                    self.waiting = Some(app);
                    Progress::Waiting(deadline)
                }
                Some(ending) if app.lingers() => {
                    self.waiting = Some(app);
                    Progress::Lingering(ending)
                }
                Some(ending) => self.finish(ending),
            }),
            Next::End(ending) => self.end(ending, channels),
        }
    }

    /// Ends the call, by way of its `h` extension if there is one.
    fn end(&mut self, ending: Ending, channels: &mut dyn Channels) -> Option<Progress> {
        if let Some(ending) = self.state.ending {
            return Some(self.finish(ending));
        }
        if !self.state.enters(&self.plan, "h", channels.now()) {
            return Some(self.finish(ending));
        }
        self.state.ending = Some(ending);
        if self.state.cause == Cause::NONE {
            self.state.cause = ending.cause();
        }
        self.state.exten = "h".into();
        self.state.priority = 1;
        None
    }

    fn finish(&mut self, ending: Ending) -> Progress {
        self.ended = Some(ending);
        Progress::Ended(ending)
    }

    /// Where there is no instruction: `i`, the wait for `t`, or the end.
    fn fall_through(&mut self, channels: &mut dyn Channels) -> Next {
        let now = channels.now();
        let hangup = Ending::Hangup(self.state.cause);
        if self.state.ending.is_some() {
            return Next::End(hangup);
        }
        if !self.state.enters(&self.plan, &self.state.exten, now) {
            if !self.state.enters(&self.plan, "i", now) {
                return Next::End(hangup);
            }
            let mut step = self.step(channels);
            let invalid = step.state.exten.clone();
            step.set("INVALID_EXTEN", &invalid);
            return step.go("i,1");
        }
        if !self.plan.autofallthrough() {
            return Next::Wait(Box::new(Response {
                until: now + RESPONSE,
            }));
        }
        Next::End(match self.state.variables.value("DIALSTATUS") {
            Some("BUSY") => Ending::Busy,
            Some("CONGESTION" | "CHANUNAVAIL") => Ending::Congestion,
            _ => hangup,
        })
    }
}

/// Substitutes and runs one instruction.
fn execute(step: &mut Step<'_>, instruction: &Instruction) -> Next {
    let mut troubles = Vec::new();
    step.state.replay.rewind();
    let arguments = super::substitute::substitute(&instruction.arguments, step, &mut troubles);
    if let Some(wanted) = step.state.replay.take_wanted() {
        return find_out(step, wanted);
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
        Some(row) => app::run(step, row, &arguments),
        None => {
            let text = || {
                format!(
                    "{}: there is no application {}",
                    instruction.at, instruction.application
                )
            };
            step.warn("no-application", text);
            step.fail()
        }
    }
}

/// Asks what a function needs to know; then the instruction is read again.
fn find_out(step: &mut Step<'_>, wanted: Wanted) -> Next {
    let Wanted {
        inquiry,
        tell,
        arguments,
    } = wanted;
    step.ask(inquiry, move |step, reply| {
        let result = tell(step, &arguments, reply);
        step.state.replay.note(&result);
        Next::Repeat
    })
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
        let now = step.now();
        if now < self.until {
            return Next::Wait(self);
        }
        match step.state.enters(step.plan, "t", now) {
            true => step.go("t,1"),
            false => step.fail(),
        }
    }
}

#[cfg(test)]
mod tests;
