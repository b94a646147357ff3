//! A bounded table whose entries keep their buffers: a freed entry is let
//! again with the room it has grown, so a steady load allocates nothing.
//! Found by key, or directly by slot and generation.

use hashbrown::HashTable;

/// An entry of a [`Pool`]: knows its key and its place.
pub struct Entry<T> {
    /// What it is found by.
    pub key: u64,
    /// How often the slot had been let before.
    pub generation: u32,
    /// Counts the alarms set for it, over all generations: only the last one
    /// set counts.
    pub alarm: u32,
    busy: bool,
    /// What it holds; after a new letting, what the last one left.
    pub value: T,
}

/// Entries by key.
pub struct Pool<T> {
    entries: Vec<Entry<T>>,
    free: Vec<u32>,
    index: HashTable<u32>,
    most: u32,
}

/// Keys count up, or are hashes already: multiplying by 2⁶⁴/φ spreads both.
fn spread(key: u64) -> u64 {
    key.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl<T: Default> Pool<T> {
    /// Nothing yet, and never more than `most` at once.
    pub fn new(most: u32) -> Pool<T> {
        Pool {
            entries: Vec::new(),
            free: Vec::new(),
            index: HashTable::new(),
            most,
        }
    }

    /// How many are held.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Lets a slot under `key`, which is not held yet; `None` when all are let.
    pub fn insert(&mut self, key: u64) -> Option<u32> {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None if self.entries.len() < self.most as usize => {
                self.entries.push(Entry {
                    key,
                    generation: 0,
                    alarm: 0,
                    busy: false,
                    value: T::default(),
                });
                self.entries.len() as u32 - 1
            }
            None => return None,
        };
        let entry = &mut self.entries[slot as usize];
        entry.key = key;
        entry.busy = true;
        let entries = &self.entries;
        self.index.insert_unique(spread(key), slot, |&slot| {
            spread(entries[slot as usize].key)
        });
        Some(slot)
    }

    /// The slot under `key`.
    pub fn find(&self, key: u64) -> Option<u32> {
        let same = |&slot: &u32| self.entries[slot as usize].key == key;
        self.index.find(spread(key), same).copied()
    }

    /// The entry in `slot`, if it is still that generation's.
    pub fn at(&self, slot: u32, generation: u32) -> Option<&Entry<T>> {
        self.entries
            .get(slot as usize)
            .filter(|entry| entry.busy && entry.generation == generation)
    }

    /// The first slot from `slot` on that is let.
    pub fn let_from(&self, slot: u32) -> Option<u32> {
        let mut rest = self.entries.iter().skip(slot as usize);
        let ahead = rest.position(|entry| entry.busy)?;
        Some(slot + ahead as u32)
    }

    /// The entry in a slot that is let.
    pub fn entry(&mut self, slot: u32) -> &mut Entry<T> {
        &mut self.entries[slot as usize]
    }

    /// The entry an alarm was set for, unless another was set since.
    pub fn ringing(&mut self, slot: u32, alarm: u32) -> Option<&mut Entry<T>> {
        self.entries
            .get_mut(slot as usize)
            .filter(|entry| entry.busy && entry.alarm == alarm)
    }

    /// Frees a slot.
    pub fn remove(&mut self, slot: u32) {
        let Some(entry) = self
            .entries
            .get_mut(slot as usize)
            .filter(|entry| entry.busy)
        else {
            return;
        };
        entry.busy = false;
        entry.generation = entry.generation.wrapping_add(1);
        entry.alarm = entry.alarm.wrapping_add(1);
        let key = entry.key;
        if let Ok(found) = self.index.find_entry(spread(key), |&held| held == slot) {
            found.remove();
        }
        self.free.push(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_keep_their_room_but_not_their_name() {
        let mut pool: Pool<Vec<u8>> = Pool::new(2);
        let slot = pool.insert(5).unwrap();
        pool.entry(slot).value.extend_from_slice(&[0; 100]);
        assert_eq!(pool.find(5), Some(slot));
        pool.remove(slot);
        assert_eq!((pool.find(5), pool.len()), (None, 0));
        assert!(pool.at(slot, 0).is_none());
        let again = pool.insert(6).unwrap();
        assert_eq!(again, slot);
        assert!(pool.at(slot, 0).is_none() && pool.at(slot, 1).is_some());
        assert!(pool.entry(again).value.capacity() >= 100);
        assert!(pool.insert(7).is_some());
        assert_eq!(pool.insert(8), None);
        pool.remove(0);
        assert_eq!((pool.let_from(0), pool.let_from(2)), (Some(1), None));
    }

    #[test]
    fn only_the_last_alarm_rings() {
        let mut pool: Pool<()> = Pool::new(1);
        let slot = pool.insert(1).unwrap();
        pool.entry(slot).alarm += 1;
        let alarm = pool.entry(slot).alarm;
        assert!(pool.ringing(slot, alarm - 1).is_none());
        assert!(pool.ringing(slot, alarm).is_some());
        pool.remove(slot);
        assert!(pool.ringing(slot, alarm).is_none());
    }

    #[test]
    fn many_keys_are_told_apart() {
        let mut pool: Pool<u64> = Pool::new(10_000);
        for key in 0..10_000 {
            let slot = pool.insert(key).unwrap();
            pool.entry(slot).value = key;
        }
        for key in (0..10_000).step_by(2) {
            let slot = pool.find(key).unwrap();
            pool.remove(slot);
        }
        for key in 0..10_000 {
            assert_eq!(pool.find(key).is_some(), key % 2 == 1, "{key}");
        }
    }
}
