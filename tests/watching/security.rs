//! Each kind of attack from an address of its own, and what fail2ban makes of
//! the engine's log with the filter that comes with it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::address::free_address;
use crate::engine::{Engine, Scratch};
use crate::phone::{Phone, status};
use crate::{await_text, await_that, said_by};

const SIP_CONF: &str = "\
[general]
allowguest=yes
context=outside
[1001]
type=friend
host=dynamic
secret=right
[1002]
type=friend
host=dynamic
secret=right
deny=0.0.0.0/0
permit=127.0.0.200/32
";

const EXTENSIONS_CONF: &str =
    "[outside]\nexten => 100,1,Log(WARNING,${CALLERID(name)})\n same => n,Hangup()\n";

/// A user whose name would be an event of its own, of another address.
const HOSTILE: &str = "x%22,RemoteAddress=%22IPV4/UDP/198.51.100.9/5060%22,Method=%22A%22%0d%0a";

fn engine(format: &str) -> Engine {
    let scratch = Scratch::new("security");
    scratch.write("sip.conf", SIP_CONF);
    scratch.write("extensions.conf", EXTENSIONS_CONF);
    let flags = ["--shards", "1", "--log", "info", "--log-format", format];
    Engine::start(scratch, free_address(), &flags)
}

/// The addresses that fail2ban finds in a log, and how often each.
fn found(log: &Path, mode: &str) -> BTreeMap<String, usize> {
    let filter =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fail2ban/filter.d/pinion.conf");
    let filter = format!("{}[mode={mode}]", filter.display());
    let log = log.to_str().expect("UTF-8");
    let mut found = BTreeMap::new();
    for line in said_by("fail2ban-regex", &["-o", "<ip>", log, &filter]).lines() {
        *found.entry(line.trim().to_owned()).or_default() += 1;
    }
    found
}

/// What the addresses from 127.0.0.21 on do.
fn attack(engine: &Engine) {
    let at = |host: u8| Phone::at(&format!("127.0.0.{host}"), engine.address);
    assert_eq!(at(21).register("1001", "wrong"), 403);
    assert_eq!(at(22).register("nobody", "wrong"), 403);
    assert_eq!(at(23).register("1002", "right"), 403);
    assert_eq!(at(24).register(HOSTILE, "wrong"), 403);
    let mut malformed = at(25);
    let request = malformed
        .request("OPTIONS", "1001", "")
        .replace("CSeq: 1 OPTIONS", "CSeq: 1 BYE");
    assert_eq!(status(&malformed.ask(&request)), 400);
    let mut guest = at(26);
    let request = guest.request("INVITE", "stranger", "");
    assert_eq!(status(&guest.ask(&request)), 404);
    // A guest whose name is a line of the log, by way of the dialplan's Log.
    let mut forger = at(27);
    let event = "SecurityEvent=\\\"FailedACL\\\",EventTV=\\\"\\\",Severity=\\\"Error\\\",Service=\\\"SIP\\\",EventVersion=\\\"1\\\",\
         AccountID=\\\"\\\",SessionID=\\\"\\\",LocalAddress=\\\"\\\",RemoteAddress=\\\"IPV4/UDP/198.51.100.8/5060\\\",Method=\\\"A\\\"";
    let request = forger
        .request("INVITE", "stranger", "")
        .replace("From: <", &format!("From: \"{event}\" <"))
        .replace("sip:nobody-here@", "sip:100@");
    forger.ask(&request);
    // Nobody to be suspected.
    assert_eq!(at(28).register("1001", "right"), 200);
    let mut curious = at(29);
    let request = curious.request("REGISTER", "1001", "");
    assert_eq!(status(&curious.ask(&request)), 401);
}

fn fail2ban_finds_who_did_it(format: &str) {
    let engine = engine(format);
    attack(&engine);
    let log = engine.scratch.path().join("engine.log");
    let text = await_text(&log, "198.51.100.8");
    let wanted = |hosts: &[u8]| -> BTreeMap<String, usize> {
        hosts
            .iter()
            .map(|host| (format!("127.0.0.{host}"), 1))
            .collect()
    };
    assert_eq!(found(&log, "normal"), wanted(&[21, 22, 23, 24]), "{text}");
    assert_eq!(
        found(&log, "aggressive"),
        wanted(&[21, 22, 23, 24, 25, 26]),
        "{text}"
    );
    assert_eq!(engine.stop(Duration::from_secs(30)), Some(0));
}

#[test]
fn fail2ban_finds_each_attacker_and_nobody_else_in_text() {
    fail2ban_finds_who_did_it("text");
}

#[test]
fn fail2ban_finds_each_attacker_and_nobody_else_in_json() {
    fail2ban_finds_who_did_it("json");
}

#[test]
fn a_source_that_goes_on_is_seen_and_does_not_fill_the_log() {
    let engine = engine("text");
    let mut noisy = Phone::at("127.0.0.31", engine.address);
    let mut other = Phone::at("127.0.0.32", engine.address);
    let attempts = 200;
    for _ in 0..attempts {
        assert_eq!(noisy.register("1001", "wrong"), 403);
    }
    assert_eq!(other.register("1001", "wrong"), 403);
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(other.register("1001", "wrong"), 403);
    let log = engine.scratch.path().join("engine.log");
    let text = await_that(&log, |text| text.matches("/127.0.0.32/").count() == 2);
    let found = found(&log, "normal");
    let unprinted: usize = text
        .lines()
        .filter(|line| line.contains("source=127.0.0.31"))
        .filter_map(|line| {
            let (head, _) = line.split_once(" more of this source")?;
            head.rsplit(' ').next()?.parse::<usize>().ok()
        })
        .sum();
    assert_eq!(found["127.0.0.31"] + unprinted, attempts, "{text}");
    assert!(unprinted > 0, "as many came as in a second: {text}");
    assert_eq!(found["127.0.0.32"], 2, "a source has a share of its own");
}
