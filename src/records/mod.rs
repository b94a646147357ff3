//! Where the records of calls are written: Asterisk's Master.csv, a file of JSON
//! objects, a table. It knows what a record says, and not how it came about.
//!
//! ```text
//!   shards ── desk ──> cdr ──┬──> cdr-csv    Master.csv, ACCOUNT.csv
//!                            ├──> cdr-json   Master.json
//!                            └──> cdr-table  the table, or its spool
//! ```
//!
//! Every arrow is a bounded queue: what finds it full is lost and counted, and no
//! shard waits. A record is in its file as soon as its thread has run.
//!
//! Until then it lies in its shard's journal, a piece of memory that outlives the
//! process: the shard puts it there before it sends what the same turn has to say,
//! so that nobody has heard of the end of a call that has no record.
//! Each place has a mark in every journal, which it moves once it has written. An
//! engine that ends takes its journals away. One that is killed leaves them, and
//! the next hands each place what lies beyond its mark, beside what is new (thread
//! `cdr-left`) and by the names the records had: at least once, as a place may have
//! written what it had no time to mark. A record for which its journal had no room is
//! counted, and goes its way without.

mod arrears;
pub mod csv;
pub mod entry;
pub mod file;
pub mod journals;
pub mod json;
mod setup;
mod sharing;
pub mod spool;
pub mod table;
pub mod tally;
mod threads;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwap;
use crossbeam::channel::{Receiver, bounded};
use pinion_runtime::journal::Origin;
use pinion_runtime::{Errands, Filed, RecordDesk};
use smol_str::SmolStr;

use self::arrears::Arrears;
use self::entry::Form;
use self::journals::{Journals, Refusal, Volume};
use self::sharing::{Handed, Inlet, Sharing, Way};
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

impl Settings {
    /// The places there are, in the order of their marks in a journal, and the
    /// module of each.
    fn places(&self) -> impl Iterator<Item = (&'static str, Beside)> + use<> {
        let files = [("csv", Beside::CdrCsv), ("json", Beside::CdrJson)];
        let mapped = self.mapping.places(FAMILY).first();
        let table = mapped.map(|_| ("table", Beside::CdrTable));
        files.into_iter().chain(table)
    }

    /// Journals for so many shards in a directory. That of the records exists.
    pub fn journals(&self, dir: &Path, shards: usize) -> Result<Journals, Refusal> {
        let origin = Origin {
            boot: self.boot,
            node: self.node.to_string(),
        };
        Journals::open(dir, &self.dir, &origin, shards, self.places().count())
    }
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
    errands: Errands<Filed>,
    /// What waits before each place; only looked at.
    queues: Vec<Receiver<Handed>>,
    threads: Vec<JoinHandle<()>>,
    board: Arc<Board>,
    /// The journals of the shards.
    volumes: Vec<Arc<Volume>>,
    /// What says that they are this engine's.
    lock: Option<File>,
}

impl Recorder {
    /// Begins to write; shards leave their records at the desk, and in these
    /// journals if there are any.
    pub fn start(
        settings: Settings,
        journals: Option<Journals>,
    ) -> io::Result<(Recorder, RecordDesk)> {
        std::fs::create_dir_all(&settings.dir)?;
        let (writers, volumes, left, lock) = match journals {
            Some(all) => (all.writers, all.volumes, all.left, Some(all.lock)),
            None => Default::default(),
        };
        let (desk, errands) = RecordDesk::new(QUEUE, writers);
        let (mut ways, mut inlets) = (Vec::new(), Vec::new());
        for (reader, (name, module)) in settings.places().enumerate() {
            let (sender, entries) = bounded(QUEUE);
            inlets.push(Inlet::new(entries, reader));
            ways.push(Way {
                name,
                module,
                sender,
                tally: Arc::default(),
            });
        }
        let places = ways.iter().map(|way| (way.name, Arc::clone(&way.tally)));
        let board = Board {
            places: places.collect(),
            style: ArcSwap::from_pointee(settings.style.clone()),
        };
        let mut recorder = Recorder {
            errands: errands.clone(),
            queues: inlets.iter().map(Inlet::queue).collect(),
            threads: Vec::new(),
            board: Arc::new(board),
            volumes: volumes.clone(),
            lock,
        };
        for (way, inlet) in ways.iter().zip(inlets) {
            recorder.open(way.name, inlet, Arc::clone(&way.tally), &settings)?;
        }
        if !left.is_empty() {
            let arrears = Arrears {
                ways: ways.clone(),
                switches: Arc::clone(&settings.switches),
            };
            recorder.hire("cdr-left", move || arrears.serve(left))?;
        }
        let sharing = Sharing {
            errands,
            ways,
            switches: settings.switches,
            boot: settings.boot,
            node: settings.node,
            volumes,
        };
        recorder.hire("cdr", move || sharing.serve())?;
        Ok((recorder, desk))
    }

    /// The thread of a place.
    fn open(
        &mut self,
        name: &str,
        inlet: Inlet,
        tally: Arc<Tally>,
        settings: &Settings,
    ) -> io::Result<()> {
        let board = Arc::clone(&self.board);
        match name {
            "csv" => {
                let mut sheets = Sheets::new(inlet, tally, board, &settings.dir);
                self.hire("cdr-csv", move || sheets.serve())
            }
            "json" => {
                let mut objects = Objects::new(inlet, tally, board, &settings.dir);
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
                    inlet,
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

    /// Writes what waits, and ends. Nothing is left in a journal then, unless a
    /// thread has panicked, which said so.
    pub fn close(&mut self) {
        self.errands.close();
        let threads = self.threads.drain(..);
        let panicked = threads.filter_map(|thread| thread.join().err()).count();
        if panicked == 0 {
            self.volumes.iter().for_each(|volume| volume.remove());
        }
        self.lock = None;
    }
}

#[cfg(test)]
mod tests;
