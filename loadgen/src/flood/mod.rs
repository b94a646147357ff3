//! Traffic a server must survive, by named profile. It judges survival and
//! nothing finer: an OPTIONS asked after the flood must be answered.
//!
//! A flood has an end and a rate in every case, and is aimed at loopback
//! unless whoever runs it says that the target is theirs ([`Aim`]).

mod aim;
mod calls;
mod draft;
mod flooder;
mod malformed;
mod profile;
mod register;
mod response;
mod scanner;
mod tally;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use pinion_runtime::{BindError, Clock, Desks, Engine, Options, StartError, StreamOptions, Watch};

pub use aim::{Aim, NotYours};
pub use flooder::{Flooder, PROBE_LIMIT};
pub use profile::Profile;
pub use tally::Tally;

use crate::plan::Users;

/// Most messages per second.
pub const MAX_RATE: u32 = 1_000_000;

/// Longest flood.
pub const MAX_DURATION: Duration = Duration::from_secs(3600);

/// Bytes of the socket's receive and send buffers.
const BUFFERS: (usize, usize) = (4 << 20, 4 << 20);

/// How often the shard is asked whether it is done.
const GLANCE: Duration = Duration::from_millis(50);

/// Everything that makes a flood what it is.
#[derive(Clone, Debug)]
pub struct Flood {
    /// What is sent.
    pub profile: Profile,
    /// Where to.
    pub aim: Aim,
    /// Messages per second, 1 to [`MAX_RATE`].
    pub rate: u32,
    /// For how long, up to [`MAX_DURATION`].
    pub duration: Duration,
    /// Who attacks, where a profile needs somebody the target knows.
    pub users: Users,
    /// The extension that calls ask for.
    pub callee: String,
    /// What all bytes are drawn from.
    pub seed: u64,
}

/// Why a flood does not start. One sentence.
#[derive(Debug)]
pub enum FloodError {
    /// No route leads to the target.
    NoRoute(SocketAddr),
    /// The socket cannot be had.
    Bind(BindError),
    /// The host does not let a thread of the runtime start.
    Start(StartError),
    /// It does not say which CPUs may be used.
    Cpus(io::Error),
}

impl fmt::Display for FloodError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FloodError::NoRoute(target) => write!(f, "no route to {target}"),
            FloodError::Bind(error) => error.fmt(f),
            FloodError::Start(error) => error.fmt(f),
            FloodError::Cpus(error) => write!(f, "cannot learn which CPUs may be used: {error}"),
        }
    }
}

impl std::error::Error for FloodError {}

/// Runs a flood to its end, on one thread and from one socket. Takes the
/// flood's duration, and up to [`PROBE_LIMIT`] more for the last answer.
pub fn run(flood: &Flood) -> Result<Tally, FloodError> {
    let target = flood.aim.target();
    let source = pinion_runtime::source_address(target.ip()).ok_or(FloodError::NoRoute(target))?;
    let local = SocketAddr::new(source, 0);
    let (groups, _) =
        pinion_runtime::bind(&[local], 1, BUFFERS.0, BUFFERS.1).map_err(FloodError::Bind)?;
    let local = groups.first().map_or(local, |group| group.local());
    let cpus = pinion_runtime::allowed_cpus().map_err(FloodError::Cpus)?;
    let options = Options {
        cpus: cpus.last().copied().into_iter().collect(),
        batch: 64,
        coalesce: Duration::ZERO,
        precise: true,
        sample: 0,
        streams: StreamOptions::default(),
        mesh_depth: 1,
        watch: Watch::default(),
        clock: Clock::start(),
        desks: Desks::default(),
    };
    let owned = flood.clone();
    let factory = move |_, _| Flooder::new(&owned, local);
    let engine = Engine::start(&options, groups, factory, |_| {}).map_err(FloodError::Start)?;
    let deadline = std::time::Instant::now() + flood.duration + PROBE_LIMIT * 2;
    let census = loop {
        std::thread::sleep(GLANCE);
        let census = engine.shards().census();
        let done = census.iter().all(|shard| shard.idle);
        if done || std::time::Instant::now() > deadline {
            break census;
        }
    };
    engine.shards().stop();
    engine.join();
    let counters = census.into_iter().next().map(|shard| shard.counters);
    Ok(Tally::read(&counters.unwrap_or_default()))
}
