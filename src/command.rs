//! The subcommands: what is asked of a configuration without serving it. It
//! reads arguments and loads files; the answers are those of `control`,
//! `check` and `tune`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use pinion_sip::base::UnixTime;
use pinion_sip::dialplan::{Place, Plan};

use crate::check::{check, trials};
use crate::config;
use crate::config::file::{ConfigError, Exec, NOT_RUN};
use crate::control::explain::explain;
use crate::control::show::{Wanted, show};
use crate::flags::{Bytes, CpuList};
use crate::realtime::mapping::Mapping;
use crate::tune::{Host, Purpose, Report};
use crate::{Failure, place_shards, read_rows, seed};

/// How long a database may take that holds a file.
const DB_TIMEOUT: Duration = Duration::from_secs(1);

/// What is asked.
#[derive(Subcommand, Clone, PartialEq, Debug)]
pub enum Command {
    /// Show the dialplan, or why a number leads where it leads
    #[command(subcommand)]
    Dialplan(Dialplan),
    /// Say what is wrong in sip.conf and extensions.conf, each with file and line
    ///
    /// Exit status: 0 if nothing is wrong, 1 after an error or a test that failed,
    /// or with --strict after a warning, 2 if the files cannot be read.
    Check(Check),
    /// Say what of this host holds pinion back, and which command mends it
    ///
    /// Exit status: 0 if nothing is to be mended, 1 if something is.
    Tune(Tune),
}

/// `tune`.
#[derive(Args, Clone, PartialEq, Debug)]
pub struct Tune {
    /// Look, and change nothing
    #[arg(long, required = true)]
    pub check: bool,

    /// Tell it as JSON
    #[arg(long)]
    pub json: bool,

    /// A running pinion, whose limits count, not those of this shell
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,

    /// CPUs for the shards [default: all that are allowed]
    #[arg(long, value_name = "LIST")]
    pub cpus: Option<CpuList>,

    /// Shards to run [default: one per CPU]
    #[arg(long, value_name = "N")]
    pub shards: Option<u16>,

    /// Receive buffer per socket, in bytes, or with k or m
    #[arg(long, value_name = "BYTES", default_value = "4m")]
    pub rcvbuf: Bytes,

    /// Send buffer per socket, in bytes, or with k or m
    #[arg(long, value_name = "BYTES", default_value = "208k")]
    pub sndbuf: Bytes,

    /// TCP connections at once
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub tcp_connections: u32,
}

/// `check`.
#[derive(Args, Clone, PartialEq, Debug)]
pub struct Check {
    /// Directory with sip.conf and extensions.conf
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,

    /// File of tests to try the dialplan with, without a network; repeatable
    #[arg(long, value_name = "FILE")]
    pub test: Vec<PathBuf>,

    /// Tell it as JSON
    #[arg(long)]
    pub json: bool,

    /// Let warnings count as errors do
    #[arg(long)]
    pub strict: bool,

    /// Run what #exec names where asterisk.conf allows it [default: warn of it]
    #[arg(long)]
    pub allow_exec: bool,
}

/// Questions about the dialplan.
#[derive(Subcommand, Clone, PartialEq, Debug)]
pub enum Dialplan {
    /// List contexts and extensions in the columns of Asterisk's console
    Show(Show),
    /// Tell which extension a number reaches, why others do not win, and what would run
    Explain(Explain),
}

/// Whose dialplan.
#[derive(Args, Clone, PartialEq, Debug)]
pub struct Of {
    /// Directory with sip.conf and extensions.conf [default: the built-in configuration]
    #[arg(long, value_name = "DIR")]
    pub config: Option<PathBuf>,

    /// Run what #exec names where asterisk.conf allows it [default: warn of it]
    #[arg(long)]
    pub allow_exec: bool,
}

/// `dialplan show`.
#[derive(Args, Clone, PartialEq, Debug)]
pub struct Show {
    /// A context, EXTEN@CONTEXT, or EXTEN@ for all contexts [default: everything]
    #[arg(value_name = "WHAT", default_value = "", hide_default_value = true)]
    pub what: String,

    /// Whose dialplan.
    #[command(flatten)]
    pub of: Of,
}

/// `dialplan explain`.
#[derive(Args, Clone, PartialEq, Debug)]
pub struct Explain {
    /// What is dialled, and the context it is dialled in
    #[arg(value_name = "EXTEN@CONTEXT", value_parser = place)]
    pub place: (String, String),

    /// The caller's number [default: none]
    #[arg(value_name = "CALLERID", default_value = "", hide_default_value = true)]
    pub caller: String,

    /// When, in seconds since 1970 [default: now]
    #[arg(long, value_name = "SECONDS")]
    pub at: Option<u64>,

    /// Tell it as JSON
    #[arg(long)]
    pub json: bool,

    /// Whose dialplan.
    #[command(flatten)]
    pub of: Of,
}

fn place(text: &str) -> Result<(String, String), String> {
    let (exten, context) = text
        .rsplit_once('@')
        .ok_or("an extension and its context are wanted, as in 100@default")?;
    let exten = if exten.is_empty() { "s" } else { exten };
    Ok((exten.into(), context.into()))
}

