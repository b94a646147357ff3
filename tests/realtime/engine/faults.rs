//! Databases that stand still, die, crawl or have no room, while people call:
//! calls go on, a REGISTER is answered in time, and what was acknowledged is in
//! the table afterwards.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mysql::prelude::Queryable;
use mysql::{Conn, OptsBuilder};
use pinion::realtime::mapping::{MysqlSection, Server};

use super::Engine;
use super::house::{PATIENCE, add_users, count_becomes, engine, phone, within};
use super::phone::{Answering, Phone};
use crate::mariadb::{MariaDb, PASSWORD, USER};
use crate::proxy::Proxy;

/// How long a fault lasts: longer than what is read is fresh.
const FAULT: Duration = Duration::from_secs(4);

/// The longest until a call rings, whatever happens to the database.
const RINGS: Duration = Duration::from_secs(1);

/// `--db-timeout`, its slack, and what a busy machine adds.
const ANSWERED: Duration = Duration::from_secs(3);

/// Enough for either shard to have met both ends of a call.
const WARMING: usize = 24;

const CALLER: u32 = 1;
const CALLEE: u32 = 2;
/// Who registers during the fault.
const FIRST: u32 = 100;
const MIDDLE: u32 = 150;
const LAST: u32 = 250;

/// For how long some are registered before; then it is for an hour.
const EARLIER_S: u32 = 600;

/// Counts the rows that say that a phone is registered, for the hour.
fn row(phone: &Phone) -> String {
    format!(
        "SELECT COUNT(*) FROM users.sippeers WHERE name = '{}' AND port = {} \
         AND regseconds > UNIX_TIMESTAMP() + {}",
        phone.name,
        phone.address().port(),
        2 * EARLIER_S
    )
}

/// Somebody who calls again and again.
struct Caller {
    ends: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Duration>>,
}

impl Caller {
    fn start(mut phone: Phone) -> Caller {
        let ends = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&ends);
        let thread = thread::spawn(move || {
            let mut rang = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let call = phone.calls(&CALLEE.to_string());
                rang.push(call.answer.sign_after);
                phone.hangs_up(call);
                thread::sleep(Duration::from_millis(20));
            }
            rang
        });
        Caller { ends, thread }
    }

    /// How long each call took to ring.
    fn stop(self) -> Vec<Duration> {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.join().expect("all calls were answered")
    }
}

/// The 99th of a hundred.
fn p99(mut rang: Vec<Duration>) -> Duration {
    rang.sort_unstable();
    rang[(rang.len() * 99).div_ceil(100) - 1]
}

/// An engine, and phones that have called each other.
struct Town {
    engine: Engine,
    callee: Answering,
}

impl Town {
    fn new(name: &str, section: &MysqlSection, more: &[&str]) -> Town {
        let flags = ["--rt-ttl", "1", "--db-timeout", "500"];
        let engine = engine(name, section, "", &[&flags, more].concat());
        let mut callee = phone(&engine, CALLEE);
        // A busy host may be late with the first connection.
        within(PATIENCE, "it registers", || {
            callee.register(3600).status == 200
        });
        let callee = callee.answers();
        let mut caller = phone(&engine, CALLER);
        for _ in 0..WARMING {
            let call = caller.calls(&CALLEE.to_string());
            caller.hangs_up(call);
        }
        Town { engine, callee }
    }

