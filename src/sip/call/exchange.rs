//! What all calls of a shard stand on, and one turn of work.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::sync::Arc;
use core::time::Duration;

use smol_str::SmolStr;

use super::call::Call;
use super::flight_recorder::FlightRecorder;
use super::forks::EndedForks;
use super::kept::Kept;
use super::leg::Ringing;
use super::resume::{Ask, Resume};
use crate::base::{
    Flow, Handle, Instant, Lanes, Limits, Random, ShardId, Spares, Text, Transport, UnixTime, Ways,
    hex, shard_of,
};
use crate::commons::Globals;
use crate::config::{Config, Peer};
use crate::devices::Devices;
use crate::dialog::{self, Dialog, RouteSet};
use crate::dialplan::{Origination, Plan, Reply, Ticket};
use crate::machine::realtime::Registration;
use crate::machine::{Change, Counters, Lease, Outbox, Question, UnixMicros};
use crate::registrar::Binding;
use crate::transaction::{Keep, Table, Timers, TransactionId};
use crate::wire::{HeaderName, Message, Method, ReplyHead, Status, Uri, Writer};

/// Names a dialog by keyed hash of its Call-ID: 64 bits, in two words, which
/// leave an alarm as small as it is.
pub type MovedName = [u32; 2];

/// Names one leg of one call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LegRef {
    /// The call.
    pub call: Handle,
    /// Its leg; 0 is the caller's.
    pub leg: u16,
}

/// Whom a transaction belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// Nobody: its outcome changes nothing.
    Nobody,
    /// A leg of a call.
    Leg(LegRef),
    /// An INVITE whose leg is gone. A 2xx to it is acknowledged, and its
    /// dialog ended once.
    Straggler {
        /// The forks whose dialogs have been ended.
        ended: EndedForks,
    },
    /// A MESSAGE relayed outside of dialogs.
    Relayed(Handle),
    /// The OPTIONS that asks a watched contact.
    Qualify(Handle),
}

/// A point of time somebody waits for. Whoever is woken checks whether it
/// still cares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Alarm {
    /// A call's dialplan wanted waking.
    Plan {
        /// The call.
        call: Handle,
    },
    /// A callee that rings ought to have been heard of again.
    Ring {
        /// The call.
        call: Handle,
        /// The leg.
        leg: u16,
    },
    /// A leg is owed a BYE that found no room.
    Bye {
        /// The call.
        call: Handle,
        /// The leg.
        leg: u16,
    },
    /// A relayed re-INVITE met a 491 and may be tried again (RFC 3261 §14.1).
    Glare {
        /// The call.
        call: Handle,
        /// The sender's transaction.
        server: TransactionId,
    },
    /// Our own re-INVITE of a caller met a 491 and may be tried again.
    Reoffer {
        /// The call.
        call: Handle,
    },
    /// A picker that met a 491 may be offered the caller's offer again.
    Offer {
        /// The call.
        call: Handle,
        /// The picker's leg.
        leg: u16,
    },
    /// A dialog that lived on another shard is over for so long that no copies
    /// of its messages come any more.
    Forget(MovedName),
    /// The database did not answer and may be tried again.
    Probe,
    /// A plan wants a call begun.
    Originate,
}

/// What all calls of one shard share. Owned by the shard.
pub struct Exchange {
    /// This shard.
    pub shard: ShardId,
    /// How many shards there are.
    pub shards: u16,
    /// How often this one was replaced.
    pub incarnation: u32,
    /// The configuration in force.
    pub config: Arc<Config>,
    /// Who there is.
    pub devices: Devices,
    /// Our addresses, and which leads where.
    pub ways: Ways,
    /// Unix time at `Instant::START`.
    pub unix_start: UnixTime,
    /// What happens to a call that another node brings.
    pub node_plan: Arc<Plan>,
    /// Sizes of the shard's tables.
    pub limits: Limits,
    /// The transactions.
    pub transactions: Table<Owner>,
    /// The dialogs.
    pub dialogs: dialog::Table<LegRef>,
    /// What calls wait for.
    pub alarms: Lanes<Alarm>,
    /// Questions to put when the turn ends.
    pub asks: VecDeque<Ask>,
    /// Randomness for tags, Call-IDs and waits.
    pub random: Random,
    /// Room to keep requests in that calls have yet to answer.
    pub kept: Spares<Kept>,
    /// The recorder of the call whose turn it is.
    pub flight: Option<Box<FlightRecorder>>,
    /// Room for those of calls to come.
    pub flights: Spares<FlightRecorder>,
    /// How long the message being handled has waited for the database.
    pub waited: Option<Duration>,
    /// Room for what is noted of callees that ring.
    pub ringing: Spares<Ringing>,
    /// Counters.
    pub counters: Counters,
    /// Serial number of the last lease.
    pub leases: u64,
    /// Channels there have been.
    pub channels: u64,
    /// Calls that plans want begun, and which plans wait to hear of them.
    pub originations: VecDeque<(Box<Origination>, (Handle, Ticket))>,
    /// Calls there are, and those about to be entered.
    pub calls: u32,
    /// Calls to be entered: those of callees that have left theirs.
    pub departures: VecDeque<Call>,
    /// The calls of such callees, by the number in the names of their callers.
    pub departed: BTreeSet<(u32, Handle)>,
    /// What calls have to tell the plans of other calls.
    pub replies: Vec<(Handle, Ticket, Reply)>,
    /// Globals that plans have set.
    pub globals: Globals,
}

