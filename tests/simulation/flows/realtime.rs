//! Devices that live in a database: read when they are needed, written when
//! they register, and what goes on while it does not answer.

use pinion_sip::config::{Qualify, Realtime, Secret};

use super::*;
use crate::database::Mood;
use crate::engine::Blueprint;
use crate::stage::{ENGINE, OTHER_ENGINE, REALTIME, database_config};

/// Users of the database alone, a phone each, nobody registered, two shards.
fn stage_of(users: &[&str], realtime: Realtime) -> World {
    let config = database_config(realtime, DIALPLAN);
    let mut world = stage::world(7, Weather::calm(), 2, roomy(), config);
    for user in users {
        world.database.add(row(user));
        add_phone(&mut world, user, 0);
    }
    world
}

/// A device as its row has it, with room for one contact.
fn row(user: &str) -> Peer {
    let mut peer = friend(user);
    peer.max_contacts = 1;
    peer
}

fn register(world: &mut World, phone: usize, expires_s: u32) {
    world.phone(phone, |phone, now, out| phone.register(now, expires_s, out));
}

/// The same, registered.
fn registered(users: &[&str]) -> World {
    let mut world = stage_of(users, REALTIME);
    for phone in 0..users.len() {
        register(&mut world, phone, 3_600);
    }
    go(&mut world, secs(1));
    for phone in 0..users.len() {
        assert_eq!(statuses(&world, phone, "REGISTER"), [401, 200]);
    }
    world
}

#[test]
fn a_phone_of_the_database_registers_and_is_called() {
    let mut world = registered(&["1001", "1002"]);
    let contact = world.phones[1].contact();
    assert!(contact.contains(&world.database.contacts("1002")[0]));
    let row = &world.database.rows["1002"].contacts[0];
    assert_eq!(row.address, world.phones[1].addr);
    assert_eq!(row.defaultuser.as_bytes(), b"1002");
    assert_eq!(call_briefly(&mut world, 0, "1002"), [200]);
    close(world);
}

#[test]
fn a_registration_is_answered_when_it_has_been_saved() {
    let mut world = stage_of(&["1001"], REALTIME);
    world.database.mood = Mood::Answers(ms(150));
    register(&mut world, 0, 600);
    go(&mut world, ms(299));
    assert_eq!(statuses(&world, 0, "REGISTER"), [401]);
    go(&mut world, ms(100));
    assert_eq!(statuses(&world, 0, "REGISTER"), [401, 200]);
    assert_eq!(world.database.contacts("1001").len(), 1);
    register(&mut world, 0, 0);
    go(&mut world, secs(1));
    assert!(world.database.contacts("1001").is_empty());
    close(world);
}

#[test]
fn nobody_is_looked_up_before_a_challenge_is_answered() {
    let mut world = stage_of(&["1001"], REALTIME);
    for number in 0..50 {
        let stranger = format!("x{number}");
        let uri = world.phones[0].uri_for(&stranger);
        let request = world.phones[0]
            .register_draft()
            .set("From", format!("<{uri}>;tag=a"))
            .set("To", format!("<{uri}>"))
            .set("Call-ID", format!("storm{number}"));
        assert_eq!(ask(&mut world, 0, &request).expect("a reply").status(), 401);
    }
    assert_eq!(world.database.asked, Vec::<String>::new());
    close(world);
}

#[test]
fn an_unknown_user_is_refused_as_a_wrong_password_is() {
    let mut world = stage_of(&["1001"], REALTIME);
    world.database.rows.clear();
    register(&mut world, 0, 600);
    go(&mut world, secs(2));
    assert_eq!(statuses(&world, 0, "REGISTER"), [401, 403]);
    assert_eq!(world.database.asked, ["1001"]);
    close(world);
}

#[test]
fn without_an_answer_the_phone_is_told_to_come_back() {
    for mood in [Mood::Silent, Mood::Refuses] {
        let mut world = stage_of(&["1001"], REALTIME);
        world.database.mood = mood;
        let draft = world.phones[0].register_draft();
        let contact = world.phones[0].contact();
        let (signed, _) = authorize(&mut world, 0, draft.with("Contact", contact));
        let via = world.phones[0].via();
        let mut request = signed.clone();
        request.headers.insert(0, ("Via".into(), via));
        world.send(0, &request);
        go(&mut world, secs(1));
        let last = received(&world, 0).last().expect("a reply").1.clone();
        assert_eq!(last.status(), 503, "{mood:?}");
        assert!(last.all("Retry-After").len() == 1);
        world.database.mood = Mood::Answers(ms(2));
        close(world);
    }
}

