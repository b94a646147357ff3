//! Phones calling each other with no engine between: a judge must first agree
//! with itself.

use std::time::Duration;

use super::*;
use crate::network::Weather;
use crate::stage::{DIALPLAN, config, roomy, world};
use crate::world::World;

/// Two phones, each the other's server.
fn pair(seed: u64, weather: Weather) -> World {
    let mut world = world(seed, weather, 1, roomy(), config(Vec::new(), DIALPLAN));
    for user in ["1001", "1002"] {
        world.add_phone(user, "", 0);
    }
    (world.phones[0].engine, world.phones[1].engine) = (world.phones[1].addr, world.phones[0].addr);
    world
}

fn call(world: &mut World, plan: Plan) {
    world.phone(0, |phone, now, out| phone.invite(now, "1002", plan, out));
}

fn requests(world: &World, phone: usize, method: &str) -> usize {
    world.phones[phone]
        .inbox
        .iter()
        .filter(|(_, message)| message.is_request() && message.method() == method)
        .count()
}

#[test]
fn a_call_comes_up_and_ends() {
    let mut world = pair(1, Weather::calm());
    call(&mut world, Plan::hanging_up(Duration::from_secs(5)));
    world.run(Duration::from_secs(3));
    assert!(
        world
            .phones
            .iter()
            .all(|phone| phone.calls[0].is_up() && phone.calls[0].confirmed)
    );
    assert!(world.phones[0].calls[0].faces(&world.phones[1].calls[0]));
    world.run(Duration::from_secs(10));
    assert!(
        world
            .phones
            .iter()
            .all(|phone| phone.calls[0].state == State::Over(0))
    );
}

#[test]
fn a_cancelled_call_ends_with_487() {
    let mut world = pair(1, Weather::calm());
    call(
        &mut world,
        Plan {
            cancel_after: Some(Duration::ZERO),
            ..Plan::default()
        },
    );
    world.run(Duration::from_secs(5));
    assert_eq!(world.phones[0].calls[0].state, State::Over(487));
    assert_eq!(
        (requests(&world, 1, "CANCEL"), requests(&world, 1, "ACK")),
        (1, 1)
    );
}

#[test]
fn an_answer_without_ack_is_repeated_for_32_seconds() {
    let mut world = pair(1, Weather::calm());
    call(
        &mut world,
        Plan {
            acks: false,
            ..Plan::default()
        },
    );
    world.run(Duration::from_secs(60));
    let answers = world.phones[0]
        .inbox
        .iter()
        .filter(|(_, message)| message.status() == 200 && message.method() == "INVITE");
    assert_eq!(answers.count(), 11);
    assert_eq!(requests(&world, 0, "BYE"), 1);
}

#[test]
fn a_hold_arrives_with_its_sdp() {
    let mut world = pair(1, Weather::calm());
    let acts = vec![
        (Duration::from_secs(1), Act::Hold),
        (Duration::from_secs(2), Act::LateHold),
        (Duration::from_secs(3), Act::Info),
    ];
    call(
        &mut world,
        Plan {
            acts,
            ..Plan::default()
        },
    );
    world.run(Duration::from_secs(8));
    let (a, b) = (&world.phones[0].calls[0], &world.phones[1].calls[0]);
    assert_eq!(a.sent_bodies, b.bodies);
    assert_eq!(b.sent_bodies, a.bodies);
    assert_eq!(a.sent_bodies.len(), 4, "offer, hold, answer in ACK, INFO");
}

#[test]
fn re_invites_that_meet_are_refused_and_repeated() {
    let mut world = pair(1, Weather::calm());
    call(&mut world, Plan::default());
    world.run(Duration::from_secs(3));
    for phone in 0..2 {
        world.phone(phone, |phone, _, out| phone.perform(0, Act::Hold, out));
    }
    world.run(Duration::from_secs(6));
    let refused = |phone: usize| {
        world.phones[phone]
            .inbox
            .iter()
            .filter(|(_, message)| message.status() == 491)
            .count()
    };
    assert_eq!((refused(0), refused(1)), (1, 1));
    assert_eq!(
        (requests(&world, 0, "INVITE"), requests(&world, 1, "INVITE")),
        (2, 3)
    );
}

#[test]
fn in_bad_weather_every_call_ends_at_both_ends() {
    for seed in 0..60 {
        let mut world = pair(seed, Weather::calm());
        world.weather = Weather::draw(world.random());
        world.phones[1].moody = true;
        let plan = Plan::draw(world.random());
        call(&mut world, plan);
        world.run(Duration::from_secs(40));
        world.weather = Weather::calm();
        world.run(Duration::from_secs(40));
        for phone in 0..2 {
            world.phone(phone, |phone, now, out| phone.retire(now, out));
        }
        world.run(Duration::from_secs(120));
        for phone in &world.phones {
            for call in phone.calls.iter().filter(|call| !call.manner.deaf) {
                assert!(
                    call.is_over(),
                    "seed {seed}: {call:?}\n{}",
                    world.ladder.text(None)
                );
            }
        }
    }
}
