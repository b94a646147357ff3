//! Where the records of calls are written: Asterisk's Master.csv, a file of JSON
//! objects, a table. It knows what a record says, and not how it came about.
//!
//! ```text
//!   shards ── desk ──> cdr ──┬──> cdr-csv    Master.csv, ACCOUNT.csv
//!                            ├──> cdr-json   Master.json
//!                            └──> cdr-table  the table, or its spool
//! ```
//!
//! Every arrow is a bounded queue: what finds it full is lost and counted, and
//! nobody waits. A record is in its file as soon as its thread has run, so that
//! a process which is killed loses what was between two threads, and no record
//! is ever written to a file twice.

pub mod csv;
pub mod entry;
pub mod file;
pub mod json;
mod setup;
pub mod spool;
pub mod table;
pub mod tally;
mod threads;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwap;
use crossbeam::channel::{Receiver, Sender, bounded};
use pinion_runtime::{Desk, Errands};
use pinion_sip::machine::Body;
use smol_str::SmolStr;

use self::entry::{Entry, Form};
use self::spool::Spool;
use self::table::Table;
use self::tally::Tally;
use self::threads::{Objects, Sheets};
use crate::modules::{Beside, Switches};
use crate::realtime::mapping::Mapping;
use crate::realtime::pool::{Pool, Sources};

pub(crate) use self::setup::{rules, start, style};

/// The family of the table that records are written to.
pub const FAMILY: &str = "cdr";

/// Records that may wait before each place.
const QUEUE: usize = 16_384;

/// Where records go, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `--cdr`.
    pub dir: PathBuf,
    /// What is written, and how.
    pub style: Style,
    /// Which databases there are; family `cdr` is written to.
    pub mapping: Mapping,
    /// Which of the places, and of the drivers, are loaded.
    pub switches: Arc<Switches>,
    /// The longest wait for one statement.
    pub timeout: Duration,
    /// `systemname`; perhaps empty.
    pub node: SmolStr,
    /// Names this process among all there ever are.
    pub boot: u64,
}

/// What is written to files, and how. It may change while the engine runs.
#[derive(Clone, Debug)]
pub struct Style {
    /// Whether Master.csv is written, and how.
    pub csv: Option<csv::Options>,
    /// Whether Master.json is written, and how.
    pub json: Option<Fsync>,
    /// How times and lengths are told.
    pub form: Form,
}

/// The places records go to, and what became of them there.
#[derive(Debug)]
pub struct Board {
    places: Vec<(&'static str, Arc<Tally>)>,
    style: ArcSwap<Style>,
}

impl Board {
    /// Each place by its name; a file that is not written is none.
    pub fn places(&self) -> impl Iterator<Item = (&'static str, &Tally)> {
        let style = self.style();
        let is_used = move |name| match name {
            "csv" => style.csv.is_some(),
            "json" => style.json.is_some(),
            _ => true,
        };
        let places = self.places.iter();
        places
            .map(|(name, tally)| (*name, &**tally))
            .filter(move |(name, _)| is_used(*name))
    }

    /// What is written, and how.
    pub fn style(&self) -> Arc<Style> {
        self.style.load_full()
    }

    /// What is written from now on, and how.
    pub fn adopt(&self, style: Style) {
        self.style.store(Arc::new(style));
    }
}

/// When what was written is known to outlive the host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fsync {
    /// Whenever the system likes.
    Never,
    /// With each batch of lines.
    Always,
    /// So long after it was written, at the latest.
    Within(Duration),
}

/// The threads that write records.
#[derive(Debug)]
pub struct Recorder {
    errands: Errands,
    /// What waits before each place; only looked at.
    queues: Vec<Receiver<Arc<Entry>>>,
    threads: Vec<JoinHandle<()>>,
    board: Arc<Board>,
}

