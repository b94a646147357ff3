//! Tables that are not as they should be.

use mysql::prelude::Queryable;
use pinion::realtime::driver::{Driver, Fault, Update};
use pinion::realtime::mapping::{Family, Mapping, MysqlSection, Place, Requirements, Section};
use pinion::realtime::mysql::Mysql;
use pinion::realtime::{Settings, pool};
use pinion_sip::machine::realtime::{Errand, Outcome};

use crate::asker::{Asker, PATIENCE, contact, registered, saving, settings};
use crate::mariadb::{PASSWORD, free_port, shared};

#[test]
fn a_missing_column_is_left_out_and_the_rest_is_kept() {
    let server = shared();
    let section = server.database("lacking");
    server.exec("ALTER TABLE lacking.sippeers DROP COLUMN lastms");
    server.exec("INSERT INTO lacking.sippeers (name, host) VALUES ('a', 'dynamic')");
    let asker = Asker::start(&settings(Section::Mysql(section)));
    assert!(matches!(asker.ask(registered("a")), Outcome::Saved));
    assert_eq!(asker.peer("a").unwrap().contacts.len(), 1);
    let columns: Vec<mysql::Row> = server
        .admin()
        .query("SHOW COLUMNS FROM lacking.sippeers LIKE 'lastms'")
        .unwrap();
    assert!(columns.is_empty(), "nobody asked for an ALTER");
}

#[test]
fn requirements_add_and_widen_columns() {
    let server = shared();
    let section = server.database("mended");
    server.exec("ALTER TABLE mended.sippeers DROP COLUMN lastms, MODIFY ipaddr VARCHAR(15)");
    server.exec("INSERT INTO mended.sippeers (name, host) VALUES ('a', 'dynamic')");
    let section = MysqlSection {
        requirements: Requirements::CreateClose,
        ..section
    };
    let asker = Asker::start(&settings(Section::Mysql(section)));
    assert!(matches!(asker.ask(registered("a")), Outcome::Saved));
    let kept: Option<(i32, String)> = server
        .admin()
        .query_first(
            "SELECT a.lastms, c.column_type FROM mended.sippeers a, information_schema.columns c \
             WHERE c.table_schema = 'mended' AND c.column_name = 'ipaddr'",
        )
        .unwrap();
    assert_eq!(kept, Some((0, "varchar(45)".into())));
}

#[test]
fn a_row_that_does_not_fit_costs_no_other() {
    let server = shared();
    let section = server.database("misfit");
    server.exec("ALTER TABLE misfit.sippeers MODIFY path VARCHAR(10), MODIFY port TINYINT");
    server.exec("ALTER TABLE misfit.sippeers MODIFY port SMALLINT");
    server.exec("INSERT INTO misfit.sippeers (name, host) VALUES ('a', 'dynamic'), ('b', 'dynamic'), ('c', 'dynamic')");
    let asker = Asker::start(&Settings {
        workers: 2,
        rtsavepath: true,
        ..settings(Section::Mysql(section))
    });
    // Too large for the column, and too long for it.
    let mut large = contact("b");
    large.address = "192.0.2.7:65000".parse().unwrap();
    let mut long = contact("c");
    long.path = "<sip:a-long-way.example;lr>".into();
    let good = asker.send(registered("a")).unwrap();
    let large = asker.send(Errand::Save(saving("b", vec![large]))).unwrap();
    let long = asker.send(Errand::Save(saving("c", vec![long]))).unwrap();
    let outcomes = asker.hear_all(3);
    assert!(matches!(outcomes[&good], Outcome::Saved));
    assert!(matches!(outcomes[&large], Outcome::Unavailable));
    assert!(matches!(outcomes[&long], Outcome::Unavailable));
    assert_eq!(asker.counter("realtime_misfits"), 2);
}

#[test]
fn other_character_sets_and_collations_mix() {
    let server = shared();
    let section = server.database("mixed");
    server.exec(
        "ALTER TABLE mixed.sippeers CONVERT TO CHARACTER SET latin1 COLLATE latin1_german2_ci",
    );
    server.exec("ALTER TABLE mixed.sippeers MODIFY useragent VARCHAR(40) CHARACTER SET utf8mb3 COLLATE utf8mb3_unicode_ci");
    server.exec("INSERT INTO mixed.sippeers (name, host) VALUES ('jos\u{e9}', 'dynamic')");
    let asker = Asker::start(&settings(Section::Mysql(section)));
    assert!(asker.peer("jos\u{e9}").is_some());
    assert!(asker.peer("jose").is_none());
    assert!(asker.peer("\u{1F600}").is_none());
    let mut odd = contact("jos\u{e9}");
    odd.useragent = "phone \u{1F600}".into();
    assert!(matches!(
        asker.ask(Errand::Save(saving("jos\u{e9}", vec![odd]))),
        Outcome::Saved
    ));
    assert_eq!(asker.peer("jos\u{e9}").unwrap().contacts.len(), 1);
    assert!(matches!(
        asker.ask(registered("\u{1F600}")),
        Outcome::Unavailable
    ));
}

