//! The log's file is moved away, as logrotate does it, and the engine told.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::address::free_address;
use crate::engine::{Engine, Scratch};
use crate::phone::Phone;
use crate::{await_text, binary};

#[test]
fn sigusr2_begins_the_file_anew_and_loses_nothing() {
    let scratch = Scratch::new("rotation");
    let log = scratch.path().join("pinion.log");
    scratch.write(
        "sip.conf",
        "[general]\n[1001]\ntype=friend\nhost=dynamic\nsecret=right\n",
    );
    scratch.write("extensions.conf", "[default]\n");
    let file = log.to_str().expect("UTF-8").to_owned();
    let engine = Engine::start(scratch, free_address(), &["--log-file", &file]);
    let mut phone = Phone::at("127.0.0.41", engine.address);
    assert_eq!(phone.register("before", "x"), 403);
    await_text(&log, "AccountID=\"before\"");
    let moved = log.with_extension("1");
    fs::rename(&log, &moved).expect("one directory");
    assert_eq!(phone.register("between", "x"), 403);
    await_text(&moved, "AccountID=\"between\"");
    let told = Command::new("kill")
        .args(["-s", "USR2", &engine.pid().to_string()])
        .status();
    assert!(told.is_ok_and(|status| status.success()));
    await_text(&log, "the log goes on");
    assert_eq!(phone.register("after", "x"), 403);
    let text = await_text(&log, "AccountID=\"after\"");
    assert!(!text.contains("between"), "{text}");
    assert_eq!(engine.stop(Duration::from_secs(30)), Some(0));
}

#[test]
fn a_file_that_cannot_be_opened_ends_the_start_with_a_sentence() {
    let scratch = Scratch::new("rotation");
    let output = Command::new(binary())
        .args(["--listen", &free_address().to_string(), "--log-file"])
        .arg(scratch.path())
        .output()
        .expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        told.contains("--log-file") && told.contains("directory"),
        "{told}"
    );
}
