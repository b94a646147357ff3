//! A thread that writes registrations: whatever arrives while a transaction
//! runs is the next one, and each asker hears after the commit of its own row.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::Receiver;
use pinion_sip::base::Text;
use pinion_sip::machine::realtime::{Outcome, Saving};

use super::changes::{BATCH, Change, Named, Recorder};
use super::counters::Tally;
use super::reply::Reply;

/// How long a transaction waits for company, where the one before had some: it
/// costs a REGISTER little and saves the database most of its commits.
const COMPANY: Duration = Duration::from_millis(5);

/// From so many rows on, a transaction had company.
const SOME: usize = 4;

/// What a writer is told.
pub(super) enum WriteJob {
    Save(Reply, Arc<Saving>),
    Lastms(Text, i32),
    /// The row was read, and what it holds has ended.
    Ended(Text),
    Stop,
}

/// One thread; it alone writes the rows of its names, so their order holds.
pub(super) struct Writer {
    pub jobs: Receiver<WriteJob>,
    pub recorder: Recorder,
    pub timeout: Duration,
    pub tally: Arc<Tally>,
}

/// What one transaction is made of.
#[derive(Default)]
struct Batch {
    index: HashMap<Text, usize>,
    changes: Vec<Named>,
    replies: Vec<Vec<Reply>>,
    stop: bool,
}

impl Batch {
    fn add(&mut self, job: WriteJob, timeout: Duration) {
        match job {
            // Dropped: answered that nothing is known.
            WriteJob::Save(reply, _) if reply.is_older_than(timeout) => {}
            WriteJob::Save(reply, saving) => {
                let at = self.place(&saving.name.clone());
                if let (Some((_, change)), Some(replies)) =
                    (self.changes.get_mut(at), self.replies.get_mut(at))
                {
                    change.save(saving);
                    replies.push(reply);
                }
            }
            WriteJob::Lastms(name, ms) => {
                let at = self.place(&name);
                if let Some((_, change)) = self.changes.get_mut(at) {
                    change.lastms = Some(ms);
                }
            }
            WriteJob::Ended(name) => {
                let at = self.place(&name);
                if let Some((_, change)) = self.changes.get_mut(at) {
                    change.ended = change.saving.is_none();
                }
            }
            WriteJob::Stop => self.stop = true,
        }
    }

    fn place(&mut self, name: &Text) -> usize {
        if let Some(&at) = self.index.get(name) {
            return at;
        }
        self.index.insert(name.clone(), self.changes.len());
        self.changes.push((name.clone(), Change::default()));
        self.replies.push(Vec::new());
        self.changes.len() - 1
    }
}

impl Writer {
    /// Serves until told to stop.
    pub fn serve(&mut self) {
        self.recorder.check();
        let mut company = false;
        while let Ok(job) = self.jobs.recv() {
            let mut batch = Batch::default();
            batch.add(job, self.timeout);
            if company && !batch.stop {
                std::thread::sleep(COMPANY);
            }
            while batch.changes.len() < BATCH && !batch.stop {
                let Ok(job) = self.jobs.try_recv() else { break };
                batch.add(job, self.timeout);
            }
            company = batch.changes.len() >= SOME;
            let stop = batch.stop;
            self.write(batch);
            if stop {
                return;
            }
        }
    }

    fn write(&mut self, batch: Batch) {
        // A failure has been told by the breaker; replies answer as they fall.
        let Ok(misfits) = self.recorder.record(&batch.changes) else {
            return;
        };
        self.tally.misfits.add(misfits.len() as u64);
        for (index, replies) in batch.replies.into_iter().enumerate() {
            if misfits.contains(&index) {
                continue;
            }
            for reply in replies {
                reply.give(Outcome::Saved);
            }
        }
    }
}
