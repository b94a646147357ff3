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

pub(crate) use self::setup::{rules, start};

/// The family of the table that records are written to.
pub const FAMILY: &str = "cdr";

/// Records that may wait before each place.
const QUEUE: usize = 16_384;

/// Where records go, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `--cdr`.
    pub dir: PathBuf,
    /// Whether Master.csv is written, and how.
    pub csv: Option<csv::Options>,
    /// Whether Master.json is written, and how.
    pub json: Option<Fsync>,
    /// Which databases there are; family `cdr` is written to.
    pub mapping: Mapping,
    /// Which of the places, and of the drivers, are loaded.
    pub switches: Arc<Switches>,
    /// The longest wait for one statement.
    pub timeout: Duration,
    /// How times and lengths are told.
    pub form: Form,
    /// `systemname`; perhaps empty.
    pub node: SmolStr,
    /// Names this process among all there ever are.
    pub boot: u64,
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
    threads: Vec<JoinHandle<()>>,
    places: Vec<(&'static str, Arc<Tally>)>,
}

impl Recorder {
    /// Begins to write; shards leave their records at the desk.
    pub fn start(settings: Settings) -> io::Result<(Recorder, Desk)> {
        std::fs::create_dir_all(&settings.dir)?;
        let (desk, errands) = Desk::new(QUEUE);
        let mut recorder = Recorder {
            errands: errands.clone(),
            threads: Vec::new(),
            places: Vec::new(),
        };
        let mut ways = Vec::new();
        if let Some(options) = settings.csv {
            let (way, entries, tally) = recorder.place("csv", Beside::CdrCsv);
            ways.push(way);
            let mut sheets = Sheets::new(entries, tally, &settings, options);
            recorder.hire("cdr-csv", move || sheets.serve())?;
        }
        if let Some(fsync) = settings.json {
            let (way, entries, tally) = recorder.place("json", Beside::CdrJson);
            ways.push(way);
            let mut objects = Objects::new(entries, tally, &settings, fsync);
            recorder.hire("cdr-json", move || objects.serve())?;
        }
        if !settings.mapping.places(FAMILY).is_empty() {
            let (way, entries, tally) = recorder.place("table", Beside::CdrTable);
            ways.push(way);
            let sources = Sources::new(
                &settings.mapping,
                settings.timeout,
                &Arc::default(),
                &settings.switches,
            );
            let mut pool = Pool::new(Arc::new(sources));
            let route = pool.route(settings.mapping.places(FAMILY), true);
            let spool = Spool::open(&settings.dir)?;
            tally.waiting.set(spool.waiting());
            let mut table = Table {
                entries,
                pool,
                route,
                spool,
                form: settings.form.clone(),
                tally,
            };
            recorder.hire("cdr-table", move || table.serve())?;
        }
        let (boot, node, switches) = (settings.boot, settings.node, settings.switches);
        recorder.hire("cdr", move || {
            share_out(&errands, &ways, &switches, boot, &node)
        })?;
        Ok((recorder, desk))
    }

    /// A place more.
    fn place(
        &mut self,
        name: &'static str,
        module: Beside,
    ) -> (Way, Receiver<Arc<Entry>>, Arc<Tally>) {
        let (sender, entries) = bounded(QUEUE);
        let tally = Arc::<Tally>::default();
        self.places.push((name, Arc::clone(&tally)));
        let way = Way {
            module,
            sender,
            tally: Arc::clone(&tally),
        };
        (way, entries, tally)
    }

    fn hire(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let thread = Builder::new().name(name.into()).spawn(work)?;
        self.threads.push(thread);
        Ok(())
    }

    /// The places records go to, and what became of them there.
    pub fn places(&self) -> &[(&'static str, Arc<Tally>)] {
        &self.places
    }

    /// What is counted, by name.
    pub fn counters(&self) -> Vec<(String, u64)> {
        let mut counters = vec![("cdr_queue".into(), self.errands.len() as u64)];
        for (name, tally) in &self.places {
            let mut row = |what: &str, value| counters.push((format!("cdr_{name}_{what}"), value));
            row("written", tally.written.value());
            row("dropped", tally.dropped.value());
            if *name == "table" {
                row("spooled", tally.spooled.value());
                row("waiting", tally.waiting.value());
            }
        }
        counters
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
