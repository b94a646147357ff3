//! Scenario files on real cores: SIPp's own against each other, and one of the
//! repository's against the engine.

use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use pinion_loadgen::Error;
use pinion_loadgen::cli::Cli;
use pinion_loadgen::commands::Task;
use pinion_loadgen::results::Results;
use pinion_loadgen::scenario::{self, Score};

use crate::LIMIT;
use crate::engine::Server;
use crate::sipp::own_address;

/// Runs `pinion-load scenario` with `flags` until it ends or `stop` is set,
/// which the limit does too.
fn play(flags: &str, stop: &Arc<AtomicBool>) -> Result<(Results, Score), Error> {
    let words = format!("pinion-load scenario {flags} --quiet");
    let cli =
        Cli::try_parse_from(words.split_whitespace()).unwrap_or_else(|error| panic!("{error}"));
    let Task::Scenario(args) = &cli.command else {
        panic!("{words} is no scenario");
    };
    let plan = args.plan(Vec::new()).unwrap();
    let (program, _) = args
        .program(&plan)
        .unwrap_or_else(|problems| panic!("{problems:#?}"));
    let plan = args.plan_for(plan, program.scenario.role).unwrap();
    let (program, own) = (Arc::new(program), Arc::new(AtomicBool::new(false)));
    let run = {
        let own = Arc::clone(&own);
        thread::spawn(move || scenario::run(&plan, &program, &own))
    };
    let began = Instant::now();
    while !run.is_finished() {
        let late = began.elapsed() > LIMIT;
        own.fetch_or(late || stop.load(Ordering::Relaxed), Ordering::Relaxed);
        assert!(began.elapsed() < LIMIT * 2, "it does not end");
        thread::sleep(Duration::from_millis(10));
    }
    assert!(began.elapsed() < LIMIT, "it did not end by itself");
    run.join().expect("no fault")
}

/// A file for this process and test alone.
fn file(name: &str, text: &str) -> PathBuf {
    let name = format!("{}-{name}", std::process::id());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).unwrap();
    path
}

/// The scenario that the installed SIPp carries as `name`.
fn embedded(name: &str) -> PathBuf {
    let output = Process::new("sipp").args(["-sd", name]).output();
    let output = output.expect("SIPp is installed (Debian package sip-tester)");
    file(
        &format!("{name}.xml"),
        &String::from_utf8(output.stdout).unwrap(),
    )
}

#[test]
fn both_ends_of_a_scenario_count_the_same_calls() {
    let (uac, uas) = (embedded("uac"), embedded("uas"));
    let address = own_address();
    let stop = Arc::new(AtomicBool::new(false));
    let server = {
        let flags = format!("{} --listen {address} --threads 1", uas.display());
        let stop = Arc::clone(&stop);
        thread::spawn(move || play(&flags, &stop).unwrap())
    };
    let flags = format!(
        "{} --target {address} --rate 60 --calls 60 --threads 2 --pause 200ms",
        uac.display()
    );
    let (client, _) = play(&flags, &Arc::new(AtomicBool::new(false))).unwrap();
    // A server without --calls goes on until it is told to stop.
    thread::sleep(Duration::from_millis(100));
    assert!(!server.is_finished());
    stop.store(true, Ordering::Relaxed);
    let (server, score) = server.join().unwrap();
    for results in [&client, &server] {
        assert!(results.failures.is_empty(), "{:?}", results.failures);
        assert_eq!((results.units.begun, results.units.completed), (60, 60));
    }
    assert_eq!(client.stages["rtd-1"].count, 60);
    assert!(
        client.stages["whole"].min_us >= 200_000,
        "the pause is part of it"
    );
    assert!(score.received >= 180, "INVITE, ACK and BYE of each");
    for path in [uac, uas] {
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_scenario_registers_with_a_password_at_the_engine() {
    let server = Server::start(1, true);
    let lines: String = (0..10)
        .map(|n| {
            format!(
                "user{n};[authentication username=user{n} password=secret-of-user{n}];127.0.0.1:9\n"
            )
        })
        .collect();
    let users = file("users.csv", &format!("SEQUENTIAL\n{lines}"));
    let flags = format!(
        "{}/../tests/sipp/register.xml --target {} --inf {} --key expires=60 --rate 50 --calls 20 --threads 1",
        env!("CARGO_MANIFEST_DIR"),
        server.address,
        users.display()
    );
    let (results, _) = play(&flags, &Arc::new(AtomicBool::new(false))).unwrap();
    assert!(results.failures.is_empty(), "{:?}", results.failures);
    assert_eq!(results.units.completed, 20);
    fs::remove_file(users).unwrap();
}

#[test]
fn an_error_ends_the_run_and_the_calls_with_it() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let text = "<scenario name='x'>
        <send><![CDATA[
          OPTIONS sip:a@[remote_ip] SIP/2.0
          Call-ID: [call_id]
        ]]></send>
        <pause milliseconds='50'/>
        <nop><action><error message='call [call_number] gives up'/></action></nop>
        <recv response='200'/>
      </scenario>";
    let path = file("error.xml", text);
    let flags = format!(
        "{} --target {} --rate 10 --duration 1h --threads 2",
        path.display(),
        socket.local_addr().unwrap()
    );
    let (results, _) = play(&flags, &Arc::new(AtomicBool::new(false))).unwrap();
    assert_eq!(results.units.completed, 0);
    assert!(results.units.begun < 100, "it ended long before its hour");
    let causes: Vec<_> = results.failures.keys().collect();
    assert!(
        causes.iter().all(|cause| cause.ends_with("cut short")),
        "{causes:?}"
    );
    fs::remove_file(path).unwrap();
}
