//! The row of a device, column by column, from REGISTER to expiry (A.11.2).

use mysql::prelude::Queryable;
use pinion::realtime::driver::{Driver, Only, Order, Update};
use pinion::realtime::mapping::{Requirements, Section, SqliteSection};
use pinion::realtime::mysql::Mysql;
use pinion::realtime::sqlite::Sqlite;
use pinion::realtime::{RegWrite, Settings};
use pinion_sip::base::UnixTime;
use pinion_sip::machine::realtime::{Errand, Outcome, Saving};

use crate::asker::{Asker, PATIENCE, contact, mapping, now, registered, saving, settings};
use crate::engine::Scratch;
use crate::mariadb::{Row, shared};

/// What a registration is kept in.
const COLUMNS: &str = "ipaddr, port, regseconds, defaultuser, fullcontact, regserver, \
                       useragent, lastms, path";

/// The registration columns of a row.
fn row(database: &str, name: &str) -> Row {
    shared().row(COLUMNS, database, name)
}

fn expect(row: &Row, expected: &[(&str, Option<&str>)]) {
    let expected: Row = expected
        .iter()
        .map(|(name, value)| ((*name).into(), value.map(str::to_owned)))
        .collect();
    assert_eq!(*row, expected);
}

#[test]
fn a_row_from_register_to_unregister() {
    let server = shared();
    let section = server.database("life");
    server.exec("INSERT INTO life.sippeers (name, host, secret) VALUES ('100', 'dynamic', 'x')");
    let asker = Asker::start(&settings(Section::Mysql(section)));
    let known = asker.peer("100").expect("it is there");
    assert!(known.contacts.is_empty());

    assert!(matches!(asker.ask(registered("100")), Outcome::Saved));
    let ends = asker.peer("100").unwrap().contacts[0].regseconds;
    let after = row("life", "100");
    let regseconds = ends.0.to_string();
    expect(
        &after,
        &[
            ("ipaddr", Some("192.0.2.7")),
            ("port", Some("5062")),
            ("regseconds", Some(&regseconds)),
            ("defaultuser", Some("100")),
            (
                "fullcontact",
                Some("sip:100@192.0.2.7:5062^3Btransport=udp"),
            ),
            ("regserver", None),
            ("useragent", Some("phone 1.0")),
            ("lastms", Some("0")),
            ("path", None),
        ],
    );

    // A refresh from elsewhere, and an answer to OPTIONS.
    let mut later = contact("100");
    later.address = "[2001:db8::1]:5070".parse().unwrap();
    later.regseconds = UnixTime(ends.0 + 60);
    assert!(matches!(
        asker.ask(Errand::Save(saving("100", vec![later]))),
        Outcome::Saved
    ));
    asker
        .send(Errand::Lastms {
            name: "100".into(),
            ms: 42,
        })
        .unwrap();
    // Its successor in the same queue tells when it is written.
    asker.ask(Errand::Save(saving("nobody", Vec::new())));
    let after = row("life", "100");
    assert_eq!(after["ipaddr"].as_deref(), Some("2001:db8::1"));
    assert_eq!(after["port"].as_deref(), Some("5070"));
    assert_eq!(after["regseconds"], Some((ends.0 + 60).to_string()));
    let until = std::time::Instant::now() + PATIENCE;
    while row("life", "100")["lastms"].as_deref() != Some("42") {
        assert!(std::time::Instant::now() < until);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }

    // Expiry and unregister are one to the row.
    assert!(matches!(
        asker.ask(Errand::Save(saving("100", Vec::new()))),
        Outcome::Saved
    ));
    expect(
        &row("life", "100"),
        &[
            ("ipaddr", Some("")),
            ("port", Some("0")),
            ("regseconds", Some("0")),
            ("defaultuser", Some("100")),
            ("fullcontact", Some("")),
            ("regserver", Some("")),
            ("useragent", Some("")),
            ("lastms", Some("0")),
            ("path", None),
        ],
    );
    assert!(asker.peer("100").unwrap().contacts.is_empty());
}

#[test]
fn the_node_and_the_path_are_written_where_they_shall_be() {
    let server = shared();
    let section = server.database("saved");
    server.exec("INSERT INTO saved.sippeers (name, host) VALUES ('a', 'dynamic')");
    let asker = Asker::start(&Settings {
        regserver: Some("node-1".into()),
        rtsavepath: true,
        ..settings(Section::Mysql(section))
    });
    let mut path = contact("a");
    path.path = "<sip:proxy.example;lr>".into();
    assert!(matches!(
        asker.ask(Errand::Save(saving("a", vec![path]))),
        Outcome::Saved
    ));
    let after = row("saved", "a");
    assert_eq!(after["regserver"].as_deref(), Some("node-1"));
    assert_eq!(after["path"].as_deref(), Some("<sip:proxy.example^3Blr>"));
    let known = asker.peer("a").unwrap();
    assert_eq!(known.contacts[0].regserver, "node-1");
    assert_eq!(&*known.contacts[0].path, b"<sip:proxy.example;lr>");
}

