//! What a seed stands for: sizes, users, weather, calls, faults.
//!
//! Owns the draw; the world does what was planned. Troubles are absent in
//! many worlds, so that each also shows what it does alone.

use std::net::SocketAddr;
use std::time::Duration;

use pinion_sip::base::{Limits, Random};
use pinion_sip::config::{Peer, Realtime};
use pinion_sip::dialplan::{Action, Cause, Order, Whom};

use crate::database::Mood;
use crate::engine::Blueprint;
use crate::network::Weather;
use crate::noise;
use crate::phone::Plan;
use crate::stage::{self, DIALPLAN, ENGINE, OTHER_ENGINE, friend, roomy, trunk};
use crate::world::{Task, World};

/// When the network heals and nothing is broken on purpose any more.
pub const FAULTS_END: Duration = Duration::from_secs(40);

/// Calls to 2xxx go to the other engine.
const JOINED: &str = "[default]\nexten => _2XXX,1,Dial(SIP/trunk/${EXTEN},20)\nexten => _X.,1,Dial(SIP/${EXTEN},20)\n";

/// Longer ways to the same callee: through the plan once more, through a
/// routine of its own, and as the first of several.
const WINDING: [&str; 3] = [
    "[default]\nexten => _X.,1,Dial(Local/${EXTEN}@inner/n,20)\n\
     [inner]\nexten => _X.,1,Dial(SIP/${EXTEN},20)\n",
    "[default]\nexten => _X.,1,Dial(SIP/${EXTEN},20,b(seen^s^1)U(screen))\n\
     [seen]\nexten => s,1,Return()\n\
     [screen]\nexten => s,1,Wait(0.3)\n same => n,Return()\n",
    "[default]\nexten => _X.,1,Set(DIAL_HUNT=1)\n\
     same => n,Dial(SIP/${EXTEN}&SIP/1002,10)\n",
];

/// Calls hold and change what all share, on the way to their callee.
const SHARING: &str = "[default]\nexten => _X.,1,Set(GROUP()=all)\n\
    same => n,Set(GLOBAL(LAST)=${LAST}${EXTEN:-1})\n\
    same => n,Set(DB(last/${EXTEN})=${GROUP_COUNT(all)})\n\
    same => n,ExecIf($[${DB(last/${EXTEN})} > 3]?Congestion())\n\
    same => n,Set(TRIED=${TRYLOCK(one)})\n\
    same => n,Set(WAITED=${LOCK(two)})\n\
    same => n,Set(OUTBOUND_GROUP=out@${EXTEN})\n\
    same => n,Dial(SIP/${EXTEN},20)\n\
    exten => h,1,Set(FREED=${UNLOCK(two)})\n";

/// Whoever dials 8 before a number answers what rings for it.
const PICKING: &str = "[default]\nexten => _8.,1,Pickup(${EXTEN:1})\n\
    same => n,PickupChan(SIP/${EXTEN:1})\n\
    same => n,Congestion()\n\
    exten => _X.,1,Dial(SIP/${EXTEN},20)\n";

/// Callees dial others once their callers are gone, or instead of talking to them,
/// and hold what they are put into and take meanwhile.
const PARTING: &str = "[default]\nexten => _XXX[13],1,Set(OUTBOUND_GROUP=out)\n\
    same => n,Dial(SIP/${EXTEN},20,F)\n\
    same => n,Dial(SIP/1002,20,gF(both^s^2))\n\
    same => n,Wait(1)\n\
    exten => _X.,1,Set(OUTBOUND_GROUP=out)\n\
    same => n,Dial(SIP/${EXTEN},20,U(taken)G(both^s^1))\n\
    [both]\nexten => s,1,Set(GROUP()=all)\n\
    same => n,Dial(SIP/1003,20,F)\n\
    same => n,Dial(SIP/1001,20)\n\
    [taken]\nexten => s,1,Set(WAITED=${LOCK(two)})\n same => n,Return()\n";

/// The other engine calls whatever it is asked for.
const BEHIND: &str = DIALPLAN;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Whether one chance in `of` came.
fn chance(random: &mut Random, of: u64) -> bool {
    random.below(of) == 0
}

fn draw_limits(random: &mut Random) -> Limits {
    Limits {
        calls: 1 + random.below(3) as u32,
        transactions: 4 + random.below(20) as u32,
        bindings: 1 + random.below(4) as u32,
        pending: 1 + random.below(4) as u32,
        ..Limits::default()
    }
}

