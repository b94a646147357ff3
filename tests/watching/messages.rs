//! `sip set debug`, `sip trace`, `core set` and `logger`, by the console's own
//! commands: shards in this process, a telephone on loopback, the log in a file.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pinion::config;
use pinion::control::command;
use pinion::control::house::House;
use pinion::control::out::{Form, Out};
use pinion::control::watching::Watching;
use pinion::logs::{Format, Logs, Settings};
use pinion_runtime::{Clock, Desks, Engine, Options, allowed_cpus, bind};
use pinion_sip::base::Limits;
use pinion_sip::shard::{Setup, Shard};

use crate::address::free_address;
use crate::engine::Scratch;
use crate::phone::{Phone, status};
use crate::{await_text, said_by};

/// An engine in this process, and what its operator reaches.
struct Stage {
    house: House,
    engine: Option<Engine>,
    address: SocketAddr,
    log: PathBuf,
}

impl Stage {
    fn set(log: PathBuf, logs: Logs) -> Stage {
        let (groups, _) = bind(&[free_address()], 1, 1 << 18, 1 << 18).expect("a free port");
        let address = groups[0].local();
        let options = Options {
            cpus: vec![allowed_cpus().expect("CPUs")[0]],
            batch: 8,
            coalesce: Duration::ZERO,
            precise: false,
            mesh_depth: 16,
            watch: logs.watch().clone(),
            sample: 0,
            clock: Clock::start(),
            desks: Desks::default(),
        };
        let config = Arc::new(config::builtin([7; 32]).0.config);
        let (of_shards, unix_start) = (Arc::clone(&config), options.clock.unix_start());
        let factory = move |shard, incarnation| {
            Shard::new(Setup {
                shard,
                shards: 1,
                incarnation,
                limits: Limits::default(),
                config: Arc::clone(&of_shards),
                sockets: vec![address],
                kept: Vec::new(),
                entries: Vec::new(),
                seed: [9; 32],
                nonce_secret: [11; 32],
                unix_start,
            })
        };
        let engine = Engine::start(&options, groups, factory, |event| panic!("{event:?}"))
            .expect("a shard starts");
        let house = House::new(
            engine.shards().clone(),
            config,
            vec![address],
            Watching::new(logs),
            |_| {},
        );
        Stage {
            house,
            engine: Some(engine),
            address,
            log,
        }
    }

    /// Carries out a command; it succeeds or fails as told.
    fn order(&self, line: &str, succeeds: bool) -> String {
        let mut said = Vec::new();
        let out = Out::new(Form::Text, &mut said);
        let done = command::run(&self.house, line, out).expect("a Vec takes it");
        let said = String::from_utf8(said).expect("UTF-8");
        assert_eq!(done, succeeds, "{line}: {said}");
        said.trim_end().to_owned()
    }

    /// Has a new telephone at `ip` ask for the options of the engine.
    fn options_from(&self, ip: &str, user: &str) -> String {
        let mut phone = Phone::at(ip, self.address);
        let request = phone.request("OPTIONS", user, "");
        assert_eq!(status(&phone.ask(&request)), 404);
        phone.address().to_string()
    }

    /// What has been logged once `last` has.
    fn logged(&self, last: &str) -> String {
        await_text(&self.log, last)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.shards().stop();
            engine.join();
        }
    }
}

/// All in one: the log of a process is one.
#[test]
fn an_operator_sees_what_is_asked_for_and_nothing_else() {
    let scratch = Scratch::new("messages");
    let log = scratch.path().join("pinion.log");
    let settings = Settings {
        levels: "warn".parse().expect("a level"),
        format: Format::Text,
        file: Some(log.clone()),
    };
    let (logs, _guard) = Logs::start(&settings).expect("the log opens");
    // Other tests of this process fail where they are looked for.
    drop(std::panic::take_hook());
    let stage = Stage::set(log, logs);
    shown_by_address(&stage);
    shown_by_what_they_say(&stage);
    traced(&stage, scratch.path());
    levels(&stage);
}

fn shown_by_address(stage: &Stage) {
    let enabled = stage.order("sip set debug ip 127.0.0.61", true);
    assert_eq!(enabled, "SIP Debugging Enabled for IP: 127.0.0.61");
    stage.options_from("127.0.0.62", "other");
    let at = stage.options_from("127.0.0.61", "wanted");
    let text = stage.logged(&format!("Transmitting (no NAT) to {at} --->"));
    let (_, shown) = text
        .split_once(&format!("<--- SIP read from UDP:{at} --->\n| OPTIONS "))
        .expect("the request");
    assert!(
        shown.contains("\n| <------------->\n| --- (9 headers 0 lines) ---\n"),
        "{text}"
    );
    assert!(shown.contains("\n| SIP/2.0 404 Not Found\n"), "{text}");
    assert!(!text.contains("127.0.0.62"), "{text}");
    for line in text.lines().filter(|line| line.contains("SIP/2.0")) {
        assert!(
            line.starts_with("| "),
            "it begins a line of the log: {line}"
        );
    }
}

