//! What plans do with callees: Local channels, routines, forwards, hunting,
//! callees that go on by themselves.

use super::*;
use crate::phone::{Manner, State};

/// A world of three users whose plan is `plan`.
fn three(plan: &str) -> World {
    stage_with(&["1001", "1002", "1003"], plan, |_| ())
}

const LOCAL: &str = "[default]
exten => _2X.,1,Dial(Local/${EXTEN:1}@inner/n,20)
[inner]
exten => _X.,1,Dial(Local/${EXTEN}@phones)
[phones]
exten => _1XXX,1,Dial(SIP/${EXTEN},20)
";

#[test]
fn a_chain_of_local_channels_is_one_call() {
    let mut world = three(LOCAL);
    world.phones[1].manner.early_sdp = true;
    world.phones[1].manner.rings = vec![180, 183];
    dial(&mut world, 0, "21002", Plan::hanging_up(secs(3)));
    go(&mut world, secs(3));
    assert!(world.phones[0].calls[0].faces(&world.phones[1].calls[0]));
    assert_eq!(world.phones[0].calls[0].state, State::Up);
    go(&mut world, secs(5));
    assert_eq!(world.phones[1].calls[0].state, State::Over(0));
    close(world);
}

#[test]
fn a_local_channel_is_refused_as_its_plan_says() {
    let mut world = three(LOCAL);
    world.phones[1].manner = Manner::rejecting(486);
    dial(&mut world, 0, "21002", Plan::default());
    go(&mut world, secs(3));
    assert_eq!(finals(&world, 0, "INVITE"), [486]);
    close(world);
}

#[test]
fn a_caller_cancels_through_local_channels() {
    let mut world = three(LOCAL);
    world.phones[1].manner.ending = crate::phone::Ending::Never;
    let plan = Plan {
        cancel_after: Some(secs(2)),
        ..Plan::default()
    };
    dial(&mut world, 0, "21002", plan);
    go(&mut world, secs(4));
    assert_eq!(finals(&world, 0, "INVITE"), [487]);
    assert_eq!(requests(&world, 1, "CANCEL").len(), 1);
    close(world);
}

#[test]
fn a_routine_keeps_the_answer_back() {
    let plan = "[default]
exten => _1XXX,1,Dial(SIP/${EXTEN},20,U(screen))
[screen]
exten => s,1,Wait(2)
 same => n,Return()
";
    let mut world = three(plan);
    dial(&mut world, 0, "1002", Plan::hanging_up(secs(2)));
    go(&mut world, secs(2));
    assert!(
        world.phones[1].calls[0].confirmed,
        "the callee is acknowledged"
    );
    assert_eq!(finals(&world, 0, "INVITE"), [0; 0]);
    go(&mut world, secs(2));
    assert_eq!(finals(&world, 0, "INVITE"), [200]);
    assert!(world.phones[0].calls[0].faces(&world.phones[1].calls[0]));
    close(world);
}

#[test]
fn a_callee_that_is_busy_gives_way_to_the_next() {
    let plan = "[default]
exten => _9X,1,Set(DIAL_HUNT=1)
 same => n,Dial(SIP/1002&SIP/1003,20)
";
    let mut world = three(plan);
    world.phones[1].manner = Manner::rejecting(486);
    dial(&mut world, 0, "91", Plan::hanging_up(secs(2)));
    go(&mut world, secs(3));
    assert_eq!(finals(&world, 0, "INVITE"), [200]);
    assert_eq!(requests(&world, 1, "INVITE").len(), 1);
    assert!(world.phones[0].calls[0].faces(&world.phones[2].calls[0]));
    close(world);
}

#[test]
fn a_callee_that_goes_on_may_dial_another() {
    let plan = "[default]
exten => _1XXX,1,Dial(SIP/${EXTEN},20,F)
 same => n,Dial(SIP/1003,20)
";
    let mut world = three(plan);
    dial(&mut world, 0, "1002", Plan::hanging_up(secs(2)));
    go(&mut world, secs(5));
    assert_eq!(world.phones[0].calls[0].state, State::Over(0));
    let (second, third) = (&world.phones[1].calls[0], &world.phones[2].calls[0]);
    assert_eq!((second.state, third.state), (State::Up, State::Up));
    assert!(second.faces(third));
    world.phone(2, |phone, now, out| phone.retire(now, out));
    go(&mut world, secs(4));
    assert_eq!(world.phones[1].calls[0].state, State::Over(0));
    close(world);
}

#[test]
fn a_callee_may_go_on_without_its_caller() {
    let plan = "[default]
exten => _1XXX,1,Dial(SIP/${EXTEN},20,F)
 same => n,Wait(4)
";
    let mut world = three(plan);
    dial(&mut world, 0, "1002", Plan::hanging_up(secs(2)));
    go(&mut world, secs(5));
    assert_eq!(world.phones[0].calls[0].state, State::Over(0));
    assert_eq!(world.phones[1].calls[0].state, State::Up);
    go(&mut world, secs(4));
    assert_eq!(world.phones[1].calls[0].state, State::Over(0));
    close(world);
}
