//! What only some calls need on their way through a plan: limits of time, an
//! exception, replies of switches, what is said of the channel, hangup handlers.
//!
//! Made on first use, so that a plain call carries a pointer.

use core::time::Duration;

use smol_str::SmolStr;

use super::position::Position;
use super::record::{Account, Record};
use super::switch::Replies;
use super::work::Outside;
use crate::base::Instant;

/// How long a call waits for an extension to be dialled when nobody says.
pub(super) const RESPONSE: Duration = Duration::from_secs(10);

/// How long it waits for a further digit.
const DIGIT: Duration = Duration::from_secs(5);

/// Handlers a call may have.
pub(super) const HANDLERS: usize = 64;

/// The rare things of a run.
pub(super) struct Course {
    /// When the call ends or goes on at `T` (`TIMEOUT(absolute)`).
    pub(super) absolute: Option<Instant>,
    /// `TIMEOUT(response)`.
    pub(super) response: Duration,
    /// `TIMEOUT(digit)`. Digits come with media only: it is read, not used.
    pub(super) digit: Duration,
    /// Why the call is at `e`.
    pub(super) exception: Option<Exception>,
    /// What switches have replied.
    pub(super) replies: Replies,
    /// What the plan has said of the channel and its record.
    pub(super) record: Option<Box<Record>>,
    /// What the records of the call take from it, where any are made.
    pub(super) account: Option<Account>,
    /// Where the call goes once it has hung up, the next one last:
    /// `context,exten,priority[(arguments)]`.
    pub(super) handlers: Vec<Box<str>>,
    /// What was found outside of the engine, and how to look there.
    pub(super) outside: Option<Box<Outside>>,
    /// The call may hold no more, and ends.
    pub(super) exhausted: bool,
}

impl Default for Course {
    fn default() -> Course {
        Course {
            absolute: None,
            response: RESPONSE,
            digit: DIGIT,
            exception: None,
            replies: Replies::default(),
            record: None,
            account: None,
            handlers: Vec::new(),
            outside: None,
            exhausted: false,
        }
    }
}

/// What `EXCEPTION()` tells: why, and where the call was.
pub(super) struct Exception {
    pub(super) reason: SmolStr,
    pub(super) position: Position,
}