impl Recorder {
    /// Begins to write; shards leave their records at the desk.
    pub fn start(settings: Settings) -> io::Result<(Recorder, Desk)> {
        std::fs::create_dir_all(&settings.dir)?;
        let (desk, errands) = Desk::new(QUEUE);
        let (mut ways, mut queues, mut places) = (Vec::new(), Vec::new(), Vec::new());
        let files = [("csv", Beside::CdrCsv), ("json", Beside::CdrJson)];
        let mapped = settings.mapping.places(FAMILY).first();
        let table = mapped.map(|_| ("table", Beside::CdrTable));
        for (name, module) in files.into_iter().chain(table) {
            let (sender, entries) = bounded(QUEUE);
            let tally = Arc::<Tally>::default();
            ways.push(Way {
                module,
                sender,
                tally: Arc::clone(&tally),
            });
            queues.push((name, entries, Arc::clone(&tally)));
            places.push((name, tally));
        }
        let style = ArcSwap::from_pointee(settings.style.clone());
        let mut recorder = Recorder {
            errands: errands.clone(),
            queues: Vec::new(),
            threads: Vec::new(),
            board: Arc::new(Board { places, style }),
        };
        for (name, entries, tally) in queues {
            recorder.queues.push(entries.clone());
            recorder.open(name, entries, tally, &settings)?;
        }
        let (boot, node, switches) = (settings.boot, settings.node, settings.switches);
        recorder.hire("cdr", move || {
            share_out(&errands, &ways, &switches, boot, &node)
        })?;
        Ok((recorder, desk))
    }

    /// The thread of a place.
    fn open(
        &mut self,
        name: &str,
        entries: Receiver<Arc<Entry>>,
        tally: Arc<Tally>,
        settings: &Settings,
    ) -> io::Result<()> {
        let board = Arc::clone(&self.board);
        match name {
            "csv" => {
                let mut sheets = Sheets::new(entries, tally, board, &settings.dir);
                self.hire("cdr-csv", move || sheets.serve())
            }
            "json" => {
                let mut objects = Objects::new(entries, tally, board, &settings.dir);
                self.hire("cdr-json", move || objects.serve())
            }
            _ => {
                let mapping = &settings.mapping;
                let (timeout, switches) = (settings.timeout, &settings.switches);
                let sources = Sources::new(mapping, timeout, &Arc::default(), switches);
                let mut pool = Pool::new(Arc::new(sources));
                let route = pool.route(mapping.places(FAMILY), true);
                let spool = Spool::open(&settings.dir)?;
                tally.waiting.set(spool.waiting());
                let mut table = Table {
                    entries,
                    pool,
                    route,
                    spool,
                    board,
                    tally,
                    again: None,
                };
                self.hire("cdr-table", move || table.serve())
            }
        }
    }

    fn hire(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let thread = Builder::new().name(name.into()).spawn(work)?;
        self.threads.push(thread);
        Ok(())
    }

    /// The places records go to.
    pub fn board(&self) -> &Arc<Board> {
        &self.board
    }

    /// Whether records come faster than they are written: soon some would be
    /// lost.
    pub fn is_behind(&self) -> bool {
        let waiting = self.queues.iter().map(Receiver::len);
        waiting
            .chain([self.errands.len()])
            .any(|len| len > QUEUE / 2)
    }

    /// What is counted, by name.
    pub fn counters(&self) -> Vec<(String, u64)> {
        self.gauge()()
    }

    /// Tells the same, on any thread and for as long as it is kept.
    pub fn gauge(&self) -> impl Fn() -> Vec<(String, u64)> + Send + Sync + 'static {
        let (errands, board) = (self.errands.clone(), Arc::clone(&self.board));
        move || {
            let mut counters = vec![("cdr_queue".into(), errands.len() as u64)];
            for (name, tally) in board.places() {
                let mut row =
                    |what: &str, value| counters.push((format!("cdr_{name}_{what}"), value));
                row("written", tally.written.value());
                row("dropped", tally.dropped.value());
                if name == "table" {
                    row("spooled", tally.spooled.value());
                    row("waiting", tally.waiting.value());
                }
            }
            counters
        }
    }

    /// Writes what waits, and ends.
    pub fn close(&mut self) {
        self.errands.close();
        for thread in self.threads.drain(..) {
            // One that has panicked said so.
            let _ = thread.join();
        }
    }
}

/// The way to one place.
struct Way {
    module: Beside,
    sender: Sender<Arc<Entry>>,
    tally: Arc<Tally>,
}

/// Names records and hands each to every place.
fn share_out(errands: &Errands, ways: &[Way], switches: &Switches, boot: u64, node: &SmolStr) {
    let hand = |body: Body| {
        let Body::Record(cdr) = body else { return };
        let entry = Arc::new(Entry {
            id: format!("{boot:016x}-{}", cdr.id),
            node: node.clone(),
            cdr,
        });
        for way in ways.iter().filter(|way| switches.is_on(way.module)) {
            if way.sender.try_send(Arc::clone(&entry)).is_err() {
                way.tally.dropped.add(1);
            }
        }
    };
    while let Some(envelope) = errands.take() {
        hand(envelope.body);
    }
    while let Some(envelope) = errands.take_waiting() {
        hand(envelope.body);
    }
}

#[cfg(test)]
mod tests;
