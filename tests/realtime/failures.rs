//! A database that stands still, dies, crawls or has no room: errands are
//! answered in time, each once, and what was acknowledged is there afterwards.

use std::time::{Duration, Instant};

use mysql::Conn;
use mysql::prelude::Queryable;
use pinion::realtime::Settings;
use pinion::realtime::mapping::{MysqlSection, Section, Server};
use pinion_sip::machine::realtime::{Errand, Outcome};

use crate::asker::{Asker, PATIENCE, contact, registered, saving, settings};
use crate::mariadb::{MariaDb, PASSWORD, USER, shared};
use crate::proxy::Proxy;

/// The deadline of statements here.
const TIMEOUT: Duration = Duration::from_secs(1);

/// A deadline, and what a busy machine adds.
const ANSWERED: Duration = Duration::from_secs(10);

fn start(section: MysqlSection) -> Asker {
    Asker::start(&Settings {
        timeout: TIMEOUT,
        ..settings(Section::Mysql(section))
    })
}

fn add_users(server: &MariaDb, database: &str, users: u32) {
    server.exec(&format!(
        "INSERT INTO {database}.sippeers (name, host) SELECT seq, 'dynamic' FROM seq_1_to_{users}"
    ));
}

/// Asks until an answer says that the database fails; all come in time.
fn until_it_fails(asker: &Asker) {
    let until = Instant::now() + PATIENCE;
    loop {
        let asked = Instant::now();
        let outcome = asker.ask(registered("1"));
        assert!(asked.elapsed() < ANSWERED, "{:?}", asked.elapsed());
        if matches!(outcome, Outcome::Unavailable) {
            return;
        }
        assert!(Instant::now() < until);
    }
}

#[test]
fn a_frozen_server_is_noticed_and_forgiven() {
    let server = MariaDb::start("frozen");
    let section = server.database("users");
    add_users(&server, "users", 100);
    let asker = start(section);
    asker.saves_in_the_end(&saving("1", vec![contact("1")]));
    assert!(asker.peer("1").is_some());
    server.freeze();
    until_it_fails(&asker);
    // Nobody waits for a database that is known to fail.
    for name in 1..=100 {
        asker.send(registered(&name.to_string())).unwrap();
        asker
            .send(Errand::Peer(name.to_string().as_str().into()))
            .unwrap();
    }
    let asked = Instant::now();
    let outcomes = asker.hear_all(200);
    assert!(asked.elapsed() < ANSWERED);
    assert!(
        outcomes
            .values()
            .all(|outcome| matches!(outcome, Outcome::Unavailable))
    );
    assert_ne!(asker.counter("realtime_breaker_test_write"), 0);
    server.thaw();
    for name in 1..=100 {
        let mut contact = contact(&name.to_string());
        contact.address.set_port(7000);
        asker.saves_in_the_end(&saving(&name.to_string(), vec![contact]));
    }
    assert_eq!(asker.counter("realtime_breaker_test_write"), 0);
    asker.hears_nothing();
    // What the server was asked before it froze undoes nothing.
    let kept = "SELECT COUNT(*) FROM users.sippeers WHERE port = 7000";
    assert_eq!(server.admin().query_first(kept).unwrap(), Some(100));
}

