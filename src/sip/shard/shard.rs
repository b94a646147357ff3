//! The shard: its tables and its inputs.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::sync::Arc;

use hashbrown::HashSet;

use super::failures::Failures;
use super::intake::{call_id, is_keep_alive};
use super::lately::Lately;
use super::moved::Moved;
use super::pending::Pending;
use super::qualify::ALL_LOOKED_AT;
use super::serve::Inquiries;
use super::setup::Setup;
use crate::auth;
use crate::base::{
    Decimal, Flow, Handle, Hasher, Instant, Lanes, Level, Random, ShardId, Slab, Text, UnixTime,
    Ways, shard_of,
};
use crate::call::{
    Ask, Asker, Call, Exchange, FlightRecorder, Kept, Occupancy, Ringing, Turn, node_plan,
};
use crate::commons::{Commons, Globals};
use crate::config::Config;
use crate::devices::Devices;
use crate::dialog;
use crate::machine::{Body, Counters, Envelope, Input, Machine, Outbox, Page, Query, Stage};
use crate::registrar::{Binding, Bindings, Location, Qualifier, Refusal, Update};
use crate::transaction::{Table, TransactionId};
use crate::wire::{Fields, Message, ReplyHead};

/// How long a nonce may be used, in seconds.
const NONCE_LIFETIME_S: u32 = 60;

/// Proven nonces remembered at once by one shard.
const NONCES: usize = 65_536;

/// Requests remembered that were turned away: a flood drives out its own.
const TURNED_AWAY: usize = 65_536;

/// A MESSAGE on its way, whose sender waits for the answer.
pub(super) struct RelayedMessage {
    /// The sender's transaction.
    pub(super) server: TransactionId,
    /// Head of the answers to the sender.
    pub(super) head: ReplyHead,
}

/// One core's share of the engine; sole owner of its tables.
pub struct Shard {
    pub(super) exchange: Exchange,
    pub(super) calls: Slab<Call>,
    pub(super) gate: auth::Gate,
    pub(super) draining: bool,
    /// Transactions beyond this many are kept for the calls that exist.
    pub(super) transactions_for_new: u32,
    /// MESSAGEs relayed outside of dialogs.
    pub(super) messages: Slab<RelayedMessage>,
    pub(super) location: Location,
    pub(super) qualifier: Qualifier,
    /// Makes the To tags of replies that keep nothing.
    pub(super) tags: Hasher,
    /// AoRs whose rows were being written lately. A row read before that is
    /// older than what the shard knows itself.
    pub(super) written: Lately<Text>,
    /// Requests that wait for the database, by the number their copies share.
    pub(super) waiting: HashSet<u64, Hasher>,
    /// INVITEs among them whose callers gave up.
    pub(super) cancelled: HashSet<u64, Hasher>,
    /// Their bytes.
    pub(super) waiting_bytes: usize,
    /// Those that waited in vain and were turned away without a transaction:
    /// copies of them on their way are turned away alike (RFC 3261 §17.2).
    pub(super) turned_away: Lately<u64>,
    pub(super) pending: Pending,
    /// What is to be given back as soon as there is room to ask for it.
    pub(super) owed: VecDeque<Ask>,
    pub(super) occupancy: Occupancy,
    pub(super) commons: Commons,
    /// What operators have asked.
    pub(super) inquiries: Inquiries,
    /// How many of the devices that are to be watched have been looked at since
    /// they changed.
    pub(super) unlooked: usize,
    pub(super) failures: Failures,
    /// Dialogs at home here that live on other shards.
    pub(super) moved: Moved,
    nonce_secret: [u8; 32],
}

