//! What operators see of a running engine: its log, its security events as
//! fail2ban reads them, its messages on the console and in Wireshark's files.

#[path = "../engine/address.rs"]
mod address;
#[path = "../engine/mod.rs"]
#[expect(dead_code, reason = "these tests make no calls")]
mod engine;

mod messages;
mod pcap;
mod phone;
mod rotation;
mod security;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The longest anything here may take.
const LIMIT: Duration = Duration::from_secs(30);

/// The engine under test.
fn binary() -> PathBuf {
    env::var_os("PINION_BIN").map_or_else(|| env!("CARGO_BIN_EXE_pinion").into(), PathBuf::from)
}

/// What a program says on its standard output; it has to succeed.
fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; tests/run installs it"));
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// A file's text once it holds `wanted`.
fn await_text(path: &Path, wanted: &str) -> String {
    await_that(path, |text| text.contains(wanted))
}

/// A file's text once it is as `wanted`.
fn await_that(path: &Path, wanted: impl Fn(&str) -> bool) -> String {
    let start = Instant::now();
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if wanted(&text) {
            return text;
        }
        assert!(
            start.elapsed() < LIMIT,
            "it never is as wanted; there is:\n{text}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
