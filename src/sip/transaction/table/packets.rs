//! The bytes a transaction may have to send again, in buffers used over and
//! over. Owns the spare buffers; a buffer in use belongs to its transaction.

use crate::base::Text;
use crate::wire::Status;

/// A new buffer has room for this many bytes: most messages.
const USUAL_BYTES: usize = 1024;

/// Larger buffers are not kept as spares.
const LARGEST_SPARE_BYTES: usize = 8192;

/// What a transaction keeps of the last message it sent.
pub(super) enum Kept {
    /// Nothing: it will never be sent again.
    Nothing,
    /// All of it.
    Packet(Vec<u8>),
    /// What the user needs to write a response again from a copy of its request.
    Essentials {
        /// The status.
        status: Status,
        /// The To tag.
        tag: Text,
    },
}

impl Kept {
    /// The bytes, where they are kept.
    pub fn packet(&self) -> Option<&[u8]> {
        match self {
            Kept::Packet(packet) => Some(packet),
            Kept::Nothing | Kept::Essentials { .. } => None,
        }
    }
}

/// Spare buffers, a bounded number of them.
pub(super) struct Packets {
    spare: Vec<Vec<u8>>,
    most: usize,
    allocated: u64,
}

impl Packets {
    pub fn new(most: usize) -> Packets {
        Packets {
            spare: Vec::new(),
            most,
            allocated: 0,
        }
    }

    /// Empty buffers handed out that were no spares.
    #[cfg(test)]
    pub fn allocated(&self) -> u64 {
        self.allocated
    }

    /// An empty buffer.
    pub fn blank(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_else(|| {
            self.allocated += 1;
            Vec::with_capacity(USUAL_BYTES)
        })
    }

    /// A copy of `bytes`.
    pub fn copy(&mut self, bytes: &[u8]) -> Kept {
        let mut packet = self.blank();
        packet.extend_from_slice(bytes);
        Kept::Packet(packet)
    }

    /// Takes a buffer back.
    pub fn recycle(&mut self, kept: Kept) {
        if let Kept::Packet(mut packet) = kept
            && self.spare.len() < self.most
            && packet.capacity() <= LARGEST_SPARE_BYTES
        {
            packet.clear();
            self.spare.push(packet);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back() {
        let mut packets = Packets::new(1);
        let first = packets.copy(b"one");
        packets.recycle(first);
        let second = packets.copy(b"two");
        assert_eq!(second.packet(), Some(&b"two"[..]));
        assert_eq!(packets.allocated(), 1);
    }

    #[test]
    fn spares_are_few_and_not_large() {
        let mut packets = Packets::new(1);
        let [one, two] = [packets.copy(b"one"), packets.copy(b"two")];
        let large = packets.copy(&[0; LARGEST_SPARE_BYTES + 1]);
        packets.recycle(large);
        packets.recycle(one);
        packets.recycle(two);
        assert_eq!(packets.spare.len(), 1);
    }
}
