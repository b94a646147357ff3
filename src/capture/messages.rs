//! `sip set debug`: what operators want to see now, printed into the log, and
//! by it on the consoles. Bounded in a second, with a count of what was left
//! out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use pinion_runtime::{Capture, Ration, Watch};
use pinion_sip::machine::Sought;

use super::FETCH;
use super::print::Printer;

/// Messages printed in one second.
const PER_SECOND: u32 = 1000;

/// The messages that are shown. Nothing is captured, and no thread runs, while
/// none are wanted.
pub struct Messages {
    watch: Watch,
    shown: Mutex<Shown>,
}

#[derive(Default)]
struct Shown {
    sought: Vec<Sought>,
    printing: Option<Printing>,
}

/// A thread that prints.
struct Printing {
    capture: Arc<Capture>,
    stop: Arc<AtomicBool>,
}

impl Messages {
    /// Shows nothing yet; listens at the shards that go by `watch`.
    pub fn new(watch: Watch) -> Messages {
        Messages {
            watch,
            shown: Mutex::default(),
        }
    }

    /// Shows these, too.
    pub fn add(&self, sought: Sought) -> std::io::Result<()> {
        let mut shown = self.shown();
        if !shown.sought.contains(&sought) {
            shown.sought.push(sought);
        }
        if let Some(printing) = &shown.printing {
            printing.capture.seek(shown.sought.clone());
            return Ok(());
        }
        let capture = Arc::new(Capture::open(&self.watch, shown.sought.clone()));
        let stop = Arc::new(AtomicBool::new(false));
        let (of_thread, told) = (Arc::clone(&capture), Arc::clone(&stop));
        thread::Builder::new()
            .name("messages".into())
            .spawn(move || print(&of_thread, &told))?;
        shown.printing = Some(Printing { capture, stop });
        Ok(())
    }

    /// Shows nothing any more.
    pub fn clear(&self) {
        let mut shown = self.shown();
        shown.sought.clear();
        if let Some(printing) = shown.printing.take() {
            printing.capture.seek(Vec::new());
            printing.stop.store(true, Ordering::Release);
        }
    }

    /// What is shown.
    pub fn sought(&self) -> Vec<Sought> {
        self.shown().sought.clone()
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        // No change leaves it half done.
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Prints what is captured until told to stop.
fn print(capture: &Capture, stop: &AtomicBool) {
    let mut printer = Printer::default();
    let mut ration = Ration::new(PER_SECOND, 1);
    let mut dropped = 0;
    loop {
        let last = stop.load(Ordering::Acquire);
        while let Some(captured) = capture.take() {
            for unsaid in ration.settle(captured.unix_us / 1_000_000) {
                say(&format!(
                    "... {} messages were not printed ...",
                    unsaid.times
                ));
            }
            // Whether it is shown or not: copies are counted.
            let text = printer.print(&captured);
            if ration.admit(&()) {
                say(&text);
            }
        }
        let lost = capture.dropped() - dropped;
        if lost > 0 {
            say(&format!("... {lost} messages were dropped ..."));
            dropped += lost;
        }
        if last {
            return;
        }
        thread::sleep(FETCH);
    }
}

fn say(text: &str) {
    tracing::info!(target: "messages", "{text}");
}
