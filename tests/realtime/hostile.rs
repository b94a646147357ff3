//! Whatever a field holds, it is a value: no statement changes its meaning, and
//! no row but the named one changes. The same for both databases.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use pinion::realtime::driver::{Condition, Driver, Row, Update};
use pinion::realtime::mapping::{Requirements, Section, SqliteSection};
use pinion::realtime::mysql::Mysql;
use pinion::realtime::sqlite::Sqlite;
use pinion_sip::base::Text;
use pinion_sip::machine::realtime::{Errand, Outcome};
use proptest::prelude::*;

use crate::asker::{Asker, PATIENCE, contact, saving, settings};
use crate::engine::Scratch;
use crate::mariadb::shared;

/// Text made of what breaks statements that are put together by hand.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("'".to_owned()),
        Just("\"".to_owned()),
        Just("`".to_owned()),
        Just("\\".to_owned()),
        Just("\0".to_owned()),
        Just("%".to_owned()),
        Just("_".to_owned()),
        Just("!".to_owned()),
        Just(";".to_owned()),
        Just("^3B".to_owned()),
        Just("--".to_owned()),
        Just("/*".to_owned()),
        Just("?".to_owned()),
        Just("' OR '1'='1".to_owned()),
        Just("\u{1F600}".to_owned()),
        Just("\u{1a}\n\r".to_owned()),
        "[a-zA-Z0-9 ]{1,8}",
        any::<char>().prop_map(String::from),
    ];
    let short = proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat());
    prop_oneof![
        20 => short.clone(),
        1 => (short, 1usize..40).prop_map(|(text, times)| text.repeat(10_240 / 40 * times / 10)),
    ]
}

/// A table of two rows, and a driver for it.
fn check(driver: &mut dyn Driver, key: &str, value: &str) -> Result<(), TestCaseError> {
    let all = |driver: &mut dyn Driver| driver.select("odd", &[], &[]).unwrap();
    let everything = ["%".to_owned(), "x".to_owned()];
    driver.delete("odd", &[]).unwrap();
    driver
        .insert("odd", &[("name", "%"), ("value", "one")])
        .unwrap();
    driver
        .insert("odd", &[("name", "x"), ("value", "two")])
        .unwrap();
    prop_assume!(!everything.contains(&key.to_owned()));
    let before = all(driver);
    let keys = [key.to_owned()];
    let named = [Condition::OneOf("name", &keys)];
    let exactly = |rows: Vec<Row>| {
        let name = |row: &Row| {
            row.iter()
                .any(|(c, v)| &**c == "name" && v.as_deref() == Some(key))
        };
        rows.into_iter().filter(name).collect::<Vec<Row>>()
    };
    // A name nobody has: found nowhere, updating nothing.
    prop_assert!(exactly(driver.select("odd", &named, &[]).unwrap()).is_empty());
    let rows = [vec![key.to_owned(), value.to_owned()]];
    let update = Update {
        table: "odd",
        key: "name",
        columns: &["value"],
        rows: &rows,
        only: None,
    };
    driver.update(&[update]).unwrap();
    prop_assert_eq!(all(driver), before.clone());
    // A name somebody has: kept as it is, found by it, and alone updated.
    driver
        .insert("odd", &[("name", key), ("value", "")])
        .unwrap();
    driver.update(&[update]).unwrap();
    let found = exactly(driver.select("odd", &named, &[]).unwrap());
    prop_assert_eq!(found.len(), 1);
    let kept = found[0].iter().find(|(column, _)| &**column == "value");
    prop_assert_eq!(kept.and_then(|(_, v)| v.as_deref()), Some(value));
    let contains = [Condition::Contains("value", value)];
    prop_assert!(!exactly(driver.select("odd", &contains, &[]).unwrap()).is_empty());
    let others = all(driver).len();
    prop_assert_eq!(others, 3);
    for row in &before {
        prop_assert!(all(driver).contains(row));
    }
    Ok(())
}

/// What a lenient collation takes for the same stays.
fn check_delete(driver: &mut dyn Driver) {
    for name in ["a", "A", "\u{e1}", "b"] {
        driver.insert("odd", &[("name", name)]).unwrap();
    }
    let keys = ["a", "B", "\u{1F600}"].map(str::to_owned);
    let condition = [Condition::OneOf("name", &keys)];
    assert_eq!(driver.delete("odd", &condition).unwrap(), 1);
    assert_eq!(driver.delete("odd", &condition).unwrap(), 0);
    assert_eq!(driver.select("odd", &[], &[]).unwrap().len(), 3);
    assert_eq!(driver.delete("odd", &[]).unwrap(), 3);
}

