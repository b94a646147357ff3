//! A bounded memory of answers: what was found under a key, or that nothing
//! was, and when. Each kind has room of its own, so that strangers drive out
//! nobody who is known; the one read longest ago makes room.

use alloc::collections::VecDeque;
use core::borrow::Borrow;
use core::hash::Hash;

use hashbrown::HashMap;

use crate::base::{Hasher, Instant};

/// Marks of order kept beyond those of present entries before they are sorted out.
const SLACK: usize = 64;

struct Entry<V> {
    value: V,
    read: Instant,
    /// Names its latest mark in an order.
    serial: u64,
    stranger: bool,
}

/// Keys in the order they were read; marks of entries that were read again or
/// removed since name a serial nobody has.
struct Order<K> {
    marks: VecDeque<(K, u64)>,
    held: usize,
    most: usize,
}

impl<K> Order<K> {
    fn new(most: usize) -> Order<K> {
        Order {
            marks: VecDeque::new(),
            held: 0,
            most,
        }
    }
}

/// Values by key, at most so many that are something and so many that are not.
pub(super) struct Cache<K, V> {
    entries: HashMap<K, Entry<V>, Hasher>,
    known: Order<K>,
    strangers: Order<K>,
    serial: u64,
}

impl<K: Clone + Eq + Hash, V> Cache<K, V> {
    /// Empty, with room for so many of each kind.
    pub fn new(hasher: Hasher, most_known: usize, most_strangers: usize) -> Cache<K, V> {
        Cache {
            entries: HashMap::with_hasher(hasher),
            known: Order::new(most_known),
            strangers: Order::new(most_strangers),
            serial: 0,
        }
    }

    /// What is held under a key, and when it was read.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<(&V, Instant)>
    where
        K: Borrow<Q>,
    {
        let entry = self.entries.get(key)?;
        Some((&entry.value, entry.read))
    }

    /// Holds what was read now, in place of what was held under the key.
    pub fn insert(&mut self, now: Instant, key: K, value: V, stranger: bool) {
        self.remove(&key);
        self.serial += 1;
        let serial = self.serial;
        let order = if stranger {
            &mut self.strangers
        } else {
            &mut self.known
        };
        order.marks.push_back((key.clone(), serial));
        order.held += 1;
        let entry = Entry {
            value,
            read: now,
            serial,
            stranger,
        };
        self.entries.insert(key, entry);
        self.make_room(stranger);
    }

    /// Forgets a key; whether something was known under it.
    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        let Some(entry) = self.entries.remove(key) else {
            return false;
        };
        self.order(entry.stranger).held -= 1;
        !entry.stranger
    }

    /// Forgets everything; how much was known.
    pub fn clear(&mut self) -> usize {
        let known = self.known.held;
        self.entries.clear();
        for order in [&mut self.known, &mut self.strangers] {
            order.marks.clear();
            order.held = 0;
        }
        known
    }

    /// What of `most` marks, from the one of serial `from` on, is still something,
    /// and the serial of the mark that follows them. What stays all the time is
    /// seen by who goes on from there until there is none; what is read again
    /// meanwhile is seen again.
    pub fn part(
        &self,
        from: u64,
        most: usize,
    ) -> (impl Iterator<Item = (&V, Instant)>, Option<u64>) {
        let marks = &self.known.marks;
        let start = marks.partition_point(|(_, serial)| *serial < from);
        let next = marks.get(start + most).map(|(_, serial)| *serial);
        let found = marks.iter().skip(start).take(most);
        let found = found.filter_map(|(key, serial)| {
            let entry = self.entries.get(key)?;
            (entry.serial == *serial).then_some((&entry.value, entry.read))
        });
        (found, next)
    }

    /// Entries that are something.
    pub fn len(&self) -> usize {
        self.known.held
    }

    /// Entries that are nothing.
    pub fn strangers(&self) -> usize {
        self.strangers.held
    }

    fn order(&mut self, stranger: bool) -> &mut Order<K> {
        if stranger {
            &mut self.strangers
        } else {
            &mut self.known
        }
    }

    fn make_room(&mut self, stranger: bool) {
        let order = if stranger {
            &mut self.strangers
        } else {
            &mut self.known
        };
        while order.held > order.most
            && let Some((key, serial)) = order.marks.pop_front()
        {
            if is_latest(&self.entries, &key, serial) {
                self.entries.remove(&key);
                order.held -= 1;
            }
        }
        if order.marks.len() > 2 * order.held + SLACK {
            let entries = &self.entries;
            order
                .marks
                .retain(|(key, serial)| is_latest(entries, key, *serial));
        }
    }
}

fn is_latest<K: Eq + Hash, V>(
    entries: &HashMap<K, Entry<V>, Hasher>,
    key: &K,
    serial: u64,
) -> bool {
    entries.get(key).is_some_and(|entry| entry.serial == serial)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> Cache<u32, bool> {
        Cache::new(Hasher::with_seeds(1, 2, 3, 4), 3, 2)
    }

    #[test]
    fn the_one_read_longest_ago_makes_room_for_its_kind_alone() {
        let mut cache = cache();
        for key in 0..3 {
            cache.insert(Instant::START, key, true, false);
        }
        for key in 10..20 {
            cache.insert(Instant::START, key, false, true);
        }
        assert_eq!((cache.len(), cache.strangers()), (3, 2));
        cache.insert(Instant::START, 0, true, false);
        cache.insert(Instant::START, 3, true, false);
        let held: Vec<u32> = (0..20).filter(|key| cache.get(key).is_some()).collect();
        assert_eq!(held, [0, 2, 3, 18, 19]);
    }

    #[test]
    fn a_stranger_may_become_known_and_the_other_way_round() {
        let mut cache = cache();
        cache.insert(Instant::START, 1, false, true);
        cache.insert(Instant::from_micros(5), 1, true, false);
        assert_eq!((cache.len(), cache.strangers()), (1, 0));
        assert_eq!(cache.get(&1), Some((&true, Instant::from_micros(5))));
        cache.insert(Instant::START, 1, false, true);
        assert_eq!((cache.len(), cache.strangers()), (0, 1));
        assert!(!cache.remove(&1), "nobody was known");
        assert_eq!(cache.clear(), 0);
    }

    #[test]
    fn parts_together_are_all_that_is_known_all_the_time() {
        let mut cache = Cache::new(Hasher::with_seeds(1, 2, 3, 4), 10, 2);
        for key in 0..10_u32 {
            cache.insert(Instant::START, key, key, false);
        }
        cache.remove(&3);
        let mut seen = Vec::new();
        let mut from = Some(0);
        while let Some(start) = from {
            let (found, next) = cache.part(start, 3);
            seen.extend(found.map(|(value, _)| *value));
            from = next;
            if start == 0 {
                // One seen already and one yet to come are read again meanwhile.
                cache.insert(Instant::START, 1, 1, false);
                cache.insert(Instant::START, 8, 8, false);
            }
        }
        assert_eq!(seen, [0, 1, 2, 4, 5, 6, 7, 9, 1, 8]);
    }

    #[test]
    fn what_is_read_again_and_again_takes_no_more_room() {
        let mut cache = cache();
        for _ in 0..10_000 {
            cache.insert(Instant::START, 1, true, false);
        }
        assert_eq!(cache.len(), 1);
        assert!(cache.known.marks.len() <= 2 + SLACK + 1);
    }
}
