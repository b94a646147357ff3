//! One errand, one outcome: a reply that is lost on the way is an answer, too.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pinion_sip::base::ShardId;
use pinion_sip::machine::QuestionId;
use pinion_sip::machine::realtime::Outcome;

use super::counters::Tally;

/// Whose question an errand is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ticket {
    /// The shard.
    pub shard: ShardId,
    /// Its question.
    pub id: QuestionId,
}

/// Takes outcomes to those who wait; called by workers, and by
/// [`Realtime::ask`](super::Realtime::ask) itself where nothing need be asked.
/// Must not block.
pub type Answer = Arc<dyn Fn(Ticket, Outcome) + Send + Sync>;

/// Where outcomes are handed out.
pub(super) struct Desk {
    pub answer: Answer,
    pub tally: Arc<Tally>,
}

/// The duty to answer. Dropped, it answers that nothing is known.
pub(super) struct Reply {
    ticket: Ticket,
    asked: Instant,
    desk: Option<Arc<Desk>>,
}

impl Reply {
    pub fn new(ticket: Ticket, desk: &Arc<Desk>) -> Reply {
        Reply {
            ticket,
            asked: Instant::now(),
            desk: Some(Arc::clone(desk)),
        }
    }

    /// Answers.
    pub fn give(mut self, outcome: Outcome) {
        if let Some(desk) = self.desk.take() {
            if matches!(outcome, Outcome::Unavailable) {
                desk.tally.unavailable.one();
            }
            (desk.answer)(self.ticket, outcome);
        }
    }

    /// The asker has been told otherwise.
    pub fn withdraw(mut self) {
        self.desk = None;
    }

    /// Whether the asker has waited longer than that.
    pub fn is_older_than(&self, limit: Duration) -> bool {
        self.asked.elapsed() > limit
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(desk) = self.desk.take() {
            desk.tally.unavailable.one();
            (desk.answer)(self.ticket, Outcome::Unavailable);
        }
    }
}
