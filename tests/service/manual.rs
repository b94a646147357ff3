//! The manual pages: that every command and every flag has its place, and that
//! those who set pages find nothing wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::CommandFactory;
use tempfile::TempDir;

use crate::man;

fn pages() -> (TempDir, Vec<PathBuf>) {
    let dir = TempDir::new().unwrap();
    man::write(dir.path(), "2026-11-23").unwrap();
    let entries = fs::read_dir(dir.path()).unwrap();
    let pages = entries.map(|entry| entry.unwrap().path()).collect();
    (dir, pages)
}

/// The page of a command and those of its subcommands, by their files.
fn assert_told(dir: &Path, name: &str, command: &clap::Command) {
    let file = dir.join(format!("{name}.1"));
    let page = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
    for flag in command.get_arguments().filter(|flag| !flag.is_hide_set()) {
        if let Some(long) = flag.get_long() {
            let set = format!("--{long}").replace('-', "\\-");
            assert!(page.contains(&set), "{name} does not tell --{long}");
        }
    }
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        assert_told(dir, &format!("{name}-{}", sub.get_name()), sub);
    }
}

#[test]
fn every_flag_of_every_command_has_its_place() {
    let (dir, _) = pages();
    assert_told(dir.path(), "pinion", &pinion::flags::Flags::command());
    let generator = pinion_loadgen::cli::Cli::command();
    assert_told(dir.path(), "pinion-load", &generator);
    let page = fs::read_to_string(dir.path().join("pinion.1")).unwrap();
    for heading in ["SIGNALS", "EXIT STATUS", "EXAMPLES"] {
        assert!(page.contains(heading), "{heading}");
    }
}

#[test]
fn those_who_set_pages_find_nothing_wrong() {
    let (_dir, pages) = pages();
    for setter in [
        &["mandoc", "-Tlint", "-Wwarning"][..],
        &["groff", "-Kutf8", "-man", "-ww", "-z"],
        &["man", "--local-file", "--warnings=w", "--encoding=UTF-8"],
    ] {
        for page in &pages {
            let mut command = Command::new(setter[0]);
            let Ok(output) = command.args(&setter[1..]).arg(page).output() else {
                eprintln!("NOT TESTED, for lack of {}: manual pages", setter[0]);
                break;
            };
            let complaints = match setter[0] {
                "mandoc" => output.stdout,
                _ => output.stderr,
            };
            let complaints = String::from_utf8_lossy(&complaints).into_owned();
            assert_eq!(complaints, "", "{} of {}", setter[0], page.display());
        }
    }
}
