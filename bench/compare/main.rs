//! The engine beside what users would pick instead, in one run: each server
//! pinned to CPU 0, the generator to CPU 1, engine and peer in turn.
//!
//! ```text
//!   rows ── one function for each unit compared ── table
//!     ├── server      the engine, Kamailio; database: users in MariaDB
//!     ├── generator   what is asked of one: sipp, pinion_load
//!     ├── measure     CPU for each unit, medians; capacity: highest rates
//!     └── floor       the same packets through a bare echo
//! ```

mod capacity;
mod database;
mod floor;
mod generator;
mod measure;
mod pinion_load;
mod rows;
mod running;
mod server;
mod sipp;
mod table;
mod users;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::generator::Generator;
use crate::pinion_load::PinionLoad;
use crate::rows::Bench;
use crate::sipp::Sipp;
use crate::table::Row;

/// Compares the engine with Kamailio and with the kernel's floor, and prints
/// what each costs, their ratios, and whether they reach their targets.
///
/// Wants two CPUs with nothing else to do. Installs kamailio and sip-tester
/// where it may. Exits with 1 when a target is missed.
#[derive(Parser)]
#[command(name = "compare")]
struct Flags {
    /// Fewer units and shorter searches: for trying, not for figures
    #[arg(long)]
    quick: bool,
    /// Turns of engine, peer and floor, of which the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    /// What makes the load
    #[arg(long, value_enum, default_value_t = Choice::PinionLoad)]
    generator: Choice,
    /// Units to compare [default: all]
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Unit>,
    /// Also writes the table as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What this program does for itself in processes of their own.
#[derive(Subcommand)]
enum Part {
    /// Echoes datagrams
    #[command(hide = true)]
    Echo,
    /// Floods an echo
    #[command(hide = true)]
    Flood {
        target: SocketAddr,
        bytes: usize,
        ms: u64,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Choice {
    PinionLoad,
    Sipp,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Unit {
    Options,
    Register,
    Call,
    Tcp,
    Capacity,
    CallMemory,
    ContactMemory,
    TwoShards,
    HandOffs,
    Generators,
    Database,
    Parse,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    let outcome = match flags.part {
        Some(Part::Echo) => floor::echo().map(|()| true),
        Some(Part::Flood { target, bytes, ms }) => {
            floor::flood(target, bytes, Duration::from_millis(ms)).map(|()| true)
        }
        None => compare(&flags),
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

/// Runs what is asked for; whether every target is reached.
fn compare(flags: &Flags) -> Result<bool> {
    install()?;
    let own = std::env::current_exe()?;
    let programs = own.parent().context("no directory")?;
    let generator = generator(flags.generator, programs)?;
    let bench = Bench {
        programs,
        generator: generator.as_ref(),
        quick: flags.quick,
        rounds: flags.rounds,
    };
    eprintln!("load by {}", generator.name());
    let mut rows = Vec::new();
    for &unit in Unit::value_variants() {
        if flags.only.is_empty() || flags.only.contains(&unit) {
            let name = unit
                .to_possible_value()
                .map(|value| value.get_name().to_string());
            eprintln!("{}", name.unwrap_or_default());
            rows.extend(measured(&bench, unit));
        }
    }
    println!("{}", table::text(&rows));
    if let Some(file) = &flags.json {
        let json = table::json(&rows, environment(generator.name()));
        fs::write(file, format!("{json:#}\n"))?;
    }
    Ok(rows.iter().all(Row::met))
}

/// The rows of one unit; what fails says so in its place.
fn measured(bench: &Bench<'_>, unit: Unit) -> Vec<Row> {
    let one = |row: Result<Row>| row.map(|row| vec![row]);
    let (name, rows) = match unit {
        Unit::Options => ("OPTIONS answered", one(bench.options())),
        Unit::Register => ("REGISTER with digest", one(bench.register())),
        Unit::Call => ("call INVITE…BYE", one(bench.call())),
        Unit::Tcp => ("call over TCP", one(bench.tcp())),
        Unit::Capacity => ("highest call rate", bench.capacity()),
        Unit::CallMemory => ("resident per call", bench.call_memory()),
        Unit::ContactMemory => ("resident per contact", one(bench.contact_memory())),
        Unit::TwoShards => ("two shards", one(bench.two_shards())),
        Unit::HandOffs => ("hand-offs", one(bench.hand_offs())),
        Unit::Generators => ("pinion-load", one(bench.generators())),
        Unit::Database => ("REGISTER into a database", bench.database()),
        Unit::Parse => ("INVITE parsed", Ok(bench.parse())),
    };
    rows.unwrap_or_else(|error| vec![Row::missing(name, format!("{error:#}"))])
}

fn generator(choice: Choice, programs: &Path) -> Result<Box<dyn Generator>> {
    Ok(match choice {
        Choice::PinionLoad => Box::new(PinionLoad::new(programs.join("pinion-load"))?),
        Choice::Sipp => Box::new(Sipp::new()?),
    })
}

/// Installs what a comparison needs and the machine lacks, as far as it may.
fn install() -> Result<()> {
    let packages = [
        ("kamailio", "kamailio"),
        ("sipp", "sip-tester"),
        ("mariadbd", "mariadb-server"),
        (
            "/usr/lib/*/kamailio/modules/db_mysql.so",
            "kamailio-mysql-modules",
        ),
        ("taskset", "util-linux"),
    ];
    // A program by its name, or a file by its path.
    let lacks = |thing: &str| {
        let found = Command::new("sh")
            .args(["-c", "command -v \"$0\" || ls $0", thing])
            .output();
        !found.is_ok_and(|output| output.status.success())
    };
    let missing: Vec<&str> = packages
        .into_iter()
        .filter(|(thing, _)| lacks(thing))
        .map(|(_, package)| package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let install = |arguments: &[&str]| {
        let status = Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .status();
        status.is_ok_and(|status| status.success())
    };
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(&missing);
    if !(install(&["update"]) && install(&arguments)) {
        bail!("missing: apt-get install {}", missing.join(" "));
    }
    Ok(())
}

/// The machine a table was made on.
fn environment(generator: &str) -> Value {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map(|line| line.trim_start_matches([':', '\t', ' ']));
    json!({
        "cpu": model.unwrap_or("unknown"),
        "cpus": std::thread::available_parallelism().map_or(0, usize::from),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "generator": generator,
    })
}
