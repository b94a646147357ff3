//! `Hangup([cause])`: ends the call with a cause, by number or by name; and
//! `HangupCauseClear()`.

use super::super::cause::Cause;
use super::super::step::{Ending, Next, Step};
use super::super::substitute::leading_number;

/// Without a cause it is the one at hand, else normal clearing.
pub(super) fn run(step: &mut Step<'_>, arguments: &str) -> Next {
    let text = arguments.trim();
    let number = || {
        let number = leading_number(text).and_then(|number| u8::try_from(number).ok());
        number.filter(|&number| number < 128).map(Cause)
    };
    match Cause::from_name(text).or_else(number) {
        Some(cause) => step.state.cause = cause,
        None => {
            if !text.is_empty() {
                super::complain(
                    step,
                    "Hangup",
                    "the cause is neither a number below 128 nor a name",
                );
            }
            if step.state.cause == Cause::NONE {
                step.state.cause = Cause::NORMAL_CLEARING;
            }
        }
    }
    Next::End(Ending::Hangup(step.state.cause))
}

/// `HangupCauseClear()`: forgets what `HANGUPCAUSE(channel,…)` tells.
pub(super) fn clear_causes(step: &mut Step<'_>, _: &str) -> Next {
    step.channels.forget_causes();
    Next::Continue
}

#[cfg(test)]
mod tests;
