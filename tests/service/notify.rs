//! What a service manager hears, over a socket of the tests' own in place of
//! systemd's.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io};

use pinion_runtime::uninterrupted;
use tempfile::TempDir;

use crate::address::free_address;
use crate::asked::ask;
use crate::engine::{Engine, Scratch};
use crate::phone::Phone;

const LIMIT: Duration = Duration::from_secs(20);

/// A third of it is how often a sign of life is given.
const WATCHDOG: Duration = Duration::from_secs(3);

/// The service manager's end.
struct Listener {
    socket: UnixDatagram,
    /// Where the engine finds it, each time anew.
    _dir: TempDir,
}

impl Listener {
    /// An engine of two shards that tells it what happens.
    fn start(name: &str) -> (Engine, Listener) {
        let of_tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
        let sample = |file: &str| fs::read_to_string(of_tree.join(file)).unwrap();
        Listener::start_with(name, &sample("sip.conf"), &sample("extensions.conf"), &[])
    }

    /// The same, with these files and flags.
    fn start_with(name: &str, sip: &str, extensions: &str, flags: &[&str]) -> (Engine, Listener) {
        // Paths of sockets are short, those of a target directory may be long.
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        let variables = [
            format!("NOTIFY_SOCKET={}", path.display()),
            format!("WATCHDOG_USEC={}", WATCHDOG.as_micros()),
        ];
        let by = ["env", &variables[0], &variables[1]];
        let scratch = Scratch::new(name);
        scratch.write("sip.conf", sip);
        scratch.write("extensions.conf", extensions);
        let flags = [&["--shards", "2"], flags].concat();
        let engine = Engine::start_by(&by, scratch, free_address(), &flags);
        (engine, Listener { socket, _dir: dir })
    }

    /// The lines of the next message.
    fn hear(&self) -> Vec<String> {
        let mut bytes = [0; 4096];
        let len = uninterrupted(|| self.socket.recv(&mut bytes)).expect("a message");
        let text = String::from_utf8_lossy(&bytes[..len]);
        text.lines().map(String::from).collect()
    }

    /// The first message with a line that begins so.
    fn hear_until(&self, beginning: &str) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let lines = self.hear();
            if lines.iter().any(|line| line.starts_with(beginning)) {
                return lines;
            }
            assert!(begun.elapsed() < LIMIT, "{beginning} is not heard");
        }
    }
}

#[test]
fn ready_signs_of_life_and_the_end_are_told() {
    let (mut engine, manager) = Listener::start("notify");
    assert_eq!(manager.hear(), ["READY=1", "STATUS=ready: 2 shards"]);
    for _ in 0..2 {
        assert_eq!(
            manager.hear_until("WATCHDOG=1"),
            [
                "STATUS=serving: 0 calls, 0 registered contacts, 2 shards",
                "WATCHDOG=1"
            ]
        );
    }
    engine.end(LIMIT);
    assert_eq!(
        manager.hear_until("STOPPING=1"),
        [
            "STOPPING=1",
            "EXTEND_TIMEOUT_USEC=3000000",
            "STATUS=draining: new calls get 503"
        ]
    );
    manager.hear_until("STATUS=ending");
}

/// An engine in which 1001 rings 1002, by this INVITE.
fn with_a_call(name: &str, flags: &[&str]) -> (Engine, Listener, Phone, String) {
    let device = "type=friend\nhost=dynamic\n";
    let sip = format!("[general]\ncontext=default\n[1001]\n{device}[1002]\n{device}");
    let plan = "[default]\nexten => _1XXX,1,Dial(SIP/${EXTEN},60)\n";
    let (engine, manager) = Listener::start_with(name, &sip, plan, flags);
    let phone = Phone::new(&engine);
    phone.register("1002");
    let invite = phone.ring("a-call");
    (engine, manager, phone, invite)
}

#[test]
fn an_end_that_may_be_called_off_is_not_told_as_one() {
    let (engine, manager, ..) = with_a_call("order", &[]);
    for (order, status) in [
        ("core stop gracefully", "STATUS=draining: 1 calls"),
        ("core abort shutdown", "STATUS=serving: 1 calls"),
    ] {
        ask(&engine, order).done();
        let begun = Instant::now();
        loop {
            let lines = manager.hear();
            assert!(!lines.contains(&"STOPPING=1".to_owned()), "{lines:?}");
            if lines.iter().any(|line| line.starts_with(status)) {
                break;
            }
            assert!(begun.elapsed() < LIMIT, "{status} is not heard");
        }
    }
}

