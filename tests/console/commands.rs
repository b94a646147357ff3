//! Commands and their exit statuses, the record of them, and what they change.

use std::time::Duration;

use crate::asked::{ask, ask_json, client, fixture, program, run};
use crate::engine::{Engine, Scratch};
use crate::{address, phones};

fn engine(name: &str, flags: &[&str]) -> Engine {
    phones::engine(name, 1001..=1003, &[&["--shards", "2"], flags].concat())
}

#[test]
fn the_exit_status_tells_what_came_of_it() {
    let engine = engine("console-status", &[]);
    let up = ask(&engine, "core show uptime").done();
    let real = fixture("core_uptime");
    let words = |line: &str| line.split(": ").next().unwrap_or_default().to_owned();
    let pairs = up.lines().zip(real.lines());
    pairs.for_each(|(own, real)| assert_eq!(words(own), words(real)));
    let unknown = ask(&engine, "nosuchcmd foo").failed();
    assert_eq!(
        unknown,
        fixture("no_such_command").trim_end().to_owned() + "\n"
    );
    let typo = ask(&engine, "core show uptme").failed();
    assert!(typo.contains("Did you mean 'core show uptime'?"), "{typo}");
    let usage = ask(&engine, "core stop").failed();
    assert!(usage.starts_with("Usage: core stop now|"), "{usage}");
    assert_eq!(
        ask(&engine, "core show upt seconds").status,
        Some(0),
        "cut short"
    );
    let json = ask_json(&engine, "nosuchcmd");
    assert_eq!(json["ok"], false);
    assert!(
        json["error"]
            .as_str()
            .unwrap()
            .starts_with("No such command")
    );
    let mut nobody = std::process::Command::new(program());
    nobody.args(["-x", "help", "--console", "/nonexistent/socket"]);
    let nobody = run(nobody);
    assert_eq!(nobody.status, Some(3));
    assert_eq!(
        nobody.errors,
        "pinion: no engine at /nonexistent/socket: there is no such socket\n"
    );
    let mut wrong = client(&engine);
    wrong.args(["-x"]);
    assert_eq!(run(wrong).status, Some(2));
}

#[test]
fn every_command_says_how_it_is_used() {
    let engine = engine("console-help", &[]);
    let all = ask_json(&engine, "core show help");
    let commands = all["commands"].as_array().expect("an array");
    assert!(commands.len() > 40, "{}", commands.len());
    for command in commands {
        let usage = command["command"].as_str().unwrap();
        let words: Vec<&str> = usage
            .split(' ')
            .take_while(|word| {
                word.chars()
                    .all(|letter| letter.is_ascii_lowercase() || letter == '-')
            })
            .collect();
        let told = ask(&engine, &format!("help {}", words.join(" "))).done();
        assert!(told.contains(words[0]), "{usage}: {told}");
    }
    let like = ask(&engine, "core show help core stop").done();
    assert!(like.starts_with("Usage: core stop"), "{like}");
}

#[test]
fn every_command_is_on_record_without_its_secrets() {
    let mut engine = engine("console-audit", &["--log", "error"]);
    ask(&engine, "core show version").done();
    ask(&engine, "dialplan set global DB_PASSWORD hunter2").done();
    ask(&engine, "nonsense").failed();
    for _ in 0..30 {
        ask(&engine, "core show calls").done();
    }
    assert_eq!(engine.end(Duration::from_secs(10)), Some(0));
    let log = engine.log();
    let count = log.matches("command=\"core show calls\"").count();
    assert_eq!(count, 30, "none is left out, however many there are");
    let record = |of: &str| {
        let line = log
            .lines()
            .find(|line| line.contains("console user=") && line.contains(of));
        line.unwrap_or_else(|| panic!("{of} is not on record:\n{log}"))
            .to_owned()
    };
    let line = record("core show version");
    let uid = own_uid();
    for part in [
        format!("uid={uid}"),
        "pid=".into(),
        "terminal=".into(),
        "outcome=\"done\"".into(),
    ] {
        assert!(line.contains(&part), "{part} is missing: {line}");
    }
    assert!(record("nonsense").contains("outcome=\"failed\""));
    assert!(record("dialplan set global").contains("DB_PASSWORD ***"));
    assert!(!log.contains("hunter2"));
}

