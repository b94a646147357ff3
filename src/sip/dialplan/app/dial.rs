//! `Dial(tech/resource[&…][,timeout[,options[,URL]]])`: rings all, bridges the
//! first that answers, and says in `DIALSTATUS` how it went.
//!
//! It knows channels by their events; what a channel is and how it fails is
//! its technology's matter.
//!
//! - `options`: the option letters
//! - `hunt`: one destination after the other
//! - `forward`: callees that want to be rung elsewhere
//! - `answered`: routines on the callee, the bridge, its end
//! - `tally`: what failures add up to

mod answered;
mod forward;
mod hunt;
mod options;
mod tally;

use alloc::borrow::Cow;

use smallvec::SmallVec;
use smol_str::SmolStr;

use super::super::arguments::{split, split_at_byte};
use super::super::cause::{Cause, Failure};
use super::super::channel::{ChannelEvent, ChannelId, Indication, Shown};
use super::super::cursor::Routine;
use super::super::function::group;
use super::super::party;
use super::super::step::{App, Event, Next, Step};
use crate::base::{Decimal, Instant};
use answered::Screen;
use hunt::Hunt;
use options::Options;
use tally::Tally;

pub(super) use options::doubts;

/// A channel that may still answer.
struct Line {
    channel: ChannelId,
    /// `SIP/200`.
    name: SmolStr,
    /// It has shown progress.
    heard: bool,
    /// Its answer is kept for later.
    held: bool,
}

enum Phase {
    /// Until somebody answers, everybody fails, or this.
    Ringing(Option<Instant>),
    /// One answered and is in a routine.
    Screened { line: Box<Line>, screen: Screen },
    /// One answered, at this time, and must end by that.
    Bridged {
        channel: ChannelId,
        answered: Instant,
        until: Option<Instant>,
    },
}

struct Dial {
    options: Options,
    lines: SmallVec<[Line; 1]>,
    tally: Tally,
    /// The caller has been shown ringing.
    rang: bool,
    started: Instant,
    phase: Phase,
    /// Destinations that rang and wanted to be rung elsewhere.
    past: Vec<SmolStr>,
    /// Only where variables ask for it.
    hunt: Option<Box<Hunt>>,
    /// What the callees' channels get beside, where there is any.
    gift: Option<Box<Gift>>,
}

/// What few calls give to the channels they make.
struct Gift {
    /// The fourth argument; perhaps empty.
    url: Box<str>,
    /// The group they are in, and its category (`OUTBOUND_GROUP`).
    group: Option<(SmolStr, SmolStr)>,
}

impl Gift {
    fn of(step: &mut Step<'_>, url: &str) -> Option<Box<Gift>> {
        let group = group::outbound(step);
        let wanted = group.is_some() || !url.is_empty();
        wanted.then(|| {
            let url = url.into();
            Box::new(Gift { url, group })
        })
    }
}

/// Runs `B` on the caller where it is given; then rings.
pub(super) fn run(step: &mut Step<'_>, arguments: &str) -> Next {
    if step.is_over() {
        return step.fail();
    }
    for name in [
        "DIALSTATUS",
        "DIALEDPEERNUMBER",
        "DIALEDPEERNAME",
        "ANSWEREDTIME",
        "DIALEDTIME",
    ] {
        step.state.variables.remove(name);
    }
    let parts = split(arguments, 4);
    let options = Options::parse(parts.get(2).map_or("", |part| part.as_ref()));
    if let Some(location) = options.argument('B') {
        let entry = super::gosub::gosub(step, &location);
        return enter(step, entry, arguments.into());
    }
    begin(step, &parts, options)
}

/// Goes on with what the caller's way into its routine has come to. A routine
/// that cannot be entered is passed over.
fn enter(step: &mut Step<'_>, entry: Next, arguments: Box<str>) -> Next {
    let after = Box::new(AfterCaller { arguments });
    match entry {
        Next::Wait(entry) => Next::Wait(Box::new(Entering { entry, after })),
        Next::Continue => {
            step.called_by(after);
            Next::Continue
        }
        Next::Repeat | Next::End(_) => after.step(step, Event::Timer),
    }
}

