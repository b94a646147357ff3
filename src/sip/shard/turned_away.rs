//! Requests that were turned away without a transaction, so that copies of them
//! on their way are turned away alike (RFC 3261 §17.2: one final response).
//! Numbers alone, and no more of them than fit: a flood drives out its own.

use alloc::collections::VecDeque;
use core::time::Duration;

use hashbrown::HashSet;

use crate::base::{Hasher, Instant};

/// Requests remembered at once.
const MOST: usize = 65_536;

/// How long copies may be on their way: 64·T1.
const LONGEST: Duration = Duration::from_secs(32);

/// The latest of them.
pub struct TurnedAway {
    numbers: HashSet<u64, Hasher>,
    order: VecDeque<(Instant, u64)>,
}

impl TurnedAway {
    /// None yet.
    pub fn new(hasher: Hasher) -> TurnedAway {
        TurnedAway {
            numbers: HashSet::with_hasher(hasher),
            order: VecDeque::new(),
        }
    }

    /// One more, by the number its copies share.
    pub fn insert(&mut self, now: Instant, number: u64) {
        while let Some(&(at, oldest)) = self.order.front()
            && (self.order.len() >= MOST || now.since(at) > LONGEST)
        {
            self.order.pop_front();
            self.numbers.remove(&oldest);
        }
        if self.numbers.insert(number) {
            self.order.push_back((now, number));
        }
    }

    /// Whether a request is a copy of one of them.
    pub fn contains(&self, number: u64) -> bool {
        !self.numbers.is_empty() && self.numbers.contains(&number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_fit_are_remembered_and_none_for_ever() {
        let mut turned_away = TurnedAway::new(Hasher::with_seeds(1, 2, 3, 4));
        for number in 0..MOST as u64 + 10 {
            turned_away.insert(Instant::START, number);
        }
        assert!(!turned_away.contains(9) && turned_away.contains(10));
        assert_eq!(turned_away.order.len(), MOST);
        let later = Instant::START + LONGEST + Duration::from_secs(1);
        turned_away.insert(later, 7);
        assert!(turned_away.contains(7) && !turned_away.contains(10));
        assert_eq!(turned_away.numbers.len(), 1);
    }
}
