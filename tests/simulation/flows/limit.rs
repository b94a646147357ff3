//! Limits that hold across shards and engines.

use std::net::SocketAddr;

use super::*;
use crate::engine::Blueprint;
use crate::phone::State;
use crate::stage::{ENGINE, OTHER_ENGINE, trunk};

#[test]
fn a_call_limit_is_exact_across_shards() {
    let users = [
        "1001", "1002", "1003", "1004", "1005", "1006", "1007", "1008", "1009", "1010",
    ];
    let mut world = stage_with(&users, DIALPLAN, |peer| {
        if peer.name == "1001" {
            peer.call_limit = 10;
        }
    });
    let callers = users.len() - 1;
    for call in 0..200 {
        dial(&mut world, 1 + call % callers, "1001", Plan::default());
    }
    go(&mut world, secs(10));
    let up = |world: &World| {
        world.phones[1..]
            .iter()
            .flat_map(|phone| &phone.calls)
            .filter(|call| call.is_up())
            .count()
    };
    assert_eq!(up(&world), 10);
    assert_eq!(world.phones[0].calls.len(), 10);
    for phone in 1..users.len() {
        for call in 0..world.phones[phone].calls.len() {
            world.phone(phone, |phone, _, out| phone.hang_up(call, out));
        }
    }
    go(&mut world, secs(2));
    assert_eq!(up(&world), 0);
    for call in 0..20 {
        dial(&mut world, 1 + call % callers, "1001", Plan::default());
    }
    go(&mut world, secs(5));
    assert_eq!(up(&world), 10, "every place was given back");
    close(world);
}

#[test]
fn two_engines_that_route_to_each_other() {
    let other = SocketAddr::from(OTHER_ENGINE);
    let dialplan = "[default]\nexten => _X.,1,Dial(SIP/trunk/${EXTEN},60)\n";
    let mut world = stage::world(
        7,
        Weather::calm(),
        2,
        roomy(),
        config(vec![friend("1001"), trunk(other)], dialplan),
    );
    let config = config(vec![trunk(SocketAddr::from(ENGINE))], dialplan);
    world.add_engine(Blueprint {
        shards: 2,
        limits: roomy(),
        config,
        addr: other,
        seed: [0; 32],
    });
    let caller = add_phone(&mut world, "1001", 0);
    dial(&mut world, caller, "5555", Plan::default());
    go(&mut world, secs(10));
    assert!(
        world.ladder.count("SIP/2.0 483") > 0,
        "the loop ends where Max-Forwards does"
    );
    assert!(
        world.ladder.count("INVITE sip:") <= 75,
        "{} INVITEs",
        world.ladder.count("INVITE sip:")
    );
    assert!(matches!(
        world.phones[caller].calls[0].state,
        State::Over(400..)
    ));
    close(world);
}
