//! Metrics, health and latency.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::asked::ask;
use crate::client::{get, get_within};
use crate::phone::Phone;

/// The samples of `/metrics`, by series.
fn metrics(http: SocketAddr) -> BTreeMap<String, f64> {
    let answer = get(http, "/metrics");
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .head
            .contains("content-type: text/plain; version=0.0.4")
    );
    let samples = answer.body.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').expect("a sample");
            (series.into(), value.parse().expect("a number"))
        })
        .collect()
}

/// The sum of a metric over what labels it has.
fn sum(metrics: &BTreeMap<String, f64>, name: &str) -> f64 {
    let of = |series: &str| series.split('{').next() == Some(name);
    metrics
        .iter()
        .filter(|(series, _)| of(series))
        .map(|(_, value)| value)
        .sum()
}

#[test]
fn metrics_tell_what_happened() {
    let records = tempfile::tempdir().expect("a directory");
    let records = records.path().to_str().expect("UTF-8");
    let flags = ["--sample", "1", "--cdr", records];
    let flags = [&flags[..], &["--cdr-journal", records]].concat();
    let (engine, http) = crate::engine("http-metrics", &flags);
    let phone = Phone::new(&engine);
    for user in ["1001", "1002"] {
        phone.register(user);
    }
    phone.send("INVITE", "1001", "500", "a-failure", "");
    phone.await_message("SIP/2.0 503");
    let told = metrics(http);
    for (name, value) in [
        ("pinion_shards_answering", 2.0),
        ("pinion_registered_contacts", 2.0),
        ("pinion_registrations_total", 2.0),
        ("pinion_calls_begun_total", 1.0),
        ("pinion_calls_answered_total", 0.0),
        ("pinion_calls", 0.0),
        ("pinion_faults_total", 0.0),
    ] {
        assert_eq!(sum(&told, name), value, "{name}");
    }
    let count = |stage: &str| told[&format!("pinion_stage_seconds_count{{stage=\"{stage}\"}}")];
    assert!(count("parse") >= 3.0 && count("auth") >= 3.0 && count("send") >= 3.0);
    assert_eq!(count("database"), 0.0, "there is none");
    let counters = engine.counters();
    assert!(
        sum(&told, "pinion_udp_received_datagrams_total") <= counters.total("udp_received") as f64
    );
    let text = get(http, "/metrics").body;
    assert!(
        !text.contains("pinion_shard_number"),
        "a row for each number: {text}"
    );
    for number in [
        "work_queue",
        "log_lines_dropped",
        "cdr_queue",
        "cdr_csv_dropped",
    ] {
        let series = format!("pinion_worker_number{{name=\"{number}\"}}");
        assert_eq!(told.get(&series), Some(&0.0), "{number}");
    }
    judge(&text);
}

/// What Prometheus's own judge says of the format, where it is installed.
fn judge(text: &str) {
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = promtool else {
        eprintln!("NOT TESTED, for lack of promtool: what Prometheus says of /metrics");
        return;
    };
    let mut stdin = promtool.stdin.take().expect("a pipe");
    stdin.write_all(text.as_bytes()).expect("it reads");
    drop(stdin);
    let output = promtool.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
}

/// Waits until `/readyz` answers so.
fn await_ready(http: SocketAddr, status: u16) -> String {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = get(http, "/readyz");
        if answer.status == status {
            return answer.body;
        }
        assert!(Instant::now() < end, "still {answer:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn an_engine_that_drains_is_well_and_not_ready() {
    let (engine, http) = crate::engine("http-health", &["--drain-limit", "30"]);
    let phone = Phone::new(&engine);
    phone.register("1002");
    phone.ring("a-call");
    await_ready(http, 200);
    let pid = engine.pid().to_string();
    let sent = Command::new("kill").args(["-s", "TERM", &pid]).status();
    assert!(sent.is_ok_and(|status| status.success()));
    let told = await_ready(http, 503);
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["checks"]["draining"]["ok"], false, "{told}");
    assert_eq!(told["checks"]["overload"]["ok"], true, "{told}");
    assert_eq!(get(http, "/healthz").status, 200);
}

#[test]
fn one_without_room_for_calls_is_not_ready() {
    let (engine, http) = crate::engine("http-overload", &["--max-calls", "2"]);
    let phone = Phone::new(&engine);
    phone.register("1002");
    phone.send("INVITE", "1001", "1002", "the-only-call", "");
    phone.await_message("INVITE");
    let told = object_of(await_ready(http, 503));
    assert_eq!(told["checks"]["overload"]["ok"], false, "{told}");
    phone.send("CANCEL", "1001", "1002", "the-only-call", "");
    await_ready(http, 200);
}

#[test]
fn one_that_hears_nothing_is_not_ready() {
    let (engine, http) = crate::engine("http-unheard", &[]);
    ask(&engine, "module unload res_sip_udp.so now").done();
    let told = object_of(await_ready(http, 503));
    assert_eq!(told["checks"]["listening"]["ok"], false, "{told}");
    assert_eq!(told["checks"]["overload"]["ok"], true, "{told}");
    assert_eq!(get(http, "/healthz").status, 200);
    ask(&engine, "module load res_sip_udp.so").done();
    await_ready(http, 200);
}

#[test]
fn what_is_not_loaded_says_so() {
    let (engine, http) = crate::engine("http-unloaded", &[]);
    ask(&engine, "module unload res_prometheus.so now").done();
    let answer = get(http, "/metrics");
    let said = (answer.status, &*answer.body);
    assert_eq!(said, (503, "res_prometheus.so is not loaded\n"));
    assert_eq!(get(http, "/healthz").status, 200);
    ask(&engine, "module load res_prometheus.so").done();
    assert_eq!(get(http, "/metrics").status, 200);
}

fn object_of(text: String) -> serde_json::Value {
    serde_json::from_str(&text).expect("JSON")
}

/// More than may be connected at once.
#[test]
fn those_who_say_nothing_keep_nobody_out_for_long() {
    let (engine, http) = crate::engine("http-silent", &[]);
    let silent: Vec<TcpStream> = (0..40)
        .map(|_| TcpStream::connect(http).expect("it listens"))
        .collect();
    let phone = Phone::new(&engine);
    phone.register("1001");
    let patient = get_within(http, "/healthz", Duration::from_secs(60));
    assert_eq!(patient.status, 200);
    drop(silent);
}

#[test]
fn those_who_stay_keep_nobody_out() {
    let (_engine, http) = crate::engine("http-staying", &[]);
    let mut staying = Vec::new();
    for _ in 0..40 {
        let mut stream = TcpStream::connect(http).expect("it listens");
        // Less than one who says nothing may stay.
        let limit = Some(Duration::from_secs(10));
        stream.set_read_timeout(limit).expect("a time limit");
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {http}\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("room to send");
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        staying.push(stream);
    }
}

#[test]
fn an_address_others_reach_has_to_be_meant() {
    let program = std::env::var("PINION_BIN").unwrap_or(env!("CARGO_BIN_EXE_pinion").into());
    let sip = crate::address::free_address().to_string();
    let output = Command::new(program)
        .args(["--listen", &sip, "--http", "0.0.0.0:0"])
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--http-anywhere"), "{said}");
}
