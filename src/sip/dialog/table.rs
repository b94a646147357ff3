//! Finds the dialog of a message by Call-ID and local tag.

use hashbrown::HashMap;

use crate::base::{Hasher, Random};

/// Dialog keys of one shard. A key is 128 bits of keyed hash over Call-ID and
/// local tag: no bytes are kept, and nobody without the keys can make two
/// dialogs collide. What is found still checks its remote tag.
pub struct Table<R> {
    hashers: [Hasher; 2],
    dialogs: HashMap<u128, R, Hasher>,
}

impl<R: Copy> Table<R> {
    /// An empty table, keyed from `random`.
    pub fn new(random: &mut Random) -> Table<R> {
        let mut hasher = || random.hasher();
        let hashers = [hasher(), hasher()];
        Table {
            hashers,
            dialogs: HashMap::with_hasher(hasher()),
        }
    }

    fn key(&self, call_id: &[u8], local_tag: &[u8]) -> u128 {
        let [high, low] = &self.hashers;
        let pair = (call_id, local_tag);
        (u128::from(high.hash_one(pair)) << 64) | u128::from(low.hash_one(pair))
    }

    /// Enters a dialog.
    pub fn insert(&mut self, call_id: &[u8], local_tag: &[u8], dialog: R) {
        self.dialogs.insert(self.key(call_id, local_tag), dialog);
    }

    /// Finds a dialog.
    pub fn find(&self, call_id: &[u8], local_tag: &[u8]) -> Option<R> {
        self.dialogs.get(&self.key(call_id, local_tag)).copied()
    }

    /// Forgets a dialog.
    pub fn remove(&mut self, call_id: &[u8], local_tag: &[u8]) {
        self.dialogs.remove(&self.key(call_id, local_tag));
    }

    /// Dialogs known.
    pub fn len(&self) -> usize {
        self.dialogs.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.dialogs.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialog_is_found_by_call_id_and_local_tag_only() {
        let mut table = Table::new(&mut Random::from_u64(1));
        table.insert(b"call", b"tag", 7);
        assert_eq!(table.find(b"call", b"tag"), Some(7));
        assert_eq!(table.find(b"callt", b"ag"), None);
        assert_eq!(table.find(b"call", b"other"), None);
        table.remove(b"call", b"tag");
        assert!(table.is_empty());
    }
}
