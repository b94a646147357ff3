//! Questions under a deadline. A lost envelope and a slow answer are one case.

use core::time::Duration;

use crate::base::{Instant, Lanes, Slab};
use crate::call::{Ask, Resume};
use crate::dialplan::Hold;
use crate::machine::{Question, QuestionId};

/// How long one try may take that asks another shard.
pub const TRY: Duration = Duration::from_millis(500);

/// Tries of a question that may be repeated without harm.
const MOST_TRIES: u8 = 4;

/// Tries to have a leg taken by another shard: while it is not known whether one
/// has taken it, two may answer its INVITE.
const MOST_OFFERS: u8 = 8;

/// Tries of what gives something back, or tells that a dialog is over: until it
/// is taken.
const FOR_EVER: u8 = u8::MAX;

struct Parked {
    ask: Ask,
    asked: Instant,
    wait: Duration,
    /// How much longer its answer is worth having after that, though nobody
    /// waits for it any more.
    linger: Duration,
    tries: u8,
    /// Times it was answered by no.
    declined: u8,
}

/// A question whose answer is no longer waited for, and when it was put.
pub struct Asked {
    /// The question, and what its answer resumes.
    pub ask: Ask,
    /// When it was put first.
    pub asked: Instant,
}

/// What a deadline did to a question.
pub enum Overdue {
    /// It is to be put again, under the same name.
    Again(QuestionId, Question),
    /// It stays unanswered.
    Unanswered(Asked),
    /// Whoever waits goes on without the answer, which may still come.
    Late(Asked),
}

/// The questions of one shard that wait for an answer.
pub struct Pending {
    parked: Slab<Parked>,
    deadlines: Lanes<QuestionId>,
    /// Most questions that may be refused.
    capacity: u32,
    /// Those among the parked: all but places given back.
    refusable: u32,
}

impl Pending {
    /// Room for `capacity` questions, and for `places` in call limits to be
    /// given back: that is never refused, or a peer would stay busy for ever.
    /// Answers to the shard's earlier `incarnation`s find nothing.
    pub fn new(capacity: u32, places: u32, incarnation: u32) -> Pending {
        Pending {
            parked: Slab::after(capacity.saturating_add(places), incarnation),
            deadlines: Lanes::new(),
            capacity,
            refusable: 0,
        }
    }

    /// Parks a question whose answer should come within `wait`; gives it back
    /// when there is no room.
    pub fn park(&mut self, now: Instant, ask: Ask, wait: Duration) -> Result<QuestionId, Ask> {
        self.park_lingering(now, ask, wait, Duration::ZERO)
    }

    /// The same, whose answer is of use for `linger` longer, to nobody waiting.
    pub fn park_lingering(
        &mut self,
        now: Instant,
        ask: Ask,
        wait: Duration,
        linger: Duration,
    ) -> Result<QuestionId, Ask> {
        let refusable = is_refusable(&ask);
        if refusable && self.refusable >= self.capacity {
            return Err(ask);
        }
        let parked = Parked {
            ask,
            asked: now,
            wait,
            linger,
            tries: 1,
            declined: 0,
        };
        let id = self.parked.insert(parked).map_err(|parked| parked.ask)?;
        self.refusable += u32::from(refusable);
        self.deadlines.set(now, wait, id);
        Ok(id)
    }

    /// Takes the question an answer is for; a second answer finds nothing.
    pub fn answered(&mut self, id: QuestionId) -> Option<Asked> {
        let Parked { ask, asked, .. } = self.parked.remove(id)?;
        self.refusable -= u32::from(is_refusable(&ask));
        Some(Asked { ask, asked })
    }

    /// Takes a question once each of its copies is answered by no: whoever is
    /// asked twice may say yes to the second.
    pub fn declined(&mut self, id: QuestionId) -> Option<Asked> {
        let parked = self.parked.get_mut(id)?;
        parked.declined += 1;
        match parked.declined < parked.tries {
            true => None,
            false => self.answered(id),
        }
    }

