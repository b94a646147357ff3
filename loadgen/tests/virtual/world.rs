//! Virtual time: one thread's load against one server, over a network that
//! delays and loses by seed. The same seed gives the same bytes at the same
//! microseconds.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use pinion_loadgen::caller::{Caller, Places};
use pinion_loadgen::cli::Cli;
use pinion_loadgen::plan::Plan;
use pinion_loadgen::quota::Quota;
use pinion_loadgen::run::Worker;
use pinion_loadgen::tally::Tally;
use pinion_sip::base::{Flow, Instant, Random};
use pinion_sip::config::{Config, General, Peer, PeerKind, Peers, Secret};
use pinion_sip::dialplan::{Line, PlanBuilder};
use pinion_sip::machine::{Input, Machine, Outbox};
use pinion_sip::shard::{Setup, Shard};

pub const SERVER: &str = "10.0.0.9:5060";
const CALLER: &str = "10.0.0.1:7000";
const CALLEE: &str = "10.0.0.1:8000";

/// A plan of the flags, against the server at [`SERVER`].
pub fn plan(flags: &str) -> Plan {
    let words = format!("pinion-load {flags} --target {SERVER} --cpus 0 --quiet");
    let cli =
        Cli::try_parse_from(words.split_whitespace()).unwrap_or_else(|error| panic!("{error}"));
    let (plan, _) = cli.command.plan(Vec::new()).unwrap();
    plan
}

/// The engine's shard, which knows user0 to user9 and callee0 to callee9. With
/// `secret`, each has the password `secret-of-NAME`.
pub fn shard(secret: bool) -> Box<dyn Machine> {
    shard_of(secret, General::default())
}

/// The same, with other settings.
pub fn shard_of(secret: bool, general: General) -> Box<dyn Machine> {
    let mut builder = PlanBuilder::new();
    let context = builder.context("default");
    let line = Line {
        exten: "_X!",
        caller: None,
        priority: 1,
        label: None,
        application: "Dial",
        arguments: "SIP/${EXTEN},20",
        at: "virtual:1",
    };
    let any = Line {
        exten: "_[a-z]!",
        ..line
    };
    assert!(builder.add(context, line).is_ok() && builder.add(context, any).is_ok());
    let names = ["user", "callee"]
        .into_iter()
        .flat_map(|kind| (0..10).map(move |number| format!("{kind}{number}")));
    let peers = names.map(|name| {
        let mut peer = Peer::new(&name, PeerKind::Friend);
        if secret {
            peer.secret = Secret::Plain(format!("secret-of-{name}"));
        }
        peer
    });
    let config = Config {
        general,
        peers: Peers::new(peers),
        plan: Arc::new(builder.build()),
        realtime: None,
    };
    let setup = Setup::alone(Arc::new(config), address(SERVER));
    Box::new(Shard::new(setup))
}

/// A network's weather.
#[derive(Clone, Copy)]
pub struct Weather {
    /// Each datagram's way.
    pub delay: Duration,
    /// Datagrams lost, of a thousand.
    pub loss: u64,
    /// What losses are drawn from.
    pub seed: u64,
}

/// Nothing is lost, and a way takes 100 µs.
pub const CALM: Weather = Weather {
    delay: Duration::from_micros(100),
    loss: 0,
    seed: 1,
};

struct Datagram {
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

/// One load, one server, one network.
pub struct World {
    pub caller: Caller,
    server: Box<dyn Machine>,
    now: Instant,
    queue: BTreeMap<(Instant, u64), Datagram>,
    sequence: u64,
    weather: Weather,
    random: Random,
    outbox: Outbox,
    /// Over every datagram delivered, in order, and when.
    pub history: u64,
    pub lost: u64,
    /// First lines of what the load was sent.
    pub heard: BTreeMap<String, u64>,
}

impl World {
    pub fn new(plan: Plan, server: Box<dyn Machine>, weather: Weather) -> World {
        let places = Places {
            callers: vec![address(CALLER)],
            callee: plan.callee.is_some().then(|| address(CALLEE)),
        };
        let quota = Quota::new(plan.count);
        World {
            caller: Caller::new(&Arc::new(plan), &places, 0, &quota),
            server,
            now: Instant::from_micros(1),
            queue: BTreeMap::new(),
            sequence: 0,
            random: Random::from_u64(weather.seed),
            weather,
            outbox: Outbox::new(16_384),
            history: 0,
            lost: 0,
            heard: BTreeMap::new(),
        }
    }

