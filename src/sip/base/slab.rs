//! A bounded table of slots with generations: a handle outlives its entry
//! without ever reaching the next tenant of the slot.

/// Names one entry of a [`Slab`]. Stale handles find nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Handle {
    /// The slot.
    pub slot: u32,
    /// How often the slot had been let before this entry.
    pub generation: u32,
}

/// Generations a slot may have before those of a later slab in its place.
const LIFE: u32 = 1 << 24;

struct Slot<T> {
    generation: u32,
    entry: Option<T>,
}

/// At most `capacity` entries, addressed by [`Handle`]. Insert, lookup and
/// removal are O(1). Address space is taken at once, memory as slots are first
/// used; slots are used again.
pub struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    capacity: u32,
    len: u32,
    /// The generation of a slot's first entry.
    first: u32,
}

impl<T> Slab<T> {
    /// An empty slab that will hold at most `capacity` entries.
    pub fn new(capacity: u32) -> Slab<T> {
        Slab::after(capacity, 0)
    }

    /// The same, whose handles find nothing in the slabs it stands in for, of
    /// which `earlier` have been.
    pub fn after(capacity: u32, earlier: u32) -> Slab<T> {
        let slots = Vec::with_capacity(capacity as usize);
        Slab {
            slots,
            free: Vec::new(),
            capacity,
            len: 0,
            first: earlier.wrapping_mul(LIFE),
        }
    }

    /// Entries held.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Most entries it holds.
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Slots let so far, those free again included.
    pub fn used_slots(&self) -> usize {
        self.slots.len()
    }

    /// Bytes of the slots let so far.
    pub fn used_bytes(&self) -> usize {
        self.slots.len() * size_of::<Slot<T>>()
    }

    /// Whether an insert would be refused.
    pub fn is_full(&self) -> bool {
        self.len >= self.capacity
    }

    /// Stores an entry; gives it back when the slab is full.
    pub fn insert(&mut self, entry: T) -> Result<Handle, T> {
        if self.is_full() {
            return Err(entry);
        }
        self.len += 1;
        if let Some(index) = self.free.pop()
            && let Some(slot) = self.slots.get_mut(index as usize)
        {
            slot.entry = Some(entry);
            return Ok(Handle {
                slot: index,
                generation: slot.generation,
            });
        }
        let index = self.slots.len() as u32;
        let generation = self.first;
        self.slots.push(Slot {
            generation,
            entry: Some(entry),
        });
        Ok(Handle {
            slot: index,
            generation,
        })
    }

    /// The entry, if the handle is still its own.
    pub fn get(&self, handle: Handle) -> Option<&T> {
        let slot = self.slots.get(handle.slot as usize)?;
        if slot.generation == handle.generation {
            slot.entry.as_ref()
        } else {
            None
        }
    }

    /// The entry of a slot, and its handle.
    pub fn at(&self, index: u32) -> Option<(Handle, &T)> {
        let slot = self.slots.get(index as usize)?;
        let handle = Handle {
            slot: index,
            generation: slot.generation,
        };
        Some((handle, slot.entry.as_ref()?))
    }

    /// The entry, to change.
    pub fn get_mut(&mut self, handle: Handle) -> Option<&mut T> {
        let slot = self.slots.get_mut(handle.slot as usize)?;
        if slot.generation == handle.generation {
            slot.entry.as_mut()
        } else {
            None
        }
    }

    /// Takes the entry out; its handle finds nothing from now on.
    pub fn remove(&mut self, handle: Handle) -> Option<T> {
        let slot = self.slots.get_mut(handle.slot as usize)?;
        if slot.generation != handle.generation {
            return None;
        }
        let entry = slot.entry.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(handle.slot);
        self.len -= 1;
        Some(entry)
    }

    /// Ends an entry where it stands, which spares moving a large one.
    pub fn discard(&mut self, handle: Handle) {
        let Some(slot) = self.slots.get_mut(handle.slot as usize) else {
            return;
        };
        if slot.generation == handle.generation && slot.entry.is_some() {
            slot.entry = None;
            slot.generation = slot.generation.wrapping_add(1);
            self.free.push(handle.slot);
            self.len -= 1;
        }
    }

    /// All entries, in slot order.
    pub fn iter(&self) -> impl Iterator<Item = (Handle, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let entry = slot.entry.as_ref()?;
            Some((
                Handle {
                    slot: index as u32,
                    generation: slot.generation,
                },
                entry,
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_handle_finds_nothing() {
        let mut slab = Slab::new(2);
        let first = slab.insert('a').unwrap();
        assert_eq!(slab.remove(first), Some('a'));
        let second = slab.insert('b').unwrap();
        assert_eq!(first.slot, second.slot);
        assert_eq!(slab.get(first), None);
        assert_eq!(slab.remove(first), None);
        assert_eq!(slab.get(second), Some(&'b'));
        slab.discard(first);
        assert_eq!(slab.len(), 1);
        slab.discard(second);
        slab.discard(second);
        assert!(slab.is_empty());
        assert_eq!(slab.get(second), None);
        assert_eq!(slab.insert('c').unwrap().generation, 2);
    }

    #[test]
    fn a_handle_finds_nothing_in_a_later_slab() {
        let (mut first, mut second) = (Slab::new(1), Slab::after(1, 1));
        let stale = first.insert('a').unwrap();
        let handle = second.insert('b').unwrap();
        assert_eq!(second.get(stale), None);
        assert_eq!(second.get(handle), Some(&'b'));
    }

    #[test]
    fn a_full_slab_gives_the_entry_back() {
        let mut slab = Slab::new(1);
        slab.insert(1).unwrap();
        assert_eq!(slab.insert(2), Err(2));
        assert_eq!(slab.len(), 1);
    }
}