/// A switch is asked for the caller's routine.
struct Entering {
    entry: Box<dyn App>,
    after: Box<AfterCaller>,
}

impl App for Entering {
    fn deadline(&self) -> Option<Instant> {
        self.entry.deadline()
    }

    fn step(self: Box<Self>, step: &mut Step<'_>, event: Event) -> Next {
        let entry = self.entry.step(step, event);
        enter(step, entry, self.after.arguments)
    }
}

/// The caller is back from its routine (`B`).
struct AfterCaller {
    arguments: Box<str>,
}

impl App for AfterCaller {
    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn step(self: Box<Self>, step: &mut Step<'_>, _: Event) -> Next {
        if step.is_over() {
            return step.fail();
        }
        let parts = split(&self.arguments, 4);
        let options = Options::parse(parts.get(2).map_or("", |part| part.as_ref()));
        begin(step, &parts, options)
    }
}

/// Requests every channel, then calls them.
fn begin(step: &mut Step<'_>, parts: &[Cow<'_, str>], options: Options) -> Next {
    let argument = |at: usize| parts.get(at).map_or("", |part| part.as_ref());
    let Some(destinations) = destinations(argument(0)) else {
        super::complain(step, "Dial", "the destination is not technology/resource");
        step.set("DIALSTATUS", "INVALIDARGS");
        return step.fail();
    };
    let timeout = argument(1).trim();
    // What follows the number does not count, as for `atoi`; fractions do.
    let end = timeout.find(|character: char| !matches!(character, '0'..='9' | '.' | '+' | '-'));
    let timeout_length = super::seconds(timeout.get(..end.unwrap_or(timeout.len())).unwrap_or(""));
    if timeout_length.is_none() && !timeout.is_empty() {
        super::complain(
            step,
            "Dial",
            "the timeout is not a number above 0; there is none",
        );
    }
    let started = step.now();
    if options.has('C') {
        super::cdr::reset(step, "");
    }
    let mut dial = Dial {
        hunt: Hunt::wanted(step, timeout_length),
        options,
        lines: SmallVec::new(),
        tally: Tally::default(),
        rang: false,
        started,
        phase: Phase::Ringing(timeout_length.map(|length| started + length)),
        past: Vec::new(),
        gift: Gift::of(step, argument(3).trim()),
    };
    let destinations = destinations.into_iter();
    match dial.hunt.as_mut().filter(|hunt| hunt.serial) {
        Some(hunt) => {
            hunt.ahead = destinations
                .map(|destination| destination.name.into())
                .collect();
            return dial.try_next(step);
        }
        None => destinations.for_each(|destination| dial.request(step, destination)),
    }
    if dial.lines.is_empty() {
        return dial.give_up(step, None);
    }
    dial.ring(step);
    Next::Wait(Box::new(dial))
}

/// One `tech/resource`.
#[derive(Clone, Copy)]
struct Destination<'a> {
    name: &'a str,
    tech: &'a str,
    resource: &'a str,
}

/// `tech/resource&…`; nothing if any has no resource.
fn destinations(text: &str) -> Option<SmallVec<[Destination<'_>; 1]>> {
    let mut destinations = SmallVec::new();
    let mut rest = text;
    while let Some((part, after)) = split_at_byte(rest, b'&') {
        destinations.push(Destination::parse(part)?);
        rest = after;
    }
    destinations.push(Destination::parse(rest)?);
    Some(destinations)
}

impl Destination<'_> {
    fn parse(part: &str) -> Option<Destination<'_>> {
        let name = part.trim();
        let (tech, resource) = split_at_byte(name, b'/')?;
        (!resource.is_empty()).then_some(Destination {
            name,
            tech,
            resource,
        })
    }
}

