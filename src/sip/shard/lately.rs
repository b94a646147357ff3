//! Keys that something happened to lately, and when. Forgets by age and by
//! number, each time something is added: it needs no waking.

use alloc::collections::VecDeque;
use core::hash::Hash;
use core::time::Duration;

use hashbrown::HashMap;

use crate::base::{Hasher, Instant};

/// The latest moment of each key.
pub struct Lately<K> {
    moments: HashMap<K, Instant, Hasher>,
    /// All moments in order, those of a key that has a later one included.
    order: VecDeque<(Instant, K)>,
    most: usize,
}

impl<K: Clone + Eq + Hash> Lately<K> {
    /// Nothing has happened; at most so many moments are remembered.
    pub fn new(hasher: Hasher, most: usize) -> Lately<K> {
        Lately {
            moments: HashMap::with_hasher(hasher),
            order: VecDeque::new(),
            most,
        }
    }

    /// It happens now. What is older than `memory` is forgotten.
    pub fn insert(&mut self, now: Instant, key: K, memory: Duration) {
        while let Some((at, _)) = self.order.front()
            && (self.order.len() >= self.most || now.since(*at) > memory)
            && let Some((at, oldest)) = self.order.pop_front()
        {
            if self.moments.get(&oldest) == Some(&at) {
                self.moments.remove(&oldest);
            }
        }
        self.moments.insert(key.clone(), now);
        self.order.push_back((now, key));
    }

    /// When it happened last, as far as that is remembered.
    pub fn get(&self, key: &K) -> Option<Instant> {
        self.moments.get(key).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMORY: Duration = Duration::from_secs(5);

    fn lately(most: usize) -> Lately<u64> {
        Lately::new(Hasher::with_seeds(1, 2, 3, 4), most)
    }

    fn at(second: u64) -> Instant {
        Instant::from_micros(second * 1_000_000)
    }

    #[test]
    fn the_latest_moment_counts() {
        let mut lately = lately(10);
        lately.insert(at(10), 7, MEMORY);
        lately.insert(at(12), 7, MEMORY);
        assert_eq!(lately.get(&7), Some(at(12)));
        lately.insert(at(16), 8, MEMORY);
        assert_eq!(lately.get(&7), Some(at(12)), "it happened again since");
        lately.insert(at(18), 8, MEMORY);
        assert_eq!(lately.get(&7), None);
    }

    #[test]
    fn no_more_than_fit_are_remembered_and_none_for_ever() {
        let most = 65_536;
        let mut lately = lately(most);
        for key in 0..most as u64 + 10 {
            lately.insert(Instant::START, key, MEMORY);
        }
        assert!(lately.get(&9).is_none() && lately.get(&10).is_some());
        assert_eq!(lately.order.len(), most);
        lately.insert(at(6), 7, MEMORY);
        assert!(lately.get(&7).is_some() && lately.get(&10).is_none());
        assert_eq!(lately.moments.len(), 1);
    }
}
