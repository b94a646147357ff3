//! `Answer([delay])`: answers the caller without a callee.

use super::super::channel::NoMedia;
use super::super::step::{Next, Step};

/// The delay is for media to settle, and there is none.
pub(super) fn run(step: &mut Step<'_>, _: &str) -> Next {
    if !step.is_over() && !step.channels.is_answered() && step.channels.answer() == Err(NoMedia) {
        super::complain(
            step,
            "Answer",
            "no media here: the call is answered when a callee answers",
        );
    }
    Next::Continue
}
