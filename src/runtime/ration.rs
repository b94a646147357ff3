//! Shares of each second: how often something of one kind may be said, and
//! what was left unsaid. Reads no clock and says nothing itself.

use std::collections::HashMap;
use std::hash::Hash;

/// So many times in a second for each key, for a bounded number of keys.
#[derive(Debug)]
pub struct Ration<K> {
    share: u32,
    most_keys: usize,
    second: u64,
    seen: HashMap<K, u32>,
    /// What came from keys there was no room for.
    beyond: u32,
}

/// What was left unsaid within one second.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unsaid<K> {
    /// Of which key; `None`: of all those beyond the most there may be.
    pub key: Option<K>,
    /// How often.
    pub times: u32,
}

impl<K: Hash + Eq + Clone> Ration<K> {
    /// `share` times in a second for each of `most_keys` keys.
    pub fn new(share: u32, most_keys: usize) -> Ration<K> {
        Ration {
            share,
            most_keys,
            second: 0,
            seen: HashMap::new(),
            beyond: 0,
        }
    }

    /// Begins `second`, if it is another one: every key has its share again.
    /// Returns what was left unsaid before.
    pub fn settle(&mut self, second: u64) -> Vec<Unsaid<K>> {
        if second == self.second {
            return Vec::new();
        }
        self.second = second;
        let share = self.share;
        let mut unsaid: Vec<Unsaid<K>> = self
            .seen
            .drain()
            .filter(|(_, seen)| *seen > share)
            .map(|(key, seen)| Unsaid {
                key: Some(key),
                times: seen - share,
            })
            .collect();
        let beyond = std::mem::take(&mut self.beyond);
        if beyond > 0 {
            unsaid.push(Unsaid {
                key: None,
                times: beyond,
            });
        }
        unsaid
    }

    /// Whether `key` has some of its share left; takes of it.
    pub fn admit(&mut self, key: &K) -> bool {
        if let Some(seen) = self.seen.get_mut(key) {
            *seen = seen.saturating_add(1);
            return *seen <= self.share;
        }
        if self.seen.len() >= self.most_keys {
            self.beyond = self.beyond.saturating_add(1);
            return false;
        }
        self.seen.insert(key.clone(), 1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_share_of_each_second_and_the_rest_is_owned_up_to() {
        let mut ration = Ration::new(3, 8);
        assert_eq!(ration.settle(1), []);
        for _ in 0..3 {
            assert!(ration.admit(&"malformed"));
        }
        for _ in 0..5 {
            assert!(!ration.admit(&"malformed"));
        }
        assert!(ration.admit(&"full"), "keys are apart");
        assert_eq!(ration.settle(1), [], "the second goes on");
        let unsaid = Unsaid {
            key: Some("malformed"),
            times: 5,
        };
        assert_eq!(ration.settle(2), [unsaid]);
        assert!(ration.admit(&"malformed"));
        assert_eq!(ration.settle(3), [], "nothing is owned up to twice");
    }

    #[test]
    fn keys_beyond_the_most_wait_for_the_next_second() {
        let mut ration = Ration::new(2, 2);
        assert!(ration.admit(&1) && ration.admit(&2));
        assert!(!ration.admit(&3) && !ration.admit(&3));
        assert!(ration.admit(&2));
        let beyond = Unsaid {
            key: None,
            times: 2,
        };
        assert_eq!(ration.settle(1), [beyond]);
        assert!(ration.admit(&3));
    }
}
