//! One transaction as the table keeps it: machine, identity, alarms, bytes.
//!
//! Small, because most transactions in a table are settled and only linger:
//! what they do without is in their packet, which they have given back.

use core::num::NonZeroU64;

use super::Keep;
use super::packets::Packet;
use crate::base::{Instant, Lanes};
use crate::transaction::key::Key;
use crate::transaction::{
    Client, ClientEvent, InviteClient, InviteServer, Reaction, Server, ServerEvent, Timer, Timers,
    TransactionId,
};
use crate::wire::Status;

/// The timers of a table's transactions.
pub(super) type Alarms = Lanes<(TransactionId, Timer)>;

/// A transaction.
pub(super) struct Slot<O> {
    /// The user's name for it; `None` once the user is gone.
    pub owner: Option<O>,
    /// The timer that ends its state. A transaction sets each such timer once.
    pub bound: Option<Timer>,
    /// What it needs while it may send by itself.
    pub packet: Option<Box<Packet>>,
    pub role: Role,
}

/// When which timer rings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Alarm {
    pub timer: Timer,
    pub at: Instant,
}

impl<O> Slot<O> {
    /// Sets the alarms of a reaction; earlier ones of their sorts are void.
    pub fn arm(
        &mut self,
        alarms: &mut Alarms,
        now: Instant,
        id: TransactionId,
        reaction: &Reaction,
    ) {
        for &(timer, wait) in reaction.arm.iter().flatten() {
            let at = alarms.set(now, wait, (id, timer));
            if timer.bounds() {
                self.bound = Some(timer);
            } else if let Some(packet) = &mut self.packet {
                packet.again = Some(Alarm { timer, at });
            }
        }
    }

    /// Whether `timer` is due, in which case its alarm is taken.
    pub fn rings(&mut self, now: Instant, timer: Timer) -> bool {
        if timer.bounds() {
            return self.bound.take_if(|bound| *bound == timer).is_some();
        }
        let Some(packet) = &mut self.packet else {
            return false;
        };
        packet
            .again
            .take_if(|alarm| alarm.timer == timer && alarm.at <= now)
            .is_some()
    }

    /// The durations it runs by. One without a packet sets no alarm any more.
    pub fn timers(&self) -> &Timers {
        timers(&self.packet)
    }

    /// An event of a transaction we serve; `None` if it is a client's.
    pub fn step_server(&mut self, event: ServerEvent) -> Option<Reaction> {
        match &mut self.role {
            Role::Server(server) => Some(server.machine.step(event, timers(&self.packet))),
            Role::Client(_) => None,
        }
    }

    /// An event of a transaction of ours; `None` if it is a server's.
    pub fn step_client(&mut self, event: ClientEvent) -> Option<Reaction> {
        match &mut self.role {
            Role::Client(client) => Some(client.machine.step(event, timers(&self.packet))),
            Role::Server(_) => None,
        }
    }

    pub fn server(&mut self) -> Option<&mut ServerRole> {
        match &mut self.role {
            Role::Server(server) => Some(server),
            Role::Client(_) => None,
        }
    }

    pub fn client(&mut self) -> Option<&mut ClientRole> {
        match &mut self.role {
            Role::Client(client) => Some(client),
            Role::Server(_) => None,
        }
    }
}

fn timers(packet: &Option<Box<Packet>>) -> &Timers {
    packet
        .as_ref()
        .map_or(&Timers::USUAL, |packet| &packet.timers)
}

/// Which side of the transaction we are.
pub(super) enum Role {
    Client(ClientRole),
    Server(ServerRole),
}

impl Role {
    /// What a server transaction is found by.
    pub fn identities(&self) -> Option<(Key, Option<NonZeroU64>)> {
        match self {
            Role::Server(server) => Some((server.key, server.merged)),
            Role::Client(_) => None,
        }
    }
}

/// The side that sent the request.
pub(super) struct ClientRole {
    pub machine: ClientMachine,
    /// The random bits of its branch.
    pub secret: u64,
    /// The method, as a number.
    pub method: u32,
    /// The transaction of its CANCEL, which shares its branch (§9.1).
    pub cancel: Option<TransactionId>,
    /// How often the request was sent again.
    pub copies: u8,
}

/// The side that received it.
pub(super) struct ServerRole {
    pub machine: ServerMachine,
    pub key: Key,
    pub merged: Option<NonZeroU64>,
    /// From what its user writes the last response again, if not from bytes.
    pub essentials: Option<Essentials>,
    /// Matched by RFC 2543's rules.
    pub old: bool,
    /// For those rules: the To tag of our final response, hashed; 0 before it.
    pub reply_tag: u32,
    /// The ACK of a 2xx has arrived.
    pub acknowledged: bool,
}

/// A response's status and its To tag, of at most 16 bytes.
#[derive(Clone, Copy)]
pub(super) struct Essentials {
    pub status: Status,
    len: u8,
    tag: [u8; 16],
}

