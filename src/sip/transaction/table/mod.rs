//! The transactions of one shard.
//!
//! Finds the transaction a message belongs to, drives its machine, keeps what
//! may have to be sent again and rings the timers. Bounded: a full table
//! refuses. Once at its size it allocates nothing, least of all for a copy.

mod client_side;
mod derived;
mod index;
mod packets;
mod server_side;
mod slot;
mod streams;
#[cfg(test)]
mod tests;

use core::num::NonZeroU64;

use self::index::Index;
use self::packets::Packets;
use self::slot::{Alarms, ClientRole, Role, Slot};
use self::streams::Streams;
use super::key::{Identity, Key, Keys};
use super::{Reaction, Timers, TransactionId};
use core::time::Duration;

use crate::base::{Flow, Instant, Lanes, Random, Slab, Text, Transmit};
use crate::wire::Status;

/// Spare packets kept at most.
const MOST_SPARES: u32 = 16_384;

/// The table has no room for another transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full;

/// What became of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Received {
    /// No transaction takes it. The caller decides, and opens one or answers
    /// statelessly. An ACK that comes out here belongs to a dialog, or nowhere.
    New,
    /// A copy, or the ACK of a final response other than 2xx: dealt with.
    Absorbed,
    /// A copy of a request whose answer the caller writes again, from this
    /// very copy. A 100 that nobody has written comes out here, too, with an
    /// empty tag.
    Repeat {
        /// The status of the answer.
        status: Status,
        /// Its To tag.
        tag: Text,
    },
    /// The request has been here by another path (RFC 3261 §8.2.2.2): to be
    /// answered 482 statelessly.
    Merged,
}

/// What the transaction of a request starts with.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a, O> {
    /// The request's identity.
    pub identity: &'a Identity,
    /// The way of its responses.
    pub flow: Flow,
    /// The durations it runs by.
    pub timers: Timers,
    /// The user's name for it.
    pub owner: O,
}

/// What to keep of a response.
#[derive(Clone, Copy, Debug)]
pub enum Keep<'a> {
    /// All of it.
    Bytes,
    /// The status and this To tag, from which the caller can write the final
    /// response to a request other than INVITE again. Responses to INVITE are
    /// kept whole all the same.
    Essentials {
        /// The To tag; empty for none. One beyond 16 bytes, which none of ours
        /// is, has all of the response kept.
        tag: &'a Text,
    },
}

/// What became of a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answered<O> {
    /// Matches no transaction: to be dropped (RFC 6026 §8.9).
    Stray,
    /// A copy, the answer to a CANCEL, or one nobody waits for any more.
    Absorbed,
    /// For the transaction's user.
    Passed {
        /// The transaction.
        id: TransactionId,
        /// The user's name for it.
        owner: O,
    },
}

/// What an alarm tells a transaction's user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expired<O> {
    /// An INVITE has had no response for 200 ms: a 100 is due (§17.2.1).
    Trying {
        /// The transaction, which goes on.
        id: TransactionId,
        /// The user's name for it.
        owner: O,
    },
    /// A request of ours had no final response in time: as if 408 had come.
    Timeout {
        /// The transaction, which is gone.
        id: TransactionId,
        /// The user's name for it.
        owner: O,
        /// How often the request was sent again.
        copies: u8,
    },
    /// A request of ours cannot be sent: as if 503 had come (§8.1.3.1).
    Unsent {
        /// The transaction, which is gone.
        id: TransactionId,
        /// The user's name for it.
        owner: O,
    },
    /// A final response of ours to an INVITE was never acknowledged.
    Unacknowledged {
        /// The transaction, which is gone.
        id: TransactionId,
        /// The user's name for it.
        owner: O,
    },
}