/// A request of a dialog, about to be sent.
#[derive(Clone, Copy)]
pub struct Outgoing<'d> {
    /// The dialog.
    pub dialog: &'d Dialog,
    /// The method.
    pub method: Method<'d>,
    /// Its CSeq number.
    pub cseq: u32,
    /// Its Max-Forwards.
    pub max_forwards: u8,
    /// Its timers.
    pub timers: Timers,
    /// Whom its transaction belongs to.
    pub owner: Owner,
}

/// A response to a request whose head was kept.
#[derive(Clone, Copy)]
pub struct Responding<'r> {
    /// The request's transaction.
    pub server: TransactionId,
    /// The head of its responses.
    pub head: &'r ReplyHead,
    /// The status.
    pub status: Status,
    /// The reason phrase, if not the status's own.
    pub reason: Option<&'r str>,
    /// Our To tag; a request that had one keeps it.
    pub tag: &'r [u8],
}

/// One input being handled: the time, the shard's tables, the outbox, and the
/// message if the input was one.
pub struct Turn<'a> {
    /// The time of this turn.
    pub now: Instant,
    /// The shard's tables.
    pub exchange: &'a mut Exchange,
    /// Where effects go.
    pub out: &'a mut Outbox,
    /// The message being handled, and the path it came by.
    pub message: Option<(&'a Message<'a>, Flow)>,
}

impl Exchange {
    /// A fresh tag: 64 unpredictable bits.
    pub fn tag(&mut self) -> Text {
        Text::from(hex(self.random.next_u64()).as_slice())
    }

    /// A fresh Call-ID that hashes to this shard, so that a call never spans
    /// shards by birth. Expected tries: the number of shards.
    pub fn call_id(&mut self) -> Text {
        loop {
            let mut call_id = self.tag();
            call_id.push(&hex(self.random.next_u64()));
            if shard_of(&call_id, self.shards) == self.shard {
                return call_id;
            }
        }
    }

    /// A branch for a request without a transaction: an ACK to a 2xx.
    pub fn loose_branch(&mut self) -> Text {
        let mut branch = Text::from("z9hG4bK");
        branch.push(&hex(self.random.next_u64()));
        branch
    }

    /// A lease that was never given before.
    pub fn lease(&mut self) -> Lease {
        self.leases += 1;
        Lease {
            shard: self.shard,
            incarnation: self.incarnation,
            serial: self.leases,
        }
    }

    /// A number for a channel that no other of this process has, nor of one
    /// that began in another second.
    pub fn serial(&mut self) -> u64 {
        let number = u64::from(self.incarnation) << 40 | self.channels;
        self.channels += 1;
        number * u64::from(self.shards) + u64::from(self.shard)
    }

    /// The number in the names of a call's channels. It leads to the call's shard
    /// and slot, and is not had again before the slot has been let as often as 32
    /// bits have room for: who knows a name of old means no other call by it.
    pub fn number_of(&self, call: Handle) -> u32 {
        let shards = u32::from(self.shards);
        let place = call
            .slot
            .wrapping_mul(shards)
            .wrapping_add(self.shard.into());
        let places = self.places();
        place.wrapping_add(call.generation % (u32::MAX / places) * places)
    }

    /// The slot such a number leads to; `None` if that is another shard's.
    pub fn slot_of(&self, number: u32) -> Option<u32> {
        let (place, shards) = (number % self.places(), u32::from(self.shards));
        (place % shards == u32::from(self.shard)).then_some(place / shards)
    }

    /// Places for calls of all shards together, in numbers of their names.
    fn places(&self) -> u32 {
        let calls = self.limits.calls.max(1);
        calls.saturating_mul(self.shards.into())
    }

    /// Sets a global here and has every other shard told; false where there is
    /// no room.
    pub fn set_global(&mut self, now: Instant, name: &str, value: &str) -> bool {
        let Some(change) = self.globals.set(now, self.shard, name, value) else {
            return false;
        };
        if self.shards > 1 {
            let changes: Arc<[Change]> = Arc::new([change]);
            let here = self.shard;
            for to in (0..self.shards).filter(|&to| to != here) {
                self.tell_globals(to, Arc::clone(&changes));
            }
        }
        true
    }

    /// A new plan is about to take the old one's place: what its `[globals]` say
    /// holds again. Others stay as they are, also those of the old plan alone,
    /// unless it has `clearglobalvars`.
    pub fn globals_of(&mut self, now: Instant, plan: &Plan) {
        let old = Arc::clone(&self.config);
        if plan.general().clearglobalvars {
            self.globals.forget(|_| true);
            return;
        }
        self.globals.forget(|name| plan.global(name).is_some());
        for (name, value) in old.plan.globals() {
            if plan.global(name).is_none() && self.globals.value(name).is_none() {
                // As much as there is room for: the plan had it all.
                let _ = self.globals.set(now, self.shard, name, value);
            }
        }
    }

