//! What is kept in files of our own: the journal, and the registrations of
//! devices that no database knows.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mysql::prelude::Queryable;
use pinion::realtime::mapping::{MysqlSection, Section, Server};
use pinion::realtime::{RegWrite, Settings};
use pinion_sip::machine::realtime::{Errand, Outcome, Saving};

use crate::asker::{Asker, PATIENCE, contact, registered, saving, settings};
use crate::engine::Scratch;
use crate::mariadb::{MariaDb, free_port};

fn journalled(section: MysqlSection, scratch: &Scratch) -> Settings {
    Settings {
        state: Some(scratch.path().to_owned()),
        reg_write: RegWrite::Journal,
        timeout: Duration::from_secs(1),
        ..settings(Section::Mysql(section))
    }
}

fn rows_in_the_end(server: &MariaDb, condition: &str, expected: u32) {
    let until = Instant::now() + PATIENCE;
    loop {
        let sql = format!("SELECT COUNT(*) FROM users.sippeers WHERE {condition}");
        let count: Option<u32> = server.admin().query_first(sql).unwrap();
        if count == Some(expected) {
            return;
        }
        assert!(Instant::now() < until, "{count:?} rows, not {expected}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn server(name: &str) -> (MariaDb, MysqlSection) {
    let server = MariaDb::start(name);
    let section = server.database("users");
    server.exec(
        "INSERT INTO users.sippeers (name, host) SELECT seq, 'dynamic' FROM users.seq_1_to_1000",
    );
    (server, section)
}

/// Waits until the database has everything that is in the journal.
fn nothing_is_pending(asker: &Asker) {
    let until = Instant::now() + PATIENCE;
    while asker.counter("realtime_journal_pending") > 0 {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_journal_answers_while_the_database_is_down_and_brings_all_later() {
    let (server, section) = server("journal");
    let scratch = Scratch::new("journal");
    let asker = Asker::start(&journalled(section.clone(), &scratch));
    assert!(matches!(asker.ask(registered("1")), Outcome::Saved));
    rows_in_the_end(&server, "ipaddr = '192.0.2.7'", 1);
    server.kill();
    for name in 1..=1000 {
        asker.send(registered(&name.to_string())).unwrap();
    }
    let outcomes = asker.hear_all(1000);
    assert!(
        outcomes
            .values()
            .all(|outcome| matches!(outcome, Outcome::Saved))
    );
    assert!(asker.counter("realtime_journal_pending") > 0);
    // The process ends in the middle; the next one knows.
    drop(asker);
    let asker = Asker::start(&journalled(section, &scratch));
    assert_eq!(asker.counter("realtime_journal_pending"), 1000);
    server.restart();
    rows_in_the_end(&server, "ipaddr = '192.0.2.7'", 1000);
    nothing_is_pending(&asker);
    assert!(matches!(
        asker.ask(Errand::Save(saving("1", Vec::new()))),
        Outcome::Saved
    ));
    rows_in_the_end(&server, "ipaddr = '192.0.2.7'", 999);
}

#[test]
fn a_reader_sees_the_journal_before_the_database_does() {
    let (server, section) = server("overlay");
    let scratch = Scratch::new("overlay");
    let asker = Asker::start(&journalled(section.clone(), &scratch));
    // The table is locked against writers, and readers go on.
    let mut admin = server.admin();
    admin.query_drop("USE users").unwrap();
    admin.query_drop("LOCK TABLES sippeers READ").unwrap();
    assert!(matches!(asker.ask(registered("5")), Outcome::Saved));
    assert_eq!(asker.peer("5").unwrap().contacts.len(), 1);
    admin.query_drop("UNLOCK TABLES").unwrap();
    rows_in_the_end(&server, "ipaddr = '192.0.2.7'", 1);
}

#[test]
fn the_journal_has_a_bound() {
    let (server, section) = server("bound");
    let scratch = Scratch::new("bound");
    let asker = Asker::start(&Settings {
        journal_limit: 10,
        ..journalled(section, &scratch)
    });
    server.kill();
    let mut saved = 0;
    for name in 1..=20 {
        if matches!(asker.ask(registered(&name.to_string())), Outcome::Saved) {
            saved += 1;
        }
    }
    assert_eq!(saved, 10);
    // A name it holds already needs no room.
    assert!(matches!(asker.ask(registered("1")), Outcome::Saved));
    server.restart();
    rows_in_the_end(&server, "ipaddr = '192.0.2.7'", 10);
    asker.saves_in_the_end(&saving("20", vec![contact("20")]));
}

#[test]
fn what_another_node_wrote_since_is_not_undone() {
    let (server, section) = server("overtaken");
    let scratch = Scratch::new("overtaken");
    let asker = Asker::start(&journalled(section.clone(), &scratch));
    server.kill();
    assert!(matches!(asker.ask(registered("1")), Outcome::Saved));
    assert!(matches!(asker.ask(registered("2")), Outcome::Saved));
    drop(asker);
    server.restart();
    server.exec(
        "UPDATE users.sippeers SET ipaddr = '192.0.2.99', regseconds = 2147483000 WHERE name = '1'",
    );
    let asker = Asker::start(&journalled(section, &scratch));
    rows_in_the_end(&server, "ipaddr = '192.0.2.7'", 1);
    nothing_is_pending(&asker);
    rows_in_the_end(&server, "name = '1' AND ipaddr = '192.0.2.99'", 1);
}

#[test]
fn an_unregister_that_was_overtaken_clears_nothing() {
    let (server, section) = server("goodbye");
    let scratch = Scratch::new("goodbye");
    let settings = Settings {
        regserver: Some("one".into()),
        ..journalled(section, &scratch)
    };
    let asker = Asker::start(&settings);
    for name in ["1", "2", "3"] {
        assert!(matches!(asker.ask(registered(name)), Outcome::Saved));
    }
    rows_in_the_end(&server, "regserver = 'one'", 3);
    server.kill();
    // Two leave; the time of the third is out.
    for (name, expired) in [("1", false), ("2", false), ("3", true)] {
        let none = (*saving(name, Vec::new())).clone();
        let none = std::sync::Arc::new(Saving { expired, ..none });
        assert!(matches!(asker.ask(Errand::Save(none)), Outcome::Saved));
    }
    drop(asker);
    server.restart();
    server.exec(
        "UPDATE users.sippeers SET regserver = 'two', ipaddr = '192.0.2.99' \
         WHERE name IN ('1', '3')",
    );
    let asker = Asker::start(&settings);
    rows_in_the_end(&server, "name = '2' AND ipaddr = ''", 1);
    nothing_is_pending(&asker);
    rows_in_the_end(&server, "ipaddr = '192.0.2.99'", 2);
}

#[test]
fn a_journal_needs_a_directory() {
    let hooks = pinion::realtime::Hooks {
        device: std::sync::Arc::new(|_, _| Err(String::new())),
        is_static: std::sync::Arc::new(|_| false),
        answer: std::sync::Arc::new(|_, _| {}),
    };
    let mut settings = settings(Section::Sqlite(pinion::realtime::mapping::SqliteSection {
        name: "none".into(),
        dbfile: "/nonexistent/file".into(),
        requirements: Default::default(),
    }));
    settings.reg_write = RegWrite::Journal;
    let refused = pinion::realtime::Realtime::start(&settings, hooks).err();
    assert!(refused.unwrap().contains("--state"));
}

#[test]
fn devices_of_files_are_kept_without_a_database() {
    let scratch = Scratch::new("state");
    let state = Settings {
        state: Some(scratch.path().to_owned()),
        ..Settings::default()
    };
    let asker = Asker::start(&state);
    let mut second = contact("static-1");
    second.fullcontact = "sip:static-1@192.0.2.8".into();
    second.regseconds.0 -= 60;
    let both = saving("static-1", vec![contact("static-1"), second]);
    let ended = {
        let mut ended = contact("static-2");
        ended.regseconds.0 = 5;
        saving("static-2", vec![ended])
    };
    for saving in [&both, &ended] {
        let outcome = asker.ask(Errand::Save(std::sync::Arc::clone(saving)));
        assert!(matches!(outcome, Outcome::Saved), "{outcome:?}");
    }
    asker.ask(registered("static-3"));
    asker.ask(Errand::Save(saving("static-3", Vec::new())));
    assert!(asker.peer("static-1").is_none(), "there is no database");
    assert!(asker.peers_at("192.0.2.7:5062").is_empty());
    drop(asker);
    let asker = Asker::start(&state);
    assert_eq!(asker.realtime.load().unwrap(), [both]);
}

#[test]
fn a_directory_that_is_none_refuses_and_serves() {
    let asker = Asker::start(&Settings {
        state: Some("/nonexistent/pinion".into()),
        ..Settings::default()
    });
    assert!(
        asker
            .realtime
            .load()
            .unwrap_err()
            .contains("/nonexistent/pinion")
    );
    assert!(matches!(
        asker.ask(registered("static-1")),
        Outcome::Unavailable
    ));
    assert!(matches!(
        asker.ask(Errand::Peer("x".into())),
        Outcome::Peer(None)
    ));
}

#[test]
fn without_a_directory_nothing_is_kept_and_all_is_well() {
    let asker = Asker::start(&Settings::default());
    assert!(matches!(asker.ask(registered("static-1")), Outcome::Saved));
    assert_eq!(asker.realtime.load().unwrap(), []);
}

/// Names the directory, in the process that is killed.
const DOOMED: &str = "PINION_DOOMED";

/// Registers devices of both kinds without end, and says whose were acknowledged.
fn register_until_killed(directory: &str, section: MysqlSection) {
    let dead = MysqlSection {
        server: Server::Tcp("127.0.0.1".into(), free_port()),
        ..section
    };
    let asker = Asker::start(&Settings {
        state: Some(directory.into()),
        reg_write: RegWrite::Journal,
        ..settings(Section::Mysql(dead))
    });
    let mut names = HashMap::new();
    for serial in 1.. {
        for name in [serial.to_string(), format!("static-{serial}")] {
            let ticket = asker.send(registered(&name)).unwrap();
            names.insert(ticket, name);
        }
        if serial > 50 {
            for (ticket, outcome) in asker.hear_all(2) {
                assert!(matches!(outcome, Outcome::Saved));
                println!("saved {}", names[&ticket]);
            }
        }
    }
}

#[test]
fn a_killed_process_loses_no_acknowledged_registration() {
    let nowhere = MysqlSection {
        name: "test".into(),
        server: Server::Tcp("127.0.0.1".into(), 0),
        dbname: "users".into(),
        dbuser: String::new(),
        dbpass: Default::default(),
        dbcharset: None,
        requirements: Default::default(),
        tls: Default::default(),
    };
    if let Ok(directory) = std::env::var(DOOMED) {
        return register_until_killed(&directory, nowhere);
    }
    let (server, section) = server("doomed");
    let scratch = Scratch::new("doomed");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("journal::a_killed_process_loses_no_acknowledged_registration")
        .env(DOOMED, scratch.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let saved = |line: std::io::Result<String>| {
        let line = line.ok()?;
        Some(line.strip_prefix("saved ")?.to_owned())
    };
    let mut names: Vec<String> = lines.by_ref().filter_map(saved).take(600).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    // What it said before it died counts, too.
    names.extend(lines.filter_map(saved));
    assert!(names.len() >= 600, "{} acknowledged", names.len());
    let asker = Asker::start(&journalled(section, &scratch));
    let kept = asker.realtime.load().unwrap();
    let kept: HashSet<String> = kept.iter().map(|s| s.name.lossy().into_owned()).collect();
    // Before the database has anything, and after.
    let mut in_database = Vec::new();
    for name in names {
        if name.starts_with("static") {
            assert!(kept.contains(&name), "{name}");
        } else if name.parse::<u32>().is_ok_and(|name| name <= 1000) {
            assert_eq!(asker.peer(&name).unwrap().contacts.len(), 1, "{name}");
            in_database.push(name);
        }
    }
    assert!(in_database.len() >= 200);
    let list = in_database.join(",");
    let count = in_database.len() as u32;
    rows_in_the_end(
        &server,
        &format!("ipaddr = '192.0.2.7' AND name IN ({list})"),
        count,
    );
}
