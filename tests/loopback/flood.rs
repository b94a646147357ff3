//! Floods of every profile: the engine answers OPTIONS afterwards, keeps its
//! tables within their limits, and loses no shard to a fault.

use std::time::Duration;

use pinion_loadgen::flood::{self, Aim, Flood, Profile};
use pinion_loadgen::plan::Users;

use crate::address::free_address;
use crate::engine::Engine;
use crate::phones;
use crate::share_machine;
use crate::sipp::Sipp;

const USERS: std::ops::Range<u32> = 1000..1010;
const CALLEE: u32 = 2000;
const RATE: u32 = 500;
const DURATION: Duration = Duration::from_secs(2);

/// A flood in which too little was sent is repeated, twice as long, up to this.
const LONGEST: Duration = Duration::from_secs(32);

/// Small enough for a flood of that rate to fill them.
const MAX_CALLS: u64 = 100;
const MAX_TRANSACTIONS: u64 = 600;

/// Short, so that 64·T1 is over soon.
const T1_MS: &str = "100";

/// 64·T1 for the final response nobody acknowledges, as long again for the
/// BYE nobody answers, Timer D or J, and the sweep.
const EMPTY_WITHIN: Duration = Duration::from_secs(60);

/// Contacts one user may have, by default.
const MAX_CONTACTS: u64 = 10;

fn survive(profile: Profile) {
    let _shared = share_machine();
    let limit = Duration::from_secs(60);
    let [calls, transactions] = [MAX_CALLS, MAX_TRANSACTIONS].map(|limit| limit.to_string());
    let flags = [
        "--shards",
        "1",
        "--max-calls",
        &calls,
        "--max-transactions",
        &transactions,
        "--t1",
        T1_MS,
    ];
    let users = USERS.chain([CALLEE]);
    let engine = phones::engine(&format!("flood-{}", profile.name()), users, &flags);
    let contact = free_address();
    phones::register(&engine, [(CALLEE, contact)].into_iter(), 10);
    let _callee = Sipp::new(&engine.scratch, "uas", 100_000, limit)
        .listening(contact)
        .start();

    let mut plan = Flood {
        profile,
        aim: Aim::new(engine.address, false).expect("tests stay on loopback"),
        rate: RATE,
        duration: DURATION,
        users: Users::Formula {
            name: "{1000..1009}".parse().expect("a range"),
            password: Some("secret-of-{}".parse().expect("a formula")),
        },
        callee: CALLEE.to_string(),
        seed: 4475,
    };
    // However slow the machine: more is sent than the calls' table holds.
    let flood = std::thread::spawn(move || {
        loop {
            let tally = flood::run(&plan).expect("loopback floods");
            if tally.sent + tally.followed > MAX_CALLS || plan.duration >= LONGEST {
                return tally;
            }
            plan.duration *= 2;
        }
    });
    while !flood.is_finished() {
        check(&engine);
        std::thread::sleep(Duration::from_millis(100));
    }
    let tally = flood.join().expect("no panic");
    assert!(tally.survived, "{tally}");
    assert!(tally.sent + tally.followed > MAX_CALLS, "{tally}");
    check(&engine);
    judge(profile, &engine, &tally);
}

/// What holds in every flood and at any time.
fn check(engine: &Engine) {
    let counters = engine.counters();
    assert_eq!(counters.total("faults"), 0, "{}", engine.log());
    for (table, limit) in [
        ("calls", MAX_CALLS),
        ("transactions", MAX_TRANSACTIONS),
        ("bindings", MAX_CONTACTS * (USERS.len() as u64 + 1)),
    ] {
        let size = counters.total(table);
        assert!(size <= limit, "{size} {table}, and {limit} are allowed");
    }
}

/// What a profile's own row promises.
fn judge(profile: Profile, engine: &Engine, tally: &flood::Tally) {
    let counters = engine.counters();
    let answered = |class: usize| tally.answers[class];
    match profile {
        Profile::Malformed => assert!(
            answered(4) > 0 && counters.total("malformed") > 0,
            "{tally}"
        ),
        Profile::InviteRandom => {
            assert_eq!(counters.total("calls_begun"), 0);
            assert_eq!(answered(2), 0, "{tally}");
        }
        Profile::RegisterStorm => {
            assert!(answered(2) > 0, "{tally}");
            // Four lines each, beside the callee's contact.
            assert_eq!(counters.total("bindings"), 4 * USERS.len() as u64 + 1);
        }
        Profile::NeverAck | Profile::CancelRace => {
            assert!(
                counters.total("calls_begun") > 0 && tally.followed > 0,
                "{tally}"
            );
            engine.wait_until_empty(EMPTY_WITHIN);
        }
        Profile::Scanner => {
            assert_eq!(counters.total("registered"), 1, "the callee's own");
            assert!(answered(4) > 0 && tally.followed > 0, "{tally}");
        }
    }
}

#[test]
fn it_survives_malformed_messages() {
    survive(Profile::Malformed);
}

#[test]
fn it_survives_invites_of_strangers() {
    survive(Profile::InviteRandom);
}

#[test]
fn it_survives_a_storm_of_registrations() {
    survive(Profile::RegisterStorm);
}

#[test]
fn it_survives_calls_never_acknowledged() {
    survive(Profile::NeverAck);
}

#[test]
fn it_survives_races_of_cancel() {
    survive(Profile::CancelRace);
}

#[test]
fn it_survives_scanners() {
    survive(Profile::Scanner);
}