fn draw_peer(random: &mut Random, name: &str) -> Peer {
    let mut peer = friend(name);
    if chance(random, 4) {
        peer.call_limit = 1 + random.below(3) as u32;
    }
    peer
}

/// The world a seed stands for.
pub fn draw(seed: u64) -> World {
    let mut world = World::new(seed, Weather::calm());
    world.weather = Weather::draw(world.random());
    let (users, picking) = people(&mut world);
    world.oracle.picking = picking;
    registrations(&mut world);
    calls(&mut world, &users, picking);
    faults(&mut world);
    orders(&mut world, &users);
    originations(&mut world, &users);
    world.plan(FAULTS_END, Task::Clear);
    world
}

/// Engines, their users, and a phone or two for each; returns the users, and
/// whether they pick up each other's calls.
fn people(world: &mut World) -> (Vec<String>, bool) {
    let random = world.random();
    let tiny = chance(random, 5);
    let joined = chance(random, 5);
    let count = 2 + random.below(4);
    let twins = random.below(3);
    let names: Vec<String> = (0..count).map(|n| format!("{}", 1001 + n)).collect();
    let mut peers: Vec<Peer> = names.iter().map(|name| draw_peer(random, name)).collect();
    let away: Vec<String> = (0..u64::from(joined) * 2)
        .map(|n| format!("{}", 2001 + n))
        .collect();
    let mut others: Vec<Peer> = away.iter().map(|name| draw_peer(random, name)).collect();
    let (here, there) = (SocketAddr::from(ENGINE), SocketAddr::from(OTHER_ENGINE));
    // All devices in one database, which is the only one in such a world.
    let stored = chance(random, 4);
    let mut rows: Vec<Peer> = Vec::new();
    if stored {
        rows.append(&mut peers);
        rows.append(&mut others);
    }
    if joined {
        peers.push(trunk(there));
        others.push(trunk(here));
    }
    let dialplan = match random.below(9) {
        _ if joined => JOINED,
        way @ 0..3 => WINDING[way as usize],
        3 | 4 => SHARING,
        5 => PICKING,
        6 => PARTING,
        _ => DIALPLAN,
    };
    let mut sizes = || {
        (
            1 + random.below(4) as u16,
            if tiny { draw_limits(random) } else { roomy() },
        )
    };
    let (first, second) = (sizes(), sizes());
    let engines = [
        (here, first, peers, dialplan),
        (there, second, others, BEHIND),
    ];
    for (addr, (shards, limits), peers, dialplan) in
        engines.into_iter().take(1 + usize::from(joined))
    {
        let config = match stored {
            true => {
                let node = joined.then(|| stage::node(addr));
                let rules = Realtime {
                    node,
                    ..stage::REALTIME
                };
                stage::config_with(peers, Some(rules), dialplan)
            }
            false => stage::config(peers, dialplan),
        };
        world.add_engine(Blueprint {
            shards,
            limits,
            config,
            addr,
            seed: [0; 32],
        });
    }
    world.oracle.tiny = tiny;
    world.oracle.stored = stored;
    world.oracle.parting = dialplan == PARTING;
    for mut row in rows {
        row.max_contacts = 1;
        world.database.add(row);
    }
    let twins = names.iter().take(twins as usize);
    for name in names.iter().chain(twins).chain(&away) {
        let phone = stage::add_phone(world, name, usize::from(name.starts_with('2')));
        world.phones[phone].moody = true;
        world.phones[phone].keeps_nonce = chance(world.random(), 3);
    }
    (names.into_iter().chain(away).collect(), dialplan == PICKING)
}

/// Everybody registers; some come and go.
fn registrations(world: &mut World) {
    for phone in 0..world.phones.len() {
        let after = ms(world.random().below(900));
        world.plan(
            after,
            Task::Register {
                phone,
                expires_s: 3_600,
            },
        );
        if chance(world.random(), 3) {
            let expires_s = [0, 60, 600][world.random().below(3) as usize];
            let after = ms(1_000 + world.random().below(30_000));
            world.plan(after, Task::Register { phone, expires_s });
            let again = after + ms(world.random().below(9_000));
            world.plan(
                again,
                Task::Register {
                    phone,
                    expires_s: 3_600,
                },
            );
        }
    }
}

