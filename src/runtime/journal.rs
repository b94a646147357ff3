//! The journal of one shard: records of calls on their way to where they are
//! written, in a file. The shard writes to it as one writes to memory, without a
//! system call, an allocation or a wait; what it wrote is there for whoever comes
//! after the process, however that ended.
//!
//! ```text
//!   byte 0      head    who writes, and the marks of the readers
//!   byte 4096   ring    entries, the oldest of which make room for new ones
//! ```
//!
//! Records reach their readers over a queue; of the file they see no more than
//! their marks. A reader's mark is the position up to which it is done, and what
//! all readers have passed is room again. What lies beyond a mark when the process
//! has died is that reader's to be given by the next process. A record for which
//! there is no room goes its way without a journal.
//!
//! That a record reaches its readers at least once, and that a host may fail, is
//! left to them: nothing here waits for a disk.

mod head;
mod ring;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use memmap2::MmapMut;
use pinion_sip::machine::Cdr;
use rustix::fs::{FallocateFlags, fallocate};

use self::head::{HEAD, Head};
pub use self::head::{Marks, READERS};
use self::ring::Cursor;
use crate::sys::memory::make_mapped;

/// The most a journal's ring may have when it is read, in bytes.
const MOST: u64 = 1 << 30;

/// Whose records a journal holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// Names the process among all there ever are.
    pub boot: u64,
    /// The node's name; perhaps empty.
    pub node: String,
}

/// A journal, as its one writer has it.
pub struct Journal {
    ring: MmapMut,
    cursor: Cursor,
    /// What was known to be free when that was last looked at.
    freed: u64,
    marks: Arc<Marks>,
}

impl Journal {
    /// Makes the file, with a ring of so many bytes (a multiple of 8) that so many
    /// read, [`READERS`] at most. `seal` is a number nobody can guess. Where there
    /// is such a file already, that is an error.
    pub fn create(
        path: &Path,
        bytes: usize,
        origin: Origin,
        seal: u64,
        readers: usize,
    ) -> io::Result<Journal> {
        let head = Head::new(origin, seal, readers);
        let (file, ring) = make_mapped(path, &head.to_bytes(), bytes)?;
        Ok(Journal {
            ring,
            cursor: Cursor::new(seal),
            freed: 0,
            marks: Arc::new(Marks::new(file, head.marks)),
        })
    }

    /// How far its readers have come, for them to say.
    pub fn marks(&self) -> &Arc<Marks> {
        &self.marks
    }

    /// Appends a record, and returns the position behind it; `None` if there is no
    /// room.
    pub fn append(&mut self, cdr: &Cdr) -> Option<u64> {
        let end = self.cursor.append(&mut self.ring, self.freed, cdr);
        end.or_else(|| {
            self.freed = self.marks.least();
            self.cursor.append(&mut self.ring, self.freed, cdr)
        })
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}

/// What a process has left in a journal.
#[derive(Debug)]
pub struct Left {
    /// Whose records they are.
    pub origin: Origin,
    /// How far the readers have come.
    pub marks: Marks,
    /// Those that a reader has not passed, and the positions behind them, in their
    /// order.
    pub records: Vec<(u64, Box<Cdr>)>,
    /// Records that were there once, and of which a part is lost.
    pub torn: usize,
}

/// Reads a journal nobody writes any more, and gives the room back that its records
/// do not take: the next ones need some. `None` if it is none, or of another format;
/// whatever its bytes are, this ends.
pub fn read(path: &Path) -> io::Result<Option<Left>> {
    let mut options = File::options();
    options.read(true).write(true);
    let mut file = options.custom_flags(libc::O_NOFOLLOW).open(path)?;
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let (mut head, mut ring) = (Vec::new(), Vec::new());
    (&mut file).take(HEAD as u64).read_to_end(&mut head)?;
    let Some(head) = head.first_chunk().and_then(Head::parse) else {
        return Ok(None);
    };
    (&mut file).take(MOST).read_to_end(&mut ring)?;
    let from = head.marks.into_iter().min().unwrap_or(0);
    let found = ring::entries(&ring, head.seal, from);
    let to = found.records.last().map_or(from, |(end, _)| *end);
    give_back(&file, ring.len() as u64, from, to);
    let marks = Marks::new(file, head.marks);
    Ok(Some(Left {
        origin: head.origin,
        marks,
        records: found.records,
        torn: found.torn,
    }))
}

/// Gives back what lies in a ring outside of these positions. A file system that
/// has no holes keeps it.
fn give_back(file: &File, size: u64, from: u64, to: u64) {
    let used = to.saturating_sub(from);
    let Some(start) = to.checked_rem(size) else {
        return;
    };
    let free = size.saturating_sub(used);
    let behind = free.min(size - start);
    for (start, len) in [(start, behind), (0, free - behind)] {
        if len > 0 {
            let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let _ = fallocate(file, hole, HEAD as u64 + start, len);
        }
    }
}

#[cfg(test)]
mod tests;
