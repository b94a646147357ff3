//! How the channels of one `Dial` failed, and what that makes of it.

use super::super::super::cause::{Cause, Failure};

/// How the channels failed (`handle_cause`).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Destinations tried.
    pub(super) lines: u32,
    /// Those among them that had been dialled on the way here already.
    pub(super) skipped: u32,
    busy: u32,
    congestion: u32,
    unavailable: u32,
}

impl Tally {
    pub(super) fn count(&mut self, failure: Failure) {
        match failure {
            Failure::Busy(_) | Failure::Forwarded(_) => self.busy += 1,
            Failure::Congestion(_) => self.congestion += 1,
            Failure::Unavailable(_) => self.unavailable += 1,
            Failure::Hangup(Cause::USER_BUSY) => self.busy += 1,
            Failure::Hangup(Cause::NORMAL_CIRCUIT_CONGESTION) => self.congestion += 1,
            Failure::Hangup(Cause::NORMAL_CLEARING | Cause::NO_ANSWER) => {}
            Failure::Hangup(_) => self.unavailable += 1,
        }
    }

    /// A destination that is not dialled again.
    pub(super) fn skip(&mut self) {
        self.skipped += 1;
        self.unavailable += 1;
    }

    /// `DIALSTATUS` when every channel has failed.
    pub(super) fn status(&self) -> &'static str {
        if self.busy + self.congestion + self.unavailable < self.lines {
            "NOANSWER"
        } else if self.busy > 0 {
            "BUSY"
        } else if self.congestion > 0 {
            "CONGESTION"
        } else {
            "CHANUNAVAIL"
        }
    }
}
