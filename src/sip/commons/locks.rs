//! Locks between calls (`LOCK`): who holds each, and who waits for it in turn.
//!
//! A lock that nobody holds or waits for takes no room. How long one may wait
//! is the waiter's matter: it says so when it gives up.

use alloc::collections::VecDeque;

use hashbrown::HashMap;
use smol_str::SmolStr;

use crate::base::{Hasher, ShardId};
use crate::machine::{Lease, QuestionId};

/// How an attempt went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tried {
    /// It is held now.
    Held,
    /// Another holds it.
    Refused,
    /// Another holds it; the waiter is in the queue.
    Waits,
}

struct Lock {
    holder: Lease,
    /// How often the holder has taken it.
    times: u32,
    waiters: VecDeque<(Lease, QuestionId)>,
}

/// The locks whose home a shard is.
pub struct Locks {
    locks: HashMap<SmolStr, Lock, Hasher>,
}

impl Locks {
    /// All are free.
    pub fn new(hasher: Hasher) -> Locks {
        Locks {
            locks: HashMap::with_hasher(hasher),
        }
    }

    /// Takes a lock, once more if the lease holds it already. One that is not
    /// free is waited for under `waiter`, or not at all.
    pub fn take(&mut self, name: &SmolStr, lease: Lease, waiter: Option<QuestionId>) -> Tried {
        let Some(lock) = self.locks.get_mut(name) else {
            let lock = Lock {
                holder: lease,
                times: 1,
                waiters: VecDeque::new(),
            };
            self.locks.insert(name.clone(), lock);
            return Tried::Held;
        };
        if lock.holder == lease {
            lock.times += 1;
            return Tried::Held;
        }
        match waiter {
            Some(waiter) => {
                lock.waiters.push_back((lease, waiter));
                Tried::Waits
            }
            None => Tried::Refused,
        }
    }

    /// Undoes one taking. `Err` if the lease does not hold the lock, else who
    /// holds it next, if that is somebody new.
    pub fn unlock(
        &mut self,
        name: &str,
        lease: Lease,
    ) -> Result<Option<(Lease, QuestionId)>, NotHeld> {
        let lock = self.locks.get_mut(name).filter(|lock| lock.holder == lease);
        let lock = lock.ok_or(NotHeld)?;
        lock.times -= 1;
        if lock.times > 0 {
            return Ok(None);
        }
        Ok(self.pass_on(name))
    }

    /// A lease ends: it holds the lock no more, and waits for it no more.
    /// Returns who holds it next, if that is somebody new.
    pub fn give_back(&mut self, name: &str, lease: Lease) -> Option<(Lease, QuestionId)> {
        let lock = self.locks.get_mut(name)?;
        lock.waiters.retain(|(waiter, _)| *waiter != lease);
        if lock.holder == lease {
            return self.pass_on(name);
        }
        None
    }

    /// Voids what earlier incarnations of `shard` held or waited for; returns
    /// who holds those locks now.
    pub fn replaced(&mut self, shard: ShardId, incarnation: u32) -> Vec<(Lease, QuestionId)> {
        let void = |lease: &Lease| lease.shard == shard && lease.incarnation < incarnation;
        let mut free = Vec::new();
        for (name, lock) in &mut self.locks {
            lock.waiters.retain(|(waiter, _)| !void(waiter));
            if void(&lock.holder) {
                free.push(name.clone());
            }
        }
        free.sort();
        free.iter().filter_map(|name| self.pass_on(name)).collect()
    }

    /// Locks that are held.
    pub fn len(&self) -> usize {
        self.locks.len()
    }

    /// Whether all are free.
    pub fn is_empty(&self) -> bool {
        self.locks.is_empty()
    }

    fn pass_on(&mut self, name: &str) -> Option<(Lease, QuestionId)> {
        let lock = self.locks.get_mut(name)?;
        match lock.waiters.pop_front() {
            Some((lease, waiter)) => {
                lock.holder = lease;
                lock.times = 1;
                Some((lease, waiter))
            }
            None => {
                self.locks.remove(name);
                None
            }
        }
    }
}

/// The lock is free, or somebody else's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotHeld;

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(shard: ShardId, serial: u64) -> Lease {
        Lease {
            shard,
            incarnation: 0,
            serial,
        }
    }

    fn waiter(slot: u32) -> QuestionId {
        QuestionId {
            slot,
            generation: 0,
        }
    }

    fn locks() -> Locks {
        Locks::new(Hasher::with_seeds(1, 2, 3, 4))
    }

    #[test]
    fn a_lock_goes_from_one_to_the_next_in_turn() {
        let (mut locks, name) = (locks(), "a".into());
        assert_eq!(locks.take(&name, lease(0, 1), None), Tried::Held);
        assert_eq!(locks.take(&name, lease(0, 2), None), Tried::Refused);
        assert_eq!(
            locks.take(&name, lease(0, 2), Some(waiter(2))),
            Tried::Waits
        );
        assert_eq!(
            locks.take(&name, lease(1, 3), Some(waiter(3))),
            Tried::Waits
        );
        assert_eq!(locks.unlock("a", lease(0, 2)), Err(NotHeld));
        let next = locks.unlock("a", lease(0, 1));
        assert_eq!(next, Ok(Some((lease(0, 2), waiter(2)))));
        assert_eq!(
            locks.give_back("a", lease(0, 2)),
            Some((lease(1, 3), waiter(3)))
        );
        assert_eq!(locks.unlock("a", lease(1, 3)), Ok(None));
        assert!(locks.is_empty());
    }

    #[test]
    fn a_lock_is_given_up_as_often_as_it_was_taken() {
        let (mut locks, name) = (locks(), "a".into());
        locks.take(&name, lease(0, 1), None);
        assert_eq!(locks.take(&name, lease(0, 1), None), Tried::Held);
        assert_eq!(locks.unlock("a", lease(0, 1)), Ok(None));
        assert_eq!(locks.take(&name, lease(0, 2), None), Tried::Refused);
        assert_eq!(locks.unlock("a", lease(0, 1)), Ok(None));
        assert_eq!(locks.take(&name, lease(0, 2), None), Tried::Held);
    }

    #[test]
    fn who_gives_up_is_passed_over() {
        let (mut locks, name) = (locks(), "a".into());
        locks.take(&name, lease(0, 1), None);
        locks.take(&name, lease(0, 2), Some(waiter(2)));
        assert_eq!(locks.give_back("a", lease(0, 2)), None);
        assert_eq!(locks.unlock("a", lease(0, 1)), Ok(None));
        assert!(locks.is_empty());
    }

    #[test]
    fn a_replaced_shard_holds_nothing() {
        let (mut locks, name) = (locks(), "a".into());
        locks.take(&name, lease(0, 1), None);
        locks.take(&name, lease(1, 2), Some(waiter(2)));
        assert_eq!(locks.replaced(0, 1), [(lease(1, 2), waiter(2))]);
    }
}
