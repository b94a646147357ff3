//! What comes with the programs into a Debian package: that all of it is there,
//! and that the files agree with each other.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::address::free_address;
use crate::binary;
use crate::engine::{Engine, Scratch};

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

/// The sample for logrotate as it would be on a host where an engine of whoever
/// runs this has its console and its logs in `dir`.
fn rotation(dir: &Path) -> PathBuf {
    let name = |flag: &str| {
        let output = Command::new("id").args([flag, "-n"]).output().expect("id");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let us = format!("{} {}", name("-u"), name("-g"));
    let (console, engine) = (dir.join("console"), binary());
    let (console, engine) = (console.display(), engine.display());
    let sample = text("examples/pinion.logrotate")
        .replace("/var/log/pinion", &dir.join("log").display().to_string())
        .replace("/run/pinion/pinion.sock", &console.to_string())
        .replace("pinion pinion", &us)
        .replace("|| pinion", &format!("|| {engine} --console {console}"));
    let path = dir.join("rotation");
    fs::write(&path, sample).unwrap();
    // logrotate trusts no file that others may write.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    path
}

/// Runs logrotate, if there is one, and sees that it finds nothing wrong.
fn logrotate(dir: &Path, flag: &str) -> bool {
    let mut command = Command::new("logrotate");
    let command = command.arg(flag).arg("--state").arg(dir.join("state"));
    let Ok(output) = command.arg(rotation(dir)).output() else {
        eprintln!("NOT TESTED, for lack of logrotate: examples/pinion.logrotate");
        return false;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("error"), "{said}");
    true
}

#[test]
fn logrotate_understands_its_sample() {
    let scratch = Scratch::new("logrotate");
    logrotate(scratch.path(), "--debug");
}

#[test]
fn a_log_that_was_rotated_goes_on_in_a_new_file() {
    let scratch = Scratch::new("rotation");
    let log = scratch.path().join("log");
    let records = log.join("cdr");
    fs::create_dir_all(&records).unwrap();
    // What waits for a table is nobody's to move.
    let kept = ["Master.csv", "Master.json", "cdr.spool"].map(|name| records.join(name));
    for file in &kept {
        fs::write(file, "a line\n").unwrap();
    }
    let file = log.join("pinion.log");
    let flags = ["--log-file", file.to_str().unwrap()];
    let engine = Engine::start(scratch, free_address(), &flags);
    if !logrotate(engine.scratch.path(), "--force") {
        return;
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    while !fs::read_to_string(&file).is_ok_and(|text| text.contains("the log goes on")) {
        assert!(Instant::now() < deadline, "the engine was not told");
        thread::sleep(Duration::from_millis(20));
    }
    let texts = kept.map(|file| fs::read_to_string(file).unwrap());
    assert_eq!(texts, ["", "", "a line\n"]);
    let count = |dir: &Path| fs::read_dir(dir).unwrap().count();
    assert_eq!(count(&log), 3, "the log, its past and the records");
    assert_eq!(count(&records), 5, "two files, their past, the spool");
    assert_eq!(engine.stop(Duration::from_secs(10)), Some(0));
}
