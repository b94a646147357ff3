//! `Dial(tech/resource[&…][,timeout[,options]])`: rings all, bridges the first
//! that answers, and says in `DIALSTATUS` how it went.
//!
//! It knows channels by their events; what a channel is and how it fails is
//! its technology's matter.

use core::time::Duration;

use smallvec::SmallVec;
use smol_str::SmolStr;

use super::super::arguments::{options, split};
use super::super::cause::{Cause, Failure};
use super::super::channel::{ChannelEvent, ChannelId, Indication};
use super::super::step::{App, Ending, Event, Next, Step};
use crate::base::{Decimal, Instant};

/// Letters that mean something to Asterisk and nothing without media,
/// transfers or subroutines.
const WITHOUT_EFFECT: &str = "AabBCdDeEfFGhHIkKmMnNoOpPstTuUwWxXz";

/// What the options ask for.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    /// `r`: ring at once, and never show progress.
    ring: bool,
    /// `R`: ring at once.
    ring_until_progress: bool,
    /// `g`: go on when the callee hangs up.
    go_on: bool,
    /// `c`: a cancelled channel is told that another answered.
    elsewhere: bool,
    /// `S(seconds)`, `L(milliseconds)`: the shorter limit after the answer.
    limit: Option<Duration>,
}

impl Options {
    /// Forwards are never followed, so `i` holds anyway.
    fn parse(text: &str) -> Options {
        let mut parsed = Options::default();
        for (letter, argument) in options(text) {
            match letter {
                'r' => parsed.ring = true,
                'R' => parsed.ring_until_progress = true,
                'g' => parsed.go_on = true,
                'c' => parsed.elsewhere = true,
                'S' => parsed.limit(super::seconds(argument)),
                'L' => parsed.limit(milliseconds(argument)),
                _ => {}
            }
        }
        parsed
    }

    fn limit(&mut self, limit: Option<Duration>) {
        self.limit = [self.limit, limit].into_iter().flatten().min();
    }
}

/// `x[:y[:z]]`; the warnings y and z announce need media.
fn milliseconds(text: &str) -> Option<Duration> {
    let milliseconds = text.split(':').next()?.trim().parse().ok()?;
    (milliseconds > 0).then(|| Duration::from_millis(milliseconds))
}

/// Options that do nothing here, told when the plan is loaded.
pub(super) fn doubts(arguments: &str) -> Vec<String> {
    let arguments = split(arguments, 4);
    let text = arguments.get(2).filter(|text| !text.contains('$'));
    let doubt = |(letter, _): (char, &str)| match letter {
        'r' | 'R' | 'g' | 'c' | 'S' | 'L' | 'i' => None,
        letter if WITHOUT_EFFECT.contains(letter) => {
            Some(format!("Dial's option '{letter}' does nothing here"))
        }
        letter => Some(format!("Dial has no option '{letter}'")),
    };
    text.into_iter()
        .flat_map(|text| options(text))
        .filter_map(doubt)
        .collect()
}

/// How the channels failed (`handle_cause`).
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    lines: u32,
    busy: u32,
    congestion: u32,
    unavailable: u32,
}

impl Tally {
    fn count(&mut self, failure: Failure) {
        match failure {
            Failure::Busy(_) | Failure::Forwarded(_) => self.busy += 1,
            Failure::Congestion(_) => self.congestion += 1,
            Failure::Unavailable(_) => self.unavailable += 1,
            Failure::Hangup(Cause::USER_BUSY) => self.busy += 1,
            Failure::Hangup(Cause::NORMAL_CIRCUIT_CONGESTION) => self.congestion += 1,
            Failure::Hangup(Cause::NORMAL_CLEARING | Cause::NO_ANSWER) => {}
            Failure::Hangup(_) => self.unavailable += 1,
        }
    }

    /// `DIALSTATUS` when every channel has failed.
    fn status(&self) -> &'static str {
        if self.busy + self.congestion + self.unavailable < self.lines {
            "NOANSWER"
        } else if self.busy > 0 {
            "BUSY"
        } else if self.congestion > 0 {
            "CONGESTION"
        } else {
            "CHANUNAVAIL"
        }
    }
}

