//! `-r`: lines from a pipe, and from a terminal with history and completion.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::asked::{client, program, socket};
use crate::engine::Engine;
use crate::phones;

fn engine(name: &str) -> Engine {
    phones::engine(name, 1001..=1001, &["--shards", "1"])
}

#[test]
fn lines_from_a_pipe_are_carried_out() {
    let engine = engine("console-pipe");
    let mut session = client(&engine);
    session
        .arg("-r")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut session = session.spawn().expect("the program runs");
    let mut input = session.stdin.take().expect("a pipe");
    input
        .write_all(b"core show version\n\nnonsense\ncore show calls\nexit\ncore stop now\n")
        .expect("a reader");
    drop(input);
    let output = session.wait_with_output().expect("an end");
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("pinion "), "{text}");
    assert!(lines[1].starts_with("No such command 'nonsense'"), "{text}");
    assert_eq!(lines[2..], ["0 active calls", "0 calls processed"]);
    assert_eq!(output.status.code(), Some(0), "that of the last");
    assert_eq!(
        engine.stop(Duration::from_secs(10)),
        Some(0),
        "after exit, nothing is read"
    );
}

/// Types into `-r` on a terminal of its own, with a pause after each.
fn type_into(engine: &Engine, home: &std::path::Path, keys: &[&str]) -> String {
    let line = format!(
        "{} -r --console {}",
        program().display(),
        socket(engine).display()
    );
    let mut script = Command::new("script");
    script.args(["-q", "-e", "-c", &line, "/dev/null"]);
    script
        .env("HOME", home)
        .env("TERM", "xterm")
        .env("SHELL", "/bin/sh")
        .env_remove("NO_COLOR");
    script.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut script = script.spawn().expect("script(1), of util-linux");
    let mut input = script.stdin.take().expect("a pipe");
    std::thread::sleep(Duration::from_millis(700));
    for key in keys {
        input.write_all(key.as_bytes()).expect("a terminal");
        input.flush().expect("a terminal");
        std::thread::sleep(Duration::from_millis(400));
    }
    drop(input);
    let output = script.wait_with_output().expect("an end");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn at_a_terminal_there_is_a_prompt_completion_history_and_colour() {
    let engine = engine("console-terminal");
    let home = engine.scratch.path().join("home");
    std::fs::create_dir(&home).expect("a home");
    let said = type_into(
        &engine,
        &home,
        &[
            "core sh\t",
            "upt\t\r",
            "nonsense\r",
            "!echo from-a-shell\r",
            "exit\r",
        ],
    );
    let banner = format!(
        "Connected to pinion {} currently running on ",
        env!("CARGO_PKG_VERSION")
    );
    assert!(said.contains(&banner), "{said}");
    assert!(
        said.contains(&format!("(pid = {})", engine.pid())),
        "{said}"
    );
    assert!(said.contains("*CLI> "), "{said}");
    assert!(
        said.contains("System uptime: "),
        "completed and carried out: {said}"
    );
    assert!(
        said.contains("\u{1b}[31mNo such command 'nonsense'"),
        "in red: {said}"
    );
    assert!(
        said.lines().any(|line| line.trim() == "from-a-shell"),
        "{said}"
    );
    let history = std::fs::read_to_string(home.join(".pinion_history")).expect("a history");
    assert!(history.contains("core show uptime"), "{history}");
    let said = type_into(
        &engine,
        &home,
        &[
            "\u{1b}[A", "\u{1b}[A", "\u{1b}[A", "\u{1b}[A", "\r", "exit\r",
        ],
    );
    assert!(said.contains("System uptime: "), "from the history: {said}");
}
