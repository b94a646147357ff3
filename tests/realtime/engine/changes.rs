//! What an operator changes in the table while the engine runs.

use std::time::{Duration, Instant};

use pinion::realtime::mapping::{MysqlSection, Server};

use super::house::{PATIENCE, add_users, engine, password, phone, within};
use super::phone::Phone;
use crate::mariadb::shared;
use crate::proxy::Proxy;

/// Within which a change takes effect.
const TTL: Duration = Duration::from_secs(2);

/// What is as old as that has ended.
const EXPIRY: Duration = Duration::from_millis(50);

/// And what a busy machine adds.
const SLACK: Duration = Duration::from_secs(2);

const FLAGS: [&str; 2] = ["--rt-ttl", "2"];

#[test]
fn a_changed_password_takes_effect() {
    let server = shared();
    let section = server.database("e_changed");
    add_users(&server, "e_changed", 1, 2);
    let engine = engine("changed", &section, "", &FLAGS);
    phone(&engine, 1).registers(60);
    server.exec("UPDATE e_changed.sippeers SET secret = 'new' WHERE name = '1'");
    std::thread::sleep(TTL + EXPIRY);
    // Whichever shard is asked.
    for _ in 0..12 {
        phone(&engine, 1).register(60).expect(403);
        Phone::new(engine.address, 1, "new").registers(60);
    }
}

#[test]
fn a_changed_password_takes_effect_where_every_answer_is_late() {
    let server = shared();
    let section = server.database("e_late");
    add_users(&server, "e_late", 1, 1);
    let proxy = Proxy::to(server.port());
    let section = MysqlSection {
        server: Server::Tcp("127.0.0.1".into(), proxy.port()),
        ..section
    };
    let engine = engine("late", &section, "", &["--rt-ttl", "1"]);
    phone(&engine, 1).registers(60);
    // Later than who has an old answer waits, and sooner than --db-timeout.
    proxy.delay(Duration::from_millis(200));
    server.exec("UPDATE e_late.sippeers SET secret = 'new' WHERE name = '1'");
    let seen = |password: &str| Phone::new(engine.address, 1, password).register(60).status;
    within(
        PATIENCE,
        "the new password is good, and the old is bad",
        || (0..6).all(|_| seen("new") == 200 && seen(&password(1)) == 403),
    );
}

#[test]
fn an_added_row_works_and_a_removed_one_ends() {
    let server = shared();
    let section = server.database("e_rows");
    add_users(&server, "e_rows", 1, 1);
    let engine = engine("rows", &section, "", &FLAGS);
    let mut ann = phone(&engine, 1);
    // One that nobody asked for before works at once.
    add_users(&server, "e_rows", 2, 2);
    let mut bob = phone(&engine, 2);
    bob.registers(3600);
    let bob = bob.answers();
    // One that was asked for works when nobody is no longer remembered.
    phone(&engine, 3).register(60).expect(403);
    add_users(&server, "e_rows", 3, 3);
    within(TTL + SLACK, "an added row works", || {
        phone(&engine, 3).register(60).status == 200
    });
    let call = ann.calls("2");
    ann.hangs_up(call);
    server.exec("DELETE FROM e_rows.sippeers WHERE name = '2'");
    std::thread::sleep(TTL + EXPIRY);
    let mut bob = bob.stop();
    // Whichever shard is asked.
    for _ in 0..12 {
        ann.call("2").err().expect("it is nobody's");
        phone(&engine, 2).register(60).expect(403);
        let refusal = bob.call("1").err().expect("it is nobody");
        assert_eq!(refusal.status, 403, "{}", refusal.text);
    }
    bob.register(60).expect(403);
}

#[test]
fn who_is_not_cached_is_read_each_time() {
    let server = shared();
    let section = server.database("e_uncached");
    add_users(&server, "e_uncached", 1, 2);
    let engine = engine("uncached", &section, "rtcachefriends=no", &[]);
    let mut bob = phone(&engine, 2);
    bob.registers(3600);
    let _bob = bob.answers();
    let mut ann = phone(&engine, 1);
    let call = ann.calls("2");
    ann.hangs_up(call);
    let changed = Instant::now();
    server.exec("UPDATE e_uncached.sippeers SET secret = 'new' WHERE name = '1'");
    ann.password = "new".into();
    within(TTL + SLACK, "the new password is good", || {
        ann.register(60).status == 200
    });
    println!(
        "figure: not cached, a new password was good after {:?}",
        changed.elapsed()
    );
    ann.password = password(1);
    ann.register(60).expect(403);
}

#[test]
fn what_another_wrote_of_a_registration_is_where_it_is_called() {
    let server = shared();
    let section = server.database("e_moved");
    add_users(&server, "e_moved", 1, 2);
    let engine = engine("moved", &section, "", &FLAGS);
    let (mut ann, mut bob) = (phone(&engine, 1), phone(&engine, 2));
    bob.registers(3600);
    let before = bob.answers();
    let call = ann.calls("2");
    ann.hangs_up(call);
    let now = phone(&engine, 2);
    server.exec(&format!(
        "UPDATE e_moved.sippeers SET ipaddr = '{}', port = {}, fullcontact = '{}' WHERE name = '2'",
        now.address().ip(),
        now.address().port(),
        now.contact().replace(';', "^3B")
    ));
    let now = now.answers();
    within(PATIENCE, "it is called where the row says", || {
        let call = ann.calls("2");
        ann.hangs_up(call);
        now.taken() > 0
    });
    let taken = before.taken();
    let call = ann.calls("2");
    ann.hangs_up(call);
    assert_eq!(before.taken(), taken);
}
