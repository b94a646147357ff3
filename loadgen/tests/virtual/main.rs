//! The generator in virtual time: against the engine's own shard, and against
//! servers of a few lines whose behaviour is known to the microsecond.

mod dialogs;
mod server;
mod world;

use std::time::Duration;

use pinion_loadgen::run::Worker;
use pinion_loadgen::tally::{Again, Cause, Stage, Tally};
use pinion_sip::machine::Machine;
use server::{Proxy, Responder};
use world::{CALM, Weather, World, plan, shard};

const CALL: &str = "call --uas local --users user{0..9} --callees callee{0..9} --seed 7";

fn failures(tally: &Tally) -> Vec<(String, u64)> {
    let named = tally.failures.iter();
    named
        .map(|(cause, count)| (cause.to_string(), *count))
        .collect()
}

/// Everything went well, and both ends say so.
fn assert_clean(tally: &Tally, units: u64) {
    assert_eq!(failures(tally), []);
    assert_eq!(
        (tally.begun, tally.completed, tally.failed),
        (units, units, 0)
    );
    assert_eq!((tally.strays, tally.skipped), (0, 0));
}

fn assert_agree(tally: &Tally, calls: u64) {
    let (caller, callee) = (tally.caller, tally.callee);
    assert_eq!((caller.answered, callee.answered), (calls, calls));
    assert_eq!((caller.ended, callee.ended), (calls, calls));
    assert_eq!((caller.marks, callee.strangers), (callee.marks, 0));
    assert_eq!(callee.unmarked, 0);
}

#[test]
fn calls_through_the_engine() {
    let mut world = World::new(
        plan(&format!("{CALL} --rate 50 --duration 2s --hold 3s")),
        shard(false),
        CALM,
    );
    let tally = world.run();
    assert_clean(tally, 100);
    assert_agree(tally, 100);
    assert!(tally.again.is_empty(), "{:?}", tally.again);
    for stage in [
        Stage::Invite18x,
        Stage::Invite200,
        Stage::Bye200,
        Stage::Ack,
    ] {
        assert_eq!(tally.stage(stage).unwrap().len(), 100, "{stage:?}");
    }
    // INVITE to the engine and on, 200 back and on: four ways.
    assert_eq!(tally.stage(Stage::Invite200).unwrap().max(), 400);
    // The engine answers a BYE by itself.
    assert_eq!(tally.stage(Stage::Bye200).unwrap().max(), 200);
    assert_eq!(tally.lateness.max(), 0);
}

#[test]
fn enrolment_keeps_to_the_room_there_is() {
    let flags = format!("{CALL} --rate 1 --duration 2s --most-at-once 2");
    let mut world = World::new(plan(&flags), shard(false), CALM);
    let tally = world.run();
    assert_clean(tally, 2);
}

#[test]
fn the_first_refusal_ends_the_enrolment() {
    let flags =
        "call --uas local --callees callee{0..99999} --rate 1 --duration 1s --t1 100 --seed 7";
    let mut world = World::new(plan(flags), Box::new(Responder::dead()), CALM);
    world.until(|world| world.caller.refusal().is_some());
    // 64 of them at once, and all of those after 64·T1.
    assert_eq!(world.since_start().as_secs(), 6);
}

#[test]
fn an_answer_to_another_method_is_none() {
    for (unit, other) in [
        ("options", "MESSAGE"),
        ("register", "INVITE"),
        ("message", "BYE"),
    ] {
        let flags = format!("{unit} --rate 10 --duration 1s --t1 100 --seed 7");
        let mut server = Responder::after(Duration::from_millis(1));
        server.names = Some(other);
        let mut world = World::new(plan(&flags), Box::new(server), CALM);
        let tally = world.run();
        assert_eq!((tally.completed, tally.failed), (0, 10), "{unit}");
        assert!(tally.strays >= 10, "{unit}: {}", tally.strays);
    }
}

