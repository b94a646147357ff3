//! Which forks of an INVITE have been ended.

use crate::base::call_id_hash;

/// The dialogs, by hashed To tag, that were ended after a 2xx nobody wanted:
/// a copy of the 2xx is acknowledged again, and its dialog not ended again.
/// Remembers the last four.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EndedForks {
    tags: [u32; 4],
    next: u8,
}

impl EndedForks {
    /// Remembers a fork; false if it was remembered already.
    pub fn insert(&mut self, tag: &[u8]) -> bool {
        // 0 is no tag's mark.
        let mark = call_id_hash(tag) | 1;
        if self.tags.contains(&mark) {
            return false;
        }
        if let Some(slot) = self.tags.get_mut(usize::from(self.next % 4)) {
            *slot = mark;
        }
        self.next = (self.next + 1) % 4;
        true
    }

    /// The same, with one more fork remembered.
    pub fn with(mut self, tag: &[u8]) -> EndedForks {
        self.insert(tag);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fork_is_ended_once() {
        let mut ended = EndedForks::default();
        assert!(ended.insert(b"one"));
        assert!(ended.insert(b"two"));
        assert!(!ended.insert(b"one"));
        assert!(!ended.insert(b"two"));
    }
}
