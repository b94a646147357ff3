//! The requests we received.
//!
//! Besides driving the server machines it does two things that RFC 3261
//! leaves to their user: it repeats a 2xx until its ACK (§13.3.1.4) and a
//! provisional response every minute (§13.3.1.1).

use super::packets::Packet;
use super::slot::{Alarm, Essentials, Role, ServerMachine, ServerRole, Slot};
use super::{Expired, Full, Keep, Received, Start, Table};
use crate::base::{Instant, Text, Transmit};
use crate::transaction::key::{Identity, ServerKey, ToTag, to_tag_of};
use crate::transaction::{Reaction, ServerEvent, Tell, Timer, Timers, TransactionId};
use crate::wire::{Fields, Message, Method, Status};

impl<O: Copy> Table<O> {
    /// What `request` is known by from now on.
    pub fn identify(&self, request: &Message) -> Identity {
        self.keys.identity(request)
    }

    /// Looks a request up. A copy of one that is being dealt with, and the ACK
    /// of a failure, end here.
    pub fn request(
        &mut self,
        now: Instant,
        request: &Message,
        identity: &Identity,
        out: &mut impl Transmit,
    ) -> Received {
        let Some(id) = self.find_server(request, identity) else {
            if identity
                .merged
                .is_some_and(|merged| self.has_merged(merged))
            {
                self.counts.merged += 1;
                return Received::Merged;
            }
            return Received::New;
        };
        let event = match request.method() {
            Method::Ack => ServerEvent::Ack,
            _ => ServerEvent::Request,
        };
        let Some(reaction) = self.step_server(now, id, event) else {
            return Received::New;
        };
        if reaction.to_user == Some(Tell::Ack) {
            return Received::New;
        }
        self.counts.absorbed += 1;
        if event == ServerEvent::Ack {
            self.confirmed(id, &reaction);
            return Received::Absorbed;
        }
        if reaction.send.is_none() {
            Received::Absorbed
        } else {
            self.repeat(id, out)
        }
    }

    /// Opens the transaction of a request that `request` called new, other
    /// than ACK. An INVITE waits for its user, however long, to pass a final
    /// response; after 200 ms without any its user is told to pass a 100. What
    /// is no INVITE ends without a word unless answered within 64·T1: the
    /// client has given up (RFC 4320 §4.2).
    pub fn open_server(&mut self, now: Instant, start: Start<O>) -> Result<TransactionId, Full> {
        let reliable = start.flow.transport.is_reliable();
        let (machine, reaction) =
            ServerMachine::start(start.identity.invite, &start.timers, reliable);
        let mut slot = server_slot(&start, machine);
        slot.packet = Some(self.packets.packet(start.flow, start.timers, b""));
        let id = self.insert(slot)?;
        self.arm(now, id, &reaction);
        Ok(id)
    }

    /// Opens the transaction of a request that `request` called new, other
    /// than ACK, with its final response, which already stands in the send
    /// buffer: as opening it and `responded` do, without the alarms between
    /// the two. Over a stream, where no copy will come, there is nothing to open
    /// for a request other than INVITE.
    pub fn open_answered(
        &mut self,
        now: Instant,
        start: Start<O>,
        status: Status,
        response: &[u8],
        keep: Keep,
    ) -> Result<(), Full> {
        let (invite, timers) = (start.identity.invite, &start.timers);
        let reliable = start.flow.transport.is_reliable();
        let (machine, reaction) = ServerMachine::answered(invite, status, timers, reliable);
        if reaction.send.is_none() {
            return self.open_server(now, start).map(drop);
        }
        if reaction.ended {
            return Ok(());
        }
        let mut slot = server_slot(&start, machine);
        let settled = status.is_final() && Essentials::kept(machine, status, keep).is_some();
        if !settled {
            slot.packet = Some(self.packets.packet(start.flow, start.timers, b""));
        }
        let id = self.insert(slot)?;
        self.arm(now, id, &reaction);
        self.keep_response(id, status, response, keep);
        self.repeat_later(now, id, status);
        Ok(())
    }

    /// Sends a response and keeps what its repetition needs. What the
    /// transaction may not send any more, or may never (a second final, 180 or
    /// 408 to a request other than INVITE), is dropped.
    pub fn respond(
        &mut self,
        now: Instant,
        id: TransactionId,
        status: Status,
        response: &[u8],
        keep: Keep,
        out: &mut impl Transmit,
    ) {
        let packet = self.slots.get(id).and_then(|slot| slot.packet.as_ref());
        let Some(flow) = packet.map(|packet| packet.flow) else {
            return;
        };
        if self.record(now, id, status, response, keep).is_some() {
            out.transmit(&flow, response);
        }
    }