    /// Runs the load to its end, which must come, and returns what it counted.
    pub fn run(&mut self) -> &Tally {
        self.until(|world| world.caller.is_ready());
        if let Some(why) = self.caller.refusal() {
            panic!("{why}");
        }
        self.begin();
        self.until(|world| world.caller.is_spent());
        self.caller.close(self.now);
        self.until(|world| world.caller.is_idle());
        self.caller.tally()
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// How many registrations the server knows.
    pub fn bindings(&self) -> u64 {
        let counters = self.server.counters();
        let found = counters.iter().find(|(name, _)| *name == "bindings");
        found.expect("a registrar").1
    }

    /// How long it has been going.
    pub fn since_start(&self) -> Duration {
        self.now.since(Instant::START)
    }

    /// Lets the load begin.
    pub fn begin(&mut self) {
        self.caller.begin(self.now + Duration::from_millis(20));
    }

    /// Tells the load to begin nothing more.
    pub fn drain(&mut self) {
        self.caller.handle(self.now, Input::Drain, &mut self.outbox);
        self.flush();
    }

    /// Goes on until `done`.
    pub fn until(&mut self, done: impl Fn(&World) -> bool) {
        let limit = self.now + Duration::from_secs(3600);
        while !done(self) {
            assert!(self.step(), "nothing is due any more");
            assert!(self.now < limit, "an hour has passed");
        }
    }

    /// The next thing that happens; `false` if nothing will.
    fn step(&mut self) -> bool {
        let floor = self.now + Duration::from_micros(1);
        let arrival = self.queue.keys().next().copied();
        let own = self.caller.deadline().map(|at| at.max(floor));
        let servers = self.server.deadline().map(|at| at.max(floor));
        let Some(next) = [arrival.map(|(at, _)| at), own, servers]
            .into_iter()
            .flatten()
            .min()
        else {
            return false;
        };
        self.now = next;
        if let Some(key) = arrival.filter(|(at, _)| *at == next) {
            let datagram = self.queue.remove(&key).unwrap();
            self.deliver(&datagram);
        } else if own == Some(next) {
            self.caller.handle(next, Input::Elapsed, &mut self.outbox);
            self.flush();
        } else {
            self.server.handle(next, Input::Elapsed, &mut self.outbox);
            self.flush();
        }
        true
    }

    fn deliver(&mut self, datagram: &Datagram) {
        let Datagram { from, to, bytes } = datagram;
        for byte in bytes.iter().chain(&self.now.as_micros().to_be_bytes()) {
            self.history = (self.history ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        let socket = u8::from(*to == address(CALLEE));
        let socket = if *to == address(SERVER) { 0 } else { socket };
        let flow = Flow::udp(socket, *to, *from);
        let input = Input::Datagram { bytes, flow };
        if *to == address(SERVER) {
            self.server.handle(self.now, input, &mut self.outbox);
        } else {
            let line = bytes.split(|byte| *byte == b'\r').next().unwrap();
            let first = String::from_utf8_lossy(line).chars().take(11).collect();
            *self.heard.entry(first).or_default() += 1;
            self.caller.handle(self.now, input, &mut self.outbox);
        }
        self.flush();
    }

    fn flush(&mut self) {
        for (flow, bytes) in self.outbox.sends() {
            if self.random.below(1000) < self.weather.loss {
                self.lost += 1;
                continue;
            }
            self.sequence += 1;
            let key = (self.now + self.weather.delay, self.sequence);
            let datagram = Datagram {
                from: flow.local,
                to: flow.remote,
                bytes: bytes.to_vec(),
            };
            self.queue.insert(key, datagram);
        }
        self.outbox.clear_sends();
    }
}

pub fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}
