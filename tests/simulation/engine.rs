//! One simulated engine: shards, their incarnations and their wake-ups.
//!
//! Owns the machines; knows of the wire only what an outbox holds.

use std::net::SocketAddr;
use std::sync::Arc;

use pinion_sip::base::{Instant, Limits, Random, ShardId, UnixTime};
use pinion_sip::config::Config;
use pinion_sip::machine::{Machine, Outbox};
use pinion_sip::shard::{Setup, Shard};

/// How full tables are, by the names of `Machine::counters`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Occupancy {
    /// Calls.
    pub calls: u64,
    /// Dialogs of calls.
    pub dialogs: u64,
    /// Client and server transactions.
    pub transactions: u64,
    /// Dialogs that live on another shard than their home.
    pub moved: u64,
    /// Questions waiting.
    pub pending: u64,
    /// MESSAGEs on their way.
    pub messages: u64,
    /// Places taken in call limits.
    pub places: u64,
    /// Members of groups.
    pub members: u64,
    /// Locks held.
    pub locks: u64,
    /// Bindings whose home it is.
    pub bindings: u64,
}

impl Occupancy {
    /// What one machine counts.
    fn of(machine: &dyn Machine) -> Occupancy {
        let counters = machine.counters();
        let count = |name| count(&counters, name);
        Occupancy {
            calls: count("calls"),
            dialogs: count("dialogs"),
            transactions: count("transactions"),
            moved: count("moved"),
            pending: count("pending"),
            messages: count("messages"),
            places: count("places"),
            members: count("members"),
            locks: count("locks"),
            bindings: count("bindings"),
        }
    }

    /// Both together.
    pub fn plus(self, other: Occupancy) -> Occupancy {
        Occupancy {
            calls: self.calls + other.calls,
            dialogs: self.dialogs + other.dialogs,
            transactions: self.transactions + other.transactions,
            moved: self.moved + other.moved,
            pending: self.pending + other.pending,
            messages: self.messages + other.messages,
            places: self.places + other.places,
            members: self.members + other.members,
            locks: self.locks + other.locks,
            bindings: self.bindings + other.bindings,
        }
    }

    /// Whether nothing is held but bindings, which end when they expire.
    pub fn is_clear(self) -> bool {
        Occupancy {
            bindings: 0,
            ..self
        } == Occupancy::default()
    }
}

/// One of a machine's counters.
fn count(counters: &[(&str, u64)], name: &str) -> u64 {
    let found = counters.iter().find(|(counted, _)| *counted == name);
    found.unwrap_or_else(|| panic!("no counter {name}")).1
}

/// What makes a shard.
pub struct Blueprint {
    /// Shards of the engine.
    pub shards: u16,
    /// Bounds of each.
    pub limits: Limits,
    /// Shared by all.
    pub config: Arc<Config>,
    /// Its one socket.
    pub addr: SocketAddr,
    /// Seeds the shards' randomness.
    pub seed: [u8; 32],
}

/// The Unix time of virtual second 0.
pub const UNIX_START: UnixTime = UnixTime(1_700_000_000);

/// Shards of one engine.
pub struct Engine {
    /// What they are made from.
    pub blueprint: Blueprint,
    /// The machines.
    pub shards: Vec<Box<dyn Machine>>,
    /// How often each was replaced.
    pub incarnations: Vec<u32>,
    /// When each is next woken.
    pub armed: Vec<Option<Instant>>,
    /// What the last input left to do.
    pub outbox: Outbox,
    seeds: Random,
}

impl Engine {
    /// All shards, new.
    pub fn new(blueprint: Blueprint) -> Engine {
        let seeds = Random::from_seed(blueprint.seed);
        let mut engine = Engine {
            shards: Vec::new(),
            incarnations: vec![0; usize::from(blueprint.shards)],
            armed: vec![None; usize::from(blueprint.shards)],
            outbox: Outbox::new(4096),
            seeds,
            blueprint,
        };
        for shard in 0..engine.blueprint.shards {
            let made = engine.make(shard);
            engine.shards.push(made);
        }
        engine
    }

    fn make(&mut self, shard: ShardId) -> Box<dyn Machine> {
        Box::new(Shard::new(Setup {
            shard,
            shards: self.blueprint.shards,
            incarnation: self.incarnations[usize::from(shard)],
            limits: self.blueprint.limits,
            seed: self.seeds.seed(),
            nonce_secret: self.blueprint.seed,
            unix_start: UNIX_START,
            ..Setup::alone(Arc::clone(&self.blueprint.config), self.blueprint.addr)
        }))
    }

    /// Drops a shard as a panic would, and puts a new one in its place.
    pub fn replace(&mut self, shard: ShardId) -> u32 {
        self.incarnations[usize::from(shard)] += 1;
        self.shards[usize::from(shard)] = self.make(shard);
        self.armed[usize::from(shard)] = None;
        self.incarnations[usize::from(shard)]
    }

    /// The shard the kernel gives a datagram to: by source address alone.
    pub fn shard_for(&self, source: SocketAddr) -> ShardId {
        let hash = crate::world::fnv(0, source.to_string().as_bytes());
        (hash % u64::from(self.blueprint.shards)) as ShardId
    }

    /// Datagrams a shard has put aside so far.
    pub fn held_back(&self, shard: ShardId) -> u64 {
        count(&self.shards[usize::from(shard)].counters(), "held_back")
    }

    /// How full a shard is.
    pub fn occupancy(&self, shard: ShardId) -> Occupancy {
        Occupancy::of(&*self.shards[usize::from(shard)])
    }

    /// The table that is over its bound, if any.
    pub fn overfull(&self, shard: ShardId) -> Option<String> {
        let (held, limits) = (self.occupancy(shard), &self.blueprint.limits);
        let over = held.calls > u64::from(limits.calls)
            || held.transactions > u64::from(limits.transactions)
            || held.bindings > u64::from(limits.bindings)
            || held.pending > u64::from(limits.pending)
            || held.moved > u64::from(limits.pending);
        over.then(|| format!("{held:?} over {limits:?}"))
    }
}