impl Shard {
    /// A shard with empty tables.
    pub fn new(setup: Setup) -> Shard {
        let mut random = Random::from_seed(setup.seed);
        let mut hasher = || random.hasher();
        let (places, bindings, nonces, contacts) = (hasher(), hasher(), hasher(), hasher());
        let (tags, globals) = (hasher(), hasher());
        let limits = setup.limits;
        let gate = gate(
            &setup.config,
            setup.nonce_secret,
            setup.shard,
            nonces,
            setup.unix_start,
        );
        let mut shard = Shard {
            calls: Slab::new(limits.calls),
            gate,
            draining: false,
            transactions_for_new: limits.transactions - limits.transactions / 8,
            messages: Slab::new(limits.pending),
            location: Location::new(limits.bindings, bindings),
            qualifier: Qualifier::new(limits.bindings, contacts),
            tags,
            written: Lately::new(random.hasher(), limits.bindings as usize),
            waiting: HashSet::with_hasher(random.hasher()),
            cancelled: HashSet::with_hasher(random.hasher()),
            waiting_bytes: 0,
            turned_away: Lately::new(random.hasher(), TURNED_AWAY),
            occupancy: Occupancy::new(places),
            commons: Commons::new(&mut random),
            inquiries: Inquiries::default(),
            unlooked: ALL_LOOKED_AT,
            owed: VecDeque::new(),
            failures: Failures::new(limits.failures.into()),
            moved: Moved::new(random.hasher(), limits.pending),
            pending: Pending::new(
                limits.pending,
                limits.calls.saturating_mul(4),
                setup.incarnation,
            ),
            nonce_secret: setup.nonce_secret,
            exchange: Exchange {
                shard: setup.shard,
                shards: setup.shards,
                incarnation: setup.incarnation,
                config: setup.config,
                devices: Devices::new(&mut random),
                ways: Ways::new(setup.shard, &setup.sockets, &setup.streams),
                unix_start: setup.unix_start,
                node_plan: Arc::new(node_plan()),
                limits,
                transactions: Table::new(limits.transactions, &mut random),
                dialogs: dialog::Table::new(&mut random),
                alarms: Lanes::new(),
                asks: VecDeque::new(),
                random,
                kept: Kept::spares(),
                flight: None,
                flights: FlightRecorder::spares(),
                waited: None,
                ringing: Ringing::spares(),
                counters: Counters::default(),
                leases: 0,
                channels: 0,
                originations: VecDeque::new(),
                calls: 0,
                departures: VecDeque::new(),
                departed: BTreeSet::new(),
                replies: Vec::new(),
                globals: Globals::new(globals),
            },
        };
        shard.watch_all(Instant::START);
        for (path, value) in setup.entries {
            // As many as there is room for: it had them all.
            let _ = shard.commons.store.put(&path, &value);
        }
        for saving in setup.kept {
            shard.take_over(Instant::START, &saving.name, &saving.contacts);
        }
        shard
    }

    fn datagram(&mut self, now: Instant, bytes: &[u8], flow: Flow, out: &mut Outbox) {
        self.exchange.counters.datagrams += 1;
        if is_keep_alive(bytes) {
            self.exchange.counters.keepalives += 1;
            out.stopwatch.leave();
            return;
        }
        let home = self.home_of_message(bytes);
        if home != self.exchange.shard {
            self.hand_over(bytes.into(), flow, home, out);
            return;
        }
        self.message(now, bytes, flow, out);
    }

    /// The home of a message: here, if it shows no Call-ID, and wherever there
    /// is no other shard.
    pub(super) fn home_of_message(&self, bytes: &[u8]) -> ShardId {
        if self.exchange.shards <= 1 {
            return self.exchange.shard;
        }
        match call_id(bytes) {
            b"" => self.exchange.shard,
            call_id => shard_of(call_id, self.exchange.shards),
        }
    }

    /// A datagram whose home this is.
    pub(super) fn message(&mut self, now: Instant, bytes: &[u8], flow: Flow, out: &mut Outbox) {
        if !self.moved.is_empty() && self.pass_on(bytes, flow, out) {
            return;
        }
        if !self.exchange.carries(flow.transport) {
            self.exchange.counters.unheard += 1;
            return;
        }
        let mut fields = Fields::new();
        // A message is large, and stays where it was made.
        match &mut Message::parse(bytes, &mut fields) {
            Ok(message) => match (message.check(), message.is_request()) {
                (Ok(()), true) => {
                    out.mark(Stage::Parse);
                    self.request(now, message, flow, out)
                }
                (Ok(()), false) => {
                    out.mark(Stage::Parse);
                    self.response(now, message, flow, out)
                }
                (Err(fault), true) => self.malformed(message, fault, flow, out),
                (Err(_), false) => self.exchange.counters.stray_responses += 1,
            },
            Err(unreadable) => {
                self.exchange.counters.unreadable += 1;
                out.note(Level::Debug, "unreadable", || {
                    format!("{}: {unreadable:?}", flow.remote)
                });
            }
        }
    }

