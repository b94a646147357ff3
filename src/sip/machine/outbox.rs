//! What a machine wants done, until the driver has done it.

use core::ops::Range;

use super::{Envelope, Proven, SecurityEvent, Stage, Stopwatch};
use crate::base::{Flow, Level, Note, Text, Transmit};

/// Notes, and security events, kept between two flushes.
const MAX_NOTES: usize = 4096;

/// One datagram in the outbox.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Its path.
    pub flow: Flow,
    /// Where it stands in `Outbox::bytes`.
    pub range: Range<usize>,
}

/// Bounded queues of datagrams, envelopes, notes and security events. Datagrams are written
/// straight into one buffer that the driver sends from. The driver empties it
/// after each batch; what does not fit is dropped and counted, as the network
/// might have.
pub struct Outbox {
    bytes: Vec<u8>,
    sends: Vec<Sent>,
    envelopes: Vec<Envelope>,
    notes: Vec<Note>,
    events: Vec<SecurityEvent>,
    proven: Vec<Proven>,
    /// How many of the sends go over streams.
    streams: usize,
    max_sends: usize,
    max_bytes: usize,
    max_envelopes: usize,
    level: Option<Level>,
    security: bool,
    /// Where what finds no room is written, to be kept by its transaction.
    lost: Vec<u8>,
    dropped_sends: u64,
    dropped_envelopes: u64,
    /// Times what the machine does.
    pub stopwatch: Stopwatch,
}

impl Outbox {
    /// An outbox for at most `max_sends` datagrams and envelopes between two flushes.
    pub fn new(max_sends: usize) -> Outbox {
        let max_bytes = max_sends.saturating_mul(2048).max(1 << 17);
        Outbox {
            bytes: Vec::with_capacity(64 << 10),
            sends: Vec::with_capacity(64),
            envelopes: Vec::with_capacity(64),
            notes: Vec::new(),
            events: Vec::new(),
            proven: Vec::new(),
            streams: 0,
            max_sends,
            max_bytes,
            max_envelopes: max_sends,
            level: None,
            security: false,
            lost: Vec::new(),
            dropped_sends: 0,
            dropped_envelopes: 0,
            stopwatch: Stopwatch::default(),
        }
    }

    /// Asks for notes up to `level`; `None` for silence.
    pub fn set_level(&mut self, level: Option<Level>) {
        self.level = level;
    }

    /// Whether a note of `level` would be kept: check before formatting one.
    pub fn wants(&self, level: Level) -> bool {
        self.level.is_some_and(|wanted| level <= wanted)
    }

    /// Keeps a note if its level is wanted. Formats nothing otherwise.
    pub fn note(&mut self, level: Level, cause: &'static str, text: impl FnOnce() -> String) {
        self.note_on(b"", level, cause, text);
    }

    /// The same of a call, by its Call-ID.
    pub fn note_on(
        &mut self,
        call_id: &[u8],
        level: Level,
        cause: &'static str,
        text: impl FnOnce() -> String,
    ) {
        if self.wants(level) && self.notes.len() < MAX_NOTES {
            self.notes.push(Note {
                level,
                cause,
                call_id: Text::from(call_id),
                text: text(),
            });
        }
    }

    /// Asks for security events, or for none.
    pub fn set_security(&mut self, wanted: bool) {
        self.security = wanted;
    }

    /// Keeps a security event if they are wanted. Makes none otherwise.
    pub fn report(&mut self, event: impl FnOnce() -> SecurityEvent) {
        if self.security && self.events.len() < MAX_NOTES {
            self.events.push(event());
        }
    }

    /// A stage of the message at hand is over.
    #[inline]
    pub fn mark(&mut self, stage: Stage) {
        self.stopwatch.mark(stage);
    }

    /// Queues an envelope; a full queue drops and counts it.
    pub fn forward(&mut self, envelope: Envelope) {
        if self.envelopes.len() >= self.max_envelopes {
            self.dropped_envelopes += 1;
            return;
        }
        self.envelopes.push(envelope);
    }

