//! How few statements many errands cost: counted by the server itself.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use pinion::realtime::Settings;
use pinion::realtime::mapping::{MysqlSection, Section, Server};
use pinion_sip::machine::realtime::{Errand, Outcome};

use crate::asker::{Asker, contact, mapping, registered, saving, settings};
use crate::mariadb::MariaDb;
use crate::proxy::Proxy;

/// A server of the test's own, with users 1 to `users`.
fn server(name: &str, users: u32) -> (MariaDb, Section) {
    let server = MariaDb::start(name);
    let section = server.database("many");
    server.exec(&format!(
        "INSERT INTO many.sippeers (name, host) SELECT seq, 'dynamic' FROM many.seq_1_to_{users}"
    ));
    (server, Section::Mysql(section))
}

#[test]
fn a_thousand_askers_of_one_name_cost_two_statements_at_most() {
    let (server, section) = server("flight", 10);
    let asker = Asker::start(&Settings {
        workers: 2,
        timeout: Duration::from_secs(20),
        ..settings(section)
    });
    // Both are connected.
    asker.peer("1");
    asker.ask(registered("1"));
    // The next statement takes as long as the server sleeps. Who asks before it
    // begins is answered by it, and all others by the one after.
    server.freeze();
    let before = asker.counter("realtime_statements");
    for _ in 0..1000 {
        asker.send(Errand::Peer("7".into())).unwrap();
    }
    std::thread::sleep(Duration::from_millis(50));
    server.thaw();
    let outcomes = asker.hear_all(1000);
    let found = |outcome: &Outcome| matches!(outcome, Outcome::Peer(Some(_)));
    assert!(outcomes.values().all(found));
    let statements = asker.counter("realtime_statements") - before;
    assert!((1..=2).contains(&statements), "{statements}");
}

#[test]
fn nobody_is_given_a_row_that_was_read_before_it_was_asked_for() {
    let (server, section) = server("older", 10);
    let proxy = Proxy::to(server.port());
    let Section::Mysql(direct) = section else {
        unreachable!("it is of a server")
    };
    let slow = MysqlSection {
        name: "slow".into(),
        server: Server::Tcp("127.0.0.1".into(), proxy.port()),
        ..direct.clone()
    };
    let mut mapping = mapping(Section::Mysql(slow), &["sippeers"]);
    mapping.sections.push(Section::Mysql(direct));
    mapping.families[0].places[0].write_section = 1;
    let asker = Asker::start(&Settings {
        mapping,
        timeout: Duration::from_secs(20),
        ..Settings::default()
    });
    assert!(asker.peer("7").unwrap().contacts.is_empty());
    asker.ask(registered("1"));
    // The row is read after one delay, and there after another.
    proxy.delay(Duration::from_millis(500));
    let early = asker.send(Errand::Peer("7".into())).unwrap();
    std::thread::sleep(Duration::from_millis(700));
    let save = asker.send(registered("7")).unwrap();
    // On a slow machine the reading may be over before: nothing to see then.
    let mut heard = HashMap::from([asker.hear()]);
    if !heard.contains_key(&save) {
        heard.extend([asker.hear()]);
    }
    let late = asker.send(Errand::Peer("7".into())).unwrap();
    heard.extend(asker.hear_all(3 - heard.len()));
    let contacts = |ticket| match &heard[&ticket] {
        Outcome::Peer(Some(known)) => known.contacts.len(),
        outcome => panic!("{outcome:?}"),
    };
    assert!(contacts(early) <= contacts(late));
    assert_eq!(contacts(late), 1);
}

#[test]
fn names_asked_meanwhile_share_the_next_statement() {
    let (server, section) = server("batches", 3000);
    let asker = Asker::start(&Settings {
        workers: 2,
        timeout: Duration::from_secs(20),
        ..settings(section)
    });
    asker.peer("1");
    asker.ask(registered("1"));
    server.freeze();
    let before = asker.counter("realtime_statements");
    for user in 1..=2000 {
        asker
            .send(Errand::Peer(user.to_string().as_str().into()))
            .unwrap();
    }
    server.thaw();
    let outcomes = asker.hear_all(2000);
    let found = |outcome: &Outcome| matches!(outcome, Outcome::Peer(Some(_)));
    assert!(outcomes.values().all(found));
    let statements = asker.counter("realtime_statements") - before;
    assert!(statements <= 4, "{statements} statements");
}

