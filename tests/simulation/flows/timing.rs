//! Moments the RFC names.

use super::*;
use crate::phone::Manner;

/// When a phone first saw a status for INVITE, in milliseconds since the last 401.
fn after_challenge(world: &World, phone: usize, status: u16) -> u64 {
    let challenged = received(world, phone)
        .filter(|(_, message)| message.status() == 401)
        .last()
        .unwrap()
        .0;
    let seen = received(world, phone)
        .find(|(_, message)| message.status() == status && message.method() == "INVITE");
    seen.expect("the status").0.since(challenged).as_millis() as u64
}

#[test]
fn trying_comes_within_200_ms_of_silence() {
    let mut world = stage(&["1001", "1002"]);
    world.phones[1].manner.deaf = true;
    dial(&mut world, 0, "1002", Plan::default());
    go(&mut world, secs(2));
    assert!(
        after_challenge(&world, 0, 100) <= 202,
        "{} ms",
        after_challenge(&world, 0, 100)
    );
    close(world);
}

#[test]
fn ringing_is_repeated_every_minute() {
    let plan = "[default]\nexten => _X.,1,Dial(SIP/${EXTEN},300)\n";
    let mut world = stage_with(&["1001", "1002"], plan, |_| ());
    world.phones[1].manner = Manner::ringing();
    dial(&mut world, 0, "1002", Plan::default());
    go(&mut world, secs(150));
    let ringing = received(&world, 0).filter(|(_, message)| message.status() == 180);
    let times: Vec<u64> = ringing.map(|(at, _)| at.as_micros() / 1_000).collect();
    assert!(times.len() >= 3, "§13.3.1.1: {times:?}");
    assert!(
        times.windows(2).all(|pair| pair[1] - pair[0] <= 60_000),
        "{times:?}"
    );
    close(world);
}

#[test]
fn a_dead_callees_invite_goes_out_seven_times_in_32_seconds() {
    let plan = "[default]\nexten => _X.,1,Dial(SIP/${EXTEN},300)\n";
    let mut world = stage_with(&["1001", "1002"], plan, |_| ());
    world.phones[1].manner.deaf = true;
    dial(&mut world, 0, "1002", Plan::default());
    go(&mut world, secs(40));
    let invites = received(&world, 1).filter(|(_, message)| message.method() == "INVITE");
    let times: Vec<u64> = invites.map(|(at, _)| at.as_micros() / 1_000).collect();
    let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps, [500, 1_000, 2_000, 4_000, 8_000, 16_000]);
    assert_eq!(finals(&world, 0, "INVITE").len(), 1, "timer B ended it");
    close(world);
}
