//! `pinion-load compare`.

use std::path::PathBuf;

use clap::Args;

use super::refused;
use crate::Error;
use crate::report;

/// How intervals are made, for whoever reads them.
const METHOD: &str = "\
The interval of a percentile's ratio comes from order statistics, which assume nothing about the
distribution; that of the rate from the scatter of its seconds; that of the failed share from
Wilson's score. Each holds with 95 % for what the sampling inside of the two runs leaves open; what
changes from run to run only more runs can tell.

Exit codes:
  0  no figure of b is worse
  1  some figure of b is worse: its whole interval lies beyond the tolerance
  2  a file cannot be used
  3  one of the runs is INVALID";

/// Flags of `compare`.
#[derive(Args, Debug)]
#[command(after_help = METHOD)]
pub struct CompareArgs {
    /// The results to compare to, as --json writes them
    a: PathBuf,
    /// The results to judge
    b: PathBuf,
    /// How much worse does not count, in percent
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = percent)]
    tolerance: f64,
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').trim_end().parse().ok();
    number
        .filter(|percent| (0.0..=1000.0).contains(percent))
        .map(|percent: f64| percent / 100.0)
        .ok_or_else(|| "a percentage is wanted, such as 5%".into())
}

impl CompareArgs {
    /// Compares, tells, and returns the exit code.
    pub fn run(&self) -> Result<u8, Error> {
        let a = report::read(&self.a).map_err(refused)?;
        let b = report::read(&self.b).map_err(refused)?;
        let comparison = report::compare(&a, &b, self.tolerance);
        println!("a  {}", self.a.display());
        println!("b  {}", self.b.display());
        print!("{comparison}");
        Ok(comparison.exit_status())
    }
}
