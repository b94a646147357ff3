//! `WaitExten([seconds[,options]])`: waits for an extension to be dialled.
//!
//! Digits are heard with media only, so that the time always passes.

use core::time::Duration;

use super::super::step::{App, Event, Next, Step};
use crate::base::Instant;

pub(super) fn run(step: &mut Step<'_>, arguments: &str) -> Next {
    let seconds = arguments.split(',').next().unwrap_or_default();
    let wait = super::seconds(seconds).unwrap_or(step.state.response());
    Next::Wait(Box::new(WaitExten {
        until: step.now() + wait.max(Duration::from_millis(1)),
    }))
}

struct WaitExten {
    until: Instant,
}

impl App for WaitExten {
    fn deadline(&self) -> Option<Instant> {
        Some(self.until)
    }

    fn step(self: Box<Self>, step: &mut Step<'_>, _: Event) -> Next {
        match step.now() < self.until {
            true => Next::Wait(self),
            false => go_on(step),
        }
    }
}

/// The next priority if there is one, else `t`, `i` or `e`.
fn go_on(step: &mut Step<'_>) -> Next {
    match step.has_priority(step.state.position.priority.saturating_add(1)) {
        Ok(true) => Next::Continue,
        Ok(false) => step.divert(&["t", "i"], "RESPONSETIMEOUT"),
        Err(lookup) => step.ask_switch(lookup, go_on),
    }
}
