//! A call, seen while it lasts: in Asterisk's columns, by scripts that cut them,
//! and as JSON.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::address::free_address;
use crate::asked::{ask, ask_json, client, fixture, run};
use crate::engine::Engine;
use crate::phones;
use crate::sipp::{Running, Sipp};

const LIMIT: Duration = Duration::from_secs(60);

/// 1001 talks to 1002 for so long.
const TALK_MS: u32 = 12_000;

/// An engine with a call that is answered, and what keeps it up.
fn call() -> (Engine, [Running; 2]) {
    let flags = ["--shards", "2", "--t1", "100"];
    let engine = phones::engine("console-call", 1001..=1002, &flags);
    let contact = free_address();
    phones::register(&engine, [(1002, contact)].into_iter(), 10);
    let callee = Sipp::new(&engine.scratch, "uas", 1, LIMIT)
        .listening(contact)
        .start();
    let caller = Sipp::new(&engine.scratch, "uac", 1, LIMIT)
        .calling(engine.address, 10, &[phones::line(1001, 1002)])
        .pausing(TALK_MS)
        .start();
    let start = Instant::now();
    while ask(&engine, "core show channels verbose")
        .done()
        .matches(" Up ")
        .count()
        != 2
    {
        assert!(start.elapsed() < LIMIT, "no call: {}", engine.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    (engine, [caller, callee])
}

/// What stands in each column of a line: from where its title begins to where
/// the next one does.
fn cells<'l>(header: &str, titles: &[&str], line: &'l str) -> Vec<&'l str> {
    let begins = |title: &&str| header.find(*title).unwrap_or_else(|| panic!("{title}"));
    let mut edges: Vec<usize> = titles.iter().map(begins).collect();
    edges.push(line.len());
    let edge = |at: usize| edges[at].min(line.len());
    (0..titles.len())
        .map(|at| line[edge(at)..edge(at + 1)].trim())
        .collect()
}