#[test]
fn a_signal_after_an_order_cuts_no_call() {
    for order in ["core stop gracefully", "core stop when convenient"] {
        let (mut engine, manager, phone, invite) = with_a_call("signal", &[]);
        ask(&engine, order).done();
        engine.signal("TERM");
        let told = manager.hear_until("STOPPING=1");
        assert_eq!(told[2], "STATUS=draining: new calls get 503", "{order}");
        phone.answer(&invite, "486 Busy Here");
        phone.await_message("SIP/2.0 486");
        assert_eq!(engine.ended(LIMIT), Some(0), "{order}");
        manager.hear_until("STATUS=ending");
    }
}

#[test]
fn a_weaker_end_takes_no_stronger_one_back() {
    let (mut engine, manager, _phone, _invite) = with_a_call("weaker", &["--drain-limit", "2"]);
    ask(&engine, "core stop when convenient").done();
    ask(&engine, "core stop gracefully").done();
    ask(&engine, "core stop when convenient").done();
    engine.signal("TERM");
    manager.hear_until("STATUS=draining: new calls get 503");
    for order in [
        "core stop gracefully",
        "core stop when convenient",
        "core abort shutdown",
    ] {
        ask(&engine, order).done();
    }
    // Its limit ends it all the same, though the telephone rings on.
    assert_eq!(engine.ended(LIMIT), Some(0));
    manager.hear_until("STATUS=ending");
}

#[test]
fn a_reload_is_told_when_it_begins_and_when_it_is_over() {
    let (engine, manager) = Listener::start("reload");
    manager.hear_until("READY=1");
    engine.signal("HUP");
    let begun = manager.hear_until("RELOADING=1");
    assert!(begun[1].starts_with("MONOTONIC_USEC="), "{begun:?}");
    assert_eq!(manager.hear_until("READY=1"), ["READY=1"]);
    manager.hear_until("WATCHDOG=1");
    assert_eq!(engine.stop(LIMIT), Some(0));
}

/// A thread of another process that stands still until this is dropped.
struct Frozen {
    by: Child,
    hold: Option<ChildStdin>,
}

impl Frozen {
    /// By ptrace(2), PTRACE_SEIZE and PTRACE_INTERRUPT, which Perl reaches
    /// without a debugger; it says so when the thread stands.
    const SCRIPT: &str = r#"
        my ($ptrace, $thread) = map { $_ + 0 } @ARGV;
        syscall($ptrace, 0x4206, $thread, 0, 0) == 0 or die "seize: $!";
        syscall($ptrace, 0x4207, $thread, 0, 0) == 0 or die "interrupt: $!";
        waitpid($thread, 0x40000000);
        syswrite(STDOUT, "frozen\n");
        sysread(STDIN, my $end, 1);
    "#;

    fn of(thread: &str) -> io::Result<Frozen> {
        let number = match cfg!(target_arch = "aarch64") {
            true => "117",
            false => "101",
        };
        let mut by = Command::new("perl")
            .args(["-e", Frozen::SCRIPT, number, thread])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let hold = by.stdin.take();
        let mut said = [0; 7];
        let stands = io::Read::read_exact(&mut by.stdout.take().expect("a pipe"), &mut said);
        let frozen = Frozen { by, hold };
        stands.map(|()| frozen)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        drop(self.hold.take());
        drop(self.by.wait());
    }
}

/// The thread of a process that has this name and is not one of many.
fn thread(pid: u32, name: &str) -> Option<String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let mut named: Vec<String> = tasks
        .map(|task| task.unwrap())
        .filter(|task| is_named(&task.path(), name))
        .map(|task| task.file_name().into_string().unwrap())
        .collect();
    named.sort_by_key(|thread| thread.parse::<u32>().ok());
    named.into_iter().next()
}

fn is_named(task: &Path, name: &str) -> bool {
    fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name)
}

#[test]
fn the_watchdog_is_not_fed_for_a_shard_that_hangs() {
    let (engine, manager) = Listener::start("watchdog");
    manager.hear_until("WATCHDOG=1");
    let shard = thread(engine.pid(), "shard-1").expect("a shard's thread");
    let frozen = match Frozen::of(&shard) {
        Ok(frozen) => frozen,
        Err(error) => {
            eprintln!("NOT TESTED, as no thread may be stopped ({error}): a shard that hangs");
            return;
        }
    };
    manager.hear_until("STATUS=shard 1 is not answering");
    // Longer than systemd would wait.
    let begun = Instant::now();
    while begun.elapsed() < 2 * WATCHDOG {
        assert!(!manager.hear().contains(&"WATCHDOG=1".to_owned()));
    }
    assert!(engine.log().contains("shard 1 is not answering"));
    drop(frozen);
    manager.hear_until("WATCHDOG=1");
    assert_eq!(engine.stop(LIMIT), Some(0));
}