fn calls(world: &mut World, users: &[String], picking: bool) {
    let phones = world.phones.len() as u64;
    for _ in 0..3 + world.random().below(8) {
        let phone = world.random().below(phones) as usize;
        let target = match world.random().below(12) {
            0 => "4711".into(),
            1 => "abc".into(),
            _ => users[world.random().below(users.len() as u64) as usize].clone(),
        };
        let plan = Plan::draw(world.random());
        let after = ms(1_500 + world.random().below(25_000));
        if picking {
            pick_up(world, after, &target);
        }
        world.plan(
            after,
            Task::Call {
                phone,
                target,
                plan,
            },
        );
    }
}

/// One or two try to pick up a call that begins then.
fn pick_up(world: &mut World, after: Duration, target: &str) {
    let phones = world.phones.len() as u64;
    for _ in 0..1 + world.random().below(2) {
        let phone = world.random().below(phones) as usize;
        let plan = Plan::draw(world.random());
        let after = after + ms(world.random().below(2_000));
        let target = format!("8{target}");
        world.plan(
            after,
            Task::Call {
                phone,
                target,
                plan,
            },
        );
    }
}

/// The engine begins calls itself.
fn originations(world: &mut World, users: &[String]) {
    if !chance(world.random(), 4) {
        return;
    }
    for _ in 0..1 + world.random().below(3) {
        let [user, target] =
            [(), ()].map(|()| users[world.random().below(users.len() as u64) as usize].clone());
        let engine = usize::from(user.starts_with('2'));
        let shards = u64::from(world.engines[engine].blueprint.shards);
        let shard = world.random().below(shards) as u16;
        let after = ms(1_500 + world.random().below(25_000));
        world.plan(
            after,
            Task::Originate {
                engine,
                shard,
                user,
                target,
            },
        );
    }
}

/// Somebody at the console hangs up, or sends channels elsewhere.
fn orders(world: &mut World, users: &[String]) {
    if !chance(world.random(), 3) {
        return;
    }
    let engines = world.engines.len() as u64;
    for _ in 0..1 + world.random().below(4) {
        let user = &users[world.random().below(users.len() as u64) as usize];
        let whom = match world.random().below(4) {
            0 => Whom::All,
            1 => Whom::First(format!("SIP/{user}").into()),
            _ => Whom::Every(format!("SIP/{user}").into()),
        };
        let action = match world.random().below(3) {
            0 => Action::HangUp(Cause::NORMAL_CLEARING),
            1 => Action::HangUp(Cause::USER_BUSY),
            _ => Action::Redirect(format!("default,{user},1").into()),
        };
        let engine = world.random().below(engines) as usize;
        let after = ms(1_500 + world.random().below(36_000));
        let order = Order { whom, action };
        world.plan(after, Task::Order { engine, order });
    }
}

fn faults(world: &mut World) {
    let engines = world.engines.len() as u64;
    let moment = |world: &mut World| ms(world.random().below(30_000));
    let engine = world.random().below(engines) as usize;
    if chance(world.random(), 6) {
        for _ in 0..1 + world.random().below(2) {
            let shards = u64::from(world.engines[engine].blueprint.shards);
            let shard = world.random().below(shards) as u16;
            let after = moment(world);
            world.plan(after, Task::Panic { engine, shard });
        }
    }
    if chance(world.random(), 8) {
        let after = moment(world);
        world.plan(after, Task::Drain { engine });
    }
    if chance(world.random(), 6) {
        let after = moment(world);
        world.plan(after, Task::Reload { engine });
    }
    if chance(world.random(), 4) {
        let phones = world.phones.len() as u64;
        let phone = world.random().below(phones) as usize;
        let after = ms(world.random().below(20_000));
        let lasting = ms(world.random().below(19_000));
        world.plan(after, Task::Unplug { phone, lasting });
    }
    if !world.database.rows.is_empty() {
        for _ in 0..world.random().below(4) {
            let mood = match world.random().below(4) {
                0 => Mood::Refuses,
                1 => Mood::Silent,
                _ => Mood::Answers(ms(world.random().below(900))),
            };
            let after = moment(world);
            world.plan(after, Task::Database { mood });
        }
    }
    if chance(world.random(), 3) {
        for _ in 0..world.random().below(40) {
            let bytes = noise::draw(world.random());
            let after = moment(world);
            world.plan(after, Task::Noise { engine, bytes });
        }
    }
}