#[test]
fn only_rows_of_that_very_name_are_deleted() {
    let server = shared();
    let section = server.database("lenient");
    server.exec(
        "CREATE TABLE lenient.odd (name VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_general_ci)",
    );
    check_delete(&mut Mysql::open(&section, PATIENCE, true, Arc::default()).unwrap());
    let scratch = Scratch::new("lenient");
    let path = scratch.path().join("odd.sqlite");
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch("CREATE TABLE odd (name TEXT COLLATE NOCASE)")
        .unwrap();
    check_delete(&mut Sqlite::open(&path, PATIENCE, Arc::default()).unwrap());
}

#[test]
fn mysql_takes_any_value_for_a_value() {
    let server = shared();
    let section = server.database("odd");
    server.exec(
        "CREATE TABLE odd.odd (name MEDIUMTEXT COLLATE utf8mb4_bin, value MEDIUMTEXT) CHARACTER SET utf8mb4",
    );
    let driver = RefCell::new(Mysql::open(&section, PATIENCE, true, Arc::default()).unwrap());
    let config = ProptestConfig::with_cases(200);
    proptest!(config, |(key in hostile(), value in hostile())| {
        check(&mut *driver.borrow_mut(), &key, &value)?;
    });
}

#[test]
fn sqlite_takes_any_value_for_a_value() {
    let scratch = Scratch::new("odd");
    let path = scratch.path().join("odd.sqlite");
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch("CREATE TABLE odd (name TEXT, value TEXT)")
        .unwrap();
    let driver = RefCell::new(Sqlite::open(&path, PATIENCE, Arc::default()).unwrap());
    let config = ProptestConfig::with_cases(200);
    proptest!(config, |(key in hostile(), value in hostile())| {
        check(&mut *driver.borrow_mut(), &key, &value)?;
    });
}

/// Bytes of a datagram: not even text.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        hostile().prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..64),
    ]
}

#[test]
fn errands_of_any_bytes_leave_other_rows_alone() {
    let scratch = Scratch::new("bytes");
    let path = scratch.path().join("users.sqlite");
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch(
        "CREATE TABLE sippeers (name TEXT PRIMARY KEY, host TEXT, ipaddr TEXT, port INTEGER, \
         regseconds INTEGER, defaultuser TEXT, fullcontact TEXT, useragent TEXT, lastms INTEGER, \
         path TEXT, insecure TEXT); \
         INSERT INTO sippeers (name, host) VALUES ('victim', 'dynamic'), ('%', 'dynamic');",
    )
    .unwrap();
    let sqlite = Section::Sqlite(SqliteSection {
        name: "file".into(),
        dbfile: path,
        requirements: Requirements::Warn,
    });
    let server = shared();
    let mysql = Section::Mysql(server.database("bytes"));
    server.exec(
        "INSERT INTO bytes.sippeers (name, host) VALUES ('victim', 'dynamic'), ('%', 'dynamic')",
    );
    for section in [sqlite, mysql] {
        let asker = Asker::start(&pinion::realtime::Settings {
            rtsavepath: true,
            timeout: Duration::from_secs(20),
            ..settings(section)
        });
        let config = ProptestConfig::with_cases(60);
        proptest!(config, |(name in bytes(), field in bytes())| {
            prop_assume!(name != b"victim" && name != b"%");
            let text = Text::from(&*field);
            let mut odd = contact("x");
            odd.fullcontact = text.clone();
            odd.useragent = text.clone();
            odd.defaultuser = text;
            let mut odd_name = (*saving("x", vec![odd.clone()])).clone();
            odd_name.name = Text::from(&*name);
            let is_static = name.starts_with(b"static");
            let outcome = asker.ask(Errand::Save(Arc::new(odd_name)));
            prop_assert_eq!(matches!(outcome, Outcome::Saved), is_static, "{:?}", outcome);
            let outcome = asker.ask(Errand::Peer(Text::from(&*name)));
            prop_assert!(matches!(outcome, Outcome::Peer(None)), "{:?}", outcome);
            prop_assert!(asker.peer("victim").unwrap().contacts.is_empty());
            prop_assert!(asker.peer("%").unwrap().contacts.is_empty());
            // The victim's own row takes any field, and loses it again.
            let outcome = asker.ask(Errand::Save(saving("victim", vec![odd])));
            prop_assert!(matches!(outcome, Outcome::Saved), "{:?}", outcome);
            prop_assert_eq!(asker.peer("victim").unwrap().contacts.len(), 1);
            prop_assert!(asker.peer("%").unwrap().contacts.is_empty());
            asker.ask(Errand::Save(saving("victim", Vec::new())));
        });
    }
}
