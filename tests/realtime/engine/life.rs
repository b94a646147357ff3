//! A phone's row from its first REGISTER to its last (A.11.2), as the engine
//! writes it, and the README's way there.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use clap::Parser;
use mysql::prelude::Queryable;
use pinion_loadgen::cli::Cli;
use pinion_loadgen::commands::Task;

use super::house::{PATIENCE, engine, files, within};
use super::phone::{Phone, USER_AGENT};
use super::{Engine, Scratch};
use crate::address::free_address;
use crate::asker::now;
use crate::mariadb::{MariaDb, Row, shared};

/// The ten rows that operators are given.
const USERS: &str = include_str!("../../../examples/realtime-mysql/users.sql");

const README: &str = include_str!("../../../README.md");

/// Every column of a row.
fn row(server: &MariaDb, database: &str, name: &str) -> Row {
    server.row("*", database, name)
}

/// What differs between a row and what it was, its regseconds left out.
fn changes(before: &Row, after: &Row) -> BTreeMap<String, String> {
    let changed = after
        .iter()
        .filter(|(name, value)| *name != "regseconds" && before.get(*name) != Some(value));
    changed
        .map(|(name, value)| (name.clone(), value.clone().unwrap_or("NULL".into())))
        .collect()
}

fn columns(expected: &[(&str, &str)]) -> BTreeMap<String, String> {
    let expected = expected.iter();
    expected
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect()
}

/// Whether a row's registration ends so many seconds from `started` or from now.
fn ends_in(row: &Row, started: u64, expires_s: u64) -> bool {
    let ends = row["regseconds"].as_deref().and_then(|s| s.parse().ok());
    ends.is_some_and(|ends: u64| (started + expires_s..=now() + expires_s).contains(&ends))
}

fn phone(engine: &Engine, name: &str) -> Phone {
    Phone::new(engine.address, name, &format!("change-me-{name}"))
}

#[test]
fn a_row_from_register_to_expiry() {
    let server = shared();
    let section = server.database("e_life");
    let mut admin = server.admin();
    admin.query_drop("USE e_life").unwrap();
    admin.query_drop(USERS).unwrap();
    let engine = engine(
        "life",
        &section,
        "rtsavesysname=yes",
        &["--systemname", "node-1"],
    );
    let fresh = row(&server, "e_life", "1001");
    let others = row(&server, "e_life", "1002");
    let mut ann = phone(&engine, "1001");
    let answer = {
        let started = now();
        let answer = ann.register(60).expect(200);
        let after = row(&server, "e_life", "1001");
        let (port, contact) = (
            ann.address().port().to_string(),
            ann.contact().replace(';', "^3B"),
        );
        let expected = [
            ("ipaddr", ann.address().ip().to_string()),
            ("port", port),
            ("defaultuser", "1001".into()),
            ("fullcontact", contact),
            ("regserver", "node-1".into()),
            ("useragent", USER_AGENT.into()),
            ("lastms", "0".into()),
        ];
        let mut expected: BTreeMap<String, String> = expected
            .into_iter()
            .map(|(name, value)| (name.into(), value))
            .collect();
        // It watches the phone from now on, and may have heard of it already.
        if after["lastms"].as_deref() != Some("0") {
            expected.insert("lastms".into(), after["lastms"].clone().unwrap_or_default());
        }
        assert_eq!(changes(&fresh, &after), expected);
        assert!(ends_in(&after, started, 60), "{after:?}");
        answer
    };
    assert!(
        answer
            .header("Contact")
            .is_some_and(|contact| contact.contains("expires=60"))
    );

    // A refresh moves the end and nothing else.
    let before = row(&server, "e_life", "1001");
    let started = now();
    ann.register(600).expect(200);
    let after = row(&server, "e_life", "1001");
    let mut changed = changes(&before, &after);
    changed.remove("lastms");
    assert_eq!(changed, BTreeMap::new());
    assert!(ends_in(&after, started, 600), "{after:?}");

    // Gone, as expiry and unregister write it.
    let gone = columns(&[
        ("ipaddr", ""),
        ("port", "0"),
        ("fullcontact", ""),
        ("regserver", ""),
        ("useragent", ""),
        ("lastms", "0"),
        ("defaultuser", "1001"),
    ]);
    ann.register(0).expect(200);
    let after = row(&server, "e_life", "1001");
    assert_eq!(changes(&fresh, &after), gone);
    assert_eq!(after["regseconds"].as_deref(), Some("0"));

    ann.register(1).expect(200);
    assert_eq!(
        row(&server, "e_life", "1001")["ipaddr"],
        Some(ann.address().ip().to_string())
    );
    within(
        PATIENCE,
        "the row of an ended registration is cleared",
        || row(&server, "e_life", "1001")["regseconds"].as_deref() == Some("0"),
    );
    assert_eq!(changes(&fresh, &row(&server, "e_life", "1001")), gone);
    assert_eq!(row(&server, "e_life", "1002"), others);
}

