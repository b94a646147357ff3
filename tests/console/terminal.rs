//! `-r`: lines from a pipe, and from a terminal with history and completion.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use crate::asked::{ask, client, program, socket};
use crate::engine::Engine;
use crate::phones;

/// How long something may take that takes a moment.
const LIMIT: Duration = Duration::from_secs(30);

fn engine(name: &str) -> Engine {
    phones::engine(name, 1001..=1001, &["--shards", "1"])
}

/// A console between pipes, and where its lines go.
fn piped(engine: &Engine) -> (Child, ChildStdin) {
    let mut session = client(engine);
    session.arg("-r");
    session.stdin(Stdio::piped());
    session.stdout(Stdio::piped());
    session.stderr(Stdio::piped());
    let mut session = session.spawn().expect("the program runs");
    let input = session.stdin.take().expect("a pipe");
    (session, input)
}

#[test]
fn lines_from_a_pipe_are_carried_out() {
    let engine = engine("console-pipe");
    let (session, mut input) = piped(&engine);
    input
        .write_all(b"core show version\n\nnonsense\ncore show calls\nexit\ncore stop now\n")
        .expect("a reader");
    drop(input);
    let output = session.wait_with_output().expect("an end");
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("pinion "), "{text}");
    assert!(lines[1].starts_with("No such command 'nonsense'"), "{text}");
    assert_eq!(lines[2..], ["0 active calls", "0 calls processed"]);
    assert_eq!(output.status.code(), Some(0), "that of the last");
    assert_eq!(
        engine.stop(Duration::from_secs(10)),
        Some(0),
        "after exit, nothing is read"
    );
}

#[test]
fn a_pipe_is_left_when_the_engine_goes() {
    let engine = engine("console-pipe-gone");
    let (mut session, mut input) = piped(&engine);
    let mut output = BufReader::new(session.stdout.take().expect("a pipe"));
    input.write_all(b"core show version\n").expect("a reader");
    let mut version = String::new();
    output.read_line(&mut version).expect("an answer");
    assert!(version.starts_with("pinion "), "{version}");
    assert_eq!(engine.stop(LIMIT), Some(0));
    let start = Instant::now();
    let status = loop {
        if let Some(status) = session.try_wait().expect("a child") {
            break status;
        }
        if start.elapsed() > LIMIT {
            drop(input);
            drop(session.wait());
            panic!("it waits for a line");
        }
        thread::sleep(Duration::from_millis(20));
    };
    let mut errors = String::new();
    let mut stderr = session.stderr.take().expect("a pipe");
    stderr.read_to_string(&mut errors).expect("its words");
    assert_eq!(status.code(), Some(3), "{errors}");
    assert!(errors.starts_with("pinion: the engine "), "{errors}");
}

#[test]
fn news_come_between_the_answers_of_a_pipe() {
    let engine = engine("console-pipe-news");
    let (mut session, mut input) = piped(&engine);
    let output = BufReader::new(session.stdout.take().expect("a pipe"));
    let (line, lines) = channel();
    let reader = thread::spawn(move || {
        let all = output.lines().map_while(Result::ok);
        all.for_each(|read| drop(line.send(read)));
    });
    let await_line = |wanted: &str| {
        while let Ok(line) = lines.recv_timeout(LIMIT) {
            if line.starts_with(wanted) {
                return;
            }
        }
        panic!("'{wanted}' does not come");
    };
    input.write_all(b"sip set debug on\n").expect("a reader");
    await_line("SIP Debugging enabled");
    let phone = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    ask_options(&phone, engine.address, 1);
    await_line("<--- SIP read from UDP:127.0.0.1:");
    await_line("SIP/2.0 ");
    input.write_all(b"core show version\n").expect("a reader");
    await_line("pinion ");
    drop(input);
    assert_eq!(session.wait().expect("an end").code(), Some(0));
    reader.join().expect("a reader");
}

