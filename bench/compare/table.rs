//! The rows of a comparison: what was measured, what was wanted, and whether
//! it was reached; as a table and as JSON.

use serde_json::{Value, json};

/// One demand on a measured value.
pub struct Check {
    /// What the value and its target count: "× kamailio", "bytes".
    pub unit: String,
    /// The measured value, or its ratio.
    pub measured: f64,
    /// What it may be at most; at least where `at_least`.
    pub target: f64,
    pub at_least: bool,
}

impl Check {
    /// `value` ÷ `reference` must not exceed `target`.
    pub fn ratio(against: &str, value: f64, reference: f64, target: f64) -> Check {
        Check {
            unit: format!("× {against}"),
            measured: value / reference,
            target,
            at_least: false,
        }
    }

    /// `value` must not exceed `target`, both counted in `unit`.
    pub fn at_most(unit: &str, value: f64, target: f64) -> Check {
        Check {
            unit: unit.into(),
            measured: value,
            target,
            at_least: false,
        }
    }

    /// `value` must not be below `target`, both counted in `unit`.
    pub fn at_least(unit: &str, value: f64, target: f64) -> Check {
        Check::at_most(unit, value, target).or_more()
    }

    /// The same the other way round: what was measured must not be less.
    pub fn or_more(self) -> Check {
        Check {
            at_least: true,
            ..self
        }
    }

    fn met(&self) -> bool {
        if self.at_least {
            self.measured >= self.target
        } else {
            self.measured <= self.target
        }
    }

    fn said(&self) -> String {
        let relation = if self.at_least { "≥" } else { "≤" };
        let verdict = if self.met() { "reached" } else { "MISSED" };
        format!(
            "{:.2} {relation} {} {} {verdict}",
            self.measured, self.target, self.unit
        )
    }
}

/// One line of the table.
#[derive(Default)]
pub struct Row {
    pub unit: &'static str,
    /// What the figures count: "CPU µs", "calls/s", "bytes".
    pub measure: &'static str,
    pub engine: Option<f64>,
    pub peer: Option<f64>,
    pub floor: Option<f64>,
    pub checks: Vec<Check>,
    pub note: String,
}

impl Row {
    /// A row that could not be measured, and why.
    pub fn missing(unit: &'static str, reason: String) -> Row {
        Row {
            unit,
            note: format!("not measured: {}", reason.replace('\n', " ")),
            ..Row::default()
        }
    }

    /// Whether it was measured and every demand is met.
    pub fn met(&self) -> bool {
        self.engine.is_some() && self.checks.iter().all(Check::met)
    }

    fn line(&self) -> String {
        let figure = |value: Option<f64>| value.map_or("–".into(), |value| format!("{value:.1}"));
        let checks: Vec<String> = self.checks.iter().map(Check::said).collect();
        let mut line = format!(
            "| {} | {} | {} | {} | {} | {} |",
            self.unit,
            self.measure,
            figure(self.engine),
            figure(self.peer),
            figure(self.floor),
            checks.join("; ")
        );
        if !self.note.is_empty() {
            line += &format!(" {} |", self.note);
        } else {
            line += " |";
        }
        line
    }

    fn json(&self) -> Value {
        let checks = self.checks.iter().map(|check| {
            json!({
                "unit": check.unit,
                "measured": check.measured,
                "target": check.target,
                "at_least": check.at_least,
                "met": check.met(),
            })
        });
        json!({
            "unit": self.unit,
            "measure": self.measure,
            "engine": self.engine,
            "peer": self.peer,
            "floor": self.floor,
            "checks": checks.collect::<Vec<_>>(),
            "met": self.met(),
            "note": self.note,
        })
    }
}

/// The table, as Markdown.
pub fn text(rows: &[Row]) -> String {
    let mut text = String::from(
        "| unit | measure | engine | peer | floor | against its target | note |\n|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        text += &row.line();
        text.push('\n');
    }
    text
}

/// The table and where it was made, as JSON.
pub fn json(rows: &[Row], environment: Value) -> Value {
    json!({
        "environment": environment,
        "rows": rows.iter().map(Row::json).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_met_only_when_measured_and_within_every_target() {
        let mut row = Row {
            engine: Some(4.0),
            checks: vec![Check::ratio("kamailio", 4.0, 5.0, 0.85)],
            ..Row::default()
        };
        assert!(row.met());
        row.checks.push(Check::ratio("floor", 4.0, 2.0, 1.35));
        assert!(!row.met());
        assert!(
            row.line().contains("2.00 ≤ 1.35 × floor MISSED"),
            "{}",
            row.line()
        );
        assert!(!Row::missing("x", "y".into()).met());
    }

    #[test]
    fn some_targets_are_lower_bounds() {
        let check = Check {
            at_least: true,
            ..Check::ratio("kamailio", 5.0, 2.0, 2.0)
        };
        assert!(check.met());
    }
}
