//! Many worlds, one after the other, each from its seed.
//!
//! Faults stop, callers stop, time runs on, and then every table must be
//! empty. Owns the end of a world and the report over all.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::oracle::Failure;
use crate::phone::State;
use crate::scenario::{self, FAULTS_END};
use crate::world::World;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Both ends of each call that is up must think so. Where the engine has begun
/// calls, or callees have left theirs, both may be callees, and nobody can tell
/// which belong together.
pub fn ends_agree(world: &World) -> Result<(), Failure> {
    if world.oracle.originated || world.oracle.parting {
        return Ok(());
    }
    let calls = || world.phones.iter().flat_map(|phone| phone.calls.iter());
    for call in
        calls().filter(|call| call.is_up() && call.confirmed && !world.oracle.forgotten(call.since))
    {
        // Two callers may face each other: one of them has picked up the other's call.
        let faces = calls().filter(|other| !std::ptr::eq(*other, call) && other.faces(call));
        let mut states = faces.map(|other| (other.is_up(), other.state)).peekable();
        if states.peek().is_none() || states.all(|(up, _)| !up) {
            return Err(Failure {
                rule: "both ends agree on whether a call is up",
                seen: format!("{} thinks so", call.call_id),
                call_id: Some(call.call_id.clone()),
            });
        }
    }
    for call in calls().filter(|call| !call.caller && !call.manner.deaf) {
        let faces = || calls().filter(|other| other.caller && other.faces(call));
        let ringing = call.state == State::Calling { ringing: true };
        if ringing
            && faces().count() > 0
            && faces().all(|other| other.is_over())
            && !world.oracle.forgotten(call.since)
        {
            return Err(Failure {
                rule: "nobody rings for a caller that is gone",
                seen: format!("{} rings", call.call_id),
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
    for call in world.phones.iter().flat_map(|phone| &phone.calls) {
        if call.caller && call.confirmed && !world.oracle.forgotten(call.since) {
            world.oracle.judge_record(&call.call_id)?;
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
    let mut world = scenario::draw(seed);
    world.run(FAULTS_END + secs(35));
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

/// What the worlds must have met between them, or they prove nothing: the
/// beginnings of lines in the ladder.
const SIGHTS: [&str; 25] = [
    "SIP/2.0 100",
    "SIP/2.0 180",
    "SIP/2.0 183",
    "SIP/2.0 200",
    "SIP/2.0 401",
    "SIP/2.0 403",
    "SIP/2.0 404",
    "SIP/2.0 480",
    "SIP/2.0 481",
    "SIP/2.0 486",
    "SIP/2.0 487",
    "SIP/2.0 491",
    "SIP/2.0 503",
    "SIP/2.0 603",
    "CANCEL ",
    "BYE ",
    "INFO ",
    "MESSAGE ",
    "an envelope to shard",
    "panics",
    "drain",
    "is ordered",
    "rings 1",
    "unplugged",
    "a leg moves to shard",
];

#[test]
fn swarm() {
    let worlds = number("PINION_SEEDS").unwrap_or(200);
    let (seeds, whole) = match number("PINION_SEED") {
        Some(seed) => (seed..seed + 1, false),
        None => (0..worlds, worlds >= 200),
    };
    let mut broken: BTreeMap<&'static str, Vec<u64>> = BTreeMap::new();
    let mut reports = Vec::new();
    let mut unseen: Vec<&str> = if whole { SIGHTS.to_vec() } else { Vec::new() };
    for seed in seeds {
        let world = run(seed);
        unseen.retain(|sight| !world.ladder.shows(sight));
        if let Some(failure) = &world.failure {
            let seeds = broken.entry(failure.rule).or_default();
            if seeds.is_empty() {
                reports.extend(world.report());
            }
            seeds.push(seed);
        }
    }
    assert!(
        broken.is_empty(),
        "{}\nbroken rules and their seeds: {broken:?}",
        reports.join("\n")
    );
    assert!(unseen.is_empty(), "no world showed {unseen:?}");
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
