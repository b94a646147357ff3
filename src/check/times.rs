//! Times of `GotoIfTime`, `ExecIfTime` and `IFTIME` that stand literally in a
//! line and cannot be read. Those of includes are read with the plan.

use pinion_sip::dialplan::{Plan, Schedule};

use super::ground::{places, position};
use super::text::{is_literal, mask};
use super::{Finding, Severity};

/// Finds what every call would skip of a time.
pub(super) fn lint(plan: &Plan, findings: &mut Vec<Finding>) {
    for place in places(plan) {
        let instruction = place.instruction;
        let all = times(&instruction.application, &instruction.arguments);
        for times in all.into_iter().filter(|times| is_literal(&mask(times))) {
            let schedule = Schedule::parse(times);
            findings.extend(schedule.faults().map(|fault| Finding {
                at: position(instruction),
                severity: Severity::Error,
                text: format!("{fault}."),
            }));
        }
    }
}

/// What stands before the question mark, of the application or of functions.
fn times<'a>(application: &str, arguments: &'a str) -> Vec<&'a str> {
    let mut times: Vec<&str> = arguments
        .split("${IFTIME(")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('?')?.0))
        .collect();
    let timed = ["gotoiftime", "execiftime"].contains(&&*application.to_ascii_lowercase());
    times.extend(arguments.split_once('?').filter(|_| timed).map(|it| it.0));
    times
}
