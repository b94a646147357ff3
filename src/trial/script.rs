//! The lines of a trial. It knows their words; what they do is `world`'s.

use std::sync::Arc;
use std::time::Duration;

use crate::config::file::{ConfigError, Position};

/// One test.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) name: String,
    pub(super) at: Position,
    /// The device that calls.
    pub(super) from: String,
    /// What it dials.
    pub(super) to: String,
    /// Instead of the context of its device.
    pub(super) context: Option<String>,
    /// Its name and number, where they are not its device's.
    pub(super) caller: Option<(String, String)>,
    /// Unix time when it dials.
    pub(super) time: u64,
    /// Variables of the caller's channel.
    pub(super) variables: Vec<(String, String)>,
    pub(super) acts: Vec<Act>,
    pub(super) demands: Vec<(Position, Demand)>,
}

/// Somebody does something some time after it was called.
#[derive(Clone, Debug)]
pub(super) struct Act {
    /// `SIP/2000`, or `None` for the caller.
    pub(super) who: Option<String>,
    pub(super) deed: Deed,
    pub(super) after: Duration,
}

/// What a telephone does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Deed {
    Ring,
    Answer,
    /// With a status, and a contact where it forwards.
    Refuse(u16, Option<String>),
    HangUp,
}

/// What is wanted of the plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Demand {
    Runs(String),
    DoesNotRun(String),
    Says(String),
    Variable(String, String),
    Called(String),
    NotCalled(String),
    Answered,
    Refused(u16),
    Ended(Duration),
}

/// 2026-01-05 12:00 UTC, a Monday: when calls are made that do not say when.
const SOME_DAY: u64 = 1_767_614_400;

/// Reads a file.
pub(super) fn read(text: &str, name: &str) -> Result<Vec<Script>, ConfigError> {
    let file: Arc<str> = name.into();
    let mut scripts: Vec<Script> = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with([';', '#']) {
            continue;
        }
        let at = Position {
            file: Arc::clone(&file),
            line: number,
        };
        if let Some(name) = line.strip_prefix("test:") {
            scripts.push(Script::new(name.trim(), at));
            continue;
        }
        let Some(script) = scripts.last_mut() else {
            return Err(ConfigError::new(
                &at,
                "no test has begun. Write test: NAME first.",
            ));
        };
        script
            .line(line, &at)
            .map_err(|text| ConfigError::new(&at, text))?;
    }
    match scripts.iter().find(|script| script.to.is_empty()) {
        None => Ok(scripts),
        Some(script) => Err(ConfigError::new(
            &script.at,
            "this test makes no call. Write given call from DEVICE to EXTEN.",
        )),
    }
}

impl Script {
    fn new(name: &str, at: Position) -> Script {
        Script {
            name: name.into(),
            at,
            from: String::new(),
            to: String::new(),
            context: None,
            caller: None,
            time: SOME_DAY,
            variables: Vec::new(),
            acts: Vec::new(),
            demands: Vec::new(),
        }
    }

    fn line(&mut self, line: &str, at: &Position) -> Result<(), String> {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match word {
            "given" => self.given(rest),
            "when" => {
                self.acts.push(act(rest)?);
                Ok(())
            }
            "then" => {
                self.demands.push((at.clone(), demand(rest)?));
                Ok(())
            }
            _ => Err(format!(
                "'{word}' begins no line. Write test:, given, when or then."
            )),
        }
    }

    fn given(&mut self, text: &str) -> Result<(), String> {
        if let Some(call) = text.strip_prefix("call from ") {
            let (from, to) = call
                .split_once(" to ")
                .ok_or("the call goes nowhere. Write given call from DEVICE to EXTEN.")?;
            let (to, context) = match to.split_once(" in ") {
                Some((to, context)) => (to, Some(context.trim().into())),
                None => (to, None),
            };
            (self.from, self.to) = (from.trim().into(), to.trim().into());
            self.context = context;
        } else if let Some(caller) = text.strip_prefix("caller ") {
            let (name, number) = caller
                .rsplit_once('<')
                .ok_or("a caller is written \"Name\" <number>.")?;
            let name = name.trim().trim_matches('"');
            self.caller = Some((name.into(), number.trim_end_matches('>').trim().into()));
        } else if let Some(time) = text.strip_prefix("time ") {
            self.time = unix_time(time).ok_or("a time is written YYYY-MM-DD HH:MM, and is UTC.")?;
        } else if let Some((name, value)) = text
            .strip_prefix("variable ")
            .and_then(|variable| variable.split_once('='))
        {
            self.variables
                .push((name.trim().into(), value.trim().into()));
        } else {
            return Err(format!(
                "'{text}' is not given in these words. Write call from … to …, caller, time, or variable NAME=value."
            ));
        }
        Ok(())
    }
}

