//! Dates as SIP writes them (RFC 3261 §20.17, RFC 1123).

use arrayvec::ArrayVec;

use super::UnixTime;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// `Sat, 13 Nov 2010 23:29:00 GMT`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Date(ArrayVec<u8, 29>);

impl UnixTime {
    /// This second as a SIP-date.
    pub fn date(self) -> Date {
        let (days, second) = (self.0 / 86_400, self.0 % 86_400);
        let (year, month, day) = civil(days);
        let weekday = DAYS.get((days % 7) as usize).copied().unwrap_or_default();
        let month = MONTHS.get(month as usize).copied().unwrap_or_default();
        let mut text = ArrayVec::new();
        for part in [
            weekday.as_bytes(),
            b", ",
            &two_digits(day),
            b" ",
            month.as_bytes(),
            b" ",
            &two_digits(year / 100),
            &two_digits(year),
            b" ",
            &two_digits(second / 3600),
            b":",
            &two_digits(second / 60 % 60),
            b":",
            &two_digits(second % 60),
            b" GMT",
        ] {
            // All parts are of fixed length, 29 bytes together.
            let _ = text.try_extend_from_slice(part);
        }
        Date(text)
    }
}

impl Date {
    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The last two digits of a number.
fn two_digits(number: u64) -> [u8; 2] {
    let digit = |number: u64| b'0' + (number % 10) as u8;
    [digit(number / 10), digit(number)]
}

/// Year, month from 0 and day of a number of days since 1970, in the Gregorian
/// calendar. Years are counted from March, so that the leap day is the last.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12;
    let year = year_of_era + era * 400 + u64::from(month < 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_the_calendar() {
        let cases = [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_289_690_940, "Sat, 13 Nov 2010 23:29:00 GMT"),
            (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
        ];
        for (unix, date) in cases {
            assert_eq!(UnixTime(unix).date().as_bytes(), date.as_bytes());
        }
    }
}
