//! `CDR(field)` and `CDR_PROP(property)`: what is known of a call's record while
//! the call lasts.
//!
//! The record itself is made elsewhere. `lastapp` and `lastdata` are those it
//! will have; where none is made, those of the instruction at hand, outside of
//! any subroutine, as it is written in the plan.

use core::time::Duration;

use super::super::inquiry::Inquiry;
use super::super::record::clid;
use super::super::state::Scope;
use super::super::step::Step;
use super::super::variables::Full;
use crate::base::Instant;
use crate::config::AmaFlags;

/// Fields the engine fills in, which no plan may set.
const DERIVED: [&str; 16] = [
    "answer",
    "billsec",
    "channel",
    "clid",
    "dcontext",
    "disposition",
    "dst",
    "dstchannel",
    "duration",
    "end",
    "lastapp",
    "lastdata",
    "sequence",
    "src",
    "start",
    "uniqueid",
];

/// `CDR(field[,options])`: option `u` leaves times as seconds and flags as
/// numbers, `f` gives lengths with fractions.
pub(super) fn read(scope: &Scope<'_>, arguments: &str) -> String {
    let (name, options) = arguments.split_once(',').unwrap_or((arguments, ""));
    let name = name.trim();
    let (raw, fractions) = (options.contains('u'), options.contains('f'));
    let times = Times::of(scope);
    let length = |length: Duration| match fractions {
        true => format!("{:.6}", length.as_secs_f64()),
        false => length.as_secs().to_string(),
    };
    let since = |start: Instant| length(scope.now().since(start));
    let when = |at: Instant| stamp(scope, at, raw);
    match name.to_ascii_lowercase().as_str() {
        "start" => when(times.start),
        "answer" => times.answer.map(when).unwrap_or_default(),
        "end" => match scope.state.ending {
            Some(_) => when(scope.now()),
            None => String::new(),
        },
        "duration" => since(times.start),
        "billsec" => times.answer.map_or_else(|| length(Duration::ZERO), since),
        "disposition" => disposition(scope, times.answer.is_some(), raw).into(),
        "amaflags" => {
            let number = super::channel::read(scope, "amaflags");
            let named = AmaFlags::parse(&number).filter(|_| !raw);
            named.map_or(number, |flags| flags.as_str().into())
        }
        "accountcode" | "peeraccount" => super::channel::read(scope, name),
        _ => field(scope, name)
            .or_else(|| own(scope, name))
            .unwrap_or_default(),
    }
}

/// Who called whom, and by what.
fn field(scope: &Scope<'_>, name: &str) -> Option<String> {
    let state = scope.state;
    let outermost = state.outermost();
    let variable = |name| scope.variable(name).unwrap_or_default().into_owned();
    let instruction = || state.instruction(scope.plan, outermost, scope.now());
    Some(match name.to_ascii_lowercase().as_str() {
        "clid" => clid(&state.name, &state.number).into(),
        "src" => state.number.to_string(),
        "dst" => outermost.exten().as_str().into(),
        "dcontext" => outermost.context().as_str().into(),
        "channel" => variable("CHANNEL"),
        "dstchannel" => variable("DIALEDPEERNAME"),
        "lastapp" => match state.account() {
            Some(account) => account.application.into(),
            None => instruction()?.application.to_string(),
        },
        "lastdata" => match state.account() {
            Some(account) => account.arguments.clone(),
            None => instruction()?.arguments.to_string(),
        },
        "uniqueid" => variable("UNIQUEID"),
        "linkedid" => variable("LINKEDID"),
        "sequence" => state
            .record()
            .map_or(0, |record| record.earlier)
            .to_string(),
        _ => return None,
    })
}

/// A field the plan has set.
fn own(scope: &Scope<'_>, name: &str) -> Option<String> {
    let record = scope.state.record()?;
    let mut fields = record.sheet.fields.iter();
    let (_, value) = fields.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(value.into())
}

/// When the record's call began and was answered.
struct Times {
    start: Instant,
    answer: Option<Instant>,
}

impl Times {
    fn of(scope: &Scope<'_>) -> Times {
        let record = scope.state.record();
        let begun = record.and_then(|record| record.sheet.begun);
        let from = record.and_then(|record| record.sheet.answered_from);
        let answer = scope.channels.answered_at();
        Times {
            start: begun.unwrap_or(scope.state.began.1),
            answer: answer.map(|at| from.map_or(at, |from| at.max(from))),
        }
    }
}

/// How the call has come out so far.
fn disposition(scope: &Scope<'_>, answered: bool, raw: bool) -> &'static str {
    let (name, number) = match scope.state.variables.value("DIALSTATUS") {
        _ if answered => ("ANSWERED", "8"),
        Some("BUSY") => ("BUSY", "4"),
        Some("CONGESTION") => ("CONGESTION", "16"),
        Some("CHANUNAVAIL") => ("FAILED", "2"),
        _ => ("NO ANSWER", "1"),
    };
    if raw { number } else { name }
}

/// `accountcode`, `peeraccount` and `amaflags` are the channel's; `userfield`
/// and fields of the plan's own are the record's. What the engine fills in
/// cannot be set.
pub(super) fn write(step: &mut Step<'_>, arguments: &str, value: &str) -> Option<Inquiry> {
    if step.is_sealed() {
        return None;
    }
    let name = arguments.split(',').next().unwrap_or("").trim();
    let lower = name.to_ascii_lowercase();
    if ["accountcode", "peeraccount", "amaflags"].contains(&lower.as_str()) {
        return super::channel::write(step, name, value);
    }
    let derived = DERIVED.contains(&lower.as_str()) || lower == "linkedid";
    let record = step.state.record_mut();
    let doubt = match derived {
        true => "cannot be set",
        false if record.sheet.fields.set(&lower, value) == Err(Full) => "finds no room",
        false => return None,
    };
    let at = step.here();
    step.warn("no-function", || format!("{at}: CDR({name}) {doubt}"));
    None
}

/// `CDR_PROP(party_a)` and `CDR_PROP(disable)`, true or false.
pub(super) fn write_property(step: &mut Step<'_>, property: &str, value: &str) -> Option<Inquiry> {
    if step.is_sealed() {
        return None;
    }
    let yes = ["1", "yes", "true", "y", "t", "on"]
        .iter()
        .any(|yes| yes.eq_ignore_ascii_case(value.trim()));
    let record = step.state.record_mut();
    match property.trim().to_ascii_lowercase().as_str() {
        "party_a" => record.party_a = yes,
        "disable" => record.sheet.disabled = yes,
        other => {
            let at = step.here();
            step.warn("no-function", || {
                format!("{at}: there is no CDR_PROP({other})")
            });
        }
    }
    None
}

/// `2024-02-29 17:05:59` where the plan is, or seconds and microseconds.
fn stamp(scope: &Scope<'_>, at: Instant, raw: bool) -> String {
    let time = scope.state.time(at);
    match raw {
        true => format!("{}.000000", time.0),
        false => scope.plan.zone().moment(time).strftime("%F %T").to_string(),
    }
}

#[cfg(test)]
mod tests;
