//! pinion, the server: wires a configuration to the pumps that drive it.
//!
//! # The house
//!
//! ```text
//! src/main.rs     arguments, exit status
//! src/flags.rs    the command line
//! src/lib.rs      configuration, sockets and shards put together
//! src/serve.rs    the running server: banner, signals, drain, counters
//! src/runtime/    crate pinion-runtime: executors, sockets, mesh; no SIP
//! src/sip/        crate pinion-sip: the protocol; no I/O
//! ```
//!
//! Dependencies run one way, `pinion → pinion-runtime → pinion-sip`, and the
//! compiler keeps it so.
//!
//! # From start to ready
//!
//! 1. `main` reads the flags; a mistake ends it with status 2.
//! 2. [`run`] loads the configuration; a mistake ends it with status 2, too.
//! 3. All sockets are bound, one per shard and address, before any is read.
//! 4. One thread per shard is pinned to its CPU and makes its machine.
//! 5. `ready`.
//!
//! # The way of a datagram
//!
//! The kernel gives it to one shard's socket. That shard's pump hands it to
//! its machine; if the Call-ID belongs elsewhere, the machine puts it into an
//! envelope for its home shard. What the machine wants sent lies in the outbox
//! afterwards and leaves with the batch.

pub mod config;
pub mod flags;
mod serve;
mod table;

use std::fmt;
use std::net::Ipv4Addr;
use std::net::SocketAddr;

use pinion_runtime::{Clock, Options};
use pinion_sip::base::{Instant, Level};
use pinion_sip::machine::{Input, Machine, Outbox};
use tracing::level_filters::LevelFilter;

use crate::flags::{CpuList, Flags, Log};

/// Why the server does not run, in one sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// A flag or the configuration is wrong.
    Settings(String),
    /// The host refuses something.
    Host(String),
}

impl Failure {
    /// 2 for wrong settings, 1 otherwise.
    pub fn exit_status(&self) -> u8 {
        match self {
            Failure::Settings(_) => 2,
            Failure::Host(_) => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Failure::Settings(sentence) | Failure::Host(sentence)) = self;
        f.write_str(sentence)
    }
}

impl std::error::Error for Failure {}

/// Runs the server until it is told to stop.
pub fn run(flags: &Flags) -> Result<(), Failure> {
    start_log(flags.log);
    let cpus = place_shards(flags)?;
    let listen = listen_addresses(flags, &[(Ipv4Addr::LOCALHOST, 5060).into()]);
    let (groups, shortfalls) = pinion_runtime::bind(&listen, cpus.len(), flags.rcvbuf.0, flags.sndbuf.0)
        .map_err(|error| Failure::Host(error.to_string()))?;
    for shortfall in shortfalls {
        tracing::warn!("{shortfall}");
    }
    let options = Options {
        cpus,
        batch: usize::from(flags.batch),
        mesh_depth: flags.mesh_depth as usize,
        level: note_level(),
        clock: Clock::start(),
    };
    serve::serve(flags, &options, groups, "", |_shard, _incarnation| Silent)
}

/// A machine that answers nothing.
struct Silent;

impl Machine for Silent {
    fn handle(&mut self, _now: Instant, _input: Input<'_>, _out: &mut Outbox) {}

    fn deadline(&self) -> Option<Instant> {
        None
    }
}

fn start_log(log: Log) {
    let level = match log {
        Log::Off => LevelFilter::OFF,
        Log::Error => LevelFilter::ERROR,
        Log::Warn => LevelFilter::WARN,
        Log::Info => LevelFilter::INFO,
        Log::Debug => LevelFilter::DEBUG,
        Log::Trace => LevelFilter::TRACE,
    };
    tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_target(false).init();
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
}

/// How detailed machines' notes are worth making.
fn note_level() -> Option<Level> {
    match LevelFilter::current().into_level()? {
        tracing::Level::ERROR => Some(Level::Error),
        tracing::Level::WARN => Some(Level::Warn),
        tracing::Level::INFO => Some(Level::Info),
        tracing::Level::DEBUG => Some(Level::Debug),
        tracing::Level::TRACE => Some(Level::Trace),
    }
}

/// The CPU of each shard: the CPUs in turn, as often as there are shards.
fn place_shards(flags: &Flags) -> Result<Vec<usize>, Failure> {
    let allowed = pinion_runtime::allowed_cpus()
        .map_err(|error| Failure::Host(format!("cannot learn which CPUs are allowed: {error}")))?;
    let cpus = flags.cpus.as_ref().map_or(&allowed, |CpuList(cpus)| cpus);
    if let Some(cpu) = cpus.iter().find(|cpu| !allowed.contains(cpu)) {
        return Err(Failure::Settings(format!(
            "--cpus names CPU {cpu}, but this process may only run on {}",
            CpuList(allowed.clone())
        )));
    }
    let shards = flags.shards.map_or(cpus.len(), usize::from);
    Ok(cpus.iter().copied().cycle().take(shards).collect())
}

/// `--listen`, else the configuration's.
fn listen_addresses(flags: &Flags, configured: &[SocketAddr]) -> Vec<SocketAddr> {
    if flags.listen.is_empty() { configured.to_vec() } else { flags.listen.clone() }
}
