use pinion_sip::base::Text;
use pinion_sip::config::AmaFlags;
use pinion_sip::dialplan::{Cause, Zone};
use pinion_sip::machine::{Cdr, CdrId, Disposition, UnixMicros};

use std::path::Path;

use crossbeam::channel::Sender;

use super::entry::Entry;
use super::*;
use crate::realtime::mapping::{Family, Place, Requirements, Section, SqliteSection};

fn entry() -> Entry {
    Entry {
        id: "00000000000000aa-1-0-7".into(),
        node: "a".into(),
        cdr: Box::new(Cdr {
            id: CdrId {
                shard: 1,
                incarnation: 0,
                serial: 7,
            },
            accountcode: "sales".into(),
            src: "1001".into(),
            dst: "1002".into(),
            dcontext: "default".into(),
            clid: "\"Ann\" <1001>".into(),
            channel: "SIP/1001-00000000".into(),
            dstchannel: "SIP/1002-000000001".into(),
            lastapp: "Dial".into(),
            lastdata: "SIP/1002,20,\"x\"".into(),
            start: UnixMicros(1_709_226_359_000_000),
            answer: Some(UnixMicros(1_709_226_362_000_000)),
            end: UnixMicros(1_709_226_367_600_000),
            disposition: Disposition::Answered,
            amaflags: AmaFlags::Billing,
            uniqueid: "1709226359.0".into(),
            userfield: "floor, 3".into(),
            linkedid: "1709226359.0".into(),
            peeraccount: "support".into(),
            call_id: Text::from("a@h"),
            callee_call_id: Text::from("b"),
            peer: "1001".into(),
            callee_peer: "1002".into(),
            pdd: Some(Duration::from_millis(40)),
            setup: Some(Duration::from_secs(3)),
            final_code: Some(200),
            cause: Cause::NORMAL_CLEARING,
            retransmissions: 2,
            fields: vec![("floor".into(), "3".into())],
        }),
        spot: None,
        again: false,
    }
}

fn form() -> Form {
    Form {
        zone: Zone::UTC,
        initiatedseconds: false,
    }
}

#[test]
fn master_csv_has_asterisks_columns_and_quotes() {
    let mut line = Vec::new();
    csv::write(&mut line, &entry(), &form(), &csv::Options::default());
    assert_eq!(
        String::from_utf8(line).unwrap(),
        "\"sales\",\"1001\",\"1002\",\"default\",\"\"\"Ann\"\" <1001>\",\"SIP/1001-00000000\",\
         \"SIP/1002-000000001\",\"Dial\",\"SIP/1002,20,\"\"x\"\"\",\"2024-02-29 17:05:59\",\
         \"2024-02-29 17:06:02\",\"2024-02-29 17:06:07\",8,5,\"ANSWERED\",\"BILLING\"\n"
    );
    let mut unanswered = entry();
    unanswered.cdr.answer = None;
    let options = csv::Options {
        loguniqueid: true,
        loguserfield: true,
        newcdrcolumns: true,
        ..csv::Options::default()
    };
    let mut line = Vec::new();
    csv::write(&mut line, &unanswered, &form(), &options);
    let text = String::from_utf8(line.clone()).unwrap();
    assert!(
        text.ends_with(
            "\"2024-02-29 17:05:59\",,\"2024-02-29 17:06:07\",8,0,\"ANSWERED\",\"BILLING\",\
             \"1709226359.0\",\"floor, 3\",\"support\",\"1709226359.0\",7\n"
        ),
        "{text}"
    );
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(line.as_slice());
    let record = reader.records().next().unwrap().unwrap();
    assert_eq!(record.len(), 21);
    assert_eq!(
        (&record[4], &record[8]),
        ("\"Ann\" <1001>", "SIP/1002,20,\"x\"")
    );
}

#[test]
fn half_a_second_counts_where_it_shall() {
    let form = Form {
        initiatedseconds: true,
        ..form()
    };
    assert_eq!(form.seconds(&entry().cdr), (8, 6));
}

#[test]
fn an_account_has_a_file_of_its_own_and_none_elsewhere() {
    assert_eq!(csv::account_file("sales").as_deref(), Some("sales.csv"));
    for code in ["", "../up", ".hidden", "a/b", "a\0b", "Master"] {
        assert_eq!(csv::account_file(code), None, "{code:?}");
    }
}

#[test]
fn an_object_says_all_that_is_known() {
    let mut line = Vec::new();
    json::write(&mut line, &entry(), &form());
    assert_eq!(line.pop(), Some(b'\n'));
    let object: serde_json::Value = serde_json::from_slice(&line).unwrap();
    let expected = serde_json::json!({
        "id": "00000000000000aa-1-0-7", "node": "a", "shard": 1, "incarnation": 0,
        "start": "2024-02-29T17:05:59.000Z", "answer": "2024-02-29T17:06:02.000Z",
        "end": "2024-02-29T17:06:07.600Z",
        "duration": 8, "billsec": 5, "duration_ms": 8600, "billsec_ms": 5600,
        "disposition": "ANSWERED", "src": "1001", "dst": "1002", "dcontext": "default",
        "clid": "\"Ann\" <1001>", "channel": "SIP/1001-00000000",
        "dstchannel": "SIP/1002-000000001", "lastapp": "Dial", "lastdata": "SIP/1002,20,\"x\"",
        "accountcode": "sales", "peeraccount": "support", "amaflags": "BILLING",
        "uniqueid": "1709226359.0", "linkedid": "1709226359.0", "userfield": "floor, 3",
        "call_id": "a@h", "callee_call_id": "b", "peer": "1001", "callee_peer": "1002",
        "pdd_ms": 40, "setup_ms": 3000, "final_code": 200, "cause": 16,
        "reason": "Normal Clearing", "retransmissions": 2, "fields": {"floor": "3"},
    });
    assert_eq!(object, expected);
}

