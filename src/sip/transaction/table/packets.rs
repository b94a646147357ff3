//! What a transaction keeps while it may still have to send something by
//! itself, used over and over. Owns the spares; one in use belongs to its
//! transaction.

use super::slot::Alarm;
use crate::base::{Flow, Spares};
use crate::transaction::Timers;

/// A new buffer has room for this many bytes: most messages.
const USUAL_BYTES: usize = 1024;

/// Larger buffers are not kept as spares.
const LARGEST_SPARE_BYTES: usize = 8192;

/// The part of a transaction that a settled one, which only absorbs copies or
/// has them answered by its user, does without.
pub(super) struct Packet {
    /// Where its messages go.
    pub flow: Flow,
    pub timers: Timers,
    /// The alarm that rings within a state.
    pub again: Option<Alarm>,
    /// The last message it sent; empty for none.
    pub bytes: Vec<u8>,
    /// How much of the bytes is a request of ours. The header lines a CANCEL
    /// is to carry follow it.
    pub request_len: usize,
    /// Copies of a 2xx sent so far.
    pub copies: u8,
    /// It takes a stream for its size alone (§18.1.1).
    pub switched: bool,
}

/// Packets, and the spares among them.
pub(super) struct Packets {
    spares: Spares<Packet>,
    allocated: u64,
}

impl Packets {
    pub fn new(most: usize) -> Packets {
        Packets {
            spares: Spares::new(most, |packet| {
                packet.bytes.capacity() <= LARGEST_SPARE_BYTES
            }),
            allocated: 0,
        }
    }

    /// Packets handed out that were no spares.
    #[cfg(test)]
    pub fn allocated(&self) -> u64 {
        self.allocated
    }

    /// A packet that holds `bytes`.
    pub fn packet(&mut self, flow: Flow, timers: Timers, bytes: &[u8]) -> Box<Packet> {
        match self.spares.take() {
            Some(mut packet) => {
                packet.flow = flow;
                packet.timers = timers;
                packet.again = None;
                packet.bytes.clear();
                packet.bytes.extend_from_slice(bytes);
                packet.request_len = 0;
                packet.copies = 0;
                packet.switched = false;
                packet
            }
            None => {
                self.allocated += 1;
                let mut buffer = Vec::with_capacity(USUAL_BYTES.max(bytes.len()));
                buffer.extend_from_slice(bytes);
                Box::new(Packet {
                    flow,
                    timers,
                    again: None,
                    bytes: buffer,
                    request_len: 0,
                    copies: 0,
                    switched: false,
                })
            }
        }
    }

    /// Takes a packet back.
    pub fn recycle(&mut self, packet: Option<Box<Packet>>) {
        if let Some(packet) = packet {
            self.spares.give(packet);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::table::tests::flow_of_tests;

    fn packet(packets: &mut Packets, bytes: &[u8]) -> Box<Packet> {
        packets.packet(flow_of_tests(), Timers::default(), bytes)
    }

    #[test]
    fn packets_come_back() {
        let mut packets = Packets::new(1);
        let mut first = packet(&mut packets, b"one");
        first.copies = 3;
        packets.recycle(Some(first));
        let second = packet(&mut packets, b"two");
        assert_eq!((second.bytes.as_slice(), second.copies), (&b"two"[..], 0));
        assert_eq!(packets.allocated(), 1);
    }

    #[test]
    fn large_packets_do_not_come_back() {
        let mut packets = Packets::new(1);
        let large = packet(&mut packets, &[0; LARGEST_SPARE_BYTES + 1]);
        packets.recycle(Some(large));
        packet(&mut packets, b"one");
        assert_eq!(packets.allocated(), 2);
    }
}
