//! When an include or a `GotoIfTime` applies: `times,weekdays,mdays,months`.
//!
//! It is told the time and the local zone; it knows no clock.

use super::zone::Zone;
use crate::base::UnixTime;

const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// Ranges of one field, any of which may wrap round its end; nothing is always.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Ranges(Option<Box<[(u16, u16)]>>);

impl Ranges {
    /// What cannot be read is skipped, and told of in `faults`.
    fn parse(
        text: &str,
        what: &str,
        value: impl Fn(&str) -> Option<u16>,
        faults: &mut Vec<String>,
    ) -> Ranges {
        if matches!(text, "" | "*") {
            return Ranges(None);
        }
        let told = faults.len();
        let mut ranges = Vec::new();
        for range in text.split('&').map(str::trim) {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            match (value(from.trim()), value(to.trim())) {
                (Some(from), Some(to)) => ranges.push((from, to)),
                _ => faults.push(format!("'{range}' is not {what} and is skipped")),
            }
        }
        if let (true, Some(fault)) = (ranges.is_empty(), faults.get_mut(told)) {
            fault.push_str("; nothing is left, so that it never applies");
        }
        Ranges(Some(ranges.into()))
    }

    fn contain(&self, value: u16) -> bool {
        let within = |&(from, to): &(u16, u16)| match from <= to {
            true => (from..=to).contains(&value),
            false => value >= from || value <= to,
        };
        self.0
            .as_ref()
            .is_none_or(|ranges| ranges.iter().any(within))
    }
}

/// A time specification; see [`Schedule::parse`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schedule {
    minutes: Ranges,
    weekdays: Ranges,
    days: Ranges,
    months: Ranges,
    /// The local one if none is named.
    zone: Option<Zone>,
    /// As it is written.
    text: Box<str>,
    faults: Box<[String]>,
}

impl Schedule {
    /// Reads `times,weekdays,mdays,months[,timezone]`, or the same parted by
    /// `|`. Each field is `*` or values and ranges joined by `&`; the last minute
    /// of a range belongs to it; missing fields are `*`. Days and months may be
    /// numbers, from 1 for Sunday or January. What cannot be read is skipped, and
    /// a zone that does not exist is taken as UTC, as Asterisk does
    /// (`ast_build_timing`): [`Schedule::faults`] tells.
    pub fn parse(text: &str) -> Schedule {
        let mut faults = Vec::new();
        let mut fields = text.split([',', '|']).map(str::trim);
        let mut field = |what: &str, value: &dyn Fn(&str) -> Option<u16>| {
            Ranges::parse(fields.next().unwrap_or("*"), what, value, &mut faults)
        };
        let mut schedule = Schedule {
            minutes: field("a time of day (HH:MM-HH:MM)", &minute),
            weekdays: field("a day of the week (mon-fri)", &|text| {
                named(text, &WEEKDAYS)
            }),
            days: field("a day of the month (1-31)", &|text| between(text, 1, 31)),
            months: field("a month (jan-dec)", &|text| {
                named(text, &MONTHS).map(|month| month + 1)
            }),
            zone: None,
            text: text.into(),
            faults: Box::default(),
        };
        if let Some(name) = fields.next().filter(|name| !matches!(*name, "" | "*")) {
            let zone = Zone::named(name);
            if zone.is_none() {
                faults.push(format!("there is no time zone '{name}'; UTC is taken"));
            }
            schedule.zone = Some(zone.unwrap_or(Zone::UTC));
        }
        schedule.faults = faults.into();
        schedule
    }

    /// What could not be read, and what is done instead; each without a full stop.
    pub fn faults(&self) -> impl Iterator<Item = &str> {
        self.faults.iter().map(String::as_str)
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it applies at a moment; `local` is the zone if it names none.
    pub fn applies(&self, time: UnixTime, local: &Zone) -> bool {
        let at = self.zone.as_ref().unwrap_or(local).calendar(time);
        self.minutes.contain(at.minute)
            && self.weekdays.contain(at.weekday)
            && self.days.contain(at.day)
            && self.months.contain(at.month)
    }
}

fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    Some(between(hours, 0, 23)? * 60 + between(minutes, 0, 59)?)
}

fn between(text: &str, low: u16, high: u16) -> Option<u16> {
    text.parse()
        .ok()
        .filter(|value| (low..=high).contains(value))
}