/// Whole seconds, as `DIALEDTIME` and `ANSWEREDTIME` tell them.
fn seconds_since(now: Instant, start: Instant) -> Decimal {
    Decimal::new(now.since(start).as_secs())
}

impl Dial {
    /// Requests a channel to one more destination.
    fn request(&mut self, step: &mut Step<'_>, destination: Destination<'_>) {
        self.tally.lines += 1;
        if self.was_dialled(step, destination) {
            self.skip(step, destination);
            return;
        }
        if let Err(cause) = self.add_line(step, destination) {
            self.tally.count(Failure::Hangup(cause));
            step.state.cause = cause;
        }
    }

    /// Makes a channel to a destination and tells it all it is to know.
    fn add_line(
        &mut self,
        step: &mut Step<'_>,
        destination: Destination<'_>,
    ) -> Result<ChannelId, Cause> {
        if self.lines.len() >= usize::from(step.legs_per_call) {
            return Err(Cause::NORMAL_CIRCUIT_CONGESTION);
        }
        let channel = step
            .channels
            .request(destination.tech, destination.resource)?;
        for (name, value) in step.state.variables.inherited() {
            step.channels.inherit(channel, &name, value);
        }
        if let Some(gift) = &self.gift {
            if !gift.url.is_empty() {
                step.channels.inherit(channel, "VXML_URL", &gift.url);
            }
            if let Some((group, category)) = gift.group.clone() {
                step.channels.enlist(channel, group, category);
            }
        }
        if destination.is_local() {
            let dialled = self.dialled(step);
            step.channels.tell_dialled(channel, &dialled);
        }
        if let Some(redirecting) = step.state.redirecting() {
            step.channels.tell_redirecting(channel, &redirecting);
        }
        self.show(step, channel);
        self.lines.push(Line {
            channel,
            name: SmolStr::new(destination.name),
            heard: false,
            held: false,
        });
        Ok(channel)
    }

    /// Changes whom a callee is told the call is from (`f(x)`, `o(x)`, `u(x)`).
    fn show(&self, step: &mut Step<'_>, channel: ChannelId) {
        let identity = self.options.argument('f');
        let identity = identity.or_else(|| self.options.argument('o'));
        let presentation = self.options.argument('u');
        let presentation = presentation.and_then(|name| party::presentation(name.trim()));
        if identity.is_some() || presentation.is_some() {
            let identity = identity.as_deref().map(caller_id);
            let shown = Shown {
                identity,
                presentation,
            };
            step.channels.show(channel, shown);
        }
    }

    /// Rings the channels requested.
    fn ring(&mut self, step: &mut Step<'_>) {
        if (self.options.has('r') || self.options.has('R')) && !self.rang {
            step.channels.indicate(Indication::Ringing);
            self.rang = true;
        }
        let routine = self.options.argument('b');
        let routine = routine.map(|location| located(step, &location));
        for line in &self.lines {
            let sent = routine.as_deref().is_some_and(|location| {
                let routine = Routine::Gosub(location);
                step.channels.routine(line.channel, routine)
            });
            if !sent {
                step.ring(line.channel);
            }
        }
        let now = step.now();
        if let Some(hunt) = &mut self.hunt {
            hunt.begin(now);
        }
    }

    /// Rings the next destination that can be requested.
    fn try_next(mut self, step: &mut Step<'_>) -> Next {
        while let Some(name) = self.hunt.as_mut().and_then(|hunt| hunt.ahead.pop_front()) {
            if let Some(destination) = Destination::parse(&name) {
                self.request(step, destination);
            }
            if !self.lines.is_empty() {
                let length = self.hunt.as_ref().and_then(|hunt| hunt.timeout);
                self.phase = Phase::Ringing(length.map(|length| step.now() + length));
                self.ring(step);
                return Next::Wait(Box::new(self));
            }
        }
        self.give_up(step, None)
    }

