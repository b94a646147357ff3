//! What an operator wants to hear of the shards: how loud their notes are,
//! whether security events are made, who listens in. Set from any thread while
//! they run; a shard looks at one number in each turn, and further only when
//! that has changed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pinion_sip::base::{Flow, Level};

use crate::tap::Tap;

/// One engine's wishes, shared by all who set or follow them. By default
/// nothing is wanted.
#[derive(Clone, Default)]
pub struct Watch(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Grows with every change of what is wanted.
    version: AtomicU64,
    wanted: Mutex<Wanted>,
}

/// What is wanted.
#[derive(Clone, Default)]
pub(crate) struct Wanted {
    /// The loudest detail of notes; `None` for silence.
    pub(crate) level: Option<Level>,
    /// Whether security events are made.
    pub(crate) security: bool,
    /// Who listens in.
    pub(crate) taps: Vec<Arc<Tap>>,
}

impl Watch {
    /// Has shards make notes up to `level`, and none for `None`.
    pub fn set_level(&self, level: Option<Level>) {
        self.change(|wanted| wanted.level = level);
    }

    /// Has shards make security events, or none.
    pub fn set_security(&self, wanted: bool) {
        self.change(|all| all.security = wanted);
    }

    /// Shows a message to whoever listens in, as a shard does: for what goes by
    /// no pump.
    pub fn show(&self, unix_us: u64, sent: bool, flow: &Flow, bytes: &[u8]) {
        for tap in self.wanted().taps {
            tap.see(unix_us, 0, sent, flow, bytes);
        }
    }

    pub(crate) fn change_taps(&self, change: impl FnOnce(&mut Vec<Arc<Tap>>)) {
        self.change(|wanted| change(&mut wanted.taps));
    }

    pub(crate) fn wanted(&self) -> Wanted {
        self.lock().clone()
    }

    /// Another number after each change.
    pub(crate) fn version(&self) -> u64 {
        self.0.version.load(Ordering::Acquire)
    }

    fn change(&self, change: impl FnOnce(&mut Wanted)) {
        let mut wanted = self.lock();
        change(&mut wanted);
        self.0.version.fetch_add(1, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Wanted> {
        // No change leaves it half done.
        self.0.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_by_all_who_share_the_wishes() {
        let watch = Watch::default();
        let shared = watch.clone();
        let before = shared.version();
        watch.set_level(Some(Level::Debug));
        watch.set_security(true);
        assert_ne!(shared.version(), before);
        assert_eq!(shared.wanted().level, Some(Level::Debug));
        assert!(shared.wanted().security);
    }
}
