//! The program itself: what its exit codes say, and what it refuses to do.

use std::path::PathBuf;
use std::process::{Command, Output};

use hdrhistogram::Histogram;
use pinion_loadgen::report;
use pinion_loadgen::results::{Results, Second, Stage, VERSION, Verdict};

fn load(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pinion-load"));
    command.args(arguments).output().expect("it was built")
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn told(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Writes a run of OPTIONS that take `us` each; `what` names the file.
fn run_of(us: u64, verdict: Verdict, what: &str) -> PathBuf {
    let mut histogram = Histogram::<u64>::new(3).unwrap();
    for spread in 0..1000 {
        histogram.record(us + us * spread / 1000).unwrap();
    }
    let mut results = Results {
        version: VERSION,
        scenario: "options".into(),
        achieved: 100.0,
        series: vec![
            Second {
                completed: 100,
                ..Second::default()
            };
            10
        ],
        verdict,
        ..Results::default()
    };
    let stage = Stage::new(&histogram);
    results.stages.insert("options-200".into(), stage);
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{what}.json"));
    report::write(&path, &results).unwrap();
    path
}

#[test]
fn compare_says_by_its_exit_code_what_it_found() {
    let invalid = Verdict::Invalid {
        reasons: vec!["it was late".into()],
    };
    let quick = run_of(100, Verdict::Valid, "quick");
    let slow = run_of(200, Verdict::Valid, "slow");
    let doubtful = run_of(100, invalid, "doubtful");
    let missing = quick.with_file_name("missing.json");
    for (a, b, wanted) in [
        (&quick, &quick, 0),
        (&slow, &quick, 0),
        (&quick, &slow, 1),
        (&quick, &missing, 2),
        (&doubtful, &quick, 3),
    ] {
        let output = load(&["compare", a.to_str().unwrap(), b.to_str().unwrap()]);
        assert_eq!(code(&output), Some(wanted), "{}", told(&output.stdout));
    }
    let (a, b) = (quick.to_str().unwrap(), slow.to_str().unwrap());
    let lenient = load(&["compare", "--tolerance", "150%", a, b]);
    assert_eq!(code(&lenient), Some(0), "{}", told(&lenient.stdout));
}

#[test]
fn a_flood_beyond_loopback_is_refused() {
    let output = load(&["flood", "scanner", "--target", "192.0.2.1:5060"]);
    assert_eq!(code(&output), Some(2));
    let error = told(&output.stderr);
    assert!(error.contains("--i-own-this-target"), "{error}");
    assert!(output.stdout.is_empty(), "{}", told(&output.stdout));
}

#[test]
fn a_flood_has_an_end_and_a_rate() {
    for bound in [
        ["--rate", "0"],
        ["--rate", "1000001"],
        ["--duration", "3601s"],
    ] {
        let output = load(&[&["flood", "malformed"], &bound[..]].concat());
        assert_eq!(code(&output), Some(2), "{bound:?}");
    }
}

#[test]
fn a_target_that_is_not_there_has_not_survived() {
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let target = nobody.local_addr().unwrap().to_string();
    let flags = ["--target", &target, "--rate", "50", "--duration", "200ms"];
    let output = load(&[&["flood", "invite-random"], &flags[..]].concat());
    assert_eq!(code(&output), Some(1), "{}", told(&output.stdout));
}

#[test]
fn find_max_refuses_what_has_no_rate_to_search() {
    for load_flags in [
        &["options", "--saturate", "8"][..],
        &["options", "--arrival", "ramp:1-10"],
        &["uas", "--listen", "127.0.0.1:0"],
    ] {
        let output = load(&[&["find-max", "--slo", "p99<1s"], load_flags].concat());
        assert_eq!(code(&output), Some(2), "{load_flags:?}");
    }
    let output = load(&["find-max", "--slo", "p99<20", "options"]);
    assert_eq!(code(&output), Some(2));
    let error = told(&output.stderr);
    assert!(
        error.contains("a time needs a number and us, ms or s"),
        "{error}"
    );
}

#[test]
fn find_max_finds_the_end_of_its_range() {
    let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let target = server.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((len, from)) = server.recv_from(&mut buffer) {
            let request = String::from_utf8_lossy(&buffer[..len]);
            let (_, fields) = request.split_once("\r\n").expect("a request line");
            drop(server.send_to(format!("SIP/2.0 200 OK\r\n{fields}").as_bytes(), from));
        }
    });
    let page = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("found.html");
    let flags = [
        "find-max",
        "--slo",
        "fail<50%",
        "--first",
        "20",
        "--most",
        "40",
        "--rest",
        "0s",
        "options",
        "--target",
        &target,
        "--duration",
        "300ms",
        "--threads",
        "1",
        "--quiet",
        "--html",
        page.to_str().unwrap(),
    ];
    // A generator that had no time on a busy machine says so, by a code of its
    // own, and that is asked again.
    let output = (0..10)
        .map(|_| load(&flags))
        .find(|output| code(output) != Some(3))
        .expect("a machine with time for 40 requests a second");
    let text = told(&output.stdout);
    assert_eq!(code(&output), Some(0), "{text}{}", told(&output.stderr));
    assert!(text.contains("found 40/s, confirmed 3 times"), "{text}");
    assert!(std::fs::read_to_string(page).unwrap().contains("<svg"));
}

#[test]
fn a_connection_that_is_refused_fails_its_units_at_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    drop(listener);
    let flags = ["--target", &target, "--rate", "20", "--duration", "500ms"];
    let output = load(&[&["options", "--transport", "tcp"], &flags[..]].concat());
    assert_eq!(code(&output), Some(1), "{}", told(&output.stderr));
    let text = told(&output.stdout);
    assert!(text.contains("OPTIONS: not sent, no connection"), "{text}");
    assert!(!text.contains("timeout"), "{text}");
}

#[test]
fn files_that_cannot_be_written_are_refused_before_the_run() {
    for flag in ["--json", "--html"] {
        let flags = [
            "--target",
            "127.0.0.1:9",
            "--duration",
            "1h",
            flag,
            "/nowhere/file",
        ];
        for command in [
            &["options"][..],
            &["find-max", "--slo", "fail<1%", "options"],
        ] {
            let output = load(&[command, &flags].concat());
            assert_eq!(code(&output), Some(2), "{flag}");
            let error = told(&output.stderr);
            assert!(error.contains("cannot write /nowhere/file"), "{error}");
            assert!(!told(&output.stdout).contains("achieved"));
        }
    }
}

#[test]
fn a_run_of_no_units_is_refused() {
    let output = load(&["options", "--target", "127.0.0.1:9", "--calls", "0"]);
    assert_eq!(code(&output), Some(2));
}

#[test]
fn find_max_refuses_stages_that_its_load_has_not() {
    for (slo, word) in [
        ("nothing.p99<1ms", "no such stage"),
        ("register-200.p99<1ms", "never has samples of register-200"),
    ] {
        let flags = [
            "find-max",
            "--slo",
            slo,
            "options",
            "--target",
            "127.0.0.1:9",
        ];
        let output = load(&flags);
        assert_eq!(code(&output), Some(2), "{slo}");
        let error = told(&output.stderr);
        assert!(error.contains(word), "{error}");
    }
}
