//! pinion, the server: wires a configuration to the pumps that drive it.
//!
//! # The house
//!
//! ```text
//! src/main.rs     arguments, exit status
//! src/flags.rs    the command line
//! src/check/      what is wrong in a configuration, with file and line
//! src/claim.rs    what one living process has
//! src/command.rs  the subcommands
//! src/lib.rs      configuration, sockets and shards put together
//! src/console/    the console of a running engine, as its operator has it
//! src/identity.rs who the server runs as, and what it may until its sockets stand
//! src/capture/    messages as they came and went: printed, or in files for Wireshark
//! src/config/     sip.conf, extensions.conf, extconfig.conf and rows, read and checked
//! src/control/    what an operator asks of the engine, and of a plan
//! src/logs/       the log: levels, form, rotation, what is dropped
//! src/database.rs the databases of this engine: what shards go by, workers, what was kept
//! src/notify.rs   what the service manager hears
//! src/modules/    parts of the engine that are loaded and unloaded
//! src/realtime/   devices and registrations in MySQL or SQLite, on threads of their own
//! src/records/    where the records of calls are written
//! src/workers/    what plans have done outside: HTTP, DNS, commands of the host
//! src/reload/     another configuration for a running engine: read, compared, handed out
//! src/serve.rs    the running server: banner, signals, drain, counters
//! src/sockets.rs  what is listened on: bound, marked, steered
//! src/staff.rs    what works for the shards on threads of its own
//! src/tune/       what of the host holds the server back
//! src/trial/      calls in virtual time, told by a file: what a plan does with them
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
//! 2. [`run`] becomes the user it is to run as; what sockets take beyond that is
//!    kept by a thread of its own.
//! 3. It loads the configuration; a mistake ends it with status 2, too.
//! 4. All sockets are bound, one per shard and address, before any is read; that
//!    thread ends.
//! 5. One thread per shard is pinned to its CPU and makes its machine.
//! 6. `ready`.
//!
//! # The way of a datagram
//!
//! The kernel gives it to one shard's socket, to that of the Call-ID's home if
//! a steering program is attached. That shard's pump hands it to its machine;
//! if the Call-ID belongs elsewhere, the machine puts it into an
//! envelope for its home shard. What the machine wants sent lies in the outbox
//! afterwards and leaves with the batch.

pub mod capture;
pub mod check;
mod claim;
pub mod command;
pub mod config;
pub mod console;
pub mod control;
mod database;
pub mod flags;
pub mod identity;
pub mod logs;
pub mod modules;
mod notify;
pub mod realtime;
pub mod records;
pub mod reload;
#[cfg(test)]
mod rig;
mod serve;
mod sockets;
mod staff;
mod table;
pub mod trial;
pub mod tune;
mod workers;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pinion_runtime::{Clock, Desks, Group, Options};
use pinion_sip::base::{Limits, ShardId, Transport};
use pinion_sip::config::General;
use pinion_sip::machine::Sought;
use pinion_sip::modules::Missing;
use pinion_sip::shard::{Setup, Shard};

use crate::capture::{Bounds, Trace};
use crate::config::file::Exec;
use crate::config::table::Row as Line;
use crate::config::{Access, Loaded};
use crate::control::socket::Socket;
use crate::database::Kept;
use crate::flags::{CpuList, Flags};
use crate::identity::Rights;
use crate::logs::{Guards, Logs};
use crate::modules::Switches;
use crate::realtime::mapping::Mapping;
use crate::realtime::service::Service;
use crate::reload::{Basis, Live, Reloader, assemble};
use crate::sockets::Sockets;
use crate::staff::Staff;
use crate::workers::Workers;

/// Why the server does not run, in one sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// A flag or the configuration is wrong.
    Settings(String),
    /// The host refuses something.
    Host(String),
}