/// A channel that may still answer.
struct Line {
    channel: ChannelId,
    /// `SIP/200`.
    name: SmolStr,
}

enum Phase {
    /// Until somebody answers, everybody fails, or this.
    Ringing(Option<Instant>),
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
}

/// Parses, requests every channel, then calls them.
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
    let arguments = split(arguments, 4);
    let argument = |at: usize| arguments.get(at).map_or("", |part| part.as_ref());
    let destinations = match destinations(argument(0)) {
        Some(destinations) => destinations,
        None => {
            super::complain(step, "Dial", "the destination is not technology/resource");
            step.set("DIALSTATUS", "INVALIDARGS");
            return step.fail();
        }
    };
    let timeout = argument(1).trim();
    let timeout_length = super::seconds(timeout);
    if timeout_length.is_none() && !timeout.is_empty() {
        super::complain(
            step,
            "Dial",
            "the timeout is not a number above 0; there is none",
        );
    }
    let started = step.now();
    let mut dial = Dial {
        options: Options::parse(argument(2)),
        lines: SmallVec::new(),
        tally: Tally::default(),
        rang: false,
        started,
        phase: Phase::Ringing(timeout_length.map(|length| started + length)),
    };
    dial.request(step, &destinations);
    if dial.lines.is_empty() {
        return dial.give_up(step, None);
    }
    if dial.options.ring || dial.options.ring_until_progress {
        step.channels.indicate(Indication::Ringing);
        dial.rang = true;
    }
    for line in &dial.lines {
        step.channels.call(line.channel);
    }
    Next::Wait(Box::new(dial))
}

/// One `tech/resource`.
struct Destination<'a> {
    name: &'a str,
    tech: &'a str,
    resource: &'a str,
}

/// `tech/resource&…`; nothing if any has no resource.
fn destinations(text: &str) -> Option<SmallVec<[Destination<'_>; 1]>> {
    let mut destinations = SmallVec::new();
    for part in text.split('&') {
        destinations.push(Destination::parse(part)?);
    }
    Some(destinations)
}

