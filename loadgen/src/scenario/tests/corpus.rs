//! Scenarios from elsewhere: those SIPp carries, asked of the installed one,
//! and those this repository tests the engine with.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use crate::scenario::{Role, Settings, Table, compile, load};

/// The scenario SIPp calls `name`.
pub fn embedded(name: &str) -> String {
    let output = Command::new("sipp")
        .args(["-sd", name])
        .output()
        .expect("SIPp is installed (Debian package sip-tester)");
    let text = super::super::text::decode(output.stdout);
    assert!(
        text.contains("<scenario"),
        "sipp -sd {name} printed no scenario"
    );
    text
}

fn check(name: &str) -> (Result<Role, Vec<String>>, Vec<String>) {
    let text = embedded(name);
    match compile(name, &text, Path::new("."), &Settings::default(), &[]) {
        Ok((scenario, warnings)) => {
            let warnings = warnings.iter().map(ToString::to_string).collect();
            (Ok(scenario.role), warnings)
        }
        Err(problems) => {
            let problems = problems.iter().map(ToString::to_string).collect();
            (Err(problems), Vec::new())
        }
    }
}

#[test]
fn scenarios_sipp_carries_are_taken_as_they_are() {
    for (name, role) in [
        ("uac", Role::Client),
        ("uas", Role::Server),
        ("regexp", Role::Client),
        ("branchc", Role::Client),
        ("branchs", Role::Server),
    ] {
        assert_eq!(check(name).0, Ok(role), "{name}");
    }
}

#[test]
fn media_is_passed_over_with_a_warning() {
    let (role, warnings) = check("uac_pcap");
    assert_eq!(role, Ok(Role::Client));
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("<exec play_pcap_audio=…> has no effect"));
}

#[test]
fn third_party_call_control_is_refused_by_line() {
    for name in ["3pcc-C-A", "3pcc-C-B"] {
        let text = embedded(name);
        let (outcome, _) = check(name);
        let problems = outcome.unwrap_err();
        let commands = text.lines().enumerate().filter_map(|(n, line)| {
            let line = line.trim();
            let command = ["<sendCmd", "<recvCmd"]
                .into_iter()
                .find(|tag| line.starts_with(tag))?;
            Some(format!("{name}:{}: {command}> is not supported", n + 1))
        });
        let commands: Vec<String> = commands.collect();
        assert!(!commands.is_empty());
        for command in commands {
            assert!(
                problems.iter().any(|problem| problem.starts_with(&command)),
                "{command} is not among {problems:?}"
            );
        }
    }
}

#[test]
fn the_scenarios_of_this_repository_are_taken() {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/sipp");
    let settings = Settings {
        keys: ["expires", "status"]
            .map(|key| (key.to_owned(), "60".to_owned()))
            .to_vec(),
        ..Settings::default()
    };
    let table = Table::parse(
        "users.csv",
        "SEQUENTIAL\na;[authentication username=a password=b];c",
    )
    .unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let loaded = load(&path, &settings, &[Arc::new(table.clone())]);
        let (_, warnings) = loaded.unwrap_or_else(|problems| panic!("{problems:#?}"));
        assert!(warnings.is_empty(), "{warnings:?}");
        seen += 1;
    }
    assert!(seen > 15, "only {seen} scenarios");
}