impl Essentials {
    /// What `keep` leaves of a response; `None` if it is its bytes.
    pub fn kept(machine: ServerMachine, status: Status, keep: Keep) -> Option<Essentials> {
        match keep {
            Keep::Essentials { tag } if !machine.is_invite() => Essentials::new(status, tag),
            Keep::Bytes | Keep::Essentials { .. } => None,
        }
    }

    /// `None` if the tag is too long.
    fn new(status: Status, tag: &[u8]) -> Option<Essentials> {
        let mut bytes = [0; 16];
        bytes.get_mut(..tag.len())?.copy_from_slice(tag);
        let len = tag.len() as u8;
        let tag = bytes;
        Some(Essentials { status, len, tag })
    }

    pub fn tag(&self) -> &[u8] {
        self.tag.get(..usize::from(self.len)).unwrap_or_default()
    }
}

#[derive(Clone, Copy)]
pub(super) enum ClientMachine {
    /// The branch is known and the request not yet written.
    Reserved {
        invite: bool,
    },
    Invite(InviteClient),
    Other(Client),
}

impl ClientMachine {
    pub fn start(invite: bool, timers: &Timers, reliable: bool) -> (ClientMachine, Reaction) {
        if invite {
            let (machine, reaction) = InviteClient::start(timers, reliable);
            (ClientMachine::Invite(machine), reaction)
        } else {
            let (machine, reaction) = Client::start(timers, reliable);
            (ClientMachine::Other(machine), reaction)
        }
    }

    pub fn step(&mut self, event: ClientEvent, timers: &Timers) -> Reaction {
        match self {
            ClientMachine::Reserved { .. } => Reaction::NONE,
            ClientMachine::Invite(machine) => {
                let (next, reaction) = machine.step(event, timers);
                *machine = next;
                reaction
            }
            ClientMachine::Other(machine) => {
                let (next, reaction) = machine.step(event, timers);
                *machine = next;
                reaction
            }
        }
    }

    pub fn is_invite(self) -> bool {
        matches!(
            self,
            ClientMachine::Invite(_) | ClientMachine::Reserved { invite: true }
        )
    }

    /// Whether it has been sent, and nothing has come.
    pub fn is_unanswered(self) -> bool {
        match self {
            ClientMachine::Reserved { .. } => false,
            ClientMachine::Invite(machine) => machine.is_unanswered(),
            ClientMachine::Other(machine) => machine.is_unanswered(),
        }
    }

    /// Whether its user has cancelled it, and nobody has heard of it.
    pub fn is_unwanted(self) -> bool {
        matches!(self, ClientMachine::Invite(machine) if machine.is_unwanted())
    }
}

#[derive(Clone, Copy)]
pub(super) enum ServerMachine {
    Invite(InviteServer),
    Other(Server),
}

impl ServerMachine {
    /// One whose user answers at once.
    pub fn answered(
        invite: bool,
        status: Status,
        timers: &Timers,
        reliable: bool,
    ) -> (ServerMachine, Reaction) {
        if invite {
            let (machine, _) = InviteServer::start(reliable);
            let (machine, reaction) = machine.step(ServerEvent::Respond(status), timers);
            (ServerMachine::Invite(machine), reaction)
        } else {
            let (machine, reaction) = Server::answered(status, timers, reliable);
            (ServerMachine::Other(machine), reaction)
        }
    }

    pub fn start(invite: bool, timers: &Timers, reliable: bool) -> (ServerMachine, Reaction) {
        if invite {
            let (machine, reaction) = InviteServer::start(reliable);
            (ServerMachine::Invite(machine), reaction)
        } else {
            let (machine, reaction) = Server::start(timers, reliable);
            (ServerMachine::Other(machine), reaction)
        }
    }

    pub fn step(&mut self, event: ServerEvent, timers: &Timers) -> Reaction {
        match self {
            ServerMachine::Invite(machine) => {
                let (next, reaction) = machine.step(event, timers);
                *machine = next;
                reaction
            }
            ServerMachine::Other(machine) => {
                let (next, reaction) = machine.step(event, timers);
                *machine = next;
                reaction
            }
        }
    }

    pub fn is_invite(self) -> bool {
        matches!(self, ServerMachine::Invite(_))
    }

    pub fn is_answered(self) -> bool {
        match self {
            ServerMachine::Invite(machine) => machine.is_answered(),
            ServerMachine::Other(machine) => machine.is_answered(),
        }
    }

    /// Whether it is an INVITE that was answered 2xx.
    pub fn is_accepted(self) -> bool {
        matches!(self, ServerMachine::Invite(machine) if machine.is_accepted())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_small() {
        assert!(size_of::<Slot<u64>>() <= 96, "{}", size_of::<Slot<u64>>());
    }
}
