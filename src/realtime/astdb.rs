//! The AstDB in an SQLite file of our own: a thread writes what the shards have
//! changed, many changes in one commit. What a disk without room does not take
//! is kept in memory and tried again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError};
use pinion_sip::machine::Entries;
use rusqlite::{Connection, params};

use super::driver::Fault;
use super::sqlite::{fault, opened};

/// The most changes of one commit.
const BATCH: usize = 4096;

/// How long a file that could not be used is left alone.
const PAUSE: Duration = Duration::from_millis(250);

/// How long the file may be locked by another, which only a tool could be.
const PATIENCE: Duration = Duration::from_secs(1);

const TABLE: &str = "CREATE TABLE IF NOT EXISTS astdb (
    path TEXT PRIMARY KEY, value TEXT NOT NULL
) WITHOUT ROWID";

/// A path, and its value.
pub type Entry = (Box<str>, Box<str>);

/// What the thread is told.
pub(super) enum EntryJob {
    /// Values have changed.
    Keep(Entries),
    Stop,
}

/// The thread; it alone writes its file.
pub(super) struct Archivist {
    jobs: Receiver<EntryJob>,
    file: File,
    /// What the file does not have yet; `None` where there is no value any more.
    dirty: HashMap<Box<str>, Option<Box<str>>>,
    failed: bool,
}

impl Archivist {
    /// Writes to the file at `path`, made when first needed.
    pub fn new(jobs: Receiver<EntryJob>, path: PathBuf) -> Archivist {
        Archivist {
            jobs,
            file: File { path, conn: None },
            dirty: HashMap::new(),
            failed: false,
        }
    }

    /// Serves until told to stop.
    pub fn serve(&mut self) {
        loop {
            let job = match self.failed {
                false => self.jobs.recv().ok(),
                // What could not be written is tried again, though nothing comes.
                true => match self.jobs.recv_timeout(PAUSE) {
                    Ok(job) => Some(job),
                    Err(RecvTimeoutError::Timeout) => Some(EntryJob::Keep(Arc::from([]))),
                    Err(RecvTimeoutError::Disconnected) => None,
                },
            };
            let mut job = job;
            let mut stop = job.is_none();
            while let Some(next) = job.take() {
                match next {
                    EntryJob::Keep(entries) => self.dirty.extend(entries.iter().cloned()),
                    EntryJob::Stop => stop = true,
                }
                if !stop && self.dirty.len() < BATCH {
                    job = self.jobs.try_recv().ok();
                }
            }
            self.write();
            if stop {
                return;
            }
        }
    }

    fn write(&mut self) {
        if self.dirty.is_empty() {
            return;
        }
        match self.file.keep(&self.dirty) {
            Ok(()) => {
                self.dirty.clear();
                if std::mem::take(&mut self.failed) {
                    tracing::info!("{} is written again", self.file.path.display());
                }
            }
            Err(fault) => {
                if !std::mem::replace(&mut self.failed, true) {
                    let path = self.file.path.display();
                    tracing::error!(
                        "the AstDB cannot be kept in {path}: {fault}. \
                         Its changes are in memory until it can"
                    );
                }
            }
        }
    }
}

struct File {
    path: PathBuf,
    conn: Option<Connection>,
}

impl File {
    fn opened(&mut self) -> Result<&mut Connection, Fault> {
        opened(&mut self.conn, &self.path, PATIENCE, TABLE)
    }

    fn keep(&mut self, entries: &HashMap<Box<str>, Option<Box<str>>>) -> Result<(), Fault> {
        let transaction = self.opened()?.transaction().map_err(fault)?;
        {
            let mut put = transaction
                .prepare_cached(
                    "INSERT INTO astdb VALUES (?1, ?2) \
                     ON CONFLICT (path) DO UPDATE SET value = excluded.value",
                )
                .map_err(fault)?;
            let mut remove = transaction
                .prepare_cached("DELETE FROM astdb WHERE path = ?1")
                .map_err(fault)?;
            for (path, value) in entries {
                match value {
                    Some(value) => put.execute(params![path, value]),
                    None => remove.execute(params![path]),
                }
                .map_err(fault)?;
            }
        }
        transaction.commit().map_err(fault)
    }
}

/// All paths and values the file at `path` has; none if there is no file.
pub(super) fn load(path: &Path) -> Result<Vec<Entry>, Fault> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let mut file = File {
        path: path.into(),
        conn: None,
    };
    let conn = file.opened()?;
    let mut statement = conn
        .prepare_cached("SELECT path, value FROM astdb")
        .map_err(fault)?;
    statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .and_then(Iterator::collect)
        .map_err(fault)
}

#[cfg(test)]
mod tests {
    use crossbeam::channel::unbounded;

    use super::*;

    fn entries(entries: &[(&str, Option<&str>)]) -> EntryJob {
        let entry = |(path, value): &(&str, Option<&str>)| ((*path).into(), value.map(Box::from));
        EntryJob::Keep(entries.iter().map(entry).collect())
    }

    #[test]
    fn what_was_written_last_is_found_again() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("astdb.sqlite");
        assert_eq!(load(&path), Ok(Vec::new()));
        for (jobs, found) in [
            (
                vec![
                    entries(&[("a/1", Some("x"))]),
                    entries(&[("a/1", Some("y")), ("a/2", Some(""))]),
                ],
                2,
            ),
            (vec![entries(&[("a/2", None)])], 1),
        ] {
            let (sender, receiver) = unbounded();
            for job in jobs {
                sender.send(job).unwrap();
            }
            sender.send(EntryJob::Stop).unwrap();
            Archivist::new(receiver, path.clone()).serve();
            let kept = load(&path).unwrap();
            assert_eq!(kept.len(), found);
            assert!(kept.contains(&("a/1".into(), "y".into())));
        }
    }

    #[test]
    fn what_a_file_does_not_take_is_tried_again() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("state");
        let path = directory.join("astdb.sqlite");
        let (sender, receiver) = unbounded();
        let mut archivist = Archivist::new(receiver, path.clone());
        sender.send(entries(&[("a/1", Some("x"))])).unwrap();
        sender.send(EntryJob::Stop).unwrap();
        archivist.serve();
        assert!(archivist.failed);
        std::fs::create_dir(&directory).unwrap();
        sender.send(EntryJob::Stop).unwrap();
        archivist.serve();
        assert!(!archivist.failed);
        assert_eq!(load(&path), Ok(vec![("a/1".into(), "x".into())]));
    }
}