/// Answers on `out`. Returns the exit status: 0, or 1 where the answer is that
/// there is no such thing, or that something is wrong.
pub fn run(command: &Command, out: &mut dyn Write) -> Result<u8, Failure> {
    let answered = match command {
        Command::Dialplan(Dialplan::Show(asked)) => {
            let plan = plan(&asked.of)?;
            show(&plan, Wanted::of(&asked.what), out)
        }
        Command::Dialplan(Dialplan::Explain(asked)) => {
            let plan = plan(&asked.of)?;
            tell(&plan, asked, out)
        }
        Command::Check(asked) => judge(asked, out)?,
        Command::Tune(asked) => look(asked, out)?,
    };
    answered.map(|found| u8::from(!found)).or_else(unwritten)
}

/// Checks a directory, and tries its plan where that is asked for.
fn judge(asked: &Check, out: &mut dyn Write) -> Result<io::Result<bool>, Failure> {
    let rows = |mapping: &Mapping, file: &str| read_rows(mapping, file, DB_TIMEOUT);
    let exec = exec(asked.allow_exec);
    let report = check(&asked.dir, &rows, exec).map_err(unreadable)?;
    let mut outcomes = Vec::new();
    for file in &asked.test {
        outcomes.extend(trials::run(&asked.dir, file, &rows, exec).map_err(unreadable)?);
    }
    let mut write = || -> io::Result<()> {
        if asked.json {
            let mut json = report.to_json();
            json["tests"] = trials::to_json(&outcomes);
            return writeln!(out, "{json:#}");
        }
        report.write_text(out)?;
        match asked.test.is_empty() {
            true => Ok(()),
            false => trials::write_text(&outcomes, out),
        }
    };
    let kept = outcomes.iter().all(|outcome| outcome.failures.is_empty());
    Ok(write().map(|()| kept && report.passes(asked.strict)))
}

/// Looks at the host. Of the CPUs, those count that a server would take.
fn look(asked: &Tune, out: &mut dyn Write) -> Result<io::Result<bool>, Failure> {
    if let Some(pid) = asked.pid
        && !Path::new("/proc").join(pid.to_string()).exists()
    {
        let sentence = format!("--pid {pid}: no such process runs");
        return Err(Failure::Settings(sentence));
    }
    let cpus = place_shards(asked.cpus.as_ref(), asked.shards)?;
    let host = Host::here(asked.pid, cpus.first().copied().unwrap_or(0));
    let purpose = Purpose {
        shards: cpus.len() as u64,
        cpus,
        receive_bytes: asked.rcvbuf.0 as u64,
        send_bytes: asked.sndbuf.0 as u64,
        connections: asked.tcp_connections.into(),
    };
    let report = Report::of(&host, &purpose);
    let written = match asked.json {
        true => writeln!(out, "{:#}", report.to_json()),
        false => report.write_text(out),
    };
    Ok(written.map(|()| report.passes()))
}

fn tell(plan: &Plan, asked: &Explain, out: &mut dyn Write) -> io::Result<bool> {
    let (exten, context) = &asked.place;
    let place = Place {
        exten,
        context,
        caller: &asked.caller,
        time: asked.at.map_or_else(now, UnixTime),
    };
    let Some(explanation) = explain(plan, place) else {
        let contexts = plan.contexts().iter().map(|known| known.name());
        let hint = config::did_you_mean(context, contexts);
        writeln!(out, "There is no context '{context}'.{hint}")?;
        return Ok(false);
    };
    match asked.json {
        true => writeln!(out, "{:#}", explanation.to_json())?,
        false => explanation.write_text(out)?,
    }
    Ok(explanation.runs())
}

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    UnixTime(since.map_or(0, |since| since.as_secs()))
}

/// The plan of a directory, or the built-in one. What surprises in it is a
/// check's matter, but for what is missing in it.
fn plan(of: &Of) -> Result<std::sync::Arc<Plan>, Failure> {
    let rows = |mapping: &Mapping, file: &str| read_rows(mapping, file, DB_TIMEOUT);
    let loaded = match &of.config {
        Some(dir) => config::load_dir(dir, &rows, exec(of.allow_exec)).map_err(unreadable)?,
        None => config::builtin(seed()?).0,
    };
    let mut missing = loaded.warnings.clone();
    missing.retain(|warning| warning.text == NOT_RUN);
    for warning in missing {
        eprintln!("pinion: {warning}");
    }
    Ok(loaded.config.plan)
}

/// Looking at a configuration runs nothing unless that is asked for.
fn exec(allowed: bool) -> Exec {
    match allowed {
        true => Exec::Run,
        false => Exec::Skip,
    }
}

fn unreadable(error: ConfigError) -> Failure {
    Failure::Settings(error.to_string())
}

/// A reader who has gone away wanted no more.
fn unwritten(error: io::Error) -> Result<u8, Failure> {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Ok(0),
        _ => Err(Failure::Host(format!(
            "the answer cannot be written: {error}"
        ))),
    }
}
