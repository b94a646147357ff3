//! `pinion-load find-max`.

use std::time::Duration;

use clap::Args;

use super::{check, refused, write};
use crate::cli::Command;
use crate::plan::{self, Arrival, Load, Plan, Unit};
use crate::search::{self, Found, Outcome, Range, Slo, Trial};
use crate::{Error, report, run};

const EXAMPLES: &str = "\
The rate doubles from --first until the objective is missed, the gap is halved down to 2 %, and the
rate found is met three times more; one that is not gives way to the next 2 % below. A miss counts
once it is repeated. Where the generator is the limit the search goes on below, and says so unless
the server is the limit there. --json and --html of the load get the last run that met the objective.

Stages: invite-100, invite-401, invite-18x, invite-200, invite-refused, ack, bye-200, cancel-487,
register-401, register-200, options-200, message-401, message-200, whole. Without one the bound is
that of the load's main stage.

Examples:
  pinion-load find-max --slo 'p99<20ms,fail<0.01%' call --target 127.0.0.1:5060 --uas local --duration 10s
  pinion-load find-max --slo 'register-200.p99.9<50ms,retrans<1%' --first 1000 register --arrival poisson

Exit codes:
  0  found
  1  not even the least rate keeps the objective
  2  a wrong flag, or the host refused
  3  the generator is the limit, at the rate told";

/// Flags of `find-max`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct FindMaxArgs {
    /// What must hold: percentiles, mean, max, fail, retrans, with a stage before a dot
    #[arg(long, value_name = "BOUNDS")]
    slo: Slo,
    /// The rate tried first, in units a second
    #[arg(long, value_name = "N", default_value_t = 100.0, value_parser = rate)]
    first: f64,
    /// Nothing below is tried
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = rate)]
    least: f64,
    /// Nothing above is tried
    #[arg(long, value_name = "N", default_value_t = 1e6, value_parser = rate)]
    most: f64,
    /// Between two runs, for the server to come to rest
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = plan::duration)]
    rest: Duration,
    /// The load
    #[command(subcommand)]
    load: Command,
}

fn rate(text: &str) -> Result<f64, String> {
    plan::rate(text, 1e-3)
}

impl FindMaxArgs {
    /// Searches, tells each run and what was found, and returns the exit code.
    pub fn run(&self, flags: Vec<String>) -> Result<u8, Error> {
        plan::refuse_idle(
            &flags,
            &["--rate"],
            "the search sets it; see --first and --most",
        )
        .map_err(Error::Plan)?;
        let (plan, output) = self.load.plan(flags).map_err(Error::Plan)?;
        // A load whose rate is not one number is refused before anything runs.
        at(&plan, self.first, 0).map_err(Error::Plan)?;
        let units: Vec<Unit> = plan.units.iter().map(|&(unit, _)| unit).collect();
        if let Some(stage) = self.slo.foreign_stage(&units) {
            return Err(refused(format!(
                "this load never has samples of {stage}, which --slo bounds"
            )));
        }
        if self.least > self.most {
            return Err(refused("--least is above --most"));
        }
        check(output)?;
        let range = Range {
            first: self.first,
            least: self.least,
            most: self.most,
        };
        println!("objective  {}", self.slo);
        let mut runs = 0;
        let make = |rate| {
            if runs > 0 {
                std::thread::sleep(self.rest);
            }
            runs += 1;
            run(&at(&plan, rate, runs).map_err(Error::Plan)?)
        };
        let mut kept = None;
        let tell = |trial: &Trial| {
            println!("{}", line(trial));
            if trial.outcome == Outcome::Met {
                kept = Some(trial.results.clone());
            }
        };
        let found = search::find_max(range, &self.slo, make, tell)?;
        println!("{found}");
        if let Some(results) = kept {
            write(&results, output)?;
        }
        Ok(match found {
            Found::Rate { .. } => 0,
            Found::Nothing { .. } => 1,
            Found::GeneratorLimit { .. } => 3,
        })
    }
}

/// The plan at another rate. Each run has a seed of its own, made from the
/// first one's, so that none meets the transactions that linger from another.
fn at(plan: &Plan, rate: f64, run: u64) -> Result<Plan, String> {
    let arrival = match plan.load {
        Load::Open(Arrival::Constant(_)) => Arrival::Constant(rate),
        Load::Open(Arrival::Poisson(_)) => Arrival::Poisson(rate),
        _ => {
            return Err(
                "find-max sets the rate itself: --arrival can be constant or poisson, \
                 and --saturate has none"
                    .into(),
            );
        }
    };
    if plan.units.is_empty() {
        return Err("uas makes no load to search with".into());
    }
    Ok(Plan {
        load: Load::Open(arrival),
        seed: plan.seed.wrapping_add(run),
        ..plan.clone()
    })
}

/// A run of the search, in one line.
fn line(trial: &Trial) -> String {
    let main = report::main_stages(&trial.results).into_iter();
    let mut stages = main.filter_map(|name| trial.results.stages.get(name));
    let latency = stages.next().map_or_else(String::new, |stage| {
        format!("  p50_us {:>7}  p99_us {:>7}", stage.p50_us, stage.p99_us)
    });
    format!(
        "offered {:>9.1}/s  completed {:>9.1}/s  failed {:>6}{latency}  {}",
        trial.rate, trial.results.achieved, trial.results.units.failed, trial.outcome
    )
}