    /// When the next deadline is.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadlines.deadline()
    }

    /// How many deadlines are set, by the time they leave; the odd ones last.
    pub fn alarms(&self) -> impl Iterator<Item = (Option<Duration>, usize)> + '_ {
        self.deadlines.by_duration()
    }

    /// The next question whose deadline has passed. One that may be repeated
    /// is, and a place given back is offered until it is taken.
    pub fn expire(&mut self, now: Instant) -> Option<Overdue> {
        while let Some(id) = self.deadlines.expire(now) {
            let Some(parked) = self.parked.get_mut(id) else {
                continue;
            };
            if !parked.linger.is_zero() {
                let linger = core::mem::take(&mut parked.linger);
                self.deadlines.set(now, linger, id);
                let ask = Ask {
                    question: parked.ask.question.clone(),
                    resume: core::mem::replace(&mut parked.ask.resume, Resume::Nobody),
                };
                let asked = parked.asked;
                return Some(Overdue::Late(Asked { ask, asked }));
            }
            if parked.tries < most_tries(&parked.ask.question) {
                parked.tries = parked.tries.saturating_add(1).min(FOR_EVER - 1);
                self.deadlines.set(now, parked.wait, id);
                return Some(Overdue::Again(id, parked.ask.question.clone()));
            }
            return self.answered(id).map(Overdue::Unanswered);
        }
        None
    }

    /// Questions waiting, but for places being given back.
    pub fn len(&self) -> u32 {
        self.refusable
    }

    /// Whether not even what is given back finds room.
    pub fn is_full(&self) -> bool {
        self.parked.is_full()
    }

    /// Bytes of the slots let so far.
    pub fn used_bytes(&self) -> usize {
        self.parked.used_bytes()
    }

    /// Places being given back.
    pub fn releases(&self) -> u32 {
        self.parked.len() - self.refusable
    }
}

/// Whether a question may be lost: all but those that are never given up.
pub(super) fn is_refusable(ask: &Ask) -> bool {
    most_tries(&ask.question) < FOR_EVER
}

/// How often a question is put, while nobody answers.
fn most_tries(question: &Question) -> u8 {
    match question {
        Question::Release { .. } | Question::GiveBack { .. } | Question::Lives { on: None, .. } => {
            FOR_EVER
        }
        // Said later than that it is over, it would stand for ever.
        Question::Lives { .. } => 1,
        Question::PickUp(_) => MOST_OFFERS,
        Question::Inquiry(inquiry) if !inquiry.may_be_repeated() => 1,
        Question::Take {
            hold: Hold::Lock(_),
            ..
        }
        | Question::Unlock { .. }
        | Question::Register(_)
        | Question::Errand(_)
        | Question::Entries(_) => 1,
        Question::Bindings(_)
        | Question::Admit { .. }
        | Question::Take { .. }
        | Question::Globals { .. }
        | Question::Inquiry(_) => MOST_TRIES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Handle, Text};
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
        let mut pending = Pending::new(1, 1, 0);
        let mut now = Instant::START;
        pending.park(now, bindings(), TRY).unwrap();
        assert!(pending.park(now, bindings(), TRY).is_err(), "full");
        for _ in 1..MOST_TRIES {
            now = pending.deadline().unwrap();
            assert!(matches!(pending.expire(now), Some(Overdue::Again(..))));
        }
        now = pending.deadline().unwrap();
        assert!(matches!(pending.expire(now), Some(Overdue::Unanswered(_))));
        assert_eq!(pending.len(), 0);
    }

    #[test]
    fn each_copy_of_a_question_is_answered_by_no_before_it_is_settled() {
        let mut pending = Pending::new(1, 1, 0);
        let id = pending.park(Instant::START, bindings(), TRY).unwrap();
        let again = pending.expire(Instant::START + TRY);
        assert!(matches!(again, Some(Overdue::Again(..))));
        assert!(pending.declined(id).is_none());
        assert!(pending.declined(id).is_some());
        assert!(pending.declined(id).is_none(), "nobody waits any more");
        let id = pending.park(Instant::START, bindings(), TRY).unwrap();
        assert!(pending.declined(id).is_some());
    }

    #[test]
    fn an_answer_is_taken_once() {
        let mut pending = Pending::new(1, 1, 0);
        let id = pending.park(Instant::START, bindings(), TRY).unwrap();
        assert!(pending.answered(id).is_some());
        assert!(pending.answered(id).is_none());
        assert!(pending.expire(Instant::START + TRY).is_none());
    }
}
