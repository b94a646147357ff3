//! What the functions of one instruction have yielded so far.
//!
//! A text is read from its beginning each time an answer comes in. Functions
//! that change something, or asked for something, are not called again: what
//! they yielded is repeated, in order. Reading is deterministic otherwise, so
//! the order is the same each time.

use super::inquiry::{Inquiry, Reply};
use super::step::Step;

/// Bytes of results one instruction may come to.
const ROOM_BYTES: usize = 64 << 10;

/// Makes a function's value of the reply it asked for.
pub(super) type Tell = fn(&mut Step<'_>, &str, Reply) -> String;

/// An inquiry a function needs answered before its text can be read on.
pub(super) struct Wanted {
    pub(super) inquiry: Inquiry,
    pub(super) tell: Tell,
    pub(super) arguments: Box<str>,
}

/// How deep texts may be read within texts (`EVAL`), and how many one
/// instruction may read so.
const DEPTH: u16 = 8;
const READINGS: u16 = 256;

/// The results of one instruction.
#[derive(Default)]
pub(super) struct Replay {
    results: Vec<String>,
    next: usize,
    /// Few functions want anything.
    wanted: Option<Box<Wanted>>,
    /// Texts that are being read within the text at hand.
    depth: u16,
    /// Texts that have been.
    readings: u16,
}

impl Replay {
    /// Begins to read a text, perhaps once more.
    pub(super) fn rewind(&mut self) {
        self.next = 0;
        self.readings = 0;
    }

    /// Begins to read a text within the text at hand. False, and nothing
    /// begun, where that would have no end.
    pub(super) fn enter(&mut self) -> bool {
        let may = self.depth < DEPTH && self.readings < READINGS;
        if may {
            self.depth += 1;
            self.readings += 1;
        }
        may
    }

    /// Has read a text within the text at hand.
    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// The instruction is done with.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.next = 0;
        if !self.results.is_empty() || self.waits() {
            self.forget();
        }
    }

    /// Apart from what is done for each instruction.
    #[cold]
    fn forget(&mut self) {
        self.results.clear();
        self.wanted = None;
    }

    /// Whether a function waits for its answer: nothing read now counts.
    pub(super) fn waits(&self) -> bool {
        self.wanted.is_some()
    }

    /// Whether the next function has been called before.
    pub(super) fn repeats(&self) -> bool {
        self.next < self.results.len()
    }

    /// What the next function yielded when it was called before.
    pub(super) fn repeat(&mut self) -> Option<String> {
        let known = self.results.get(self.next)?.clone();
        self.next += 1;
        Some(known)
    }

    /// Remembers what a function yielded.
    pub(super) fn note(&mut self, result: &str) {
        self.results.push(result.into());
        self.next = self.results.len();
    }

    /// Whether it holds more than a call may.
    pub(super) fn is_full(&self) -> bool {
        self.results.iter().map(String::len).sum::<usize>() > ROOM_BYTES
    }

    pub(super) fn want(&mut self, wanted: Wanted) {
        self.wanted = Some(Box::new(wanted));
    }

    pub(super) fn take_wanted(&mut self) -> Option<Wanted> {
        self.wanted.take().map(|wanted| *wanted)
    }
}
