//! What plans read and write of rows, in both databases.

use pinion::realtime::Settings;
use pinion::realtime::mapping::{Requirements, Section, SqliteSection};
use pinion_sip::dialplan::{Deed, Inquiry, Lookup, Reply, Row, Rows};

use crate::asker::{Asker, mapping};
use crate::engine::Scratch;
use crate::mariadb::shared;

const TABLE: &str =
    "(id INTEGER PRIMARY KEY, name VARCHAR(40), number VARCHAR(40), note VARCHAR(40))";

fn row(fields: &[(&str, &str)]) -> Row {
    let field = |&(name, value): &(&str, &str)| (name.into(), value.into());
    fields.iter().map(field).collect()
}

fn rows(matches: &[(&str, &str)], deed: Deed) -> Inquiry {
    Inquiry::Rows(Box::new(Rows {
        family: "book".into(),
        matches: row(matches),
        deed,
    }))
}

/// A row is stored, read, changed and removed.
fn life(asker: &Asker) {
    let stored = rows(
        &[("id", "7"), ("name", "Ann"), ("number", "1;2")],
        Deed::Store,
    );
    assert!(matches!(asker.inquire(stored), Reply::Text(_)));
    let ann = || rows(&[("name", "Ann")], Deed::Read);
    let expected = row(&[("id", "7"), ("name", "Ann"), ("number", "1;2")]);
    assert_eq!(asker.inquire(ann()), Reply::Rows(vec![expected]));
    let deed = Deed::Update("note".into(), "it's \"new\"".into());
    let changed = rows(&[("id", "7")], deed);
    assert_eq!(asker.inquire(changed), Reply::Text("1".into()));
    let nobody = rows(&[("id", "8")], Deed::Update("note".into(), "x".into()));
    assert_eq!(asker.inquire(nobody), Reply::Text("0".into()));
    let expected = row(&[
        ("id", "7"),
        ("name", "Ann"),
        ("number", "1;2"),
        ("note", "it's \"new\""),
    ]);
    let gone = rows(&[("name", "Ann")], Deed::Destroy);
    assert_eq!(asker.inquire(gone), Reply::Rows(vec![expected]));
    assert_eq!(asker.inquire(ann()), Reply::Rows(Vec::new()));
    let column = rows(&[("nothing", "1")], Deed::Read);
    assert_eq!(asker.inquire(column), Reply::Failed);
    assert_eq!(
        asker.inquire(rows(&[("name` = name OR `name", "x")], Deed::Destroy)),
        Reply::Failed,
        "a column is a column, whatever its name"
    );
    let family = Inquiry::Rows(Box::new(Rows {
        family: "unknown".into(),
        matches: row(&[("id", "7")]),
        deed: Deed::Read,
    }));
    assert_eq!(asker.inquire(family), Reply::Failed);
    asker.hears_nothing();
}

/// The row of an extension, or those of patterns.
fn extensions(asker: &Asker) {
    let found = |exten: &str, patterns| {
        let reply = asker.inquire(Inquiry::Extension(Box::new(Lookup {
            family: "extensions".into(),
            context: "phones".into(),
            exten: exten.into(),
            priority: 1,
            patterns,
        })));
        let Reply::Rows(rows) = reply else {
            panic!("{reply:?}")
        };
        rows
    };
    let line = |exten, app, appdata| row(&[("exten", exten), ("app", app), ("appdata", appdata)]);
    assert_eq!(found("100", true), [line("100", "Dial", "SIP/100,20")]);
    let patterns = [line("_1XX", "Hangup", ""), line("_X.", "NoOp", "a;b")];
    assert_eq!(found("101", true), patterns);
    assert_eq!(found("101", false), Vec::<Row>::new());
}

const EXTENSIONS: &str = "(context, exten, priority, app, appdata) VALUES \
    ('phones', '100', 1, 'Dial', 'SIP/100,20'), ('phones', '_X.', 1, 'NoOp', 'a^3Bb'), \
    ('phones', '_1XX', 1, 'Hangup', ''), ('phones', 'a_b', 1, 'NoOp', ''), \
    ('phones', '100', 2, 'Hangup', '')";

const COLUMNS: &str = "(context VARCHAR(40), exten VARCHAR(40), priority INTEGER, \
    app VARCHAR(40), appdata VARCHAR(40))";

fn settings(section: Section) -> Settings {
    Settings {
        mapping: mapping(section, &["book", "extensions"]),
        ..Settings::default()
    }
}

#[test]
fn rows_of_mariadb() {
    let server = shared();
    let section = server.database("plans");
    server.exec(&format!("CREATE TABLE plans.book {TABLE}"));
    server.exec(&format!("INSERT INTO plans.extensions {EXTENSIONS}"));
    let asker = Asker::start(&settings(Section::Mysql(section)));
    life(&asker);
    extensions(&asker);
}

#[test]
fn rows_of_sqlite() {
    let scratch = Scratch::new("plans-sqlite");
    let dbfile = scratch.path().join("plans.sqlite");
    let conn = rusqlite::Connection::open(&dbfile).unwrap();
    conn.execute(&format!("CREATE TABLE book {TABLE}"), [])
        .unwrap();
    let insert = format!("INSERT INTO extensions {EXTENSIONS}");
    for sql in [format!("CREATE TABLE extensions {COLUMNS}"), insert] {
        conn.execute(&sql, []).unwrap();
    }
    let asker = Asker::start(&settings(Section::Sqlite(SqliteSection {
        name: "test".into(),
        dbfile,
        requirements: Requirements::Warn,
    })));
    life(&asker);
    extensions(&asker);
}
