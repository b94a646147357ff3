//! Entries in a ring of bytes. Each says where it stands, so that whoever finds a
//! ring needs nobody to tell where it begins or ends: an entry is known by its own
//! place, and what is torn, or older, is none. No file, no marks.
//!
//! ```text
//!   stamp     8 bytes   its position, and the seal
//!   length    4         of the record
//!   checksum  4         CRC-32 of the record
//!   record              postcard, then up to the next multiple of 8
//! ```
//!
//! Positions are multiples of 8 and count bytes from the beginning of all time; an
//! entry lies at its position modulo the size of the ring, and never across its
//! end. The seal is a number that nobody can guess: without it a caller could
//! write an entry into a Call-ID.

use pinion_sip::machine::Cdr;

/// Bytes before the record.
const HEADER: usize = 16;

/// What positions are multiples of.
const STEP: usize = 8;

/// Where the next entry goes.
pub(super) struct Cursor {
    position: u64,
    seal: u64,
}

impl Cursor {
    /// At the beginning of all time.
    pub(super) fn new(seal: u64) -> Cursor {
        Cursor { position: 0, seal }
    }

    /// Appends a record, and returns the position behind it. `None` if it would
    /// lie on what is not yet room: on a position before `freed`, one lap ago.
    pub(super) fn append(&mut self, ring: &mut [u8], freed: u64, cdr: &Cdr) -> Option<u64> {
        let size = ring.len() as u64;
        let end = freed.saturating_add(size);
        // Here, or else where the next lap begins.
        let places = [self.position, self.position.next_multiple_of(size)];
        places.into_iter().find_map(|start| {
            let offset = start % size;
            let room = end.saturating_sub(start).min(size - offset);
            let room = ring.get_mut(offset as usize..(offset + room) as usize)?;
            let len = lay(room, start.wrapping_add(self.seal), cdr)?;
            self.position = start + len as u64;
            Some(self.position)
        })
    }
}

/// Writes an entry, its header last; returns how long it is. `None` if there is
/// not room enough.
fn lay(room: &mut [u8], stamp: u64, cdr: &Cdr) -> Option<usize> {
    let (header, body) = room.split_at_mut_checked(HEADER)?;
    let record = postcard::to_slice(cdr, body).ok()?;
    let checksum = crc32fast::hash(record);
    let (at, rest) = header.split_at_mut(8);
    let (length, sum) = rest.split_at_mut(4);
    sum.copy_from_slice(&checksum.to_le_bytes());
    length.copy_from_slice(&(record.len() as u32).to_le_bytes());
    at.copy_from_slice(&stamp.to_le_bytes());
    Some((HEADER + record.len()).next_multiple_of(STEP))
}

/// What a ring holds.
#[derive(Default, Debug)]
pub(super) struct Found {
    /// Records and the positions behind them, in their order.
    pub(super) records: Vec<(u64, Box<Cdr>)>,
    /// Entries that are not whole.
    pub(super) torn: usize,
}

/// What a ring holds from a position on, whatever its bytes are.
pub(super) fn entries(ring: &[u8], seal: u64, from: u64) -> Found {
    let (mut found, mut offset) = (Found::default(), 0);
    while let Some((header, rest)) = ring.get(offset..).and_then(|at| at.split_first_chunk()) {
        let position = stamp(header).wrapping_sub(seal);
        let is_here = position % ring.len() as u64 == offset as u64;
        let is_due = position.wrapping_sub(from) < ring.len() as u64;
        offset += STEP;
        if !is_here || !is_due {
            continue;
        }
        match read(header, rest) {
            Some((cdr, len)) => {
                let end = position.saturating_add(len as u64);
                found.records.push((end, cdr));
                offset += len - STEP;
            }
            None => found.torn += 1,
        }
    }
    found.records.sort_by_key(|(end, _)| *end);
    found
}

fn stamp(header: &[u8; HEADER]) -> u64 {
    header.first_chunk().map_or(0, |at| u64::from_le_bytes(*at))
}

/// The record behind a header, and how long the entry is; `None` if it is torn.
fn read(header: &[u8; HEADER], rest: &[u8]) -> Option<(Box<Cdr>, usize)> {
    let (_, rest_of_header) = header.split_first_chunk::<8>()?;
    let (length, sum) = rest_of_header.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let record = rest.get(..length)?;
    if crc32fast::hash(record) != u32::from_le_bytes(*sum.first_chunk()?) {
        return None;
    }
    let cdr = postcard::from_bytes(record).ok()?;
    Some((Box::new(cdr), (HEADER + length).next_multiple_of(STEP)))
}

#[cfg(test)]
mod tests;
