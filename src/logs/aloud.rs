//! The log as attached consoles hear it: every event that is written, in
//! Asterisk's way, for as long as anybody listens. A queue and a thread of its
//! own, so that neither a shard nor the log waits for a console.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, OnceLock};

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::registry::LookupSpan;

use super::levels::MESSAGES;

/// The target of what operators did: each knows what it has typed itself.
const AUDIT: &str = "audit";

/// Whoever listens to the log.
pub trait Audience: Send + Sync {
    /// Whether there is anybody now. Asked often: it must not wait.
    fn is_there(&self) -> bool;

    /// Hears an event; no line end follows its last line.
    fn hear(&self, text: &str);
}

/// Where the audience takes its place.
#[derive(Clone, Default)]
pub(super) struct Hall(Arc<OnceLock<Box<dyn Audience>>>);

impl Hall {
    /// Seats the audience; the first one stays.
    pub(super) fn seat(&self, audience: Box<dyn Audience>) {
        let _ = self.0.set(audience);
    }

    /// Whether anybody hears what is said under that target.
    pub(super) fn hears(&self, target: &str) -> bool {
        target != AUDIT && self.0.get().is_some_and(|audience| audience.is_there())
    }
}

impl Write for Hall {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        if let Some(audience) = self.0.get() {
            let text = String::from_utf8_lossy(event);
            audience.hear(text.strip_suffix('\n').unwrap_or(&text));
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The form of an event that is heard: messages stand by themselves, behind an
/// empty line; all else says when and how grave it is.
pub(super) struct Spoken;

impl<S, N> FormatEvent<S, N> for Spoken
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if event.metadata().target() == MESSAGES {
            writeln!(writer)?;
        } else {
            write!(writer, "[")?;
            SystemTime.format_time(&mut writer)?;
            write!(writer, "] {}: ", event.metadata().level())?;
        }
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