/// What a table holds, and what it has seen since it was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// INVITE client transactions held.
    pub invite_clients: u32,
    /// Other client transactions held.
    pub clients: u32,
    /// INVITE server transactions held.
    pub invite_servers: u32,
    /// Other server transactions held.
    pub servers: u32,
    /// Messages sent by timer or because of a copy.
    pub retransmissions: u64,
    /// Messages received that went no further.
    pub absorbed: u64,
    /// Transactions refused because the table was full.
    pub refused: u64,
    /// Requests that had no final response in time.
    pub timeouts: u64,
    /// Requests that could not be sent, or were lost with their connection.
    pub unsent: u64,
    /// Final responses that were never acknowledged.
    pub unacknowledged: u64,
    /// Responses that matched nothing.
    pub strays: u64,
    /// Requests that came by a second path.
    pub merged: u64,
}

/// The transactions of one shard. `O` is the user's own name for what a
/// transaction serves; the table hands it back and knows nothing of it.
pub struct Table<O> {
    slots: Slab<Slot<O>>,
    /// Server transactions by identity.
    servers: Index,
    /// Those outside of dialogs, by what copies on another path share.
    merged: Index,
    keys: Keys,
    alarms: Alarms,
    packets: Packets,
    streams: Streams,
    /// Where ACK and CANCEL are written.
    scratch: Vec<u8>,
    random: Random,
    counts: Counts,
}

impl<O: Copy> Table<O> {
    /// An empty table for at most `capacity` transactions. Keys and branches
    /// are drawn from a stream seeded by `random`.
    pub fn new(capacity: u32, random: &mut Random) -> Table<O> {
        let mut random = Random::from_seed(random.seed());
        Table {
            slots: Slab::new(capacity),
            servers: Index::new(capacity),
            merged: Index::new(capacity),
            keys: Keys::new(&mut random),
            alarms: Lanes::new(),
            packets: Packets::new(capacity.min(MOST_SPARES) as usize),
            streams: Streams::new(random.hasher()),
            scratch: Vec::new(),
            random,
            counts: Counts::default(),
        }
    }

    /// When `expire` has to be called, at the latest. May be early: an alarm
    /// that nobody waits for any more still counts.
    pub fn deadline(&self) -> Option<Instant> {
        self.alarms.deadline()
    }

    /// Transactions held.
    pub fn len(&self) -> u32 {
        self.slots.len()
    }

    /// Whether there is no room for another.
    pub fn is_full(&self) -> bool {
        self.slots.is_full()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Bytes of its slots let so far, with their share of the indexes.
    pub fn used_bytes(&self) -> usize {
        let indexes = self.servers.bytes() + self.merged.bytes();
        let share = indexes / self.slots.capacity().max(1) as usize;
        self.slots.used_bytes() + share * self.slots.used_slots()
    }

    /// What it holds and has seen.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many alarms are set, by their duration; the odd ones last.
    pub fn alarms(&self) -> impl Iterator<Item = (Option<Duration>, usize)> + '_ {
        self.alarms.by_duration()
    }

    /// The user's name for a transaction; `None` once either is gone.
    pub fn owner(&self, id: TransactionId) -> Option<O> {
        self.slots.get(id)?.owner
    }

    /// Gives a transaction another user.
    pub fn set_owner(&mut self, id: TransactionId, owner: O) {
        if let Some(slot) = self.slots.get_mut(id) {
            slot.owner = Some(owner);
        }
    }

    /// How often a request of ours was sent again; 0 once its transaction is gone.
    pub fn copies(&self, id: TransactionId) -> u8 {
        match self.slots.get(id).map(|slot| &slot.role) {
            Some(Role::Client(client)) => client.copies,
            Some(Role::Server(_)) | None => 0,
        }
    }

    /// Does what is due at `now` until there is something to tell; to be
    /// called until there is not.
    pub fn expire(&mut self, now: Instant, out: &mut impl Transmit) -> Option<Expired<O>> {
        while let Some((id, timer)) = self.alarms.expire(now) {
            let Some(slot) = self.slots.get_mut(id) else {
                continue;
            };
            if !slot.rings(now, timer) {
                continue;
            }
            let expired = match slot.role {
                Role::Client(_) => self.client_rang(now, id, timer, out),
                Role::Server(_) => self.server_rang(now, id, timer, out),
            };
            if expired.is_some() {
                return expired;
            }
        }
        None
    }

