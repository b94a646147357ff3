//! What a run has measured, as one value with a stable JSON form. Owns the
//! schema; never measures and never tells.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use serde::{Deserialize, Serialize};

/// The schema's version.
pub const VERSION: u32 = 1;

/// One run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Of this schema: [`VERSION`].
    pub version: u32,
    /// What was run: "call", "register" …
    pub scenario: String,
    /// The command line.
    pub flags: Vec<String>,
    /// What all randomness was drawn from.
    pub seed: u64,
    /// Where it ran.
    pub environment: Environment,
    /// When it began, in milliseconds since 1970 UTC.
    pub started_unix_ms: u64,
    /// How long it lasted, in seconds.
    pub wall_s: f64,
    /// How units arrive, as in "constant 5000/s".
    pub arrival: String,
    /// Units meant to begin per second.
    pub offered: f64,
    /// Units completed per second while units began: up to the last one's
    /// beginning, and the ring and hold times of a call beyond. Of a called side
    /// and of a scenario, per second of the whole run.
    pub achieved: f64,
    /// Units by fate.
    pub units: Units,
    /// Failed units by cause.
    pub failures: BTreeMap<String, u64>,
    /// Messages sent again by cause.
    pub retransmissions: BTreeMap<String, u64>,
    /// Messages lost by cause.
    pub losses: BTreeMap<String, u64>,
    /// What both ends of calls saw, where both are ours.
    pub sides: Option<Sides>,
    /// Latencies by stage, such as "invite-200".
    pub stages: BTreeMap<String, Stage>,
    /// The run second by second.
    pub series: Vec<Second>,
    /// What the generator says of itself.
    pub generator: Generator,
    /// Messages that belong to no unit of this run.
    #[serde(default)]
    pub strays: u64,
    /// Whether the run may be believed.
    pub verdict: Verdict,
    /// What to know before believing its latencies, one sentence each.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// The machine and what is known of its software.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// The processor's name.
    pub cpu: String,
    /// Cores the kernel offers.
    pub cores: u32,
    /// The kernel's release.
    pub kernel: String,
    /// The frequency governor; empty where there is none to read.
    pub governor: String,
    /// Kernel settings that bear on sockets.
    pub sysctls: BTreeMap<String, String>,
    /// Programs and their versions.
    pub versions: BTreeMap<String, String>,
}

/// Units of load (calls, registrations, requests) by fate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Units {
    /// Begun.
    pub begun: u64,
    /// Went as the scenario says.
    pub completed: u64,
    /// Did not.
    pub failed: u64,
    /// Neither yet when the run ended.
    pub in_flight_at_end: u64,
}

/// Calls as each end counted them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sides {
    /// Calls the caller saw answered.
    pub caller_answered: u64,
    /// Calls the callee answered and saw acknowledged.
    pub callee_answered: u64,
    /// Calls the caller saw ended: it sent BYE or took one, and that was answered.
    #[serde(default)]
    pub caller_ended: u64,
    /// Calls the callee saw ended.
    #[serde(default)]
    pub callee_ended: u64,
    /// Calls one end knows and the other does not, and answered ones that
    /// never ended.
    pub ghosts: u64,
}

/// Percentiles in µs, and the whole histogram, so that runs can be compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Samples.
    pub count: u64,
    /// The smallest.
    pub min_us: u64,
    /// The mean.
    pub mean_us: f64,
    /// What half of the samples do not exceed.
    pub p50_us: u64,
    /// What 90 % do not exceed.
    pub p90_us: u64,
    /// What 99 % do not exceed.
    pub p99_us: u64,
    /// What 99.9 % do not exceed.
    pub p999_us: u64,
    /// What 99.99 % do not exceed.
    pub p9999_us: u64,
    /// The largest.
    pub max_us: u64,
    /// HdrHistogram V2 with deflate, in base64.
    pub histogram: String,
}

/// One second of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// When it began, in seconds since the run did. They are one second apart,
    /// in runs of more than an hour further.
    #[serde(default)]
    pub at_s: f64,
    /// Units begun in it.
    pub begun: u64,
    /// Units completed in it.
    pub completed: u64,
    /// Units failed in it.
    pub failed: u64,
    /// Median of the main stage.
    pub p50_us: u64,
    /// 99th percentile of the main stage.
    pub p99_us: u64,
}

/// The generator's own state, by which a run is judged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Generator {
    /// CPU time of each thread, in seconds.
    pub cpu_s: Vec<f64>,
    /// CPU time of all threads per unit begun, in microseconds.
    pub cpu_us_per_unit: f64,
    /// How long after its intended time a unit was sent.
    pub send_lateness: Stage,
    /// How long after its deadline a timer ran.
    pub timer_slip: Stage,
    /// Datagrams its own sockets dropped (SO_RXQ_OVFL).
    pub kernel_drops: u64,
    /// Growth of RcvbufErrors on the host during the run: own drops, and those
    /// of every other socket, the server's included if it runs there.
    pub rcvbuf_errors: u64,
    /// The busiest thread's CPU time in its busiest second, as a share of it.
    #[serde(default)]
    pub busiest: f64,
    /// Datagrams that found no room on their way out.
    #[serde(default)]
    pub send_drops: u64,
    /// Units whose time came while the table of running ones was full.
    #[serde(default)]
    pub skipped: u64,
}

/// Whether a run may be believed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum Verdict {
    /// The target was measured.
    #[default]
    Valid,
    /// The generator was the limit.
    Invalid {
        /// One sentence each.
        reasons: Vec<String>,
    },
}

impl Stage {
    /// The stage whose samples `histogram` holds.
    pub fn new(histogram: &Histogram<u64>) -> Stage {
        let mut bytes = Vec::new();
        let written = V2DeflateSerializer::new().serialize(histogram, &mut bytes);
        let at = |quantile| histogram.value_at_quantile(quantile);
        Stage {
            count: histogram.len(),
            min_us: histogram.min(),
            mean_us: histogram.mean(),
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            p9999_us: at(0.9999),
            max_us: histogram.max(),
            histogram: written.map_or_else(|_| String::new(), |_| STANDARD.encode(&bytes)),
        }
    }

    /// Its samples; `None` if they were not written, or are damaged.
    pub fn samples(&self) -> Option<Histogram<u64>> {
        let bytes = STANDARD.decode(&self.histogram).ok()?;
        Deserializer::new().deserialize(&mut bytes.as_slice()).ok()
    }
}
