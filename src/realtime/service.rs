//! The workers as a running engine has them: a thread of its own takes errands
//! from the shards' desk to them, and their outcomes go back to the shards that
//! asked. Decides nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use pinion_runtime::{Answers, Desk, Errands};
use pinion_sip::machine::realtime::Outcome;
use pinion_sip::machine::{Answer, Body, DATABASE, Envelope, Question};

use super::{Device, Hooks, IsStatic, Realtime, Settings, Ticket};

/// How long the last writes may take.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// The databases of one engine.
pub struct Service {
    realtime: Arc<Realtime>,
    answers: Arc<OnceLock<Answers>>,
    errands: Errands,
    /// Outcomes that found no room at their shard.
    lost: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    /// Starts the workers. Errands that are left on the desk wait until
    /// [`Service::open`].
    pub fn start(
        settings: &Settings,
        device: Device,
        is_static: IsStatic,
    ) -> Result<(Service, Desk), String> {
        let (desk, errands) = Desk::new(settings.queue);
        let answers: Arc<OnceLock<Answers>> = Arc::default();
        let (way_back, lost) = (Arc::clone(&answers), Arc::<AtomicU64>::default());
        let uncarried = Arc::clone(&lost);
        let hooks = Hooks {
            device,
            is_static,
            answer: Arc::new(move |ticket, outcome| {
                if let Some(answers) = way_back.get() {
                    hand_in(answers, &uncarried, ticket, outcome);
                }
            }),
        };
        let service = Service {
            realtime: Arc::new(Realtime::start(settings, hooks)?),
            answers,
            errands,
            lost,
            thread: None,
        };
        Ok((service, desk))
    }

    /// The workers.
    pub fn realtime(&self) -> &Arc<Realtime> {
        &self.realtime
    }

    /// Begins to carry errands and outcomes.
    pub fn open(&mut self, answers: Answers) -> Result<(), std::io::Error> {
        let _ = self.answers.set(answers);
        let (realtime, errands) = (Arc::clone(&self.realtime), self.errands.clone());
        let answers = Arc::clone(&self.answers);
        let lost = Arc::clone(&self.lost);
        let carry = move || {
            while let Some(envelope) = errands.take() {
                if let Some((ticket, full)) = ask(&realtime, envelope)
                    && full
                    && let Some(answers) = answers.get()
                {
                    hand_in(answers, &lost, ticket, Outcome::Refused);
                }
            }
        };
        let thread = std::thread::Builder::new().name("errands".into());
        self.thread = Some(thread.spawn(carry)?);
        Ok(())
    }

    /// Tells what the workers count, on any thread and for as long as it is kept.
    pub fn gauge(&self) -> impl Fn() -> Vec<(String, u64)> + Send + Sync + 'static {
        let (realtime, errands) = (Arc::clone(&self.realtime), self.errands.clone());
        let lost = Arc::clone(&self.lost);
        move || {
            let mut counters = realtime.counters();
            counters.push(("realtime_desk".into(), errands.len() as u64));
            let lost = lost.load(Ordering::Relaxed);
            counters.push(("realtime_outcomes_lost".into(), lost));
            counters
        }
    }

    /// Ends everything, the last writes first; whether those were done in time.
    pub fn close(mut self) -> bool {
        self.errands.close();
        if let Some(thread) = self.thread.take() {
            // A panic has been told; there is nothing left to carry.
            let _ = thread.join();
        }
        while let Some(envelope) = self.errands.take_waiting() {
            ask(&self.realtime, envelope);
        }
        self.realtime.stop(LAST_WRITES)
    }
}

/// Puts what an envelope asks to the workers; whose it is, and whether they
/// have no room.
fn ask(realtime: &Realtime, envelope: Envelope) -> Option<(Ticket, bool)> {
    let Body::Ask { id, question } = envelope.body else {
        return None;
    };
    let ticket = Ticket {
        shard: envelope.from,
        id,
    };
    let full = match question {
        Question::Errand(errand) => realtime.ask(ticket, errand).is_err(),
        Question::Entries(entries) => {
            // What finds no room is counted.
            let _ = realtime.keep_entries(entries);
            return None;
        }
        Question::Inquiry(inquiry) => realtime.inquire(ticket, inquiry).is_err(),
        _ => return None,
    };
    Some((ticket, full))
}

/// Never waits: what a shard has no room for is lost, and its deadline answers.
fn hand_in(answers: &Answers, lost: &AtomicU64, ticket: Ticket, outcome: Outcome) {
    let answer = match outcome {
        Outcome::Reply(reply) => Answer::Reply(reply),
        outcome => Answer::Outcome(outcome),
    };
    let envelope = Envelope {
        from: DATABASE,
        to: ticket.shard,
        body: Body::Answer {
            id: ticket.id,
            answer,
        },
    };
    if answers.hand_in(envelope).is_err() {
        lost.fetch_add(1, Ordering::Relaxed);
    }
}