fn shown_by_what_they_say(stage: &Stage) {
    assert_eq!(
        stage.order("sip set debug off", true),
        "SIP Debugging Disabled"
    );
    let told = stage.order("sip set debug peer 1001", true);
    assert_eq!(told, "SIP Debugging Enabled for peer: 1001");
    let told = stage.order("sip set debug number 4711", true);
    assert_eq!(told, "SIP Debugging Enabled for number: 4711");
    stage.options_from("127.0.0.63", "neither");
    let by_peer = stage.options_from("127.0.0.64", "1001");
    let by_number = stage.options_from("127.0.0.65", "4711");
    let text = stage.logged(&format!("to {by_number} --->"));
    assert!(text.contains(&by_peer), "both are shown: {text}");
    assert!(!text.contains("127.0.0.63"), "{text}");
    stage.order("sip set debug off", true);
    let told = stage.order("sip set debug method register", true);
    assert_eq!(told, "SIP Debugging Enabled for method: REGISTER");
    stage.options_from("127.0.0.66", "1001");
    stage.order("sip set debug off", true);
    assert_eq!(
        stage.order("sip set debug on", true),
        "SIP Debugging enabled"
    );
    assert_eq!(
        stage.order("sip set debug on", true),
        "SIP Debugging re-enabled"
    );
    let at = stage.options_from("127.0.0.67", "anybody");
    let text = stage.logged(&format!("to {at} --->"));
    assert!(!text.contains("127.0.0.66"), "{text}");
    stage.order("sip set debug off", true);
    let refused = stage.order("sip set debug ip nowhere", false);
    assert_eq!(refused, "'nowhere' is no address");
    let refused = stage.order("sip set debug peer stranger", false);
    assert_eq!(refused, "No such peer 'stranger'");
    assert!(
        stage
            .order("sip set debug", false)
            .starts_with("Usage: sip set debug")
    );
}

fn traced(stage: &Stage, dir: &Path) {
    let file = dir.join("one.pcapng");
    let path = file.to_str().expect("UTF-8");
    let told = stage.order(&format!("sip trace number 4711 > {path}"), true);
    assert_eq!(
        told,
        format!("Messages for number: 4711 are written to {path}")
    );
    stage.order(&format!("sip trace on > {path}.2"), false);
    stage.options_from("127.0.0.68", "4711");
    stage.options_from("127.0.0.68", "4712");
    let told = stage.order("sip trace off", true);
    assert_eq!(told, format!("{path}: 2 messages, 0 dropped, ended"));
    assert_eq!(stage.order("sip trace show", true), "Nothing is written");
    let port = format!("udp.port=={},sip", stage.address.port());
    let methods = said_by(
        "tshark",
        &[
            "-r",
            path,
            "-d",
            &port,
            "-T",
            "fields",
            "-e",
            "sip.CSeq.method",
            "-e",
            "sip.from.user",
        ],
    );
    assert_eq!(methods, "OPTIONS\t4711\nOPTIONS\t4711\n");
    let told = stage.order(&format!("sip trace on > {path}"), false);
    assert!(told.contains("exists"), "{told}");
    let told = stage.order("sip trace on > relative.pcapng", false);
    assert!(told.contains("whole path"), "{told}");
}

fn levels(stage: &Stage) {
    assert_eq!(
        stage.order("core set verbose 3", true),
        "Console verbose was OFF and is now 3."
    );
    assert_eq!(
        stage.order("core set debug 1 realtime", true),
        "Core debug was OFF and is now 1."
    );
    let shown = stage.order("logger show channels", true);
    assert!(
        shown.contains("warn,dialplan=debug,realtime=debug"),
        "{shown}"
    );
    assert!(
        stage
            .order("core set debug 1 nothing", false)
            .contains("no module 'nothing'")
    );
    stage.order("core set verbose off", true);
    stage.order("core set debug 0", true);
    let told = stage.order("logger set level error,sip=info", true);
    assert_eq!(told, "The log's level is error,sip=info");
    stage.order("logger set level info", true);
    let moved = stage.log.with_extension("1");
    fs::rename(&stage.log, &moved).expect("one directory");
    stage.order("logger rotate", true);
    stage.logged("the log goes on");
}