    fn arm(&mut self, now: Instant, id: TransactionId, reaction: &Reaction) {
        if let Some(slot) = self.slots.get_mut(id) {
            slot.arm(&mut self.alarms, now, id, reaction);
        }
    }

    /// Sends the last message once more.
    fn retransmit(&mut self, id: TransactionId, out: &mut impl Transmit) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let Some(packet) = &slot.packet else { return };
        let len = match &mut slot.role {
            Role::Client(client) => {
                client.copies = client.copies.saturating_add(1);
                packet.request_len
            }
            Role::Server(_) => packet.bytes.len(),
        };
        if let Some(bytes) = packet.bytes.get(..len).filter(|bytes| !bytes.is_empty()) {
            out.transmit(&packet.flow, bytes);
            self.counts.retransmissions += 1;
        }
    }

    /// The transaction sends nothing by itself any more.
    fn settle(&mut self, id: TransactionId) {
        if let Some(slot) = self.slots.get_mut(id) {
            self.packets.recycle(slot.packet.take());
        }
    }

    fn insert(&mut self, slot: Slot<O>) -> Result<TransactionId, Full> {
        let identities = slot.role.identities();
        *self.counts.live(&slot.role) += 1;
        match self.slots.insert(slot) {
            Ok(id) => {
                if let Some((key, merged)) = identities {
                    self.enter(id.slot, key, merged);
                }
                Ok(id)
            }
            Err(slot) => {
                *self.counts.live(&slot.role) -= 1;
                self.packets.recycle(slot.packet);
                self.counts.refused += 1;
                Err(Full)
            }
        }
    }

    fn enter(&mut self, slot: u32, key: Key, merged: Option<NonZeroU64>) {
        let slots = &self.slots;
        self.servers.insert(key.hash(), slot, |slot| {
            identities(slots, slot).map_or(0, |(key, _)| key.hash())
        });
        if let Some(merged) = merged {
            self.merged.insert(merged.get(), slot, |slot| {
                identities(slots, slot).map_or(0, |(_, merged)| merged.map_or(0, NonZeroU64::get))
            });
        }
    }

    fn remove(&mut self, id: TransactionId) {
        let Some(slot) = self.slots.remove(id) else {
            return;
        };
        *self.counts.live(&slot.role) -= 1;
        self.packets.recycle(slot.packet);
        match slot.role {
            Role::Server(server) => {
                self.servers.remove(server.key.hash(), id.slot);
                if let Some(merged) = server.merged {
                    self.merged.remove(merged.get(), id.slot);
                }
            }
            // Its answer would be looked for by the INVITE's branch.
            Role::Client(ClientRole {
                cancel: Some(cancel),
                ..
            }) => self.remove(cancel),
            Role::Client(_) => {}
        }
    }

    /// The server transaction of that identity.
    fn find_key(&self, key: Key) -> Option<TransactionId> {
        let is_it = |slot| self.identities(slot).is_some_and(|(other, _)| other == key);
        let slot = self.servers.find(key.hash(), is_it)?;
        Some(self.slots.at(slot)?.0)
    }

    /// Whether a transaction has that identity across paths.
    fn has_merged(&self, merged: NonZeroU64) -> bool {
        let is_it = |slot| {
            let found = self.identities(slot).and_then(|(_, merged)| merged);
            found == Some(merged)
        };
        self.merged.find(merged.get(), is_it).is_some()
    }

    fn identities(&self, slot: u32) -> Option<(Key, Option<NonZeroU64>)> {
        identities(&self.slots, slot)
    }
}

impl Counts {
    /// The count of transactions of the same kind.
    fn live(&mut self, role: &Role) -> &mut u32 {
        match role {
            Role::Client(client) if client.machine.is_invite() => &mut self.invite_clients,
            Role::Client(_) => &mut self.clients,
            Role::Server(server) if server.machine.is_invite() => &mut self.invite_servers,
            Role::Server(_) => &mut self.servers,
        }
    }
}

/// The identities of the server transaction in a slot.
fn identities<O>(slots: &Slab<Slot<O>>, slot: u32) -> Option<(Key, Option<NonZeroU64>)> {
    slots.at(slot)?.1.role.identities()
}
