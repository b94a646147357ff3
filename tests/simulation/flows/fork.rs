//! RFC 3261 §13.2.2.4 and §16.7: several callees, several early dialogs.

use super::*;
use crate::phone::{Manner, State};

#[test]
fn the_first_to_answer_wins_and_the_other_is_cancelled() {
    let mut world = stage(&["1001", "1002", "1002"]);
    world.phones[1].manner.ending_after = secs(5);
    dial(&mut world, 0, "1002", Plan::hanging_up(secs(4)));
    go(&mut world, secs(3));
    assert_eq!(world.phones[1].calls[0].state, State::Over(487));
    assert_eq!(world.phones[2].calls[0].state, State::Up);
    assert_eq!(requests(&world, 1, "CANCEL").len(), 1);
    assert!(requests(&world, 2, "CANCEL").is_empty());
    assert!(world.phones[0].calls[0].faces(&world.phones[2].calls[0]));
    close(world);
}

#[test]
fn both_answer_at_once_and_the_loser_is_hung_up() {
    let mut world = stage(&["1001", "1002", "1002"]);
    dial(&mut world, 0, "1002", Plan::default());
    go(&mut world, secs(4));
    assert_eq!(finals(&world, 0, "INVITE"), [200]);
    let mut states: Vec<bool> = (1..3)
        .map(|phone| world.phones[phone].calls[0].is_up())
        .collect();
    states.sort();
    assert_eq!(states, [false, true]);
    let loser = (1..3)
        .find(|&phone| !world.phones[phone].calls[0].is_up())
        .unwrap();
    assert!(
        world.phones[loser].calls[0].confirmed,
        "its 2xx was acknowledged"
    );
    assert_eq!(requests(&world, loser, "BYE").len(), 1);
    close(world);
}

#[test]
fn one_refuses_and_the_other_answers() {
    let mut world = stage(&["1001", "1002", "1002"]);
    world.phones[1].manner = Manner::rejecting(486);
    world.phones[2].manner.ending_after = secs(3);
    dial(&mut world, 0, "1002", Plan::hanging_up(secs(3)));
    go(&mut world, secs(5));
    assert_eq!(finals(&world, 0, "INVITE"), [200]);
    assert_eq!(world.phones[2].calls[0].state, State::Up);
    close(world);
}

#[test]
fn three_early_dialogs_and_one_answer() {
    let mut world = stage(&["1001", "1002"]);
    world.phones[1].manner = Manner {
        forks: 3,
        ..Manner::default()
    };
    dial(&mut world, 0, "1002", Plan::hanging_up(secs(3)));
    go(&mut world, secs(3));
    assert!(world.phones[1].calls[0].is_up());
    assert!(statuses(&world, 0, "INVITE").contains(&180));
    go(&mut world, secs(4));
    assert_eq!(world.phones[1].calls[0].state, State::Over(0));
    close(world);
}

#[test]
fn a_late_second_answer_is_acknowledged_and_hung_up() {
    let mut world = stage(&["1001", "1002"]);
    world.phones[1].manner = Manner {
        forks: 3,
        second_answer: Some(ms(700)),
        ..Manner::default()
    };
    dial(&mut world, 0, "1002", Plan::default());
    go(&mut world, secs(5));
    let calls = &world.phones[1].calls;
    assert_eq!(calls.len(), 2);
    assert!(calls[0].is_up() && calls[0].confirmed);
    assert!(calls[1].confirmed, "the second 2xx was acknowledged");
    assert_eq!(calls[1].state, State::Over(0));
    assert_eq!(finals(&world, 0, "INVITE"), [200]);
    close(world);
}
