//! The engine's shards on the engine's runtime, in this process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pinion_runtime::{
    Clock, Desks, Engine, Options, StreamOptions, Watch, allowed_cpus, bind, bind_streams,
};
use pinion_sip::base::{Limits, Random, Transport};
use pinion_sip::config::{Config, General, Peer, PeerKind, Peers, Secret, Transports};
use pinion_sip::dialplan::{Line, PlanBuilder};
use pinion_sip::shard::{Setup, Shard};

/// A running server; dropping it ends its threads.
pub struct Server {
    pub address: SocketAddr,
    engine: Option<Engine>,
}

impl Server {
    /// `shards` of them, which know user0 to user9 and callee0 to callee9.
    pub fn start(shards: u16, secret: bool) -> Server {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (mut groups, _) = bind(&[any], usize::from(shards), 1 << 20, 1 << 20).unwrap();
        let address = groups[0].local();
        groups.extend(bind_streams(&[address], usize::from(shards)).unwrap());
        let cpus = allowed_cpus().unwrap();
        let options = Options {
            cpus: cpus.into_iter().cycle().take(usize::from(shards)).collect(),
            batch: 32,
            coalesce: Duration::ZERO,
            precise: false,
            sample: 0,
            streams: StreamOptions::default(),
            mesh_depth: 64,
            watch: Watch::default(),
            clock: Clock::start(),
            desks: Desks::default(),
        };
        let unix_start = options.clock.unix_start();
        let config = Arc::new(config(secret));
        let make = move |shard, incarnation| {
            Shard::new(Setup {
                shard,
                shards,
                incarnation,
                limits: Limits {
                    calls: 1000,
                    transactions: 10_000,
                    bindings: 1000,
                    ..Limits::default()
                },
                streams: vec![address],
                seed: Random::from_u64(u64::from(shard)).seed(),
                unix_start,
                ..Setup::alone(Arc::clone(&config), address)
            })
        };
        let engine = Engine::start(&options, groups, make, |event| eprintln!("{event:?}")).unwrap();
        Server {
            address,
            engine: Some(engine),
        }
    }
}

fn config(secret: bool) -> Config {
    let mut builder = PlanBuilder::new();
    let context = builder.context("default");
    let line = Line {
        exten: "_[a-z]!",
        caller: None,
        priority: 1,
        label: None,
        application: "Dial",
        arguments: "SIP/${EXTEN},20",
        at: "loopback:1",
    };
    assert!(builder.add(context, line).is_ok());
    let names = ["user", "callee"]
        .into_iter()
        .flat_map(|kind| (0..10).map(move |number| format!("{kind}{number}")));
    let peers = names.map(|name| {
        let mut peer = Peer::new(&name, PeerKind::Friend);
        let both = Transports::of([Transport::Udp, Transport::Tcp]);
        peer.transports = both.unwrap_or_default();
        if secret {
            peer.secret = Secret::Plain(format!("secret-of-{name}"));
        }
        peer
    });
    Config {
        general: General::default(),
        peers: Peers::new(peers),
        plan: Arc::new(builder.build()),
        realtime: None,
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.shards().stop();
            engine.join();
        }
    }
}