#[test]
fn a_signal_ends_the_enrolment_at_once() {
    let flags = "call --uas local --callees callee{0..99999} --rate 1 --duration 1s --seed 7";
    let mut world = World::new(plan(flags), Box::new(Responder::dead()), CALM);
    world.until(|world| world.since_start() > Duration::from_millis(50));
    assert!(!world.caller.is_ready());
    world.drain();
    assert!(world.caller.is_ready() && world.caller.is_spent());
}

#[test]
fn nobody_called_stays_registered() {
    let flags = format!("{CALL} --password secret-of-{{user}} --rate 10 --duration 1s --hold 1s");
    let mut world = World::new(plan(&flags), shard(true), CALM);
    assert_clean(world.run(), 10);
    assert_eq!(world.bindings(), 0);
    // Nor when a signal ends it before the load.
    let mut world = World::new(plan(&flags), shard(true), CALM);
    world.until(|world| world.bindings() == 4);
    world.drain();
    world.caller.close(world.now());
    world.until(|world| world.caller.is_idle());
    assert_eq!(world.bindings(), 0);
}

#[test]
fn a_registrar_that_is_gone_is_not_waited_for_long() {
    let flags =
        "call --uas local --callees callee{0..99999} --rate 1 --duration 1s --t1 100 --seed 7";
    let mut world = World::new(plan(flags), Box::new(Responder::dead()), CALM);
    world.until(|world| world.since_start() > Duration::from_millis(50));
    world.drain();
    world.caller.close(world.now());
    assert!(world.caller.is_over() && !world.caller.is_idle());
    world.until(|world| world.caller.is_idle());
    // 64 of them at once, and all of those after 64·T1.
    assert_eq!(world.since_start().as_secs(), 6);
}

#[test]
fn a_signal_ends_conversations_at_once() {
    let flags = format!("{CALL} --rate 400 --duration 10s --hold 30m");
    let mut world = World::new(plan(&flags), shard(false), CALM);
    world.until(|world| world.caller.is_ready());
    world.begin();
    world.until(|world| world.caller.tally().caller.answered == 600);
    world.drain();
    let stopped = world.since_start();
    world.until(|world| world.caller.is_spent());
    assert!(world.since_start() - stopped < Duration::from_millis(10));
    let tally = world.caller.tally();
    assert_eq!((tally.failed, tally.completed), (0, tally.begun));
}

#[test]
fn calls_and_registrations_with_digest() {
    let flags =
        format!("{CALL} --password secret-of-{{user}} --rate 20 --duration 1s --ring 200ms");
    let mut world = World::new(plan(&flags), shard(true), CALM);
    let tally = world.run();
    assert_clean(tally, 20);
    assert_agree(tally, 20);
    let ring = tally.stage(Stage::Invite200).unwrap();
    // The challenge is part of the whole, within the histogram's three digits.
    assert!((200_500..=200_800).contains(&ring.min()), "{}", ring.min());
    let challenge = tally.stage(Stage::Invite401).unwrap();
    assert_eq!((challenge.len(), challenge.max()), (20, 200));

    let flags =
        "register --users user{0..9} --password secret-of-{user} --rate 20 --duration 1s --seed 3";
    let mut world = World::new(plan(flags), shard(true), CALM);
    let tally = world.run();
    assert_clean(tally, 20);
    for stage in [Stage::Register401, Stage::Register200] {
        let stage = tally.stage(stage).unwrap();
        assert_eq!((stage.len(), stage.max()), (20, 200));
    }
    assert_eq!(tally.stage(Stage::Whole).unwrap().max(), 400);
}

#[test]
fn a_wrong_password_fails_by_its_cause() {
    let flags = "register --users user{0..9} --password wrong --rate 10 --duration 1s --seed 3";
    let mut world = World::new(plan(flags), shard(true), CALM);
    let tally = world.run();
    assert_eq!((tally.completed, tally.failed), (0, 10));
    assert_eq!(failures(tally).len(), 1, "{:?}", failures(tally));
}

