//! Transactions by identity. Owns no transaction, nor any identity: those are
//! in the slots.

use hashbrown::HashTable;

/// Which slots have an identity of which hash: four bytes a slot. One identity
/// may be had by several, of which any is found.
pub(super) struct Index(HashTable<u32>);

impl Index {
    /// Room for `capacity` transactions.
    pub fn new(capacity: u32) -> Index {
        Index(HashTable::with_capacity(capacity as usize))
    }

    /// Bytes taken, whatever is held.
    pub fn bytes(&self) -> usize {
        self.0.allocation_size()
    }

    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A slot of that hash that `is_it`.
    pub fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        self.0.find(hash, |&slot| is_it(slot)).copied()
    }

    /// Enters a slot; `hash_of` tells the hashes of those entered before.
    pub fn insert(&mut self, hash: u64, slot: u32, hash_of: impl Fn(u32) -> u64) {
        self.0.insert_unique(hash, slot, |&slot| hash_of(slot));
    }

    /// Takes a slot out.
    pub fn remove(&mut self, hash: u64, slot: u32) {
        if let Ok(entry) = self.0.find_entry(hash, |&other| other == slot) {
            entry.remove();
        }
    }
}
