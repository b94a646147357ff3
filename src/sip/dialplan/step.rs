//! What an application is, and what it may touch.
//!
//! An application runs, and either is done or becomes an [`App`] that waits
//! for events. It never blocks and never sees the cursor.

use alloc::borrow::Cow;

use super::arguments::{rsplit_at_byte, split_at_byte, split_call, trimmed};
use super::cause::Cause;
use super::channel::{ChannelEvent, ChannelId, Channels};
use super::course::Exception;
use super::function::Read;
use super::inquiry::{Inquiry, Lookup, Reply, Ticket};
use super::plan::{Instruction, Place, Plan, Seek};
use super::position::Position;
use super::replay::Wanted;
use super::state::{Scope, State};
use super::substitute::{Names, leading_number, substitute};
use super::switch::{self, Found};
use super::variables::Full;
use crate::base::{Instant, Level};
use crate::wire::Status;

/// What a call hears of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The deadline it asked for has passed.
    Timer,
    /// An outbound channel reports.
    Channel(ChannelId, ChannelEvent),
    /// What an inquiry yields.
    Reply(Ticket, Reply),
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
    /// A [`Routine`](super::Routine) returned; its call goes on.
    Returned,
}

impl Ending {
    /// The final response for a caller who has not been answered.
    pub fn status(self) -> Status {
        match self {
            Ending::Busy => Status::BUSY_HERE,
            Ending::Congestion => Status::SERVICE_UNAVAILABLE,
            Ending::Hangup(cause) => cause.status().unwrap_or(Status::DECLINED),
            Ending::Returned => Status::DECLINED,
        }
    }

    /// Whether no cause tells the caller more than 603.
    pub fn has_no_status(self) -> bool {
        self.status() == Status::DECLINED
    }

    /// The cause for a caller who has been answered.
    pub fn cause(self) -> Cause {
        match self {
            Ending::Busy => Cause::USER_BUSY,
            Ending::Congestion => Cause::NORMAL_CIRCUIT_CONGESTION,
            Ending::Hangup(Cause::NONE) | Ending::Returned => Cause::NORMAL_CLEARING,
            Ending::Hangup(cause) => cause,
        }
    }
}

/// What follows an application's step.
pub(super) enum Next {
    /// The next priority, or wherever [`Step::go`] jumped.
    Continue,
    /// The same priority once more.
    Repeat,
    /// An event, to be handled by this.
    Wait(Box<dyn App>),
    /// The end of the call.
    End(Ending),
}

/// An application that waits.
pub(super) trait App: Send {
    /// When [`Event::Timer`] is wanted.
    fn deadline(&self) -> Option<Instant>;

