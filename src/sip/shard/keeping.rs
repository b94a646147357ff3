//! Which AoRs the database was told of lately. A row read before that, or
//! while it was being told, is older than what the shard knows itself.

use core::time::Duration;

use hashbrown::HashMap;

use crate::base::{Hasher, Instant, Lanes, Text};

/// The latest moment each AoR's row was being written.
pub struct Keeping {
    written: HashMap<Text, Instant, Hasher>,
    ends: Lanes<Text>,
}

impl Keeping {
    /// Nothing has been written.
    pub fn new(hasher: Hasher) -> Keeping {
        Keeping {
            written: HashMap::with_hasher(hasher),
            ends: Lanes::new(),
        }
    }

    /// A row is being written now; what was asked before `now` and is answered
    /// within `memory` may not know of it.
    pub fn writes(&mut self, now: Instant, aor: &Text, memory: Duration) {
        self.written.insert(aor.clone(), now);
        self.ends.set(now, memory, aor.clone());
    }

    /// Whether a row asked for at `asked` may be older than what was written.
    pub fn is_older(&self, aor: &Text, asked: Instant) -> bool {
        self.written.get(aor).is_some_and(|at| *at >= asked)
    }

    /// Forgets what is long over, whose memory was of `memory`; one at a time,
    /// false when there is nothing.
    pub fn expire(&mut self, now: Instant, memory: Duration) -> bool {
        let Some(aor) = self.ends.expire(now) else {
            return false;
        };
        if self.written.get(&aor).is_some_and(|at| *at + memory <= now) {
            self.written.remove(&aor);
        }
        true
    }

    /// When `expire` is next wanted.
    pub fn deadline(&self) -> Option<Instant> {
        self.ends.deadline()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_asked_for_before_it_was_written_is_older() {
        let at = |second: u64| Instant::from_micros(second * 1_000_000);
        let (memory, aor) = (Duration::from_secs(5), Text::from("1001"));
        let mut keeping = Keeping::new(Hasher::with_seeds(1, 2, 3, 4));
        keeping.writes(at(10), &aor, memory);
        assert!(keeping.is_older(&aor, at(9)));
        assert!(!keeping.is_older(&aor, at(11)));
        keeping.writes(at(12), &aor, memory);
        assert!(keeping.expire(at(15), memory));
        assert!(keeping.is_older(&aor, at(11)), "written again since");
        assert!(keeping.expire(at(17), memory));
        assert!(!keeping.is_older(&aor, at(11)));
        assert!(!keeping.expire(at(60), memory));
    }
}
