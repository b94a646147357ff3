//! The requests we sent.
//!
//! Writes what RFC 3261 leaves to the transaction itself: the ACK of a
//! failure, and CANCEL, which is a transaction without a user.

use core::net::SocketAddr;

use super::derived::{write_ack, write_cancel};
use super::slot::{ClientMachine, ClientRole, Role, Slot};
use super::{Answered, Expired, Full, Table};
use crate::base::{Flow, Instant, Transmit};
use crate::transaction::{
    Branch, ClientEvent, Outgoing, Reaction, Tell, Timer, Timers, TransactionId,
};
use crate::wire::{HeaderName, Message, Method};

impl<O: Copy> Table<O> {
    /// Reserves a transaction, so that the branch is known before the request
    /// is written. `requested` or `forget` has to follow.
    pub fn reserve(&mut self, method: Method, owner: O) -> Result<(TransactionId, Branch), Full> {
        let machine = ClientMachine::Reserved {
            invite: method == Method::Invite,
        };
        let slot = self.client_slot(machine, method, Some(owner));
        let secret = slot.0;
        let id = self.insert(slot.1)?;
        Ok((id, Branch::new(id, secret)))
    }

    /// Starts a reserved transaction whose `request` has just been sent by
    /// `flow`. Its bytes are kept until it is answered.
    pub fn requested(
        &mut self,
        now: Instant,
        id: TransactionId,
        flow: Flow,
        timers: Timers,
        request: &[u8],
    ) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let Some(client) = slot.client() else { return };
        let ClientMachine::Reserved { invite } = client.machine else {
            return;
        };
        let reliable = flow.transport.is_reliable();
        let (machine, reaction) = ClientMachine::start(invite, &timers, reliable);
        client.machine = machine;
        let mut packet = self.packets.packet(flow, timers, request);
        packet.request_len = request.len();
        slot.packet = Some(packet);
        slot.arm(&mut self.alarms, now, id, &reaction);
        if reliable {
            self.note_stream(&flow, id);
        }
    }

    /// Keeps in mind that a request goes with the connection it took.
    #[cold]
    fn note_stream(&mut self, flow: &Flow, id: TransactionId) {
        let slots = &self.slots;
        let waits = |id| slots.get(id).is_some_and(|slot| slot.packet.is_some());
        self.streams.note(flow, id, waits);
    }

    /// The client transaction a request of ours belongs to, and whether it was
    /// `switched`; an ACK belongs to none.
    pub fn sent_by(&self, request: &Message) -> Option<(TransactionId, bool)> {
        let id = self.find_client(request)?;
        Some((id, self.slots.get(id)?.packet.as_ref()?.switched))
    }

    /// Whether a response belongs to a request of ours.
    pub fn waits_for(&self, response: &Message) -> bool {
        self.find_client(response).is_some()
    }

    /// The client transaction that sent `request`, of which the beginning is
    /// enough, to `remote` in a datagram, and has heard nothing of it yet.
    pub fn unanswered_by(&self, request: &Message, remote: SocketAddr) -> Option<TransactionId> {
        let id = self.find_client_of(request, request.method())?;
        let flow = self.slots.get(id)?.packet.as_ref()?.flow;
        let datagram = !flow.transport.is_reliable() && flow.remote == remote;
        (datagram && self.client(id)?.machine.is_unanswered()).then_some(id)
    }

    /// Whether a request that could not be sent is worth another try: nobody
    /// has cancelled it since.
    pub fn is_wanted(&self, id: TransactionId) -> bool {
        self.client(id)
            .is_some_and(|client| !client.machine.is_unwanted())
    }

    /// Notes that a request took a stream for its size alone.
    pub fn switched(&mut self, id: TransactionId) {
        if let Some(slot) = self.slots.get_mut(id)
            && let Some(packet) = &mut slot.packet
        {
            packet.switched = true;
        }
    }

    /// A request goes out once more, by another path: sends it, and has its
    /// timers be those of that path. `rewrite` makes the bytes fit it, without
    /// changing their number.
    pub fn send_again(
        &mut self,
        now: Instant,
        id: TransactionId,
        flow: Flow,
        rewrite: impl FnOnce(&mut [u8]),
        out: &mut impl Transmit,
    ) {
        let Some(Slot {
            packet: Some(packet),
            role: Role::Client(client),
            ..
        }) = self.slots.get_mut(id)
        else {
            return;
        };
        let was_reliable = packet.flow.transport.is_reliable();
        let reliable = flow.transport.is_reliable();
        packet.flow = flow;
        packet.switched = false;
        let Some(request) = packet.bytes.get_mut(..packet.request_len) else {
            return;
        };
        rewrite(request);
        out.transmit(&flow, request);
        if reliable != was_reliable {
            let invite = client.machine.is_invite();
            let (machine, reaction) = ClientMachine::start(invite, &packet.timers, reliable);
            client.machine = machine;
            packet.again = None;
            self.arm(now, id, &reaction);
        }
        if reliable {
            self.note_stream(&flow, id);
        }
    }

    /// A request of ours cannot be sent: its transaction ends, unless it has
    /// been answered already.
    pub fn unsent(&mut self, now: Instant, id: TransactionId) -> Option<Expired<O>> {
        let reaction = self.step_client(now, id, ClientEvent::Unsent)?;
        if !reaction.ended {
            return None;
        }
        let owner = self.owner(id);
        self.remove(id);
        self.counts.unsent += 1;
        Some(Expired::Unsent { id, owner: owner? })
    }

    /// What was on its way over a connection that broke, and waits for it still.
    pub fn lost(&mut self, flow: &Flow) -> Vec<TransactionId> {
        let mut lost = self.streams.lost(flow);
        lost.retain(|&id| {
            let packet = self.slots.get(id).and_then(|slot| slot.packet.as_ref());
            packet.is_some_and(|packet| {
                packet.flow.transport.is_reliable()
                    && (packet.flow.owner, packet.flow.remote) == (flow.owner, flow.remote)
            })
        });
        lost
    }

    /// A response from the wire. A failure of an INVITE is acknowledged here;
    /// its copies and those of other final responses end here. Every 2xx to an
    /// INVITE is passed, copies and those of other forks alike, for its user
    /// to acknowledge.
    pub fn response(
        &mut self,
        now: Instant,
        response: &Message,
        out: &mut impl Transmit,
    ) -> Answered<O> {
        let answered = self.answer(now, response, out).unwrap_or(Answered::Stray);
        match answered {
            Answered::Passed { .. } => {}
            Answered::Absorbed => self.counts.absorbed += 1,
            Answered::Stray => self.counts.strays += 1,
        }
        answered
    }

    /// Cancels an INVITE of ours. The CANCEL waits for a provisional response
    /// (§9.1) and is not sent once a final one came. `extra` is complete
    /// header lines for it (`Reason: ...\r\n`), and may be empty; the first
    /// that is not, counts. Without a final response 64·T1 after the CANCEL
    /// the INVITE ends in a timeout.
    pub fn cancel(
        &mut self,
        now: Instant,
        id: TransactionId,
        extra: &[u8],
        out: &mut impl Transmit,
    ) {
        let Some(reaction) = self.step_client(now, id, ClientEvent::Cancel) else {
            return;
        };
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        if let Some(packet) = &mut slot.packet
            && packet.bytes.len() == packet.request_len
        {
            packet.bytes.extend_from_slice(extra);
        }
        if reaction.send == Some(Outgoing::Cancel) {
            self.send_cancel(now, id, out);
        }
    }

    /// The transaction's user is gone: nothing more is passed or told. An
    /// INVITE without a final response is cancelled; whoever may yet have to
    /// acknowledge a 2xx must not go.
    pub fn forget(&mut self, now: Instant, id: TransactionId, out: &mut impl Transmit) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        slot.owner = None;
        let Some(client) = slot.client() else { return };
        match client.machine {
            ClientMachine::Reserved { .. } => self.remove(id),
            ClientMachine::Invite(_) => self.cancel(now, id, b"", out),
            ClientMachine::Other(_) => {}
        }
    }

    /// `None` for a stray.
    fn answer(
        &mut self,
        now: Instant,
        response: &Message,
        out: &mut impl Transmit,
    ) -> Option<Answered<O>> {
        let status = response.status()?;
        let id = self.find_client(response)?;
        let reaction = self.step_client(now, id, ClientEvent::Response(status))?;
        match (reaction.send, reaction.to_user) {
            (Some(Outgoing::Ack), Some(_)) => self.acknowledge_failure(id, response, out),
            (Some(Outgoing::Ack), None) => self.retransmit(id, out),
            (Some(Outgoing::Cancel), _) => self.send_cancel(now, id, out),
            (None, Some(_)) if status.is_final() => self.settle(id),
            _ => {}
        }
        let owner = self.owner(id);
        if reaction.ended {
            self.remove(id);
        }
        Some(match (reaction.to_user, owner) {
            (Some(_), Some(owner)) => Answered::Passed { id, owner },
            _ => Answered::Absorbed,
        })
    }

    /// §17.1.3, and §8.1.3.3: a response with two Vias is not for us.
    fn find_client(&self, response: &Message) -> Option<TransactionId> {
        self.find_client_of(response, response.cseq().ok()?.method)
    }

    /// The same, of a message that is known to be about such a request.
    fn find_client_of(&self, message: &Message, method: Method<'_>) -> Option<TransactionId> {
        if message.tokens(HeaderName::Via).nth(1).is_some() {
            return None;
        }
        let (id, secret) = Branch::parse(message.top_via().ok()?.branch()?)?;
        let client = self.client(id).filter(|client| client.secret == secret)?;
        let cancel = method == Method::Cancel && client.machine.is_invite();
        let id = if cancel { client.cancel? } else { id };
        let client = self.client(id)?;
        let sent = !matches!(client.machine, ClientMachine::Reserved { .. });
        (sent && client.method == self.keys.word(method.as_bytes())).then_some(id)
    }

    fn client(&self, id: TransactionId) -> Option<&ClientRole> {
        match &self.slots.get(id)?.role {
            Role::Client(client) => Some(client),
            Role::Server(_) => None,
        }
    }

    fn step_client(
        &mut self,
        now: Instant,
        id: TransactionId,
        event: ClientEvent,
    ) -> Option<Reaction> {
        let slot = self.slots.get_mut(id)?;
        let reaction = slot.step_client(event)?;
        slot.arm(&mut self.alarms, now, id, &reaction);
        Some(reaction)
    }

    /// Sends the ACK of a failure and keeps it instead of the INVITE.
    fn acknowledge_failure(
        &mut self,
        id: TransactionId,
        response: &Message,
        out: &mut impl Transmit,
    ) {
        let Some(packet) = self
            .slots
            .get_mut(id)
            .and_then(|slot| slot.packet.as_deref_mut())
        else {
            return;
        };
        self.scratch.clear();
        let request = packet.bytes.get(..packet.request_len);
        write_ack(&mut self.scratch, request.unwrap_or_default(), response);
        out.transmit(&packet.flow, &self.scratch);
        packet.bytes.clone_from(&self.scratch);
        packet.request_len = packet.bytes.len();
    }

    /// Sends the CANCEL of `id`, as a transaction of its own. In a full table
    /// it is sent all the same, but only once.
    fn send_cancel(&mut self, now: Instant, id: TransactionId, out: &mut impl Transmit) {
        let Some(invite) = self.slots.get(id).and_then(|slot| slot.packet.as_ref()) else {
            return;
        };
        let Some((request, extra)) = invite.bytes.split_at_checked(invite.request_len) else {
            return;
        };
        self.scratch.clear();
        write_cancel(&mut self.scratch, request, extra);
        let (flow, timers) = (invite.flow, invite.timers);
        out.transmit(&flow, &self.scratch);
        let reliable = flow.transport.is_reliable();
        let (machine, reaction) = ClientMachine::start(false, &timers, reliable);
        let (_, mut slot) = self.client_slot(machine, Method::Cancel, None);
        let mut packet = self.packets.packet(flow, timers, &self.scratch);
        packet.request_len = packet.bytes.len();
        slot.packet = Some(packet);
        let Ok(cancel) = self.insert(slot) else {
            return;
        };
        self.arm(now, cancel, &reaction);
        if let Some(client) = self.slots.get_mut(id).and_then(Slot::client) {
            client.cancel = Some(cancel);
        }
        if reliable {
            self.note_stream(&flow, cancel);
        }
    }

    /// A transaction and the random bits of its branch.
    fn client_slot(
        &mut self,
        machine: ClientMachine,
        method: Method,
        owner: Option<O>,
    ) -> (u64, Slot<O>) {
        let secret = self.random.next_u64();
        let method = self.keys.word(method.as_bytes());
        let role = Role::Client(ClientRole {
            machine,
            secret,
            method,
            cancel: None,
            copies: 0,
        });
        let slot = Slot {
            owner,
            bound: None,
            packet: None,
            role,
        };
        (secret, slot)
    }

    /// A client transaction's alarm.
    pub(super) fn client_rang(
        &mut self,
        now: Instant,
        id: TransactionId,
        timer: Timer,
        out: &mut impl Transmit,
    ) -> Option<Expired<O>> {
        let reaction = self.step_client(now, id, ClientEvent::Timer(timer))?;
        if reaction.send.is_some() {
            self.retransmit(id, out);
        }
        if !reaction.ended {
            return None;
        }
        let owner = self.owner(id);
        let copies = self.copies(id);
        self.remove(id);
        if reaction.to_user != Some(Tell::Timeout) {
            return None;
        }
        self.counts.timeouts += 1;
        let owner = owner?;
        Some(Expired::Timeout { id, owner, copies })
    }
}
