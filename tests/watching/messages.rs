//! `sip set debug`, `sip trace`, `core set` and `logger`, as an operator types
//! them, while telephones talk to the engine.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::address::free_address;
use crate::engine::{Engine, Scratch};
use crate::phone::{Phone, status};
use crate::{await_text, binary, said_by};

/// An engine, and what its operator reaches.
struct Stage {
    engine: Engine,
    console: PathBuf,
    log: PathBuf,
}

impl Stage {
    fn set() -> Stage {
        let scratch = Scratch::new("messages");
        let [console, log] = ["console", "pinion.log"].map(|name| scratch.path().join(name));
        let file = log.to_str().expect("UTF-8").to_owned();
        let flags = ["--log", "warn", "--log-file", &file];
        Stage {
            engine: Engine::start(scratch, free_address(), &flags),
            console,
            log,
        }
    }

    /// Carries out a command; it succeeds or fails as told.
    fn order(&self, line: &str, succeeds: bool) -> String {
        let output = Command::new(binary())
            .args(["-x", line, "--console"])
            .arg(&self.console)
            .output()
            .expect("it starts");
        let said = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(output.status.success(), succeeds, "{line}: {said}");
        said.trim_end().to_owned()
    }

    /// Has a new telephone at `ip` ask for the options of the engine.
    fn options_from(&self, ip: &str, user: &str) -> String {
        let mut phone = Phone::at(ip, self.engine.address);
        let request = phone.request("OPTIONS", user, "");
        assert_eq!(status(&phone.ask(&request)), 404);
        phone.address().to_string()
    }

    /// What has been logged once `last` has.
    fn logged(&self, last: &str) -> String {
        await_text(&self.log, last)
    }
}

/// All in one: each step builds on what the ones before have left.
#[test]
fn an_operator_sees_what_is_asked_for_and_nothing_else() {
    let stage = Stage::set();
    shown_by_address(&stage);
    shown_by_what_they_say(&stage);
    traced(&stage, stage.engine.scratch.path());
    levels(&stage);
    assert_eq!(stage.engine.stop(Duration::from_secs(30)), Some(0));
}

/// A console on a terminal of its own, and what that shows.
struct Attached(Child, PathBuf);

impl Attached {
    /// `script` is the terminal.
    fn to(stage: &Stage) -> Attached {
        let shows = stage.engine.scratch.path().join("attached");
        let (pinion, console) = (binary(), &stage.console);
        let line = format!("{} -r --console {}", pinion.display(), console.display());
        let child = Command::new("script")
            .args(["--quiet", "--flush", "--command", &line, "/dev/null"])
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(File::create(&shows).expect("a directory of ours"))
            .spawn()
            .expect("it starts");
        Attached(child, shows)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn an_attached_console_shows_messages_as_asterisk_does() {
    let stage = Stage::set();
    let attached = Attached::to(&stage);
    stage.order("sip set debug on", true);
    let wanted = [
        "\n<--- SIP read from UDP:127.0.0.69:",
        " --->\nOPTIONS sip:",
        "\n<------------->\n--- (9 headers 0 lines) ---\n",
        "\n<--- Transmitting (no NAT) to 127.0.0.69:",
        "\nSIP/2.0 404 Not Found\n",
        "\n\n\n<------------>\n",
    ];
    let shown = || {
        let shown = fs::read_to_string(&attached.1).unwrap_or_default();
        shown.replace("\r\n", "\n")
    };
    // It may take the console a moment to listen.
    let seen = (0..100).any(|_| {
        stage.options_from("127.0.0.69", "1001");
        std::thread::sleep(Duration::from_millis(100));
        let shown = shown();
        wanted.iter().all(|wanted| shown.contains(wanted))
    });
    assert!(seen, "it shows:\n{:?}", shown());
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
    let port = format!("udp.port=={},sip", stage.engine.address.port());
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
