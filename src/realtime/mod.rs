//! Users and registrations in a database: Asterisk's realtime.
//!
//! A shard asks ([`Realtime::ask`]) and never waits: threads of their own put
//! the questions to MySQL, MariaDB or SQLite and call back. Each errand gets
//! exactly one outcome, whatever happens to the database, and one that finds its
//! queue full is refused at once.
//!
//! ```text
//! mapping    which family lives where, how a database is reached
//! driver     what a database must be able to do
//! mysql      … MySQL and MariaDB
//! sqlite     … SQLite
//! astdb      keeps the AstDB in an SQLite file of our own
//! breaker    whether a database is worth asking now
//! link       one connection, opened when needed, given up when it fails
//! pool       a worker's connections; places by priority; tables' shapes
//! schema     whether a table has room for what is written
//! row        what a row says, and how a registration becomes one
//! reader     looks devices up: one statement for all who ask meanwhile
//! changes    what shall become of rows, merged and written in one transaction
//! clerk      reads and writes the rows plans ask for
//! writer     one transaction for all registrations that arrive meanwhile
//! shelf      registrations in an SQLite file of our own
//! state      keeps those of the devices of sip.conf there, and the journal
//! pending    what the journal holds and the database does not have yet
//! journal    carries it there
//! nodes      the other engines over the same database
//! reply      the duty to answer
//! service    all of it as a running engine has it
//! ```
//!
//! # Who does what
//!
//! Half of the `--db-workers` read, half write; each has connections of its own.
//! A name belongs to one reader and to one writer, by its hash, so that order
//! holds and nothing is locked. With `--reg-write journal` one thread appends to
//! the journal and one carries it to the database. With a state directory one
//! thread keeps the registrations of devices that no database knows, and one the
//! AstDB. With family
//! `nodes` one thread keeps our row there fresh. As many as read devices serve
//! plans, where any family is mapped.

mod astdb;
mod breaker;
mod changes;
mod clerk;
pub mod counters;
pub mod driver;
mod journal;
mod link;
pub mod mapping;
pub mod mysql;
pub mod nodes;
mod pending;
pub mod pool;
mod reader;
mod reply;
mod row;
pub(crate) mod schema;
pub mod service;
mod shelf;
pub mod sqlite;
mod state;
mod threads;
mod writer;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use crossbeam::channel::{Sender, TrySendError};
use pinion_sip::base::shard_of;
use pinion_sip::config::Peer;
use pinion_sip::dialplan::Inquiry;
use pinion_sip::machine::Entries;
use pinion_sip::machine::realtime::{Errand, Outcome, Saving};

pub use astdb::Entry;
pub use reply::{Answer, Ticket};
pub use row::column;

use crate::modules::Switches;
use astdb::EntryJob;
use clerk::ClerkJob;
use mapping::Mapping;
use nodes::{Nodes, OwnNode};
use pool::Sources;
use reader::ReadJob;
use reply::{Desk, Reply};
use shelf::Shelf;
use state::KeepJob;
use writer::WriteJob;

/// A longer name, in bytes, is nobody's.
const LONGEST_NAME: usize = 255;

/// Makes a device of a row: its name, and its columns as pairs of name and value,
/// a column of several values being several pairs. The sentence says what is wrong with the
/// row, without secrets. Called on worker threads.
pub type Device = Arc<dyn Fn(&str, &[(String, String)]) -> Result<Arc<Peer>, String> + Send + Sync>;

/// Whether a device is one of `sip.conf`.
pub type IsStatic = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// When a REGISTER may be answered (`--reg-write`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RegWrite {
    /// When its row is durable in the database.
    #[default]
    Durable,
    /// When it is durable in a journal of ours, which is carried to the database.
    Journal,
}

/// How it is done.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is where. Empty: no database.
    pub mapping: Mapping,
    /// Which drivers are loaded.
    pub switches: Arc<Switches>,
    /// `--state`: where registrations that no database keeps, and the journal, are.
    pub state: Option<PathBuf>,
    /// `--db-workers`: threads that read and write, at least two.
    pub workers: usize,
    /// `--db-queue`: errands that wait, for all workers together.
    pub queue: usize,
    /// `--db-timeout`: the longest wait for one statement.
    pub timeout: Duration,
    /// `--reg-write`.
    pub reg_write: RegWrite,
    /// The most registrations the journal holds.
    pub journal_limit: usize,
    /// `rtupdate`: registrations are written to the database at all; else they
    /// are kept in the state directory.
    pub rtupdate: bool,
    /// `systemname`, where `rtsavesysname` wants it saved.
    pub regserver: Option<String>,
    /// This engine among several, where family `nodes` is mapped.
    pub node: Option<OwnNode>,
    /// `rtsavepath`.
    pub rtsavepath: bool,
    /// `ignoreregexpire`: registrations that have ended still count.
    pub ignoreregexpire: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            mapping: Mapping::default(),
            switches: Arc::default(),
            state: None,
            workers: 4,
            queue: 65_536,
            timeout: Duration::from_secs(1),
            reg_write: RegWrite::Durable,
            journal_limit: 1 << 20,
            rtupdate: true,
            regserver: None,
            node: None,
            rtsavepath: false,
            ignoreregexpire: false,
        }
    }
}

