//! One call, or one registration, at a time: what each side must see.

use std::time::{Duration, Instant};

use crate::address::free_address;
use crate::phones::{self, line, wrong_line};
use crate::sipp::{Outcome, Sipp};
use crate::{LINGER, share_machine};

const LIMIT: Duration = Duration::from_secs(30);
/// With this T1 most transactions linger for 6.4 s.
const FLAGS: [&str; 4] = ["--shards", "2", "--t1", "100"];

/// Registers 1002, lets it run the scenario `callee` while 1001 calls it with
/// the scenario `caller`, and returns what the caller saw. Both must go well.
fn call(caller: &str, callee: &str) -> Outcome {
    let shared = share_machine();
    let engine = phones::engine(caller, 1001..=1002, &FLAGS);
    let contact = free_address();
    phones::register(&engine, [(1002, contact)].into_iter(), 10);
    let callee = Sipp::new(&engine.scratch, callee, 1, LIMIT)
        .listening(contact)
        .start();
    let outcome = Sipp::new(&engine.scratch, caller, 1, LIMIT)
        .calling(engine.address, 10, &[line(1001, 1002)])
        .pausing(200)
        .run();
    outcome.expect(1);
    callee.wait().expect(1);
    drop(shared);
    engine.wait_until_empty(LINGER);
    assert_eq!(engine.stop(Duration::from_secs(5)), Some(0));
    outcome
}

/// Runs the scenario `name` of a single phone, 1001.
fn alone(name: &str, line: String) -> Outcome {
    let _shared = share_machine();
    let engine = phones::engine(name, 1001..=1002, &FLAGS);
    let outcome = Sipp::new(&engine.scratch, name, 1, LIMIT)
        .calling(engine.address, 10, &[line])
        .key("expires", "3600")
        .run();
    outcome.expect(1);
    outcome
}

/// The first line of the final response that `uac_refused` logged.
fn status_line(outcome: &Outcome) -> &str {
    outcome.log.lines().next().unwrap_or_default().trim_end()
}

#[test]
fn the_caller_hangs_up() {
    call("uac", "uas");
}

#[test]
fn the_callee_hangs_up() {
    call("uac_called_off", "uas_hangs_up");
}

#[test]
fn the_caller_gives_up_while_it_rings() {
    call("uac_cancel", "uas_rings");
}

#[test]
fn nobody_answers_for_twenty_seconds() {
    let start = Instant::now();
    let outcome = call("uac_refused", "uas_rings");
    assert_eq!(status_line(&outcome), "SIP/2.0 603 Declined");
    assert!(
        start.elapsed() >= Duration::from_secs(20),
        "Dial gave up too early"
    );
}

#[test]
fn the_caller_holds_and_resumes() {
    call("uac_hold", "uas_hold");
}

#[test]
fn a_digit_goes_by_info() {
    call("uac_info", "uas_info");
}

#[test]
fn a_text_goes_by_message() {
    call("uac_message", "uas_message");
}

#[test]
fn the_engine_says_what_it_can() {
    alone("options", line(1001, 1002));
}

#[test]
fn requests_of_no_dialog_are_turned_away() {
    alone("strays", line(1001, 1002));
}

#[test]
fn a_wrong_password_does_not_register() {
    alone("register_refused", wrong_line(1001, "127.0.0.1:9"));
}

#[test]
fn an_unknown_user_is_answered_like_a_wrong_password() {
    alone("register_refused", line(1999, "127.0.0.1:9"));
}

#[test]
fn a_wrong_password_does_not_call() {
    let outcome = alone("uac_refused", wrong_line(1001, 1002));
    assert_eq!(status_line(&outcome), "SIP/2.0 403 Forbidden");
}

#[test]
fn an_unknown_extension_is_not_found() {
    let outcome = alone("uac_refused", line(1001, "abc"));
    assert_eq!(status_line(&outcome), "SIP/2.0 404 Not Found");
}

#[test]
fn a_phone_that_is_not_registered_is_unavailable() {
    let outcome = alone("uac_refused", line(1001, 1002));
    assert_eq!(status_line(&outcome), "SIP/2.0 503 Service Unavailable");
}

#[test]
fn a_phone_registers_again_and_leaves() {
    let _shared = share_machine();
    let engine = phones::engine("registering", 1001..=1002, &FLAGS);
    let contact = free_address();
    for _ in 0..2 {
        phones::register(&engine, [(1002, contact)].into_iter(), 10);
    }
    Sipp::new(&engine.scratch, "unregister", 1, LIMIT)
        .calling(engine.address, 10, &[line(1002, contact)])
        .key("expires", "0")
        .run()
        .expect(1);
    let outcome = Sipp::new(&engine.scratch, "uac_refused", 1, LIMIT)
        .calling(engine.address, 10, &[line(1001, 1002)])
        .run();
    outcome.expect(1);
    assert_eq!(status_line(&outcome), "SIP/2.0 503 Service Unavailable");
}
