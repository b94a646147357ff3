//! The desks between shards and the threads that may wait, for a database or for
//! others: bounded queues of errands, and the way back. Knows nothing of what is asked.
//!
//! ```text
//!   shard ── Desk::leave ──> Errands ── worker
//!     ^                                   │
//!     └──── doorbell <── Answers::hand_in ┘
//! ```

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam::channel::{Receiver, Sender, bounded, select_biased};
use pinion_sip::machine::realtime::Outcome;
use pinion_sip::machine::{Answer, Body, DATABASE, Envelope, WORKERS};

use crate::filing::RecordDesk;
use crate::mesh::Mesh;

/// Where shards leave errands. Clones lead to the same queue.
#[derive(Debug)]
pub struct Desk<T = Envelope>(Sender<T>);

impl<T> Clone for Desk<T> {
    fn clone(&self) -> Desk<T> {
        Desk(self.0.clone())
    }
}

/// The desks of one engine; `None` where nobody takes anything from one.
#[derive(Clone, Debug, Default)]
pub struct Desks {
    /// For what only a database knows.
    pub database: Option<Desk>,
    /// For whatever else takes waiting.
    pub workers: Option<Desk>,
    /// For the records of calls, which nothing answers.
    pub records: Option<RecordDesk>,
}

impl Desks {
    /// Whether an envelope is for a desk.
    pub(crate) fn take(envelope: &Envelope) -> bool {
        matches!(envelope.to, DATABASE | WORKERS)
    }

    /// Leaves an errand at the desk it is for; gives it back when there is no
    /// room, no worker, or no such desk.
    pub(crate) fn leave(&self, errand: Envelope) -> Result<(), Envelope> {
        let desk = match errand.to {
            DATABASE => &self.database,
            WORKERS => &self.workers,
            _ => &None,
        };
        match desk {
            Some(desk) => desk.leave(errand),
            None => Err(errand),
        }
    }
}

/// Where workers take them. Clones take from the same queue.
#[derive(Debug)]
pub struct Errands<T = Envelope> {
    queue: Receiver<T>,
    /// Nothing comes by it; it is cut when the workers shall end.
    open: Receiver<Infallible>,
    end: Arc<Mutex<Option<Sender<Infallible>>>>,
}

impl<T> Clone for Errands<T> {
    fn clone(&self) -> Errands<T> {
        Errands {
            queue: self.queue.clone(),
            open: self.open.clone(),
            end: Arc::clone(&self.end),
        }
    }
}

/// Where workers hand in their answers.
#[derive(Clone)]
pub struct Answers(Arc<Mesh>);

impl<T> Desk<T> {
    /// A desk with room for `depth` errands.
    pub fn new(depth: usize) -> (Desk<T>, Errands<T>) {
        let (sender, queue) = bounded(depth.max(1));
        let (end, open) = bounded(0);
        let errands = Errands {
            queue,
            open,
            end: Arc::new(Mutex::new(Some(end))),
        };
        (Desk(sender), errands)
    }

    /// Leaves an errand; gives it back when there is no room, or no worker.
    pub(crate) fn leave(&self, errand: T) -> Result<(), T> {
        self.0.try_send(errand).map_err(|error| error.into_inner())
    }
}

impl<T> Errands<T> {
    /// Takes the next errand, and waits for it. `None` once they are closed, or
    /// none can come any more.
    pub fn take(&self) -> Option<T> {
        select_biased! {
            recv(self.open) -> _ => None,
            recv(self.queue) -> errand => errand.ok(),
        }
    }

    /// Whoever waits for an errand, now or later, is told that none comes. What
    /// waits already may still be taken by [`Errands::take_waiting`].
    pub fn close(&self) {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        *end = None;
    }

    /// Takes an errand that waits already.
    pub fn take_waiting(&self) -> Option<T> {
        self.queue.try_recv().ok()
    }

    /// Errands that wait.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

impl Answers {
    pub(crate) fn new(mesh: Arc<Mesh>) -> Answers {
        Answers(mesh)
    }

    /// Hands in an answer and wakes its shard. Gives it back while the shard
    /// has no room: worth another try a little later.
    pub fn hand_in(&self, answer: Envelope) -> Result<(), Envelope> {
        self.0.answer(answer)
    }
}

/// What an errand that finds no room is answered.
pub(crate) fn refused(errand: Envelope) -> Option<Envelope> {
    let Body::Ask { id, .. } = errand.body else {
        return None;
    };
    let answer = Answer::Outcome(Outcome::Refused);
    Some(Envelope {
        from: errand.to,
        to: errand.from,
        body: Body::Answer { id, answer },
    })
}

#[cfg(test)]
mod tests {
    use pinion_sip::base::{Handle, ShardId, Text};
    use pinion_sip::machine::Question;
    use pinion_sip::machine::realtime::Errand;

    use super::*;
    use crate::mesh::Seat;

    fn errand(from: ShardId, slot: u32) -> Envelope {
        let id = Handle {
            slot,
            generation: 0,
        };
        let question = Question::Errand(Errand::Peer(Text::from("1001")));
        Envelope {
            from,
            to: DATABASE,
            body: Body::Ask { id, question },
        }
    }

    fn slot(envelope: &Envelope) -> u32 {
        match envelope.body {
            Body::Ask { id, .. } | Body::Answer { id, .. } => id.slot,
            _ => panic!("no other body is sent here"),
        }
    }

    #[test]
    fn errands_go_to_a_worker_and_answers_to_their_shard() {
        let mesh = Mesh::new(2, 4).unwrap();
        let (desk, errands) = Desk::new(2);
        let desks = Desks {
            database: Some(desk),
            ..Desks::default()
        };
        let mut one = Seat::new(Arc::clone(&mesh), 1, desks);
        assert!(one.post(errand(1, 7)).is_ok());
        assert!(one.post(errand(1, 8)).is_ok());
        assert_eq!(slot(&one.post(errand(1, 9)).unwrap_err()), 9, "full");
        let taken = errands.take().unwrap();
        assert_eq!((slot(&taken), errands.len()), (7, 1));
        assert!(one.may_sleep());
        let answers = Answers::new(mesh);
        answers.hand_in(refused(taken).unwrap()).unwrap();
        assert!(!one.may_sleep(), "an answer waits");
        assert_eq!(one.collect().map(|answer| slot(&answer)), Some(7));
    }

    #[test]
    fn who_waits_for_errands_hears_of_their_end() {
        let (desk, errands) = Desk::new(2);
        let waiting = errands.clone();
        let worker = std::thread::spawn(move || waiting.take().map(|errand| slot(&errand)));
        errands.close();
        assert_eq!(worker.join().unwrap(), None);
        assert!(desk.leave(errand(0, 1)).is_ok());
        assert!(errands.take().is_none());
        assert_eq!(errands.take_waiting().map(|errand| slot(&errand)), Some(1));
    }

    #[test]
    fn without_a_desk_an_errand_comes_back() {
        let mesh = Mesh::new(1, 1).unwrap();
        let mut seat = Seat::new(mesh, 0, Desks::default());
        assert!(seat.post(errand(0, 1)).is_err());
    }
}