#[test]
fn the_busy_and_the_broken_are_as_planned() {
    let flags = format!("{CALL} --rate 50 --duration 4s --answer answer=2,busy=1,603=1");
    let mut world = World::new(plan(&flags), shard(false), CALM);
    let tally = world.run();
    assert_clean(tally, 200);
    let answered = tally.caller.answered;
    assert!((70..130).contains(&answered), "{answered} of 200 answered");
    assert_agree(tally, answered);
    assert_eq!(tally.caller.refused, 200 - answered);
    assert_eq!(tally.callee.refused, 200 - answered);
    let refused = tally.stage(Stage::InviteRefused).unwrap().len();
    assert_eq!(refused, 200 - answered);
}

#[test]
fn an_unexpected_refusal_is_a_failure() {
    let flags = "call --users user{0..9} --callees callee{0..9} --rate 10 --duration 1s --seed 9";
    // Nobody is registered.
    let mut world = World::new(plan(flags), shard(false), CALM);
    let tally = world.run();
    assert_eq!((tally.completed, tally.failed), (0, 10));
    assert_eq!(tally.failures[&Cause::Status("INVITE", 503)], 10);
}

#[test]
fn what_rings_too_long_is_cancelled() {
    let flags = format!("{CALL} --rate 10 --duration 1s --answer ring --answer-limit 2s");
    let mut world = World::new(plan(&flags), shard(false), CALM);
    let tally = world.run();
    assert_clean(tally, 10);
    assert_agree(tally, 0);
    assert_eq!(tally.callee.begun, 10);
    assert_eq!(tally.stage(Stage::Cancel487).unwrap().len(), 10);
    assert!(tally.again.is_empty(), "{:?}", tally.again);
}

#[test]
fn a_200_that_crosses_the_cancel_is_ended() {
    // The CANCEL leaves when the 200 is on its way.
    let flags = format!("{CALL} --rate 10 --duration 1s --ring 1s --answer-limit 1000250us");
    let mut world = World::new(plan(&flags), shard(false), CALM);
    let tally = world.run();
    assert_eq!(
        (tally.completed, tally.failed),
        (0, 10),
        "{:?}",
        failures(tally)
    );
    assert_eq!(tally.failures[&Cause::Unanswered], 10);
    assert_agree(tally, 10);
}

#[test]
fn one_in_a_hundred_lost_is_recovered() {
    let weather = Weather {
        loss: 10,
        seed: 5,
        ..CALM
    };
    let flags = format!("{CALL} --rate 200 --duration 10s --hold 1s");
    let mut world = World::new(plan(&flags), shard(false), weather);
    let tally = world.run();
    assert_eq!(failures(tally), []);
    assert_eq!((tally.begun, tally.completed), (2000, 2000));
    assert_agree(tally, 2000);
    // What the load loses of its own requests, and of answers to them, shows.
    let silent: u64 = tally
        .again
        .iter()
        .filter(|(cause, _)| matches!(cause, Again::Silent(_)))
        .map(|(_, count)| count)
        .sum();
    let lost = world.lost;
    assert!(lost > 200, "{lost} lost");
    assert!(
        (lost / 4..lost).contains(&silent),
        "{silent} sent again, {lost} lost"
    );
}

#[test]
fn the_same_seed_makes_the_same_bytes() {
    let weather = Weather {
        loss: 20,
        seed: 5,
        ..CALM
    };
    let history = |seed: u64| {
        let flags = format!(
            "mix --weights call=3,register=2,options=1,message=1 --uas local --users user{{0..9}} --callees callee{{0..9}} \
             --rate 100 --arrival poisson --duration 5s --hold 1s --seed {seed}"
        );
        let mut world = World::new(plan(&flags), shard(false), weather);
        let tally = world.run();
        let units = tally.begun;
        (world.history, units)
    };
    let first = history(11);
    assert!((400..600).contains(&first.1), "{} units", first.1);
    assert_eq!(first, history(11));
    assert_ne!(first.0, history(12).0);
}

