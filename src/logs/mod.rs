//! The log: which lines are written, where to, and in what form. Shards are
//! never held up: lines go through a bounded queue to a thread of its own, and
//! what finds no room is dropped and counted.
//!
//! ```text
//! tracing ── levels (changed while running) ── sites (so many a second)
//!        ├── text or JSON ── a queue ── a thread ── stderr or a file
//!        └── as spoken ───── a queue ── a thread ── attached consoles
//! ```

mod aloud;
mod levels;
mod lines;
mod sink;
mod sites;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pinion_runtime::Watch;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{DynFilterFn, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt, reload};

pub use aloud::Audience;
pub use levels::Levels;

use aloud::{Hall, Spoken};
use lines::Lines;
use sink::{Desk, Sink};
use sites::Sites;

/// Lines that may wait to be written.
const MOST_LINES: usize = 8192;

/// `--log-format`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Format {
    /// Time, level, sentence and fields on one line.
    Text,
    /// One object a line.
    Json,
}

/// What the log is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `--log`.
    pub levels: Levels,
    /// `--log-format`.
    pub format: Format,
    /// `--log-file`; stderr without one.
    pub file: Option<PathBuf>,
}

/// What waits to be written, and to be heard, is when these are dropped.
pub type Guards = (WorkerGuard, WorkerGuard);

/// The running log.
#[derive(Clone)]
pub struct Logs(Arc<Inner>);

struct Inner {
    filter: reload::Handle<Targets, Registry>,
    wishes: Mutex<Wishes>,
    watch: Watch,
    desk: Arc<Desk>,
    hall: Hall,
    file: Option<PathBuf>,
    lost: ErrorCounter,
}

/// What an operator wants to read.
struct Wishes {
    levels: Levels,
    /// `core set verbose`.
    verbose: u8,
    /// `core set debug`, and the module it is of, if not of all.
    debug: (u8, Option<&'static str>),
}

impl Wishes {
    /// The levels with what `core set` adds to them.
    fn effective(&self) -> Levels {
        let mut levels = self.levels.clone();
        if self.verbose >= 3 {
            levels.raise(Some("dialplan"), LevelFilter::DEBUG);
        }
        let (debug, module) = self.debug;
        match debug {
            0 => {}
            1..=4 => levels.raise(module, LevelFilter::DEBUG),
            _ => levels.raise(module, LevelFilter::TRACE),
        }
        levels
    }
}

impl Logs {
    /// Opens the log and makes it the process's. What waits is written when the
    /// guard is dropped.
    pub fn start(settings: &Settings) -> io::Result<(Logs, Guards)> {
        let (logs, subscriber, guard) = Logs::open(settings)?;
        subscriber.init();
        std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
        Ok((logs, guard))
    }

    /// A log that nothing is written into.
    #[cfg(test)]
    pub(crate) fn of_nobody() -> Logs {
        let settings = Settings {
            levels: "off".parse().expect("a level"),
            format: Format::Text,
            file: None,
        };
        let (logs, ..) = Logs::open(&settings).expect("stderr stands open");
        logs
    }

    fn open(
        settings: &Settings,
    ) -> io::Result<(
        Logs,
        impl tracing::Subscriber + Send + Sync + 'static,
        Guards,
    )> {
        let desk = Arc::new(Desk::default());
        let sink = Sink::open(settings.file.clone(), settings.format, Arc::clone(&desk))?;
        let (queue, guard) = NonBlockingBuilder::default()
            .buffered_lines_limit(MOST_LINES)
            .lossy(true)
            .thread_name("log")
            .finish(sink);
        let lost = queue.error_counter();
        desk.watch_losses(lost.clone());
        let (filter, handle) = reload::Layer::new(settings.levels.targets());
        let sites = Sites::new(queue.clone(), settings.format);
        let form = match settings.format {
            Format::Text => fmt::layer()
                .with_ansi(settings.file.is_none() && io::stderr().is_terminal())
                .with_target(false)
                .with_writer(Lines(queue))
                .boxed(),
            Format::Json => fmt::layer()
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(false)
                .with_writer(queue)
                .boxed(),
        };
        let hall = Hall::default();
        let (consoles, spoken) = NonBlockingBuilder::default()
            .buffered_lines_limit(MOST_LINES)
            .thread_name("log-consoles")
            .finish(hall.clone());
        let heard = hall.clone();
        let aloud = fmt::layer()
            .event_format(Spoken)
            .with_writer(consoles)
            .with_ansi(false)
            .with_filter(DynFilterFn::new(move |metadata, _| {
                heard.hears(metadata.target())
            }));
        let subscriber = tracing_subscriber::registry()
            .with(filter)
            .with(sites)
            .with(form)
            .with(aloud);
        let logs = Logs(Arc::new(Inner {
            filter: handle,
            wishes: Mutex::new(Wishes {
                levels: settings.levels.clone(),
                verbose: 0,
                debug: (0, None),
            }),
            watch: Watch::default(),
            desk,
            hall,
            file: settings.file.clone(),
            lost,
        }));
        logs.tell_shards(&settings.levels);
        Ok((logs, subscriber, (guard, spoken)))
    }

    /// What shards are asked for; taps are opened on it.
    pub fn watch(&self) -> &Watch {
        &self.0.watch
    }

    /// The levels in force.
    pub fn levels(&self) -> Levels {
        self.wishes().effective()
    }

    /// Has other levels hold from now on, in place of `--log`.
    pub fn set_levels(&self, levels: Levels) {
        self.change(|wishes| wishes.levels = levels);
    }

    /// `core set verbose`: from 3 on each step of the dialplan is told, whatever
    /// the levels say. Returns what held before.
    pub fn set_verbose(&self, verbose: u8) -> u8 {
        self.change(|wishes| std::mem::replace(&mut wishes.verbose, verbose))
    }

    /// `core set debug`: from 1 on `debug`, from 5 on `trace`, of one module or
    /// of all, whatever the levels say. Returns what held before.
    pub fn set_debug(&self, debug: u8, module: Option<&'static str>) -> u8 {
        self.change(|wishes| std::mem::replace(&mut wishes.debug, (debug, module)).0)
    }

    /// Opens the file anew, which somebody has moved away. What cannot be
    /// opened is told in the old one, which is then written on.
    pub fn rotate(&self) {
        self.0.desk.reopen();
        tracing::info!("the log goes on");
    }

    /// Has all that is logged heard by an audience, too. There is one.
    pub fn read_to(&self, audience: impl Audience + 'static) {
        self.0.hall.seat(Box::new(audience));
    }

    /// Where it goes; `None` for stderr.
    pub fn file(&self) -> Option<PathBuf> {
        self.0.file.clone()
    }

    /// Numbers for the operator.
    pub fn counters(&self) -> Vec<(String, u64)> {
        vec![
            (
                "log_lines_dropped".into(),
                self.0.lost.dropped_lines() as u64,
            ),
            ("log_lines_failed".into(), self.0.desk.failed()),
        ]
    }

    fn change<T>(&self, change: impl FnOnce(&mut Wishes) -> T) -> T {
        let mut wishes = self.wishes();
        let before = change(&mut wishes);
        let levels = wishes.effective();
        // It fails only when the subscriber is gone, at the process's end.
        let _ = self.0.filter.reload(levels.targets());
        self.tell_shards(&levels);
        before
    }

    /// Shards make no notes that would not be written.
    fn tell_shards(&self, levels: &Levels) {
        self.0.watch.set_level(levels.of_notes());
        self.0.watch.set_security(levels.has_security());
    }

    fn wishes(&self) -> MutexGuard<'_, Wishes> {
        // No change leaves them half done.
        self.0.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
