//! Deadlines by the second, for entries of a slab: one each, set, moved and
//! cancelled in O(1). Protocol timers do not live here, but in `base::Lanes`,
//! which need no cancel and know microseconds.

use crate::base::Handle;

/// Seconds in one turn.
const TURN: u64 = 4096;
/// As many as a word has bits.
const WORDS: usize = (TURN / 64) as usize;
const NONE: u32 = u32::MAX;

/// One entry's place, by its slot: a link of the list of its second.
#[derive(Clone, Copy)]
struct Link {
    next: u32,
    previous: u32,
    generation: u32,
    /// The second it is due.
    due_s: u32,
    /// Where its list begins; `NONE_SECOND` when it has no deadline.
    filed: u16,
}

const NONE_SECOND: u16 = u16::MAX;
const UNSET: Link = Link {
    next: NONE,
    previous: NONE,
    generation: 0,
    due_s: 0,
    filed: NONE_SECOND,
};

/// A timing wheel over handles of one slab; 20 bytes for each slot ever used.
/// An entry's deadline is cancelled before its slot is let again.
///
/// A deadline beyond one turn is filed at the far end, and one that is put off
/// stays where it was filed; the entry is moved on when the wheel gets there.
pub(super) struct Wheel {
    links: Vec<Link>,
    heads: Box<[u32]>,
    /// One bit for each second with a list.
    occupied: [u64; WORDS],
    /// One bit for each word of those that has any.
    words: u64,
    /// All seconds before this one have been served.
    now_s: u64,
}

impl Wheel {
    /// A wheel at second 0.
    pub(super) fn new() -> Wheel {
        Wheel {
            links: Vec::new(),
            heads: vec![NONE; TURN as usize].into_boxed_slice(),
            occupied: [0; WORDS],
            words: 0,
            now_s: 0,
        }
    }

    /// Sets or moves the deadline of an entry. One in the past is due at once.
    pub(super) fn set(&mut self, entry: Handle, due_s: u64) {
        let index = entry.slot as usize;
        if self.links.len() <= index {
            self.links.resize(index + 1, UNSET);
        }
        let due_s = u32::try_from(due_s).unwrap_or(u32::MAX);
        match self.links.get_mut(index) {
            // A contact refreshed again and again is moved on once a turn, not
            // at each refresh.
            Some(link) if link.filed != NONE_SECOND && link.due_s <= due_s => link.due_s = due_s,
            _ => {
                self.cancel(entry);
                self.file(entry, due_s);
            }
        }
    }

    /// Files an entry that is not filed.
    fn file(&mut self, entry: Handle, due_s: u32) {
        let Handle { slot, generation } = entry;
        let filed_s = u64::from(due_s).clamp(self.now_s, self.now_s + TURN - 1);
        let filed = (filed_s % TURN) as u16;
        let next = self.head(filed);
        if let Some(link) = self.links.get_mut(slot as usize) {
            *link = Link {
                next,
                previous: NONE,
                generation,
                due_s,
                filed,
            };
        }
        if let Some(link) = self.links.get_mut(next as usize) {
            link.previous = slot;
        }
        self.set_head(filed, slot);
    }

    /// Takes the deadline of an entry away, if it has one.
    pub(super) fn cancel(&mut self, entry: Handle) {
        let Some(link) = self.links.get_mut(entry.slot as usize) else {
            return;
        };
        let Link {
            next,
            previous,
            filed,
            ..
        } = core::mem::replace(link, UNSET);
        if filed == NONE_SECOND {
            return;
        }
        if let Some(link) = self.links.get_mut(next as usize) {
            link.previous = previous;
        }
        match self.links.get_mut(previous as usize) {
            Some(link) => link.next = next,
            None => self.set_head(filed, next),
        }
    }

    /// Takes an entry that is due at second `now_s`; no order within a second.
    pub(super) fn expire(&mut self, now_s: u64) -> Option<Handle> {
        while let Some((second, slot)) = self.first() {
            if second > now_s {
                break;
            }
            self.now_s = second;
            let Link {
                generation, due_s, ..
            } = self.links.get(slot as usize).copied().unwrap_or(UNSET);
            let entry = Handle { slot, generation };
            self.cancel(entry);
            if u64::from(due_s) <= now_s {
                return Some(entry);
            }
            // Filed short of its deadline, or its deadline has moved.
            self.file(entry, due_s);
        }
        self.now_s = self.now_s.max(now_s);
        None
    }

    /// A second no later than the earliest deadline.
    pub(super) fn deadline_s(&self) -> Option<u64> {
        self.first().map(|(second, _)| second)
    }