    /// Whether the `h` extension may wait for it, while its caller is gone.
    fn lingers(&self) -> bool {
        false
    }

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
        }
    }

    /// Whether the call is over and only its `h` extension runs.
    pub(super) fn is_over(&self) -> bool {
        self.state.ending.is_some()
    }

    /// Whether the record of the call has ended, and nothing is said of it any more.
    pub(super) fn is_sealed(&self) -> bool {
        let account = self.state.account();
        self.is_over() && account.is_some_and(|account| account.ends_before_h)
    }

    /// `file:line` of the instruction at hand, or else its place in the plan.
    pub(super) fn here(&self) -> Box<str> {
        let position = &self.state.position;
        match self.state.instruction(self.plan, position, self.now()) {
            Some(instruction) => instruction.at.clone(),
            None => position.to_string().into(),
        }
    }

    /// What the plan has at a position. Switches are not asked.
    pub(super) fn find(&self, position: &Position, seek: Seek<'_>) -> Option<&Instruction> {
        self.state.find(self.plan, position, seek, self.now())
    }

    /// Tells the operator of something that will not work.
    pub(super) fn warn(&mut self, cause: &'static str, text: impl Fn() -> String) {
        self.channels.note(Level::Warn, cause, &mut || text());
    }

    /// Sets a variable of the caller's channel. A call whose variables have no
    /// room left ends.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        if self.state.variables.set(name, value) == Err(Full) {
            self.exhaust(name);
        }
    }

    #[cold]
    fn exhaust(&mut self, name: &str) {
        let here = self.here();
        self.warn("variables-full", || {
            format!("{here}: there is no room for the value of {name}")
        });
        self.state.course().exhausted = true;
    }

    /// `Set(name=value)`: a variable, or what a function lets be set. What
    /// must be waited for is returned.
    pub(super) fn assign(&mut self, name: &str, value: &str) -> Option<Inquiry> {
        match call_of(name) {
            Some(call) => self.assign_by_function(call, value),
            None => {
                self.set(name, value);
                None
            }
        }
    }

    fn assign_by_function(
        &mut self,
        (function, arguments): (&str, &str),
        value: &str,
    ) -> Option<Inquiry> {
        match self.plan.function(function).and_then(|row| row.write) {
            Some(write) => write(self, arguments, value),
            None => {
                let at = self.here();
                self.warn("no-function", || {
                    format!("{at}: Set: {function} is not a function that can be set")
                });
                None
            }
        }
    }

    /// [`Step::assign`] where nobody can wait: what takes time is begun.
    pub(super) fn assign_at_once(&mut self, name: &str, value: &str) {
        if let Some(inquiry) = self.assign(name, value) {
            self.channels.ask(inquiry);
        }
    }

    /// Starts ringing a requested channel. Where records are made, one begins:
    /// the first with its call, others now.
    pub(super) fn ring(&mut self, channel: ChannelId) {
        if let Some(account) = self.state.account_mut() {
            let first = !core::mem::replace(&mut account.rang, true);
            let start = match first {
                true => self.state.begun(),
                false => self.channels.now(),
            };
            if let Some(origin) = self.state.origin(start) {
                self.channels.account(channel, &origin);
            }
        }
        self.channels.call(channel);
    }

    /// The value of `${name}` for functions that are told a name, which may be
    /// that of a function.
    pub(super) fn value_of(&mut self, name: &str) -> String {
        if name.contains(['(', ':', '$']) {
            self.evaluate(&format!("${{{name}}}"))
        } else {
            self.scope().variable(name).unwrap_or_default().into_owned()
        }
    }

    /// Reads a text within the text at hand.
    pub(super) fn evaluate(&mut self, text: &str) -> String {
        if !self.state.replay.enter() {
            self.warn("dialplan-text", || {
                String::from("texts within texts have no end")
            });
            return String::new();
        }
        let mut troubles = Vec::new();
        let result = substitute(text, self, &mut troubles).into_owned();
        self.state.replay.leave();
        for trouble in troubles {
            self.warn("dialplan-text", || trouble.clone());
        }
        result
    }

    /// Asks something outside of the call and goes on with the reply.
    pub(super) fn ask(
        &mut self,
        inquiry: Inquiry,
        then: impl FnOnce(&mut Step<'_>, Reply) -> Next + Send + 'static,
    ) -> Next {
        match self.channels.ask(inquiry) {
            Some(ticket) => Next::Wait(Box::new(Asked {
                ticket,
                then: Box::new(then),
            })),
            None => then(self, Reply::Failed),
        }
    }

    /// Asks a switch, and goes on when its rows are known.
    pub(super) fn ask_switch(
        &mut self,
        lookup: Box<Lookup>,
        then: impl FnOnce(&mut Step<'_>) -> Next + Send + 'static,
    ) -> Next {
        self.ask(Inquiry::Extension(lookup.clone()), |step, reply| {
            let rows = match reply {
                Reply::Rows(rows) => rows,
                _ => {
                    let text = || format!("{} does not answer for {}", lookup.family, lookup.exten);
                    step.warn("switch", text);
                    Vec::new()
                }
            };
            let course = step.state.course();
            course.replies.add(lookup, rows);
            course.exhausted |= course.replies.is_full();
            then(step)
        })
    }

    /// Asks what a function needs to know; then its text is read again.
    pub(super) fn find_out(
        &mut self,
        wanted: Wanted,
        then: impl FnOnce(&mut Step<'_>) -> Next + Send + 'static,
    ) -> Next {
        let Wanted {
            inquiry,
            tell,
            arguments,
        } = wanted;
        self.ask(inquiry, move |step, reply| {
            let result = tell(step, &arguments, reply);
            step.note_result(&result);
            then(step)
        })
    }

    /// Whether the extension at hand has a priority. `Err`: what a switch must be
    /// asked first.
    pub(super) fn has_priority(&self, priority: u32) -> Result<bool, Box<Lookup>> {
        let position = &self.state.position;
        match self.plan.asks {
            true => self.has(position.exten(), priority),
            false => Ok(self.find(position, Seek::Priority(priority)).is_some()),
        }
    }

    /// Whether the context at hand has an extension with a priority.
    pub(super) fn has(&self, exten: &str, priority: u32) -> Result<bool, Box<Lookup>> {
        self.has_in(self.state.position.context(), exten, priority)
    }

    /// The same for another context.
    pub(super) fn has_in(
        &self,
        context: &str,
        exten: &str,
        priority: u32,
    ) -> Result<bool, Box<Lookup>> {
        let place = Place {
            context,
            exten,
            ..self.state.place(self.now())
        };
        if !self.plan.asks {
            return Ok(self.plan.find(place, Seek::Priority(priority)).is_some());
        }
        match switch::search(self.plan, &self.scope(), place, priority) {
            Found::Plan(_) | Found::Table(_) => Ok(true),
            Found::Nothing => Ok(false),
            Found::Ask(lookup) => Err(lookup),
        }
    }

    /// Goes on at the first of some special extensions that the context has,
    /// or at `e` for that reason. Without any of them the call ends, and so does
    /// a routine at once.
    pub(super) fn divert(&mut self, to: &'static [&'static str], reason: &'static str) -> Next {
        let frames = self.state.frames.as_ref();
        if frames.is_some_and(|frames| frames.routine) {
            return self.fail();
        }
        let special = || {
            for name in to {
                if self.has(name, 1)? {
                    return Ok(Some(*name));
                }
            }
            Ok(self.has("e", 1)?.then_some("e"))
        };
        match special() {
            Ok(None) => self.fail(),
            Ok(Some("e")) => self.raise(reason),
            Ok(Some(name)) => {
                if name == "i" {
                    let invalid = self.state.position.exten().clone();
                    self.set("INVALID_EXTEN", &invalid);
                }
                self.go(&[name, ",1"].concat())
            }
            Err(lookup) => self.ask_switch(lookup, move |step| step.divert(to, reason)),
        }
    }

    /// Goes on at `e`, where `EXCEPTION` tells why.
    pub(super) fn raise(&mut self, reason: &str) -> Next {
        let state = &mut *self.state;
        let exception = Exception {
            reason: reason.into(),
            position: state.position.clone(),
        };
        state.course().exception = Some(exception);
        self.go("e,1")
    }

    /// Remembers what a function of the instruction at hand has yielded.
    pub(super) fn note_result(&mut self, result: &str) {
        self.state.replay.note(result);
        if self.state.replay.is_full() {
            self.state.course().exhausted = true;
        }
    }

    /// Ends the call as an application that failed.
    pub(super) fn fail(&self) -> Next {
        Next::End(Ending::Hangup(self.state.cause))
    }

    /// `Goto([[context,]exten,]priority)`: a number, `+n`, `-n` or a label.
    pub(super) fn go(&mut self, location: &str) -> Next {
        let within = split_at_byte(location, b',').is_none();
        if within && let Some(priority) = self.priority(&self.state.position, trimmed(location)) {
            // Most jumps stay in their extension.
            self.state.position.priority = priority - 1;
            return self.leave_macros_behind();
        }
        match self.resolve(location) {
            Some(target) => self.go_to(target),
            None => self.fail(),
        }
    }

    /// Context, extension and priority of such a location. Without a priority
    /// there the operator is told, and there is none.
    pub(super) fn resolve(&mut self, location: &str) -> Option<Position> {
        let (place, priority) = rsplit_at_byte(location, b',').unwrap_or(("", location));
        let (context, exten) = rsplit_at_byte(place, b',').unwrap_or(("", place));
        let here = &self.state.position;
        let mut position = match (trimmed(context), trimmed(exten)) {
            ("", "") => here.clone(),
            ("", exten) => here.of(exten.into(), 0),
            (context, "") => Position::new(context.into(), here.exten().clone(), 0),
            (context, exten) => Position::new(context.into(), exten.into(), 0),
        };
        let Some(priority) = self.priority(&position, trimmed(priority)) else {
            let location: Box<str> = location.into();
            self.warn("goto", || {
                format!("Goto: '{location}' is neither a priority nor a label")
            });
            return None;
        };
        position.priority = priority;
        Some(position)
    }

    /// Goes on at a place that was resolved.
    pub(super) fn go_to(&mut self, target: Position) -> Next {
        self.state.position = target;
        // What continues goes on to the priority after this one.
        self.state.position.priority -= 1;
        self.leave_macros_behind()
    }

    fn priority(&self, of: &Position, text: &str) -> Option<u32> {
        let number: Option<i64> = text.parse().ok();
        let target = match number {
            Some(number) if text.starts_with(['+', '-']) => {
                i64::from(self.state.position.priority).checked_add(number)?
            }
            Some(number) => number,
            None => i64::from(self.find(of, Seek::Label(text))?.priority),
        };
        u32::try_from(target).ok().filter(|&priority| priority > 0)
    }
}

impl Scope<'_> {
    /// The value of `${name}` for those who ask once: a variable, or a function
    /// that is a mere view of the call.
    pub(super) fn value_at_once(&self, name: &str) -> String {
        let Some((function, arguments)) = call_of(name) else {
            return self.variable(name).unwrap_or_default().into_owned();
        };
        let read = self.plan.function(function).and_then(|row| row.read);
        let view = read.and_then(Read::view);
        view.map_or_else(String::new, |view| view(self, arguments))
    }
}

