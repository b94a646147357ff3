//! What the program can be asked beside a single run: to compare two, to
//! search for the highest rate a server holds, and to flood one. Owns flags,
//! output and exit codes; the work is done by [`crate::report`],
//! [`crate::search`] and [`crate::flood`].

mod compare;
mod find_max;
mod flood;

pub use compare::CompareArgs;
pub use find_max::FindMaxArgs;
pub use flood::FloodArgs;

use clap::Subcommand;

use crate::cli::{Command, Output};
use crate::plan::Plan;
use crate::results::Results;
use crate::{Error, report};

/// Everything the program can be asked.
#[derive(Subcommand, Debug)]
pub enum Task {
    #[command(flatten)]
    /// One run.
    Run(Box<Command>),
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
            Task::Compare(_) | Task::FindMax(_) | Task::Flood(_) => {
                Err("that is no single run".into())
            }
        }
    }
}

/// Sentences of other layers as this crate's error.
fn refused(error: impl std::fmt::Display) -> Error {
    Error::Plan(error.to_string())
}

/// Writes a run's results where its flags want them.
pub fn write(results: &Results, output: &Output) -> Result<(), Error> {
    if let Some(path) = &output.json {
        report::write(path, results).map_err(refused)?;
    }
    if let Some(path) = &output.html {
        let failed = |error| Error::Io(format!("cannot write {}", path.display()), error);
        std::fs::write(path, report::html(results)).map_err(failed)?;
    }
    Ok(())
}
