//! `pinion tune --check` on the host that runs the tests, whatever it is like.

use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;

use crate::address::free_address;
use crate::binary;
use crate::engine::{Engine, Scratch};

fn tune(arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    let output = command.args(["tune", "--check"]).args(arguments).output();
    output.expect("the binary runs")
}

/// The items, after it was checked that the exit status goes by them.
fn items(arguments: &[&str]) -> Vec<Value> {
    let output = tune(&[&["--json"], arguments].concat());
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let items = json["items"].as_array().expect("items").clone();
    let mends = items.iter().any(|item| item["verdict"] == "mend");
    assert_eq!(output.status.code(), Some(i32::from(mends)));
    assert_eq!(json["passes"], !mends);
    items
}

fn item<'a>(items: &'a [Value], name: &str) -> &'a Value {
    let found = items.iter().find(|item| item["item"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {items:?}"))
}

#[test]
fn every_item_says_what_is_and_what_is_wanted_and_how_to_mend_it() {
    let items = items(&[]);
    let text = tune(&[]).stdout;
    let text = String::from_utf8(text).expect("text");
    for (item, line) in items.iter().zip(text.lines()) {
        let word = |key: &str| item[key].as_str().unwrap_or_default();
        assert!(
            line.contains(word("found")) && line.contains(word("wanted")),
            "{line}"
        );
        assert!(
            !word("found").is_empty() && !word("wanted").is_empty(),
            "{item}"
        );
        assert_eq!(
            item["verdict"] == "mend",
            item["command"].is_string(),
            "{item}"
        );
        assert!(line.contains(word("command")), "{line}");
    }
    // An engine that these tests start has it.
    assert_eq!(item(&items, "io_uring")["verdict"], "ok");
}

#[test]
fn a_demand_no_host_meets_is_to_be_mended() {
    let items = items(&["--tcp-connections", "4000000000", "--rcvbuf", "1024m"]);
    assert_eq!(item(&items, "open files")["verdict"], "mend");
    assert_eq!(
        item(&items, "receive buffer")["command"],
        "sysctl -w net.core.rmem_max=1073741824"
    );
}

#[test]
fn a_process_that_is_gone_is_told() {
    // Greater than any that Linux gives.
    let output = tune(&["--pid", "4294967295"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no such process runs"), "{said}");
}

#[test]
fn the_limits_of_a_server_that_runs_are_its_own() {
    let by = ["prlimit", "--nofile=777"];
    let engine = Engine::start_by(
        &by,
        Scratch::new("tune"),
        free_address(),
        &["--shards", "1"],
    );
    let pid = engine.pid().to_string();
    let items = items(&["--pid", &pid]);
    assert_eq!(item(&items, "open files")["found"], "777 allowed");
    assert_eq!(engine.stop(Duration::from_secs(10)), Some(0));
}
