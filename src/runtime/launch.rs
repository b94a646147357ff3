//! Starts one thread per shard, hands orders to them, and gathers what they
//! leave. Decides nothing about calls and reads no signal.

use std::fmt;
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use glommio::LocalExecutor;
use pinion_sip::base::{ShardId, SocketIndex};
use pinion_sip::machine::Machine;

use crate::clock::Clock;
use crate::counters::Census;
use crate::desk::{Answers, Desks};
use crate::gather::Gather;
use crate::guard::{self, Guard};
use crate::mesh::{Mesh, Seat};
use crate::park;
use crate::pump::{Parts, Pump};
use crate::shards::Shards;
use crate::stream::{Listener, StreamOptions, Streams, Tally};
use crate::sys;
use crate::udp::{Group, Port};
use crate::watch::Watch;

/// How the shards run.
#[derive(Clone)]
pub struct Options {
    /// The CPU of each shard: as many shards as entries.
    pub cpus: Vec<usize>,
    /// Datagrams one system call may move.
    pub batch: usize,
    /// How long a busy shard lets datagrams gather; zero for not at all.
    pub coalesce: Duration,
    /// Whether a sleep ends at the microsecond of a machine's deadline rather
    /// than at the next whole millisecond. Deadlines of one millisecond are then
    /// woken for one by one; a load generator wants that, a server does not.
    pub precise: bool,
    /// What holds for streams, where a group listens for them.
    pub streams: StreamOptions,
    /// Envelopes a ring between two shards may hold.
    pub mesh_depth: usize,
    /// What an operator wants to hear; it may change while the shards run.
    pub watch: Watch,
    /// One message in so many is timed, stage by stage; 0 for none.
    pub sample: u32,
    /// The clock all shards go by.
    pub clock: Clock,
    /// Where shards leave what takes waiting; without a desk for it, each such
    /// errand is refused at once.
    pub desks: Desks,
}

/// Something an engine reports of its own accord.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A shard's thread ended without an order, with what it said. Its machine
    /// could not even be replaced; the engine is no longer whole.
    Died(ShardId, String),
}

/// Why the shards do not run. One sentence.
#[derive(Debug)]
pub enum StartError {
    /// The mesh could not be made.
    Mesh(io::Error),
    /// A shard could not be set up on its CPU.
    Shard {
        /// The shard.
        shard: ShardId,
        /// Its CPU.
        cpu: usize,
        /// What failed.
        error: io::Error,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Mesh(error) => write!(f, "cannot make the mesh between shards: {error}"),
            StartError::Shard { shard, cpu, error } => write!(
                f,
                "cannot start shard {shard} on CPU {cpu}: {error}; it needs that CPU to be allowed (taskset -p), \
                 io_uring (sysctl kernel.io_uring_disabled must be 0, and a container's seccomp profile must allow it) \
                 and /proc"
            ),
        }
    }
}

impl std::error::Error for StartError {}

/// The CPUs the calling thread may run on.
pub fn allowed_cpus() -> io::Result<Vec<usize>> {
    sys::allowed_cpus()
}

/// Whether an executor like those of the shards can be made on a CPU; it is
/// gone when this returns.
pub fn try_executor(cpu: usize) -> io::Result<()> {
    // An executor pins the thread it is made on.
    let attempt = std::thread::Builder::new().spawn(move || park::make_executor(cpu).map(drop))?;
    attempt
        .join()
        .unwrap_or_else(|panic| Err(io::Error::other(guard::sentence(panic.as_ref()))))
}

/// Lets the calling thread run only as far as shards leave a CPU to it, for the
/// rest of its life. A host that does not allow that is none the worse off.
pub fn give_way() {
    let _ = sys::give_way();
}

/// Running shards. Dropping it leaves them running; [`Shards::stop`] and then
/// [`Engine::join`] end them.
pub struct Engine {
    shards: Shards,
    mesh: Arc<Mesh>,
    threads: Vec<JoinHandle<Option<Census>>>,
}

