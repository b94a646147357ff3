//! The generator on the wire: against the engine's shards on its own runtime,
//! and against SIPp, which judges independently. Rates are low and nothing is
//! asserted of time: what counts is that both ends count the same.

mod engine;
mod scenario;
mod sipp;

use std::time::Duration;

use clap::Parser;
use engine::Server;
use pinion_loadgen::cli::Cli;
use pinion_loadgen::plan::Plan;
use pinion_loadgen::results::Results;
use pinion_loadgen::run;

fn plan(server: &Server, flags: &str) -> Plan {
    let words = format!("pinion-load {flags} --target {} --quiet", server.address);
    let cli =
        Cli::try_parse_from(words.split_whitespace()).unwrap_or_else(|error| panic!("{error}"));
    let (plan, _) = cli.command.plan(Vec::new()).unwrap();
    plan
}

fn assert_clean(results: &Results, units: u64) {
    assert!(results.failures.is_empty(), "{:?}", results.failures);
    assert_eq!(
        (results.units.begun, results.units.completed),
        (units, units)
    );
    assert_eq!(results.units.in_flight_at_end, 0);
}

#[test]
fn both_ends_of_calls_agree_over_two_threads_and_many_ports() {
    let server = Server::start(2, true);
    let flags = "call --uas local --users user{0..9} --callees callee{0..9} --password secret-of-{user} \
                 --rate 50 --duration 2s --hold 500ms --ring 100ms --threads 2 --ports-per-thread 3";
    let results = run(&plan(&server, flags)).unwrap();
    assert_clean(&results, 100);
    let sides = results.sides.clone().unwrap();
    assert_eq!((sides.caller_answered, sides.callee_answered), (100, 100));
    assert_eq!(
        (sides.caller_ended, sides.callee_ended, sides.ghosts),
        (100, 100, 0)
    );
    assert_eq!(results.stages["invite-200"].count, 100);
    assert!(
        results.stages["invite-200"].min_us >= 100_000,
        "the ring time is part of it"
    );
    assert_eq!(results.generator.cpu_s.len(), 2);
    assert!(results.generator.cpu_us_per_unit > 0.0);
    let json = serde_json::to_string(&results).unwrap();
    assert_eq!(serde_json::from_str::<Results>(&json).unwrap(), results);
}

#[test]
fn both_ends_of_calls_agree_over_tcp() {
    let server = Server::start(2, true);
    let flags = "call --transport tcp --uas local --users user{0..9} --callees callee{0..9} \
                 --password secret-of-{user} --rate 50 --duration 2s --hold 500ms --ring 100ms --threads 2 \
                 --ports-per-thread 3";
    let results = run(&plan(&server, flags)).unwrap();
    assert_clean(&results, 100);
    let sides = results.sides.clone().unwrap();
    assert_eq!(
        (sides.caller_ended, sides.callee_ended, sides.ghosts),
        (100, 100, 0)
    );
}

#[test]
fn registrations_options_and_messages_over_tcp() {
    let server = Server::start(2, true);
    let users = "--transport tcp --users user{0..9} --callees callee{0..9} --password secret-of-{user} --threads 1";
    for scenario in ["register", "options", "message --uas local"] {
        let flags = format!("{scenario} {users} --rate 100 --duration 500ms");
        let results = run(&plan(&server, &flags)).unwrap();
        assert_clean(&results, 50);
    }
}

#[test]
fn registrations_options_and_messages() {
    let server = Server::start(1, true);
    let users = "--users user{0..9} --callees callee{0..9} --password secret-of-{user} --threads 1";
    for (scenario, stage) in [("register", "register-200"), ("options", "options-200")] {
        let flags = format!("{scenario} {users} --rate 100 --duration 500ms");
        let results = run(&plan(&server, &flags)).unwrap();
        assert_clean(&results, 50);
        assert_eq!(results.stages[stage].count, 50);
    }
    let flags = format!("message {users} --uas local --rate 100 --duration 500ms");
    let results = run(&plan(&server, &flags)).unwrap();
    assert_clean(&results, 50);
}

#[test]
fn a_closed_loop_runs_for_its_time() {
    let server = Server::start(1, false);
    let flags = "options --saturate 4 --duration 300ms --threads 1";
    let results = run(&plan(&server, flags)).unwrap();
    assert!(results.units.begun > 4, "{:?}", results.units);
    assert_clean(&results, results.units.begun);
    assert_eq!(results.arrival, "closed loop, 4 in flight");
}

#[test]
fn users_that_cannot_be_registered_are_told() {
    let server = Server::start(1, true);
    let flags =
        "call --uas local --users user{0..9} --callees callee{0..9} --password wrong --threads 1";
    let error = run(&plan(&server, flags)).unwrap_err();
    assert!(error.to_string().contains("could be registered"), "{error}");
}

#[test]
fn nobody_at_home_is_a_timeout() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let words = format!(
        "pinion-load options --rate 10 --calls 5 --t1 10 --threads 1 --quiet --target {}",
        socket.local_addr().unwrap()
    );
    let cli = Cli::try_parse_from(words.split_whitespace()).unwrap();
    let results = run(&cli.command.plan(Vec::new()).unwrap().0).unwrap();
    assert_eq!(results.failures["OPTIONS: timeout F"], 5);
    assert_eq!(results.units.failed, 5);
}

/// Bounds everything that waits for another process.
const LIMIT: Duration = Duration::from_secs(60);