    /// Like `respond`, for a response that already stands in the send buffer.
    /// Ask `may_respond` before writing it.
    pub fn responded(
        &mut self,
        now: Instant,
        id: TransactionId,
        status: Status,
        response: &[u8],
        keep: Keep,
    ) {
        self.record(now, id, status, response, keep);
    }

    /// Whether `respond` would send a response of that status.
    pub fn may_respond(&self, id: TransactionId, status: Status) -> bool {
        let Some(slot) = self.slots.get(id) else {
            return false;
        };
        let Role::Server(server) = &slot.role else {
            return false;
        };
        let mut machine = server.machine;
        machine
            .step(ServerEvent::Respond(status), slot.timers())
            .send
            .is_some()
    }

    /// Whether a final response was sent; so it is when the transaction is gone.
    pub fn is_answered(&self, id: TransactionId) -> bool {
        match self.slots.get(id).map(|slot| &slot.role) {
            Some(Role::Server(server)) => server.machine.is_answered(),
            Some(Role::Client(_)) | None => true,
        }
    }

    /// The ACK of a 2xx arrived: it is not repeated any more. The transaction
    /// stays to absorb copies of its INVITE.
    pub fn acknowledge(&mut self, id: TransactionId) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let Some(server) = slot.server().filter(|server| server.machine.is_accepted()) else {
            return;
        };
        server.acknowledged = true;
        self.settle(id);
    }

    /// Whether there is a server transaction of that identity.
    pub fn knows(&self, identity: &Identity) -> bool {
        self.find_key(identity.server.key).is_some()
    }

    /// Gives a server transaction away unanswered: another table has it.
    pub fn part_with(&mut self, id: TransactionId) {
        self.remove(id);
    }

    /// The INVITE that a CANCEL names (§9.2), and its user.
    pub fn cancel_target(&self, cancel: &Message) -> Option<(TransactionId, O)> {
        let id = self.find_key(self.keys.server(cancel, Method::Invite, ToTag::Own).key)?;
        Some((id, self.owner(id)?))
    }

    /// The number ([`Identity::number`]) of the INVITE that a CANCEL names.
    pub fn cancelled_number(&self, cancel: &Message) -> u64 {
        self.keys
            .server(cancel, Method::Invite, ToTag::Own)
            .key
            .hash()
    }

    fn find_server(&self, request: &Message, identity: &Identity) -> Option<TransactionId> {
        let ServerKey { key, old } = identity.server;
        if let found @ Some(_) = self.find_key(key) {
            return found;
        }
        if !old || request.method() != Method::Ack {
            return None;
        }
        let absent = self.keys.server(request, Method::Invite, ToTag::Absent);
        let id = self.find_key(absent.key)?;
        let Role::Server(server) = &self.slots.get(id)?.role else {
            return None;
        };
        let tag = self.keys.word(to_tag_of(request));
        (server.reply_tag == tag).then_some(id)
    }

    fn step_server(
        &mut self,
        now: Instant,
        id: TransactionId,
        event: ServerEvent,
    ) -> Option<Reaction> {
        let slot = self.slots.get_mut(id)?;
        let reaction = slot.step_server(event)?;
        slot.arm(&mut self.alarms, now, id, &reaction);
        Some(reaction)
    }

    /// An ACK that ends repetition: nothing is sent from Confirmed on.
    fn confirmed(&mut self, id: TransactionId, reaction: &Reaction) {
        if reaction.ended {
            self.remove(id);
        } else if reaction
            .arm
            .iter()
            .flatten()
            .any(|&(timer, _)| timer == Timer::I)
        {
            self.settle(id);
        }
    }

    /// Answers a copy of a request with the last response. One without bytes
    /// or essentials is a 100, which nobody has written (§17.2.1, RFC 4320
    /// §4.1).
    fn repeat(&mut self, id: TransactionId, out: &mut impl Transmit) -> Received {
        let Some(Slot {
            role: Role::Server(server),
            packet,
            ..
        }) = self.slots.get(id)
        else {
            return Received::Absorbed;
        };
        let unwritten = is_unwritten(packet.as_deref());
        let (status, tag) = match server.essentials {
            Some(essentials) => (essentials.status, Text::from(essentials.tag())),
            None if unwritten => (Status::TRYING, Text::new()),
            None => {
                self.retransmit(id, out);
                return Received::Absorbed;
            }
        };
        self.counts.retransmissions += 1;
        Received::Repeat { status, tag }
    }

    /// Takes a response into the books; `None` if it may not go.
    fn record(
        &mut self,
        now: Instant,
        id: TransactionId,
        status: Status,
        response: &[u8],
        keep: Keep,
    ) -> Option<()> {
        let reaction = self.step_server(now, id, ServerEvent::Respond(status))?;
        reaction.send?;
        if reaction.ended {
            self.remove(id);
            return Some(());
        }
        self.keep_response(id, status, response, keep);
        self.repeat_later(now, id, status);
        Some(())
    }

    fn keep_response(&mut self, id: TransactionId, status: Status, response: &[u8], keep: Keep) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let Some(server) = slot.server() else { return };
        if server.acknowledged {
            return;
        }
        let invite = server.machine.is_invite();
        if invite && server.old && status.is_final() {
            server.reply_tag = match keep {
                Keep::Essentials { tag } => self.keys.word(tag.as_bytes()),
                Keep::Bytes => {
                    let mut fields = Fields::new();
                    let message = Message::parse(response, &mut fields);
                    self.keys
                        .word(message.as_ref().map(to_tag_of).unwrap_or_default())
                }
            };
        }
        server.essentials = Essentials::kept(server.machine, status, keep);
        if server.essentials.is_none() {
            if let Some(packet) = &mut slot.packet {
                packet.bytes.clear();
                packet.bytes.extend_from_slice(response);
            }
        } else if status.is_final() {
            self.settle(id);
        }
    }

    /// Sets the alarms of an INVITE's user.
    fn repeat_later(&mut self, now: Instant, id: TransactionId, status: Status) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let timers = *slot.timers();
        let again = slot.packet.as_ref().and_then(|packet| packet.again);
        let repeating = matches!(
            again,
            Some(Alarm {
                timer: Timer::Repeat,
                ..
            })
        );
        let Some(server) = slot.server().filter(|server| server.machine.is_invite()) else {
            return;
        };
        let alarm = if status.is_provisional() && status != Status::TRYING {
            Reaction::NONE.arm(Timer::Refresh, Timers::REFRESH)
        } else if status.is_success() && !server.acknowledged && !repeating {
            Reaction::NONE.arm(Timer::Repeat, timers.g(0))
        } else {
            return;
        };
        self.arm(now, id, &alarm);
    }

    /// A server transaction's alarm.
    pub(super) fn server_rang(
        &mut self,
        now: Instant,
        id: TransactionId,
        timer: Timer,
        out: &mut impl Transmit,
    ) -> Option<Expired<O>> {
        match timer {
            Timer::Repeat => self.repeat_success(now, id, out),
            Timer::Refresh => self.refresh(now, id, out),
            _ => {}
        }
        let reaction = self.step_server(now, id, ServerEvent::Timer(timer))?;
        if reaction.send.is_some() {
            let slot = self.slots.get(id)?;
            if is_unwritten(slot.packet.as_deref()) {
                let owner = slot.owner?;
                return Some(Expired::Trying { id, owner });
            }
            self.retransmit(id, out);
        }
        if !reaction.ended {
            return None;
        }
        let unacknowledged = reaction.to_user == Some(Tell::Unacknowledged)
            || timer == Timer::L && !self.slots.get_mut(id)?.server()?.acknowledged;
        let owner = self.owner(id);
        self.remove(id);
        if !unacknowledged {
            return None;
        }
        self.counts.unacknowledged += 1;
        Some(Expired::Unacknowledged { id, owner: owner? })
    }

    /// Sends a 2xx whose ACK has not come once more.
    fn repeat_success(&mut self, now: Instant, id: TransactionId, out: &mut impl Transmit) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let Some(packet) = &mut slot.packet else {
            return;
        };
        packet.copies = packet.copies.saturating_add(1);
        let wait = packet.timers.g(packet.copies);
        self.retransmit(id, out);
        self.arm(now, id, &Reaction::NONE.arm(Timer::Repeat, wait));
    }

    /// Sends the provisional response of an unanswered INVITE once more.
    fn refresh(&mut self, now: Instant, id: TransactionId, out: &mut impl Transmit) {
        if !self.is_answered(id) {
            self.retransmit(id, out);
            self.arm(
                now,
                id,
                &Reaction::NONE.arm(Timer::Refresh, Timers::REFRESH),
            );
        }
    }
}

/// Whether no response was ever kept: the one to send is a 100.
fn is_unwritten(packet: Option<&Packet>) -> bool {
    packet.is_none_or(|packet| packet.bytes.is_empty())
}

/// A transaction about to be opened, without a packet.
fn server_slot<O: Copy>(start: &Start<O>, machine: ServerMachine) -> Slot<O> {
    let Identity { server, merged, .. } = *start.identity;
    Slot {
        owner: Some(start.owner),
        bound: None,
        packet: None,
        role: Role::Server(ServerRole {
            machine,
            key: server.key,
            merged,
            essentials: None,
            old: server.old,
            reply_tag: 0,
            acknowledged: false,
        }),
    }
}
