//! Many worlds, each with troubles of its own, drawn from its seed.
//!
//! Owns the shape of a random world; faults stop, callers stop, time runs
//! on, and then every table must be empty.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pinion::config::extensions::parse_extensions;
use pinion_sip::base::Limits;
use pinion_sip::config::{Config, General, Peer, PeerKind, Peers, Secret};

use crate::engine::Blueprint;
use crate::network::Weather;
use crate::oracle::Failure;
use crate::phone::{Plan, State};
use crate::world::{Task, World};

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Where the first engine listens.
pub const ENGINE: ([u8; 4], u16) = ([10, 9, 9, 1], 5060);

/// Users 1001 and up, each with a password of its own.
fn password(user: &str) -> String {
    format!("secret-of-{user}")
}

/// Limits that no small world touches.
pub fn roomy() -> Limits {
    Limits {
        calls: 500,
        transactions: 5_000,
        bindings: 500,
        pending: 500,
        ..Limits::default()
    }
}

/// The dialplan of every world.
pub const DIALPLAN: &str = "[default]\nexten => _X.,1,Dial(SIP/${EXTEN},20)\n";

/// A configuration with these peers.
pub fn config(peers: Vec<Peer>, dialplan: &str) -> Arc<Config> {
    let (plan, _) = parse_extensions(dialplan, "extensions.conf").expect("a dialplan");
    let plan = Arc::new(plan);
    Arc::new(Config {
        general: General::default(),
        peers: Peers::new(peers),
        plan,
    })
}

/// A dynamic friend with a password.
pub fn friend(user: &str) -> Peer {
    let mut peer = Peer::new(user, PeerKind::Friend);
    peer.secret = Secret::Plain(password(user));
    peer
}

/// A world with one engine and nobody registered.
pub fn world(
    seed: u64,
    weather: Weather,
    shards: u16,
    limits: Limits,
    config: Arc<Config>,
) -> World {
    let mut world = World::new(seed, weather);
    let addr = SocketAddr::from(ENGINE);
    world.add_engine(Blueprint {
        shards,
        limits,
        config,
        addr,
        seed: [0; 32],
    });
    world
}

/// Adds a phone of `user` with the right password.
pub fn add_phone(world: &mut World, user: &str) -> usize {
    let password = password(user);
    world.oracle.passwords.insert(user.into(), password.clone());
    world.add_phone(user, &password, 0)
}

/// The world a seed stands for.
fn draw(seed: u64) -> World {
    let mut world = World::new(seed, Weather::calm());
    world.weather = Weather::draw(world.random());
    let random = world.random();
    let shards = 1 + random.below(4) as u16;
    let users = 2 + random.below(4);
    let tiny = random.below(5) == 0;
    let limits = if tiny {
        Limits {
            calls: 1 + random.below(3) as u32,
            transactions: 4 + random.below(20) as u32,
            bindings: 1 + random.below(4) as u32,
            pending: 1 + random.below(4) as u32,
            ..Limits::default()
        }
    } else {
        roomy()
    };
    let names: Vec<String> = (0..users).map(|n| format!("{}", 1001 + n)).collect();
    let peers = names.iter().map(|name| {
        let mut peer = friend(name);
        peer.call_limit = if random.below(4) == 0 {
            1 + random.below(3) as u32
        } else {
            0
        };
        peer
    });
    let config = config(peers.collect(), DIALPLAN);
    let (panics, drains, twins) = (random.below(6) == 0, random.below(8) == 0, random.below(3));
    world.oracle.tiny = tiny;
    world.add_engine(Blueprint {
        shards,
        limits,
        config,
        addr: SocketAddr::from(ENGINE),
        seed: [0; 32],
    });
    for name in names.iter().chain(names.iter().take(twins as usize)) {
        let phone = add_phone(&mut world, name);
        world.phones[phone].moody = true;
        let after = Duration::from_millis(world.random().below(900));
        world.plan(
            after,
            Task::Register {
                phone,
                expires_s: 3_600,
            },
        );
    }
    for _ in 0..3 + world.random().below(8) {
        let phones = world.phones.len() as u64;
        let phone = world.random().below(phones) as usize;
        let target = match world.random().below(12) {
            0 => "4711".into(),
            1 => "abc".into(),
            _ => names[world.random().below(users) as usize].clone(),
        };
        let plan = Plan::draw(world.random());
        let after = Duration::from_millis(1_500 + world.random().below(25_000));
        world.plan(
            after,
            Task::Call {
                phone,
                target,
                plan,
            },
        );
    }
    if panics {
        let (shard, after) = (
            world.random().below(u64::from(shards)) as u16,
            world.random().below(30_000),
        );
        world.plan(
            Duration::from_millis(after),
            Task::Panic { engine: 0, shard },
        );
    }
    if drains {
        let after = Duration::from_millis(world.random().below(30_000));
        world.plan(after, Task::Drain { engine: 0 });
    }
    world.plan(secs(40), Task::Clear);
    world
}

