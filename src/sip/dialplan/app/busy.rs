//! `Busy([seconds])` and `Congestion([seconds])`: refuse the caller.

use super::super::cause::Cause;
use super::super::step::{Ending, Next, Step};
use super::wait::Pause;

pub(super) fn busy(step: &mut Step<'_>, arguments: &str) -> Next {
    refuse(step, arguments, Ending::Busy, Cause::USER_BUSY)
}

pub(super) fn congestion(step: &mut Step<'_>, arguments: &str) -> Next {
    refuse(
        step,
        arguments,
        Ending::Congestion,
        Cause::NORMAL_CIRCUIT_CONGESTION,
    )
}

/// An unanswered caller gets the final response at once. An answered one is
/// kept for the time given and then hung up; without a time at once, for
/// there is no tone to keep him with.
fn refuse(step: &mut Step<'_>, arguments: &str, ending: Ending, cause: Cause) -> Next {
    if !step.channels.is_answered() {
        return Next::End(ending);
    }
    let ending = Ending::Hangup(cause);
    match super::seconds(arguments) {
        Some(duration) => Next::Wait(Box::new(Pause {
            until: step.now() + duration,
            next: Some(ending),
        })),
        None => Next::End(ending),
    }
}