impl Failure {
    /// The host lets nobody work at this.
    pub(crate) fn threadless(whose: &str, error: &io::Error) -> Failure {
        Failure::Host(format!("no thread for {whose}: {error}"))
    }

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
    let rights = Rights::set_apart(flags)?;
    let (logs, _written_at_the_end) = start_log(flags)?;
    let _pcap = capture_all(flags, &logs)?;
    if let Some(remark) = &rights.remark {
        tracing::warn!("{remark}");
    }
    let cpus = place_shards(flags.cpus.as_ref(), flags.shards)?;
    let (loaded, mut about) = load(flags)?;
    let (switches, missing) = choose_modules(flags, &loaded)?;
    let wanted = Sockets::wanted(flags, &loaded, cpus.len());
    let (groups, steering) = rights.exercise(move || wanted.open())?;
    let console = bind_console(flags, &loaded.access)?;
    let mut options = options(flags, &loaded, cpus, &logs);
    let own = sockets::advertised(&groups, Transport::Udp);
    let node = database::own_node(flags, &loaded.config.general, &loaded.mapping, &own)?;
    let shards = options.cpus.len();
    let recorded = records::start(flags, &loaded, shards, &switches, &mut about)?;
    let (recorder, records) = recorded.unzip();
    let basis = Basis {
        flags: flags.clone(),
        mapping: loaded.mapping.clone(),
        switches,
        node: node.as_ref().map(|node| Arc::new(node.node())),
        records: recorder.is_some(),
    };
    let config = Arc::new(assemble(&basis, &loaded, missing, None));
    let live = Arc::new(Live::new(config, Arc::clone(&loaded.rows)));
    let (service, database) = database::start(&basis, &live, node, &mut about)?.unzip();
    let (workers, work) = Workers::new(work(flags));
    options.desks = Desks {
        database,
        workers: Some(work),
        records,
    };
    let factory = factory(flags, &options, &groups, &live, service.as_ref())?;
    serve::serve(serve::Plan {
        flags,
        shards: serve::Shards {
            options: &options,
            groups,
            steering,
            factory,
        },
        staff: Staff {
            service,
            workers,
            recorder,
        },
        reloader: Reloader::new(basis, live, loaded),
        logs,
        console,
        about: &about,
    })
}

/// How the shards run.
fn options(flags: &Flags, loaded: &Loaded, cpus: Vec<usize>, logs: &Logs) -> Options {
    Options {
        cpus,
        batch: usize::from(flags.batch),
        coalesce: Duration::from_micros(flags.coalesce),
        precise: false,
        sample: flags.sample,
        streams: flags.tcp.options(&loaded.tcp),
        mesh_depth: flags.mesh_depth as usize,
        watch: logs.watch().clone(),
        clock: Clock::start(),
        desks: Desks::default(),
    }
}

/// Makes the machine of a shard: its first, and each that replaces one.
fn factory(
    flags: &Flags,
    options: &Options,
    groups: &[Group],
    live: &Arc<Live>,
    service: Option<&Service>,
) -> Result<impl Fn(ShardId, u32) -> Shard + Send + Sync + use<>, Failure> {
    let shards = options.cpus.len() as u16;
    let sockets = sockets::advertised(groups, Transport::Udp);
    let streams = sockets::advertised(groups, Transport::Tcp);
    let kept = Kept::load(service.map(Service::realtime), shards);
    let (limits, nonce_secret) = (limits(flags, shards), seed()?);
    let (live, unix_start) = (Arc::clone(live), options.clock.unix_start());
    Ok(move |shard, incarnation| {
        Shard::new(Setup {
            shard,
            shards,
            incarnation,
            limits,
            config: live.config(),
            sockets: sockets.clone(),
            streams: streams.clone(),
            kept: kept.of(shard, incarnation),
            entries: kept.entries_of(shard, incarnation),
            seed: seed().expect("the kernel gave randomness at start"),
            nonce_secret,
            unix_start,
        })
    })
}

/// `--console`. One that was asked for must be; without one an engine runs on.
fn bind_console(flags: &Flags, access: &Access) -> Result<Option<Socket>, Failure> {
    let path = flags.console.socket.as_deref();
    match (Socket::bind(path, access), path) {
        (Ok(socket), _) => Ok(Some(socket)),
        (Err(sentence), Some(_)) => Err(Failure::Host(sentence)),
        (Err(sentence), None) => {
            tracing::warn!("{sentence}");
            Ok(None)
        }
    }
}

/// The configuration, as flags have it, and what the banner says about it. What
/// will surprise is told.
fn load(flags: &Flags) -> Result<(Loaded, String), Failure> {
    let (mut loaded, about) = read_config(flags)?;
    name_node(&mut loaded.config.general, flags);
    if let (Some(t1), Some(rows)) = (flags.t1, Arc::get_mut(&mut loaded.rows)) {
        rows.force_timer_t1(t1);
    }
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    Ok((loaded, about))
}

fn read_config(flags: &Flags) -> Result<(Loaded, String), Failure> {
    if let Some(dir) = &flags.config {
        let read_rows = |mapping: &Mapping, file: &str| read_rows(mapping, file, flags.db_timeout);
        let loaded = config::load_dir(dir, &read_rows, Exec::Run)
            .map_err(|error| Failure::Settings(error.to_string()))?;
        let peers = loaded.config.peers.len();
        let about = format!(
            "config    {}: {peers} peers, {} warnings\n",
            dir.display(),
            loaded.warnings.len()
        );
        return Ok((loaded, about));
    }
    let (loaded, users) = config::builtin(seed()?);
    let mut about = String::from("config    built in; --config DIR serves your own\n");
    for (user, password) in users {
        about.push_str(&format!("user      {user}  password  {password}\n"));
    }
    Ok((loaded, about))
}

