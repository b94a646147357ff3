//! Questions under a deadline. A lost envelope and a slow answer are one case.

use core::time::Duration;

use crate::base::{Instant, Lanes, Slab};
use crate::call::Ask;
use crate::machine::{Question, QuestionId};

/// How long one try may take.
const TRY: Duration = Duration::from_millis(500);

/// Tries of a question that may be repeated without harm.
const MOST_TRIES: u8 = 4;

struct Parked {
    ask: Ask,
    tries: u8,
}

/// What a deadline did to a question.
pub enum Overdue {
    /// It is to be put again, under the same name.
    Again(QuestionId, Question),
    /// It stays unanswered.
    Unanswered(Ask),
}

/// The questions of one shard that wait for an answer.
pub struct Pending {
    parked: Slab<Parked>,
    deadlines: Lanes<QuestionId>,
}

impl Pending {
    /// Room for `capacity` questions.
    pub fn new(capacity: u32) -> Pending {
        Pending {
            parked: Slab::new(capacity),
            deadlines: Lanes::new(),
        }
    }

    /// Parks a question; gives it back when there is no room.
    pub fn park(&mut self, now: Instant, ask: Ask) -> Result<QuestionId, Ask> {
        let id = self
            .parked
            .insert(Parked { ask, tries: 1 })
            .map_err(|parked| parked.ask)?;
        self.deadlines.set(now, TRY, id);
        Ok(id)
    }

    /// Takes the question an answer is for; a second answer finds nothing.
    pub fn answered(&mut self, id: QuestionId) -> Option<Ask> {
        self.parked.remove(id).map(|parked| parked.ask)
    }

    /// When the next deadline is.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadlines.deadline()
    }

    /// The next question whose deadline has passed. One that may be repeated
    /// is, and a place given back is offered until it is taken.
    pub fn expire(&mut self, now: Instant) -> Option<Overdue> {
        while let Some(id) = self.deadlines.expire(now) {
            let Some(parked) = self.parked.get_mut(id) else {
                continue;
            };
            let tries = match parked.ask.question {
                Question::Release { .. } => u8::MAX,
                Question::Register(_) => 1,
                Question::Bindings(_) | Question::Admit { .. } => MOST_TRIES,
            };
            if parked.tries < tries {
                parked.tries = parked.tries.saturating_add(1).min(u8::MAX - 1);
                self.deadlines.set(now, TRY, id);
                return Some(Overdue::Again(id, parked.ask.question.clone()));
            }
            let parked = self.parked.remove(id)?;
            return Some(Overdue::Unanswered(parked.ask));
        }
        None
    }

    /// Questions waiting.
    pub fn len(&self) -> u32 {
        self.parked.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Handle, Text};
    use crate::call::Resume;
    use crate::dialplan::ChannelId;

    fn bindings() -> Ask {
        let call = Handle {
            slot: 0,
            generation: 0,
        };
        Ask {
            question: Question::Bindings(Text::from("1001")),
            resume: Resume::Bindings(call, ChannelId(1)),
        }
    }

    #[test]
    fn a_question_is_repeated_then_given_up() {
        let mut pending = Pending::new(1);
        let mut now = Instant::START;
        pending.park(now, bindings()).unwrap();
        assert!(pending.park(now, bindings()).is_err(), "full");
        for _ in 1..MOST_TRIES {
            now = pending.deadline().unwrap();
            assert!(matches!(pending.expire(now), Some(Overdue::Again(..))));
        }
        now = pending.deadline().unwrap();
        assert!(matches!(pending.expire(now), Some(Overdue::Unanswered(_))));
        assert_eq!(pending.len(), 0);
    }

    #[test]
    fn an_answer_is_taken_once() {
        let mut pending = Pending::new(1);
        let id = pending.park(Instant::START, bindings()).unwrap();
        assert!(pending.answered(id).is_some());
        assert!(pending.answered(id).is_none());
        assert!(pending.expire(Instant::START + TRY).is_none());
    }
}