    /// Queues one datagram that `write` appends to the buffer it is given, and
    /// returns the bytes; `None` if nothing was written. With a full queue the
    /// datagram is lost and counted, as on the network: the bytes are returned
    /// all the same, so that whoever retransmits them goes on as usual.
    pub fn send(&mut self, flow: &Flow, write: impl FnOnce(&mut Vec<u8>)) -> Option<&[u8]> {
        if self.is_full() {
            return self.lose(write);
        }
        let start = self.bytes.len();
        write(&mut self.bytes);
        if self.bytes.len() == start {
            return None;
        }
        let range = start..self.bytes.len();
        self.streams += usize::from(flow.transport.is_reliable());
        self.sends.push(Sent {
            flow: *flow,
            range: range.clone(),
        });
        self.bytes.get(range)
    }

    /// Takes back the last message, which has found room.
    pub fn unsend(&mut self) {
        if let Some(last) = self.sends.pop() {
            self.streams -= usize::from(last.flow.transport.is_reliable());
            self.bytes.truncate(last.range.start);
        }
    }

    /// Whether half the room is taken: who has more to handle has the driver
    /// empty it first.
    pub fn is_crowded(&self) -> bool {
        self.sends.len() >= self.max_sends / 2
            || self.bytes.len() >= self.max_bytes / 2
            || self.envelopes.len() >= self.max_envelopes / 2
    }

    fn is_full(&self) -> bool {
        self.sends.len() >= self.max_sends || self.bytes.len() >= self.max_bytes
    }

    fn lose(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Option<&[u8]> {
        self.dropped_sends += 1;
        self.lost.clear();
        write(&mut self.lost);
        Some(self.lost.as_slice()).filter(|bytes| !bytes.is_empty())
    }

    /// Tells the driver that the remote of a connection has proven who it is.
    pub fn proven(&mut self, proven: Proven) {
        self.proven.push(proven);
    }

    /// Takes the connections that were proven.
    pub fn take_proven(&mut self) -> impl Iterator<Item = Proven> + '_ {
        self.proven.drain(..)
    }

    /// Whether anything is for streams: a message, or word of a proof.
    pub fn has_streams(&self) -> bool {
        self.streams > 0 || !self.proven.is_empty()
    }

    /// The datagrams, in order.
    pub fn sends(&self) -> impl Iterator<Item = (&Flow, &[u8])> + Clone {
        self.sends
            .iter()
            .filter_map(|sent| Some((&sent.flow, self.bytes.get(sent.range.clone())?)))
    }

    /// How many datagrams are queued.
    pub fn sends_len(&self) -> usize {
        self.sends.len()
    }

    /// Takes the envelopes, in order.
    pub fn take_envelopes(&mut self) -> impl Iterator<Item = Envelope> + '_ {
        self.envelopes.drain(..)
    }

    /// Takes the notes, in order.
    pub fn take_notes(&mut self) -> impl Iterator<Item = Note> + '_ {
        self.notes.drain(..)
    }

    /// Takes the security events, in order.
    pub fn take_events(&mut self) -> impl Iterator<Item = SecurityEvent> + '_ {
        self.events.drain(..)
    }

    /// Forgets the datagrams after the driver has sent them.
    pub fn clear_sends(&mut self) {
        self.streams = 0;
        self.sends.clear();
        self.bytes.clear();
    }

    /// Whether anything waits for the driver.
    pub fn is_empty(&self) -> bool {
        self.sends.is_empty()
            && self.proven.is_empty()
            && self.envelopes.is_empty()
            && self.notes.is_empty()
            && self.events.is_empty()
    }

    /// (datagrams, envelopes) dropped because the queue was full, since the start.
    pub fn dropped(&self) -> (u64, u64) {
        (self.dropped_sends, self.dropped_envelopes)
    }
}

impl Transmit for Outbox {
    fn transmit(&mut self, flow: &Flow, datagram: &[u8]) {
        self.send(flow, |bytes| bytes.extend_from_slice(datagram));
    }
}
