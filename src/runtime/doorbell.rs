//! The doorbell of one shard: how other threads end its sleep. Carries no
//! message; those lie in the rings and queues it points to.
//!
//! A lost wake-up is excluded by order, on both sides sequentially consistent:
//! the sleeper raises `sleeping` and then looks at its queues once more; the
//! ringer fills a queue and then looks at `sleeping`. Whichever comes second
//! sees the other. An awake shard is never rung, so a busy mesh costs no
//! system call.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering, fence};

use crate::sys;

/// An eventfd and the flag that says whether anyone listens to it.
pub(crate) struct Doorbell {
    bell: File,
    sleeping: AtomicBool,
}

impl Doorbell {
    pub(crate) fn new() -> io::Result<Doorbell> {
        Ok(Doorbell {
            bell: File::from(sys::eventfd()?),
            sleeping: AtomicBool::new(false),
        })
    }

    /// Wakes the shard if it sleeps. Call after the queue has been filled, once
    /// per batch. Returns whether it slept.
    pub(crate) fn ring(&self) -> bool {
        fence(Ordering::SeqCst);
        if !self.sleeping.swap(false, Ordering::SeqCst) {
            return false;
        }
        // A full counter (2^64 - 2 rings unheard) is the only error, and a
        // descriptor in that state is readable all the same.
        let _ = (&self.bell).write(&1_u64.to_ne_bytes());
        true
    }

    /// Announces sleep. Sleep only if `idle` says, after the announcement, that
    /// every queue is still empty.
    pub(crate) fn may_sleep(&self, idle: impl FnOnce() -> bool) -> bool {
        self.sleeping.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if idle() {
            return true;
        }
        self.sleeping.store(false, Ordering::SeqCst);
        false
    }

    /// Ends the announcement, after waking.
    pub(crate) fn awake(&self) {
        self.sleeping.store(false, Ordering::SeqCst);
    }

    /// Silences a bell that was heard.
    pub(crate) fn silence(&self) {
        // Nothing to read means that it was silent already.
        let _ = (&self.bell).read(&mut [0; 8]);
    }
}

impl AsFd for Doorbell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sleeper_is_rung() {
        let doorbell = Doorbell::new().unwrap();
        assert!(!doorbell.ring());
        assert!(doorbell.may_sleep(|| true));
        assert!(doorbell.ring());
        assert!(!doorbell.ring(), "one ring is enough");
        let mut epoll = sys::Epoll::new(1).unwrap();
        epoll.add(doorbell.as_fd(), 1).unwrap();
        assert_eq!(
            epoll
                .wait(Some(std::time::Duration::ZERO), false)
                .unwrap()
                .count(),
            1
        );
        doorbell.silence();
        doorbell.silence();
        assert_eq!(
            epoll
                .wait(Some(std::time::Duration::ZERO), false)
                .unwrap()
                .count(),
            0
        );
    }

    #[test]
    fn work_that_arrived_forbids_sleep() {
        let doorbell = Doorbell::new().unwrap();
        assert!(!doorbell.may_sleep(|| false));
        assert!(!doorbell.ring());
    }
}
