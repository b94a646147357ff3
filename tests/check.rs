//! The real binary asked about configurations: `check` over directories whose
//! mistakes stand beside their lines, and `dialplan show` and `explain`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The directories with mistakes.
const SEEDED: [&str; 6] = ["broken", "files", "jumps", "lines", "reach", "sip"];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/check")
}

/// Runs the binary among the fixtures.
fn pinion(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pinion"));
    let output = command.args(arguments).current_dir(fixtures()).output();
    output.expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// What the comments of a directory's files foretell: `; ! severity: sentence`
/// behind a line, as `file:line: severity: sentence`, sorted.
fn foretold(dir: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut dirs = vec![PathBuf::from(dir)];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(fixtures().join(&dir)).expect("a directory") {
            let entry = entry.expect("an entry");
            let path = dir.join(entry.file_name());
            if entry.path().is_dir() {
                dirs.push(path);
                continue;
            }
            let text = fs::read_to_string(entry.path()).expect("a file");
            for (number, line) in (1..).zip(text.lines()) {
                let sentences = line.split(" ! ").skip(1).map(str::trim);
                found.extend(
                    sentences.map(|sentence| format!("{}:{number}: {sentence}", path.display())),
                );
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_seeded_mistake_is_found_at_its_line_and_nothing_else() {
    let mut count = 0;
    for dir in SEEDED {
        let output = pinion(&["check", dir]);
        assert_eq!(
            output.status.code(),
            Some(1),
            "{dir}: {}",
            text(&output.stderr)
        );
        let said = text(&output.stdout);
        let mut lines: Vec<&str> = said.lines().collect();
        lines.pop();
        lines.sort_unstable();
        let foretold = foretold(dir);
        let missed: Vec<_> = foretold
            .iter()
            .filter(|expected| !lines.iter().any(|line| line.starts_with(expected.as_str())))
            .collect();
        assert!(missed.is_empty(), "{dir}: missed {missed:#?} in\n{said}");
        let more: Vec<_> = lines
            .iter()
            .filter(|line| {
                !foretold
                    .iter()
                    .any(|expected| line.starts_with(expected.as_str()))
            })
            .collect();
        assert!(more.is_empty(), "{dir}: nobody foretold {more:#?}");
        count += foretold.len();
    }
    assert!(count >= 40, "{count} mistakes are seeded");
}

#[test]
fn findings_stand_in_the_order_of_their_lines() {
    let said = text(&pinion(&["check", "lines"]).stdout);
    let numbers: Vec<u32> = said
        .lines()
        .filter_map(|line| line.split(':').nth(1)?.parse().ok())
        .collect();
    assert!(numbers.len() > 20 && numbers.is_sorted(), "{said}");
}

#[test]
fn what_is_right_passes_even_strictly() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for dir in [Path::new("clean"), &examples, &examples.join("office")] {
        let dir = dir.to_str().expect("a path");
        let output = pinion(&["check", dir, "--strict"]);
        assert_eq!(text(&output.stdout), "0 errors, 0 warnings\n");
        assert_eq!(output.status.code(), Some(0));
    }
}

#[test]
fn warnings_count_only_strictly() {
    let dir = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).expect("a file");
    write("sip.conf", "[general]\nudpbindaddr=127.0.0.1\n");
    write("extensions.conf", "[default]\nexten => 1XX,1,NoOp()\n");
    let path = dir.path().to_str().expect("a path");
    assert_eq!(pinion(&["check", path]).status.code(), Some(0));
    assert_eq!(pinion(&["check", path, "--strict"]).status.code(), Some(1));
}

#[test]
fn commands_of_a_directory_run_only_where_that_is_asked_for() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = |name: &str| dir.path().join(name);
    let write = |name: &str, text: &str| fs::write(path(name), text).expect("a file");
    let ran = path("ran");
    let exec = format!("[default]\n#exec touch {}\n", ran.display());
    write("asterisk.conf", "[options]\nexecincludes=yes\n");
    write("sip.conf", "[general]\nudpbindaddr=127.0.0.1\n");
    write("extensions.conf", &exec);
    let (config, at) = (path(""), path("extensions.conf"));
    let config = config.to_str().expect("a path");
    let told = format!("{}:2: ", at.display());
    let told = |said: &[u8]| text(said).contains(&told) && text(said).contains("--allow-exec");
    let asked: [&[&str]; 3] = [
        &["check", config],
        &["dialplan", "show", "--config", config],
        &["dialplan", "explain", "1@default", "--config", config],
    ];
    for arguments in asked {
        let output = pinion(arguments);
        assert!(!ran.exists(), "{arguments:?}");
        assert!(told(&output.stdout) || told(&output.stderr), "{output:?}");
        let output = pinion(&[arguments, &["--allow-exec"]].concat());
        assert!(ran.exists(), "{arguments:?}");
        assert!(!told(&output.stdout) && !told(&output.stderr), "{output:?}");
        fs::remove_file(&ran).expect("a file");
    }
}

#[test]
fn what_cannot_be_read_ends_with_two() {
    let output = pinion(&["check", "nowhere"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.starts_with("pinion: nowhere/sip.conf: there is no such file."),
        "{said}"
    );
}

#[test]
fn json_says_what_the_text_says() {
    let lines = text(&pinion(&["check", "sip"]).stdout);
    let json: Value =
        serde_json::from_slice(&pinion(&["check", "sip", "--json"]).stdout).expect("JSON");
    let findings = json["findings"].as_array().expect("findings");
    let of_text = lines.lines().filter(|line| line.starts_with("sip/"));
    for (line, finding) in of_text.clone().zip(findings) {
        let word = |key: &str| finding[key].as_str().expect("text").to_owned();
        let expected = format!(
            "{}:{}: {}: {}",
            word("file"),
            finding["line"],
            word("severity"),
            word("text")
        );
        assert_eq!(line, expected);
    }
    assert_eq!(of_text.count(), findings.len());
    assert_eq!(json["errors"], 6);
}

#[test]
fn a_plan_is_tried_with_the_tests_of_a_file() {
    let output = pinion(&["check", "clean", "--test", "clean.trial"]);
    let said = text(&output.stdout);
    assert!(
        said.contains("0 errors, 0 warnings\n"),
        "{said}{}",
        text(&output.stderr)
    );
    assert!(said.ends_with("2 passed, 0 failed\n"), "{said}");
    assert_eq!(output.status.code(), Some(0));

    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("wrong.trial");
    let wrong = "test: wrong\ngiven call from alice to busy\nthen answered\n";
    fs::write(&file, wrong).expect("a file");
    let file = file.to_str().expect("a path");
    let output = pinion(&["check", "clean", "--test", file]);
    let said = text(&output.stdout);
    assert!(
        said.contains(":3: the caller was refused with 486"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(1));
    let json = pinion(&["check", "clean", "--test", file, "--json"]).stdout;
    let json: Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(json["tests"][0]["passed"], false);

    let output = pinion(&["check", "clean", "--test", "nowhere"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn calls_of_the_office_do_what_its_trial_says() {
    let office = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/office");
    let trial = office.join("office.trial");
    let (office, trial) = (office.to_str(), trial.to_str());
    let (office, trial) = (office.expect("a path"), trial.expect("a path"));
    let output = pinion(&["check", office, "--strict", "--test", trial]);
    let said = text(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{said}{}",
        text(&output.stderr)
    );
    let tests = fs::read_to_string(trial).expect("a file");
    let tests = tests.lines().filter(|line| line.starts_with("test:"));
    let count = tests.count();
    assert!(count > 50, "{count} tests");
    assert!(
        said.ends_with(&format!("{count} passed, 0 failed\n")),
        "{said}"
    );
}

#[test]
fn the_dialplan_is_shown_and_explained() {
    let shown = pinion(&["dialplan", "show", "busy@inside", "--config", "clean"]);
    assert_eq!(shown.status.code(), Some(0), "{}", text(&shown.stderr));
    let expected = "\
[ Context 'inside' created by 'pbx_config' ]
  'busy' =>         1. Busy()                                     [pbx_config]

-= 1 extension (1 priority) in 1 context. =-
";
    assert_eq!(text(&shown.stdout), expected);
    assert_eq!(pinion(&["dialplan", "show", "gone"]).status.code(), Some(1));

    // A Sunday: the include of office is not in its time.
    let question = [
        "dialplan",
        "explain",
        "0123@office",
        "--config",
        "clean",
        "--at",
        "1709467200",
    ];
    let explained = pinion(&question);
    let said = text(&explained.stdout);
    assert!(
        said.contains("[outside], included by [office]: it is not its time"),
        "{said}"
    );
    assert!(
        said.ends_with("Nothing matches. A call that dials this gets 404.\n"),
        "{said}"
    );
    assert_eq!(explained.status.code(), Some(1));

    let question = [
        "dialplan",
        "explain",
        "120@office",
        "42",
        "--config",
        "clean",
        "--json",
    ];
    let explained = pinion(&question);
    let json: Value = serde_json::from_slice(&explained.stdout).expect("JSON");
    assert_eq!(json["runs"].as_array().map(Vec::len), Some(7));
    assert_eq!(json["runs"][5]["extension"], "_1[0-4]X");
    assert_eq!(explained.status.code(), Some(0));
}

#[test]
fn a_context_that_is_not_there_is_told_with_the_nearest() {
    let output = pinion(&["dialplan", "explain", "1@ofice", "--config", "clean"]);
    assert_eq!(
        text(&output.stdout),
        "There is no context 'ofice'. Did you mean 'office'?\n"
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn without_a_directory_the_built_in_plan_is_meant() {
    let output = pinion(&["dialplan", "show"]);
    assert!(text(&output.stdout).contains("Dial(SIP/${EXTEN},20)"));
    assert_eq!(output.status.code(), Some(0));
}
