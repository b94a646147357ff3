//! Two phones and a call between them (RFC 3665 §3, and Asterisk's outcomes).

use super::*;
use crate::phone::{Act, Manner, State};

fn both(world: &World, state: State) {
    for phone in 0..2 {
        assert_eq!(world.phones[phone].calls[0].state, state, "phone {phone}");
    }
}

#[test]
fn the_caller_hangs_up() {
    let mut world = stage(&["1001", "1002"]);
    dial(&mut world, 0, "1002", Plan::hanging_up(secs(3)));
    go(&mut world, secs(2));
    both(&world, State::Up);
    assert!(world.phones[0].calls[0].faces(&world.phones[1].calls[0]));
    assert_eq!(
        world.phones[0].calls[0].sent_bodies,
        world.phones[1].calls[0].bodies
    );
    assert_eq!(
        world.phones[1].calls[0].sent_bodies,
        world.phones[0].calls[0].bodies
    );
    go(&mut world, secs(5));
    both(&world, State::Over(0));
    assert_eq!(
        (
            requests(&world, 0, "BYE").len(),
            requests(&world, 1, "BYE").len()
        ),
        (0, 1)
    );
    assert_eq!(statuses(&world, 0, "BYE"), [200]);
    close(world);
}

#[test]
fn the_callee_hangs_up() {
    let mut world = stage(&["1001", "1002"]);
    world.phones[1].manner = Manner {
        acts: vec![(secs(2), Act::Bye)],
        ..Manner::default()
    };
    dial(&mut world, 0, "1002", Plan::default());
    go(&mut world, secs(6));
    both(&world, State::Over(0));
    assert_eq!(
        (
            requests(&world, 0, "BYE").len(),
            requests(&world, 1, "BYE").len()
        ),
        (1, 0)
    );
    close(world);
}

#[test]
fn the_caller_sees_trying_ringing_and_the_answer() {
    let mut world = stage(&["1001", "1002"]);
    dial(&mut world, 0, "1002", Plan::default());
    go(&mut world, secs(3));
    let mut seen = statuses(&world, 0, "INVITE");
    seen.retain(|&status| status != 100);
    assert_eq!(seen, [401, 180, 200]);
    close(world);
}

#[test]
fn the_callee_refuses_and_the_caller_hears_what_asterisk_says() {
    let outcomes = [
        (486, 486),
        (600, 486),
        (603, 486),
        (480, 486),
        (404, 503),
        (403, 503),
        (410, 503),
        (500, 503),
        (503, 503),
    ];
    for (said, heard) in outcomes {
        let mut world = stage(&["1001", "1002"]);
        world.phones[1].manner = Manner::rejecting(said);
        dial(&mut world, 0, "1002", Plan::default());
        go(&mut world, secs(5));
        assert_eq!(finals(&world, 0, "INVITE"), [heard], "callee said {said}");
        assert_eq!(requests(&world, 1, "ACK").len(), 1, "callee said {said}");
        close(world);
    }
}

#[test]
fn nobody_answers_for_20_seconds() {
    let mut world = stage(&["1001", "1002"]);
    world.phones[1].manner = Manner::ringing();
    dial(&mut world, 0, "1002", Plan::default());
    go(&mut world, ms(19_900));
    assert!(finals(&world, 0, "INVITE").is_empty());
    go(&mut world, ms(400));
    assert_eq!(finals(&world, 0, "INVITE"), [603]);
    assert_eq!(requests(&world, 1, "CANCEL").len(), 1);
    assert_eq!(world.phones[1].calls[0].state, State::Over(487));
    close(world);
}

#[test]
fn the_callee_says_nothing_at_all() {
    let mut world = stage(&["1001", "1002"]);
    world.phones[1].manner.deaf = true;
    dial(&mut world, 0, "1002", Plan::default());
    go(&mut world, secs(21));
    assert_eq!(finals(&world, 0, "INVITE"), [603]);
    assert_eq!(
        requests(&world, 1, "INVITE").len(),
        6,
        "at 0, 0.5, 1.5, 3.5, 7.5 and 15.5 s"
    );
    assert!(
        requests(&world, 1, "CANCEL").is_empty(),
        "no CANCEL before a 1xx"
    );
    close(world);
}

#[test]
fn an_extension_that_does_not_exist() {
    let mut world = stage(&["1001"]);
    dial(&mut world, 0, "abc", Plan::default());
    go(&mut world, secs(2));
    assert_eq!(finals(&world, 0, "INVITE"), [404]);
    close(world);
}

#[test]
fn a_user_that_does_not_exist() {
    let mut world = stage(&["1001"]);
    dial(&mut world, 0, "999999", Plan::default());
    go(&mut world, secs(2));
    assert_eq!(finals(&world, 0, "INVITE"), [503]);
    close(world);
}

#[test]
fn a_phone_may_call_itself() {
    let mut world = stage(&["1001"]);
    dial(&mut world, 0, "1001", Plan::hanging_up(secs(2)));
    go(&mut world, secs(10));
    assert_eq!(world.phones[0].calls.len(), 2);
    both_over(&world);
    close(world);
}

fn both_over(world: &World) {
    assert!(
        world.phones[0]
            .calls
            .iter()
            .all(|call| call.state == State::Over(0))
    );
}
