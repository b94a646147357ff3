//! Engines over one database: a call goes to the engine that holds the
//! callee's telephone, which no other can reach.

use std::net::SocketAddr;

use pinion_sip::auth::node::{Claim, HEADER};
use pinion_sip::config::{Presentation, Qualify, Realtime};

use super::*;
use crate::engine::Blueprint;
use crate::phone::{Ending, Manner};
use crate::stage::{ENGINE, OTHER_ENGINE, REALTIME, database_config};
use crate::world::Task;

fn blueprint(addr: SocketAddr) -> Blueprint {
    let rules = Realtime {
        node: Some(stage::node(addr)),
        ..REALTIME
    };
    let dialplan = "[default]\nexten => _1XXX,1,Dial(SIP/${EXTEN},20)\n\
                    exten => _2XXX,1,Dial(SIP/1002/${EXTEN},20)\n";
    Blueprint {
        shards: 2,
        limits: roomy(),
        config: database_config(rules, dialplan),
        addr,
        seed: [0; 32],
    }
}

/// Two engines that share 1001, whose phone is at the first, and 1002, whose
/// phone is at the second. Neither engine reaches the other's phone.
fn two_nodes(change: impl Fn(&mut Peer)) -> World {
    let mut world = World::new(7, Weather::calm());
    for addr in [ENGINE, OTHER_ENGINE] {
        world.add_engine(blueprint(addr.into()));
    }
    for (engine, user) in ["1001", "1002"].into_iter().enumerate() {
        let mut row = friend(user);
        row.max_contacts = 1;
        change(&mut row);
        world.database.add(row);
        let phone = add_phone(&mut world, user, engine);
        let away = world.engines[1 - engine].blueprint.addr;
        world.apart.insert((away, world.phones[phone].addr));
        world.phone(phone, |phone, now, out| phone.register(now, 3_600, out));
    }
    go(&mut world, secs(1));
    for phone in 0..2 {
        assert_eq!(statuses(&world, phone, "REGISTER"), [401, 200]);
    }
    world
}

#[test]
fn phones_of_two_engines_call_each_other() {
    let mut world = two_nodes(|_| ());
    assert_eq!(call_briefly(&mut world, 0, "1002"), [200]);
    assert_eq!(call_briefly(&mut world, 1, "1001"), [200]);
    let invite = the_request(&world, 1, "INVITE");
    assert_eq!(invite.uri(), "sip:1002@10.0.0.2:5060");
    assert!(invite.get("From").unwrap().contains("sip:1001@10.9.9.2"));
    assert_eq!(invite.get(HEADER), None, "a proof is for nodes alone");
    let left: u32 = invite.get("Max-Forwards").unwrap().parse().unwrap();
    assert!(left <= 68, "{left}: two engines have been passed");
    close(world);
}

#[test]
fn the_callee_is_asked_for_whom_the_plan_says() {
    let mut world = two_nodes(|_| ());
    assert_eq!(call_briefly(&mut world, 0, "2345"), [200]);
    let invite = the_request(&world, 1, "INVITE");
    assert_eq!(invite.uri(), "sip:2345@10.0.0.2:5060");
    close(world);
}

#[test]
fn a_number_that_is_withheld_stays_so() {
    let mut world = two_nodes(|row| row.callingpres = Some(Presentation::of(0x20)));
    assert_eq!(call_briefly(&mut world, 0, "1002"), [200]);
    let invite = the_request(&world, 1, "INVITE");
    assert!(invite.get("From").unwrap().contains("anonymous.invalid"));
    assert!(!invite.head().contains("1001"), "{}", invite.head());
    close(world);
}

#[test]
fn a_busy_phone_is_busy_for_all() {
    let mut world = two_nodes(|_| ());
    world.phones[1].manner = Manner {
        ending: Ending::Reject(486),
        ..Manner::default()
    };
    assert_eq!(call_briefly(&mut world, 0, "1002"), [486]);
    close(world);
}

