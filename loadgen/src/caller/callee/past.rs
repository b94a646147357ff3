//! INVITEs of calls that are over, so that a copy that comes late begins none.
//! Holds each for as long as a copy may stay in the network, and no longer.

use std::collections::VecDeque;
use std::time::Duration;

use hashbrown::HashTable;
use pinion_sip::base::Instant;

/// Branches that are not to be taken for new ones, for as long as a copy may
/// stay in the network (T4).
pub(super) struct Past {
    held: HashTable<u64>,
    queue: VecDeque<(Instant, u64)>,
    t4: Duration,
}

impl Past {
    /// None yet.
    pub(super) fn new(t4: Duration) -> Past {
        Past {
            held: HashTable::new(),
            queue: VecDeque::new(),
            t4,
        }
    }

    /// The INVITE known by `key` is over.
    pub(super) fn add(&mut self, now: Instant, key: u64) {
        while let Some(&(until, old)) = self.queue.front()
            && until <= now
        {
            self.queue.pop_front();
            if let Ok(found) = self.held.find_entry(old, |&held| held == old) {
                found.remove();
            }
        }
        self.held.insert_unique(key, key, |&key| key);
        self.queue.push_back((now + self.t4, key));
    }

    /// Whether it was, not long ago.
    pub(super) fn has(&self, key: u64) -> bool {
        self.held.find(key, |&held| held == key).is_some()
    }
}