#[test]
fn the_next_place_serves_when_one_fails_and_not_when_a_row_is_missing() {
    let server = shared();
    let second = server.database("second");
    let third = server.database("third");
    server.exec("INSERT INTO second.sippeers (name, host) VALUES ('a', 'dynamic')");
    server.exec("INSERT INTO third.sippeers (name, host) VALUES ('b', 'dynamic')");
    let dead = MysqlSection {
        name: "dead".into(),
        server: pinion::realtime::mapping::Server::Tcp("127.0.0.1".into(), free_port()),
        ..second.clone()
    };
    let third = MysqlSection {
        name: "third".into(),
        ..third
    };
    let place = |section| Place {
        read_section: section,
        write_section: section,
        table: "sippeers".into(),
    };
    let asker = Asker::start(&Settings {
        mapping: Mapping {
            families: vec![Family {
                name: "sippeers".into(),
                places: vec![place(0), place(1), place(2)],
            }],
            sections: [dead, second, third].map(Section::Mysql).to_vec(),
        },
        ..Settings::default()
    });
    assert!(asker.peer("a").is_some());
    assert!(asker.peer("b").is_none());
    assert!(matches!(asker.ask(registered("a")), Outcome::Saved));
    assert_ne!(asker.counter("realtime_breaker_dead_read"), 0);
    assert_eq!(asker.counter("realtime_breaker_test_read"), 0);
}

#[test]
fn refusals_are_clear_and_name_no_secret() {
    let server = shared();
    let section = server.database("refusals");
    let wrong = MysqlSection {
        dbpass: pinion::realtime::mapping::Password::new("wrong-9b1c"),
        ..section.clone()
    };
    let mapping =
        |section: MysqlSection| crate::asker::mapping(Section::Mysql(section), &["nowhere"]);
    let denied = pool::rows(&mapping(wrong.clone()), "nowhere", &[], &[], PATIENCE).unwrap_err();
    assert!(denied.contains("access denied"), "{denied}");
    let absent = pool::rows(&mapping(section.clone()), "nowhere", &[], &[], PATIENCE).unwrap_err();
    assert!(absent.contains("no such table"), "{absent}");
    for text in [denied, absent, format!("{wrong:?} {section:?}")] {
        assert!(
            !text.contains(PASSWORD) && !text.contains("wrong-9b1c"),
            "{text}"
        );
    }
}

#[test]
fn a_file_kept_in_a_table_comes_in_its_order() {
    let server = shared();
    let section = server.database("files");
    server.exec(
        "INSERT INTO files.ast_config (cat_metric, var_metric, commented, filename, category, var_name, var_val) VALUES \
         (0, 1, 0, 'sip.conf', 'general', 'b', '2'), (0, 0, 0, 'sip.conf', 'general', 'a', '1'), \
         (0, 2, 1, 'sip.conf', 'general', 'c', '3'), (0, 0, 0, 'other.conf', 'general', 'd', '4')",
    );
    let mut mapping = crate::asker::mapping(Section::Mysql(section), &["sip.conf"]);
    mapping.families[0].places[0].table = "ast_config".into();
    let rows = pool::file_rows(&mapping, "sip.conf", PATIENCE).unwrap();
    let values: Vec<&str> = rows
        .iter()
        .flat_map(|row| row.iter().find(|(name, _)| &**name == "var_val"))
        .filter_map(|(_, value)| value.as_deref())
        .collect();
    assert_eq!(values, ["1", "2"]);
}

#[test]
fn batches_of_growing_values_lose_nothing() {
    let server = shared();
    let section = server.database("growing");
    server.exec(
        "INSERT INTO growing.sippeers (name, host) SELECT seq, 'dynamic' FROM growing.seq_1_to_40",
    );
    let mut driver = Mysql::open(&section, PATIENCE, true, std::sync::Arc::default()).unwrap();
    // The same prepared statement takes short values first and long ones later.
    for round in 1..=6 {
        let rows: Vec<Vec<String>> = (1..=30)
            .map(|name: u32| vec![name.to_string(), "x".repeat(round * 12), name.to_string()])
            .collect();
        let update = Update {
            table: "sippeers",
            key: "name",
            columns: &["useragent", "port"],
            rows: &rows,
            only: None,
        };
        driver.update(&[update]).unwrap();
        let sql =
            "SELECT COUNT(*) FROM growing.sippeers WHERE LENGTH(useragent) = ? AND port = name";
        let count: Option<u32> = server.admin().exec_first(sql, (round * 12,)).unwrap();
        assert_eq!(count, Some(30));
    }
    let changed = "SELECT COUNT(*) FROM growing.sippeers WHERE useragent IS NULL";
    assert_eq!(server.admin().query_first(changed).unwrap(), Some(10));
}

#[test]
fn rows_come_and_go() {
    let server = shared();
    let section = server.database("functions");
    let mut driver = Mysql::open(&section, PATIENCE, true, std::sync::Arc::default()).unwrap();
    let number = driver
        .insert("sippeers", &[("name", "a'b\\"), ("host", "dynamic")])
        .unwrap();
    assert_eq!(number, 1);
    let key = ["a'b\\".to_owned()];
    let condition = [pinion::realtime::driver::Condition::OneOf("name", &key)];
    assert_eq!(driver.select("sippeers", &condition, &[]).unwrap().len(), 1);
    assert_eq!(driver.delete("sippeers", &condition).unwrap(), 1);
    assert!(
        driver
            .select("sippeers", &condition, &[])
            .unwrap()
            .is_empty()
    );
    let mut reading = Mysql::open(&section, PATIENCE, false, std::sync::Arc::default()).unwrap();
    assert!(matches!(
        reading.delete("sippeers", &condition),
        Err(Fault::Refused(_))
    ));
}
