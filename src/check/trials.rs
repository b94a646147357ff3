//! `--test`: trials of the plan that is checked, told beside its findings. How
//! a trial goes is `trial`'s matter.

use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use crate::config::file::{ConfigError, Exec, Position};
use crate::config::{ReadRows, load_dir};
use crate::trial::{self, Outcome};

/// Runs the trials of a file against a directory. `Err` says why they cannot
/// be run. Blocks.
pub fn run(
    dir: &Path,
    file: &Path,
    read_rows: ReadRows<'_>,
    exec: Exec,
) -> Result<Vec<Outcome>, ConfigError> {
    let name = file.to_string_lossy();
    let text = std::fs::read_to_string(file).map_err(|error| {
        let at = Position {
            file: (&*name).into(),
            line: 0,
        };
        ConfigError::new(
            &at,
            format!("cannot be read: {error}. Check the path and its permissions."),
        )
    })?;
    let make = || load_dir(dir, read_rows, exec).map(|loaded| loaded.config);
    trial::run(&make, &text, &name)
}

/// Writes how they went: a line for each, and under it what is not as wanted
/// and what happened instead.
pub fn write_text(outcomes: &[Outcome], out: &mut dyn Write) -> io::Result<()> {
    for outcome in outcomes {
        let verdict = if outcome.failures.is_empty() {
            "ok"
        } else {
            "FAILED"
        };
        writeln!(out, "{}: {verdict}: {}", outcome.at, outcome.name)?;
        if outcome.failures.is_empty() {
            continue;
        }
        for failure in &outcome.failures {
            writeln!(out, "  {failure}")?;
        }
        for line in &outcome.story {
            writeln!(out, "    {line}")?;
        }
    }
    let failed = outcomes
        .iter()
        .filter(|outcome| !outcome.failures.is_empty());
    let failed = failed.count();
    writeln!(out, "{} passed, {failed} failed", outcomes.len() - failed)
}

/// The same for programs.
pub fn to_json(outcomes: &[Outcome]) -> Value {
    let outcome = |outcome: &Outcome| {
        json!({
            "name": outcome.name,
            "at": outcome.at,
            "passed": outcome.failures.is_empty(),
            "failures": outcome.failures,
            "story": outcome.story,
        })
    };
    outcomes.iter().map(outcome).collect()
}