/// Sends an OPTIONS, which has an answer.
fn ask_options(phone: &UdpSocket, to: SocketAddr, number: u32) {
    let from = phone.local_addr().expect("an address");
    let request = format!(
        "OPTIONS sip:1001@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{number}\r\n\
         From: <sip:a@{from}>;tag=a\r\nTo: <sip:1001@{to}>\r\nCall-ID: options-{number}\r\n\
         CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    );
    phone.send_to(request.as_bytes(), to).expect("a way there");
}

/// `-r`, as a shell runs it.
fn attach(engine: &Engine) -> String {
    format!(
        "{} -r --console {}",
        program().display(),
        socket(engine).display()
    )
}

/// Types into a command on a terminal of its own, with a pause after each; what
/// the terminal shows until the command ends, or has been ended.
fn type_into(command: &str, term: &str, home: &Path, keys: &[&str]) -> String {
    let mut script = Command::new("script");
    script.args(["-q", "-e", "-c", command, "/dev/null"]);
    script
        .env("HOME", home)
        .env("TERM", term)
        .env("SHELL", "/bin/sh")
        .env_remove("NO_COLOR");
    script.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut script = script.spawn().expect("script(1), of util-linux");
    let mut input = script.stdin.take().expect("a pipe");
    let mut output = script.stdout.take().expect("a pipe");
    let shown = thread::spawn(move || {
        let mut shown = Vec::new();
        // A terminal that is gone has an error for its end.
        let _ = output.read_to_end(&mut shown);
        shown
    });
    thread::sleep(Duration::from_millis(700));
    for key in keys {
        // One that has ended shows nothing more: that is what is judged.
        let _ = input.write_all(key.as_bytes()).and_then(|()| input.flush());
        thread::sleep(Duration::from_millis(400));
    }
    drop(input);
    let end = Instant::now() + LIMIT;
    while script.try_wait().expect("a child").is_none() {
        if Instant::now() > end {
            script.kill().expect("a child");
        }
        thread::sleep(Duration::from_millis(50));
    }
    let shown = shown.join().expect("a reader");
    String::from_utf8_lossy(&shown).into_owned()
}

/// A home without a history.
fn home(engine: &Engine) -> PathBuf {
    let home = engine.scratch.path().join("home");
    std::fs::create_dir(&home).expect("a home");
    home
}

#[test]
fn a_flood_of_news_keeps_no_answer_from_the_terminal() {
    let engine = engine("console-flood");
    ask(&engine, "sip set debug on").done();
    let (home, over) = (home(&engine), AtomicBool::new(false));
    let address = engine.address;
    let said = thread::scope(|scope| {
        scope.spawn(|| {
            let phone = UdpSocket::bind("127.0.0.1:0").expect("a socket");
            let mut number = 0;
            while !over.load(Ordering::Relaxed) {
                for _ in 0..100 {
                    number += 1;
                    ask_options(&phone, address, number);
                }
                thread::sleep(Duration::from_millis(50));
            }
        });
        let uptime = "core show upt\t\r";
        let keys = [uptime, uptime, uptime, "exit\r"];
        let said = type_into(&attach(&engine), "xterm", &home, &keys);
        over.store(true, Ordering::Relaxed);
        said
    });
    assert!(said.contains("<--- SIP read from UDP:"), "there are news");
    assert_eq!(said.matches("System uptime: ").count(), 3);
}

#[test]
fn lines_are_carried_out_where_they_cannot_be_edited() {
    let engine = engine("console-plain");
    let home = home(&engine);
    let piped = format!("{} | cat", attach(&engine));
    for (command, term) in [(piped, "xterm"), (attach(&engine), "dumb")] {
        let said = type_into(&command, term, &home, &["core show uptime\r", "exit\r"]);
        assert!(said.contains("System uptime: "), "{term}: {said}");
    }
}

#[test]
fn enter_leaves_once_the_engine_has_gone() {
    let mut engine = engine("console-gone");
    let home = home(&engine);
    let mut keys = vec!["core stop now\r"];
    keys.extend(["\r"; 10]);
    let said = type_into(&attach(&engine), "xterm", &home, &keys);
    assert!(
        said.contains("pinion: the engine has ended the session"),
        "{said}"
    );
    assert_eq!(engine.ended(LIMIT), Some(0));
}

#[test]
fn at_a_terminal_there_is_a_prompt_completion_history_and_colour() {
    let engine = engine("console-terminal");
    let home = home(&engine);
    let command = attach(&engine);
    let said = type_into(
        &command,
        "xterm",
        &home,
        &[
            "core sh\t",
            "upt\t\r",
            "nonsense\r",
            "!echo from-a-shell\r",
            " core show calls\r",
            "exit\r",
        ],
    );
    let banner = format!(
        "Connected to pinion {} currently running on ",
        env!("CARGO_PKG_VERSION")
    );
    assert!(said.contains(&banner), "{said}");
    assert!(
        said.contains(&format!("(pid = {})", engine.pid())),
        "{said}"
    );
    assert!(said.contains("*CLI> "), "{said}");
    assert!(
        said.contains("System uptime: "),
        "completed and carried out: {said}"
    );
    assert!(
        said.contains("\u{1b}[31mNo such command 'nonsense'"),
        "in red: {said}"
    );
    assert!(
        said.lines().any(|line| line.trim() == "from-a-shell"),
        "{said}"
    );
    let history = std::fs::read_to_string(home.join(".pinion_history")).expect("a history");
    assert!(history.contains("core show uptime"), "{history}");
    assert!(said.contains("calls processed"), "{said}");
    assert!(!history.contains("core show calls"), "{history}");
    let said = type_into(
        &command,
        "xterm",
        &home,
        &[
            "\u{1b}[A", "\u{1b}[A", "\u{1b}[A", "\u{1b}[A", "\r", "exit\r",
        ],
    );
    assert!(said.contains("System uptime: "), "from the history: {said}");
}