#[test]
fn a_row_says_how_a_watched_phone_answers() {
    let server = shared();
    let section = server.database("e_watched");
    super::house::add_users(&server, "e_watched", 1, 6);
    server.exec("UPDATE e_watched.sippeers SET qualify = 'yes'");
    let engine = engine("watched", &section, "", &[]);
    // Whichever shard is asked, and whichever has their contacts.
    let phones = (1..=6).map(|user| {
        let mut phone = super::house::phone(&engine, user);
        phone.registers(3600);
        phone.answers()
    });
    let _answering: Vec<_> = phones.collect();
    let sql = "SELECT COUNT(*) FROM e_watched.sippeers WHERE lastms BETWEEN 1 AND 60000 \
               AND fullcontact LIKE 'sip:%'";
    super::house::count_becomes(&server, sql, 6);
}

#[test]
fn a_wrong_password_writes_nothing() {
    let server = shared();
    let section = server.database("e_wrong");
    super::house::add_users(&server, "e_wrong", 1, 2);
    let engine = engine("wrong", &section, "", &[]);
    let before = row(&server, "e_wrong", "1");
    Phone::new(engine.address, 1, "wrong")
        .register(60)
        .expect(403);
    Phone::new(engine.address, 3, "wrong")
        .register(60)
        .expect(403);
    assert_eq!(row(&server, "e_wrong", "1"), before);
}

/// The commands of the README between an empty MariaDB and a registered phone.
fn commands() -> Vec<&'static str> {
    let from = README
        .find("cat examples/realtime-mysql")
        .expect("it is there");
    let text = &README[from..];
    let text = &text[..text.find("```").expect("a block ends")];
    text.lines().collect()
}

#[test]
fn the_readme_leads_from_an_empty_mariadb_to_a_registered_phone() {
    let commands = commands();
    let [tables, serve, register] = commands[..] else {
        panic!("three commands, not {commands:?}");
    };
    // As written, but for where the server's socket, the engine and its port are.
    let server = MariaDb::start("readme");
    let socket = server.socket();
    let tables = tables.replace(
        "sudo mariadb",
        &format!(
            "mariadb --no-defaults --user=root --socket={}",
            socket.display()
        ),
    );
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let status = Command::new("bash")
        .args(["-c", &tables])
        .current_dir(root)
        .status();
    assert!(status.is_ok_and(|status| status.success()), "{tables}");

    assert!(serve.contains("--config examples/realtime-mysql --listen 127.0.0.1:5060"));
    let scratch = Scratch::new("readme");
    for entry in std::fs::read_dir(root.join("examples/realtime-mysql")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let mut text = std::fs::read_to_string(&path).unwrap();
        if name == "res_config_mysql.conf" {
            text += &format!("\ndbsock = {}\n", socket.display());
        }
        scratch.write(&name, &text);
    }
    let engine = Engine::start(scratch, free_address(), &[]);

    let line = register.replace("127.0.0.1:5060", &engine.address.to_string());
    let words = line.split_whitespace().map(|word| word.trim_matches('\''));
    let cli = Cli::parse_from(words.chain(["--quiet"]));
    let Task::Run(command) = &cli.command else {
        panic!("{register}");
    };
    let (plan, _) = command.plan(Vec::new()).unwrap();
    let results = pinion_loadgen::run(&plan).unwrap();
    println!("{}", pinion_loadgen::report::text(&results));
    let sql = "SELECT COUNT(*) FROM asterisk.sippeers WHERE ipaddr = '127.0.0.1' AND port > 0 \
               AND regseconds > UNIX_TIMESTAMP()";
    let rows: Option<u32> = server.admin().query_first(sql).unwrap();
    assert_eq!(rows, Some(3), "{}", engine.log());
}

#[test]
fn without_a_server_the_same_in_a_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/realtime-sqlite");
    let scratch = Scratch::new("readme-sqlite");
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, scratch.path().join(path.file_name().unwrap())).unwrap();
    }
    let conn = rusqlite::Connection::open(scratch.path().join("realtime.sqlite3")).unwrap();
    for file in ["schema.sql", "users.sql"] {
        let text = std::fs::read_to_string(scratch.path().join(file)).unwrap();
        conn.execute_batch(&text).unwrap();
    }
    let engine = Engine::start(scratch, free_address(), &[]);
    let mut ann = phone(&engine, "1001");
    let bob = phone(&engine, "1002");
    ann.register(60).expect(200);
    let port: u16 = conn
        .query_row("SELECT port FROM sippeers WHERE name = '1001'", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(port, ann.address().port());
    let _ann = ann.answers();
    let mut bob = bob;
    let call = bob.calls("1001");
    bob.hangs_up(call);
}

#[test]
fn a_database_that_is_not_there_is_told_and_no_reason_not_to_serve() {
    let server = shared();
    let mut section = server.database("e_absent");
    section.dbname = "e_absent_too".into();
    let scratch = files(
        "absent",
        Some(&section),
        "",
        "[static]\ntype=friend\nhost=dynamic\nsecret=secret-of-static\n",
    );
    let engine = Engine::start(scratch, free_address(), &["--db-timeout", "500"]);
    let mut known = Phone::new(engine.address, "static", "secret-of-static");
    known.register(60).expect(200);
    let started = Instant::now();
    let refused = Phone::new(engine.address, 1, "secret-of-1")
        .register(60)
        .expect(503);
    assert!(refused.header("Retry-After").is_some(), "{}", refused.text);
    assert!(started.elapsed() < Duration::from_secs(10));
    assert!(
        engine.log().contains("no such database"),
        "{}",
        engine.log()
    );
}