    fn envelope(&mut self, now: Instant, envelope: Envelope, out: &mut Outbox) {
        match envelope.body {
            Body::Datagram { bytes, flow } => {
                self.exchange.counters.handed_in += 1;
                self.message(now, &bytes, flow, out);
            }
            Body::Unsent { bytes, flow } => self.unsent(now, &bytes, flow, out),
            Body::Broken { flow } => self.broken(now, flow, out),
            Body::Unreachable { bytes, remote } => self.unreachable(now, &bytes, remote, out),
            // Drivers deal with these.
            Body::Send { .. } | Body::Proven(_) => {}
            Body::Ask { id, question } if self.takes_the_database(now, &question) => {
                let shard = envelope.from;
                self.consider(now, question, Asker::There { shard, id }, out);
            }
            Body::Ask { id, question } => {
                if let Some(answer) = self.decide(now, &question, Some(id), out) {
                    let asker = Asker::There {
                        shard: envelope.from,
                        id,
                    };
                    self.answer(now, asker, question, answer, out);
                }
            }
            Body::Answer { id, answer } => {
                self.heard(now, id, answer, out);
            }
            // They go where records are written, and never to a shard.
            Body::Record(_) => {}
            Body::Replaced { incarnation } => {
                self.void_what_held(now, envelope.from, incarnation, out);
            }
        }
    }

    /// Applies a REGISTER to an AoR whose home this is.
    pub(super) fn register(&mut self, now: Instant, update: &Update) -> Result<Bindings, Refusal> {
        let mut before = Bindings::new();
        if update.watched {
            let keep = &mut |binding: &Binding| before.push(binding.clone());
            self.location.lookup(now, &update.aor, keep);
        }
        let answer = self.location.update(now, update);
        if update.watched
            && let Ok(after) = &answer
        {
            self.watch_bindings(now, &update.aor, &before, after);
        }
        answer
    }

    /// Enters a call; `None` if there are as many as there may be.
    pub(super) fn enter(&mut self, call: Call) -> Option<Handle> {
        if !self.exchange.has_room() {
            return None;
        }
        self.exchange.calls += 1;
        self.calls.insert(call).ok()
    }

    /// Takes a call out.
    pub(super) fn discard(&mut self, handle: Handle) {
        self.exchange.calls -= 1;
        self.calls.discard(handle);
    }

    /// Lets a call do something, and removes it if that was its end. `None` if
    /// there is no such call.
    pub(super) fn with_call<'m, T>(
        &mut self,
        now: Instant,
        message: Option<(&'m Message<'m>, Flow)>,
        handle: Handle,
        out: &mut Outbox,
        work: impl FnOnce(&mut Call, &mut Turn<'_>) -> T,
    ) -> Option<T> {
        let call = self.calls.get_mut(handle)?;
        self.exchange.flight = call.flight().take();
        let mut turn = Turn {
            now,
            exchange: &mut self.exchange,
            out,
            message,
        };
        let done = work(call, &mut turn);
        if call.is_over() {
            call.give_back_all(&mut turn);
            if let Some(flight) = turn.exchange.flight.take() {
                match flight.failed() {
                    Some(_) => self.failures.keep(now, call, flight, turn.out),
                    None => turn.exchange.flights.give(flight),
                }
            }
            self.discard(handle);
        } else {
            *call.flight() = self.exchange.flight.take();
        }
        Some(done)
    }

    /// Takes a new configuration, at a price that does not depend on its size.
    /// Calls keep the plan they run; the gate is made anew only if what it asks
    /// for changed; devices are looked at one turn after the other.
    fn reload(&mut self, now: Instant, config: Arc<Config>) {
        let (new, old) = (&config.general, &self.exchange.config.general);
        if (&new.realm, &new.auth_algorithms) != (&old.realm, &old.auth_algorithms) {
            let hasher = self.exchange.random.hasher();
            let start = self.exchange.unix(now);
            self.gate = gate(
                &config,
                self.nonce_secret,
                self.exchange.shard,
                hasher,
                start,
            );
        }
        if !Arc::ptr_eq(&config.plan, &self.exchange.config.plan) {
            self.exchange.globals_of(now, &config.plan);
        }
        let old = &self.exchange.config;
        let absent = (old.general.missing.absent, config.general.missing.absent);
        if !config.peers.is(&old.peers) || absent.0 != absent.1 {
            self.unlooked = 0;
        }
        self.exchange.config = config;
    }
}

