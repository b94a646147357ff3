//! Counts the instructions of each unit under callgrind and holds them against
//! `bench/baseline.json`. Runs itself under valgrind, once for each unit.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use pinion_bench::{Unit, counted, plain};
use serde_json::{Value, json};

/// How much a count may differ from its baseline, in percent.
const TOLERANCE_PERCENT: f64 = 5.0;

/// How often a unit is done before instructions count: until transactions end
/// as fast as they begin (32 s, a unit each 100 ms).
const WARM_UP: u32 = 400;

/// How often it is done while they count.
const COUNTED: u32 = 400;

/// From one unit to the next, in virtual time.
const REST: Duration = Duration::from_millis(100);

/// Counts the instructions the engine runs for each unit of work, and fails
/// when one differs by more than 5 % from bench/baseline.json.
#[derive(Parser)]
struct Flags {
    /// Makes what is counted now the baseline
    #[arg(long)]
    update: bool,
    /// Does one unit, to be counted from outside
    #[arg(long, hide = true)]
    run: Option<String>,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    let outcome = match flags.run {
        Some(name) => run(&name).map(|()| true),
        None => count_all(flags.update),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The child's part: the work itself.
fn run(name: &str) -> Result<()> {
    let unit = Unit::named(name).with_context(|| format!("there is no unit {name}"))?;
    let mut work = unit.work(REST);
    for _ in 0..WARM_UP {
        work(plain);
    }
    for _ in 0..COUNTED {
        work(counted);
    }
    Ok(())
}

/// Instructions of one unit, from a child under valgrind.
fn count(unit: Unit, directory: &Path) -> Result<f64> {
    let profile = directory.join(unit.name());
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--toggle-collect=pinion_bench::meter::counted*",
        ])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(std::env::current_exe()?)
        .args(["--run", unit.name()])
        .stdin(Stdio::null())
        .output()
        .context("cannot start valgrind (on Debian: apt-get install valgrind)")?;
    ensure!(
        output.status.success(),
        "{} under valgrind: {}",
        unit.name(),
        String::from_utf8_lossy(&output.stderr)
    );
    let profile = fs::read_to_string(&profile).context("valgrind wrote no profile")?;
    let total = profile
        .lines()
        .find_map(|line| line.strip_prefix("totals: "))
        .and_then(|total| total.trim().parse::<f64>().ok())
        .context("the profile tells no total")?;
    ensure!(
        total > 0.0,
        "nothing was counted: is the frame `counted` gone?"
    );
    Ok(total / f64::from(COUNTED))
}

fn baseline_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("baseline.json")
}

/// The compiler's version: another one writes other instructions.
fn compiler() -> String {
    let output = Command::new("rustc").arg("--version").output();
    output.map_or("unknown".into(), |output| {
        String::from_utf8_lossy(&output.stdout).trim().into()
    })
}

/// Counts every unit; whether all are near their baseline.
fn count_all(update: bool) -> Result<bool> {
    let directory = tempfile::tempdir()?;
    let mut counts = BTreeMap::new();
    for unit in Unit::ALL {
        let instructions = count(unit, directory.path())?;
        counts.insert(unit.name(), instructions.round());
    }
    if update {
        let baseline = json!({ "compiler": compiler(), "instructions": counts });
        let text = format!("{}\n", serde_json::to_string_pretty(&baseline)?);
        fs::write(baseline_path(), text)?;
    }
    let text = fs::read_to_string(baseline_path())
        .context("bench/baseline.json: make it with bench/instructions --update")?;
    let baseline: Value = serde_json::from_str(&text).context("bench/baseline.json")?;
    compare(&counts, &baseline, |line| println!("{line}"))
}

/// Tells each count beside its baseline; whether all are near it. One that
/// fell is not: the next growth would hide below the old count.
fn compare(counts: &BTreeMap<&str, f64>, baseline: &Value, tell: impl Fn(String)) -> Result<bool> {
    let (mut grew, mut fell) = (Vec::new(), Vec::new());
    for (&name, &now) in counts {
        let Some(before) = baseline["instructions"][name].as_f64() else {
            bail!("bench/baseline.json has no {name}: bench/instructions --update");
        };
        let percent = (now / before - 1.0) * 100.0;
        tell(format!(
            "figure: {name:<22} {now:>8} instructions, {percent:+.1} % of {before}"
        ));
        if percent > TOLERANCE_PERCENT {
            grew.push(name);
        } else if percent < -TOLERANCE_PERCENT {
            fell.push(name);
        }
    }
    let was = baseline["compiler"].as_str().unwrap_or("unknown");
    if was != compiler() {
        tell(format!(
            "the baseline was counted with {was}, this with {}",
            compiler()
        ));
    }
    if !fell.is_empty() {
        tell(format!(
            "{} fell by more than {TOLERANCE_PERCENT} %: run `bench/instructions --update` \
             and commit bench/baseline.json, so that it stays so",
            fell.join(", ")
        ));
    }
    if !grew.is_empty() {
        tell(format!(
            "{} grew by more than {TOLERANCE_PERCENT} %: make it cheaper, or run \
             `bench/instructions --update` and commit bench/baseline.json with the reason",
            grew.join(", ")
        ));
    }
    Ok(grew.is_empty() && fell.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_and_fall_beyond_the_tolerance_fail() {
        let baseline = json!({ "instructions": { "call": 1000.0 } });
        let held =
            |now| compare(&BTreeMap::from([("call", now)]), &baseline, drop).expect("a baseline");
        assert!(held(1049.0));
        assert!(held(951.0));
        assert!(!held(949.0));
        assert!(!held(1051.0));
    }

    #[test]
    fn a_unit_without_baseline_is_an_error() {
        let counts = BTreeMap::from([("call", 1.0)]);
        assert!(compare(&counts, &json!({ "instructions": {} }), drop).is_err());
    }
}
