//! pinion-load: reads its arguments, runs what they ask for, tells the results
//! and says by its exit code what they are worth.

use std::process::ExitCode;

use clap::Parser;
use pinion_loadgen::cli::{Cli, Command};
use pinion_loadgen::commands::{self, REFUSED, Task, check, file, signals};
use pinion_loadgen::{Error, plan, report, run_until};

fn main() -> ExitCode {
    if let Some(reason) = pinion_runtime::unsuited() {
        eprintln!("pinion-load: {reason}");
        return ExitCode::from(REFUSED);
    }
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
    let flags = plan::shown(std::env::args().skip(1));
    match &cli.command {
        Task::Run(command) => run(command, flags),
        Task::Scenario(args) => commands::play(args, flags),
        Task::Compare(args) => args.run(),
        Task::FindMax(args) => args.run(flags),
        Task::Flood(args) => args.run(),
    }
}

fn run(command: &Command, flags: Vec<String>) -> Result<u8, Error> {
    let (plan, output) = command.plan(flags).map_err(Error::Plan)?;
    check(output)?;
    let stop = signals()?;
    let results = run_until(&plan, &stop)?;
    print!("{}", report::text(&results));
    Ok(file(&results, output))
}
