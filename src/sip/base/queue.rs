//! A queue in blocks: it grows without moving what it holds, and gives back
//! what it does not need.

use alloc::collections::VecDeque;

/// Entries of a block.
const BLOCK: usize = 256;

/// First in, first out. At most a block and a spare larger than what it holds.
pub(super) struct Queue<T> {
    /// None is empty, but for a sole one.
    blocks: VecDeque<VecDeque<T>>,
    spare: Option<VecDeque<T>>,
}

impl<T> Default for Queue<T> {
    fn default() -> Queue<T> {
        Queue {
            blocks: VecDeque::new(),
            spare: None,
        }
    }
}

impl<T> Queue<T> {
    /// A queue of one.
    pub(super) fn of(entry: T) -> Queue<T> {
        let mut queue = Queue::default();
        queue.push_back(entry);
        queue
    }

    /// The oldest entry.
    pub(super) fn front(&self) -> Option<&T> {
        self.blocks.front()?.front()
    }

    /// The latest entry.
    pub(super) fn back(&self) -> Option<&T> {
        self.blocks.back()?.back()
    }

    /// Adds the latest.
    pub(super) fn push_back(&mut self, entry: T) {
        if let Some(block) = self.blocks.back_mut()
            && block.len() < BLOCK
        {
            block.push_back(entry);
            return;
        }
        let spare = self.spare.take();
        let mut block = spare.unwrap_or_else(|| VecDeque::with_capacity(BLOCK));
        block.push_back(entry);
        self.blocks.push_back(block);
    }

    /// Takes the oldest.
    pub(super) fn pop_front(&mut self) -> Option<T> {
        let block = self.blocks.front_mut()?;
        let entry = block.pop_front();
        if block.is_empty() && self.blocks.len() > 1 {
            self.spare = self.blocks.pop_front();
        }
        entry
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
            assert_eq!(
                queue.back().copied(),
                (next_in > next_out).then(|| next_in - 1)
            );
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
        assert_eq!((queue.blocks.len(), queue.spare.is_some()), (1, true));
    }
}
