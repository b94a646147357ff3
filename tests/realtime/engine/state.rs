//! `--state`: where the devices of sip.conf are is known again after a restart
//! and after a kill, and a disk without room stops nobody.

use std::process::Command;
use std::time::Duration;

use super::house::{PATIENCE, files, phone, within};
use super::phone::Phone;
use super::{Engine, Scratch};
use crate::address::free_address;

/// Phones of each.
const CONTACTS: usize = 3;

const DEVICES: &str = "[phone](!)\ntype=friend\nhost=dynamic\n[1](phone)\nsecret=secret-of-1\n\
                       [2](phone)\nsecret=secret-of-2\n[3](phone)\nsecret=secret-of-3\n";

/// An engine with its state in a directory of its own, started by that command.
fn start(name: &str, by: &[&str]) -> Engine {
    let scratch = files(name, None, "", DEVICES);
    let state = scratch.path().join("state").to_string_lossy().into_owned();
    let flags = ["--shards", "2", "--state", &state];
    Engine::start_by(by, scratch, free_address(), &flags)
}

/// Registers several phones of a user.
fn register(engine: &Engine, user: u32) -> Vec<Phone> {
    let phones = (0..CONTACTS).map(|_| {
        let mut phone = phone(engine, user);
        phone.registers(3600);
        phone
    });
    phones.collect()
}

/// Asserts that all phones of users 1 and 2 are known, 3 being gone, and ring.
fn check(engine: &Engine, phones: [Vec<Phone>; 2]) -> [Vec<Phone>; 2] {
    assert_eq!(engine.counters().total("bindings"), 2 * CONTACTS as u64);
    let mut caller = phone(engine, 3);
    assert!(caller.call("3").is_err());
    let mut user = 0;
    phones.map(|phones| {
        user += 1;
        let answering: Vec<_> = phones.into_iter().map(Phone::answers).collect();
        let call = caller.calls(&user.to_string());
        caller.hangs_up(call);
        within(PATIENCE, "every phone of a user rings", || {
            answering.iter().all(|phone| phone.taken() > 0)
        });
        answering.into_iter().map(|phone| phone.stop()).collect()
    })
}

#[test]
fn a_restart_and_a_kill_keep_every_contact() {
    let mut engine = start("kept", &[]);
    let mut phones = [register(&engine, 1), register(&engine, 2)];
    for mut phone in register(&engine, 3) {
        phone.register(0).expect(200);
    }
    phones = check(&engine, phones);
    assert_eq!(engine.end(Duration::from_secs(20)), Some(0));
    engine.restart();
    phones = check(&engine, phones);
    engine.kill();
    engine.restart();
    phones = check(&engine, phones);
    // Refreshed where it was, not bound twice.
    for phone in phones.iter_mut().flatten() {
        phone.registers(3600);
    }
    check(&engine, phones);
}

/// Lets a process write files up to that size only.
fn limit_files(pid: u32, bytes: &str) {
    let status = Command::new("prlimit")
        .args(["--pid", &pid.to_string(), &format!("--fsize={bytes}:")])
        .status();
    assert!(status.is_ok_and(|status| status.success()), "prlimit runs");
}

/// Runs what stands behind it so that a file too long is an error, and its log
/// is written by somebody else.
const NARROW: [&str; 4] = [
    "bash",
    "-c",
    "trap '' XFSZ; exec \"$@\" 2> >(cat >&2)",
    "narrow",
];

#[test]
fn a_full_disk_is_told_and_serving_goes_on() {
    let engine = start("full", &NARROW);
    let mut bob = phone(&engine, 2);
    bob.registers(3600);
    limit_files(engine.pid(), "1");
    let refused = phone(&engine, 1).register(3600).expect(503);
    assert!(refused.header("Retry-After").is_some(), "{}", refused.text);
    // Calls go on, to where it was said to be.
    let bob = bob.answers();
    let mut carl = phone(&engine, 3);
    let call = carl.calls("2");
    carl.hangs_up(call);
    assert_eq!(bob.taken(), 1);
    let state = engine.scratch.path().join("state").display().to_string();
    within(PATIENCE, "the log says what is wrong where", || {
        let log = engine.log();
        log.lines().any(|line| line.contains(&state))
    });
    println!("{}", engine.log());
    limit_files(engine.pid(), "unlimited");
    let mut ann = phone(&engine, 1);
    within(PATIENCE, "it registers when there is room", || {
        ann.register(3600).status == 200
    });
    assert_eq!(engine.counters().total("faults"), 0);
}

#[test]
fn a_directory_that_is_none_is_told_and_serving_goes_on() {
    let scratch = files("unwritable", None, "", DEVICES);
    let file = scratch.write("file", "not a directory");
    let state = file.join("state").to_string_lossy().into_owned();
    let flags = ["--shards", "1", "--state", &state];
    let engine = Engine::start(scratch, free_address(), &flags);
    assert!(engine.log().contains(&state), "{}", engine.log());
    let refused = phone(&engine, 1).register(3600).expect(503);
    assert!(refused.header("Retry-After").is_some(), "{}", refused.text);
}

#[test]
fn a_file_that_cannot_be_read_is_told_and_serving_goes_on() {
    let state = Scratch::new("garbled");
    state.write(
        "registrations.sqlite",
        &"this is no database, and long enough to be none at all. ".repeat(100),
    );
    let directory = state.path().to_string_lossy().into_owned();
    let scratch = files("garbled-conf", None, "", DEVICES);
    let flags = ["--shards", "1", "--state", &directory];
    let engine = Engine::start(scratch, free_address(), &flags);
    assert!(engine.log().contains(&directory), "{}", engine.log());
    let refused = phone(&engine, 1).register(3600).expect(503);
    assert!(refused.header("Retry-After").is_some(), "{}", refused.text);
}
