//! Where lines end: stderr or a file, written by the log's own thread. A disk
//! that is full, or a file that cannot be opened again, is no reason to stop:
//! what is lost is counted, and told as soon as something can be.

use std::fs::{File, OpenOptions};
use std::io::{self, Stderr, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tracing_appender::non_blocking::ErrorCounter;

use super::Format;
use super::lines::own;

/// What others and the sink tell each other.
#[derive(Default)]
pub(super) struct Desk {
    reopen: AtomicBool,
    failed: AtomicU64,
    /// Lines that found no room in the queue.
    dropped: OnceLock<ErrorCounter>,
}

impl Desk {
    /// Has the file opened anew before the next line.
    pub(super) fn reopen(&self) {
        self.reopen.store(true, Ordering::Release);
    }

    /// Lines that could not be written.
    pub(super) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Has lines told of that find no room in the queue.
    pub(super) fn watch_losses(&self, dropped: ErrorCounter) {
        // There is one queue, made once.
        let _ = self.dropped.set(dropped);
    }

    fn lost(&self) -> u64 {
        let dropped = self.dropped.get().map_or(0, ErrorCounter::dropped_lines);
        self.failed() + dropped as u64
    }
}

/// The end of the log.
pub(super) struct Sink {
    out: Out,
    format: Format,
    desk: Arc<Desk>,
    /// Losses that have been told of.
    told: u64,
}

enum Out {
    Stderr(Stderr),
    File { path: PathBuf, file: File },
}

impl Sink {
    /// Appends to `file`, or writes to stderr without one.
    pub(super) fn open(file: Option<PathBuf>, format: Format, desk: Arc<Desk>) -> io::Result<Sink> {
        let out = match file {
            Some(path) => Out::File {
                file: append(&path)?,
                path,
            },
            None => Out::Stderr(io::stderr()),
        };
        Ok(Sink {
            out,
            format,
            desk,
            told: 0,
        })
    }

    fn reopen(&mut self) {
        if let Out::File { path, file } = &mut self.out {
            match append(path) {
                Ok(fresh) => *file = fresh,
                Err(error) => {
                    let sentence = format!(
                        "{} cannot be opened again and its old file is written on: {error}",
                        path.display()
                    );
                    // If this cannot be written, nothing can.
                    let _ = file.write_all(own(self.format, &sentence).as_bytes());
                }
            }
        }
    }

    /// Tells of what was lost since it was told last.
    fn own_up(&mut self) {
        let lost = self.desk.lost();
        if lost > self.told {
            let sentence = format!(
                "{} lines of the log were lost: they could not be written, or not as fast as they came",
                lost - self.told
            );
            if self.put(own(self.format, &sentence).as_bytes()).is_ok() {
                self.told = lost;
            }
        }
    }

    fn put(&mut self, line: &[u8]) -> io::Result<()> {
        match &mut self.out {
            Out::Stderr(stderr) => stderr.lock().write_all(line),
            Out::File { file, .. } => file.write_all(line),
        }
    }
}

fn append(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

impl Write for Sink {
    /// Takes every line, whatever becomes of it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.desk.reopen.swap(false, Ordering::AcqRel) {
            self.reopen();
        }
        match self.put(line) {
            Ok(()) => self.own_up(),
            Err(_) => {
                self.desk.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
