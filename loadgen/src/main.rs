//! pinion-load: reads its arguments, runs what they ask for, tells the results
//! and says by its exit code what they are worth.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser;
use pinion_loadgen::cli::{Cli, Output};
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
        Ok(results) => ExitCode::from(worth(&results)),
        Err(error) => {
            eprintln!("pinion-load: {error}");
            ExitCode::from(REFUSED)
        }
    }
}

fn work(cli: &Cli) -> Result<Results, Error> {
    let flags = std::env::args().skip(1).collect();
    let (plan, output) = cli.command.plan(flags).map_err(Error::Plan)?;
    let stop = signals().map_err(|error| Error::Io("cannot take signals".into(), error))?;
    let results = run_until(&plan, &stop)?;
    print!("{}", report::text(&results));
    write(&results, output)?;
    Ok(results)
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

fn write(results: &Results, output: &Output) -> Result<(), Error> {
    let Some(path) = &output.json else {
        return Ok(());
    };
    let failed = |error| Error::Io(format!("cannot write {}", path.display()), error);
    let json = serde_json::to_string_pretty(results).map_err(|error| failed(error.into()))?;
    std::fs::write(path, json).map_err(failed)
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
