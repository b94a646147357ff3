//! Which forks of an INVITE have been ended.

use crate::base::{call_id_hash, home_hash};

/// The dialogs, by hashed To tag, that were ended after a 2xx nobody wanted:
/// a copy of the 2xx is acknowledged again, and its dialog not ended again.
/// Remembers the last four, in 12 bytes: every transaction has room for it.
///
/// Two tags look the same once in 8 million pairs (23 bits). A dialog mistaken
/// for an ended one is acknowledged and left to its callee to end. The hash is
/// not keyed, for a callee that chose its tag to be mistaken would only keep a
/// dialog nobody else is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EndedForks {
    /// The latest first; zeros for none.
    tags: [Mark; 4],
}

type Mark = [u8; 3];

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
        self.tags.rotate_right(1);
        if let Some(latest) = self.tags.first_mut() {
            *latest = mark(tag);
        }
    }

    /// The same, with one more fork remembered.
    pub fn with(mut self, tag: &[u8]) -> EndedForks {
        self.insert(tag);
        self
    }
}

/// A tag's mark, of the whole tag; no tag's is all zeros.
fn mark(tag: &[u8]) -> Mark {
    let parts = tag.chunks(home_hash::BYTES).map(call_id_hash);
    let hash = parts.fold(0, |sum: u32, part| sum.rotate_left(5) ^ part);
    let [_, high, middle, low] = hash.to_be_bytes();
    [high, middle, low | 1]
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

    #[test]
    fn tags_that_differ_late_are_told_apart() {
        let long = |end| [&[b'a'; 40][..], end].concat();
        let ended = EndedForks::default().with(&long(b"1"));
        assert!(ended.contains(&long(b"1")));
        assert!(!ended.contains(&long(b"2")));
    }
}
