//! So many lines in a second from each place in the source. What comes from
//! shards has been shared out before, by cause and by source.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use pinion_runtime::{Ration, Unsaid};
use tracing::{Event, Subscriber};
use tracing_appender::non_blocking::NonBlocking;
use tracing_subscriber::layer::{Context, Layer};

use super::Format;
use super::lines::own;

/// Lines of one place that are written in one second.
const PER_SITE: u32 = 20;

/// More places than there are.
const SITES: usize = 4096;

/// Targets that are shared out where they come from, and the record of what
/// operators do, of which nothing is left out.
const SHARED_OUT: [&str; 5] = ["audit", "sip", "dialplan", "security", "messages"];

/// A place: its file and its line.
type Site = (&'static str, u32);

/// Keeps any one place from filling the log.
pub(super) struct Sites {
    ration: Mutex<Ration<Site>>,
    /// Where it tells what was left out.
    queue: NonBlocking,
    format: Format,
}

impl Sites {
    pub(super) fn new(queue: NonBlocking, format: Format) -> Sites {
        Sites {
            ration: Mutex::new(Ration::new(PER_SITE, SITES)),
            queue,
            format,
        }
    }

    fn admit(&self, site: Site, second: u64) -> (bool, Vec<Unsaid<Site>>) {
        let mut ration = self.ration.lock().unwrap_or_else(PoisonError::into_inner);
        let unsaid = ration.settle(second);
        (ration.admit(&site), unsaid)
    }
}

impl<S: Subscriber> Layer<S> for Sites {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if SHARED_OUT.contains(&metadata.target()) {
            return true;
        }
        let site = (
            metadata.file().unwrap_or_default(),
            metadata.line().unwrap_or_default(),
        );
        let second = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let (admitted, unsaid) = self.admit(site, second);
        for Unsaid { key, times } in unsaid {
            let (file, line) = key.unwrap_or_default();
            let sentence = format!("{times} more from {file}:{line} were not written");
            // The queue takes it, or counts it.
            let _ = self
                .queue
                .clone()
                .write_all(own(self.format, &sentence).as_bytes());
        }
        admitted
    }
}
