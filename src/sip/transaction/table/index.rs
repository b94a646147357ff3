//! Transactions by identity. Owns no transaction.

use hashbrown::HashTable;

use crate::transaction::TransactionId;
use crate::transaction::key::Key;

/// Which transaction has which identity. One identity may be had by several,
/// of which any is found.
pub(super) struct Index(HashTable<(Key, TransactionId)>);

impl Index {
    /// Room for `capacity` transactions.
    pub fn new(capacity: u32) -> Index {
        Index(HashTable::with_capacity(capacity as usize))
    }

    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn find(&self, key: Key) -> Option<TransactionId> {
        let entry = self.0.find(key.hash(), |&(other, _)| other == key);
        entry.map(|&(_, id)| id)
    }

    pub fn insert(&mut self, key: Key, id: TransactionId) {
        self.0
            .insert_unique(key.hash(), (key, id), |(key, _)| key.hash());
    }

    pub fn remove(&mut self, key: Key, id: TransactionId) {
        if let Ok(entry) = self.0.find_entry(key.hash(), |&(_, other)| other == id) {
            entry.remove();
        }
    }
}
