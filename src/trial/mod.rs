//! Dialplans tried without a network: what a call does is told in a file, and
//! whether the plan answers as its author wants is found out in virtual time,
//! by the engine itself between telephones that do as they are told.
//!
//! ```text
//! test: a busy telephone is passed on to the next
//! given call from 1001 to 2000
//! given time 2026-11-23 09:30
//! when SIP/2000 refuses with 486 after 1
//! when SIP/2001 rings
//! when SIP/2001 answers after 3
//! when caller hangs up after 30
//! then runs Dial(SIP/2000,20)
//! then SIP/2001 is called
//! then DIALSTATUS is ANSWER
//! then answered
//! ```
//!
//! - `given call from DEVICE to EXTEN [in CONTEXT]` is needed, and is all that
//!   is. `given caller "Name" <number>`, `given time YYYY-MM-DD HH:MM` (UTC) and
//!   `given variable NAME=value` (of the caller's channel) are not.
//! - A telephone that no `when` is about rings, and is never answered. Seconds
//!   count from its INVITE, those of `hangs up` from the answer; the caller's
//!   from the start. `refuses with 302 to URI` forwards.
//! - `then runs` names applications with the arguments they ran with, in the
//!   order they ran; others may run between. `then does not run` names one by
//!   its beginning. `then says TEXT` is what Verbose or Log said.
//! - `then answered`, `then refused with CODE`, `then ended after SECONDS`.
//!
//! `script` reads the file, `world` carries it out, `phone` writes messages.

mod phone;
mod script;
mod world;

use pinion_sip::config::Config;

use crate::config::file::ConfigError;
use script::{Demand, Script};
use world::History;

/// How one test went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// What it is called.
    pub name: String,
    /// Where it stands: `file:line`.
    pub at: String,
    /// What is not as it was wanted, in sentences; nothing when it passed.
    pub failures: Vec<String>,
    /// What happened, in order, for whoever wants to know why.
    pub story: Vec<String>,
}

/// Runs the tests of a text; `name` is what messages call it. The devices and
/// the plan are those of `make`, which is asked once for each test.
///
/// # Errors
///
/// The first line that cannot be understood.
pub fn run(
    make: &dyn Fn() -> Result<Config, ConfigError>,
    text: &str,
    name: &str,
) -> Result<Vec<Outcome>, ConfigError> {
    let scripts = script::read(text, name)?;
    scripts
        .into_iter()
        .map(|script| Ok(judge(&script, world::play(&script, make()?))))
        .collect()
}

fn judge(script: &Script, history: History) -> Outcome {
    let mut ran = history.ran.iter();
    let mut failures: Vec<String> = Vec::new();
    for (at, demand) in &script.demands {
        if let Err(text) = met(demand, &history, &mut ran) {
            failures.push(format!("{at}: {text}"));
        }
    }
    Outcome {
        name: script.name.clone(),
        at: script.at.to_string(),
        failures,
        story: history.story,
    }
}

/// Whether a demand is met, or what was instead. `ran` is what no earlier
/// demand has claimed.
fn met<'h>(
    demand: &Demand,
    history: &'h History,
    ran: &mut impl Iterator<Item = &'h String>,
) -> Result<(), String> {
    let holds = |yes: bool, otherwise: String| if yes { Ok(()) } else { Err(otherwise) };
    match demand {
        Demand::Runs(call) => holds(
            ran.any(|ran| same_call(ran, call)),
            format!("{call} did not run, or not in this order"),
        ),
        Demand::DoesNotRun(start) => {
            let ran = history.ran.iter().find(|ran| ran.starts_with(&**start));
            holds(ran.is_none(), format!("{} ran", ran.map_or("", |ran| ran)))
        }
        Demand::Says(text) => holds(
            history.said.contains(text),
            format!("nothing said '{text}'"),
        ),
        Demand::Variable(name, value) => {
            let is = history.variables.get(name).map_or("", |value| value);
            holds(is == value, format!("{name} is '{is}', not '{value}'"))
        }
        Demand::Called(device) => holds(
            history.called.contains(device),
            format!("{device} was not called"),
        ),
        Demand::NotCalled(device) => holds(
            !history.called.contains(device),
            format!("{device} was called"),
        ),
        Demand::Answered => holds(
            history.answered,
            match history.refused {
                Some(code) => format!("the caller was refused with {code}"),
                None => "the caller was not answered".into(),
            },
        ),
        Demand::Refused(code) => holds(
            history.refused == Some(*code),
            match history.refused {
                Some(code) => format!("the caller was refused with {code}"),
                None => "the caller was not refused".into(),
            },
        ),
        Demand::Ended(after) => match history.ended {
            Some(ended) => holds(
                ended.abs_diff(*after).as_millis() <= 100,
                format!("the call ended after {} s", ended.as_secs_f64()),
            ),
            None => Err("the call did not end".into()),
        },
    }
}

/// `NoOp(x)` is written `NoOp(x)`, `noop(x)`, or `NoOp` where there is nothing
/// in the parentheses.
fn same_call(ran: &str, wanted: &str) -> bool {
    let parts = |call: &str| match call.split_once('(') {
        Some((name, rest)) => (
            name.trim().to_ascii_lowercase(),
            rest.strip_suffix(')').unwrap_or(rest).to_owned(),
        ),
        None => (call.trim().to_ascii_lowercase(), String::new()),
    };
    parts(ran) == parts(wanted)
}

#[cfg(test)]
mod tests;