fn gate(
    config: &Config,
    key: [u8; 32],
    shard: ShardId,
    hasher: Hasher,
    start: UnixTime,
) -> auth::Gate {
    let settings = auth::Settings {
        realm: &config.general.realm,
        key,
        shard,
        lifetime_s: NONCE_LIFETIME_S,
        remembered: NONCES,
        algorithms: &config.general.auth_algorithms,
        hasher,
    };
    auth::Gate::new(settings, start)
}

/// How full the tables are: a row a table.
impl Shard {
    /// Entries of each table, by name.
    pub fn sizes(&self) -> [(&'static str, u64); 16] {
        let (devices, strangers) = self.exchange.devices.len();
        let down = !self.exchange.devices.database_is_well();
        [
            ("calls", self.calls.len().into()),
            ("dialogs", self.exchange.dialogs.len() as u64),
            ("transactions", self.exchange.transactions.len().into()),
            ("moved", self.moved.len() as u64),
            ("pending", self.pending.len().into()),
            ("releases", self.pending.releases().into()),
            ("messages", self.messages.len().into()),
            ("bindings", self.location.len() as u64),
            ("watched", self.qualifier.len().into()),
            ("places", self.occupancy.len() as u64),
            ("members", self.commons.groups.len() as u64),
            ("locks", self.commons.locks.len() as u64),
            ("entries", self.commons.store.len() as u64),
            ("devices_known", devices as u64),
            ("strangers_known", strangers as u64),
            ("database_late", down.into()),
        ]
    }

    /// Bytes in use of the tables that took their address space at the start:
    /// of each the slots let so far, and as large a part of its index.
    pub fn table_bytes(&self) -> usize {
        self.calls.used_bytes()
            + self.exchange.transactions.used_bytes()
            + self.messages.used_bytes()
            + self.location.used_bytes()
            + self.qualifier.used_bytes()
            + self.pending.used_bytes()
    }
}

impl Machine for Shard {
    fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Outbox) {
        match input {
            Input::Datagram { bytes, flow } => self.datagram(now, bytes, flow, out),
            Input::Envelope(envelope) => self.envelope(now, envelope, out),
            Input::Unsent { bytes, flow } => self.unsent(now, bytes, flow, out),
            Input::Broken { flow } => self.broken(now, flow, out),
            Input::Unreachable { bytes, remote } => self.unreachable(now, bytes, remote, out),
            Input::Elapsed => {}
            Input::Drain => self.draining = true,
            Input::Undrain => self.draining = false,
            Input::Reload(config) => self.reload(now, config),
            Input::Prune(name) => {
                let name = name.as_deref();
                let pruned = self.exchange.devices.prune(name);
                self.exchange.counters.devices_pruned += pruned as u64;
            }
        }
        self.put_questions(now, out);
        if self.deadlines().any(|deadline| deadline <= now) {
            self.expire(now, out);
            self.put_questions(now, out);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadlines().min()
    }

    fn serve(&mut self, now: Instant, query: Query, out: &mut Outbox) -> Page {
        let page = self.page(now, query, out);
        self.put_questions(now, out);
        page
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        let counts = self.exchange.transactions.counts();
        let transactions = [
            ("retransmissions", counts.retransmissions),
            ("absorbed", counts.absorbed),
            ("merged", counts.merged),
            ("timeouts", counts.timeouts),
            ("unsent", counts.unsent),
            ("unacknowledged", counts.unacknowledged),
        ];
        self.sizes()
            .into_iter()
            .chain(self.exchange.counters.each())
            .chain(transactions)
            .collect()
    }

    fn is_idle(&self) -> bool {
        self.calls.is_empty()
    }
}

/// The digits of a number, for header values.
pub(super) fn digits(number: u32) -> Decimal {
    Decimal::new(number.into())
}
