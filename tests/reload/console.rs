//! What operators are told, and what stays when a file is broken.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::{change, engine, execute, extensions, sip, take_machine};

#[test]
fn a_broken_file_fails_the_command_and_all_stays_as_it_was() {
    let _alone = take_machine();
    let engine = engine("broken", 0);
    let dir = engine.scratch.path();
    assert_eq!(execute(dir, "module reload").0, Some(0));
    change(dir, "extensions.conf", "[default\n");
    let (status, said) = execute(dir, "module reload");
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("extensions.conf:1: "), "{said}");
    change(dir, "extensions.conf", &extensions("one"));
    assert_eq!(execute(dir, "reload dry-run").1, "Nothing has changed\n");
    change(
        dir,
        "sip.conf",
        &sip(0, "one").replace("type=friend", "type=nothing"),
    );
    let (status, said) = execute(dir, "sip reload");
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("sip.conf:5: "), "{said}");
}

#[test]
fn a_dry_run_tells_and_changes_nothing() {
    let _alone = take_machine();
    let engine = engine("dry", 0);
    let dir = engine.scratch.path();
    change(dir, "sip.conf", &sip(1, "one"));
    let (status, said) = execute(dir, "reload dry-run");
    assert_eq!(status, Some(0), "{said}");
    assert!(
        said.contains("1 peers added, 0 changed, 0 removed"),
        "{said}"
    );
    assert!(said.contains("+ [desk0]"), "{said}");
    assert_eq!(
        execute(dir, "sip show peer desk0").1.trim(),
        "Peer desk0 not found."
    );
    assert_eq!(execute(dir, "sip reload").0, Some(0));
    assert!(
        execute(dir, "sip show peer desk0")
            .1
            .contains("* Name       : desk0")
    );
    assert_eq!(execute(dir, "reload dry-run").1, "Nothing has changed\n");
}

#[test]
fn a_reload_without_change_sends_nothing() {
    let _alone = take_machine();
    let engine = engine("quiet", 0);
    let dir = engine.scratch.path();
    let watched = "[gone](phone)\nhost=127.0.0.9\nqualify=yes\nqualifyfreq=3600\n";
    let text = format!("{}{watched}", sip(0, "one"));
    change(dir, "sip.conf", &text);
    assert_eq!(execute(dir, "sip reload").0, Some(0));
    thread::sleep(Duration::from_millis(100));
    let before = engine.counters().total("udp_sent");
    for _ in 0..5 {
        change(dir, "sip.conf", &text);
        assert_eq!(execute(dir, "module reload").0, Some(0));
    }
    thread::sleep(Duration::from_millis(100));
    let after = engine.counters();
    assert_eq!(after.total("udp_sent"), before);
    assert_eq!(after.total("watched"), 1);
}

#[test]
fn sighup_reloads_everything() {
    let _alone = take_machine();
    let engine = engine("hangup", 0);
    let dir = engine.scratch.path();
    change(dir, "extensions.conf", &extensions("two"));
    let sent = Command::new("kill")
        .args(["-s", "HUP", &engine.pid().to_string()])
        .status();
    assert!(sent.is_ok_and(|status| status.success()));
    let until = Instant::now() + Duration::from_secs(10);
    while !engine.log().contains("SIGHUP: extensions.conf: ") {
        assert!(Instant::now() < until, "{}", engine.log());
        thread::sleep(Duration::from_millis(50));
    }
    assert!(
        engine.log().contains("SIGHUP: extensions.conf: "),
        "{}",
        engine.log()
    );
}

#[test]
fn modules_are_unloaded_and_loaded_from_the_console() {
    let _alone = take_machine();
    let engine = engine("modules", 0);
    let dir = engine.scratch.path();
    let (status, said) = execute(dir, "module unload chan_sip.so");
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("res_sip_udp.so"), "{said}");
    assert_eq!(execute(dir, "module unload app_dial.so").0, Some(0));
    let (_, said) = execute(dir, "module show like app_dial");
    assert!(
        said.contains("app_dial.so") && said.contains("Not Running"),
        "{said}"
    );
    assert_eq!(execute(dir, "module load app_dial.so").0, Some(0));
    assert_eq!(execute(dir, "module load app_dial.so").0, Some(1));
}