#[test]
fn a_name_nobody_has_updates_nothing_and_is_not_saved() {
    let server = shared();
    let section = server.database("nobody");
    server.exec("INSERT INTO nobody.sippeers (name, host) VALUES ('a', 'dynamic')");
    let before = row("nobody", "a");
    let asker = Asker::start(&settings(Section::Mysql(section)));
    assert!(asker.peer("b").is_none());
    // 'A' is another name, whatever the collation says.
    assert!(asker.peer("A").is_none());
    assert!(asker.peer("a ").is_none());
    for name in ["b", "A", "a "] {
        let outcome = asker.ask(registered(name));
        assert!(matches!(outcome, Outcome::Unavailable), "{outcome:?}");
    }
    assert_eq!(row("nobody", "a"), before);
}

#[test]
fn a_row_that_is_deleted_costs_its_device_alone() {
    let server = shared();
    let section = server.database("deleted");
    server.exec(
        "INSERT INTO deleted.sippeers (name, host) VALUES \
         ('a', 'dynamic'), ('b', 'dynamic'), ('c', 'dynamic')",
    );
    let asker = Asker::start(&Settings {
        workers: 2,
        ..settings(Section::Mysql(section))
    });
    // The second time nothing changes in the rows: they are found all the same.
    for _ in 0..2 {
        let tickets = ["a", "b", "c"].map(|name| asker.send(registered(name)).unwrap());
        let outcomes = asker.hear_all(3);
        let saved = tickets.map(|ticket| matches!(outcomes[&ticket], Outcome::Saved));
        assert_eq!(saved, [true; 3]);
    }
    server.exec("DELETE FROM deleted.sippeers WHERE name = 'b'");
    let tickets = ["a", "b", "c"].map(|name| asker.send(registered(name)).unwrap());
    let outcomes = asker.hear_all(3);
    let saved = tickets.map(|ticket| matches!(outcomes[&ticket], Outcome::Saved));
    assert_eq!(saved, [true, false, true]);
    // There is nothing to clear.
    let clear = Errand::Save(saving("b", Vec::new()));
    assert!(matches!(asker.ask(clear), Outcome::Saved));
}

