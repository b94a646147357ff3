//! `Transfer([technology/]destination)`: sends an unanswered caller elsewhere.

use super::super::cause::Cause;
use super::super::step::{Ending, Next, Step};
use super::complain;

/// The caller gets 302 with the destination as its Contact, and the call ends.
/// An answered caller is not transferred: that would take a subscription of
/// his (RFC 3515), which this engine does not keep; `TRANSFERSTATUS` is
/// `UNSUPPORTED` then, `FAILURE` for a destination that is none, and `SUCCESS`
/// otherwise.
pub(super) fn run(step: &mut Step<'_>, arguments: &str) -> Next {
    let destination = arguments.split(',').next().unwrap_or("").trim();
    let destination = match destination.split_once('/') {
        Some((technology, rest)) if technology.eq_ignore_ascii_case("SIP") => rest,
        Some(_) => "",
        None => destination,
    };
    let status = if destination.is_empty() {
        complain(step, "Transfer", "write Transfer([SIP/]destination)");
        "FAILURE"
    } else if step.channels.is_answered() {
        "UNSUPPORTED"
    } else if step.channels.redirect(&whole(step, destination)) {
        step.set("TRANSFERSTATUS", "SUCCESS");
        step.state.cause = Cause::NORMAL_CLEARING;
        return Next::End(Ending::Hangup(Cause::NORMAL_CLEARING));
    } else {
        "FAILURE"
    };
    step.set("TRANSFERSTATUS", status);
    Next::Continue
}

/// A destination with the domain the caller dialled, where it has none.
fn whole(step: &Step<'_>, destination: &str) -> String {
    match step.state.variables.value("SIPDOMAIN") {
        Some(domain) if !destination.contains('@') => format!("{destination}@{domain}"),
        _ => destination.into(),
    }
}

#[cfg(test)]
mod tests;
