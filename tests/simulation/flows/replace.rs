//! A shard dies and another takes its place: what was on it is void, what
//! was elsewhere goes on, and new calls are served.

use pinion_sip::base::{ShardId, shard_of};

use super::*;
use crate::world::Task;

/// The shard that owns a phone's call.
fn home(world: &World, phone: usize, call: usize) -> ShardId {
    shard_of(world.phones[phone].calls[call].call_id.as_bytes(), 2)
}

fn replace(world: &mut World, shard: ShardId) {
    world.plan(ms(0), Task::Panic { engine: 0, shard });
    go(world, ms(10));
}

/// Calls 1002 until a call lives on `shard`; returns its number.
fn dial_on(world: &mut World, shard: ShardId) -> usize {
    for _ in 0..32 {
        let call = dial(world, 0, "1002", Plan::default());
        go(world, secs(2));
        if home(world, 0, call) == shard {
            return call;
        }
        world.phone(0, |phone, _, out| phone.hang_up(call, out));
        go(world, secs(1));
    }
    panic!("no Call-ID of 32 hashed to shard {shard}");
}

/// Registers both phones again: bindings die with their shard.
fn register_again(world: &mut World) {
    for phone in 0..world.phones.len() {
        world.phone(phone, |phone, now, out| phone.register(now, 3_600, out));
    }
    go(world, secs(1));
}

#[test]
fn its_calls_are_unknown_and_new_ones_are_served() {
    let mut world = stage(&["1001", "1002"]);
    let call = dial_on(&mut world, 1);
    replace(&mut world, 1);
    world.phone(0, |phone, _, out| phone.hang_up(call, out));
    go(&mut world, secs(1));
    assert_eq!(statuses(&world, 0, "BYE").last(), Some(&481));
    register_again(&mut world);
    let call = dial_on(&mut world, 1);
    assert!(world.phones[0].calls[call].is_up());
    close(world);
}

#[test]
fn calls_of_the_other_shard_go_on() {
    let mut world = stage(&["1001", "1002"]);
    let call = dial_on(&mut world, 0);
    replace(&mut world, 1);
    world.phone(0, |phone, _, out| phone.hang_up(call, out));
    go(&mut world, secs(1));
    assert_eq!(statuses(&world, 0, "BYE").last(), Some(&200));
    assert!(world.phones[1].calls.iter().all(|call| call.is_over()));
    close(world);
}

#[test]
fn its_places_in_call_limits_are_free_again() {
    for shard in 0..2 {
        let mut world = stage_with(&["1001", "1002"], DIALPLAN, |peer| {
            peer.call_limit = u32::from(peer.name == "1002");
        });
        let first = dial_on(&mut world, shard);
        let second = dial(&mut world, 0, "1002", Plan::default());
        go(&mut world, secs(2));
        assert!(
            world.phones[0].calls[second].is_over(),
            "the only place is taken"
        );
        replace(&mut world, shard);
        register_again(&mut world);
        let third = dial(&mut world, 0, "1002", Plan::default());
        go(&mut world, secs(2));
        assert!(world.phones[0].calls[third].is_up(), "shard {shard}");
        world.phone(0, |phone, _, out| phone.hang_up(first, out));
        close(world);
    }
}
