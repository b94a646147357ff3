//! pinion-load: reads its arguments, runs what they ask for, tells the results
//! and says by its exit code what they are worth.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser;
use pinion_loadgen::cli::{Cli, Command};
use pinion_loadgen::commands::{Task, write};
use pinion_loadgen::results::{Results, Verdict};
use pinion_loadgen::{Error, report, run_until};
use signal_hook::consts::{SIGINT, SIGTERM};

/// Some units failed, or the ends do not agree.
const FAILED: u8 = 1;
/// A wrong flag, or the host refused.
const REFUSED: u8 = 2;
/// The generator was the limit.
const INVALID: u8 = 3;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match work(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("pinion-load: {error}");
            ExitCode::from(REFUSED)
        }
    }
}

/// Does what was asked; the exit code.
fn work(cli: &Cli) -> Result<u8, Error> {
    let flags = std::env::args().skip(1).collect();
    match &cli.command {
        Task::Run(command) => run(command, flags),
        Task::Compare(args) => args.run(),
        Task::FindMax(args) => args.run(flags),
        Task::Flood(args) => args.run(),
    }
}

fn run(command: &Command, flags: Vec<String>) -> Result<u8, Error> {
    let (plan, output) = command.plan(flags).map_err(Error::Plan)?;
    let stop = signals().map_err(|error| Error::Io("cannot take signals".into(), error))?;
    let results = run_until(&plan, &stop)?;
    print!("{}", report::text(&results));
    write(&results, output)?;
    Ok(worth(&results))
}

/// The first signal lets running units end; a second one ends the process.
fn signals() -> std::io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

fn worth(results: &Results) -> u8 {
    let ghosts = results.sides.as_ref().map_or(0, |sides| sides.ghosts);
    if matches!(results.verdict, Verdict::Invalid { .. }) {
        INVALID
    } else if results.units.failed > 0 || !results.failures.is_empty() || ghosts > 0 {
        FAILED
    } else {
        0
    }
}
