//! Captured messages on their way into a file, by a thread of its own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use pinion_runtime::{Capture, Watch};
use pinion_sip::machine::Sought;

use super::FETCH;
use super::pcapng::Pcapng;

/// How much is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bounds {
    /// So many bytes; then it ends.
    Once(u64),
    /// So many bytes, and as many of what came before in a second file: the
    /// newest messages are always there.
    Latest(u64),
}

/// A file being written; dropping it ends that, with all that was captured
/// written.
pub struct Trace {
    path: PathBuf,
    capture: Arc<Capture>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    messages: AtomicU64,
}

impl Trace {
    /// Begins to write what is `sought` into a file of that name, which must not
    /// exist, unless the latest are wanted: what an earlier process has left
    /// there is then what came before.
    pub fn start(
        watch: &Watch,
        sought: Vec<Sought>,
        path: &Path,
        bounds: Bounds,
    ) -> io::Result<Trace> {
        if let Bounds::Latest(_) = bounds
            && path.exists()
        {
            fs::rename(path, before(path))?;
        }
        let file = Pcapng::create(path)?;
        let capture = Arc::new(Capture::open(watch, sought));
        let shared = Arc::new(Shared::default());
        let work = Work {
            file,
            path: path.to_owned(),
            bounds,
            capture: Arc::clone(&capture),
            shared: Arc::clone(&shared),
        };
        let thread = thread::Builder::new()
            .name("trace".into())
            .spawn(move || work.run())?;
        Ok(Trace {
            path: path.to_owned(),
            capture,
            shared,
            thread: Some(thread),
        })
    }

    /// Where it writes.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Messages written, and messages dropped because they came faster.
    pub fn counts(&self) -> (u64, u64) {
        (
            self.shared.messages.load(Ordering::Relaxed),
            self.capture.dropped(),
        )
    }

    /// Whether it has ended: told to, or by its bound or a full disk.
    pub fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Ends it, when all that was captured is written.
    pub fn end(&mut self) {
        // More that comes as fast as it is written would have no end.
        self.capture.seek(Vec::new());
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It does not panic, and if it did, the file is as good as it gets.
            let _ = thread.join();
        }
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        self.end();
    }
}

/// The file before the present one: `x.pcapng` follows `x.1.pcapng`.
fn before(path: &Path) -> PathBuf {
    match path.extension() {
        Some(extension) => path.with_extension(format!("1.{}", extension.display())),
        None => path.with_extension("1"),
    }
}

/// What the thread works with.
struct Work {
    file: Pcapng,
    path: PathBuf,
    bounds: Bounds,
    capture: Arc<Capture>,
    shared: Arc<Shared>,
}

impl Work {
    fn run(mut self) {
        match self.write_all() {
            Ok(true) => {}
            Ok(false) => tracing::info!("{} is full and ends", self.path.display()),
            Err(error) => tracing::error!("{} ends: {error}", self.path.display()),
        }
        // Whether anybody asks for it or not: shards copy nothing any more, and
        // what was not written is not kept.
        self.capture.seek(Vec::new());
        while self.capture.take().is_some() {}
    }

    /// Writes until it is told to stop (`true`), or its bound is reached.
    fn write_all(&mut self) -> io::Result<bool> {
        loop {
            // What is captured before the stop is written.
            let stop = self.shared.stop.load(Ordering::Acquire);
            while let Some(captured) = self.capture.take() {
                if !self.has_room()? {
                    self.file.flush()?;
                    return Ok(false);
                }
                self.file.write(&captured)?;
                self.shared.messages.fetch_add(1, Ordering::Relaxed);
            }
            self.file.flush()?;
            if stop {
                return Ok(true);
            }
            thread::park_timeout(FETCH);
        }
    }

    /// Whether there is room, which a new file makes where the latest are
    /// wanted.
    fn has_room(&mut self) -> io::Result<bool> {
        match self.bounds {
            Bounds::Once(most) => Ok(self.file.len() < most),
            Bounds::Latest(most) => {
                if self.file.len() >= most {
                    self.file.flush()?;
                    fs::rename(&self.path, before(&self.path))?;
                    self.file = Pcapng::create(&self.path)?;
                }
                Ok(true)
            }
        }
    }
}

#[cfg(test)]
mod tests;