    /// Breaks the database for a while and mends it.
    /// Returns how many registrations were acknowledged meanwhile.
    fn suffer(&self, server: &MariaDb, breaks: impl FnOnce(), mends: impl FnOnce()) -> usize {
        let mut holder = phone(&self.engine, CALLER);
        let held = holder.calls(&CALLEE.to_string());
        // Some registered before, others never.
        let phones = |users: Range<u32>| users.map(|user| phone(&self.engine, user));
        let mut known: Vec<Phone> = phones(FIRST..MIDDLE).collect();
        let mut others: Vec<Phone> = phones(MIDDLE..LAST).collect();
        let mut late = phone(&self.engine, LAST);
        for phone in &mut known {
            within(PATIENCE, "it registers", || {
                phone.register(EARLIER_S).status == 200
            });
        }
        let caller = Caller::start(phone(&self.engine, CALLER));
        thread::sleep(Duration::from_secs(1));
        let before = caller.stop();
        let caller = Caller::start(phone(&self.engine, CALLER));
        breaks();
        let broken = Instant::now();
        let (mut saved, mut refused) = (Vec::new(), 0);
        for phone in known.iter_mut().chain(&mut others) {
            if broken.elapsed() > FAULT {
                break;
            }
            let answer = phone.register(3600);
            assert!(
                answer.after < ANSWERED,
                "{:?}: {}",
                answer.after,
                answer.text
            );
            match answer.status {
                200 => saved.push(row(phone)),
                503 => {
                    assert!(answer.header("Retry-After").is_some(), "{}", answer.text);
                    refused += 1;
                }
                _ => panic!("{}", answer.text),
            }
            thread::sleep(Duration::from_millis(20));
        }
        // Who is in the middle of a call hangs up as ever.
        let ended = holder.hangs_up(held);
        assert!(ended.after < RINGS, "{:?}", ended.after);
        let during = caller.stop();
        mends();
        let (calls, before, during) = (during.len(), p99(before), p99(during));
        println!(
            "figure: {}: {calls} calls rang within {during:?} (99 of 100; {before:?} before), {} registrations \
             acknowledged, {refused} refused",
            thread::current().name().unwrap_or_default(),
            saved.len()
        );
        assert!(before < RINGS && during < RINGS);
        within(PATIENCE, "it registers after recovery", || {
            late.register(3600).status == 200
        });
        saved.push(row(&late));
        for rows in saved.iter() {
            count_becomes(server, rows, 1);
        }
        assert!(self.callee.taken() as usize > WARMING);
        assert_eq!(self.engine.counters().total("faults"), 0);
        saved.len() - 1
    }
}

fn server(name: &str) -> (MariaDb, MysqlSection) {
    let server = MariaDb::start(name);
    let section = server.database("users");
    add_users(&server, "users", 1, LAST);
    (server, section)
}

#[test]
fn people_call_while_the_database_is_frozen() {
    let (server, section) = server("e-frozen");
    let town = Town::new("frozen", &section, &[]);
    town.suffer(&server, || server.freeze(), || server.thaw());
}

#[test]
fn people_call_and_register_while_the_database_is_dead_and_a_journal_kept() {
    let (server, section) = server("e-journal");
    let state = super::Scratch::new("e-journal-state");
    let state = state.path().to_string_lossy().into_owned();
    let flags = ["--state", &state, "--reg-write", "journal"];
    let town = Town::new("journal", &section, &flags);
    let saved = town.suffer(&server, || server.kill(), || server.restart());
    // All whom it knew.
    assert!(saved >= (MIDDLE - FIRST) as usize, "{saved}");
}

#[test]
fn people_call_while_the_database_is_dead() {
    let (server, section) = server("e-dead");
    let town = Town::new("dead", &section, &[]);
    town.suffer(&server, || server.kill(), || server.restart());
}

#[test]
fn people_call_while_the_database_restarts() {
    let (server, section) = server("e-restarted");
    let town = Town::new("restarted", &section, &[]);
    let again = || {
        server.kill();
        server.restart();
    };
    town.suffer(&server, again, || {});
}

#[test]
fn people_call_while_the_database_is_slow() {
    let (server, section) = server("e-slow");
    let proxy = Proxy::to(server.port());
    let section = MysqlSection {
        server: Server::Tcp("127.0.0.1".into(), proxy.port()),
        ..section
    };
    let town = Town::new("slow", &section, &[]);
    let slow = || proxy.delay(Duration::from_secs(5));
    town.suffer(&server, slow, || proxy.delay(Duration::ZERO));
}

#[test]
fn people_call_while_the_database_has_no_connections() {
    let (server, section) = server("e-crowded");
    let town = Town::new("crowded", &section, &[]);
    let open = || {
        let options = OptsBuilder::new()
            .socket(server.socket().to_str())
            .prefer_socket(false)
            .user(Some(USER))
            .pass(Some(PASSWORD));
        Conn::new(options)
    };
    let crowd = std::cell::RefCell::new(Vec::new());
    let crowded = || {
        server.exec("SET GLOBAL max_connections = 10");
        let mut admin = server.admin();
        let engines = "SELECT id FROM information_schema.processlist WHERE db = 'users'";
        within(PATIENCE, "the engine has no connection", || {
            let ids: Vec<u64> = admin.query(engines).unwrap();
            for id in &ids {
                // It may have gone by itself.
                drop(admin.query_drop(format!("KILL {id}")));
            }
            crowd
                .borrow_mut()
                .extend(std::iter::from_fn(|| open().ok()));
            ids.is_empty()
        });
    };
    town.suffer(&server, crowded, || crowd.borrow_mut().clear());
}