#[test]
fn a_caller_who_waits_to_be_known_hears_of_it_and_may_give_up() {
    for (gives_up, expected) in [(None, 200), (Some(ms(600)), 487)] {
        let mut world = stage_of(&["1001", "1002"], REALTIME);
        register(&mut world, 1, 3_600);
        go(&mut world, secs(1));
        world.database.mood = Mood::Answers(ms(400));
        let plan = Plan {
            cancel_after: gives_up,
            ..Plan::hanging_up(secs(1))
        };
        dial(&mut world, 0, "1002", plan);
        go(&mut world, ms(550));
        let so_far = statuses(&world, 0, "INVITE");
        if expected == 200 {
            assert_eq!(so_far, [401, 100], "before a copy is due");
        }
        go(&mut world, secs(4));
        assert_eq!(finals(&world, 0, "INVITE"), [expected]);
        let cancels = gives_up.map(|_| 200);
        assert_eq!(
            finals(&world, 0, "CANCEL"),
            cancels.into_iter().collect::<Vec<_>>()
        );
        world.database.mood = Mood::Answers(ms(2));
        close(world);
    }
}

#[test]
fn calls_between_known_users_go_on_while_the_database_is_down() {
    for mood in [Mood::Silent, Mood::Refuses] {
        let mut world = registered(&["1001", "1002"]);
        assert_eq!(call_briefly(&mut world, 0, "1002"), [200]);
        go(&mut world, secs(60));
        world.database.mood = mood;
        assert_eq!(call_briefly(&mut world, 0, "1002"), [200]);
        let asked = world.now;
        dial(&mut world, 0, "1002", Plan::hanging_up(secs(1)));
        go(&mut world, secs(5));
        let answered = received(&world, 0)
            .filter(|(_, message)| message.status() == 200 && message.method() == "INVITE")
            .last()
            .expect("an answer")
            .0;
        let waited = answered.since(asked);
        assert!(waited < secs(5), "{waited:?}");
        world.database.mood = Mood::Answers(ms(2));
        go(&mut world, secs(2));
        let before = world.database.asked.len();
        assert_eq!(call_briefly(&mut world, 0, "1002"), [200]);
        assert!(
            world.database.asked.len() > before,
            "it is asked again once it answers"
        );
        close(world);
    }
}

#[test]
fn a_changed_password_takes_effect_within_the_ttl() {
    let mut world = registered(&["1001"]);
    let mut peer = row("1001");
    peer.secret = Secret::Plain("another".into());
    world.database.change(peer);
    go(&mut world, secs(11));
    world
        .oracle
        .passwords
        .insert("1001".into(), "another".into());
    register(&mut world, 0, 600);
    go(&mut world, secs(2));
    assert_eq!(statuses(&world, 0, "REGISTER").last(), Some(&403));
    close(world);
}

#[test]
fn after_a_restart_a_phone_is_called_before_it_registers_again() {
    let mut world = registered(&["1001", "1002"]);
    for shard in 0..2 {
        world.plan(ms(1), crate::world::Task::Panic { engine: 0, shard });
    }
    go(&mut world, secs(1));
    assert_eq!(world.occupancy(0).bindings, 0);
    assert_eq!(call_briefly(&mut world, 0, "1002"), [200]);
    close(world);
}

#[test]
fn what_expires_is_cleared_unless_it_was_renewed_elsewhere() {
    let mut world = registered(&["1001", "1002"]);
    register(&mut world, 0, 60);
    register(&mut world, 1, 60);
    go(&mut world, secs(30));
    let row = world.database.rows.get_mut("1002").expect("the row");
    row.contacts[0].regseconds.0 += 3_600;
    let renewed = world.database.contacts("1002");
    go(&mut world, secs(60));
    assert!(world.database.contacts("1001").is_empty());
    assert_eq!(world.database.contacts("1002"), renewed);
    close(world);
}

#[test]
fn a_phone_that_went_to_another_engine_is_called_where_it_is() {
    let mut world = registered(&["1001", "1002"]);
    let config = database_config(REALTIME, DIALPLAN);
    world.add_engine(Blueprint {
        shards: 1,
        limits: roomy(),
        config,
        addr: OTHER_ENGINE.into(),
        seed: [0; 32],
    });
    let moved = add_phone(&mut world, "1002", 1);
    register(&mut world, moved, 3_600);
    go(&mut world, secs(12));
    assert_eq!(statuses(&world, moved, "REGISTER"), [401, 200]);
    assert_eq!(call_briefly(&mut world, 0, "1002"), [200]);
    assert_eq!(requests(&world, moved, "INVITE").len(), 1, "there");
    assert_eq!(requests(&world, 1, "INVITE").len(), 0, "no more here");
    assert_ne!(world.phones[moved].engine, ENGINE.into());
    close(world);
}