/// The output of a shell's command that reads the answer to another.
fn piped(engine: &Engine, asked: &str, script: &str) -> Vec<String> {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut shell = shell.spawn().expect("a shell");
    let answer = ask(engine, asked).done();
    let mut input = shell.stdin.take().expect("a pipe");
    input.write_all(answer.as_bytes()).expect("a reader");
    drop(input);
    let output = shell.wait_with_output().expect("a shell");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_call_is_seen_in_the_columns_of_asterisk() {
    let (engine, [caller, callee]) = call();
    a_line_each(&engine);
    in_all_columns(&engine);
    between_exclamation_marks(&engine);
    one_channel_whole(&engine);
    scripts_cut_columns(&engine);
    as_json(&engine);
    it_is_drained_and_goes_on(&engine);
    caller.wait().expect(1);
    callee.wait().expect(1);
    let after = ask(&engine, "core show calls").done();
    assert!(after.starts_with("0 active calls\n"), "{after}");
    assert_eq!(engine.stop(Duration::from_secs(40)), Some(0));
}

fn a_line_each(engine: &Engine) {
    let (ours, real) = (
        ask(engine, "core show channels").done(),
        fixture("core_channels"),
    );
    let (lines, real): (Vec<&str>, Vec<&str>) = (ours.lines().collect(), real.lines().collect());
    assert_eq!(lines[0], real[0], "the titles are Asterisk's, to the byte");
    let titles = ["Channel", "Location", "State", "Application(Data)"];
    let caller = lines
        .iter()
        .find(|line| line.starts_with("SIP/1001-"))
        .expect(&ours);
    let callee = lines
        .iter()
        .find(|line| line.starts_with("SIP/1002-"))
        .expect(&ours);
    let cells_of = |line| cells(lines[0], &titles, line);
    assert_eq!(
        cells_of(caller)[1..],
        ["1002@phones:1", "Up", "Dial(SIP/1002,20)"]
    );
    assert_eq!(
        cells_of(callee)[1..],
        ["(None)", "Up", "AppDial((Outgoing Line))"]
    );
    assert_eq!(caller.len(), real[1].len());
    assert_eq!(
        lines[3..],
        ["2 active channels", "1 active call", "1 call processed"]
    );
    assert_eq!(
        ask(engine, "core show channels count")
            .done()
            .lines()
            .count(),
        3
    );
}

fn in_all_columns(engine: &Engine) {
    let ours = ask(engine, "core show channels verbose").done();
    let real = fixture("core_channels_verbose");
    let lines: Vec<&str> = ours.lines().collect();
    assert_eq!(lines[0], real.lines().next().unwrap());
    let titles = [
        "Channel",
        "Context",
        "Extension",
        "Prio",
        "State",
        "Application",
        "Data",
        "CallerID",
        "Duration",
        "Accountcode",
        "PeerAccount",
        "BridgeID",
    ];
    let cells_of = |line| cells(lines[0], &titles, line);
    let find = |name| {
        *lines
            .iter()
            .find(|line| line.starts_with(name))
            .expect(&ours)
    };
    let (caller, callee) = (find("SIP/1001-"), find("SIP/1002-"));
    let (told, callee_told) = (cells_of(caller), cells_of(callee));
    let expected = ["phones", "1002", "1", "Up", "Dial", "SIP/1002,20", "1001"];
    assert_eq!(told[1..8], expected);
    assert_eq!(
        callee_told[1..8],
        [
            "phones",
            "",
            "1",
            "Up",
            "AppDial",
            "(Outgoing Line)",
            "1002"
        ]
    );
    assert_eq!(told[8].len(), "00:00:00".len(), "{told:?}");
    assert_eq!(told[11], callee_told[11], "one bridge");
    assert!(!told[11].is_empty());
    let widths = real.lines().nth(1).unwrap().len();
    assert_eq!((caller.len(), callee.len()), (widths, widths));
}

fn between_exclamation_marks(engine: &Engine) {
    let ours = ask(engine, "core show channels concise").done();
    let real = fixture("core_channels_concise");
    let fields = |line: &str| line.split('!').map(str::to_owned).collect::<Vec<_>>();
    let real = fields(real.lines().next().unwrap());
    let rows: Vec<_> = ours.lines().map(fields).collect();
    assert_eq!(rows.len(), 2, "{ours}");
    for row in &rows {
        assert_eq!(row.len(), real.len(), "{row:?}");
        assert_eq!(row[10], "3");
    }
    let caller = rows
        .iter()
        .find(|row| row[0].starts_with("SIP/1001-"))
        .expect(&ours);
    assert_eq!(
        caller[1..8],
        ["phones", "1002", "1", "Up", "Dial", "SIP/1002,20", "1001"]
    );
    assert!(
        caller[11].parse::<u32>().is_ok() && caller[13].contains('.'),
        "{caller:?}"
    );
}

fn one_channel_whole(engine: &Engine) {
    let concise = ask(engine, "core show channels concise").done();
    let line = concise
        .lines()
        .find(|line| line.starts_with("SIP/1001-"))
        .unwrap();
    let name = line.split('!').next().unwrap();
    let ours = ask(engine, &format!("core show channel {name}")).done();
    let real = fixture("core_channel");
    let label = |line: &str| line.split_once(':').map(|(label, _)| label.to_owned());
    let known: Vec<_> = real.lines().filter_map(label).collect();
    let sections = ours.split("      Variables:").next().unwrap();
    for line in sections.lines() {
        let own = label(line).is_none_or(|label| {
            known.contains(&label) || ["        Call-ID", "          Shard"].contains(&&*label)
        });
        assert!(own, "{line:?} is no line of Asterisk's");
    }
    for line in [
        "           Type: SIP",
        "      Caller ID: 1001",
        "    DNID Digits: 1002",
        "          State: Up (6)",
        "        Context: phones",
        "      Extension: 1002",
        "    Application: Dial",
        "           Data: SIP/1002,20",
        "DIALSTATUS=ANSWER",
    ] {
        assert!(
            ours.lines().any(|own| own == line),
            "{line:?} is missing from:\n{ours}"
        );
    }
    let unknown = ask(engine, "core show channel SIP/1001-ffffffff").failed();
    assert_eq!(unknown, "SIP/1001-ffffffff is not a known channel\n");
}

fn scripts_cut_columns(engine: &Engine) {
    let cut = piped(
        engine,
        "core show channels",
        "tail -n +2 | head -2 | cut -c43-49 | tr -d ' '",
    );
    assert_eq!(cut, ["Up", "Up"]);
    let awk = piped(
        engine,
        "core show channels concise",
        "awk -F! '$6 == \"Dial\" { print $8, $7 }'",
    );
    assert_eq!(awk, ["1001 SIP/1002,20"]);
    let calls = piped(
        engine,
        "core show channels",
        "grep 'active call' | awk '{ print $1 }'",
    );
    assert_eq!(calls, ["1"]);
    let peers = piped(engine, "sip show peers", "awk '$1 ~ /^1002/ { print $2 }'");
    assert_eq!(peers, [crate::address::host().to_string()]);
}

fn as_json(engine: &Engine) {
    let told = ask_json(engine, "core show channels");
    assert_eq!(told["ok"], true);
    assert_eq!(
        (&told["active_calls"], &told["calls_processed"]),
        (&1.into(), &1.into())
    );
    let rows = told["channels"].as_array().expect("an array");
    let caller = rows
        .iter()
        .find(|row| row["callerid"] == "1001")
        .expect("the caller");
    assert_eq!(
        (&caller["data"], &caller["extension"]),
        (&"SIP/1002,20".into(), &"1002".into())
    );
    assert_eq!(
        told,
        ask_json(engine, "core show channels verbose"),
        "one form for programs"
    );
    let name = caller["channel"].as_str().unwrap();
    let whole = ask_json(engine, &format!("core show channel {name}"));
    assert_eq!(whole["channel"]["variables"]["DIALSTATUS"], "ANSWER");
}

fn it_is_drained_and_goes_on(engine: &Engine) {
    ask(engine, "core stop gracefully").done();
    // To an extension that is not there: only the drain has another answer to it.
    let answer = || {
        let second = Sipp::new(&engine.scratch, "uac_refused", 1, LIMIT)
            .calling(engine.address, 10, &[phones::line(1001, "nothing")])
            .run();
        let heard = second.log + &second.errors;
        ["SIP/2.0 503", "SIP/2.0 404"].map(|status| heard.contains(status))
    };
    assert_eq!(answer(), [true, false], "a new call is refused");
    ask(engine, "core abort shutdown").done();
    let again = Instant::now();
    while answer() != [false, true] {
        assert!(again.elapsed() < LIMIT, "new calls are taken again");
    }
    let mut version = client(engine);
    version.args(["-x", "core show version"]);
    assert!(run(version).done().starts_with("pinion "), "it goes on");
}
