//! Records of calls in a table: while its database is away they wait in a file,
//! and arrive in order and once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mysql::prelude::Queryable;
use pinion::realtime::mapping::{Family, Mapping, Place, Section};
use pinion::records::entry::Form;
use pinion::records::{Recorder, Settings, Style};
use pinion_runtime::RecordDesk;
use pinion_sip::config::AmaFlags;
use pinion_sip::dialplan::Zone;
use pinion_sip::machine::{Cdr, CdrId, Disposition, UnixMicros};

use crate::asker::PATIENCE;
use crate::engine::Scratch;
use crate::mariadb::{MariaDb, shared};

/// A recorder of `section`'s table cdr, with its spool in `scratch`.
fn recorder(section: Section, scratch: &Scratch, boot: u64) -> (Recorder, RecordDesk) {
    let place = Place {
        read_section: 0,
        write_section: 0,
        table: "cdr".into(),
    };
    let settings = Settings {
        switches: Arc::default(),
        dir: scratch.path().join("cdr"),
        style: Style {
            csv: None,
            json: None,
            form: Form {
                zone: Zone::UTC,
                initiatedseconds: false,
            },
        },
        mapping: Mapping {
            families: vec![Family {
                name: "cdr".into(),
                places: vec![place],
            }],
            sections: vec![section],
        },
        timeout: Duration::from_millis(500),
        node: "a".into(),
        boot,
    };
    Recorder::start(settings, None).expect("it starts")
}

fn leave(desk: &RecordDesk, serial: u64) {
    let answered = serial.is_multiple_of(2);
    let cdr = Cdr {
        id: CdrId {
            serial,
            ..CdrId::default()
        },
        src: serial.to_string().into(),
        dst: "1002".into(),
        accountcode: "sales".into(),
        channel: "SIP/1001-00000000".into(),
        lastdata: "x".repeat(300).into(),
        start: UnixMicros(1_709_226_359_000_000 + serial * 1_000_000),
        answer: answered.then(|| UnixMicros(1_709_226_362_000_000 + serial * 1_000_000)),
        end: UnixMicros(1_709_226_367_000_000 + serial * 1_000_000),
        disposition: match answered {
            true => Disposition::Answered,
            false => Disposition::Busy,
        },
        amaflags: AmaFlags::Billing,
        fields: vec![("userfield2".into(), "not a column".into())],
        ..Cdr::default()
    };
    assert!(!desk.filing(0).file(Box::new(cdr)).dropped);
}