    /// An event of one channel.
    fn hear(
        mut self: Box<Self>,
        step: &mut Step<'_>,
        channel: ChannelId,
        event: ChannelEvent,
    ) -> Next {
        match self.phase {
            Phase::Bridged {
                channel: bridged,
                answered,
                ..
            } => {
                return match event {
                    ChannelEvent::Hangup(cause) if channel == bridged => {
                        self.part(step, Some(answered), cause)
                    }
                    ChannelEvent::Failed(failure) if channel == bridged => {
                        self.part(step, Some(answered), failure.cause())
                    }
                    _ => Next::Wait(self),
                };
            }
            Phase::Screened { .. } => return self.hear_screened(step, channel, event),
            Phase::Ringing(_) => {}
        }
        let Some(at) = self.lines.iter().position(|line| line.channel == channel) else {
            return Next::Wait(self);
        };
        match event {
            ChannelEvent::Ringing | ChannelEvent::Progress | ChannelEvent::Proceeding => {
                self.show_progress(step, at, event);
            }
            ChannelEvent::Returned => step.ring(channel),
            ChannelEvent::Answered => return self.answer(step, at),
            ChannelEvent::Failed(failure) => return self.lose(step, at, failure),
            ChannelEvent::Hangup(cause) => return self.lose(step, at, Failure::Hangup(cause)),
        }
        Next::Wait(self)
    }

    /// Shows the caller what a callee shows.
    fn show_progress(&mut self, step: &mut Step<'_>, at: usize, event: ChannelEvent) {
        let ring_only = self.options.has('r');
        if let Some(line) = self.lines.get_mut(at)
            && event != ChannelEvent::Proceeding
        {
            line.heard = true;
        }
        match event {
            ChannelEvent::Proceeding if !ring_only => {
                step.channels.indicate(Indication::Proceeding)
            }
            // A callee alone may ring again with an early session, which the
            // channel knows.
            ChannelEvent::Ringing if !self.rang || (self.tally.lines == 1 && !ring_only) => {
                self.rang = true;
                step.channels.indicate(Indication::Ringing);
            }
            // Of several callees none may speak over the ringing of another.
            ChannelEvent::Progress if !ring_only && (self.tally.lines == 1 || !self.rang) => {
                step.channels.indicate(Indication::Progress);
            }
            _ => {}
        }
    }

    /// One channel is gone.
    fn lose(mut self: Box<Self>, step: &mut Step<'_>, at: usize, failure: Failure) -> Next {
        let line = self.lines.remove(at);
        if !self.forward(step, &line, failure) {
            self.tally.count(failure);
            step.state.cause = failure.cause();
        }
        if !self.lines.is_empty() {
            return Next::Wait(self);
        }
        let response = step.channels.refusal(line.channel);
        match &self.hunt {
            Some(hunt) if hunt.goes_on(response, failure) => self.try_next(step),
            _ => self.give_up(step, None),
        }
    }

    /// Nobody answered: hangs up who still rings and goes on.
    fn give_up(&self, step: &mut Step<'_>, status: Option<&str>) -> Next {
        let elsewhere = self.options.has('c');
        self.hang_up(step, elsewhere);
        let now = step.now();
        step.set("DIALSTATUS", status.unwrap_or(self.tally.status()));
        step.set("DIALEDTIME", seconds_since(now, self.started).as_str());
        let skipped = self.tally.skipped == self.tally.lines;
        if skipped && status.is_none() && !self.options.has('g') {
            return step.fail();
        }
        Next::Continue
    }

    fn hang_up(&self, step: &mut Step<'_>, elsewhere: bool) {
        for line in &self.lines {
            step.channels
                .hangup(line.channel, Cause::NORMAL_CLEARING, elsewhere);
        }
    }