/// Records in `dir`, as `cdr.conf` has it that writes everything.
fn settings(dir: &Path) -> Settings {
    Settings {
        switches: Arc::default(),
        dir: dir.join("cdr"),
        style: Style {
            csv: Some(csv::Options::default()),
            json: Some(Fsync::Always),
            form: form(),
        },
        mapping: Mapping::default(),
        timeout: Duration::from_secs(1),
        node: "a".into(),
        boot: 0xaa,
    }
}

/// Files records with those numbers, and says where they lie in the journal.
fn file(desk: &RecordDesk, serials: impl Iterator<Item = u64>) {
    let mut filing = desk.filing(1);
    for serial in serials {
        let mut cdr = entry().cdr;
        cdr.id.serial = serial;
        let fate = filing.file(cdr);
        assert!(!fate.dropped && !fate.unjournaled);
    }
}

#[test]
fn records_reach_every_place_before_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let (mut recorder, desk) = Recorder::start(settings(dir.path()), None).unwrap();
    file(&desk, 1..=100);
    recorder.close();
    for (name, tally) in recorder.board().places() {
        assert_eq!(
            (tally.written.value(), tally.dropped.value()),
            (100, 0),
            "{name}"
        );
    }
    let lines = |name: &str| {
        let text = std::fs::read_to_string(dir.path().join("cdr").join(name)).unwrap();
        text.lines().count()
    };
    assert_eq!(lines("Master.csv"), 100);
    assert_eq!(lines("sales.csv"), 100);
    assert_eq!(lines("Master.json"), 100);
}

/// The table of a database of SQLite in a directory, made if it is not there.
fn in_table(dir: &Path) -> Mapping {
    let dbfile = dir.join("calls.sqlite3");
    if !dbfile.exists() {
        let schema = include_str!("../../examples/realtime-sqlite/schema.sql");
        let connection = rusqlite::Connection::open(&dbfile).unwrap();
        connection.execute_batch(schema).unwrap();
    }
    let section = SqliteSection {
        name: "calls".into(),
        dbfile,
        requirements: Requirements::Warn,
    };
    let place = Place {
        read_section: 0,
        write_section: 0,
        table: "cdr".into(),
    };
    Mapping {
        families: vec![Family {
            name: FAMILY.into(),
            places: vec![place],
        }],
        sections: vec![Section::Sqlite(section)],
    }
}

/// A table of SQLite with so many rows in its spool, and the way to it.
fn table(dir: &Path, waiting: u32) -> (Table, Sender<Handed>) {
    let mapping = in_table(dir);
    let patience = Duration::from_secs(5);
    let sources = Sources::new(&mapping, patience, &Arc::default(), &Arc::default());
    let mut pool = Pool::new(Arc::new(sources));
    let route = pool.route(mapping.places(FAMILY), true);
    let mut spool = Spool::open(dir).unwrap();
    let row = |number: u32| {
        spool::Row::from([
            ("delivery_id".into(), format!("old-{number}")),
            ("calldate".into(), "2024-02-29 17:06:00".into()),
            ("end".into(), "2024-02-29 17:06:09".into()),
        ])
    };
    spool
        .put(&(0..waiting).map(row).collect::<Vec<_>>())
        .unwrap();
    let style = Style {
        csv: None,
        json: None,
        form: form(),
    };
    let (sender, entries) = bounded(16);
    let table = Table {
        inlet: Inlet::new(entries, 2),
        pool,
        route,
        spool,
        board: Arc::new(Board {
            places: Vec::new(),
            style: ArcSwap::from_pointee(style),
        }),
        tally: Arc::default(),
        again: None,
    };
    (table, sender)
}

#[test]
fn new_records_do_not_wait_until_a_long_spool_is_in_the_table() {
    let dir = tempfile::tempdir().unwrap();
    let (mut table, sender) = table(dir.path(), 1200);
    for number in 0..10 {
        let id = format!("new-{number}");
        let entry = Arc::new(Entry { id, ..entry() });
        let wanted = true;
        sender.send(Handed { entry, wanted }).unwrap();
    }
    let mut waiting = Vec::new();
    while table.spool.waiting() > 0 {
        assert!(table.step());
        waiting.push(table.spool.waiting());
    }
    assert_eq!(
        waiting,
        [710, 210, 0],
        "the new ones are on the disk at once"
    );
    assert_eq!(table.tally.written.value(), 1210);
}

#[test]
fn what_is_written_may_change_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let style = Style {
        csv: None,
        json: None,
        form: form(),
    };
    let settings = Settings {
        dir: dir.path().into(),
        style: style.clone(),
        ..settings(dir.path())
    };
    let (mut recorder, desk) = Recorder::start(settings, None).unwrap();
    assert_eq!(recorder.board().places().count(), 0);
    recorder.board().adopt(Style {
        csv: Some(csv::Options::default()),
        ..style
    });
    file(&desk, 1..=1);
    recorder.close();
    let places: Vec<_> = recorder.board().places().map(|(name, _)| name).collect();
    assert_eq!(places, ["csv"]);
    assert!(dir.path().join("Master.csv").exists());
    assert!(!dir.path().join("Master.json").exists());
}

mod replay;
