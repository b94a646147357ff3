//! pinion, the server: wires a configuration to the pumps that drive it.
//!
//! # The house
//!
//! ```text
//! src/main.rs     arguments, exit status
//! src/flags.rs    the command line
//! src/check/      what is wrong in a configuration, with file and line
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
mod serve;
mod table;
pub mod trial;
pub mod tune;
mod workers;

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pinion_runtime::{Clock, Desks, Group, Options, Steering};
use pinion_sip::base::{Limits, Transport};
use pinion_sip::config::General;
use pinion_sip::machine::Sought;
use pinion_sip::modules::Missing;
use pinion_sip::shard::{Setup, Shard};

use crate::capture::{Bounds, Trace};
use crate::config::file::Exec;
use crate::config::sip::Tcp;
use crate::config::table::Row as Line;
use crate::config::{Access, Loaded};
use crate::control::socket::Socket;
use crate::database::Kept;
use crate::flags::{CpuList, Flags, Steer, TcpFlags};
use crate::identity::Rights;
use crate::logs::{Guards, Logs};
use crate::modules::Switches;
use crate::realtime::mapping::Mapping;
use crate::realtime::service::Service;
use crate::reload::{Basis, Live, Reloader, assemble};
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
    let (mut loaded, mut about) = load(flags)?;
    name_node(&mut loaded.config.general, flags);
    if let (Some(t1), Some(rows)) = (flags.t1, Arc::get_mut(&mut loaded.rows)) {
        rows.force_timer_t1(t1);
    }
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let switches = Arc::<Switches>::default();
    let missing = missing(flags, &switches)?;
    for sentence in modules::missed(&loaded.config.plan, missing.absent) {
        tracing::warn!("{sentence}");
    }
    let sockets = Sockets {
        tcp: (flags.tcp.clone(), loaded.tcp.clone()),
        listen: listen_addresses(flags, &loaded.listen),
        shards: cpus.len(),
        receive_bytes: flags.rcvbuf.0,
        send_bytes: flags.sndbuf.0,
        tos: loaded.config.general.tos_sip,
        cos: loaded.config.general.cos_sip,
        steer: flags.steer,
    };
    let (groups, steering) = rights.exercise(move || sockets.open())?;
    let console = bind_console(flags, &loaded.access)?;
    let shards = cpus.len() as u16;
    let mut options = Options {
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
    };
    let unix_start = options.clock.unix_start();
    let advertised = |transport| {
        let carries = move |group: &&Group| group.transport() == transport;
        groups
            .iter()
            .filter(carries)
            .map(Group::advertised)
            .collect()
    };
    let sockets: Vec<SocketAddr> = advertised(Transport::Udp);
    let streams: Vec<SocketAddr> = advertised(Transport::Tcp);
    let node = database::own_node(flags, &loaded.config.general, &loaded.mapping, &sockets)?;
    let (recorder, records) = records::start(flags, &loaded, &switches, &mut about)?.unzip();
    let sections = loaded.mapping.sections.clone();
    let basis = Basis {
        flags: flags.clone(),
        mapping: loaded.mapping.clone(),
        switches: Arc::clone(&switches),
        node: node.as_ref().map(|node| Arc::new(node.node())),
        records: recorder.is_some(),
    };
    let config = Arc::new(assemble(&basis, &loaded, missing, None));
    let live = Arc::new(Live::new(config, Arc::clone(&loaded.rows)));
    let database = database::start(&basis, &live, node, &mut about)?;
    let (service, desk) = database.unzip();
    let (workers, work) = Workers::new(work(flags));
    options.desks = Desks {
        database: desk,
        workers: Some(work),
        records,
    };
    let kept = Kept::load(service.as_ref().map(Service::realtime), shards);
    let limits = limits(flags, shards);
    let nonce_secret = seed()?;
    let reloader = Reloader::new(basis, Arc::clone(&live), loaded);
    serve::serve(serve::Plan {
        flags,
        reloader,
        switches,
        options: &options,
        groups,
        steering,
        logs,
        service,
        workers,
        recorder,
        config: live.config(),
        sections,
        console,
        about: &about,
        factory: move |shard, incarnation| {
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
        },
    })
}

/// What is to be listened on, and how.
struct Sockets {
    tcp: (TcpFlags, Tcp),
    listen: Vec<SocketAddr>,
    shards: usize,
    receive_bytes: usize,
    send_bytes: usize,
    tos: u8,
    cos: u8,
    steer: Steer,
}

impl Sockets {
    /// Does all that may take a right.
    fn open(&self) -> Result<(Vec<Group>, Steering), Failure> {
        let (mut groups, shortfalls) = pinion_runtime::bind(
            &self.listen,
            self.shards,
            self.receive_bytes,
            self.send_bytes,
        )
        .map_err(|error| Failure::Host(error.to_string()))?;
        for shortfall in shortfalls {
            tracing::warn!("{shortfall}");
        }
        let datagrams: Vec<SocketAddr> = groups.iter().map(Group::local).collect();
        let (flags, tcp) = &self.tcp;
        let streams = flags.addresses(tcp, &datagrams);
        let streams = pinion_runtime::bind_streams(&streams, self.shards)
            .map_err(|error| Failure::Host(error.to_string()))?;
        groups.extend(streams);
        mark(&groups, self.tos, self.cos);
        let steering = steer(&groups, self.steer)?;
        Ok((groups, steering))
    }
}

/// `--steer`. What cannot be had is told, and why; what was asked for must be.
fn steer(groups: &[Group], wish: Steer) -> Result<Steering, Failure> {
    let steering = Steering::start(groups, wish.way())
        .map_err(|closed| Failure::Host(format!("--steer {}: {closed}", closed.way.name())))?;
    for closed in steering.closed() {
        tracing::info!("--steer auto: not {}: {closed}", closed.way.name());
    }
    tracing::info!("steering {}", steering.way());
    Ok(steering)
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

/// `tos_sip` and `cos_sip`. A kernel that refuses them is no reason not to run.
fn mark(groups: &[Group], tos: u8, cos: u8) {
    for group in groups {
        if let Err(error) = group.mark(tos, cos) {
            tracing::warn!(
                "tos_sip and cos_sip have no effect on {}: {error}",
                group.local()
            );
        }
    }
}

/// The configuration, and what the banner says about it.
fn load(flags: &Flags) -> Result<(Loaded, String), Failure> {
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

/// What modules.conf leaves out.
fn missing(flags: &Flags, switches: &Switches) -> Result<Missing, Failure> {
    let Some(dir) = &flags.config else {
        return Ok(Missing::default());
    };
    let chosen = modules::choose(dir).map_err(|error| Failure::Settings(error.to_string()))?;
    for warning in &chosen.warnings {
        tracing::warn!("{warning}");
    }
    let mut missing = Missing::default();
    for module in chosen.absent {
        match module {
            modules::Module::Part(part) => missing.absent = missing.absent.with(part),
            modules::Module::Beside(beside) => switches.set(beside, false),
        }
    }
    Ok(missing)
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

/// `--listen`, else the configuration's.
fn listen_addresses(flags: &Flags, configured: &[SocketAddr]) -> Vec<SocketAddr> {
    if flags.listen.is_empty() {
        configured.to_vec()
    } else {
        flags.listen.clone()
    }
}