/// The user this test runs as.
fn own_uid() -> u32 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").expect("/proc").uid()
}

#[test]
fn the_astdb_is_read_and_written_on_the_shards_it_lies_on() {
    let engine = engine("console-astdb", &[]);
    for family in 0..40 {
        for key in 0..20 {
            if key % 5 == 0 || family == 0 {
                let put = format!("database put f{family:02} k{key:02} \"value of {family}\"");
                assert_eq!(ask(&engine, &put).done(), "Updated database successfully\n");
            }
        }
    }
    assert_eq!(
        ask(&engine, "database get f07 k05").done(),
        "Value: value of 7\n"
    );
    let missing = ask(&engine, "database get f07 nothing").failed();
    assert_eq!(missing, "Database entry not found.\n");
    let all = ask(&engine, "database show").done();
    let lines: Vec<&str> = all.lines().collect();
    assert_eq!(lines.last(), Some(&"176 results found."));
    let paths: Vec<&str> = lines[..176]
        .iter()
        .map(|line| line[..50].trim_end())
        .collect();
    assert!(paths.is_sorted(), "from all shards, in order");
    assert_eq!(
        lines[0],
        format!("{:<50}: {:<25}", "/f00/k00", "value of 0")
    );
    let family = ask(&engine, "database show f00").done();
    assert!(family.ends_with("20 results found.\n"), "{family}");
    assert_eq!(
        ask_json(&engine, "database show f01")["entries"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    assert_eq!(
        ask(&engine, "database del f00 k00").done(),
        "Database entry removed.\n"
    );
    ask(&engine, "database del f00 k00").failed();
    let tree = ask(&engine, "database deltree f00").done();
    assert_eq!(tree, "19 database entries removed.\n");
    ask(&engine, "database deltree f00").failed();
}

#[test]
fn the_plan_is_shown_explained_and_its_globals_set() {
    let engine = engine("console-plan", &[]);
    let shown = ask(&engine, "dialplan show phones").done();
    let real = fixture("dialplan_default");
    let (first, real_first) = (shown.lines().next().unwrap(), real.lines().next().unwrap());
    assert_eq!(first, real_first.replace("default", "phones"));
    let dial = |text: &str| {
        let line = text
            .lines()
            .find(|line| line.contains("'_X.' =>"))
            .expect("a line")
            .to_owned();
        (line.find("1. "), line.find("[pbx_config]"))
    };
    assert_eq!(dial(&shown), dial(&real), "the same columns");
    let unknown = ask(&engine, "dialplan show fones").failed();
    assert!(unknown.contains("Did you mean 'phones'?"), "{unknown}");
    let explained = ask_json(&engine, "dialplan explain 1002@phones 1001");
    assert_eq!(explained["ok"], true, "{explained}");
    assert!(explained["explanation"].is_object());
    ask(&engine, "dialplan explain nothing@phones").failed();
    let set = ask(&engine, "dialplan set global RINGTIME \"12 s\"").done();
    assert_eq!(
        set,
        "\n    -- Global variable \"RINGTIME\" set to \"12 s\"\n"
    );
    let globals = ask(&engine, "dialplan show globals").done();
    assert!(globals.contains("   RINGTIME=12 s\n"), "{globals}");
    assert_eq!(
        ask_json(&engine, "core show globals")["globals"]["RINGTIME"],
        "12 s"
    );
    assert_eq!(
        ask(&engine, "core show hints").done(),
        "There are no registered dialplan hints\n"
    );
}

#[test]
fn hints_tell_the_states_of_their_devices() {
    let scratch = Scratch::new("console-hints");
    scratch.write("sip.conf", "[general]\n[77]\ntype=friend\nhost=dynamic\n");
    scratch.write(
        "extensions.conf",
        "[office]\nexten => 77,hint,SIP/77\nexten => 78,hint,SIP/77&SIP/nobody\n",
    );
    let engine = Engine::start(scratch, address::free_address(), &["--shards", "2"]);
    let told = ask(&engine, "core show hints").done();
    let line = told
        .lines()
        .find(|line| line.contains("77@office"))
        .expect("a hint");
    let expected = format!("{:>20}@{:<20}: {:<20}  State:", "77", "office", "SIP/77");
    assert!(line.starts_with(&expected), "{line:?}");
    assert!(
        line.contains("State:Unavailable     Watchers  0"),
        "{line:?}"
    );
    assert!(told.ends_with("- 2 hints registered\n"), "{told}");
}

#[test]
fn what_the_engine_is_and_holds_is_told() {
    let engine = engine("console-told", &["--batch", "17"]);
    let settings = ask_json(&engine, "core show settings");
    let flags = settings["flags"].as_array().unwrap();
    let batch = flags.iter().find(|flag| flag["flag"] == "--batch").unwrap();
    assert_eq!(
        (&batch["value"], &batch["from"]),
        (&"17".into(), &"command line".into())
    );
    let coalesce = flags
        .iter()
        .find(|flag| flag["flag"] == "--coalesce")
        .unwrap();
    assert_eq!(coalesce["from"], "default");
    let text = ask(&engine, "core show settings").done();
    assert!(
        text.starts_with("\nPBX Core settings\n-----------------\n"),
        "{text}"
    );
    let memory = ask_json(&engine, "core show memory");
    let tables = memory["tables"].as_array().unwrap();
    let calls: Vec<_> = tables
        .iter()
        .filter(|table| table["table"] == "calls")
        .collect();
    assert_eq!(calls.len(), 2, "one for each shard");
    assert!(calls[0]["capacity"].as_u64().unwrap() > 0);
    let sum: u64 = tables
        .iter()
        .map(|table| table["bytes"].as_u64().unwrap())
        .sum();
    assert_eq!(memory["bytes"], sum);
    let shards = ask_json(&engine, "core show shards");
    let shards = shards["shards"].as_array().unwrap();
    assert_eq!(shards.len(), 2);
    assert!(shards[1]["busy_percent"].as_u64().unwrap() <= 100);
    let steering = ask(&engine, "core show steering").done();
    assert!(steering.starts_with("Steering by "), "{steering}");
    assert!(
        ask(&engine, "core show counters")
            .done()
            .contains("calls_begun")
    );
    let applications = ask(&engine, "core show applications like gosub").done();
    assert!(
        applications.contains("               Gosub: "),
        "{applications}"
    );
    assert!(
        applications.ends_with("    -= 2 Applications Matching =-\n"),
        "{applications}"
    );
    assert!(
        ask(&engine, "core show application dial")
            .done()
            .contains("'Dial'")
    );
    let functions = ask(&engine, "core show functions").done();
    assert!(
        functions.starts_with("Installed Custom Functions:\n----"),
        "{functions}"
    );
    assert!(
        ask(&engine, "core show function NOSUCH")
            .failed()
            .contains("no function")
    );
}

#[test]
fn an_engine_ends_as_it_is_told() {
    for how in ["now", "gracefully", "when convenient"] {
        let mut engine = engine("console-stop", &[]);
        let said = ask(&engine, &format!("core stop {how}")).done();
        assert!(!said.is_empty());
        assert_eq!(engine.ended(Duration::from_secs(10)), Some(0), "{how}");
        assert!(
            !crate::asked::socket(&engine).exists(),
            "its socket goes with it"
        );
    }
}