#[test]
fn a_killed_server_loses_no_acknowledged_registration() {
    let server = MariaDb::start("killed");
    let section = server.database("users");
    add_users(&server, "users", 2000);
    let asker = start(section);
    asker.saves_in_the_end(&saving("1", vec![contact("1")]));
    let mut tickets = std::collections::HashMap::new();
    let mut saved = Vec::new();
    for name in 1..=2000u32 {
        let ticket = asker.send(registered(&name.to_string())).unwrap();
        tickets.insert(ticket, name);
        if name == 1000 {
            server.kill();
        }
    }
    for (ticket, outcome) in asker.hear_all(2000) {
        match outcome {
            Outcome::Saved => saved.push(tickets[&ticket]),
            Outcome::Unavailable => {}
            outcome => panic!("{outcome:?}"),
        }
    }
    server.restart();
    let rows: Vec<u32> = server
        .admin()
        .query("SELECT name FROM users.sippeers WHERE ipaddr = '192.0.2.7'")
        .unwrap();
    let rows: std::collections::HashSet<u32> = rows.into_iter().collect();
    println!(
        "figure: {} of 2000 registrations were acknowledged before the kill",
        saved.len()
    );
    assert!(saved.iter().all(|name| rows.contains(name)));
    asker.saves_in_the_end(&saving("2", vec![contact("2")]));
    assert!(asker.counter("realtime_reconnects") > 0);
}

#[test]
fn a_server_that_closes_an_idle_connection_costs_no_errand() {
    let server = shared();
    let section = server.database("idle");
    add_users(&server, "idle", 3);
    let asker = start(section);
    for _ in 0..3 {
        assert!(matches!(asker.ask(registered("1")), Outcome::Saved));
        assert!(asker.peer("1").is_some());
        let mut admin = server.admin();
        let idle: Vec<u64> = admin
            .query("SELECT id FROM information_schema.processlist WHERE db = 'idle'")
            .unwrap();
        for id in idle {
            admin.query_drop(format!("KILL {id}")).unwrap();
        }
    }
}

#[test]
fn a_slow_way_is_a_failing_database_and_a_fast_one_none() {
    let server = shared();
    let section = server.database("slow");
    add_users(&server, "slow", 3);
    let proxy = Proxy::to(server.port());
    let asker = start(MysqlSection {
        server: Server::Tcp("127.0.0.1".into(), proxy.port()),
        ..section
    });
    asker.saves_in_the_end(&saving("1", vec![contact("1")]));
    assert!(asker.peer("1").is_some());
    proxy.delay(Duration::from_secs(5));
    until_it_fails(&asker);
    let asked = Instant::now();
    let outcome = asker.ask(Errand::Peer("2".into()));
    assert!(matches!(outcome, Outcome::Unavailable), "{outcome:?}");
    assert!(asked.elapsed() < ANSWERED);
    proxy.delay(Duration::ZERO);
    asker.saves_in_the_end(&saving("2", vec![contact("2")]));
}

#[test]
fn a_server_without_connections_is_a_failing_database() {
    let server = MariaDb::start("crowded");
    let section = server.database("users");
    add_users(&server, "users", 3);
    server.exec("SET GLOBAL max_connections = 10");
    let open = || {
        let options = mysql::OptsBuilder::new()
            .socket(server.socket().to_str())
            .prefer_socket(false)
            .user(Some(USER))
            .pass(Some(PASSWORD));
        Conn::new(options)
    };
    let crowd: Vec<Conn> = std::iter::from_fn(|| open().ok()).collect();
    assert!(!crowd.is_empty());
    let asker = start(section);
    assert!(matches!(asker.ask(registered("1")), Outcome::Unavailable));
    assert!(matches!(
        asker.ask(Errand::Peer("1".into())),
        Outcome::Unavailable
    ));
    drop(crowd);
    asker.saves_in_the_end(&saving("1", vec![contact("1")]));
}

#[test]
fn stopping_writes_what_waits() {
    let server = shared();
    let section = server.database("stopping");
    add_users(&server, "stopping", 500);
    let asker = start(section);
    asker.saves_in_the_end(&saving("1", vec![contact("1")]));
    for name in 1..=500 {
        asker.send(registered(&name.to_string())).unwrap();
    }
    assert!(asker.realtime.stop(PATIENCE), "all threads end");
    let outcomes = asker.hear_all(500);
    assert!(
        outcomes
            .values()
            .all(|outcome| matches!(outcome, Outcome::Saved))
    );
    assert!(
        asker.send(registered("1")).is_err(),
        "nobody is there any more"
    );
}
