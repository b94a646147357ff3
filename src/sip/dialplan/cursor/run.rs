//! One call's way through the dialplan: find, substitute, execute, go on.
//!
//! It owns the order of things and the special extensions; what an
//! application does is the application's matter.

use core::time::Duration;

use super::super::app;
use super::super::cause::Cause;
use super::super::channel::Channels;
use super::super::frames::Frames;
use super::super::plan::{Instruction, Place};
use super::super::state::Scope;
use super::super::step::{App, Ending, Event, Next, Step};
use super::super::switch::{self, Found};
use super::{Cursor, Fell, Progress, Routine, Way};
use crate::base::{Instant, Level};

/// How often a call may run `Limits::dialplan_steps` instructions.
const REFILL: Duration = Duration::from_secs(1);

impl Cursor {
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
        let now = channels.now();
        let place = Place {
            context: target.context(),
            exten: target.exten(),
            ..self.state.place(now)
        };
        let found = self.state.instruction(&self.plan, &target, now);
        if found.is_none() && !self.plan.may_ask(place) {
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
        let mut room = String::new();
        while self.spent < self.bounds.steps {
            let course = self.state.course.as_ref();
            if course.is_some_and(|course| course.exhausted) {
                return self.cut("holds more than a call may", channels);
            }
            self.spent += 1;
            let next = self.advance(channels, &mut room);
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

    /// Runs the instruction at hand; `room` is for its arguments.
    fn advance(&mut self, channels: &mut dyn Channels, room: &mut String) -> Next {
        let now = channels.now();
        let position = &self.state.position;
        let found = match self.plan.asks {
            false => {
                let found = self.state.instruction(&self.plan, position, now);
                found.map_or(Found::Nothing, Found::Plan)
            }
            true => {
                let scope = Scope {
                    plan: &self.plan,
                    state: &self.state,
                    channels,
                };
                let place = self.state.place(now);
                switch::search(&self.plan, &scope, place, position.priority)
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
                execute(&mut step, instruction, room)
            }
            Found::Table(instruction) => {
                self.way = Way::Entered;
                step.state.course().replies.tidy();
                execute(&mut step, &instruction, room)
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
        let (state, position) = (&self.state, &self.state.position);
        let found = state.instruction(&self.plan, position, channels.now());
        let at = found.map_or("", |instruction| &instruction.at);
        let mut text = || format!("{at}: {position} {what}; the call is ended");
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

    /// Takes what an instruction returned; nothing if the run goes on, as it does
    /// after most.
    fn follow(&mut self, next: Next, channels: &mut dyn Channels) -> Option<Progress> {
        match next {
            Next::Continue => {
                let priority = &mut self.state.position.priority;
                *priority = priority.saturating_add(1);
                None
            }
            Next::Repeat => None,
            Next::Wait(app) => self.wait(app, channels),
            Next::End(ending) => self.end(ending, channels),
        }
    }

    /// Waits for events; after the end, only for what lingers. Apart from the way
    /// that most steps take, as [`Cursor::end`] is.
    #[cold]
    fn wait(&mut self, app: Box<dyn App>, channels: &mut dyn Channels) -> Option<Progress> {
        match self.state.ending {
            None => {
                let absolute = self.state.absolute();
                let deadline = app.deadline().into_iter().chain(absolute).min();
                self.waiting = Some(app);
                Some(Progress::Waiting(deadline))
            }
            Some(ending) if app.lingers() => {
                self.waiting = Some(app);
                Some(Progress::Lingering(ending))
            }
            Some(ending) => self.wind_up(ending, channels),
        }
    }

    /// Ends the call, by way of its `h` extension if there is one.
    #[cold]
    fn end(&mut self, ending: Ending, channels: &mut dyn Channels) -> Option<Progress> {
        if let Some(ending) = self.state.ending {
            return self.wind_up(ending, channels);
        }
        if self.is_routine() {
            // One that is nowhere costs its channel nothing.
            let nowhere = self.way != Way::Entered;
            return Some(self.finish(if nowhere { Ending::Returned } else { ending }));
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
        self.state.position = self.state.position.of("h".into(), 1);
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
        if step.is_over() {
            return Next::End(hangup);
        }
        if routine {
            return step.fall_out_of_routine();
        }
        let wait = step.state.response();
        match step.has_priority(1) {
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

/// Substitutes and runs one instruction; `room` is for its arguments.
fn execute(step: &mut Step<'_>, instruction: &Instruction, room: &mut String) -> Next {
    let mut troubles = Vec::new();
    step.state.replay.rewind();
    let arguments = instruction.arguments.fill(step, &mut troubles, room);
    if let Some(wanted) = step.state.replay.take_wanted() {
        // Then the instruction is read again.
        return step.find_out(wanted, |_| Next::Repeat);
    }
    step.state.replay.clear();
    if !troubles.is_empty() {
        warn_of_text(step, &instruction.at, &troubles);
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
            app::run(step, row, arguments)
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
            match step.state.position.exten() == "e" {
                true => step.fail(),
                false => step.divert(&[], "ERROR"),
            }
        }
    }
}

#[cold]
fn warn_of_text(step: &mut Step<'_>, at: &str, troubles: &[String]) {
    for trouble in troubles {
        step.warn("dialplan-text", || format!("{at}: {trouble}"));
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
