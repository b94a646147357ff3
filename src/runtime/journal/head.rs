//! The head of a journal: who writes it, and how far its readers have come.
//!
//! ```text
//!   0    magic, its last byte the format of all that follows
//!   8    seal, boot: 8 bytes each
//!   32   marks: 8 bytes each
//!   64   how long the node's name is: 2 bytes; the name
//! ```

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Origin;

/// Bytes of a head: a page.
pub(super) const HEAD: usize = 4096;

/// Most readers of a journal.
pub const READERS: usize = 4;

/// The mark of a reader that there is not.
const NOBODY: u64 = u64::MAX;

/// The order of marks among each other: of two readers that make their last marks
/// at once, one at least sees both.
const ORDER: Ordering = Ordering::SeqCst;

/// Of another format is what has a record of another shape.
const MAGIC: [u8; 8] = *b"pinion\0\x01";

const SEAL: usize = 8;
const BOOT: usize = 16;
const MARKS: usize = 32;
const NODE: usize = 64;

/// What a head says.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) origin: Origin,
    pub(super) seal: u64,
    pub(super) marks: [u64; READERS],
}

impl Head {
    /// The head of a journal that so many begin to read.
    pub(super) fn new(origin: Origin, seal: u64, readers: usize) -> Head {
        let marks = std::array::from_fn(|reader| if reader < readers { 0 } else { NOBODY });
        Head {
            origin,
            seal,
            marks,
        }
    }

    /// As it stands in a file.
    pub(super) fn to_bytes(&self) -> [u8; HEAD] {
        let mut head = [0; HEAD];
        let mut put = |place: usize, bytes: &[u8]| {
            head[place..place + bytes.len()].copy_from_slice(bytes);
        };
        put(0, &MAGIC);
        put(SEAL, &self.seal.to_le_bytes());
        put(BOOT, &self.origin.boot.to_le_bytes());
        for (reader, mark) in self.marks.iter().enumerate() {
            put(MARKS + 8 * reader, &mark.to_le_bytes());
        }
        // Of a name that is longer than a page, no more fits.
        let name = self.origin.node.as_bytes();
        let name = &name[..name.len().min(HEAD - NODE - 2)];
        put(NODE, &(name.len() as u16).to_le_bytes());
        put(NODE + 2, name);
        head
    }

    /// What a file says; `None` if that is no head, or of another format.
    pub(super) fn parse(head: &[u8; HEAD]) -> Option<Head> {
        let number = |place: usize| {
            let bytes = head[place..].first_chunk();
            bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
        };
        if !head.starts_with(&MAGIC) {
            return None;
        }
        let long = usize::from(u16::from_le_bytes([head[NODE], head[NODE + 1]]));
        let name = head.get(NODE + 2..NODE + 2 + long)?;
        let origin = Origin {
            boot: number(BOOT),
            node: String::from_utf8_lossy(name).into_owned(),
        };
        Some(Head {
            origin,
            seal: number(SEAL),
            marks: std::array::from_fn(|reader| number(MARKS + 8 * reader)),
        })
    }
}

/// How far each reader of a journal has come. A mark is in the file as soon as it
/// is made, and outlives the process.
#[derive(Debug)]
pub struct Marks {
    file: File,
    at: [AtomicU64; READERS],
}

impl Marks {
    pub(super) fn new(file: File, marks: [u64; READERS]) -> Marks {
        Marks {
            file,
            at: marks.map(AtomicU64::new),
        }
    }

    /// A reader is done with all before `end`, a position.
    pub fn pass(&self, reader: usize, end: u64) {
        let Some(mark) = self.at.get(reader) else {
            return;
        };
        // One that does not get there frees no room: who comes next begins at the
        // mark in the file, and looks no further than one lap.
        let place = (MARKS + 8 * reader) as u64;
        let written = self.file.write_all_at(&end.to_le_bytes(), place);
        if written.is_ok() {
            mark.store(end, ORDER);
        }
    }

    /// Whether a reader is done with all before `end`; one that there is not is.
    pub fn is_past(&self, reader: usize, end: u64) -> bool {
        let mark = self.at.get(reader);
        mark.is_none_or(|mark| mark.load(ORDER) >= end)
    }

    /// What every reader is done with.
    pub fn least(&self) -> u64 {
        let marks = self.at.iter().map(|mark| mark.load(ORDER));
        marks.min().unwrap_or(NOBODY)
    }
}