/// What modules.conf leaves out: beside the shards, and of them. What the plan
/// misses of it is told.
fn choose_modules(flags: &Flags, loaded: &Loaded) -> Result<(Arc<Switches>, Missing), Failure> {
    let (switches, mut missing) = (Arc::<Switches>::default(), Missing::default());
    let Some(dir) = &flags.config else {
        return Ok((switches, missing));
    };
    let chosen = modules::choose(dir).map_err(|error| Failure::Settings(error.to_string()))?;
    for warning in &chosen.warnings {
        tracing::warn!("{warning}");
    }
    for module in chosen.absent {
        match module {
            modules::Module::Part(part) => missing.absent = missing.absent.with(part),
            modules::Module::Beside(beside) => switches.set(beside, false),
        }
    }
    for sentence in modules::missed(&loaded.config.plan, missing.absent) {
        tracing::warn!("{sentence}");
    }
    Ok((switches, missing))
}

/// The rows that are lines of a file.
fn read_rows(mapping: &Mapping, file: &str, timeout: Duration) -> Result<Vec<Line>, String> {
    let rows = realtime::pool::file_rows(mapping, file, timeout)?;
    let line = |row| Line::of(|column| realtime::column(row, column));
    rows.iter().map(line).collect()
}

/// What this node is called; a name that is wanted and missing is told.
fn name_node(general: &mut General, flags: &Flags) {
    reload::name_node(general, flags);
    if general.rtsavesysname && database::saved_name(general).is_none() {
        tracing::warn!("rtsavesysname has no name to save: give --systemname NAME");
    }
}

/// 32 bytes nobody can guess.
fn seed() -> Result<[u8; 32], Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| Failure::Host(format!("the kernel gives no random bytes: {error}")))?;
    Ok(seed)
}

/// The flags' totals, shared out to the shards.
fn limits(flags: &Flags, shards: u16) -> Limits {
    let share = |total: u32| total.div_ceil(u32::from(shards));
    Limits {
        calls: share(flags.max_calls),
        transactions: share(flags.max_transactions),
        work: flags.work_timeout,
        failures: flags.keep_failures.div_ceil(shards),
        ..Limits::default()
    }
}

/// How the workers do what plans want of them.
fn work(flags: &Flags) -> workers::Settings {
    workers::Settings {
        threads: flags.work_threads.into(),
        timeout: flags.work_timeout,
        servers: flags.dns.clone(),
        allow_system: flags.allow_system,
    }
}

/// `--pcap`: what is captured until its end is in the file.
fn capture_all(flags: &Flags, logs: &Logs) -> Result<Option<Trace>, Failure> {
    let Some(path) = &flags.pcap else {
        return Ok(None);
    };
    let bounds = Bounds::Latest(flags.pcap_size.0 as u64);
    Trace::start(logs.watch(), vec![Sought::All], path, bounds)
        .map(Some)
        .map_err(|error| Failure::Host(format!("--pcap {}: {error}", path.display())))
}

/// `--log`, `--log-format` and `--log-file`.
fn start_log(flags: &Flags) -> Result<(Logs, Guards), Failure> {
    let settings = logs::Settings {
        levels: flags.log.clone(),
        format: flags.log_format,
        file: flags.log_file.clone(),
    };
    Logs::start(&settings).map_err(|error| {
        let file = flags.log_file.as_deref().unwrap_or(Path::new("stderr"));
        Failure::Host(format!("--log-file {}: {error}", file.display()))
    })
}

/// The CPU of each shard: the CPUs in turn, as often as there are shards.
fn place_shards(cpus: Option<&CpuList>, shards: Option<u16>) -> Result<Vec<usize>, Failure> {
    let allowed = pinion_runtime::allowed_cpus()
        .map_err(|error| Failure::Host(format!("cannot learn which CPUs are allowed: {error}")))?;
    let cpus = cpus.map_or(&allowed, |CpuList(cpus)| cpus);
    if let Some(cpu) = cpus.iter().find(|cpu| !allowed.contains(cpu)) {
        return Err(Failure::Settings(format!(
            "--cpus names CPU {cpu}, but this process may only run on {}",
            CpuList(allowed.clone())
        )));
    }
    let shards = shards.map_or(cpus.len(), usize::from);
    Ok(cpus.iter().copied().cycle().take(shards).collect())
}
