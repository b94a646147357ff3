//! `STRFTIME` and `STRPTIME`: moments as text, and back.
//!
//! Names of days and months are English. What a format asks for that is not
//! known stays as it is written.

use jiff::fmt::strtime::{BrokenDownTime, Config, PosixCustom};
use jiff::{SignedDuration, Zoned};

use super::super::arguments::split;
use super::super::step::Step;
use super::super::zone::Zone;
use crate::base::UnixTime;

/// `STRFTIME([epoch][,timezone][,format])`: now, the local zone and `%c`
/// unless given. `%3q` is a fraction of a second with three digits, as many as
/// if there is no number.
pub(super) fn format(step: &mut Step<'_>, arguments: &str) -> String {
    let parts = split(arguments, 3);
    let part = |at: usize| parts.get(at).map(|part| &**part);
    let zone = zone(step, "STRFTIME", part(1).unwrap_or(""));
    let moment = moment(step, part(0).unwrap_or("").trim(), &zone);
    let format = with_fractions(part(2).unwrap_or("%c"));
    let config = Config::new().custom(PosixCustom::new()).lenient(true);
    let text = BrokenDownTime::from(&moment).to_string_with_config(&config, &format);
    text.unwrap_or_default()
}

/// The moment of an epoch, which may have a fraction; now if it is no number.
fn moment(step: &Step<'_>, epoch: &str, zone: &Zone) -> Zoned {
    let (seconds, fraction) = epoch.split_once('.').unwrap_or((epoch, ""));
    let Ok(seconds) = seconds.parse() else {
        return zone.moment(step.state.time(step.now()));
    };
    let digits: String = fraction
        .chars()
        .chain("000000000".chars())
        .take(9)
        .collect();
    let moment = zone.moment(UnixTime(seconds));
    let fraction = SignedDuration::from_nanos(digits.parse().unwrap_or(0));
    moment.checked_add(fraction).unwrap_or(moment)
}

/// A format whose `%q` have become what the formatter calls them.
fn with_fractions(format: &str) -> String {
    let mut result = String::with_capacity(format.len());
    let mut rest = format;
    while let Some((plain, after)) = rest.split_once('%') {
        result.push_str(plain);
        result.push('%');
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let (count, letter) = after.split_at_checked(digits).unwrap_or_default();
        rest = match (count, letter.chars().next()) {
            ("", Some('q')) => {
                result.push_str("3f");
                letter.get(1..).unwrap_or_default()
            }
            (count, Some('q')) => {
                result.push_str(count);
                result.push('f');
                letter.get(1..).unwrap_or_default()
            }
            (_, Some('%')) => {
                result.push('%');
                letter.get(1..).unwrap_or_default()
            }
            _ => after,
        };
    }
    result.push_str(rest);
    result
}

/// `STRPTIME(text,timezone,format)`: the Unix time a text names; what follows
/// in it does not count. A date without a time is its midnight.
pub(super) fn parse(step: &mut Step<'_>, arguments: &str) -> String {
    let parts = split(arguments, 3);
    let part = |at: usize| parts.get(at).map_or("", |part| &**part);
    let zone = zone(step, "STRPTIME", part(1));
    let seconds = parsed(part(0), part(2), &zone);
    seconds
        .map(|seconds| seconds.to_string())
        .unwrap_or_else(|| {
            step.warn("arguments", || {
                format!("STRPTIME({arguments}): there is no date in that format")
            });
            String::new()
        })
}

fn parsed(text: &str, format: &str, zone: &Zone) -> Option<i64> {
    let (mut time, _) = BrokenDownTime::parse_prefix(format, text).ok()?;
    if let Ok(timestamp) = time.to_timestamp() {
        return Some(timestamp.as_second());
    }
    // A year alone is its first day.
    if time.month().is_none() && time.day_of_year().is_none() {
        time.set_month(Some(1)).ok()?;
    }
    if time.day().is_none() && time.day_of_year().is_none() {
        time.set_day(Some(1)).ok()?;
    }
    let date = time.to_date().ok()?;
    let moment = date.to_datetime(time.to_time().unwrap_or_default());
    let local = zone.moment(UnixTime(0)).time_zone().clone();
    Some(moment.to_zoned(local).ok()?.timestamp().as_second())
}

/// The zone of a name; the local one for none, and UTC for one that does not
/// exist.
fn zone(step: &mut Step<'_>, function: &str, name: &str) -> Zone {
    match name.trim() {
        "" => step.plan.zone().clone(),
        name => Zone::named(name).unwrap_or_else(|| {
            step.warn("arguments", || {
                format!("{function}: there is no time zone '{name}'; UTC is taken")
            });
            Zone::UTC
        }),
    }
}