    /// Nobody answered in time.
    fn time_out(mut self, step: &mut Step<'_>) -> Next {
        let may =
            |hunt: &Hunt| !hunt.ahead.is_empty() && hunt.goes_on(Some(408), Failure::NO_RESPONSE);
        if self.hunt.as_deref().is_some_and(may) {
            self.hang_up(step, self.options.has('c'));
            self.lines.clear();
            return self.try_next(step);
        }
        self.give_up(step, Some("NOANSWER"))
    }

    /// Gives up the destinations nothing has been heard of.
    fn drop_silent(mut self: Box<Self>, step: &mut Step<'_>) -> Next {
        if let Some(hunt) = &mut self.hunt {
            hunt.heard_by = None;
        }
        let failure = Failure::Hangup(Cause::NO_USER_RESPONSE);
        while let Some(at) = self.lines.iter().position(|line| !line.heard) {
            let line = self.lines.remove(at);
            step.channels
                .hangup(line.channel, Cause::NORMAL_CLEARING, false);
            self.tally.count(failure);
            step.state.cause = failure.cause();
        }
        if !self.lines.is_empty() {
            return Next::Wait(self);
        }
        match &self.hunt {
            Some(hunt) if hunt.goes_on(Some(408), failure) => self.try_next(step),
            _ => self.give_up(step, None),
        }
    }

    fn silent_until(&self) -> Option<Instant> {
        let heard_by = self.hunt.as_ref()?.heard_by?;
        let silent = self.lines.iter().any(|line| !line.heard);
        silent.then_some(heard_by)
    }
}

/// A location of `b`, with the caller's context and extension where it has none
/// of its own (`ast_app_expand_sub_args`).
fn located(step: &Step<'_>, location: &str) -> String {
    let (context, exten) = (step.state.position.context(), step.state.position.exten());
    let place = location.split('(').next().unwrap_or(location);
    match place.matches(',').count() {
        0 => format!("{context},{exten},{location}"),
        1 => format!("{context},{location}"),
        _ => location.into(),
    }
}

/// `"name" <number>`, `name <number>` or a number, as number and name.
fn caller_id(text: &str) -> (&str, &str) {
    let text = text.trim();
    match text.split_once('<') {
        Some((name, number)) => {
            let number = number.split('>').next().unwrap_or(number);
            (number.trim(), name.trim().trim_matches('"'))
        }
        None => (text.trim_matches('"'), ""),
    }
}

impl App for Dial {
    fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Ringing(until) => match self.silent_until() {
                None => until,
                Some(at) => Some(until.map_or(at, |until| until.min(at))),
            },
            Phase::Screened { .. } => None,
            Phase::Bridged { until, .. } => until,
        }
    }

    fn step(self: Box<Self>, step: &mut Step<'_>, event: Event) -> Next {
        let now = step.now();
        let due = |until: Option<Instant>| until.is_some_and(|until| now >= until);
        match (event, &self.phase) {
            (Event::Channel(channel, event), _) => self.hear(step, channel, event),
            (Event::CallerHangup, Phase::Ringing(_)) => self.give_up(step, Some("CANCEL")),
            (Event::CallerHangup, Phase::Screened { line, .. }) => {
                let channel = line.channel;
                self.separate(step, channel, None)
            }
            (
                Event::CallerHangup,
                &Phase::Bridged {
                    channel, answered, ..
                },
            ) => self.separate(step, channel, Some(answered)),
            (Event::Timer, &Phase::Ringing(until)) if due(until) => self.time_out(step),
            (Event::Timer, Phase::Ringing(_)) if due(self.silent_until()) => self.drop_silent(step),
            (
                Event::Timer,
                &Phase::Bridged {
                    channel,
                    answered,
                    until,
                },
            ) if due(until) => self.separate(step, channel, Some(answered)),
            (Event::Timer | Event::Reply(..), _) => Next::Wait(self),
        }
    }
}

#[cfg(test)]
mod tests;