/// `NAME(arguments)` as its two halves; nothing for the name of a variable.
fn call_of(name: &str) -> Option<(&str, &str)> {
    split_at_byte(name, b'(')?;
    Some(split_call(name))
}

/// Whether a condition holds (`pbx_checkcondition`): not empty, and not a text
/// that begins with a number whose integer part is zero.
pub(super) fn holds(condition: &str) -> bool {
    match condition.as_bytes() {
        // What an expression mostly comes to.
        [] | [b'0'] => false,
        [b'1'] => true,
        _ => leading_number(condition) != Some(0),
    }
}

impl Names for Step<'_> {
    fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
        self.scope().variable(name)
    }

    /// A function that waits yields nothing yet, and so do those after it: the
    /// text is read again.
    fn function(&mut self, name: &str, arguments: &str) -> Option<String> {
        let read = self.plan.function(name)?.read?;
        if self.state.replay.waits() {
            return Some(String::new());
        }
        let result = match read {
            Read::Plain(read) => return Some(read(&self.scope(), arguments)),
            Read::Evaluating(read) => return Some(read(self, arguments)),
            Read::Changing(_) | Read::Asking(..) | Read::AtHand(..)
                if self.state.replay.repeats() =>
            {
                return self.state.replay.repeat();
            }
            Read::Changing(read) => read(self, arguments),
            Read::Asking(ask, tell) | Read::AtHand(_, ask, tell) => match ask(self, arguments) {
                Err(value) => value,
                Ok(inquiry) => {
                    let arguments = arguments.into();
                    self.state.replay.want(Wanted {
                        inquiry,
                        tell,
                        arguments,
                    });
                    return Some(String::new());
                }
            },
        };
        self.note_result(&result);
        Some(result)
    }
}

/// Waits for the reply to an inquiry.
struct Asked {
    ticket: Ticket,
    then: Then,
}

/// Goes on with a reply.
type Then = Box<dyn FnOnce(&mut Step<'_>, Reply) -> Next + Send>;

impl App for Asked {
    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn lingers(&self) -> bool {
        true
    }

    fn step(self: Box<Self>, step: &mut Step<'_>, event: Event) -> Next {
        match event {
            Event::Reply(ticket, reply) if ticket == self.ticket => (self.then)(step, reply),
            _ => Next::Wait(self),
        }
    }
}
