//! `RetryDial(announcement,seconds,attempts,Dial's arguments)`: dials until
//! somebody answers.
//!
//! It is a `Dial` again and again; the announcement would need media.

use core::time::Duration;

use super::super::arguments::split;
use super::super::position::Position;
use super::super::step::{App, Event, Next, Step};
use super::super::substitute::leading_number;
use super::{complain, dial};
use crate::base::Instant;

/// Between two attempts, unless at least a second is given.
const PAUSE: Duration = Duration::from_secs(10);

struct RetryDial {
    arguments: Box<str>,
    pause: Duration,
    /// Attempts that may follow; no end to them if `None`.
    left: Option<u64>,
    /// Where the plan stood: a `Dial` that left it has found somewhere to go.
    place: Position,
    /// The subroutines the plan was inside of: a `Dial` that is in one more has
    /// sent the caller there (`B`) and goes on after it.
    depth: usize,
    phase: Phase,
}

enum Phase {
    Dialling(Box<dyn App>),
    Pausing(Instant),
}

/// 0 attempts are any number of them. After the last one the plan goes on at
/// once.
pub(super) fn run(step: &mut Step<'_>, arguments: &str) -> Next {
    let parts = split(arguments, 4);
    let number = |at: usize| {
        let number = parts.get(at).and_then(|part| leading_number(part));
        number.and_then(|number| u64::try_from(number).ok())
    };
    let Some(arguments) = parts.get(3) else {
        complain(
            step,
            "RetryDial",
            "write announcement,seconds,attempts,dial",
        );
        return step.fail();
    };
    let retry = RetryDial {
        arguments: arguments.as_ref().into(),
        pause: match number(1) {
            Some(seconds) if seconds > 0 => Duration::from_secs(seconds),
            _ => PAUSE,
        },
        left: number(2).filter(|&attempts| attempts > 0),
        place: step.state.position.clone(),
        depth: step.depth(),
        phase: Phase::Pausing(step.now()),
    };
    retry.attempt(step)
}

/// What is odd about the arguments of its `Dial`.
pub(super) fn doubts(arguments: &str) -> Vec<String> {
    let parts = split(arguments, 4);
    parts
        .get(3)
        .map_or_else(Vec::new, |part| dial::doubts(part))
}

impl RetryDial {
    fn attempt(mut self, step: &mut Step<'_>) -> Next {
        self.left = self.left.map(|left| left.saturating_sub(1));
        let next = dial::run(step, &self.arguments);
        self.follow(step, next)
    }

    /// Goes on with what an attempt has come to.
    fn follow(mut self, step: &mut Step<'_>, next: Next) -> Next {
        match next {
            Next::Wait(dial) => self.phase = Phase::Dialling(dial),
            Next::Continue => {
                if step.depth() > self.depth
                    && let Some(dial) = step.take_caller()
                {
                    self.phase = Phase::Dialling(dial);
                    step.called_by(Box::new(self));
                    return Next::Continue;
                }
                let answered = step.state.variables.value("DIALSTATUS") == Some("ANSWER");
                if answered || self.left == Some(0) || step.state.position != self.place {
                    return Next::Continue;
                }
                self.phase = Phase::Pausing(step.now() + self.pause);
            }
            next => return next,
        }
        Next::Wait(Box::new(self))
    }
}

impl App for RetryDial {
    fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Dialling(dial) => dial.deadline(),
            Phase::Pausing(until) => Some(*until),
        }
    }

    fn step(mut self: Box<Self>, step: &mut Step<'_>, event: Event) -> Next {
        let paused = Phase::Pausing(step.now());
        match core::mem::replace(&mut self.phase, paused) {
            Phase::Dialling(dial) => {
                let next = dial.step(step, event);
                self.follow(step, next)
            }
            Phase::Pausing(until) if step.now() < until => {
                self.phase = Phase::Pausing(until);
                Next::Wait(self)
            }
            Phase::Pausing(_) => self.attempt(step),
        }
    }
}

#[cfg(test)]
mod tests;
