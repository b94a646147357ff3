//! What a comparison asks of a load generator. One file implements each.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use anyhow::Result;

/// The CPU generators run on.
pub const CPU: &str = "1";

/// One piece of load.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Load {
    Options,
    /// One REGISTER and its 200.
    Register,
    /// REGISTER, 401, REGISTER, 200.
    RegisterWithDigest,
    /// INVITE to BYE; answered at once, both sides the generator's.
    Call {
        /// From ACK to BYE.
        hold: Duration,
    },
}

/// When pieces begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// So many at once, each end a beginning.
    Saturate(u32),
    /// So many a second.
    Rate(u32),
}

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Order {
    pub load: Load,
    pub pace: Pace,
    pub units: u64,
    pub target: SocketAddr,
    /// Who asks, registers or calls, in turn.
    pub users: Range<u32>,
    /// By TCP, not by UDP.
    pub tcp: bool,
    /// Each call from a port of its own, as far as the generator can.
    pub many_ports: bool,
}

/// What was done.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub completed: u64,
    pub failed: u64,
    pub wall: Duration,
    /// The generator's own CPU time, both sides.
    pub cpu: Duration,
    /// Median and 99th percentile of the first request's final response.
    pub latency: Option<(Duration, Duration)>,
    /// Why the generator itself disowns the run.
    pub invalid: Option<String>,
}

impl Outcome {
    /// Share of its core the generator used.
    pub fn busy(&self) -> f64 {
        self.cpu.as_secs_f64() / self.wall.as_secs_f64()
    }

    /// Completed units a second.
    pub fn rate(&self) -> f64 {
        self.completed as f64 / self.wall.as_secs_f64()
    }
}

/// Load on its way.
pub trait Ongoing {
    /// Waits for its end.
    fn finish(self: Box<Self>) -> Result<Outcome>;
}

/// Something that makes load.
pub trait Generator {
    /// Its name in reports.
    fn name(&self) -> &'static str;

    /// Whatever must be known to `target` before it can be called; `digest`
    /// says whether users have passwords.
    fn prepare(&self, target: SocketAddr, digest: bool) -> Result<()>;

    /// Begins.
    fn start(&self, order: &Order) -> Result<Box<dyn Ongoing + '_>>;

    /// Begins and waits for the end.
    fn run(&self, order: &Order) -> Result<Outcome> {
        self.start(order)?.finish()
    }
}
