//! What plans have done outside of the engine: documents by HTTP, DNS records,
//! commands of the host. Threads of their own take it from the shards' desk, so
//! that no shard waits; each thing has a deadline, and what nobody does in time
//! is answered by the asker's own.
//!
//! ```text
//! http      documents (`CURL`)
//! circuit   which servers are worth asking now
//! dns       records (`SRVQUERY`, `ENUMLOOKUP`)
//! shell     commands (`System`, `SHELL`), where they are allowed
//! ```

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use pinion_runtime::{Answers, Desk, Errands};
use pinion_sip::dialplan::{Inquiry, Reply, Work};
use pinion_sip::machine::{Answer, Body, Envelope, Question, WORKERS};

mod circuit;
mod dns;
mod http;
mod shell;

use circuit::Circuits;
use dns::Resolver;
use http::Fetcher;

/// Things that may wait for a thread, for each.
const QUEUE_EACH: usize = 256;

/// How it is done.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `--work-threads`.
    pub threads: usize,
    /// `--work-timeout`: the longest one thing may take.
    pub timeout: Duration,
    /// `--dns`; those of the host where none is named.
    pub servers: Vec<SocketAddr>,
    /// `--allow-system`.
    pub allow_system: bool,
}

/// The workers of one engine.
pub struct Workers {
    settings: Settings,
    errands: Errands,
    tally: Arc<Tally>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Tally {
    done: AtomicU64,
    failed: AtomicU64,
    lost: AtomicU64,
}

impl Workers {
    /// Workers that begin with [`Workers::open`], and where things are left for
    /// them.
    pub fn new(settings: Settings) -> (Workers, Desk) {
        let (desk, errands) = Desk::new(QUEUE_EACH * settings.threads);
        let workers = Workers {
            settings,
            errands,
            tally: Arc::default(),
            threads: Vec::new(),
        };
        (workers, desk)
    }

    /// Begins to work.
    pub fn open(&mut self, answers: &Answers) -> Result<(), std::io::Error> {
        let circuits = Arc::new(Circuits::default());
        for index in 0..self.settings.threads {
            let mut worker = Worker {
                errands: self.errands.clone(),
                answers: answers.clone(),
                tally: Arc::clone(&self.tally),
                fetcher: Fetcher::new(self.settings.timeout, Arc::clone(&circuits)),
                resolver: Resolver::new(&self.settings.servers, self.settings.timeout),
                timeout: self.settings.timeout,
                allow_system: self.settings.allow_system,
            };
            let thread = std::thread::Builder::new().name(format!("work-{index}"));
            self.threads.push(thread.spawn(move || worker.serve())?);
        }
        Ok(())
    }

    /// Tells what the workers count, on any thread and for as long as it is kept.
    pub fn gauge(&self) -> impl Fn() -> Vec<(String, u64)> + Send + Sync + 'static {
        let (errands, tally) = (self.errands.clone(), Arc::clone(&self.tally));
        move || {
            let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            vec![
                ("work_queue".into(), errands.len() as u64),
                ("work_done".into(), count(&tally.done)),
                ("work_failed".into(), count(&tally.failed)),
                ("work_answers_lost".into(), count(&tally.lost)),
            ]
        }
    }

    /// Ends the threads, each after what it does now.
    pub fn close(self) {
        self.errands.close();
        for thread in self.threads {
            // A panic was caught where it happened.
            let _ = thread.join();
        }
    }
}

/// One thread.
struct Worker {
    errands: Errands,
    answers: Answers,
    tally: Arc<Tally>,
    fetcher: Fetcher,
    resolver: Resolver,
    timeout: Duration,
    allow_system: bool,
}

impl Worker {
    fn serve(&mut self) {
        while let Some(envelope) = self.errands.take() {
            let Body::Ask {
                id,
                question: Question::Inquiry(Inquiry::Work(work)),
            } = envelope.body
            else {
                continue;
            };
            let done = catch_unwind(AssertUnwindSafe(|| self.work(&work)));
            let reply = done.unwrap_or(Reply::Failed);
            let counter = match reply {
                Reply::Failed => &self.tally.failed,
                _ => &self.tally.done,
            };
            counter.fetch_add(1, Ordering::Relaxed);
            let answer = Envelope {
                from: WORKERS,
                to: envelope.from,
                body: Body::Answer {
                    id,
                    answer: Answer::Reply(reply),
                },
            };
            if self.answers.hand_in(answer).is_err() {
                self.tally.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn work(&mut self, work: &Work) -> Reply {
        match work {
            Work::Fetch(fetch) => self.fetcher.fetch(fetch).map_or(Reply::Failed, Reply::Text),
            Work::Lookup { name, records } => self
                .resolver
                .lookup(name, *records)
                .map_or(Reply::Failed, Reply::Rows),
            Work::Run { .. } if !self.allow_system => Reply::Nothing,
            Work::Run { command, output } => match output {
                true => shell::output(command, self.timeout).map_or(Reply::Failed, Reply::Text),
                false => Reply::Text(shell::status(command, self.timeout).into()),
            },
        }
    }
}
