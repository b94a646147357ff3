//! Globals that plans have set, as one shard knows them.
//!
//! Every shard has its own copy. A change carries a stamp, and the later one
//! stays: shards that have heard the same changes, in whatever order, know the
//! same. What `[globals]` of the plan says is not here.

use hashbrown::HashMap;

use core::time::Duration;

use crate::base::{Hasher, Instant, ShardId};
use crate::machine::Change;

/// Bytes of names and values one engine may hold.
const ROOM_BYTES: usize = 1 << 20;

/// When and where a global was set.
type Stamp = (Instant, ShardId);

/// The changed globals.
pub struct Globals {
    values: HashMap<Box<str>, (Box<str>, Stamp), Hasher>,
    bytes: usize,
}

impl Globals {
    /// None was changed.
    pub fn new(hasher: Hasher) -> Globals {
        Globals {
            values: HashMap::with_hasher(hasher),
            bytes: 0,
        }
    }

    /// The value of a changed global; case counts.
    pub fn value(&self, name: &str) -> Option<&str> {
        if self.values.is_empty() {
            return None;
        }
        self.values.get(name).map(|(value, _)| &**value)
    }

    /// Sets a global on shard `here`: what the other shards have to hear.
    /// `None` where there is no room.
    pub fn set(&mut self, now: Instant, here: ShardId, name: &str, value: &str) -> Option<Change> {
        let name = name.trim_start_matches('_');
        let at = match self.values.get(name) {
            Some((_, (known, _))) => now.max(*known + Duration::from_micros(1)),
            None => now,
        };
        let change = Change {
            name: name.into(),
            value: value.into(),
            stamp: (at, here),
        };
        self.apply(&change).then_some(change)
    }

    /// Takes a change unless a later one is known; false where there is no room.
    pub fn apply(&mut self, change: &Change) -> bool {
        let known = self.values.get(&change.name);
        if known.is_some_and(|(_, stamp)| *stamp >= change.stamp) {
            return true;
        }
        let old = known.map_or(0, |(value, _)| change.name.len() + value.len());
        let bytes = self.bytes - old + change.name.len() + change.value.len();
        if bytes > ROOM_BYTES {
            return false;
        }
        self.bytes = bytes;
        let value = (change.value.clone(), change.stamp);
        self.values.insert(change.name.clone(), value);
        true
    }

    /// All changes, for a shard that has heard of none; by name.
    pub fn all(&self) -> Vec<Change> {
        let values = self.values.iter();
        let mut all: Vec<Change> = values
            .map(|(name, (value, stamp))| Change {
                name: name.clone(),
                value: value.clone(),
                stamp: *stamp,
            })
            .collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// Forgets those of which `forget` says so.
    pub fn forget(&mut self, forget: impl Fn(&str) -> bool) {
        let bytes = &mut self.bytes;
        self.values.retain(|name, (value, _)| {
            let forgotten = forget(name);
            if forgotten {
                *bytes -= name.len() + value.len();
            }
            !forgotten
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globals() -> Globals {
        Globals::new(Hasher::with_seeds(1, 2, 3, 4))
    }

    #[test]
    fn shards_that_heard_the_same_know_the_same() {
        let (mut one, mut two) = (globals(), globals());
        let now = Instant::START;
        let first = one.set(now, 0, "X", "a").unwrap();
        let second = two.set(now, 1, "X", "b").unwrap();
        assert!(one.apply(&second) && two.apply(&first));
        assert_eq!((one.value("X"), two.value("X")), (Some("b"), Some("b")));
        let third = one.set(now, 0, "__X", "c").unwrap();
        assert!(two.apply(&third) && two.apply(&second));
        assert_eq!((one.value("X"), two.value("X")), (Some("c"), Some("c")));
        assert_eq!(one.all(), two.all());
    }

    #[test]
    fn room_is_bounded_and_comes_back() {
        let mut globals = globals();
        let long = "x".repeat(ROOM_BYTES - 1);
        let now = Instant::START;
        assert!(globals.set(now, 0, "A", &long).is_some());
        assert!(globals.set(now, 0, "B", "1").is_none());
        globals.forget(|name| name == "A");
        assert!(globals.set(now, 0, "B", "1").is_some());
        assert_eq!(globals.bytes, 2);
    }
}
