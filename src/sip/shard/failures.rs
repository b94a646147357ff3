//! The calls that failed last, with what happened to them. Tells the log of
//! some and keeps a bounded number; what a failure is, the recorder says.

use alloc::collections::VecDeque;
use core::fmt::Write as _;
use core::time::Duration;

use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::base::{Instant, Level, Text};
use crate::call::{Call, FlightRecorder};
use crate::machine::Outbox;

/// One history goes to the log in such a time: each takes dozens of lines.
const PAUSE: Duration = Duration::from_secs(1);

/// A call that has failed and is over.
pub(super) struct Failure {
    /// The caller's channel.
    pub(super) channel: SmolStr,
    /// The Call-IDs of its legs, the caller's first.
    pub(super) call_ids: SmallVec<[Text; 2]>,
    /// When it ended.
    pub(super) ended: Instant,
    /// What happened to it.
    pub(super) flight: Box<FlightRecorder>,
}

/// The last failures of one shard.
pub(super) struct Failures {
    kept: VecDeque<Failure>,
    most: usize,
    /// When the log was told of one last.
    told: Option<Instant>,
    /// Those it was not told of since.
    untold: u32,
}

impl Failures {
    /// None yet, and never more than `most`.
    pub(super) fn new(most: usize) -> Failures {
        Failures {
            kept: VecDeque::new(),
            most,
            told: None,
            untold: 0,
        }
    }

    /// Keeps a call that ends now, in the place of the oldest where there is no
    /// other, and tells the log of it unless that heard of one just now.
    pub(super) fn keep(
        &mut self,
        now: Instant,
        call: &Call,
        flight: Box<FlightRecorder>,
        out: &mut Outbox,
    ) {
        let failure = Failure {
            channel: call.caller_channel(),
            call_ids: call.call_ids().map(Text::from).collect(),
            ended: now,
            flight,
        };
        if self.told.is_none_or(|told| now.since(told) >= PAUSE) {
            let untold = core::mem::take(&mut self.untold);
            out.note(Level::Warn, "failed-call", || told(&failure, untold));
            self.told = Some(now);
        } else {
            self.untold += 1;
        }
        if self.kept.len() >= self.most {
            self.kept.pop_front();
        }
        if self.most > 0 {
            self.kept.push_back(failure);
        }
    }

    /// Those kept, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Failure> {
        self.kept.iter()
    }
}

/// A failure in lines, for the log.
fn told(failure: &Failure, untold: u32) -> String {
    let flight = &failure.flight;
    let status = flight.failed().map_or(0, |status| status.code());
    let call_id = failure.call_ids.first().map(Text::lossy);
    let mut text = format!(
        "the call {} of {} failed with {status}",
        call_id.unwrap_or_default(),
        failure.channel
    );
    if untold > 0 {
        // Writing to a String does not fail.
        let _ = write!(text, "; {untold} others before it are not told");
    }
    for moment in flight.moments() {
        let _ = write!(
            text,
            "\n  {:>9.3} s  {}",
            moment.after.as_secs_f64(),
            moment.what
        );
    }
    text
}
