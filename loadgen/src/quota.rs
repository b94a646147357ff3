//! How many calls all threads of a run may take together. Whoever calls
//! chooses the thread, by the port it calls, so no thread has a share of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often a thread looks whether the others have taken what was left.
pub const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Calls that may still be taken; clones count the same ones.
#[derive(Clone, Debug)]
pub struct Quota(Option<Arc<AtomicU64>>);

impl Quota {
    /// So many calls; without a number, any.
    pub fn new(calls: Option<u64>) -> Quota {
        Quota(calls.map(|calls| Arc::new(AtomicU64::new(calls))))
    }

    /// Takes one call; `false` when none is left.
    pub fn take(&self) -> bool {
        let Some(left) = &self.0 else {
            return true;
        };
        let less = |left: u64| left.checked_sub(1);
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
    }

    /// Whether none is left.
    pub fn is_spent(&self) -> bool {
        let left = self.0.as_ref();
        left.is_some_and(|left| left.load(Ordering::Relaxed) == 0)
    }

    /// Whether there is an end to it.
    pub fn is_bounded(&self) -> bool {
        self.0.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_threads_take_from_one_number() {
        let quota = Quota::new(Some(3));
        let other = quota.clone();
        assert!(quota.take() && other.take() && other.take());
        assert!(quota.is_spent() && !quota.take() && !other.take());
        let endless = Quota::new(None);
        assert!(endless.take() && !endless.is_spent() && !endless.is_bounded());
    }
}
