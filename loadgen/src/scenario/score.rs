//! What the calls of one thread came to.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

use pinion_sip::base::Instant;

use super::step::{Loudness, Scenario, Stop};
use crate::tally::{self, Again, Stage, Tally};

/// Lines kept for the operator between two readings.
const MAX_LINES: usize = 1024;

/// Why a call failed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Cause {
    /// A message the scenario does not expect.
    Unexpected,
    /// A message did not come in time.
    RecvTimeout,
    /// A message was sent as often as allowed, and nothing came.
    Unanswered,
    /// A regular expression or a comparison did not hold.
    Check,
    /// The header field or body to look at was not there.
    Missing,
    /// `stop_call`.
    Stopped,
    /// Thousands of steps without waiting for anything.
    Endless,
    /// `[authentication]` had no challenge it could answer.
    Challenge,
    /// `setdest` named no address.
    Destination,
    /// The run ended first.
    Cut,
}

/// Why and where a call failed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Failure {
    /// Why.
    pub cause: Cause,
    /// The line of the step.
    pub line: u32,
}

impl Cause {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Cause::Unexpected => "unexpected message",
            Cause::RecvTimeout => "nothing received in time",
            Cause::Unanswered => "no answer to any copy",
            Cause::Check => "check failed",
            Cause::Missing => "nothing to check",
            Cause::Stopped => "stop_call",
            Cause::Endless => "endless loop",
            Cause::Challenge => "no challenge to answer",
            Cause::Destination => "no destination",
            Cause::Cut => "cut short",
        }
    }
}

/// How a call ended.
pub type Verdict = Result<(), Failure>;

/// Counts and times.
#[derive(Clone, Debug)]
pub struct Score {
    /// What every kind of load counts; a call of the scenario is a unit.
    pub tally: Tally,
    /// Messages sent.
    pub sent: u64,
    /// Messages received that belong to a call.
    pub received: u64,
    /// Copies received.
    pub copies: u64,
    /// Copies sent, for want of an answer or in answer to a copy.
    pub retransmissions: u64,
    /// Messages no step expected.
    pub unexpected: u64,
    /// Messages lost on purpose.
    pub lost: u64,
    /// Requests answered without a step (`-aa`, PING, BYE, CANCEL).
    pub answered: u64,
    /// Messages of calls that had ended.
    pub late: u64,
    /// Microseconds between `start_rtd` and `rtd`, by timer.
    pub timers: Vec<Histogram<u64>>,
    /// The scenario's own counters.
    pub counters: Vec<u64>,
    /// What `log`, `warning` and `error` said.
    pub lines: Vec<(Loudness, String)>,
    /// Lines that found no room.
    pub lines_dropped: u64,
    /// What a call ordered for the whole run.
    pub stop: Option<Stop>,
}

impl Score {
    /// Nothing yet, of a run in which calls begin for `duration`.
    pub fn of(scenario: &Scenario, duration: Duration) -> Score {
        let histogram = || Histogram::new(3).expect("three digits are within 0 to 5");
        Score {
            tally: Tally::new(duration),
            sent: 0,
            received: 0,
            copies: 0,
            retransmissions: 0,
            unexpected: 0,
            lost: 0,
            answered: 0,
            late: 0,
            timers: scenario.timers.iter().map(|_| histogram()).collect(),
            counters: vec![0; scenario.counters.len()],
            lines: Vec::new(),
            lines_dropped: 0,
            stop: None,
        }
    }

    /// Calls that have not ended.
    pub fn open(&self) -> u64 {
        self.tally.begun - self.tally.completed - self.tally.failed
    }

    /// Keeps one time of a timer.
    pub fn measure(&mut self, timer: usize, time: Duration) {
        if let Some(histogram) = self.timers.get_mut(timer) {
            let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX >> 1);
            histogram.record(micros).expect("it resizes itself");
        }
    }

    /// A copy goes out because nothing came.
    pub fn send_again(&mut self, is_invite: bool) {
        self.retransmissions += 1;
        self.tally.again(Again::Silent(kind(is_invite)));
    }

    /// A copy came.
    pub fn take_again(&mut self, is_invite: bool) {
        self.copies += 1;
        self.tally.again(Again::Copy(kind(is_invite)));
    }

    /// Keeps a line for the operator.
    pub fn tell(&mut self, loudness: Loudness, line: String) {
        if self.lines.len() < MAX_LINES {
            self.lines.push((loudness, line));
        } else {
            self.lines_dropped += 1;
        }
    }

    /// One call that was to begin at `intended` has ended.
    pub fn end(&mut self, now: Instant, intended: Instant, verdict: Verdict) {
        match verdict {
            Ok(()) => {
                self.tally.time_main(Stage::Whole, now, intended);
                self.tally.complete(now);
            }
            Err(Failure { cause, line }) => {
                let cause = tally::Cause::Step(cause.as_str(), line);
                self.tally.fail(now, cause);
            }
        }
    }

    /// Adds what another thread counted of the same scenario, apart from its
    /// tally and its lines, which are gathered elsewhere.
    pub fn add(&mut self, other: &Score) {
        self.sent += other.sent;
        self.received += other.received;
        self.copies += other.copies;
        self.retransmissions += other.retransmissions;
        self.unexpected += other.unexpected;
        self.lost += other.lost;
        self.answered += other.answered;
        self.late += other.late;
        for (mine, theirs) in self.timers.iter_mut().zip(&other.timers) {
            mine.add(theirs).expect("both resize themselves");
        }
        for (mine, theirs) in self.counters.iter_mut().zip(&other.counters) {
            *mine += theirs;
        }
        self.lines_dropped += other.lines_dropped;
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "messages: {} sent, {} received; copies: {} sent, {} received",
            self.sent, self.received, self.retransmissions, self.copies
        )?;
        for (count, what) in [
            (self.unexpected, "unexpected"),
            (self.lost, "lost on purpose"),
            (self.answered, "answered without a step"),
            (self.late, "of ended calls"),
            (self.lines_dropped, "log lines dropped"),
        ] {
            if count > 0 {
                write!(f, "; {count} {what}")?;
            }
        }
        Ok(())
    }
}

fn kind(is_invite: bool) -> &'static str {
    if is_invite { "INVITE" } else { "message" }
}
