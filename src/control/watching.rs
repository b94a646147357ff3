//! What operators watch while the engine runs: the log, the messages that are
//! shown, the one that is written into a file.

use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use pinion_sip::machine::Sought;

use super::house::House;
use crate::capture::{Bounds, Messages, Trace};
use crate::logs::{Audience, Logs};

/// The most a file of `sip trace` takes, in bytes.
const MOST_TRACED: u64 = 1 << 30;

/// The attached consoles, which hear the log.
pub struct Consoles(pub Weak<House>);

impl Audience for Consoles {
    fn is_there(&self) -> bool {
        self.0.upgrade().is_some_and(|house| house.news.is_heard())
    }

    fn hear(&self, text: &str) {
        if let Some(house) = self.0.upgrade() {
            house.news.say(text);
        }
    }
}

/// Everything that is watched.
pub struct Watching {
    /// The log.
    pub logs: Logs,
    /// `sip set debug`.
    pub messages: Messages,
    trace: Mutex<Option<Trace>>,
}

impl Watching {
    /// By way of that log, and of what its shards are asked for.
    pub fn new(logs: Logs) -> Watching {
        Watching {
            messages: Messages::new(logs.watch().clone()),
            trace: Mutex::default(),
            logs,
        }
    }

    /// `sip trace`: writes what is sought into a new file, until it is told to
    /// end or full. There is one at a time; `false`: another one is.
    pub fn trace(&self, sought: Sought, path: &Path) -> io::Result<bool> {
        let mut trace = self.lock();
        if trace.as_ref().is_some_and(|trace| !trace.is_over()) {
            return Ok(false);
        }
        let (watch, bounds) = (self.logs.watch(), Bounds::Once(MOST_TRACED));
        *trace = Some(Trace::start(watch, vec![sought], path, bounds)?);
        Ok(true)
    }

    /// Looks at the file that is written, or was last.
    pub fn with_trace<T>(&self, look: impl FnOnce(Option<&Trace>) -> T) -> T {
        look(self.lock().as_ref())
    }

    /// Ends the file; it is complete then.
    pub fn end_trace(&self) -> Option<Trace> {
        let mut trace = self.lock().take();
        if let Some(trace) = &mut trace {
            trace.end();
        }
        trace
    }

    fn lock(&self) -> MutexGuard<'_, Option<Trace>> {
        // No change leaves it half done.
        self.trace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
