//! `Wait(time)`: seconds, fractions allowed, or `250ms`, `5m`, `1h`.

use super::super::step::{App, Ending, Event, Next, Step};
use crate::base::Instant;

pub(super) fn run(step: &mut Step<'_>, arguments: &str) -> Next {
    match super::duration(arguments) {
        Some(duration) => Next::Wait(Box::new(Pause {
            until: step.now() + duration,
            next: None,
        })),
        None => Next::Continue,
    }
}

/// Nothing until an instant; then the end, or the next priority.
pub(super) struct Pause {
    pub(super) until: Instant,
    pub(super) next: Option<Ending>,
}

impl App for Pause {
    fn deadline(&self) -> Option<Instant> {
        Some(self.until)
    }

    fn step(self: Box<Self>, step: &mut Step<'_>, _: Event) -> Next {
        match self.next {
            _ if step.now() < self.until => Next::Wait(self),
            Some(ending) => Next::End(ending),
            None => Next::Continue,
        }
    }
}

#[cfg(test)]
mod tests;