/// What the workers call.
#[derive(Clone)]
pub struct Hooks {
    /// Makes a device of a row.
    pub device: Device,
    /// Tells whose registrations are kept in the state directory.
    pub is_static: IsStatic,
    /// Takes outcomes to those who wait.
    pub answer: Answer,
}

/// No room: nothing has been asked, and no outcome will come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full;

/// The workers, as shards see them.
pub struct Realtime {
    desk: Arc<Desk>,
    sources: Arc<Sources>,
    readers: Vec<Sender<ReadJob>>,
    writers: Vec<Sender<WriteJob>>,
    /// The clerks' queue, and how many they are.
    clerks: Option<(Sender<ClerkJob>, usize)>,
    /// The journal's thread.
    journal: Option<Sender<KeepJob>>,
    pending: Option<Arc<pending::Pending>>,
    nodes: Option<Nodes>,
    state: Option<Sender<KeepJob>>,
    state_file: Option<PathBuf>,
    astdb: Option<(Sender<EntryJob>, PathBuf)>,
    is_static: IsStatic,
    stopping: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Realtime {
    /// Starts the workers. What an earlier process left in the journal is known
    /// to all of them from the start. The sentence says what the host or the
    /// settings do not allow; a database that fails is no reason not to run.
    pub fn start(settings: &Settings, hooks: Hooks) -> Result<Realtime, String> {
        threads::start(settings, hooks)
    }

    /// Sends an errand on its way; never blocks. Its outcome comes by the hook,
    /// perhaps before this returns. [`Full`]: none will come.
    pub fn ask(&self, ticket: Ticket, errand: Errand) -> Result<(), Full> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(Full);
        }
        let reply = Reply::new(ticket, &self.desk);
        match errand {
            Errand::Peer(name) if name.len() > LONGEST_NAME => at_once(reply, Outcome::Peer(None)),
            Errand::Peer(name) => match pick(&self.readers, &name) {
                Some(reader) => self.send(reader, ReadJob::Peer(reply, name)),
                None => at_once(reply, Outcome::Peer(None)),
            },
            Errand::PeersAt(address) => {
                let host = address.ip().to_canonical().to_string();
                match pick(&self.readers, host.as_bytes()) {
                    Some(reader) => self.send(reader, ReadJob::PeersAt(reply, address)),
                    None => at_once(reply, Outcome::Peers(Vec::new())),
                }
            }
            Errand::Save(saving) => self.save(reply, saving),
            Errand::Lastms { name, ms } => {
                reply.withdraw();
                if (self.is_static)(&name) {
                    return Ok(());
                }
                match (&self.journal, pick(&self.writers, &name)) {
                    (Some(journal), _) => self.send(journal, KeepJob::Lastms(name, ms)),
                    (None, Some(writer)) => self.send(writer, WriteJob::Lastms(name, ms)),
                    (None, None) => Ok(()),
                }
            }
        }
    }

    /// Sends what a plan asks on its way, as [`Realtime::ask`] does an errand.
    pub fn inquire(&self, ticket: Ticket, inquiry: Inquiry) -> Result<(), Full> {
        match &self.clerks {
            Some((clerks, _)) if !self.stopping.load(Ordering::Relaxed) => {
                let reply = Reply::new(ticket, &self.desk);
                self.send(clerks, ClerkJob::Ask(reply, inquiry))
            }
            _ => Err(Full),
        }
    }

    /// Has values of the AstDB kept, where there is a state directory. Nobody
    /// hears of it.
    pub fn keep_entries(&self, entries: Entries) -> Result<(), Full> {
        match &self.astdb {
            Some((archivist, _)) => self.send(archivist, EntryJob::Keep(entries)),
            None => Ok(()),
        }
    }

    /// The values of the AstDB that are kept. Reads a file: for the start, not
    /// for a shard.
    pub fn load_entries(&self) -> Result<Vec<Entry>, String> {
        let Some((_, path)) = &self.astdb else {
            return Ok(Vec::new());
        };
        astdb::load(path)
            .map_err(|fault| format!("the AstDB cannot be read from {}: {fault}", path.display()))
    }

    fn save(&self, reply: Reply, saving: Arc<Saving>) -> Result<(), Full> {
        let of_files = (self.is_static)(&saving.name);
        let writer = pick(&self.writers, &saving.name);
        let keeper = match (&self.journal, writer) {
            _ if of_files => &self.state,
            (journal @ Some(_), _) => journal,
            (None, Some(writer)) => return self.send(writer, WriteJob::Save(reply, saving)),
            (None, None) => &self.state,
        };
        match keeper {
            Some(keeper) => self.send(keeper, KeepJob::Save(reply, saving)),
            None => at_once(reply, Outcome::Saved),
        }
    }

    fn send<J: Job>(&self, to: &Sender<J>, job: J) -> Result<(), Full> {
        match to.try_send(job) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => {
                self.desk.tally.refused.one();
                job.withdraw();
                Err(Full)
            }
        }
    }

    /// The registrations of `sip.conf`'s devices that earlier processes kept and
    /// that have not ended. Reads a file: for the start, not for a shard.
    pub fn load(&self) -> Result<Vec<Arc<Saving>>, String> {
        let Some(path) = &self.state_file else {
            return Ok(Vec::new());
        };
        let now = unix_now();
        let kept = Shelf::new(path.clone(), false).load().map_err(|fault| {
            format!(
                "registrations cannot be read from {}: {fault}",
                path.display()
            )
        })?;
        let running = kept.into_iter().filter_map(|kept| {
            let mut saving = Saving::clone(&kept.saving);
            saving.contacts.retain(|contact| contact.regseconds.0 > now);
            (!saving.contacts.is_empty()).then(|| Arc::new(saving))
        });
        Ok(running.collect())
    }

    /// Has databases reached otherwise from now on, by a mapping that
    /// [`Mapping::is_alike`].
    pub fn move_to(&self, mapping: &Mapping) {
        self.sources.move_to(mapping);
    }

    /// Numbers for the operator: always the same names in the same order.
    pub fn counters(&self) -> Vec<(String, u64)> {
        let mut counters = self.desk.tally.values();
        let reading = self.readers.iter().map(Sender::len).sum::<usize>();
        let writing = self.writers.iter().map(Sender::len).sum::<usize>();
        let plans = self.clerks.as_ref().map_or(0, |(clerks, _)| clerks.len());
        let keeping = self.journal.iter().chain(&self.state).map(Sender::len);
        let pending = self.pending.as_ref().map_or(0, |pending| pending.count());
        for (name, length) in [
            ("read_queue", reading),
            ("write_queue", writing),
            ("plan_queue", plans),
            ("keep_queue", keeping.sum()),
            ("journal_pending", pending),
        ] {
            counters.push((format!("realtime_{name}"), length as u64));
        }
        for (name, state) in self.sources.breakers() {
            counters.push((format!("realtime_breaker_{name}"), state));
        }
        counters
    }

    /// Writes what waits and ends the workers, within `limit`; returns whether
    /// all have ended. Errands that come later are refused.
    pub fn stop(&self, limit: Duration) -> bool {
        self.stopping.store(true, Ordering::Relaxed);
        let until = Instant::now() + limit;
        for reader in &self.readers {
            let _ = reader.send_deadline(ReadJob::Stop, until);
        }
        for writer in &self.writers {
            let _ = writer.send_deadline(WriteJob::Stop, until);
        }
        if let Some((archivist, _)) = &self.astdb {
            let _ = archivist.send_deadline(EntryJob::Stop, until);
        }
        if let Some((clerks, count)) = &self.clerks {
            for _ in 0..*count {
                let _ = clerks.send_deadline(ClerkJob::Stop, until);
            }
        }
        if let Some(nodes) = &self.nodes {
            nodes.stop(until);
        }
        let mut threads = std::mem::take(&mut *self.threads());
        // The carrier ends, and then the journal's thread, which it tells to.
        if let Some(pending) = &self.pending {
            pending.stop();
        }
        if let Some(state) = &self.state {
            let _ = state.send_deadline(KeepJob::Stop, until);
        }
        while threads.iter().any(|thread| !thread.is_finished()) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
        let (ended, running): (Vec<_>, Vec<_>) =
            threads.drain(..).partition(|thread| thread.is_finished());
        for thread in ended {
            let _ = thread.join();
        }
        running.is_empty()
    }

    fn threads(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Realtime {
    /// Threads whose queues are gone end by themselves; the carrier has none.
    fn drop(&mut self) {
        if let Some(pending) = &self.pending {
            pending.stop();
        }
    }
}

/// Seconds since 1970.
fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn at_once(reply: Reply, outcome: Outcome) -> Result<(), Full> {
    reply.give(outcome);
    Ok(())
}

/// The one whose business a name is.
fn pick<'a, T>(all: &'a [T], name: &[u8]) -> Option<&'a T> {
    let count = u16::try_from(all.len()).ok().filter(|&count| count > 0)?;
    all.get(usize::from(shard_of(name, count)))
}

/// Something that may hold a reply.
trait Job {
    fn withdraw(self);
}

impl Job for ReadJob {
    fn withdraw(self) {
        if let ReadJob::Peer(reply, _) | ReadJob::PeersAt(reply, _) = self {
            reply.withdraw();
        }
    }
}

impl Job for ClerkJob {
    fn withdraw(self) {
        if let ClerkJob::Ask(reply, _) = self {
            reply.withdraw();
        }
    }
}

impl Job for EntryJob {
    /// Nobody waits.
    fn withdraw(self) {}
}

impl Job for WriteJob {
    fn withdraw(self) {
        if let WriteJob::Save(reply, _) = self {
            reply.withdraw();
        }
    }
}

impl Job for KeepJob {
    fn withdraw(self) {
        if let KeepJob::Save(reply, _) = self {
            reply.withdraw();
        }
    }
}
