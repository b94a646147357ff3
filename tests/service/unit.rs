//! The unit for systemd: that systemd understands it, how much it exposes by
//! systemd's own reckoning, and that what it grants is what the engine takes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::binary;

/// The most that may be exposed, of 10.
const EXPOSED: f64 = 3.0;

fn unit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pinion.service")
}

/// The values of a setting, in the order of the lines.
fn settings(key: &str) -> Vec<String> {
    let text = fs::read_to_string(unit()).unwrap();
    let of_key = |line: &str| Some(line.strip_prefix(key)?.strip_prefix('=')?.to_owned());
    text.lines().filter_map(of_key).collect()
}

/// What systemd-analyze says, if this host has it.
fn analyze(arguments: &[&str], unit: &Path) -> Option<Output> {
    let mut command = Command::new("systemd-analyze");
    let Ok(output) = command.args(arguments).arg(unit).output() else {
        eprintln!("NOT TESTED, for lack of systemd-analyze: examples/pinion.service");
        return None;
    };
    Some(output)
}

#[test]
fn it_exposes_no_more_than_three_of_ten() {
    let Some(output) = analyze(&["security", "--offline=true", "--no-pager"], &unit()) else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let exposed = said
        .split_once("exposure level for pinion.service: ")
        .and_then(|(_, rest)| rest.split_whitespace().next()?.parse::<f64>().ok());
    let exposed = exposed.unwrap_or_else(|| panic!("no level in:\n{said}"));
    println!("figure: exposure of pinion.service {exposed} of 10, at most {EXPOSED}");
    assert!(exposed <= EXPOSED, "{said}");
}

#[test]
fn systemd_understands_every_line() {
    let dir = TempDir::new().unwrap();
    let copy = dir.path().join("pinion.service");
    let text = fs::read_to_string(unit()).unwrap();
    // What this host has not installed.
    let text = text
        .replace("/usr/bin/pinion ", &format!("{} ", binary().display()))
        .replace("Documentation=man:pinion(1)\n", "");
    fs::write(&copy, text).unwrap();
    let Some(output) = analyze(&["verify", "--man=no"], &copy) else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let about_it: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("pinion"))
        .collect();
    assert!(about_it.is_empty(), "{said}");
    assert!(output.status.success(), "{said}");
}

#[test]
fn the_flags_it_starts_with_are_flags() {
    let started = settings("ExecStart").concat();
    let mut words = started.split_whitespace();
    assert_eq!(words.next(), Some("/usr/bin/pinion"));
    let arguments = words
        .filter(|word| *word != "$PINION_FLAGS")
        .map(|word| match word {
            "${CONFIGURATION_DIRECTORY}" => "/etc/pinion",
            "${STATE_DIRECTORY}" => "/var/lib/pinion",
            "${LOGS_DIRECTORY}/cdr" => "/var/log/pinion/cdr",
            "${RUNTIME_DIRECTORY}" => "/run/pinion",
            word => word,
        });
    let flags = pinion::flags::Flags::read(std::iter::once("pinion").chain(arguments));
    let flags = flags.expect("flags of pinion");
    assert_eq!(flags.config, Some("/etc/pinion".into()));
    assert_eq!(flags.state, Some("/var/lib/pinion".into()));
    assert_eq!(flags.cdr, Some("/var/log/pinion/cdr".into()));
    // Records that a killed process has left are there for the next one.
    assert_eq!(flags.cdr_journal_dir(), Some(Path::new("/run/pinion")));
    assert_eq!(settings("RuntimeDirectoryPreserve"), ["yes"]);
    // A drain that lasts as long as it may is not cut short.
    let stop_s: u64 = settings("TimeoutStopSec").concat().parse().unwrap();
    assert!(stop_s > flags.drain_limit);
}

#[test]
fn what_it_grants_is_what_the_engine_takes() {
    let rights = settings("AmbientCapabilities");
    assert_eq!(rights, settings("CapabilityBoundingSet"));
    for right in ["CAP_BPF", "CAP_PERFMON", "CAP_NET_BIND_SERVICE"] {
        assert!(rights.concat().contains(right), "{right}");
    }
    let calls = settings("SystemCallFilter").concat();
    assert!(calls.contains("bpf") && calls.contains("@system-service"));
    assert_eq!(settings("Type"), ["notify"]);
    assert!(!settings("WatchdogSec").is_empty());
}
