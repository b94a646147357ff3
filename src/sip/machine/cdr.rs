//! The record of a call: who called whom, when, and how it came out. A value
//! that leaves its shard once and is not answered; who writes it where is not
//! known here.

use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::base::{ShardId, Text};
use crate::config::AmaFlags;
use crate::dialplan::Cause;

/// Names a record for ever among those of one run of the engine.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize,
)]
pub struct CdrId {
    /// The shard that made it.
    pub shard: ShardId,
    /// How often that shard had been replaced.
    pub incarnation: u32,
    /// A number never used again by that incarnation.
    pub serial: u64,
}

impl fmt::Display for CdrId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.shard, self.incarnation, self.serial)
    }
}

/// A point of calendar time, in microseconds since 1970 UTC.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct UnixMicros(pub u64);

impl UnixMicros {
    /// The time from `earlier` to here; zero if `earlier` is later.
    pub fn since(self, earlier: UnixMicros) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// Whole seconds since 1970 UTC.
    pub fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }
}

/// How a call came out (`ast_cdr_disposition`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Disposition {
    /// Nobody answered, or nobody was let answer.
    #[default]
    NoAnswer,
    /// It could not be put through.
    Failed,
    /// The callee was busy.
    Busy,
    /// The two were joined.
    Answered,
    /// There was no way through at the moment, where `congestion` of cdr.conf
    /// tells that from `Failed`.
    Congestion,
}

impl Disposition {
    /// As Asterisk writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Disposition::NoAnswer => "NO ANSWER",
            Disposition::Failed => "FAILED",
            Disposition::Busy => "BUSY",
            Disposition::Answered => "ANSWERED",
            Disposition::Congestion => "CONGESTION",
        }
    }
}

/// One record: a channel that ran a plan, and, where it rang one, another. The
/// names of the first fields are those of Asterisk's Master.csv.
///
/// A process may read what an earlier one has written down of it: another order of
/// fields or variants is another format.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Cdr {
    /// Its own name.
    pub id: CdrId,
    /// Whom the call is billed to.
    pub accountcode: SmolStr,
    /// The caller's number.
    pub src: SmolStr,
    /// The extension dialled.
    pub dst: SmolStr,
    /// Its context.
    pub dcontext: SmolStr,
    /// The caller's name and number.
    pub clid: SmolStr,
    /// The channel that ran the plan.
    pub channel: SmolStr,
    /// The channel it rang; empty for none.
    pub dstchannel: SmolStr,
    /// The application it ran last.
    pub lastapp: SmolStr,
    /// With which arguments.
    pub lastdata: SmolStr,
    /// When it began.
    pub start: UnixMicros,
    /// When the two were joined.
    pub answer: Option<UnixMicros>,
    /// When it ended.
    pub end: UnixMicros,
    /// How it came out.
    pub disposition: Disposition,
    /// What it counts for.
    pub amaflags: AmaFlags,
    /// The name of its channel, unique in time.
    pub uniqueid: SmolStr,
    /// Whatever the plan had to say.
    pub userfield: SmolStr,
    /// The `uniqueid` of the caller's channel, of whose call it is a part.
    pub linkedid: SmolStr,
    /// The account of the device that was rung.
    pub peeraccount: SmolStr,
    /// The Call-ID of the caller's leg.
    pub call_id: Text,
    /// The Call-ID of the leg to the callee; empty for none.
    pub callee_call_id: Text,
    /// The device that called; empty for a guest.
    pub peer: SmolStr,
    /// The device that was rung; empty for a bare address.
    pub callee_peer: SmolStr,
    /// From the first INVITE to the callee to its first 18x.
    pub pdd: Option<Duration>,
    /// From there to its 2xx.
    pub setup: Option<Duration>,
    /// The callee's final response: its status, 408 for none in time, 487 for
    /// a callee that was told to stop ringing.
    pub final_code: Option<u16>,
    /// Why it ended.
    pub cause: Cause,
    /// Copies of the INVITE sent to the callee.
    pub retransmissions: u32,
    /// Fields of the plan's own, by name.
    pub fields: Vec<(SmolStr, SmolStr)>,
}

impl Cdr {
    /// How long it lasted, from `start`.
    pub fn duration(&self) -> Duration {
        self.end.since(self.start)
    }

    /// How long the two were joined.
    pub fn billed(&self) -> Duration {
        self.answer
            .map_or(Duration::ZERO, |answer| self.end.since(answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_between_moments() {
        let mut cdr = Cdr {
            start: UnixMicros(1_000_000),
            end: UnixMicros(9_500_000),
            ..Cdr::default()
        };
        assert_eq!(cdr.billed(), Duration::ZERO);
        cdr.answer = Some(UnixMicros(4_000_000));
        assert_eq!(cdr.duration(), Duration::from_millis(8500));
        assert_eq!(cdr.billed(), Duration::from_millis(5500));
    }
}
