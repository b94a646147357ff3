//! When an include or a `GotoIfTime` applies: `times,weekdays,mdays,months`.
//!
//! It is told the time; it knows no clock and no zone but UTC.

use crate::base::UnixTime;

const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// A calendar's view of a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Calendar {
    /// Minutes since midnight.
    pub minute: u16,
    /// 0 is Sunday.
    pub weekday: u16,
    /// Day of the month, from 1.
    pub day: u16,
    /// 1 is January.
    pub month: u16,
}

impl Calendar {
    /// The moment in UTC.
    pub fn utc(time: UnixTime) -> Calendar {
        let days = time.0 / 86_400;
        // Years that begin in March put the leap day last, so that months and
        // years follow from the day's number by division alone.
        let since_march_0000 = days + 719_468;
        let of_era = since_march_0000 % 146_097;
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * of_year + 2) / 153;
        Calendar {
            minute: (time.0 % 86_400 / 60) as u16,
            weekday: ((days + 4) % 7) as u16,
            day: (of_year - (153 * from_march + 2) / 5 + 1) as u16,
            month: ((from_march + 2) % 12 + 1) as u16,
        }
    }
}

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
    zone: Option<Box<str>>,
}

impl Schedule {
    /// Reads `times,weekdays,mdays,months[,timezone]`. Each field is `*` or
    /// values and ranges joined by `&`; the last minute of a range belongs to
    /// it; missing fields are `*`. The error is a sentence.
    pub fn parse(text: &str) -> Result<Schedule, String> {
        let mut fields = text.split(',').map(str::trim);
        let mut field = |what: &str, value: &dyn Fn(&str) -> Option<u16>| {
            let text = fields.next().unwrap_or("*");
            Ranges::parse(text, value).ok_or_else(|| format!("'{text}' is not {what}"))
        };
        Ok(Schedule {
            minutes: field("a time of day (HH:MM-HH:MM)", &minute)?,
            weekdays: field("a day of the week (mon-fri)", &|text| {
                named(text, &WEEKDAYS)
            })?,
            days: field("a day of the month (1-31)", &|text| between(text, 1, 31))?,
            months: field("a month (jan-dec)", &|text| {
                named(text, &MONTHS).map(|month| month + 1)
            })?,
            zone: fields.next().filter(|zone| !zone.is_empty()).map(Box::from),
        })
    }

    /// The time zone asked for; times are taken as UTC whatever it says.
    pub fn zone(&self) -> Option<&str> {
        self.zone.as_deref()
    }

    /// Whether it applies at a moment.
    pub fn applies(&self, at: Calendar) -> bool {
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
        Schedule::parse(text)
            .unwrap()
            .applies(Calendar::utc(LEAP_DAY))
    }

    #[test]
    fn the_calendar_knows_leap_days() {
        let at = |seconds| Calendar::utc(UnixTime(seconds));
        assert_eq!(
            Calendar::utc(LEAP_DAY),
            Calendar {
                minute: 17 * 60 + 5,
                weekday: 4,
                day: 29,
                month: 2
            }
        );
        assert_eq!(
            at(0),
            Calendar {
                minute: 0,
                weekday: 4,
                day: 1,
                month: 1
            }
        );
        assert_eq!(
            at(1_709_251_200),
            Calendar {
                minute: 0,
                weekday: 5,
                day: 1,
                month: 3
            }
        );
        assert_eq!(
            at(1_735_689_599),
            Calendar {
                minute: 1439,
                weekday: 2,
                day: 31,
                month: 12
            }
        );
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
    fn the_zone_is_kept_apart() {
        assert_eq!(
            Schedule::parse("*,*,*,*,Europe/Berlin").unwrap().zone(),
            Some("Europe/Berlin")
        );
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