#[test]
fn a_known_delay_is_measured_exactly() {
    let server = Responder::after(Duration::from_millis(7));
    let flags = "options --rate 100 --duration 5s --seed 1";
    let still = Weather {
        delay: Duration::ZERO,
        ..CALM
    };
    let mut world = World::new(plan(flags), Box::new(server), still);
    let tally = world.run();
    assert_clean(tally, 500);
    let stage = tally.stage(Stage::Options200).unwrap();
    assert_eq!(stage.value_at_quantile(0.5), stage.max());
    assert!((7000..=7004).contains(&stage.max()), "{}", stage.max());
}

/// A server that stands still for a second delays all that was due meanwhile,
/// and each of them says so.
#[test]
fn a_stall_is_charged_to_every_request_it_delayed() {
    let mut server = Responder::after(Duration::ZERO);
    server.stalls = Some((Duration::from_secs(2), Duration::from_millis(400)));
    let flags = "options --rate 1000 --duration 4s --seed 1";
    let mut world = World::new(plan(flags), Box::new(server), CALM);
    let tally = world.run();
    assert_clean(tally, 4000);
    let stage = tally.stage(Stage::Options200).unwrap();
    let slow = stage.len() - stage.count_between(0, 1000);
    assert!((395..=401).contains(&slow), "{slow} were slow");
    let mean = stage.value_at_quantile(0.95) as f64;
    assert!(
        (180_000.0..220_000.0).contains(&mean),
        "{mean} at p95: half of the stall"
    );
}

#[test]
fn silence_is_pressed_and_then_given_up() {
    let flags =
        "call --users user{0..9} --callees callee{0..9} --rate 1 --calls 1 --t1 100 --seed 1";
    let mut world = World::new(plan(flags), Box::new(Responder::dead()), CALM);
    let tally = world.run();
    assert_eq!(tally.failures[&Cause::Timeout("INVITE")], 1);
    // Timer A: after 1, 3, 7, 15, 31 and 63 times T1; B at 64.
    assert_eq!(tally.again[&Again::Silent("INVITE")], 6);
    let flags = "options --rate 1 --calls 1 --t1 500 --seed 1";
    let mut world = World::new(plan(flags), Box::new(Responder::dead()), CALM);
    let tally = world.run();
    assert_eq!(tally.failures[&Cause::Timeout("OPTIONS")], 1);
    // Timer E: after 0.5, 1.5, 3.5 and then every 4 s until 32 s.
    assert_eq!(tally.again[&Again::Silent("OPTIONS")], 10);
}

#[test]
fn a_proxy_that_records_its_route_stays_on_the_path() {
    let mut world = World::new(
        plan(&format!(
            "{CALL} --no-register --rate 20 --duration 1s --hold 1s"
        )),
        Box::new(Proxy::new(world::address("10.0.0.1:8000"))),
        CALM,
    );
    let tally = world.run();
    assert_clean(tally, 20);
    assert_agree(tally, 20);
    assert!(tally.again.is_empty(), "{:?}", tally.again);
    assert_eq!(
        tally.stage(Stage::Bye200).unwrap().max(),
        400,
        "the BYE went through the proxy"
    );
}

#[test]
fn a_closed_loop_keeps_its_number_in_flight() {
    let flags = "options --saturate 8 --duration 1s --seed 1";
    let mut world = World::new(
        plan(flags),
        Box::new(Responder::after(Duration::from_millis(10))),
        CALM,
    );
    let tally = world.run();
    // Each takes 10.2 ms, and the next begins at its end.
    assert!(
        (784..=792).contains(&tally.completed),
        "{}",
        tally.completed
    );
    assert_eq!(tally.failed, 0);
}
