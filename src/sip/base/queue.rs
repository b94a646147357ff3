//! A queue in blocks: it grows without moving what it holds, and gives back
//! what it does not need.

use alloc::collections::VecDeque;

/// Entries of a block.
const BLOCK: usize = 256;

/// First in, first out. At most a few blocks larger than what it holds.
pub(super) struct Queue<T> {
    /// Where the oldest are taken from; empty only if nothing is held.
    front: VecDeque<T>,
    /// Full blocks between the two.
    middle: VecDeque<VecDeque<T>>,
    /// Where the latest go, unless the front has room and is all there is.
    back: VecDeque<T>,
    spare: Option<VecDeque<T>>,
}

impl<T> Default for Queue<T> {
    fn default() -> Queue<T> {
        Queue {
            front: VecDeque::with_capacity(BLOCK),
            middle: VecDeque::new(),
            back: VecDeque::new(),
            spare: None,
        }
    }
}

impl<T> Queue<T> {
    /// The oldest entry.
    pub(super) fn front(&self) -> Option<&T> {
        self.front.front()
    }

    /// How many are held.
    pub(super) fn len(&self) -> usize {
        let middle: usize = self.middle.iter().map(VecDeque::len).sum();
        self.front.len() + middle + self.back.len()
    }

    /// Adds the latest.
    pub(super) fn push_back(&mut self, entry: T) {
        if self.back.is_empty() && self.front.len() < self.front.capacity() {
            self.front.push_back(entry);
            return;
        }
        if self.back.len() == self.back.capacity() {
            self.begin_block();
        }
        self.back.push_back(entry);
    }

    /// The back is full, or was never needed before.
    #[cold]
    fn begin_block(&mut self) {
        let spare = self.spare.take();
        let block = spare.unwrap_or_else(|| VecDeque::with_capacity(BLOCK));
        let full = core::mem::replace(&mut self.back, block);
        if !full.is_empty() {
            self.middle.push_back(full);
        }
    }

    /// Takes the oldest.
    pub(super) fn pop_front(&mut self) -> Option<T> {
        let entry = self.front.pop_front();
        if self.front.is_empty() && !self.back.is_empty() {
            self.next_block();
        }
        entry
    }

    #[cold]
    fn next_block(&mut self) {
        match self.middle.pop_front() {
            Some(block) => self.spare = Some(core::mem::replace(&mut self.front, block)),
            None => core::mem::swap(&mut self.front, &mut self.back),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_first_comes_out_first() {
        let mut queue = Queue::default();
        let (mut next_in, mut next_out) = (0, 0);
        for round in 0..40 {
            for _ in 0..round * 37 % 700 {
                queue.push_back(next_in);
                next_in += 1;
            }
            for _ in 0..round * 29 % 600 {
                let front = queue.front().copied();
                let out = queue.pop_front();
                assert_eq!(
                    (out, out),
                    (front, (next_out < next_in).then_some(next_out))
                );
                next_out += usize::from(out.is_some());
            }
            assert_eq!(queue.front().is_none(), next_out == next_in);
        }
        assert!(next_out > 4 * BLOCK, "{next_out}");
    }

    #[test]
    fn what_is_not_needed_is_given_back() {
        let mut queue = Queue::default();
        for n in 0..10 * BLOCK {
            queue.push_back(n);
        }
        while queue.pop_front().is_some() {}
        assert_eq!((queue.middle.len(), queue.spare.is_some()), (0, true));
    }
}
