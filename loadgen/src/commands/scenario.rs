//! `pinion-load scenario`.

use std::sync::Arc;

use super::{check, file, signals};
use crate::scenario::{self, ScenarioArgs};
use crate::{Error, report};

/// Runs a scenario file, or only checks it; the exit code.
pub fn play(args: &ScenarioArgs, flags: Vec<String>) -> Result<u8, Error> {
    let plan = args.plan(flags).map_err(Error::Plan)?;
    let (program, warnings) = args.program(&plan).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Error::Plan(format!("the scenario cannot be run\n{}", lines.join("\n")))
    })?;
    for warning in warnings {
        eprintln!("{warning}");
    }
    if args.check {
        println!("{}: nothing to object to", args.file.display());
        return Ok(0);
    }
    let plan = args
        .plan_for(plan, program.scenario.role)
        .map_err(Error::Plan)?;
    check(&args.output)?;
    let program = Arc::new(program);
    let (results, score) = scenario::run(&plan, &program, &signals()?)?;
    print!("{}", report::text(&results));
    println!("{score}");
    for (name, count) in program.scenario.counters.iter().zip(&score.counters) {
        println!("counter {name}: {count}");
    }
    Ok(file(&results, &args.output))
}