    /// The first second with a list, and the head of it.
    fn first(&self) -> Option<(u64, u32)> {
        let from = (self.now_s % TURN) as u32;
        let (word, bit) = (from / 64, from % 64);
        let ahead_of_it = u64::MAX << bit;
        let here = self.word(word);
        let others = self.words.rotate_right(word) & !1;
        let (words, set) = if here & ahead_of_it != 0 {
            (0, here & ahead_of_it)
        } else if others != 0 {
            let words = others.trailing_zeros();
            (words, self.word(word + words))
        } else {
            (WORDS as u32, here)
        };
        if set == 0 {
            return None;
        }
        let ahead = u64::from(words * 64 + set.trailing_zeros());
        let second = self.now_s - u64::from(bit) + ahead;
        Some((second, self.head((second % TURN) as u16)))
    }

    /// A word of `occupied`, counted beyond its end from the start again.
    fn word(&self, word: u32) -> u64 {
        let index = word as usize % WORDS;
        self.occupied.get(index).copied().unwrap_or(0)
    }

    fn head(&self, filed: u16) -> u32 {
        self.heads.get(usize::from(filed)).copied().unwrap_or(NONE)
    }

    fn set_head(&mut self, filed: u16, slot: u32) {
        if let Some(head) = self.heads.get_mut(usize::from(filed)) {
            *head = slot;
        }
        let index = filed / 64;
        if let Some(word) = self.occupied.get_mut(usize::from(index)) {
            *word = with_bit(*word, filed % 64, slot != NONE);
            self.words = with_bit(self.words, index, *word != 0);
        }
    }
}

/// `word` with a bit set or cleared.
fn with_bit(word: u64, bit: u16, set: bool) -> u64 {
    word & !(1 << bit) | u64::from(set) << bit
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(slot: u32) -> Handle {
        Handle {
            slot,
            generation: 7,
        }
    }

    fn drain(wheel: &mut Wheel, now_s: u64) -> Vec<u32> {
        core::iter::from_fn(|| wheel.expire(now_s))
            .map(|handle| {
                assert_eq!(handle.generation, 7);
                handle.slot
            })
            .collect()
    }

    #[test]
    fn deadlines_come_in_the_order_of_their_seconds() {
        let mut wheel = Wheel::new();
        wheel.set(entry(3), 70);
        wheel.set(entry(1), 10);
        wheel.set(entry(2), 4000);
        assert_eq!(wheel.deadline_s(), Some(10));
        assert_eq!(drain(&mut wheel, 9), []);
        assert_eq!(drain(&mut wheel, 4000), [1, 3, 2]);
        assert_eq!(wheel.deadline_s(), None);
    }

    #[test]
    fn a_deadline_moves_and_is_cancelled() {
        let mut wheel = Wheel::new();
        for slot in 0..4 {
            wheel.set(entry(slot), 10);
        }
        wheel.cancel(entry(1));
        wheel.set(entry(2), 20);
        wheel.cancel(entry(9));
        let mut due = drain(&mut wheel, 10);
        due.sort_unstable();
        assert_eq!(due, [0, 3]);
        assert_eq!(drain(&mut wheel, 20), [2]);
    }

    #[test]
    fn a_deadline_in_the_past_is_due_at_once() {
        let mut wheel = Wheel::new();
        assert_eq!(wheel.expire(1000), None);
        wheel.set(entry(0), 5);
        assert_eq!(wheel.expire(1000), Some(entry(0)));
    }

    #[test]
    fn deadlines_beyond_a_turn_wait_their_turns() {
        let mut wheel = Wheel::new();
        wheel.set(entry(0), 3 * TURN + 7);
        wheel.set(entry(1), 86_400 * 365);
        assert!(wheel.deadline_s().is_some_and(|second| second < TURN));
        assert_eq!(drain(&mut wheel, 3 * TURN + 6), []);
        assert_eq!(drain(&mut wheel, 3 * TURN + 7), [0]);
        assert_eq!(drain(&mut wheel, 86_400 * 365), [1]);
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_list(steps in proptest::collection::vec((0_u32..12, 0_u64..9000, 0_u64..600, 0..4), 1..200)) {
            let mut wheel = Wheel::new();
            let mut model: Vec<(u32, u64)> = Vec::new();
            let mut now = 0;
            for (slot, ahead, passed, action) in steps {
                match action {
                    0 | 1 => {
                        model.retain(|&(other, _)| other != slot);
                        model.push((slot, now + ahead));
                        wheel.set(entry(slot), now + ahead);
                    }
                    2 => {
                        model.retain(|&(other, _)| other != slot);
                        wheel.cancel(entry(slot));
                    }
                    _ => {
                        now += passed;
                        let mut due = drain(&mut wheel, now);
                        due.sort_unstable();
                        let mut expected: Vec<u32> =
                            model.extract_if(.., |&mut (_, at)| at <= now).map(|(slot, _)| slot).collect();
                        expected.sort_unstable();
                        prop_assert_eq!(due, expected);
                        let earliest = model.iter().map(|&(_, at)| at).min();
                        prop_assert_eq!(wheel.deadline_s().is_some(), earliest.is_some());
                        if let (Some(wake), Some(earliest)) = (wheel.deadline_s(), earliest) {
                            prop_assert!(now <= wake && wake <= earliest.max(now));
                        }
                    }
                }
            }
        }
    }
}