/// Waits until the table of a database has so many rows.
fn rows_in_the_end(server: &MariaDb, database: &str, expected: u32) {
    let until = Instant::now() + PATIENCE;
    loop {
        let sql = format!("SELECT COUNT(*) FROM {database}.cdr");
        let count: Option<u32> = server.admin().query_first(sql).unwrap();
        if count == Some(expected) {
            return;
        }
        assert!(Instant::now() < until, "{count:?} rows, not {expected}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn counter(recorder: &Recorder, name: &str) -> u64 {
    let counters = recorder.counters();
    let found = counters.iter().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("no {name}")).1
}

#[test]
fn a_record_becomes_a_row_of_asterisks_columns() {
    let server = shared();
    let section = server.database("r_columns");
    let scratch = Scratch::new("records-columns");
    let (mut recorder, desk) = recorder(Section::Mysql(section), &scratch, 1);
    leave(&desk, 1);
    leave(&desk, 2);
    recorder.close();
    assert_eq!(counter(&recorder, "cdr_table_written"), 2);
    type Row = (String, String, Option<String>, u32, u32, String, u32, usize);
    let rows: Vec<Row> = server
        .admin()
        .query(
            "SELECT src, CAST(calldate AS CHAR), CAST(answer AS CHAR), duration, billsec, disposition, \
             amaflags, LENGTH(lastdata) FROM r_columns.cdr ORDER BY calldate",
        )
        .unwrap();
    assert_eq!(
        rows,
        [
            (
                "1".into(),
                "2024-02-29 17:06:00".into(),
                None,
                8,
                0,
                "BUSY".into(),
                2,
                255
            ),
            (
                "2".into(),
                "2024-02-29 17:06:01".into(),
                Some("2024-02-29 17:06:04".into()),
                8,
                5,
                "ANSWERED".into(),
                2,
                255
            ),
        ]
    );
}

#[test]
fn while_the_database_is_away_records_wait_and_arrive_once() {
    let server = MariaDb::start("records-away");
    let section = Section::Mysql(server.database("r_away"));
    let scratch = Scratch::new("records-away");
    let (first, desk) = recorder(section.clone(), &scratch, 1);
    for serial in 1..=10 {
        leave(&desk, serial);
    }
    rows_in_the_end(&server, "r_away", 10);
    server.kill();
    for serial in 11..=1500 {
        leave(&desk, serial);
    }
    let until = Instant::now() + PATIENCE;
    while counter(&first, "cdr_table_waiting") < 1490 {
        assert!(Instant::now() < until, "{:?}", first.counters());
        std::thread::sleep(Duration::from_millis(20));
    }
    // The process ends in the middle; the next one knows.
    let mut first = first;
    first.close();
    let (mut second, desk) = recorder(section, &scratch, 2);
    assert_eq!(counter(&second, "cdr_table_waiting"), 1490);
    leave(&desk, 1);
    server.restart();
    rows_in_the_end(&server, "r_away", 1501);
    second.close();
    assert_eq!(counter(&second, "cdr_table_waiting"), 0);
    assert_eq!(counter(&second, "cdr_table_dropped"), 0);
    let distinct: Option<(u32, u32)> = server
        .admin()
        .query_first("SELECT COUNT(DISTINCT delivery_id), COUNT(*) FROM r_away.cdr")
        .unwrap();
    assert_eq!(distinct, Some((1501, 1501)));
    // Batch after batch came in order.
    let swaps: Option<u32> = server
        .admin()
        .query_first(
            "SELECT COUNT(*) FROM r_away.cdr AS one JOIN r_away.cdr AS two \
             ON two.id > one.id AND two.src + 1000 < one.src + 0 AND two.delivery_id LIKE '%1-0-0-%'",
        )
        .unwrap();
    assert_eq!(swaps, Some(0));
}

#[test]
fn rows_that_are_there_already_do_not_come_twice() {
    let server = shared();
    let section = Section::Mysql(server.database("r_twice"));
    let scratch = Scratch::new("records-twice");
    let spool = scratch.path().join("cdr/cdr.spool");
    std::fs::create_dir_all(spool.parent().unwrap()).unwrap();
    let row = |id: &str, src: &str| {
        format!(
            "{{\"delivery_id\":\"{id}\",\"src\":\"{src}\",\"calldate\":\"2024-02-29 17:06:00\",\"end\":\"2024-02-29 17:06:09\"}}\n"
        )
    };
    std::fs::write(&spool, [row("a", "1"), row("b", "2")].concat()).unwrap();
    server.exec(
        "INSERT INTO r_twice.cdr (delivery_id, src, calldate, end) VALUES ('a', '1', NOW(), NOW())",
    );
    let (mut recorder, desk) = recorder(section, &scratch, 3);
    leave(&desk, 9);
    rows_in_the_end(&server, "r_twice", 3);
    recorder.close();
    assert_eq!(counter(&recorder, "cdr_table_waiting"), 0);
}

#[test]
fn an_sqlite_table_takes_records_too() {
    let scratch = Scratch::new("records-sqlite");
    let file = scratch.path().join("calls.sqlite3");
    let conn = rusqlite::Connection::open(&file).unwrap();
    let schema = include_str!("../../examples/realtime-sqlite/schema.sql");
    conn.execute_batch(schema).unwrap();
    let section = Section::Sqlite(pinion::realtime::mapping::SqliteSection {
        name: "test".into(),
        dbfile: file,
        requirements: Default::default(),
    });
    let (mut recorder, desk) = recorder(section, &scratch, 4);
    (1..=20).for_each(|serial| leave(&desk, serial));
    recorder.close();
    let count: u32 = conn
        .query_row(
            "SELECT COUNT(*) FROM cdr WHERE amaflags = 'BILLING'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(count, 20);
}
