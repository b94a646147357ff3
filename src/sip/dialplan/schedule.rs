//! When an include or a `GotoIfTime` applies: `times,weekdays,mdays,months`.
//!
//! It is told the time and the local zone; it knows no clock.

use super::zone::Zone;
use crate::base::UnixTime;

const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// Ranges of one field; none is always. A range may wrap round its end.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Ranges(Box<[(u16, u16)]>);

impl Ranges {
    fn parse(text: &str, value: impl Fn(&str) -> Option<u16>) -> Option<Ranges> {
        let text = text.trim();
        if text.is_empty() || text == "*" {
            return Some(Ranges::default());
        }
        let range = |range: &str| {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            Some((value(from.trim())?, value(to.trim())?))
        };
        text.split('&')
            .map(range)
            .collect::<Option<Vec<_>>>()
            .map(|ranges| Ranges(ranges.into()))
    }

    fn contain(&self, value: u16) -> bool {
        let within = |&(from, to): &(u16, u16)| match from <= to {
            true => (from..=to).contains(&value),
            false => value >= from || value <= to,
        };
        self.0.is_empty() || self.0.iter().any(within)
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
    /// A name that no zone has; the zone is UTC then.
    unknown: Option<Box<str>>,
}

impl Schedule {
    /// Reads `times,weekdays,mdays,months[,timezone]`. Each field is `*` or
    /// values and ranges joined by `&`; the last minute of a range belongs to
    /// it; missing fields are `*`. A zone that does not exist is taken as UTC,
    /// as Asterisk does. The error is a sentence.
    pub fn parse(text: &str) -> Result<Schedule, String> {
        let mut fields = text.split(',').map(str::trim);
        let mut field = |what: &str, value: &dyn Fn(&str) -> Option<u16>| {
            let text = fields.next().unwrap_or("*");
            Ranges::parse(text, value).ok_or_else(|| format!("'{text}' is not {what}"))
        };
        let mut schedule = Schedule {
            minutes: field("a time of day (HH:MM-HH:MM)", &minute)?,
            weekdays: field("a day of the week (mon-fri)", &|text| {
                named(text, &WEEKDAYS)
            })?,
            days: field("a day of the month (1-31)", &|text| between(text, 1, 31))?,
            months: field("a month (jan-dec)", &|text| {
                named(text, &MONTHS).map(|month| month + 1)
            })?,
            zone: None,
            text: text.into(),
            unknown: None,
        };
        if let Some(name) = fields.next().filter(|name| !matches!(*name, "" | "*")) {
            let zone = Zone::named(name);
            schedule.unknown = zone.is_none().then(|| name.into());
            schedule.zone = Some(zone.unwrap_or(Zone::UTC));
        }
        Ok(schedule)
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// A zone asked for that does not exist; times are taken as UTC then.
    pub fn unknown_zone(&self) -> Option<&str> {
        self.unknown.as_deref()
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

fn named(text: &str, names: &[&str]) -> Option<u16> {
    names
        .iter()
        .position(|name| name.eq_ignore_ascii_case(text))
        .map(|at| at as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-02-29 (a Thursday) 17:05:59 UTC.
    const LEAP_DAY: UnixTime = UnixTime(1_709_226_359);

    fn applies(text: &str) -> bool {
        Schedule::parse(text).unwrap().applies(LEAP_DAY, &Zone::UTC)
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
            let schedule = Schedule::parse(text).unwrap();
            assert_eq!(schedule.applies(LEAP_DAY, &auckland), expected, "{text}");
        }
    }

    #[test]
    fn times_follow_the_clocks_when_they_change() {
        let schedule = Schedule::parse("02:00-02:59,*,*,*,Europe/Berlin").unwrap();
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

    #[test]
    fn a_zone_that_does_not_exist_is_told() {
        let unknown = |text| Schedule::parse(text).unwrap().unknown.map(String::from);
        assert_eq!(unknown("*,*,*,*,Europe/Berln"), Some("Europe/Berln".into()));
        assert_eq!(unknown("*,*,*,*,Europe/Berlin"), None);
        assert_eq!(unknown("*,*,*,*"), None);
    }

    #[test]
    fn nonsense_is_refused_in_a_sentence() {
        for text in ["25:00-26:00", "9-17", "*,someday", "*,*,32", "*,*,*,13"] {
            assert!(
                Schedule::parse(text).unwrap_err().contains(" is not a"),
                "{text}"
            );
        }
    }
}
