//! What the program can be asked beside a single run of its own units: to run
//! a scenario file, to compare two runs, to search for the highest rate a
//! server holds, and to flood one. Owns flags, output and exit codes; the work
//! is done by [`crate::scenario`], [`crate::report`], [`crate::search`] and
//! [`crate::flood`].

mod compare;
mod find_max;
mod flood;
mod scenario;

pub use compare::CompareArgs;
pub use find_max::FindMaxArgs;
pub use flood::FloodArgs;
pub use scenario::play;

use std::fs::{OpenOptions, remove_file};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Subcommand;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::cli::{Command, Output};
use crate::plan::Plan;
use crate::results::{Results, Verdict};
use crate::scenario::ScenarioArgs;
use crate::{Error, report};

/// Everything the program can be asked.
#[derive(Subcommand, Debug)]
pub enum Task {
    #[command(flatten)]
    /// One run.
    Run(Box<Command>),
    /// A SIPp scenario file, as caller or as called side
    ///
    /// One that begins with <send> calls --target, one that begins with <recv>
    /// takes calls at --listen. What cannot be run is named with file and line.
    Scenario(Box<ScenarioArgs>),
    /// Two runs side by side: ratios with 95 % intervals
    Compare(CompareArgs),
    /// The highest rate that keeps an objective: doubles, bisects, confirms three times
    FindMax(Box<FindMaxArgs>),
    /// Traffic a server must survive, by named profile
    Flood(FloodArgs),
}

impl Task {
    /// The plan of a single run, and where its results go. `Err` is one
    /// sentence.
    pub fn plan(&self, flags: Vec<String>) -> Result<(Plan, &Output), String> {
        match self {
            Task::Run(command) => command.plan(flags),
            Task::Scenario(_) | Task::Compare(_) | Task::FindMax(_) | Task::Flood(_) => {
                Err("that is no single run".into())
            }
        }
    }
}

/// Sentences of other layers as this crate's error.
fn refused(error: impl std::fmt::Display) -> Error {
    Error::Plan(error.to_string())
}

/// Refuses files for results that cannot be written, before anything runs.
pub fn check(output: &Output) -> Result<(), Error> {
    for path in output.json.iter().chain(&output.html) {
        let is_new = !path.exists();
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .and_then(|_| if is_new { remove_file(path) } else { Ok(()) })
            .map_err(|error| Error::Io(format!("cannot write {}", path.display()), error))?;
    }
    Ok(())
}

/// Writes a run's results where its flags want them. Where they cannot be
/// written any more it says so, and returns the exit code for that unless the
/// results have a worse one.
pub fn file(results: &Results, output: &Output) -> u8 {
    let worth = worth(results);
    match write(results, output) {
        Ok(()) => worth,
        Err(error) => {
            eprintln!("pinion-load: {error}");
            if worth == 0 { REFUSED } else { worth }
        }
    }
}

fn write(results: &Results, output: &Output) -> Result<(), Error> {
    if let Some(path) = &output.json {
        report::write(path, results).map_err(refused)?;
    }
    if let Some(path) = &output.html {
        let failed = |error| Error::Io(format!("cannot write {}", path.display()), error);
        std::fs::write(path, report::html(results)).map_err(failed)?;
    }
    Ok(())
}

/// A wrong flag, or the host refused.
pub const REFUSED: u8 = 2;
/// Some units failed or never ended, or the ends do not agree.
const FAILED: u8 = 1;
/// The generator was the limit.
const INVALID: u8 = 3;

/// The exit code a run's results are worth.
pub fn worth(results: &Results) -> u8 {
    let ghosts = results.sides.as_ref().map_or(0, |sides| sides.ghosts);
    if matches!(results.verdict, Verdict::Invalid { .. }) {
        INVALID
    } else if results.units.failed > 0
        || results.units.in_flight_at_end > 0
        || !results.failures.is_empty()
        || ghosts > 0
    {
        FAILED
    } else {
        0
    }
}

/// A flag that the first signal raises, for running units to end; a second one
/// ends the process.
pub fn signals() -> Result<Arc<AtomicBool>, Error> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .map_err(|error| Error::Io("cannot take signals".into(), error))?;
    }
    Ok(stop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Sides;

    #[test]
    fn only_a_run_without_a_flaw_is_worth_nought() {
        type Flaw = fn(&mut Results);
        let flaws: [(Flaw, u8); 6] = [
            (|_| {}, 0),
            (|results| results.units.failed = 1, FAILED),
            (|results| results.units.in_flight_at_end = 1, FAILED),
            (
                |results| results.failures = [("callee".into(), 1)].into(),
                FAILED,
            ),
            (
                |results| {
                    results.sides = Some(Sides {
                        ghosts: 1,
                        ..Sides::default()
                    });
                },
                FAILED,
            ),
            (
                |results| {
                    results.units.failed = 1;
                    results.verdict = Verdict::Invalid {
                        reasons: Vec::new(),
                    };
                },
                INVALID,
            ),
        ];
        for (number, (flaw, code)) in flaws.into_iter().enumerate() {
            let mut results = Results::default();
            results.units.begun = 5;
            flaw(&mut results);
            assert_eq!(worth(&results), code, "flaw {number}");
        }
    }
}