impl Destination<'_> {
    fn parse(part: &str) -> Option<Destination<'_>> {
        let name = part.trim();
        let (tech, resource) = name.split_once('/')?;
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
    fn request(&mut self, step: &mut Step<'_>, destinations: &[Destination<'_>]) {
        for (number, destination) in destinations.iter().enumerate() {
            self.tally.lines += 1;
            let requested = match number < usize::from(step.legs_per_call) {
                true => step
                    .channels
                    .request(destination.tech, destination.resource),
                false => Err(Cause::NORMAL_CIRCUIT_CONGESTION),
            };
            match requested {
                Ok(channel) => {
                    for (name, value) in step.state.variables.inherited() {
                        step.channels.inherit(channel, &name, value);
                    }
                    let name = SmolStr::new(destination.name);
                    self.lines.push(Line { channel, name });
                }
                Err(cause) => {
                    self.tally.count(Failure::Hangup(cause));
                    step.state.cause = cause;
                }
            }
        }
    }

    /// An event of one channel.
    fn hear(
        mut self: Box<Self>,
        step: &mut Step<'_>,
        channel: ChannelId,
        event: ChannelEvent,
    ) -> Next {
        if let Phase::Bridged {
            channel: bridged, ..
        } = self.phase
        {
            return match event {
                ChannelEvent::Hangup(cause) if channel == bridged => self.part(step, cause),
                ChannelEvent::Failed(failure) if channel == bridged => {
                    self.part(step, failure.cause())
                }
                _ => Next::Wait(self),
            };
        }
        let Some(at) = self.lines.iter().position(|line| line.channel == channel) else {
            return Next::Wait(self);
        };
        match event {
            ChannelEvent::Proceeding if !self.options.ring => {
                step.channels.indicate(Indication::Proceeding)
            }
            ChannelEvent::Ringing if !self.rang => {
                self.rang = true;
                step.channels.indicate(Indication::Ringing);
            }
            // Of several callees none may speak over the ringing of another.
            ChannelEvent::Progress
                if !self.options.ring && (self.tally.lines == 1 || !self.rang) =>
            {
                step.channels.indicate(Indication::Progress);
            }
            ChannelEvent::Proceeding | ChannelEvent::Ringing | ChannelEvent::Progress => {}
            ChannelEvent::Answered => self.bridge(step, at),
            ChannelEvent::Failed(failure) => return self.lose(step, at, failure),
            ChannelEvent::Hangup(cause) => return self.lose(step, at, Failure::Hangup(cause)),
        }
        Next::Wait(self)
    }

    /// One channel is gone.
    fn lose(mut self: Box<Self>, step: &mut Step<'_>, at: usize, failure: Failure) -> Next {
        self.lines.remove(at);
        self.tally.count(failure);
        step.state.cause = failure.cause();
        if self.lines.is_empty() {
            self.give_up(step, None)
        } else {
            Next::Wait(self)
        }
    }

    /// The first answer wins; the others hear of it.
    fn bridge(&mut self, step: &mut Step<'_>, at: usize) {
        let winner = self.lines.remove(at);
        step.channels.bridge(winner.channel);
        for line in core::mem::take(&mut self.lines) {
            step.channels
                .hangup(line.channel, Cause::ANSWERED_ELSEWHERE, true);
        }
        let answered = step.now();
        let until = self.options.limit.map(|limit| answered + limit);
        self.phase = Phase::Bridged {
            channel: winner.channel,
            answered,
            until,
        };
        step.set("DIALSTATUS", "ANSWER");
        step.set("DIALEDPEERNAME", &winner.name);
        step.set(
            "DIALEDPEERNUMBER",
            winner
                .name
                .split_once('/')
                .map_or("", |(_, resource)| resource),
        );
    }

    /// Nobody answered: hangs up who still rings and goes on.
    fn give_up(&self, step: &mut Step<'_>, status: Option<&str>) -> Next {
        for line in &self.lines {
            step.channels
                .hangup(line.channel, Cause::NORMAL_CLEARING, self.options.elsewhere);
        }
        let now = step.now();
        step.set("DIALSTATUS", status.unwrap_or(self.tally.status()));
        step.set("DIALEDTIME", seconds_since(now, self.started).as_str());
        Next::Continue
    }

    /// The bridge is over.
    fn part(&self, step: &mut Step<'_>, cause: Cause) -> Next {
        let now = step.now();
        step.state.cause = cause;
        step.set("DIALEDTIME", seconds_since(now, self.started).as_str());
        if let Phase::Bridged { answered, .. } = self.phase {
            step.set("ANSWEREDTIME", seconds_since(now, answered).as_str());
        }
        if self.options.go_on {
            Next::Continue
        } else {
            Next::End(Ending::Hangup(cause))
        }
    }

    /// Hangs up the callee, whoever wanted it.
    fn separate(&self, step: &mut Step<'_>, channel: ChannelId) -> Next {
        step.channels.hangup(channel, Cause::NORMAL_CLEARING, false);
        self.part(step, Cause::NORMAL_CLEARING)
    }
}

impl App for Dial {
    fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Ringing(until) => until,
            Phase::Bridged { until, .. } => until,
        }
    }

    fn step(self: Box<Self>, step: &mut Step<'_>, event: Event) -> Next {
        let due = self
            .deadline()
            .is_some_and(|deadline| step.now() >= deadline);
        match (event, &self.phase) {
            (Event::Channel(channel, event), _) => self.hear(step, channel, event),
            (Event::CallerHangup, Phase::Ringing(_)) => self.give_up(step, Some("CANCEL")),
            (Event::Timer, Phase::Ringing(_)) if due => self.give_up(step, Some("NOANSWER")),
            (Event::CallerHangup, &Phase::Bridged { channel, .. }) => self.separate(step, channel),
            (Event::Timer, &Phase::Bridged { channel, .. }) if due => self.separate(step, channel),
            (Event::Timer | Event::Reply(..), _) => Next::Wait(self),
        }
    }
}

#[cfg(test)]
mod tests;
