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
    /// Whether a fork has been ended.
    pub fn contains(&self, tag: &[u8]) -> bool {
        self.tags.contains(&mark(tag))
    }

    /// Remembers a fork.
    pub fn insert(&mut self, tag: &[u8]) {
        if self.contains(tag) {
            return;
        }
        if let Some(slot) = self.tags.get_mut(usize::from(self.next % 4)) {
            *slot = mark(tag);
        }
        self.next = (self.next + 1) % 4;
    }

    /// The same, with one more fork remembered.
    pub fn with(mut self, tag: &[u8]) -> EndedForks {
        self.insert(tag);
        self
    }
}

/// A tag's mark; 0 is none's.
fn mark(tag: &[u8]) -> u32 {
    call_id_hash(tag) | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_four_forks_are_remembered() {
        let tags = [b"1", b"2", b"3", b"4", b"5"];
        let ended = tags
            .iter()
            .fold(EndedForks::default(), |ended, tag| ended.with(*tag));
        assert!(!ended.contains(b"1"));
        assert!(tags.iter().skip(1).all(|tag| ended.contains(*tag)));
        assert_eq!(ended.with(b"5"), ended);
    }
}
