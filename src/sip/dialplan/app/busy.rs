//! `Busy([seconds])`, `Congestion([seconds])` and `Incomplete([n])`: refuse the
//! caller.

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
        step.state.cause = cause;
        return Next::End(ending);
    }
    let ending = Ending::Hangup(cause);
    match super::duration(arguments) {
        Some(duration) => Next::Wait(Box::new(Pause {
            until: step.now() + duration,
            next: Some(ending),
        })),
        None => Next::End(ending),
    }
}

/// 484 (RFC 3261 §21.4.22): more digits are wanted. Option `n` is about digits
/// within the media, of which there are none; an answered call ends, too.
pub(super) fn incomplete(step: &mut Step<'_>, _: &str) -> Next {
    step.state.cause = Cause::INVALID_NUMBER_FORMAT;
    Next::End(Ending::Hangup(Cause::INVALID_NUMBER_FORMAT))
}

#[cfg(test)]
mod tests;
