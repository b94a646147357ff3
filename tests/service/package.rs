//! What comes with the programs into a Debian package: that all of it is there,
//! and that the files agree with each other.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::engine::Scratch;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// `[package.metadata.deb]`.
fn manifest() -> Value {
    let mut command = Command::new(env!("CARGO"));
    let command = command.args([
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version",
        "1",
    ]);
    let output = command.current_dir(root()).output().expect("cargo");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let package = packages.iter().find(|package| package["name"] == "pinion");
    package.expect("pinion")["metadata"]["deb"].clone()
}

#[test]
fn whatever_is_packed_is_there() {
    let manifest = manifest();
    let assets = manifest["assets"].as_array().expect("assets");
    let sources: Vec<&str> = assets
        .iter()
        .filter_map(|asset| asset[0].as_str())
        .collect();
    assert_eq!(sources.len(), assets.len());
    for source in sources {
        if source.starts_with("target/release/") {
            continue;
        }
        let found = glob::glob(root().join(source).to_str().expect("UTF-8")).expect("a pattern");
        assert!(found.count() > 0, "{source} is not there");
    }
    let units = manifest["systemd-units"]["unit-scripts"].as_str();
    assert!(
        root()
            .join(units.expect("units"))
            .join("pinion.service")
            .exists()
    );
}

/// cargo-deb finds what is built by these paths.
#[test]
fn both_programs_and_their_manuals_are_packed() {
    let manifest = manifest();
    let assets = manifest["assets"].to_string();
    for built in ["pinion", "pinion-load", "man/*.1.gz"] {
        assert!(
            assets.contains(&format!("\"target/release/{built}\"")),
            "{built}"
        );
    }
    let build = text("examples/debian/build");
    assert!(build.contains("--example man") && build.contains("/release/man"));
}

#[test]
fn scripts_are_scripts() {
    for script in ["build", "postinst", "postrm"] {
        let path = root().join("examples/debian").join(script);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{script}");
        let checked = Command::new("sh").arg("-n").arg(&path).status().unwrap();
        assert!(checked.success(), "{script}");
    }
    for script in ["postinst", "postrm"] {
        let text = text(&format!("examples/debian/{script}"));
        assert!(text.contains("\n#DEBHELPER#\n"), "{script}");
    }
}

#[test]
fn all_files_mean_the_same_user_and_directories() {
    let unit = text("examples/pinion.service");
    assert!(unit.contains("\nUser=pinion\nGroup=pinion\n"));
    assert!(text("examples/debian/pinion.sysusers").starts_with("u pinion "));
    assert!(text("examples/debian/postinst").contains("chgrp pinion /etc/pinion"));
    for directory in [
        "ConfigurationDirectory",
        "StateDirectory",
        "LogsDirectory",
        "RuntimeDirectory",
    ] {
        assert!(
            unit.contains(&format!("\n{directory}=pinion\n")),
            "{directory}"
        );
    }
    assert!(unit.contains("\nEnvironmentFile=-/etc/default/pinion\n"));
    assert!(
        unit.contains("$PINION_FLAGS")
            && text("examples/debian/default").contains("\nPINION_FLAGS=")
    );
}

/// The sample for logrotate as it would be on a host whose files lie in `dir`
/// and belong to whoever runs this.
fn rotation(dir: &Path) -> PathBuf {
    let dir = dir.to_str().expect("UTF-8");
    let name = |flag: &str| {
        let output = Command::new("id").args([flag, "-n"]).output().expect("id");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let us = format!("{} {}", name("-u"), name("-g"));
    let sample = text("examples/pinion.logrotate")
        .replace("/var/log/pinion", &format!("{dir}/log"))
        .replace("/run/pinion", dir)
        .replace("pinion pinion", &us)
        .replace("|| pinion -x", &format!("|| {dir}/pinion -x"));
    let path = Path::new(dir).join("rotation");
    fs::write(&path, sample).unwrap();
    // logrotate trusts no file that others may write.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    path
}

/// Runs logrotate, if there is one.
fn logrotate(dir: &Path, flag: &str) -> Option<Output> {
    let mut command = Command::new("logrotate");
    let command = command.arg(flag).arg("--state").arg(dir.join("state"));
    let output = command.arg(rotation(dir)).output();
    if output.is_err() {
        eprintln!("NOT TESTED, for lack of logrotate: examples/pinion.logrotate");
    }
    output.ok()
}

#[test]
fn logrotate_understands_its_sample() {
    let scratch = Scratch::new("logrotate");
    let Some(output) = logrotate(scratch.path(), "--debug") else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("error"), "{said}");
}

#[test]
fn rotated_files_are_opened_anew() {
    // Paths of sockets are short.
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    fs::create_dir_all(log.join("cdr")).unwrap();
    let files = ["pinion.log", "cdr/Master.csv", "cdr/Master.json"];
    // What waits for a table is nobody's to move.
    let spool = log.join("cdr/cdr.spool");
    for file in files.map(|name| log.join(name)).iter().chain([&spool]) {
        fs::write(file, "a line\n").unwrap();
    }
    let _socket = UnixListener::bind(dir.path().join("pinion.sock")).unwrap();
    let told = dir.path().join("told");
    let script = format!("#!/bin/sh\necho \"$@\" >> {}\n", told.display());
    let program = dir.path().join("pinion");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let Some(output) = logrotate(dir.path(), "--force") else {
        return;
    };
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(fs::read_to_string(told).unwrap(), "-x logger rotate\n");
    for name in files {
        assert_eq!(fs::read_to_string(log.join(name)).unwrap(), "");
    }
    assert_eq!(fs::read_to_string(spool).unwrap(), "a line\n");
    let count = |dir: &Path| fs::read_dir(dir).unwrap().count();
    assert_eq!(count(&log), 3, "the log, its past and the records");
    assert_eq!(
        count(&log.join("cdr")),
        5,
        "two files, their past, the spool"
    );
}
