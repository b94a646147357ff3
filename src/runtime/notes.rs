//! Hands a machine's notes and security events to `tracing`, and keeps a
//! misbehaving remote from filling the log. Never formats what the log's level
//! does not want.

use std::net::IpAddr;

use pinion_sip::base::{Level, Note, ShardId};
use pinion_sip::machine::SecurityEvent;

use crate::ration::{Ration, Unsaid};
use crate::security::Line;

/// Warnings and errors of one cause that are printed in one second.
const PER_CAUSE: u32 = 10;

/// More causes than there are.
const CAUSES: usize = 1024;

/// Security events of one source that are printed in one second: as many as
/// whoever bans it needs to see.
const PER_SOURCE: u32 = 5;

/// Sources of which any are printed in one second. Those of a flood from forged
/// addresses do not fill the log; a source that goes on has its turn later.
const SOURCES: usize = 512;

/// One shard's way into the log.
pub(crate) struct Notes {
    shard: ShardId,
    causes: Ration<&'static str>,
    sources: Ration<IpAddr>,
}

/// Prints a note with the target and level given, which `tracing` wants to
/// know when it is compiled.
macro_rules! print {
    ($target:literal, $notes:ident, $note:ident) => {{
        let (shard, cause, text) = ($notes.shard, $note.cause, $note.text.as_str());
        let call_id = $note.call_id.lossy();
        let call_id = Some(&*call_id).filter(|call_id| !call_id.is_empty());
        match $note.level {
            Level::Error => tracing::error!(target: $target, shard, cause, call_id, "{text}"),
            Level::Warn => tracing::warn!(target: $target, shard, cause, call_id, "{text}"),
            Level::Info => tracing::info!(target: $target, shard, cause, call_id, "{text}"),
            Level::Debug => tracing::debug!(target: $target, shard, cause, call_id, "{text}"),
            Level::Trace => tracing::trace!(target: $target, shard, cause, call_id, "{text}"),
        }
    }};
}

impl Notes {
    pub(crate) fn new(shard: ShardId) -> Notes {
        Notes {
            shard,
            causes: Ration::new(PER_CAUSE, CAUSES),
            sources: Ration::new(PER_SOURCE, SOURCES),
        }
    }

    /// Prints a note, unless its cause has had its share of this second.
    /// `unix_us` is the time in microseconds since 1970.
    pub(crate) fn tell(&mut self, unix_us: u64, note: &Note) {
        if note.level <= Level::Warn {
            for Unsaid { key, times } in self.causes.settle(unix_us / 1_000_000) {
                let (shard, cause) = (self.shard, key);
                tracing::warn!(target: "sip", shard, cause, "{times} more like this were not printed");
            }
            if !self.causes.admit(&note.cause) {
                return;
            }
        }
        // What plans do and say is a subject of its own.
        match note.cause {
            "dialplan" | "variables" | "verbose" | "log" | "user-event" | "cel-event"
            | "channel" => {
                print!("dialplan", self, note)
            }
            _ => print!("sip", self, note),
        }
    }

    /// Prints a security event, unless its source has had its share of this
    /// second.
    pub(crate) fn warn_of(&mut self, unix_us: u64, event: &SecurityEvent) {
        for Unsaid { key, times } in self.sources.settle(unix_us / 1_000_000) {
            let shard = self.shard;
            match key {
                Some(source) => tracing::warn!(
                    target: "security", shard, %source, "{times} more of this source were not printed"
                ),
                None => tracing::warn!(
                    target: "security", shard, "{times} of other sources were not printed"
                ),
            }
        }
        if self.sources.admit(&event.flow.remote.ip().to_canonical()) {
            tracing::warn!(target: "security", "{}", Line { event, unix_us });
        }
    }
}