/// The place of a name, or of its number, which counts from 1.
fn named(text: &str, names: &[&str]) -> Option<u16> {
    let name = names
        .iter()
        .position(|name| name.eq_ignore_ascii_case(text));
    match name {
        Some(at) => Some(at as u16),
        None => between(text, 1, names.len() as u16).map(|number| number - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-02-29 (a Thursday) 17:05:59 UTC.
    const LEAP_DAY: UnixTime = UnixTime(1_709_226_359);

    fn applies(text: &str) -> bool {
        Schedule::parse(text).applies(LEAP_DAY, &Zone::UTC)
    }

    #[test]
    fn every_field_narrows() {
        for (text, expected) in [
            ("*,*,*,*", true),
            ("", true),
            ("17:00-17:05,*,*,*", true),
            ("17:06-18:00,*,*,*", false),
            ("22:00-17:05", true),
            ("18:00-06:00", false),
            ("09:00-10:00&17:05-17:05", true),
            ("*,thu", true),
            ("*,Fri-Thu", true),
            ("*,fri-wed", false),
            ("*,mon&thu", true),
            ("*,*,29", true),
            ("*,*,1-28", false),
            ("*,*,*,feb", true),
            ("*,*,*,nov-jan", false),
            ("*,*,*,nov-feb", true),
            ("*,5", true),
            ("*,2-6", true),
            ("*,6-1", false),
            ("*,*,*,2", true),
            ("*,*,*,11-1", false),
            ("17:00-17:05|thu|29|feb", true),
            ("17:00-17:05|fri", false),
        ] {
            assert_eq!(applies(text), expected, "{text}");
        }
    }

    #[test]
    fn the_zone_is_the_fifth_field_or_the_local_one() {
        let auckland = Zone::named("Pacific/Auckland").unwrap();
        for (text, expected) in [
            ("06:00-07:00,fri,1,mar", true),
            ("06:00-07:00,fri,1,mar,*", true),
            ("17:00-18:00,thu,29,feb,Europe/London", true),
            ("18:00-19:00,thu,29,feb,Europe/Berlin", true),
            ("17:00-18:00,thu,29,feb,Europe/Berlin", false),
            ("17:00-18:00,thu,29,feb,Nowhere", true),
        ] {
            let schedule = Schedule::parse(text);
            assert_eq!(schedule.applies(LEAP_DAY, &auckland), expected, "{text}");
        }
    }

    #[test]
    fn times_follow_the_clocks_when_they_change() {
        let schedule = Schedule::parse("02:00-02:59,*,*,*,Europe/Berlin");
        let applies = |seconds| schedule.applies(UnixTime(seconds), &Zone::UTC);
        // The hour does not exist on 2024-03-31, and comes twice on 2024-10-27.
        assert!(
            (1_711_839_600..1_711_850_400)
                .step_by(60)
                .all(|at| !applies(at))
        );
        let minutes = (1_729_980_000..1_730_000_000)
            .step_by(60)
            .filter(|&at| applies(at));
        assert_eq!(minutes.count(), 120);
    }

    fn faults(text: &str) -> Vec<String> {
        Schedule::parse(text).faults().map(String::from).collect()
    }

    #[test]
    fn a_zone_that_does_not_exist_is_told() {
        let berln = "there is no time zone 'Europe/Berln'; UTC is taken";
        assert_eq!(faults("*,*,*,*,Europe/Berln"), [berln]);
        assert!(faults("*,*,*,*,Europe/Berlin").is_empty());
        assert!(faults("*,*,*,*").is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_skipped_and_told() {
        for (text, expected) in [
            ("25:00-26:00&17:05", true),
            ("17:05&9-17", true),
            ("*,someday&thu", true),
            ("*,someday&wed", false),
            ("*,8", false),
            ("*,*,32", false),
            ("*,*,*,13", false),
            ("*,*,*,", true),
        ] {
            assert_eq!(applies(text), expected, "{text}");
        }
        assert_eq!(
            faults("9-17&17:05,someday"),
            [
                "'9-17' is not a time of day (HH:MM-HH:MM) and is skipped",
                "'someday' is not a day of the week (mon-fri) and is skipped; nothing is left, so \
                 that it never applies",
            ]
        );
    }
}
