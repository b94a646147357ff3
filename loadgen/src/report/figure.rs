//! Figures as people read them, and which stages stand for a scenario.

use crate::results::{Results, Stage};
use crate::tally;

/// The stages a unit is done with, one per scenario; a latency bound that
/// names no stage is about these.
pub const MAIN_STAGES: [(&str, &str); 4] = [
    ("call", "invite-200"),
    ("register", "register-200"),
    ("options", "options-200"),
    ("message", "message-200"),
];

/// The main stages of a run: its scenario's, or those of all scenarios for one
/// that mixes them, as far as they occurred.
pub fn main_stages(results: &Results) -> Vec<&'static str> {
    let own = |&&(scenario, _): &&(&str, &str)| scenario == results.scenario;
    match MAIN_STAGES.iter().find(own) {
        Some(&(_, stage)) => vec![stage],
        None => MAIN_STAGES
            .iter()
            .map(|&(_, stage)| stage)
            .filter(|&stage| results.stages.contains_key(stage))
            .collect(),
    }
}

/// The stages that have samples, in the order of a unit's life; those unknown
/// here follow by name.
pub fn stages(results: &Results) -> Vec<(&str, &Stage)> {
    let stages = results.stages.iter();
    let mut stages: Vec<(&str, &Stage)> = stages
        .filter(|(_, stage)| stage.count > 0)
        .map(|(name, stage)| (name.as_str(), stage))
        .collect();
    let place = |name: &str| {
        tally::Stage::ALL
            .iter()
            .position(|known| known.name() == name)
    };
    stages.sort_by_key(|&(name, _)| place(name).unwrap_or(usize::MAX));
    stages
}

/// Microseconds in the unit that suits them, three digits.
pub fn micros(us: f64) -> String {
    match us {
        us if us < 1e3 => format!("{} µs", digits(us)),
        us if us < 1e6 => format!("{} ms", digits(us / 1e3)),
        us => format!("{} s", digits(us / 1e6)),
    }
}

/// Three digits that count; no decimals without need.
pub fn digits(value: f64) -> String {
    let decimals = match value.abs() {
        0.0 => 0,
        small if small < 10.0 => 2,
        middle if middle < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.decimals$}");
    match text.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|digit| digit == b'0') => whole.to_owned(),
        _ => text,
    }
}

/// A whole number with its thousands apart by a narrow space.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// `part` of `whole` in percent; 0 of nothing.
pub fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    part as f64 * 100.0 / whole as f64
}

/// A share in percent with the digits that small shares need.
pub fn share(part: u64, whole: u64) -> String {
    let percent = percent(part, whole);
    match part {
        0 => "0 %".into(),
        _ if percent < 0.01 => format!("{percent:.4} %"),
        _ => format!("{percent:.2} %"),
    }
}

/// Milliseconds since 1970 as date and time of day, UTC (civil calendar by
/// Hinnant's days-to-date arithmetic).
pub fn moment(unix_ms: u64) -> String {
    let (days, second) = (unix_ms / 86_400_000, unix_ms / 1000 % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let moon = (5 * day_of_year + 2) / 153;
    let month = if moon < 10 { moon + 3 } else { moon - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!(
        "{year}-{month:02}-{:02} {:02}:{:02}:{:02} UTC",
        day_of_year - (153 * moon + 2) / 5 + 1,
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_change_their_unit() {
        let rows = [
            (0.0, "0 µs"),
            (7.0, "7 µs"),
            (412.0, "412 µs"),
            (7_030.0, "7.03 ms"),
            (20_000.0, "20 ms"),
            (1_234_567.0, "1.23 s"),
        ];
        for (us, wanted) in rows {
            assert_eq!(micros(us), wanted);
        }
    }

    #[test]
    fn small_shares_keep_their_digits() {
        assert_eq!(share(0, 0), "0 %");
        assert_eq!(share(1, 50_000), "0.0020 %");
        assert_eq!(share(1, 3), "33.33 %");
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
    }

    #[test]
    fn moments_are_dates() {
        assert_eq!(moment(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(moment(951_782_400_000), "2000-02-29 00:00:00 UTC");
        assert_eq!(moment(1_767_225_599_999), "2025-12-31 23:59:59 UTC");
    }

    #[test]
    fn stages_follow_a_units_life() {
        let mut results = Results::default();
        for name in ["a-new-one", "ack", "bye-200", "invite-100", "register-200"] {
            let count = 1;
            results.stages.insert(
                name.into(),
                Stage {
                    count,
                    ..Stage::default()
                },
            );
        }
        results.stages.insert("invite-200".into(), Stage::default());
        let names: Vec<&str> = stages(&results).into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            ["invite-100", "ack", "bye-200", "register-200", "a-new-one"]
        );
    }

    #[test]
    fn a_scenario_has_one_main_stage_and_a_mix_those_that_occurred() {
        let mut results = Results {
            scenario: "call".into(),
            ..Results::default()
        };
        assert_eq!(main_stages(&results), ["invite-200"]);
        results.scenario = "mix".into();
        for stage in ["options-200", "invite-200", "invite-100"] {
            results.stages.insert(stage.into(), Default::default());
        }
        assert_eq!(main_stages(&results), ["invite-200", "options-200"]);
    }
}