/// Both ends of each call that is up must think so.
pub fn ends_agree(world: &World) -> Result<(), Failure> {
    let calls = || world.phones.iter().flat_map(|phone| phone.calls.iter());
    for call in
        calls().filter(|call| call.is_up() && call.confirmed && !world.oracle.forgotten(call.since))
    {
        let faces = calls().filter(|other| other.caller != call.caller && other.faces(call));
        let mut states = faces.map(|other| (other.is_up(), other.state)).peekable();
        if states.peek().is_none() || states.all(|(up, _)| !up) {
            return Err(Failure {
                rule: "both ends agree on whether a call is up",
                seen: format!("{} thinks so", call.call_id),
                call_id: Some(call.call_id.clone()),
            });
        }
    }
    Ok(())
}

/// Nobody calls, nothing is lost, and all timers have run out.
pub fn all_is_over(world: &World) -> Result<(), Failure> {
    let fail = |rule, seen, call_id| {
        Err(Failure {
            rule,
            seen,
            call_id,
        })
    };
    for phone in &world.phones {
        for call in phone
            .calls
            .iter()
            .filter(|call| matches!(call.state, State::Up | State::Calling { .. }))
        {
            let deaf = !call.caller && call.manner.deaf;
            if !deaf {
                return fail(
                    "every call ends",
                    format!("{:?}, confirmed: {}", call.state, call.confirmed),
                    Some(call.call_id.clone()),
                );
            }
        }
    }
    for (index, engine) in world.engines.iter().enumerate() {
        for shard in 0..engine.blueprint.shards {
            let held = engine.occupancy(shard);
            if !held.is_clear() || !engine.shards[usize::from(shard)].is_idle() {
                let seen = format!("engine {index} shard {shard}: {held:?}");
                return fail("every table empties", seen, None);
            }
        }
    }
    world.oracle.settle(world.now)
}

/// Ends everything and waits until it must have ended.
pub fn wind_down(world: &mut World) {
    for phone in 0..world.phones.len() {
        world.phone(phone, |phone, now, out| phone.retire(now, out));
    }
    world.run(secs(150));
}

fn run(seed: u64) -> World {
    let mut world = draw(seed);
    world.run(secs(75));
    if world.failure.is_none() {
        world.failure = ends_agree(&world).err();
    }
    wind_down(&mut world);
    if world.failure.is_none() {
        world.failure = all_is_over(&world).err();
    }
    world
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn swarm() {
    let seeds = match number("PINION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PINION_SEEDS").unwrap_or(200),
    };
    let mut broken: BTreeMap<&'static str, Vec<u64>> = BTreeMap::new();
    let mut reports = Vec::new();
    for seed in seeds {
        let world = run(seed);
        if let Some(failure) = &world.failure {
            let worlds = broken.entry(failure.rule).or_default();
            if worlds.is_empty() {
                reports.extend(world.report());
            }
            worlds.push(seed);
        }
    }
    assert!(
        broken.is_empty(),
        "{}\nbroken rules and their seeds: {broken:?}",
        reports.join("\n")
    );
}

#[test]
fn a_seed_is_one_history() {
    for seed in [1, 2, 3] {
        let (first, second) = (run(seed), run(seed));
        assert!(first.delivered > 0);
        assert_eq!(
            (first.delivered, first.history),
            (second.delivered, second.history),
            "seed {seed}"
        );
    }
}