#[test]
fn a_caller_that_gives_up_stops_the_ringing() {
    let mut world = two_nodes(|_| ());
    let plan = Plan {
        cancel_after: Some(ms(500)),
        ..Plan::default()
    };
    dial(&mut world, 0, "1002", plan);
    go(&mut world, secs(3));
    assert!(statuses(&world, 0, "INVITE").contains(&180));
    assert_eq!(finals(&world, 0, "INVITE"), [487]);
    assert_eq!(requests(&world, 1, "CANCEL").len(), 1);
    close(world);
}

#[test]
fn a_message_goes_the_same_way() {
    let mut world = two_nodes(|_| ());
    let message = draft(&mut world, 0, "MESSAGE", "1002").body("text/plain", b"ho");
    let answer = ask_authorized(&mut world, 0, message);
    assert_eq!(answer.status(), 200);
    assert_eq!(the_request(&world, 1, "MESSAGE").body, b"ho");
    close(world);
}

#[test]
fn only_the_engine_that_holds_a_phone_watches_it() {
    let mut world = two_nodes(|row| row.qualify = Qualify::Within(ms(2_000)));
    assert_eq!(call_briefly(&mut world, 0, "1002"), [200]);
    go(&mut world, secs(130));
    let asked = requests(&world, 1, "OPTIONS");
    assert!(!asked.is_empty());
    assert_eq!(
        call_briefly(&mut world, 0, "1002"),
        [200],
        "it is not taken for gone"
    );
    close(world);
}

#[test]
fn phones_of_a_killed_engine_are_called_where_they_went() {
    let mut world = two_nodes(|_| ());
    assert_eq!(call_briefly(&mut world, 1, "1001"), [200]);
    world.plan(ms(1), Task::Kill { engine: 0 });
    go(&mut world, secs(1));
    world.apart.clear();
    world.phones[0].engine = OTHER_ENGINE.into();
    world.phone(0, |phone, now, out| phone.register(now, 3_600, out));
    go(&mut world, secs(1));
    assert_eq!(statuses(&world, 0, "REGISTER")[2..], [401, 200]);
    assert_eq!(call_briefly(&mut world, 1, "1001"), [200]);
    assert_eq!(call_briefly(&mut world, 0, "1002"), [200]);
    close(world);
}

#[test]
fn a_phone_that_left_is_not_sought_in_a_circle() {
    let mut world = two_nodes(|_| ());
    assert_eq!(call_briefly(&mut world, 0, "1002"), [200]);
    // Each engine holds the other for the one that has the phone.
    let row = world.database.rows.get_mut("1002").expect("the row");
    row.contacts[0].regserver = stage::node(ENGINE.into()).name.clone();
    for shard in 0..2 {
        world.plan(ms(1), Task::Panic { engine: 1, shard });
    }
    let invites = requests(&world, 1, "INVITE").len();
    assert_eq!(call_briefly(&mut world, 1, "1002"), [503]);
    assert_eq!(requests(&world, 1, "INVITE").len(), invites);
    close(world);
}

#[test]
fn a_forged_proof_is_challenged() {
    let mut world = two_nodes(|_| ());
    let invite = draft(&mut world, 0, "INVITE", "1001");
    let tag = invite.tag("From").expect("a tag");
    let claim = Claim {
        call_id: invite.call_id().as_bytes(),
        from_tag: tag.as_bytes(),
        user: b"1001",
        to_user: b"1001",
    };
    let other = stage::node(OTHER_ENGINE.into());
    let wrong = other.key.prove(b"node-1", claim).lossy().into_owned();
    let none = "node-1;proof=00000000000000000000000000000000".to_owned();
    for (number, value) in [wrong, none].into_iter().enumerate() {
        let forged = invite
            .clone()
            .set("CSeq", format!("{} INVITE", 10 + number))
            .with(HEADER, value);
        assert_eq!(ask(&mut world, 0, &forged).expect("a reply").status(), 401);
    }
    assert!(requests(&world, 0, "INVITE").is_empty());
    close(world);
}
