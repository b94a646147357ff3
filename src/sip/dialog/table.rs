//! Finds the dialog of a message by Call-ID and local tag.

use hashbrown::HashTable;

use crate::base::{Hasher, Random};

/// Dialog keys of one shard. A key is 64 bits of keyed hash over Call-ID and
/// local tag: no bytes are kept, and nobody without the keys can make two
/// dialogs collide. What is found still checks its remote tag.
pub struct Table<R> {
    hasher: Hasher,
    dialogs: HashTable<(u64, R)>,
}

impl<R: Copy> Table<R> {
    /// An empty table, keyed from `random`.
    pub fn new(random: &mut Random) -> Table<R> {
        Table {
            hasher: random.hasher(),
            dialogs: HashTable::new(),
        }
    }

    fn key(&self, call_id: &[u8], local_tag: &[u8]) -> u64 {
        self.hasher.hash_one((call_id, local_tag))
    }

    /// Enters a dialog.
    pub fn insert(&mut self, call_id: &[u8], local_tag: &[u8], dialog: R) {
        let key = self.key(call_id, local_tag);
        self.dialogs
            .entry(key, |&(other, _)| other == key, |&(key, _)| key)
            .insert((key, dialog));
    }

    /// Finds a dialog.
    pub fn find(&self, call_id: &[u8], local_tag: &[u8]) -> Option<R> {
        let key = self.key(call_id, local_tag);
        let found = self.dialogs.find(key, |&(other, _)| other == key);
        found.map(|&(_, dialog)| dialog)
    }

    /// Forgets a dialog; whether it was known.
    pub fn remove(&mut self, call_id: &[u8], local_tag: &[u8]) -> bool {
        let key = self.key(call_id, local_tag);
        match self.dialogs.find_entry(key, |&(other, _)| other == key) {
            Ok(found) => {
                found.remove();
                true
            }
            Err(_) => false,
        }
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
