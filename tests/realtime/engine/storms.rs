//! An engine that is killed in the middle of a storm of registrations: none of
//! those it acknowledged is missing, and each can be called before anybody
//! registers again.

use std::collections::HashSet;
use std::time::Instant;

use mysql::prelude::Queryable;

use super::house::{PATIENCE, add_users, engine, files, password, phone, within};
use super::storm::Storm;
use super::{Engine, Scratch};
use crate::address::free_address;
use crate::mariadb::{MariaDb, shared};

const USERS: u32 = 4000;

/// Acknowledged registrations after which it is killed.
const ENOUGH: usize = 1500;

/// Of those, how many are called.
const CALLED: usize = 24;

/// Who calls; nobody of the storm.
const CALLER: u32 = USERS + 1;

fn secret(user: &str) -> String {
    format!("secret-of-{user}")
}

/// Kills the engine when enough have registered, and returns their phones.
fn strike(engine: &mut Engine) -> Storm {
    let mut storm = Storm::new(engine.address);
    let started = Instant::now();
    let users = (1..=USERS).map(|user| user.to_string());
    storm.register(users, secret, |tally| tally.acknowledged.len() < ENOUGH);
    let rate = ENOUGH as f64 / started.elapsed().as_secs_f64();
    engine.kill();
    // What it said before it died counts, too.
    storm.drain();
    let tally = &storm.tally;
    assert!(tally.acknowledged.len() >= ENOUGH, "{tally:?}");
    assert_eq!((tally.unavailable, tally.forbidden), (0, 0), "{tally:?}");
    println!("figure: killed at {rate:.0} registrations a second");
    storm
}

/// Calls some of those who were acknowledged.
fn call(engine: &Engine, storm: Storm) {
    let users: Vec<String> = storm
        .tally
        .acknowledged
        .iter()
        .take(CALLED)
        .cloned()
        .collect();
    let phones = storm.into_phone().answers();
    let mut caller = phone(engine, CALLER);
    for (index, user) in users.iter().enumerate() {
        let call = caller.calls(user);
        caller.hangs_up(call);
        assert!(phones.taken() as usize > index);
    }
}

/// The users whose rows say that they are where the storm is.
fn rows(server: &MariaDb, database: &str, storm: &Storm) -> HashSet<String> {
    let address = storm.address();
    let sql = format!(
        "SELECT name FROM {database}.sippeers WHERE ipaddr = '{}' AND port = {}",
        address.ip(),
        address.port()
    );
    let names: Vec<String> = server.admin().query(sql).unwrap();
    names.into_iter().collect()
}

#[test]
fn a_killed_engine_has_written_what_it_acknowledged() {
    let server = shared();
    let section = server.database("e_storm");
    add_users(&server, "e_storm", 1, CALLER);
    let mut engine = engine("storm", &section, "", &[]);
    let storm = strike(&mut engine);
    let rows = rows(&server, "e_storm", &storm);
    assert!(storm.tally.acknowledged.is_subset(&rows));
    engine.restart();
    call(&engine, storm);
}

#[test]
fn a_killed_engine_brings_what_its_journal_has() {
    let server = shared();
    let section = server.database("e_stormj");
    add_users(&server, "e_stormj", 1, CALLER);
    let state = Scratch::new("storm-journal");
    let directory = state.path().to_string_lossy().into_owned();
    let flags = ["--state", &directory, "--reg-write", "journal"];
    let mut engine = engine("storm-journal", &section, "", &flags);
    let storm = strike(&mut engine);
    engine.restart();
    let acknowledged = storm.tally.acknowledged.clone();
    let address = storm.address();
    call(&engine, storm);
    within(PATIENCE, "all rows are written", || {
        let sql = format!(
            "SELECT name FROM e_stormj.sippeers WHERE ipaddr = '{}' AND port = {}",
            address.ip(),
            address.port()
        );
        let names: Vec<String> = server.admin().query(sql).unwrap();
        acknowledged.is_subset(&names.into_iter().collect())
    });
}

#[test]
fn a_killed_engine_knows_its_own_devices_again() {
    let devices: String = (1..=CALLER)
        .map(|user| {
            let secret = password(user);
            format!("[{user}]\ntype=friend\nhost=dynamic\nsecret={secret}\n")
        })
        .collect();
    let scratch = files("storm-state", None, "", &devices);
    let state = scratch.path().join("state").to_string_lossy().into_owned();
    let flags = ["--shards", "2", "--state", &state];
    let mut engine = Engine::start(scratch, free_address(), &flags);
    let storm = strike(&mut engine);
    engine.restart();
    let bindings = engine.counters().total("bindings");
    assert!(bindings >= storm.tally.acknowledged.len() as u64);
    call(&engine, storm);
}