/// `SIP/2000 answers after 3`, `caller hangs up`.
fn act(text: &str) -> Result<Act, String> {
    let (text, after) = match text.rsplit_once(" after ") {
        Some((text, after)) => (text, seconds(after)?),
        None => (text, Duration::ZERO),
    };
    let (who, deed) = text
        .split_once(char::is_whitespace)
        .ok_or("a telephone does something. Write SIP/NAME answers after SECONDS.")?;
    let deed = match deed.trim() {
        "rings" => Deed::Ring,
        "answers" => Deed::Answer,
        "hangs up" => Deed::HangUp,
        deed => refusal(deed)?,
    };
    let who = (who != "caller").then(|| who.to_owned());
    if who.is_none() && deed != Deed::HangUp {
        return Err("a caller hangs up, and does nothing else.".into());
    }
    Ok(Act { who, deed, after })
}

/// `refuses with 302 to sip:…`.
fn refusal(text: &str) -> Result<Deed, String> {
    let unknown =
        || format!("'{text}' is no deed. Telephones ring, answer, hang up or refuse with CODE.");
    let rest = text.strip_prefix("refuses with ").ok_or_else(unknown)?;
    let (code, contact) = match rest.split_once(" to ") {
        Some((code, contact)) => (code, Some(contact.trim().to_owned())),
        None => (rest, None),
    };
    Ok(Deed::Refuse(status(code)?, contact))
}

fn demand(text: &str) -> Result<Demand, String> {
    let rest = |words: &str| text.strip_prefix(words).map(str::trim);
    Ok(if let Some(call) = rest("runs ") {
        Demand::Runs(call.into())
    } else if let Some(start) = rest("does not run ") {
        Demand::DoesNotRun(start.into())
    } else if let Some(text) = rest("says ") {
        Demand::Says(text.into())
    } else if let Some(code) = rest("refused with ") {
        Demand::Refused(status(code)?)
    } else if let Some(after) = rest("ended after ") {
        Demand::Ended(seconds(after)?)
    } else if text == "answered" {
        Demand::Answered
    } else if let Some(device) = text.strip_suffix(" is not called") {
        Demand::NotCalled(device.trim().into())
    } else if let Some(device) = text.strip_suffix(" is called") {
        Demand::Called(device.trim().into())
    } else if let Some((name, value)) = text.split_once(" is ") {
        Demand::Variable(name.trim().into(), value.trim().into())
    } else if let Some(name) = text.strip_suffix(" is") {
        Demand::Variable(name.trim().into(), String::new())
    } else {
        return Err(format!(
            "'{text}' cannot be judged. Write runs, does not run, says, answered, refused with CODE, \
             ended after SECONDS, NAME is VALUE, SIP/NAME is called, or SIP/NAME is not called."
        ));
    })
}

fn seconds(text: &str) -> Result<Duration, String> {
    let text = text.trim().trim_end_matches('s').trim();
    let seconds = text
        .parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| format!("'{text}' is not a number of seconds."))
}

fn status(text: &str) -> Result<u16, String> {
    let code = text
        .trim()
        .parse()
        .ok()
        .filter(|code| (300..700).contains(code));
    code.ok_or_else(|| format!("'{text}' is not the code of a refusal, from 300 to 699."))
}

/// `YYYY-MM-DD HH:MM[:SS]`, UTC, from 1970 on.
fn unix_time(text: &str) -> Option<u64> {
    let (date, time) = text.trim().split_once([' ', 'T'])?;
    let mut date = date.splitn(3, '-').map(str::parse::<i64>);
    let mut time = time.splitn(3, ':').map(str::parse::<u64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let (hour, minute) = (time.next()?.ok()?, time.next()?.ok()?);
    let second = time.next().map_or(Some(0), Result::ok)?;
    let in_range = (1970..3000).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let days = u64::try_from(days(year, month, day)).ok()?;
    in_range.then_some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// Days from 1970-01-01, by counting years from March, so that the leap day is
/// a year's last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_from_1970() {
        for (text, expected) in [
            ("1970-01-01 00:00", Some(0)),
            ("2024-02-29 17:05:59", Some(1_709_226_359)),
            ("2026-01-05 12:00", Some(SOME_DAY)),
            ("2026-13-05 12:00", None),
            ("2026-01-05", None),
        ] {
            assert_eq!(unix_time(text), expected, "{text}");
        }
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        for (text, expected) in [
            ("given call from 1 to 2", "t:1: no test has begun."),
            ("test: a\n", "t:1: this test makes no call."),
            ("test: a\ngiven call 1", "t:2: 'call 1' is not given"),
            ("test: a\n\nwhen SIP/1 sings", "t:3: 'sings' is no deed."),
            ("test: a\nwhen caller answers", "t:2: a caller hangs up"),
            (
                "test: a\nwhen SIP/1 refuses with 200",
                "t:2: '200' is not the code",
            ),
            ("test: a\nthen maybe", "t:2: 'maybe' cannot be judged."),
            ("test: a\nsometimes x", "t:2: 'sometimes' begins no line."),
        ] {
            let error = read(text, "t").expect_err(text).to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
