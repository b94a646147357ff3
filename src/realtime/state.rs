//! A thread that keeps registrations in a file of ours: those of the devices of
//! `sip.conf`, or, as a journal, those that are on their way to the database.
//! Many in one commit; each asker hears after the commit of its own.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crossbeam::channel::{Receiver, RecvTimeoutError};
use pinion_sip::base::Text;
use pinion_sip::machine::realtime::{Outcome, Saving};

use super::counters::Tally;
use super::pending::Pending;
use super::reply::Reply;
use super::shelf::{Kept, Shelf};

/// The most registrations of one commit.
const BATCH: usize = 1024;

/// How long a file that could not be used is left alone.
const PAUSE: Duration = Duration::from_millis(250);

/// What a keeper is told.
pub(super) enum KeepJob {
    Save(Reply, Arc<Saving>),
    Lastms(Text, i32),
    /// The database has these.
    Carried(Vec<(Text, u64)>),
    Stop,
}

/// The journal's part of a keeper.
pub(super) struct Journal {
    pub pending: Arc<Pending>,
    /// The most names it holds.
    pub limit: usize,
}

/// One thread; it alone writes its file.
pub(super) struct Keeper {
    pub jobs: Receiver<KeepJob>,
    pub shelf: Shelf,
    pub journal: Option<Journal>,
    pub timeout: Duration,
    pub tally: Arc<Tally>,
    /// When the file could not be used last.
    failed: Option<Instant>,
    /// Of the last one.
    seq: u64,
    /// What the database has and the file still holds.
    gone: Vec<(Text, u64)>,
}

#[derive(Default)]
struct Batch {
    kept: Vec<Kept>,
    replies: Vec<Reply>,
    stop: bool,
}

impl Keeper {
    /// Keeps in `shelf`.
    pub fn new(
        jobs: Receiver<KeepJob>,
        shelf: Shelf,
        journal: Option<Journal>,
        timeout: Duration,
        tally: Arc<Tally>,
    ) -> Keeper {
        Keeper {
            jobs,
            shelf,
            journal,
            timeout,
            tally,
            failed: None,
            seq: 0,
            gone: Vec::new(),
        }
    }

    /// Serves until told to stop.
    pub fn serve(&mut self) {
        loop {
            // What could not be forgotten is tried again, though nothing comes.
            let job = if self.gone.is_empty() {
                self.jobs.recv().unwrap_or(KeepJob::Stop)
            } else {
                match self.jobs.recv_timeout(PAUSE) {
                    Ok(job) => job,
                    Err(RecvTimeoutError::Timeout) => KeepJob::Carried(Vec::new()),
                    Err(RecvTimeoutError::Disconnected) => KeepJob::Stop,
                }
            };
            let mut batch = Batch::default();
            self.add(job, &mut batch);
            for _ in 0..BATCH {
                if batch.stop || self.gone.len() >= BATCH {
                    break;
                }
                let Ok(job) = self.jobs.try_recv() else { break };
                self.add(job, &mut batch);
            }
            let stop = batch.stop;
            self.keep(batch);
            if stop {
                return;
            }
        }
    }

    fn add(&mut self, job: KeepJob, batch: &mut Batch) {
        match job {
            // Dropped: answered that nothing is known.
            KeepJob::Save(reply, _) if reply.is_older_than(self.timeout) => {}
            KeepJob::Save(_, saving) if !self.has_room(&saving.name, batch.kept.len()) => {
                self.tally.refused.one();
            }
            KeepJob::Save(reply, saving) => {
                let seq = self.next_seq();
                batch.kept.push(Kept { seq, saving });
                batch.replies.push(reply);
            }
            KeepJob::Lastms(name, ms) => {
                if let Some(journal) = &self.journal {
                    journal.pending.lastms(name, ms);
                }
            }
            KeepJob::Carried(gone) => self.gone.extend(gone),
            KeepJob::Stop => batch.stop = true,
        }
    }

    /// The time; later than the last, whatever the clock says.
    fn next_seq(&mut self) -> u64 {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_micros() as u64);
        self.seq = now.max(self.seq + 1);
        self.seq
    }

    fn has_room(&self, name: &Text, more: usize) -> bool {
        self.journal.as_ref().is_none_or(|journal| {
            journal.pending.count() + more < journal.limit || journal.pending.holds(name)
        })
    }

    fn keep(&mut self, batch: Batch) {
        let resting = |failed: Instant| failed.elapsed() < PAUSE;
        if (batch.kept.is_empty() && self.gone.is_empty())
            || (self.failed.is_some_and(resting) && !batch.stop)
        {
            return;
        }
        match self.shelf.keep(&batch.kept, &self.gone) {
            Ok(()) => {
                self.gone.clear();
                if self.failed.take().is_some() {
                    tracing::info!("{} is written again", self.shelf.path().display());
                }
                if let Some(journal) = &self.journal {
                    journal.pending.put(batch.kept);
                }
                for reply in batch.replies {
                    reply.give(Outcome::Saved);
                }
            }
            // Dropped replies answer that nothing has been remembered.
            Err(fault) => {
                if self.failed.replace(Instant::now()).is_none() {
                    tracing::error!(
                        "registrations cannot be kept in {}: {fault}. \
                         REGISTER is answered 503 until they can",
                        self.shelf.path().display()
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