    /// Has another shard told of globals.
    pub fn tell_globals(&mut self, to: ShardId, changes: Arc<[Change]>) {
        let question = Question::Globals { to, changes };
        let resume = Resume::Nobody;
        self.asks.push_back(Ask { question, resume });
    }

    /// Timers as configured, with a peer's own where there is one.
    pub fn timers(&self, peer: Option<&Peer>) -> Timers {
        let general = &self.config.general;
        let device = general.device(peer);
        Timers {
            t1: device.timer_t1,
            t2: general.timer_t2,
            t4: general.timer_t4,
            timer_b: device.timer_b,
        }
    }

    /// Whether messages travel so: `chan_sip` is loaded, and what carries them.
    pub fn carries(&self, transport: Transport) -> bool {
        self.config.general.missing.carries(transport)
    }

    /// Whether what we begin ourselves can travel so: there is a socket, too.
    pub fn speaks(&self, transport: Transport) -> bool {
        self.ways.has(transport) && self.carries(transport)
    }

    /// By what a device is called where nothing else says it: the first of what
    /// it may use that is spoken here.
    pub fn transport_of(&self, device: &Peer) -> Option<Transport> {
        device.transports.each().find(|&each| self.speaks(each))
    }

    /// The way to a binding whose URI is `uri`: one that registered by datagram
    /// may want to be called over a stream.
    pub fn way_of(&self, flow: Flow, uri: Option<&Uri<'_>>) -> Flow {
        match uri.and_then(|uri| uri.transport()) {
            Some(named) if !flow.transport.is_reliable() => {
                self.ways.turned(flow, flow.remote, named)
            }
            _ => flow,
        }
    }

    /// The way of a first request to `peer`: by its outbound proxy, if it has
    /// one, which is also the route it is preloaded with (RFC 3261 §8.1.2).
    pub fn first_hop(&self, peer: Option<&Peer>, flow: Flow) -> (Flow, RouteSet) {
        match self.config.general.device(peer).outboundproxy {
            Some((remote, _)) => {
                let flow = self.ways.turned(flow, remote, flow.transport);
                let transport = String::from_utf8_lossy(flow.transport.uri_parameter());
                let proxy = format!("sip:{remote}{transport};lr");
                (flow, RouteSet::of(proxy.as_bytes()))
            }
            None => (flow, RouteSet::default()),
        }
    }

    /// Keeps a request until its final response; `to_source` sends responses to
    /// where it came from.
    pub fn keep(&mut self, request: &Message<'_>, flow: Flow, to_source: bool) -> Box<Kept> {
        let compact = self.config.general.compactheaders;
        Kept::of(&mut self.kept, request, flow, to_source, compact)
    }

    /// Writes a response and has its transaction keep it: heads it, and lets
    /// `rest` write what else it has, and end it. What the transaction may not
    /// send any more, or may never (RFC 4320), is not written.
    pub fn respond(
        &mut self,
        now: Instant,
        out: &mut Outbox,
        response: Responding<'_>,
        rest: impl FnOnce(Writer<'_>),
    ) {
        let Responding {
            server,
            head,
            status,
            reason,
            tag,
        } = response;
        if !self.transactions.may_respond(server, status) {
            return;
        }
        let general = &self.config.general;
        let sent = out.send(head.flow(), |buffer| {
            let mut writer = head.write(buffer, general.compactheaders, status, reason, tag);
            writer.field(HeaderName::Server, general.useragent.as_bytes());
            rest(writer);
        });
        if let Some(bytes) = sent {
            self.transactions
                .responded(now, server, status, bytes, Keep::Bytes);
        }
    }

    /// Unix time now.
    pub fn unix(&self, now: Instant) -> UnixTime {
        UnixTime(self.unix_start.0 + now.as_micros() / 1_000_000)
    }

    /// Calendar time at `at`, to the microsecond.
    pub fn unix_micros(&self, at: Instant) -> UnixMicros {
        UnixMicros(self.unix_start.0 * 1_000_000 + at.as_micros())
    }

    /// The device called `name`, if it is known now.
    pub fn device(&self, name: &[u8]) -> Option<&Arc<Peer>> {
        self.devices.remembered(&self.config, name)
    }

    /// A binding as it outlives this process.
    pub fn registration(&self, now: Instant, binding: &Binding) -> Registration {
        let mut defaultuser = Text::new();
        if let Ok(uri) = Uri::parse(binding.uri()) {
            uri.user_decoded(&mut defaultuser);
        }
        Registration {
            fullcontact: Text::from(binding.uri()),
            address: binding.flow.remote,
            local: Some(binding.flow.local),
            regseconds: UnixTime(self.unix(now).0 + binding.expires.since(now).as_secs()),
            defaultuser,
            useragent: Text::from(binding.user_agent()),
            path: Text::new(),
            call_id: Text::from(binding.call_id()),
            cseq: binding.cseq,
            q: binding.q,
            regserver: SmolStr::default(),
            node: None,
        }
    }
}
