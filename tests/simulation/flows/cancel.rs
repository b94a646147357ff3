//! RFC 3261 §9: the caller changes its mind, at every moment.

use super::*;
use crate::phone::State;

#[test]
fn while_it_rings() {
    let mut world = stage(&["1001", "1002"]);
    dial(
        &mut world,
        0,
        "1002",
        Plan {
            cancel_after: Some(ms(500)),
            ..Plan::default()
        },
    );
    go(&mut world, secs(3));
    assert_eq!(finals(&world, 0, "INVITE"), [487]);
    assert_eq!(statuses(&world, 0, "CANCEL"), [200]);
    assert_eq!(world.phones[1].calls[0].state, State::Over(487));
    assert_eq!(requests(&world, 1, "CANCEL").len(), 1);
    assert_eq!(requests(&world, 1, "ACK").len(), 1);
    close(world);
}

#[test]
fn before_the_callee_said_anything() {
    let mut world = stage(&["1001", "1002"]);
    world.phones[1].manual = true;
    dial(
        &mut world,
        0,
        "1002",
        Plan {
            cancel_after: Some(ms(100)),
            ..Plan::default()
        },
    );
    go(&mut world, secs(3));
    assert_eq!(finals(&world, 0, "INVITE"), [487]);
    assert!(requests(&world, 1, "CANCEL").is_empty());
    let invite = requests(&world, 1, "INVITE").remove(0);
    reply(&mut world, 1, &invite, 180, "ph1.b", b"");
    go(&mut world, ms(100));
    let cancel = the_request(&world, 1, "CANCEL");
    reply(&mut world, 1, &cancel, 200, "ph1.b", b"");
    reply(&mut world, 1, &invite, 487, "ph1.b", b"");
    go(&mut world, secs(1));
    assert_eq!(requests(&world, 1, "ACK").len(), 1);
    close(world);
}

#[test]
fn just_as_the_callee_answers() {
    let mut world = stage(&["1001", "1002"]);
    world.phones[1].manual = true;
    dial(
        &mut world,
        0,
        "1002",
        Plan {
            cancel_after: Some(ms(500)),
            ..Plan::default()
        },
    );
    go(&mut world, ms(100));
    let invite = the_request(&world, 1, "INVITE");
    reply(&mut world, 1, &invite, 180, "ph1.b", b"");
    go(&mut world, ms(450));
    let cancel = the_request(&world, 1, "CANCEL");
    reply(&mut world, 1, &cancel, 200, "ph1.b", b"");
    reply(&mut world, 1, &invite, 200, "ph1.b", b"v=0\r\ns=late\r\n");
    go(&mut world, ms(400));
    assert_eq!(
        finals(&world, 0, "INVITE"),
        [487],
        "the caller has been told already"
    );
    assert_eq!(requests(&world, 1, "ACK").len(), 1);
    let bye = the_request(&world, 1, "BYE");
    assert_eq!(bye.tag("To").as_deref(), Some("ph1.b"));
    reply(&mut world, 1, &bye, 200, "ph1.b", b"");
    close(world);
}

#[test]
fn after_the_answer_was_sent() {
    // The engine's 200 and the caller's CANCEL cross: the call is up, the
    // CANCEL does nothing, and the caller ends it with BYE (§9.2, §15).
    let mut world = stage(&["1001", "1002"]);
    world.phones[1].manner.ending_after = ms(500);
    let mut crossings = 0;
    for after in 501..507 {
        let (a, b) = (world.phones[0].calls.len(), world.phones[1].calls.len());
        dial(
            &mut world,
            0,
            "1002",
            Plan {
                cancel_after: Some(ms(after)),
                ..Plan::default()
            },
        );
        go(&mut world, secs(10));
        assert!(
            world.phones[0].calls[a].is_over() && world.phones[1].calls[b].is_over(),
            "cancelled after {after} ms"
        );
        crossings += usize::from(world.phones[0].calls[a].state == State::Over(0));
    }
    assert!(
        (1..6).contains(&crossings),
        "the sweep must meet the crossing: {crossings}"
    );
    close(world);
}
