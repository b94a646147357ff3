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
        let mut all = shown.sought.clone();
        if !all.contains(&sought) {
            all.push(sought);
        }
        if let Some(printing) = &shown.printing {
            printing.capture.seek(all.clone());
            shown.sought = all;
            return Ok(());
        }
        let capture = Arc::new(Capture::open(&self.watch, all.clone()));
        let stop = Arc::new(AtomicBool::new(false));
        let (of_thread, told) = (Arc::clone(&capture), Arc::clone(&stop));
        thread::Builder::new()
            .name("messages".into())
            .spawn(move || print(&of_thread, &told, &mut log))?;
        shown.sought = all;
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

/// Says what is captured until told to stop.
fn print(capture: &Capture, stop: &AtomicBool, say: &mut dyn FnMut(&str)) {
    let mut printer = Printer::default();
    let mut ration = Ration::new(PER_SECOND, 1);
    let mut dropped = 0;
    loop {
        let last = stop.load(Ordering::Acquire);
        while let Some(captured) = capture.take() {
            own_up(&mut ration, captured.unix_us / 1_000_000, say);
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
            own_up(&mut ration, u64::MAX, say);
            return;
        }
        thread::sleep(FETCH);
    }
}

/// Says how many were left out of the seconds before.
fn own_up(ration: &mut Ration<()>, second: u64, say: &mut dyn FnMut(&str)) {
    for unsaid in ration.settle(second) {
        say(&format!(
            "... {} messages were not printed ...",
            unsaid.times
        ));
    }
}

fn log(text: &str) {
    tracing::info!(target: "messages", "{text}");
}

#[cfg(test)]
mod tests {
    use pinion_sip::base::Flow;

    use super::*;

    #[test]
    fn a_second_has_its_share_and_the_rest_is_counted() {
        let watch = Watch::default();
        let capture = Capture::open(&watch, vec![Sought::All]);
        let [local, remote] = ["127.0.0.1:5060", "127.0.0.9:5060"].map(|at| at.parse().unwrap());
        let flow = Flow::udp(0, local, remote);
        let show = |second: u64| watch.show(second * 1_000_000, false, &flow, b"x");
        (0..PER_SECOND + 500).for_each(|_| show(1));
        show(2);
        (0..PER_SECOND).for_each(|_| show(2));
        let mut said = Vec::new();
        let stop = AtomicBool::new(true);
        print(&capture, &stop, &mut |text| said.push(text.to_owned()));
        let most = PER_SECOND as usize;
        assert!(said[..most].iter().all(|text| text.starts_with("<--- SIP")));
        assert_eq!(said[most], "... 500 messages were not printed ...");
        let (last, shown) = said[most + 1..].split_last().unwrap();
        assert!(shown.iter().all(|text| text.starts_with("<--- SIP")));
        assert_eq!(
            (shown.len(), &**last),
            (most, "... 1 messages were not printed ...")
        );
    }

    #[test]
    fn what_the_reader_was_too_slow_for_is_counted() {
        let watch = Watch::default();
        let capture = Capture::open(&watch, vec![Sought::All]);
        let [local, remote] = ["127.0.0.1:5060", "127.0.0.9:5060"].map(|at| at.parse().unwrap());
        let flow = Flow::udp(0, local, remote);
        (0..10_000).for_each(|second| watch.show(second * 1_000_000, true, &flow, b"x"));
        let dropped = capture.dropped();
        let mut last = String::new();
        let stop = AtomicBool::new(true);
        print(&capture, &stop, &mut |text| last = text.into());
        assert_eq!(last, format!("... {dropped} messages were dropped ..."));
        assert!(dropped > 0);
    }
}
