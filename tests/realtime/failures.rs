//! A database that stands still, dies, crawls or has no room: errands are
//! answered in time, each once, and what was acknowledged is there afterwards.

use std::collections::{HashMap, HashSet};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mysql::Conn;
use mysql::prelude::Queryable;
use pinion::realtime::Settings;
use pinion::realtime::mapping::{MysqlSection, Section, Server, Tls};
use pinion_sip::machine::realtime::{Errand, Outcome};

use crate::asker::{Asker, PATIENCE, contact, registered, saving, settings};
use crate::engine::Scratch;
use crate::mariadb::{MariaDb, PASSWORD, USER, run, shared};
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
        "INSERT INTO {database}.sippeers (name, host) SELECT seq, 'dynamic' FROM {database}.seq_1_to_{users}"
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
    let mut tickets = HashMap::new();
    let mut outcomes = HashMap::new();
    for name in 1..=2000u32 {
        let ticket = asker.send(registered(&name.to_string())).unwrap();
        tickets.insert(ticket, name);
        if name % 100 == 0 && name <= 1000 {
            // Some are acknowledged, and some are under way at any time.
            outcomes.extend(asker.hear_all(50));
        }
        if name == 1000 {
            server.kill();
        }
    }
    outcomes.extend(asker.hear_all(2000 - outcomes.len()));
    let is_saved = |(ticket, outcome): (_, Outcome)| match outcome {
        Outcome::Saved => Some(tickets[&ticket]),
        Outcome::Unavailable => None,
        outcome => panic!("{outcome:?}"),
    };
    let saved: Vec<u32> = outcomes.into_iter().filter_map(is_saved).collect();
    assert!(saved.len() >= 500);
    server.restart();
    let rows: Vec<u32> = server
        .admin()
        .query("SELECT name FROM users.sippeers WHERE ipaddr = '192.0.2.7'")
        .unwrap();
    let rows: HashSet<u32> = rows.into_iter().collect();
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

#[test]
fn the_way_to_a_server_is_encrypted_where_it_shall_be() {
    let scratch = Scratch::new("tls");
    let path = |name: &str| scratch.path().join(name);
    let openssl = |text: &str| {
        let arguments = text.split(' ').map(|word| match word.strip_prefix('@') {
            Some(name) => path(name).into_os_string(),
            None => word.into(),
        });
        run(Command::new("openssl")
            .args(arguments)
            .stderr(Stdio::null()));
    };
    openssl("req -x509 -newkey rsa:2048 -nodes -subj /CN=authority -keyout @ca.key -out @ca.pem");
    openssl("req -newkey rsa:2048 -nodes -subj /CN=server -keyout @key -out @request");
    std::fs::write(path("names"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    openssl(
        "x509 -req -in @request -CA @ca.pem -CAkey @ca.key -CAcreateserial -extfile @names -out @cert",
    );
    let server = MariaDb::start_with(
        "tls",
        vec![
            format!("--ssl-cert={}", path("cert").display()),
            format!("--ssl-key={}", path("key").display()),
        ],
    );
    let section = server.database("users");
    add_users(&server, "users", 3);
    server.exec(&format!("ALTER USER '{USER}'@'%' REQUIRE SSL"));
    let section = |tls| MysqlSection {
        server: Server::Tcp("127.0.0.1".into(), server.port()),
        tls,
        ..section.clone()
    };
    let asks = |tls| start(section(tls)).ask(Errand::Peer("1".into()));
    assert!(matches!(asks(Tls::No), Outcome::Unavailable));
    assert!(matches!(asks(Tls::Yes), Outcome::Peer(Some(_))));
    assert!(matches!(
        asks(Tls::Verify(Some(path("ca.pem")))),
        Outcome::Peer(Some(_))
    ));
    // Nobody else vouches for it.
    assert!(matches!(asks(Tls::Verify(None)), Outcome::Unavailable));
}
