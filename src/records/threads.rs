//! The threads that append lines to files: Master.csv with its accounts, and
//! Master.json. What a line says is `csv`'s and `json`'s matter.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::RecvTimeoutError;

use super::entry::Entry;
use super::file::Appender;
use super::sharing::Inlet;
use super::tally::Tally;
use super::{Board, Fsync, csv, json};

/// Lines written at once, at most.
const MOST: usize = 1024;

/// Waits for a record and takes those behind it, so many at most; whether there
/// may be more. Nothing where none comes in time.
fn batch(inlet: &mut Inlet, until: Option<Instant>, mut each: impl FnMut(&Entry)) -> bool {
    let first = match inlet.take(until) {
        Ok(first) => first,
        Err(RecvTimeoutError::Timeout) => return true,
        Err(RecvTimeoutError::Disconnected) => return false,
    };
    let others = std::iter::from_fn(|| inlet.take_waiting());
    let taken = std::iter::once(first).chain(others.take(MOST - 1));
    taken.flatten().for_each(|entry| each(&entry));
    true
}

/// Appends lines of so many records, and counts them.
fn append(file: &mut Appender, lines: &[u8], count: usize, tally: &Tally) {
    match file.append(lines) {
        Ok(()) => tally.written.add(count),
        Err(error) => {
            tally.dropped.add(count);
            let path = file.path().display();
            tracing::error!("{path}: {count} records of calls are lost: {error}");
        }
    }
}

/// The thread of Master.csv.
pub(super) struct Sheets {
    inlet: Inlet,
    tally: Arc<Tally>,
    dir: PathBuf,
    master: Appender,
    board: Arc<Board>,
}

impl Sheets {
    pub(super) fn new(inlet: Inlet, tally: Arc<Tally>, board: Arc<Board>, dir: &Path) -> Sheets {
        Sheets {
            inlet,
            tally,
            dir: dir.into(),
            master: Appender::new(dir.join("Master.csv")),
            board,
        }
    }

    pub(super) fn serve(&mut self) {
        loop {
            let (mut lines, mut count) = (Vec::new(), 0);
            let mut accounts = Accounts::default();
            let more = batch(&mut self.inlet, None, |entry| {
                let style = self.board.style();
                let Some(options) = &style.csv else { return };
                let from = lines.len();
                csv::write(&mut lines, entry, &style.form, options);
                count += 1;
                if options.accountlogs {
                    accounts.add(&entry.cdr.accountcode, &lines[from..]);
                }
            });
            if count > 0 {
                append(&mut self.master, &lines, count, &self.tally);
                accounts.append(&self.dir);
            }
            self.inlet.done();
            if !more {
                return;
            }
        }
    }
}

/// The lines of one batch, by account.
#[derive(Default)]
struct Accounts(BTreeMap<String, Vec<u8>>);

impl Accounts {
    fn add(&mut self, accountcode: &str, line: &[u8]) {
        if let Some(file) = csv::account_file(accountcode) {
            self.0.entry(file).or_default().extend_from_slice(line);
        }
    }

    fn append(&self, dir: &Path) {
        for (file, lines) in &self.0 {
            let mut file = Appender::new(dir.join(file));
            if let Err(error) = file.append(lines) {
                tracing::error!("{}: {error}", file.path().display());
            }
        }
    }
}

/// The thread of Master.json.
pub(super) struct Objects {
    inlet: Inlet,
    tally: Arc<Tally>,
    file: Appender,
    board: Arc<Board>,
    /// When what was written must outlive the host.
    due: Option<Instant>,
}

impl Objects {
    pub(super) fn new(inlet: Inlet, tally: Arc<Tally>, board: Arc<Board>, dir: &Path) -> Objects {
        Objects {
            inlet,
            tally,
            file: Appender::new(dir.join("Master.json")),
            board,
            due: None,
        }
    }

    pub(super) fn serve(&mut self) {
        loop {
            let (mut lines, mut count) = (Vec::new(), 0);
            let more = batch(&mut self.inlet, self.due, |entry| {
                let style = self.board.style();
                if style.json.is_some() {
                    json::write(&mut lines, entry, &style.form);
                    count += 1;
                }
            });
            if count > 0 {
                append(&mut self.file, &lines, count, &self.tally);
                let wait = match self.board.style().json {
                    None | Some(Fsync::Never) => None,
                    Some(Fsync::Always) => Some(Duration::ZERO),
                    Some(Fsync::Within(wait)) => Some(wait),
                };
                self.due = self.due.or(wait.map(|wait| Instant::now() + wait));
            }
            self.inlet.done();
            if self.due.is_some_and(|due| !more || due <= Instant::now()) {
                self.due = None;
                if let Err(error) = self.file.sync() {
                    tracing::error!("{}: {error}", self.file.path().display());
                }
            }
            if !more {
                return;
            }
        }
    }
}