impl Engine {
    /// Starts one shard per entry of `options.cpus`, shard n reading the n-th
    /// socket of every group, each with a machine from `factory(shard,
    /// incarnation)`. Returns when all stand ready. `report` is called from a
    /// shard's thread.
    pub fn start<M, F>(
        options: &Options,
        groups: Vec<Group>,
        factory: F,
        report: impl Fn(Event) + Clone + Send + 'static,
    ) -> Result<Engine, StartError>
    where
        M: Machine + 'static,
        F: Fn(ShardId, u32) -> M + Send + Sync + 'static,
    {
        let shards = options.cpus.len();
        let mesh = Mesh::new(shards, options.mesh_depth).map_err(StartError::Mesh)?;
        let factory = Arc::new(factory);
        let (datagrams, streams): (Vec<_>, Vec<_>) = groups
            .into_iter()
            .partition(|group| !group.transport().is_reliable());
        let mut columns: Vec<_> = datagrams
            .into_iter()
            .map(|group| group.into_sockets().into_iter())
            .collect();
        let mut listeners: Vec<_> = streams
            .into_iter()
            .map(|group| group.into_listeners().into_iter())
            .collect();
        let tally = Arc::new(Tally::default());
        let (ready, readiness) = mpsc::channel();
        let mut engine = Engine {
            shards: Shards::new(Arc::clone(&mesh)),
            mesh,
            threads: Vec::with_capacity(shards),
        };
        for (shard, &cpu) in options.cpus.iter().enumerate() {
            let site = Site {
                shard: shard as ShardId,
                cpu,
                options: options.clone(),
                sockets: columns.iter_mut().filter_map(Iterator::next).collect(),
                listeners: listeners.iter_mut().filter_map(Iterator::next).collect(),
                tally: Arc::clone(&tally),
                seat: Seat::new(
                    Arc::clone(&engine.mesh),
                    shard as ShardId,
                    options.desks.clone(),
                ),
                factory: Arc::clone(&factory),
            };
            let (ready, report) = (ready.clone(), report.clone());
            let spawned = std::thread::Builder::new()
                .name(format!("shard-{shard}"))
                .spawn(move || site.live(ready, report));
            match spawned {
                Ok(thread) => engine.threads.push(thread),
                Err(error) => return Err(engine.abandon(shard as ShardId, cpu, error)),
            }
        }
        drop(ready);
        for (shard, error) in readiness {
            if let Some(error) = error {
                let cpu = options.cpus[usize::from(shard)];
                return Err(engine.abandon(shard, cpu, error));
            }
        }
        Ok(engine)
    }

    fn abandon(self, shard: ShardId, cpu: usize, error: io::Error) -> StartError {
        self.shards.stop();
        self.join();
        StartError::Shard { shard, cpu, error }
    }

    /// Where workers hand in what shards have asked them for.
    pub fn answers(&self) -> Answers {
        Answers::new(Arc::clone(&self.mesh))
    }

    /// The shards, for orders and questions.
    pub fn shards(&self) -> &Shards {
        &self.shards
    }

    /// Waits for all shards to end; returns their final numbers.
    pub fn join(self) -> Vec<Census> {
        self.threads
            .into_iter()
            .filter_map(|thread| thread.join().ok().flatten())
            .collect()
    }
}

/// What a shard's thread starts from.
struct Site<F> {
    shard: ShardId,
    cpu: usize,
    options: Options,
    sockets: Vec<UdpSocket>,
    listeners: Vec<TcpListener>,
    tally: Arc<Tally>,
    seat: Seat,
    factory: Arc<F>,
}

/// Tells whoever starts the engine that a shard stands, or why it does not.
type Readiness = mpsc::Sender<(ShardId, Option<io::Error>)>;

impl<F> Site<F> {
    /// The whole life of a shard's thread.
    fn live<M>(self, ready: Readiness, report: impl Fn(Event)) -> Option<Census>
    where
        M: Machine + 'static,
        F: Fn(ShardId, u32) -> M + 'static,
    {
        let shard = self.shard;
        catch_unwind(AssertUnwindSafe(|| self.work(ready)))
            .map_err(|panic| report(Event::Died(shard, guard::sentence(panic.as_ref()))))
            .ok()
            .flatten()
    }

    /// `None` when it could not be set up, which `ready` has been told.
    fn work<M>(self, ready: Readiness) -> Option<Census>
    where
        M: Machine + 'static,
        F: Fn(ShardId, u32) -> M + 'static,
    {
        let shard = self.shard;
        let (error, whole) = match self.set_up() {
            Ok(whole) => (None, Some(whole)),
            Err(error) => (Some(error), None),
        };
        // Nobody listens any more only when another shard failed first.
        let _ = ready.send((shard, error));
        drop(ready);
        whole.map(|(executor, pump)| executor.run(pump.run()))
    }

    fn set_up<M>(self) -> io::Result<(LocalExecutor, Pump<M, F>)>
    where
        M: Machine,
        F: Fn(ShardId, u32) -> M,
    {
        let (executor, rings) = park::make_executor(self.cpu)?;
        let first = self.sockets.len() as SocketIndex;
        let shards = self.options.cpus.len() as ShardId;
        let listeners = self.listeners.into_iter().map(Listener::new);
        let streams = Streams::new(
            (self.shard, shards),
            self.options.streams,
            self.tally,
            first,
            listeners.collect::<io::Result<_>>()?,
        );
        let ports = self.sockets.into_iter().enumerate();
        let ports = ports
            .map(|(index, socket)| Port::new(index as SocketIndex, socket))
            .collect::<io::Result<_>>()?;
        let records = self.options.desks.records.as_ref();
        let pump = Pump::new(Parts {
            guard: Guard::new(self.shard, self.factory),
            clock: self.options.clock,
            seat: self.seat,
            filing: records
                .map(|desk| desk.filing(self.shard))
                .unwrap_or_default(),
            ports,
            streams,
            rings,
            shards,
            batch: self.options.batch,
            gather: Gather::new(self.options.coalesce),
            precise: self.options.precise,
            watch: self.options.watch,
            sample: self.options.sample,
        })?;
        Ok((executor, pump))
    }
}

#[cfg(test)]
mod tests;