#[test]
fn registrations_that_arrive_together_are_written_together() {
    let (server, section) = server("commits", 20_000);
    let asker = Asker::start(&Settings {
        timeout: Duration::from_secs(20),
        ..settings(section)
    });
    asker.ask(registered("1"));
    let (questions, statements) = (
        server.status("Questions"),
        asker.counter("realtime_statements"),
    );
    let scanned = server.status("Handler_read_rnd_next");
    for user in 1..=2000 {
        asker.send(registered(&user.to_string())).unwrap();
    }
    let outcomes = asker.hear_all(2000);
    assert!(
        outcomes
            .values()
            .all(|outcome| matches!(outcome, Outcome::Saved))
    );
    let questions = server.status("Questions") - questions;
    // Rows read one after the other: those of the batches, never the table's.
    let scanned = server.status("Handler_read_rnd_next") - scanned;
    assert!(scanned < 15_000, "{scanned} rows scanned");
    let statements = asker.counter("realtime_statements") - statements;
    println!("figure: 2000 registrations cost {statements} statements");
    assert!(statements <= 100, "{statements} statements");
    // Each of the sizes of a batch is prepared once.
    assert!(questions <= statements + 60, "{questions} questions");
    let kept = "SELECT COUNT(*) FROM many.sippeers WHERE ipaddr = '192.0.2.7'";
    let kept: Option<u32> =
        mysql::prelude::Queryable::query_first(&mut server.admin(), kept).unwrap();
    assert_eq!(kept, Some(2000));
}

#[test]
fn the_last_write_of_a_name_wins() {
    let (server, section) = server("order", 20);
    let asker = Asker::start(&settings(section));
    for port in 1..=50 {
        for user in 1..=20 {
            let name = user.to_string();
            let mut contact = contact(&name);
            contact.address.set_port(port);
            asker
                .send(Errand::Save(saving(&name, vec![contact])))
                .unwrap();
        }
    }
    asker.hear_all(1000);
    asker.hears_nothing();
    let last = "SELECT COUNT(*) FROM many.sippeers WHERE port = 50";
    let last: Option<u32> =
        mysql::prelude::Queryable::query_first(&mut server.admin(), last).unwrap();
    assert_eq!(last, Some(20));
}

#[test]
fn made_up_names_and_addresses_cost_fewer_than_twenty_statements_a_second() {
    let (_server, section) = server("storm", 10);
    let asker = Asker::start(&settings(section));
    asker.peer("1");
    asker.ask(registered("1"));
    let name = |serial: u32| Errand::Peer(format!("nobody-{serial}").as_str().into());
    let address = |serial: u32| {
        let [_, a, b, c] = serial.to_be_bytes();
        Errand::PeersAt(([198, 18 + a, b, c], 5060).into())
    };
    storm(&asker, "names", name);
    storm(&asker, "addresses", address);
}

/// Three seconds of errands that find nobody.
fn storm(asker: &Asker, what: &str, errand: impl Fn(u32) -> Errand) {
    let before = asker.counter("realtime_statements");
    let refused = asker.counter("realtime_refused");
    let started = Instant::now();
    let mut serial = 0;
    let mut sent = 0;
    while started.elapsed() < Duration::from_secs(3) {
        for _ in 0..50 {
            serial += 1;
            sent += usize::from(asker.send(errand(serial)).is_ok());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    asker.hear_all(sent);
    let statements = (asker.counter("realtime_statements") - before) as f64;
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "figure: {:.0} unknown {what} a second cost {:.1} statements a second, {} refused",
        f64::from(serial) / seconds,
        statements / seconds,
        asker.counter("realtime_refused") - refused
    );
    assert!(
        statements < 20.0 * seconds,
        "{statements} statements in {seconds} s"
    );
}

#[test]
fn a_full_queue_refuses_at_once() {
    let (server, section) = server("full", 10);
    let asker = Asker::start(&Settings {
        queue: 20,
        timeout: Duration::from_secs(2),
        ..settings(section)
    });
    asker.peer("1");
    server.freeze();
    let mut sent = 0;
    let started = Instant::now();
    let mut refused = 0;
    for user in 1..=100 {
        match asker.send(Errand::Peer(user.to_string().as_str().into())) {
            Ok(_) => sent += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "nobody waits to be refused"
    );
    assert!(refused >= 50, "{refused} refused");
    asker.hear_all(sent);
    server.thaw();
    asker.hears_nothing();
    assert_eq!(asker.counter("realtime_refused"), refused);
}
