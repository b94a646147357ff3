//! Where the control characters of a datagram stand, found a block of bytes at
//! a time: they end lines, and hardly anything else holds one. Judges none.

use wide::u8x32;

const BLOCK: usize = 64;

/// The last of the characters looked for: CR and LF are among them, and telling
/// them from the others is for whoever asks.
const LAST: u8 = 0x0f;

/// Walks over the offsets of the bytes 0x00 to 0x0f, CR and LF among them, in
/// order.
#[derive(Clone)]
pub struct Controls<'a> {
    bytes: &'a [u8],
    /// Where the block begins that `marks` is of.
    block: usize,
    /// One bit for each byte of the block that is still to be told.
    marks: u64,
}

impl<'a> Controls<'a> {
    /// Those of all `bytes`.
    pub fn new(bytes: &'a [u8]) -> Controls<'a> {
        Controls {
            bytes,
            block: 0,
            marks: marks_at(bytes, 0),
        }
    }

    /// Passes over the LF of the CR told last, unless a block ends between
    /// them: then it is told.
    pub fn pass_line_feed(&mut self) {
        self.marks &= self.marks.wrapping_sub(1);
    }
}

impl Iterator for Controls<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        while self.marks == 0 {
            self.block += BLOCK;
            if self.block >= self.bytes.len() {
                return None;
            }
            self.marks = marks_at(self.bytes, self.block);
        }
        let at = self.block + self.marks.trailing_zeros() as usize;
        self.marks &= self.marks - 1;
        Some(at)
    }
}

/// The marks of the block that begins `at`; bytes beyond the end have none.
#[inline]
fn marks_at(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    match rest.first_chunk() {
        Some(block) => marks(block),
        None => last_marks(rest),
    }
}

#[inline(never)]
fn last_marks(rest: &[u8]) -> u64 {
    let mut block = [u8::MAX; BLOCK];
    for (to, from) in block.iter_mut().zip(rest) {
        *to = *from;
    }
    marks(&block)
}

#[inline(always)]
fn marks(block: &[u8; BLOCK]) -> u64 {
    let last = u8x32::splat(LAST);
    let found = |lane: &[u8; 32]| {
        let lane = u8x32::new(*lane);
        u64::from(lane.min(last).simd_eq(lane).to_bitmask())
    };
    match block.as_chunks() {
        ([a, b], []) => found(a) | found(b) << 32,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_are_those_a_search_finds(bytes in proptest::collection::vec(0_u8..40, 0..300)) {
            let expected: Vec<usize> =
                (0..bytes.len()).filter(|&at| bytes[at] <= LAST).collect();
            prop_assert_eq!(Controls::new(&bytes).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn bytes_beyond_ascii_are_none() {
        let bytes: Vec<u8> = (0..=u8::MAX).collect();
        assert_eq!(Controls::new(&bytes).last(), Some(usize::from(LAST)));
    }
}
