//! The requests we received.
//!
//! Besides driving the server machines it does two things that RFC 3261
//! leaves to their user: it repeats a 2xx until its ACK (§13.3.1.4) and a
//! provisional response every minute (§13.3.1.1).

use super::packets::Kept;
use super::slot::{Alarm, Pace, Role, ServerMachine, ServerRole, Slot};
use super::{Expired, Full, Keep, RELIABLE, Received, Table};
use crate::base::{Flow, Instant, Text, Transmit};
use crate::transaction::key::{ServerKey, ToTag, to_tag_of};
use crate::transaction::{
    InviteServer, Outgoing, Reaction, Server, ServerEvent, Tell, Timer, Timers, TransactionId,
};
use crate::wire::{Fields, Message, Method, Status};

impl<O: Copy> Table<O> {
    /// Looks a request up. A copy of one that is being dealt with, and the ACK
    /// of a failure, end here.
    pub fn request(
        &mut self,
        now: Instant,
        request: &Message,
        out: &mut impl Transmit,
    ) -> Received {
        let Some(id) = self.find_server(request) else {
            if self.is_merged(request) {
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
        if reaction.send == Some(Outgoing::Trying) {
            self.keep(
                id,
                Kept::Essentials {
                    status: Status::TRYING,
                    tag: Text::new(),
                },
            );
        }
        if reaction.send.is_none() {
            Received::Absorbed
        } else {
            self.repeat(id, out)
        }
    }

    /// Opens the transaction of a request that `request` called new, other
    /// than INVITE and ACK. `flow.remote` is where its responses go. Unless
    /// answered within 64·T1 it ends without a word: the client has given up
    /// (RFC 4320 §4.2).
    pub fn open_server(
        &mut self,
        now: Instant,
        request: &Message,
        flow: Flow,
        timers: Timers,
        owner: O,
    ) -> Result<TransactionId, Full> {
        let (machine, reaction) = Server::start(&timers, RELIABLE);
        let slot = self.server_slot(request, ServerMachine::Other(machine), flow, timers, owner);
        self.open(now, slot, &reaction)
    }

    /// Opens the transaction of an INVITE that `request` called new. `trying`
    /// is a ready 100: it is sent if nothing else was after 200 ms, or if a
    /// copy of the INVITE comes first. The transaction waits for its user,
    /// however long, to pass a final response.
    pub fn open_invite_server(
        &mut self,
        now: Instant,
        request: &Message,
        flow: Flow,
        timers: Timers,
        owner: O,
        trying: &[u8],
    ) -> Result<TransactionId, Full> {
        let (machine, reaction) = InviteServer::start(RELIABLE);
        let mut slot =
            self.server_slot(request, ServerMachine::Invite(machine), flow, timers, owner);
        if !trying.is_empty() {
            slot.kept = self.packets.copy(trying);
        }
        self.open(now, slot, &reaction)
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
        if let Some(flow) = self.record(now, id, status, response, keep) {
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
        let Some(Slot {
            role: Role::Server(server),
            pace,
            ..
        }) = self.slots.get(id)
        else {
            return false;
        };
        let mut machine = server.machine;
        machine
            .step(ServerEvent::Respond(status), &pace.timers())
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
        slot.again = None;
        self.keep(id, Kept::Nothing);
    }

    /// The INVITE that a CANCEL names (§9.2), and its user.
    pub fn cancel_target(&self, cancel: &Message) -> Option<(TransactionId, O)> {
        let id = self
            .servers
            .find(self.keys.server(cancel, Method::Invite, ToTag::Own).key)?;
        Some((id, self.owner(id)?))
    }

    fn find_server(&self, request: &Message) -> Option<TransactionId> {
        let method = request.method();
        if method != Method::Ack {
            return self
                .servers
                .find(self.keys.server(request, method, ToTag::Own).key);
        }
        let own = self.keys.server(request, Method::Invite, ToTag::Own);
        if let found @ Some(_) = self.servers.find(own.key) {
            return found;
        }
        if !own.old {
            return None;
        }
        let absent = self.keys.server(request, Method::Invite, ToTag::Absent);
        let id = self.servers.find(absent.key)?;
        let Role::Server(server) = &self.slots.get(id)?.role else {
            return None;
        };
        let tag = self.keys.word(to_tag_of(request));
        (server.reply_tag == tag).then_some(id)
    }

    fn is_merged(&self, request: &Message) -> bool {
        let key = self.keys.merged(request);
        key.is_some_and(|key| self.merged.find(key).is_some())
    }

    fn step_server(
        &mut self,
        now: Instant,
        id: TransactionId,
        event: ServerEvent,
    ) -> Option<Reaction> {
        let slot = self.slots.get_mut(id)?;
        let timers = slot.pace.timers();
        let reaction = slot.server()?.machine.step(event, &timers);
        self.arm(now, id, &reaction);
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
            self.keep(id, Kept::Nothing);
        }
    }

    /// Answers a copy of a request with the last response.
    fn repeat(&mut self, id: TransactionId, out: &mut impl Transmit) -> Received {
        match self.slots.get(id).map(|slot| &slot.kept) {
            Some(Kept::Essentials { status, tag }) => {
                self.counts.retransmissions += 1;
                Received::Repeat {
                    status: *status,
                    tag: tag.clone(),
                }
            }
            _ => {
                self.retransmit(id, out);
                Received::Absorbed
            }
        }
    }

    fn server_slot(
        &self,
        request: &Message,
        machine: ServerMachine,
        flow: Flow,
        timers: Timers,
        owner: O,
    ) -> Slot<O> {
        let ServerKey { key, old } = self.keys.server(request, request.method(), ToTag::Own);
        let merged = self.keys.merged(request);
        let role = Role::Server(ServerRole {
            machine,
            key,
            merged,
            old,
            reply_tag: 0,
            copies: 0,
            acknowledged: false,
        });
        Slot {
            owner: Some(owner),
            flow: Some(flow),
            pace: Pace::from(timers),
            again: None,
            bound: None,
            kept: Kept::Nothing,
            role,
        }
    }

    fn open(
        &mut self,
        now: Instant,
        slot: Slot<O>,
        reaction: &Reaction,
    ) -> Result<TransactionId, Full> {
        let id = self.insert(slot)?;
        self.arm(now, id, reaction);
        Ok(id)
    }

    /// Takes a response into the books; the flow it goes by, if it may go.
    fn record(
        &mut self,
        now: Instant,
        id: TransactionId,
        status: Status,
        response: &[u8],
        keep: Keep,
    ) -> Option<Flow> {
        let reaction = self.step_server(now, id, ServerEvent::Respond(status))?;
        reaction.send?;
        let flow = self.slots.get(id)?.flow?;
        if reaction.ended {
            self.remove(id);
            return Some(flow);
        }
        self.keep_response(id, status, response, keep);
        self.repeat_later(now, id, status);
        Some(flow)
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
        let kept = match keep {
            Keep::Essentials { tag } if !invite => Kept::Essentials {
                status,
                tag: tag.clone(),
            },
            Keep::Bytes | Keep::Essentials { .. } => self.packets.copy(response),
        };
        self.keep(id, kept);
    }

    /// Sets the alarms of an INVITE's user.
    fn repeat_later(&mut self, now: Instant, id: TransactionId, status: Status) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let timers = slot.pace.timers();
        let repeating = matches!(
            slot.again,
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
        let timers = slot.pace.timers();
        let Some(server) = slot.server() else { return };
        server.copies = server.copies.saturating_add(1);
        let wait = timers.g(server.copies);
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