#[test]
fn an_ended_registration_is_none_and_cleared_unless_ends_are_ignored() {
    let server = shared();
    let section = Section::Mysql(server.database("ended"));
    let ended = now() - 5;
    server.exec(&format!(
        "INSERT INTO ended.sippeers (name, host, ipaddr, port, regseconds, fullcontact, defaultuser) \
         VALUES ('a', 'dynamic', '192.0.2.9', 5060, {ended}, 'sip:a@192.0.2.9', 'a')"
    ));
    let ignoring = Asker::start(&Settings {
        ignoreregexpire: true,
        ..settings(section.clone())
    });
    assert_eq!(ignoring.peer("a").unwrap().contacts.len(), 1);
    assert_eq!(row("ended", "a")["ipaddr"].as_deref(), Some("192.0.2.9"));
    let scratch = Scratch::new("ended");
    for reg_write in [RegWrite::Durable, RegWrite::Journal] {
        server.exec(&format!(
            "UPDATE ended.sippeers SET ipaddr = '192.0.2.9', regseconds = {ended} WHERE name = 'a'"
        ));
        let asker = Asker::start(&Settings {
            reg_write,
            state: Some(scratch.path().into()),
            ..settings(section.clone())
        });
        assert!(asker.peer("a").unwrap().contacts.is_empty());
        let until = std::time::Instant::now() + PATIENCE;
        while row("ended", "a")["ipaddr"].as_deref() != Some("") {
            assert!(std::time::Instant::now() < until);
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        expect(
            &row("ended", "a"),
            &[
                ("ipaddr", Some("")),
                ("port", Some("0")),
                ("regseconds", Some("0")),
                ("defaultuser", Some("a")),
                ("fullcontact", Some("")),
                ("regserver", Some("")),
                ("useragent", Some("")),
                ("lastms", Some("0")),
                ("path", None),
            ],
        );
    }
}

#[test]
fn only_rows_that_the_limit_allows_are_updated() {
    let server = shared();
    let section = server.database("limits");
    server.exec("CREATE TABLE limits.odd (name VARCHAR(9), ends VARCHAR(20), owner VARCHAR(9))");
    let scratch = Scratch::new("limits");
    let path = scratch.path().join("odd.sqlite");
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch("CREATE TABLE odd (name TEXT, ends TEXT, owner TEXT)")
        .unwrap();
    let mysql = Mysql::open(&section, PATIENCE, true, std::sync::Arc::default()).unwrap();
    let sqlite = Sqlite::open(&path, PATIENCE, std::sync::Arc::default()).unwrap();
    let drivers: [Box<dyn Driver>; 2] = [Box::new(mysql), Box::new(sqlite)];
    for mut driver in drivers {
        for (name, ends, owner) in [("a", "9", "me"), ("b", "10", "you"), ("c", "11", "")] {
            driver
                .insert("odd", &[("name", name), ("ends", ends), ("owner", owner)])
                .unwrap();
        }
        let mut update = |columns, value: &str, only| {
            let rows: Vec<Vec<String>> = ["a", "b", "c"]
                .map(|name| vec![name.to_owned(), value.to_owned()])
                .to_vec();
            driver
                .update(&[Update {
                    table: "odd",
                    key: "name",
                    columns,
                    rows: &rows,
                    only: Some(only),
                }])
                .unwrap();
            let rows = driver.select("odd", &[], &[Order::Up("name")]).unwrap();
            let column = |row: &pinion::realtime::driver::Row| {
                let found = row.iter().find(|(name, _)| **name == *columns[0]);
                found.and_then(|(_, value)| value.clone()).unwrap()
            };
            rows.iter().map(column).collect::<Vec<String>>()
        };
        let blank = Only::Blank("owner", "me");
        assert_eq!(update(&["owner"], "me", blank), ["me", "you", "me"]);
        let up_to = Only::UpTo("ends", "10");
        assert_eq!(update(&["ends"], "0", up_to), ["0", "0", "11"]);
    }
}

#[test]
fn registrations_in_a_table_of_their_own() {
    let server = shared();
    let section = server.database("regs");
    server.exec("INSERT INTO regs.sippeers (name, host) VALUES ('a', 'dynamic'), ('b', 'dynamic')");
    server.exec("INSERT INTO regs.sipregs (name) VALUES ('a')");
    let asker = Asker::start(&Settings {
        mapping: mapping(Section::Mysql(section), &["sippeers", "sipregs"]),
        ..Settings::default()
    });
    assert!(matches!(asker.ask(registered("a")), Outcome::Saved));
    assert_eq!(row("regs", "a")["ipaddr"], None);
    let sql = "SELECT username, useragent FROM regs.sipregs WHERE name = 'a'";
    let kept: Option<(String, String)> = server.admin().query_first(sql).unwrap();
    assert_eq!(kept, Some(("a".into(), "phone 1.0".into())));
    assert_eq!(asker.peer("a").unwrap().contacts.len(), 1);
    assert!(asker.peer("b").unwrap().contacts.is_empty());
    assert_eq!(asker.peers_at("192.0.2.7:5062"), ["a"]);
    // The first registration of a device makes its row.
    let mut first = contact("b");
    first.address = "192.0.2.8:5060".parse().unwrap();
    for _ in 0..2 {
        let outcome = asker.ask(Errand::Save(saving("b", vec![first.clone()])));
        assert!(matches!(outcome, Outcome::Saved), "{outcome:?}");
    }
    assert_eq!(asker.peer("b").unwrap().contacts[0].address, first.address);
    let sql = "SELECT COUNT(*) FROM regs.sipregs WHERE name = 'b'";
    assert_eq!(server.admin().query_first(sql).unwrap(), Some(1));
}

#[test]
fn sqlite_keeps_the_same_row() {
    let scratch = Scratch::new("realtime-sqlite");
    let path = scratch.path().join("users.sqlite");
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch(
        "CREATE TABLE sippeers (name TEXT PRIMARY KEY, host TEXT, secret TEXT, ipaddr TEXT, \
         port INTEGER, regseconds INTEGER, username TEXT, fullcontact TEXT, useragent TEXT); \
         INSERT INTO sippeers (name, host) VALUES ('a', 'dynamic');",
    )
    .unwrap();
    let section = Section::Sqlite(SqliteSection {
        name: "file".into(),
        dbfile: path.clone(),
        requirements: Requirements::Warn,
    });
    let asker = Asker::start(&settings(section));
    assert!(matches!(asker.ask(registered("a")), Outcome::Saved));
    let known = asker.peer("a").unwrap();
    assert_eq!(known.contacts[0].address, "192.0.2.7:5062".parse().unwrap());
    assert_eq!(&*known.contacts[0].defaultuser, b"a");
    asker.ask(Errand::Save(saving("a", Vec::new())));
    assert!(asker.peer("a").unwrap().contacts.is_empty());
    assert!(asker.peer("b").is_none());
    assert!(matches!(asker.ask(registered("b")), Outcome::Unavailable));
}

#[test]
fn a_sqlite_table_gains_columns_only_when_asked() {
    let scratch = Scratch::new("realtime-columns");
    let path = scratch.path().join("users.sqlite");
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch(
        "CREATE TABLE sippeers (name TEXT PRIMARY KEY); INSERT INTO sippeers VALUES ('a');",
    )
    .unwrap();
    let section = |requirements| {
        Section::Sqlite(SqliteSection {
            name: "file".into(),
            dbfile: path.clone(),
            requirements,
        })
    };
    let columns = || {
        let mut driver = Sqlite::open(&path, PATIENCE, std::sync::Arc::default()).unwrap();
        driver.describe("sippeers").unwrap().len()
    };
    let asker = Asker::start(&settings(section(Requirements::Warn)));
    // There is no room for it.
    assert!(matches!(asker.ask(registered("a")), Outcome::Unavailable));
    drop(asker);
    assert_eq!(columns(), 1);
    let asker = Asker::start(&settings(section(Requirements::CreateClose)));
    assert!(matches!(asker.ask(registered("a")), Outcome::Saved));
    assert_eq!(columns(), 9);
    assert_eq!(asker.peer("a").unwrap().contacts.len(), 1);
}

#[test]
fn what_another_node_holds_is_cleared_only_when_the_device_says_so() {
    let server = shared();
    let section = Section::Mysql(server.database("taken"));
    server.exec("INSERT INTO taken.sippeers (name, host) VALUES ('a', 'dynamic')");
    let scratch = Scratch::new("taken");
    let path = scratch.path().join("users.sqlite");
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch(
        "CREATE TABLE sippeers (name TEXT PRIMARY KEY, host TEXT, ipaddr TEXT, port INTEGER, \
         regseconds INTEGER, regserver TEXT, fullcontact TEXT); \
         INSERT INTO sippeers (name, host) VALUES ('a', 'dynamic');",
    )
    .unwrap();
    let file = Section::Sqlite(SqliteSection {
        name: "file".into(),
        dbfile: path,
        requirements: Requirements::Warn,
    });
    for section in [section, file] {
        let node = |name: &str| {
            Asker::start(&Settings {
                regserver: Some(name.into()),
                ..settings(section.clone())
            })
        };
        let (one, two) = (node("one"), node("two"));
        let held_by = || {
            let known = two.peer("a").unwrap();
            known
                .contacts
                .first()
                .map(|contact| contact.regserver.to_string())
        };
        let clear = |expired| {
            let none = (*saving("a", Vec::new())).clone();
            Errand::Save(std::sync::Arc::new(Saving { expired, ..none }))
        };
        assert!(matches!(one.ask(registered("a")), Outcome::Saved));
        assert_eq!(held_by().as_deref(), Some("one"));
        // The phone moves; then its first registration expires.
        assert!(matches!(two.ask(registered("a")), Outcome::Saved));
        assert!(matches!(one.ask(clear(true)), Outcome::Saved));
        assert_eq!(held_by().as_deref(), Some("two"));
        // It says goodbye, to whichever node.
        assert!(matches!(one.ask(clear(false)), Outcome::Saved));
        assert_eq!(held_by(), None);
    }
}

#[test]
fn a_row_of_no_use_and_a_bug_cost_nobody_else() {
    let server = shared();
    let section = server.database("broken");
    server.exec(
        "INSERT INTO broken.sippeers (name, host, context) VALUES \
         ('a', 'dynamic', 'broken'), ('b', 'dynamic', 'panic'), ('c', 'dynamic', NULL)",
    );
    let asker = Asker::start(&settings(Section::Mysql(section)));
    assert!(asker.peer("a").is_none());
    assert!(matches!(
        asker.ask(Errand::Peer("b".into())),
        Outcome::Unavailable
    ));
    assert!(asker.peer("c").is_some());
}

#[test]
fn the_dynamic_row_of_a_name_is_preferred() {
    let server = shared();
    let section = server.database("twice");
    server.exec("ALTER TABLE twice.sippeers DROP INDEX name");
    server.exec(
        "INSERT INTO twice.sippeers (name, host, context) VALUES \
         ('a', '192.0.2.1', 'fixed'), ('a', 'dynamic', 'roaming'), ('b', '192.0.2.2', 'only')",
    );
    let asker = Asker::start(&settings(Section::Mysql(section)));
    assert_eq!(asker.peer("a").unwrap().peer.context, "roaming");
    assert_eq!(asker.peer("b").unwrap().peer.context, "only");
}
