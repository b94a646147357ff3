//! Sessions on the socket: who may, how many, and what becomes of those that do
//! not read.

use std::io::{BufReader, Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use pinion::control::frame::{self, Kind};

use crate::asked::{ask, client, run, socket};
use crate::engine::{Engine, Scratch};
use crate::{address, phones};

fn connect(engine: &Engine) -> (UnixStream, BufReader<UnixStream>) {
    let stream = UnixStream::connect(socket(engine)).expect("the engine's socket");
    let mut input = BufReader::new(stream.try_clone().expect("a second handle"));
    let hello = frame::read(&mut input).expect("a greeting").expect("one");
    let greeting = format!("{} {} ", env!("CARGO_PKG_VERSION"), engine.pid());
    assert_eq!(hello.kind, Kind::Hello);
    assert!(hello.text().starts_with(&greeting), "{}", hello.text());
    (stream, input)
}

#[test]
fn the_socket_is_for_its_owner_and_group() {
    let scratch = Scratch::new("console-mode");
    scratch.write("sip.conf", "[general]\n");
    scratch.write("extensions.conf", "[default]\n");
    scratch.write("asterisk.conf", "[files]\nastctlpermissions=0600\n");
    let engine = Engine::start(scratch, address::free_address(), &["--shards", "1"]);
    let found = std::fs::metadata(socket(&engine)).expect("a socket");
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    let second = {
        let mut second = client(&engine);
        second.args([
            "--listen",
            &address::free_address().to_string(),
            "--log",
            "off",
        ]);
        run(second)
    };
    assert_eq!(second.status, Some(1), "the place is taken");
    let expected = format!("another engine has it, process {}", engine.pid());
    assert!(second.errors.contains(&expected), "{}", second.errors);
    ask(&engine, "core show version").done();
}

#[test]
fn a_line_is_completed_by_what_there_is() {
    let engine = phones::engine("console-words", 1001..=1012, &["--shards", "2"]);
    let (mut stream, mut input) = connect(&engine);
    let mut complete = |line: &str| {
        frame::write(&mut stream, Kind::Complete, line.as_bytes()).expect("a listener");
        let words = frame::read(&mut input).expect("words").expect("some");
        assert_eq!(words.kind, Kind::Words);
        words.text().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete("core show upt"), ["uptime"]);
    assert!(complete("").contains(&"core".to_string()));
    assert_eq!(complete("core stop "), ["gracefully", "now", "when"]);
    assert_eq!(complete("core stop when "), ["convenient"]);
    assert_eq!(complete("core show channels con"), ["concise"]);
    assert_eq!(complete("sip show peer 101"), ["1010", "1011", "1012"]);
    assert_eq!(complete("dialplan show ph"), ["phones"]);
    assert_eq!(
        complete("core show application Gosub"),
        ["Gosub", "GosubIf"]
    );
    assert_eq!(complete("core set debug 3 sec"), ["security"]);
    assert_eq!(complete("module unload chan_s"), ["chan_sip.so"]);
    assert_eq!(complete("help core show upt"), ["uptime"]);
    assert_eq!(complete("core show help sip un"), ["unregister"]);
    assert_eq!(complete("nonsense "), [""; 0]);
}

#[test]
fn a_client_that_does_not_read_holds_nobody_and_makes_room() {
    let engine = phones::engine("console-stalled", 1001..=1001, &["--shards", "2"]);
    let stalled: Vec<_> = (0..64)
        .map(|_| {
            let (mut stream, input) = connect(&engine);
            for _ in 0..200 {
                // Much more than its socket holds is answered to it.
                let asked = frame::write(&mut stream, Kind::Text, b"core show functions");
                asked.expect("the socket takes what it holds");
            }
            (stream, input)
        })
        .collect();
    let full = ask(&engine, "core show version");
    assert_eq!(full.status, Some(3), "{}", full.text);
    assert!(
        full.errors.contains("64 sessions are open already"),
        "{}",
        full.errors
    );
    let start = Instant::now();
    let answered = loop {
        let asked = ask(&engine, "core show version");
        if asked.status == Some(0) {
            break asked.text;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "no room is made");
        std::thread::sleep(Duration::from_millis(200));
    };
    assert!(answered.starts_with("pinion "), "{answered}");
    drop(stalled);
    assert_eq!(engine.stop(Duration::from_secs(10)), Some(0));
}

#[test]
fn noise_ends_its_own_session_only() {
    let engine = phones::engine("console-noise", 1001..=1001, &["--shards", "1"]);
    let (mut bystander, mut input) = connect(&engine);
    for noise in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"text 99999999999\n",
        &[0xff; 4096],
        b"out 1\nx",
    ] {
        let (mut stream, mut rest) = connect(&engine);
        stream.write_all(noise).expect("a listener");
        let mut end = Vec::new();
        // Reset or closed: over it is.
        let _ = rest.read_to_end(&mut end);
    }
    frame::write(&mut bystander, Kind::Json, b"core show version").expect("a listener");
    let mut said = String::new();
    loop {
        let frame = frame::read(&mut input)
            .expect("an answer")
            .expect("a frame");
        match frame.kind {
            Kind::Out => said.push_str(&frame.text()),
            Kind::Done => break assert_eq!(frame.text(), "ok"),
            other => panic!("{other:?}"),
        }
    }
    assert!(said.contains("\"ok\":true"), "{said}");
}
