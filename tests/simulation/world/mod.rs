//! Virtual time: one queue ordered by (instant, sequence) drives engines,
//! phones, network and faults.
//!
//! Owns the order of events and the history's hash; the rules are the
//! oracle's. Nothing here reads a clock or iterates over a hash.

mod report;
mod task;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use pinion_sip::base::{Flow, Instant, Random, ShardId, shard_of};
use pinion_sip::machine::realtime::Outcome;
use pinion_sip::machine::{
    Answer, Body, DATABASE, Envelope, Input, Machine, Outbox, Question, QuestionId, WORKERS,
};

use crate::database::{Database, Mood};
use crate::engine::{Blueprint, Engine, Occupancy};
use crate::ladder::{Fate, Ladder};
use crate::message::Msg;
use crate::network::Weather;
use crate::noise::STRANGER;
use crate::oracle::{Failure, Oracle};
use crate::phone::{Alarm, Out, Phone};

pub use task::Task;

/// FNV-1a, continued from `hash` (0 begins).
pub fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    let start = if hash == 0 {
        0xcbf2_9ce4_8422_2325
    } else {
        hash
    };
    bytes.iter().fold(start, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Something due.
enum Event {
    Datagram {
        from: SocketAddr,
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    Envelope {
        engine: usize,
        envelope: Envelope,
    },
    /// An errand reaches the database.
    Errand {
        engine: usize,
        envelope: Envelope,
    },
    Wake {
        engine: usize,
        shard: ShardId,
    },
    Alarm {
        phone: usize,
        alarm: Alarm,
    },
    Task(Task),
}

/// What one test runs in.
pub struct World {
    /// Virtual time.
    pub now: Instant,
    /// The engines.
    pub engines: Vec<Engine>,
    /// The phones.
    pub phones: Vec<Phone>,
    /// What the engines keep in common.
    pub database: Database,
    /// The judge.
    pub oracle: Oracle,
    /// The record.
    pub ladder: Ladder,
    /// The weather.
    pub weather: Weather,
    /// The first broken rule; the world stands still after it.
    pub failure: Option<Failure>,
    /// A hash over time, place and bytes of everything delivered.
    pub history: u64,
    /// Datagrams delivered.
    pub delivered: u64,
    /// Where the randomness came from.
    pub seed: u64,
    random: Random,
    /// Until when.
    unplugged: BTreeMap<SocketAddr, Instant>,
    /// Pairs that no network joins.
    pub apart: BTreeSet<(SocketAddr, SocketAddr)>,
    queue: BTreeMap<(Instant, u64), Event>,
    /// When the latest envelope arrives.
    last_envelope: Instant,
    sequence: u64,
}

impl World {
    /// No engines and no phones yet.
    pub fn new(seed: u64, weather: Weather) -> World {
        World {
            now: Instant::START + Duration::from_secs(1),
            engines: Vec::new(),
            phones: Vec::new(),
            database: Database::default(),
            oracle: Oracle::default(),
            ladder: Ladder::default(),
            weather,
            failure: None,
            history: 0,
            delivered: 0,
            seed,
            random: Random::from_u64(seed),
            unplugged: BTreeMap::new(),
            apart: BTreeSet::new(),
            queue: BTreeMap::new(),
            last_envelope: Instant::START,
            sequence: 0,
        }
    }

    /// The world's randomness, for scenarios.
    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// Adds an engine.
    pub fn add_engine(&mut self, mut blueprint: Blueprint) -> usize {
        blueprint.seed = self.random.seed();
        self.oracle.engines.insert(blueprint.addr);
        let rules = blueprint.config.realtime.as_ref();
        let node = rules.and_then(|rules| rules.node.clone());
        self.database.nodes.extend(node);
        self.engines.push(Engine::new(blueprint));
        self.engines.len() - 1
    }

    /// Adds a phone at 10.0.0.(n+1) whose server is `engine`.
    pub fn add_phone(&mut self, user: &str, password: &str, engine: usize) -> usize {
        let index = self.phones.len();
        let addr = SocketAddr::from(([10, 0, 0, index as u8 + 1], 5060));
        let random = Random::from_seed(self.random.seed());
        let server = self.engines[engine].blueprint.addr;
        let phone = Phone::new(index, user, password, addr, server, random);
        self.oracle.phones.insert(addr, phone.mark.clone());
        self.phones.push(phone);
        index
    }

    /// Plans something.
    pub fn plan(&mut self, after: Duration, task: Task) {
        self.push(self.now + after, Event::Task(task));
    }

    fn push(&mut self, at: Instant, event: Event) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), event);
    }

    /// Between two shards nothing overtakes, not even when the weather clears.
    fn push_envelope(&mut self, engine: usize, envelope: Envelope) {
        let delay = Duration::from_micros(self.weather.mesh_delay_us);
        let at = (self.now + delay).max(self.last_envelope);
        self.last_envelope = at;
        self.push(at, Event::Envelope { engine, envelope });
    }

    /// Lets a phone do something now.
    pub fn phone<T>(
        &mut self,
        phone: usize,
        act: impl FnOnce(&mut Phone, Instant, &mut Out) -> T,
    ) -> T {
        let mut out = Out::default();
        let result = act(&mut self.phones[phone], self.now, &mut out);
        self.flush_phone(phone, out);
        result
    }

    /// Sends a message as it stands from a phone's socket to its engine.
    pub fn send(&mut self, phone: usize, message: &Msg) {
        self.phone(phone, |phone, _, out| {
            out.sends.push((phone.engine, message.bytes()))
        });
    }

    /// Runs until nothing is due before `self.now + duration`, or a rule broke.
    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.failure.is_none()
            && let Some(entry) = self.queue.first_entry()
            && entry.key().0 <= end
        {
            let ((at, _), event) = entry.remove_entry();
            self.now = at;
            self.step(event);
        }
        if self.failure.is_none() {
            self.now = end;
        }
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Datagram { from, to, bytes } => self.deliver(from, to, &bytes),
            Event::Envelope { engine, envelope } => {
                let message = match &envelope.body {
                    Body::Datagram { bytes, .. } => Msg::parse(bytes).ok(),
                    _ => None,
                };
                self.feed_message(engine, envelope.to, Input::Envelope(envelope), message);
            }
            Event::Errand { engine, envelope } => {
                if let Body::Ask {
                    id,
                    question: Question::Errand(errand),
                } = envelope.body
                {
                    let config = &self.engines[engine].blueprint.config;
                    let own = config.realtime.as_ref();
                    let own = own.and_then(|rules| rules.node.as_deref());
                    let outcome = self.database.serve(self.now, &errand, own);
                    self.answer_errand(engine, envelope.from, id, outcome);
                }
            }
            Event::Wake { engine, shard } => {
                if self.engines[engine].armed[usize::from(shard)] == Some(self.now) {
                    self.wake(engine, shard);
                }
            }
            Event::Alarm { phone, alarm } => {
                self.phone(phone, |phone, now, out| phone.wake(now, alarm, out))
            }
            Event::Task(task) => self.perform(task),
        }
    }

    /// Time has passed for a shard; it must have used it.
    fn wake(&mut self, engine: usize, shard: ShardId) {
        let index = usize::from(shard);
        let due = self.engines[engine].shards[index].deadline();
        self.engines[engine].armed[index] = None;
        self.feed(engine, shard, Input::Elapsed);
        let next = self.engines[engine].shards[index].deadline();
        if next.is_some() && next == due && next <= Some(self.now) {
            let seen = format!("shard {shard} asked for {next:?} and asks for it again");
            self.judge(Err(Failure {
                rule: "a deadline that was served moves",
                seen,
                call_id: None,
            }));
        }
    }

    fn deliver(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        self.delivered += 1;
        let place = format!("{:?} {from} {to} ", self.now);
        self.history = fnv(fnv(self.history, place.as_bytes()), bytes);
        if let Some(engine) = self
            .engines
            .iter()
            .position(|engine| engine.blueprint.addr == to)
        {
            let shard = self.engines[engine].shard_for(from);
            let mut home = None;
            if from != STRANGER.into()
                && let Ok(message) = Msg::parse(bytes)
            {
                self.oracle.arrived(self.now, from, &message);
                if shard_of(
                    message.call_id().as_bytes(),
                    self.engines[engine].blueprint.shards,
                ) == shard
                {
                    home = Some(message);
                }
            }
            let flow = Flow::udp(0, to, from);
            self.feed_message(engine, shard, Input::Datagram { bytes, flow }, home);
        } else if let Some(phone) = self.phones.iter().position(|phone| phone.addr == to)
            && let Ok(message) = Msg::parse(bytes)
        {
            self.phone(phone, |phone, now, out| {
                phone.receive(now, from, message, out)
            });
        }
    }

    /// One input to one shard.
    fn feed(&mut self, engine: usize, shard: ShardId, input: Input<'_>) {
        self.feed_message(engine, shard, input, None);
    }

    /// The same with a message that is for that shard.
    fn feed_message(
        &mut self,
        engine: usize,
        shard: ShardId,
        input: Input<'_>,
        message: Option<Msg>,
    ) {
        self.turn(engine, shard, message, |machine, now, out| {
            machine.handle(now, input, out);
        });
    }

    /// Lets one shard do something, and everything that follows from it at once;
    /// returns what it has made of it, unless it has panicked. A message has come home unless the shard passes it on or puts it aside: its
    /// dialog may have moved.
    fn turn<T>(
        &mut self,
        engine: usize,
        shard: ShardId,
        message: Option<Msg>,
        work: impl FnOnce(&mut dyn Machine, Instant, &mut Outbox) -> T,
    ) -> Option<T> {
        let now = self.now;
        let held = message
            .as_ref()
            .map(|_| self.engines[engine].held_back(shard));
        let Engine { shards, outbox, .. } = &mut self.engines[engine];
        let machine = shards[usize::from(shard)].as_mut();
        let served = catch_unwind(AssertUnwindSafe(|| work(machine, now, outbox)));
        if served.is_err() {
            let seen = format!("shard {shard} of engine {engine}");
            self.judge(Err(Failure {
                rule: "no input panics a shard",
                seen,
                call_id: None,
            }));
        }
        let outbox = &mut self.engines[engine].outbox;
        let envelopes: Vec<Envelope> = outbox.take_envelopes().collect();
        let passes = |envelope: &Envelope| matches!(envelope.body, Body::Datagram { .. });
        if let Some(message) = message
            && !envelopes.iter().any(passes)
            && held == Some(self.engines[engine].held_back(shard))
        {
            self.oracle.came_home(self.now, &message);
        }
        self.flush_engine(engine, shard, envelopes);
        let verdict = self.oracle.step_ended();
        self.judge(verdict);
        if let Some(seen) = self.engines[engine].overfull(shard) {
            self.judge(Err(Failure {
                rule: "no table grows beyond its limit",
                seen,
                call_id: None,
            }));
        }
        self.arm(engine, shard);
        served.ok()
    }

    fn judge(&mut self, verdict: Result<(), Failure>) {
        if let Err(failure) = verdict
            && self.failure.is_none()
        {
            self.failure = Some(failure);
        }
    }

    fn flush_engine(&mut self, engine: usize, shard: ShardId, envelopes: Vec<Envelope>) {
        let outbox = &mut self.engines[engine].outbox;
        let sends: Vec<(Flow, Vec<u8>)> = outbox
            .sends()
            .map(|(flow, bytes)| (*flow, bytes.to_vec()))
            .collect();
        outbox.clear_sends();
        for (flow, bytes) in sends {
            let name = format!("engine {engine}/{shard}");
            self.transmit(name, flow.local, flow.remote, bytes.clone());
            let verdict = self
                .oracle
                .sent(self.now, (engine, shard), flow.remote, &bytes);
            self.judge(verdict);
        }
        for envelope in envelopes {
            if let Body::Answer {
                answer: Answer::PickedUp(true),
                ..
            } = envelope.body
            {
                self.note(engine, envelope.to, format!("a leg moves to shard {shard}"));
            }
            if let Body::Record(cdr) = &envelope.body {
                let verdict = self.oracle.recorded(engine, cdr);
                self.judge(verdict);
            } else if envelope.to == DATABASE {
                self.send_errand(engine, envelope);
            } else if envelope.to == WORKERS {
                self.note(engine, shard, "nobody works outside".into());
            } else if self.weather.takes_envelope(&mut self.random) {
                self.note(
                    engine,
                    shard,
                    format!("an envelope to shard {} is lost", envelope.to),
                );
            } else {
                self.push_envelope(engine, envelope);
            }
        }
    }

    /// An errand on its way to the database, in the mood it is in now.
    fn send_errand(&mut self, engine: usize, envelope: Envelope) {
        if self.is_unplugged(self.engines[engine].blueprint.addr) {
            return;
        }
        match self.database.mood {
            Mood::Answers(after) => {
                self.push(self.now + after, Event::Errand { engine, envelope });
            }
            Mood::Refuses => {
                if let Body::Ask { id, .. } = envelope.body {
                    self.answer_errand(engine, envelope.from, id, Outcome::Unavailable);
                }
            }
            Mood::Silent => {}
        }
    }

    fn answer_errand(&mut self, engine: usize, to: ShardId, id: QuestionId, outcome: Outcome) {
        let answer = Answer::Outcome(outcome);
        let envelope = Envelope {
            from: DATABASE,
            to,
            body: Body::Answer { id, answer },
        };
        self.push_envelope(engine, envelope);
    }

    fn flush_phone(&mut self, phone: usize, out: Out) {
        let addr = self.phones[phone].addr;
        for (to, bytes) in out.sends {
            self.transmit(format!("phone {phone}"), addr, to, bytes);
        }
        for (after, alarm) in out.wakes {
            self.push(self.now + after, Event::Alarm { phone, alarm });
        }
    }

    fn transmit(&mut self, name: String, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        let mut arrivals = self.weather.arrivals(&mut self.random);
        let unplugged = [from, to].iter().any(|end| self.is_unplugged(*end));
        if unplugged || self.apart.contains(&(from, to)) || self.apart.contains(&(to, from)) {
            arrivals.clear();
        }
        let fate = [Fate::Lost, Fate::Sent, Fate::Doubled][arrivals.len()];
        let whom = match self.phones.iter().position(|phone| phone.addr == to) {
            Some(phone) => format!("phone {phone}"),
            None => to.to_string(),
        };
        self.ladder.datagram(self.now, name, whom, &bytes, fate);
        for after in arrivals {
            self.push(
                self.now + after,
                Event::Datagram {
                    from,
                    to,
                    bytes: bytes.clone(),
                },
            );
        }
    }

    fn is_unplugged(&self, end: SocketAddr) -> bool {
        let until = self.unplugged.get(&end);
        until.is_some_and(|until| self.now < *until)
    }

    /// Wakes a shard when it asked to be, and not a microsecond later. A
    /// deadline in the past is served at once; one that never moves is a fault.
    fn arm(&mut self, engine: usize, shard: ShardId) {
        let index = usize::from(shard);
        let Some(deadline) = self.engines[engine].shards[index].deadline() else {
            self.engines[engine].armed[index] = None;
            return;
        };
        let at = deadline.max(self.now + Duration::from_micros(1));
        if self.engines[engine].armed[index] != Some(at) {
            self.engines[engine].armed[index] = Some(at);
            self.push(at, Event::Wake { engine, shard });
        }
    }

    /// The sum over all shards of an engine.
    pub fn occupancy(&self, engine: usize) -> Occupancy {
        let engine = &self.engines[engine];
        let shards = (0..engine.blueprint.shards).map(|shard| engine.occupancy(shard));
        shards.fold(Occupancy::default(), Occupancy::plus)
    }
}