#[test]
fn a_watched_device_is_watched_after_it_was_read() {
    let mut world = stage_of(&["1001", "1002"], REALTIME);
    let mut peer = row("1002");
    peer.qualify = Qualify::Within(ms(2_000));
    world.database.add(peer);
    register(&mut world, 0, 3_600);
    register(&mut world, 1, 3_600);
    go(&mut world, secs(5));
    assert!(!requests(&world, 1, "OPTIONS").is_empty());
    close(world);
}

#[test]
fn a_device_that_is_to_be_forgotten_is_no_help_while_the_database_is_down() {
    let rules = Realtime {
        autoclear: Some(secs(120)),
        ..REALTIME
    };
    for mood in [Mood::Silent, Mood::Refuses] {
        let mut world = stage_of(&["1001"], rules.clone());
        register(&mut world, 0, 3_600);
        go(&mut world, secs(200));
        world.database.mood = mood;
        register(&mut world, 0, 3_600);
        go(&mut world, secs(3));
        assert_eq!(
            statuses(&world, 0, "REGISTER").last(),
            Some(&503),
            "{mood:?}"
        );
        world.database.mood = Mood::Answers(ms(2));
        close(world);
    }
}

#[test]
fn rows_that_are_not_written_take_no_registration_away() {
    let rules = Realtime {
        rows_have_contacts: false,
        ..REALTIME
    };
    let mut world = stage_of(&["1001", "1002"], rules);
    register(&mut world, 0, 3_600);
    register(&mut world, 1, 3_600);
    go(&mut world, secs(60));
    for user in ["1001", "1002"] {
        let row = world.database.rows.get_mut(user).expect("the row");
        row.contacts.clear();
    }
    assert_eq!(call_briefly(&mut world, 0, "1002"), [200]);
    close(world);
}

#[test]
fn a_copy_that_is_behind_takes_no_registration_away() {
    let rules = Realtime {
        rows_lag: true,
        ..REALTIME
    };
    let mut world = stage_of(&["1001", "1002"], rules);
    register(&mut world, 0, 3_600);
    register(&mut world, 1, 600);
    go(&mut world, secs(30));
    let old = world.database.rows["1002"].contacts.clone();
    register(&mut world, 1, 3_600);
    go(&mut world, secs(30));
    world
        .database
        .rows
        .get_mut("1002")
        .expect("the row")
        .contacts = old;
    go(&mut world, secs(700));
    assert_eq!(call_briefly(&mut world, 0, "1002"), [200]);
    close(world);
}

#[test]
fn a_late_answer_is_remembered_though_nobody_waited_for_it() {
    let mut world = registered(&["1001"]);
    go(&mut world, secs(60));
    world.database.mood = Mood::Answers(ms(300));
    let mut peer = row("1001");
    peer.secret = Secret::Plain("another".into());
    world.database.change(peer);
    register(&mut world, 0, 3_600);
    go(&mut world, secs(2));
    assert_eq!(statuses(&world, 0, "REGISTER").last(), Some(&200));
    register(&mut world, 0, 3_600);
    go(&mut world, secs(2));
    assert_eq!(statuses(&world, 0, "REGISTER").last(), Some(&403));
    close(world);
}

#[test]
fn a_look_at_the_bindings_reads_the_row() {
    let mut world = registered(&["1001"]);
    for shard in 0..2 {
        world.plan(ms(1), crate::world::Task::Panic { engine: 0, shard });
    }
    go(&mut world, secs(1));
    let query = world.phones[0].register_draft();
    let answer = ask_authorized(&mut world, 0, query);
    assert_eq!((answer.status(), answer.all("Contact").len()), (200, 1));
    close(world);
}

#[test]
fn a_name_no_table_has_room_for_is_nobody() {
    let mut world = stage_of(&["1001"], REALTIME);
    let uri = world.phones[0].uri_for(&"x".repeat(300));
    let request = world.phones[0]
        .register_draft()
        .set("From", format!("<{uri}>;tag=a"))
        .set("To", format!("<{uri}>"));
    let (signed, _) = authorize(&mut world, 0, request);
    assert_eq!(ask(&mut world, 0, &signed).expect("a reply").status(), 403);
    assert_eq!(world.database.asked, Vec::<String>::new());
    close(world);
}
