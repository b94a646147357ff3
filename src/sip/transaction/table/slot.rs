//! One transaction as the table keeps it: machine, identity, alarms, bytes.
//!
//! Small, because most transactions in a table are settled and only linger:
//! what they do without is in their packet, which they have given back.

use core::num::NonZeroU64;
use core::time::Duration;

use super::packets::Packet;
use crate::base::Instant;
use crate::transaction::key::Key;
use crate::transaction::{
    Client, ClientEvent, InviteClient, InviteServer, Reaction, Server, ServerEvent, Timer, Timers,
    TransactionId,
};
use crate::wire::Status;

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
    /// Notes an alarm; an earlier one of its sort is void.
    pub fn set(&mut self, alarm: Alarm) {
        if alarm.timer.bounds() {
            self.bound = Some(alarm.timer);
        } else if let Some(packet) = &mut self.packet {
            packet.again = Some(alarm);
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
    pub fn timers(&self) -> Timers {
        self.packet
            .as_ref()
            .map_or_else(Timers::default, |packet| packet.pace.timers())
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

/// Which side of the transaction we are.
pub(super) enum Role {
    Client(ClientRole),
    Server(ServerRole),
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
    /// `None` if the tag is too long.
    pub fn new(status: Status, tag: &[u8]) -> Option<Essentials> {
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
}

#[derive(Clone, Copy)]
pub(super) enum ServerMachine {
    Invite(InviteServer),
    Other(Server),
}

impl ServerMachine {
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

/// [`Timers`] in 16 bytes: microseconds, up to 71 minutes.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    t1_us: u32,
    t2_us: u32,
    t4_us: u32,
    timer_b_us: u32,
}

impl From<Timers> for Pace {
    fn from(timers: Timers) -> Pace {
        let micros = |wait: Duration| u32::try_from(wait.as_micros()).unwrap_or(u32::MAX);
        Pace {
            t1_us: micros(timers.t1),
            t2_us: micros(timers.t2),
            t4_us: micros(timers.t4),
            timer_b_us: micros(timers.timer_b),
        }
    }
}

impl Pace {
    pub fn timers(self) -> Timers {
        let wait = |micros: u32| Duration::from_micros(u64::from(micros));
        Timers {
            t1: wait(self.t1_us),
            t2: wait(self.t2_us),
            t4: wait(self.t4_us),
            timer_b: wait(self.timer_b_us),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_small() {
        assert!(size_of::<Slot<u64>>() <= 96, "{}", size_of::<Slot<u64>>());
    }

    #[test]
    fn a_pace_gives_its_timers_back() {
        let timers = Timers {
            t1: Duration::from_micros(1234),
            ..Timers::default()
        };
        assert_eq!(Pace::from(timers).timers(), timers);
    }
}
