//! One softphone: baresip in a network namespace of its own, commanded and
//! watched through its `ctrl_tcp` module (JSON in netstrings).

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use pinion_runtime::uninterrupted;
use serde_json::{Value, json};

use crate::engine::Scratch;
use crate::network;

const CONTROL_PORT: u16 = 4444;
const START_LIMIT: Duration = Duration::from_secs(10);

/// A softphone; dropping it kills the process, and its namespace goes with it.
pub struct Baresip {
    name: &'static str,
    child: Child,
    control: TcpStream,
    received: Vec<u8>,
    /// Its files; kept when the test fails.
    scratch: Scratch,
}

impl Baresip {
    /// Starts a phone at the far end of `link` and gives it the account of
    /// `user`, which it registers with `engine`. Its commands are open before
    /// it has an account, so that no event of its registration is missed.
    pub fn start(
        name: &'static str,
        link: &network::Link,
        engine: SocketAddr,
        user: &str,
        password: &str,
    ) -> Baresip {
        let scratch = Scratch::new(name);
        scratch.write("config", &configuration());
        scratch.write("accounts", "");
        scratch.write("contacts", "");
        let output = fs::File::create(scratch.path().join("output")).expect("a file");
        let mut child = link.command("baresip");
        child.arg("-f").arg(scratch.path()).arg("-v");
        let mut child = child
            .stdin(Stdio::piped())
            .stdout(output.try_clone().expect("a second handle"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start baresip: {error}"));
        link.plug_in(&mut child);
        let control = connect(link.far(), &scratch);
        let mut phone = Baresip {
            name,
            child,
            control,
            received: Vec::new(),
            scratch,
        };
        let account = format!(
            "<sip:{user}@{engine}>;auth_user={user};auth_pass={password};regint=60;\
             audio_codecs=PCMU;answermode=manual"
        );
        phone.command("uanew", &account);
        phone
    }

    /// Dials `uri`.
    pub fn dial(&mut self, uri: &str) {
        self.command("dial", uri);
    }

    /// Accepts the call that rings.
    pub fn accept(&mut self) {
        self.command("accept", "");
    }

    /// Ends the call: gives it up, refuses it, or hangs up.
    pub fn hang_up(&mut self) {
        self.command("hangup", "");
    }

    /// Waits for the event `kind` and returns its parameter; other events
    /// before it are passed over.
    #[track_caller]
    pub fn expect(&mut self, kind: &str, limit: Duration) -> String {
        let deadline = Instant::now() + limit;
        let mut seen = Vec::new();
        while let Some(event) = self.next(deadline) {
            let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
            if text("type") == kind {
                return text("param");
            }
            seen.push(format!("{} {}", text("type"), text("param")));
        }
        panic!(
            "no {kind} at {} within {limit:?}, only {seen:?}\n{}",
            self.name,
            self.output()
        );
    }

    fn output(&self) -> String {
        fs::read_to_string(self.scratch.path().join("output")).unwrap_or_default()
    }

    fn command(&mut self, command: &str, params: &str) {
        let text = json!({ "command": command, "params": params }).to_string();
        let framed = format!("{}:{text},", text.len());
        self.control
            .write_all(framed.as_bytes())
            .expect("baresip listens to commands");
    }

    /// The next event before `deadline`.
    fn next(&mut self, deadline: Instant) -> Option<Value> {
        loop {
            if let Some(value) = self.take_netstring() {
                if value["event"] == true {
                    return Some(value);
                }
                continue;
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            let wait = left.max(Duration::from_millis(1));
            self.control
                .set_read_timeout(Some(wait))
                .expect("a positive time");
            let mut chunk = [0; 4096];
            match uninterrupted(|| self.control.read(&mut chunk)) {
                Ok(0) => panic!("{} has ended:\n{}", self.name, self.output()),
                Ok(count) => self.received.extend_from_slice(&chunk[..count]),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => panic!("{}: {error}\n{}", self.name, self.output()),
            }
        }
    }

    /// Takes one `length:json,` off what was received.
    fn take_netstring(&mut self) -> Option<Value> {
        let colon = self.received.iter().position(|&byte| byte == b':')?;
        let length: usize = std::str::from_utf8(&self.received[..colon])
            .ok()
            .and_then(|digits| digits.parse().ok())
            .expect("a netstring begins with its length");
        let end = colon + 1 + length;
        if self.received.len() <= end {
            return None;
        }
        let value = serde_json::from_slice(&self.received[colon + 1..end]).expect("JSON");
        self.received.drain(..=end);
        Some(value)
    }
}

impl Drop for Baresip {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Sound comes from and goes to nowhere: no device is needed.
fn configuration() -> String {
    let modules = ["g711", "aubridge", "ctrl_tcp"].map(|name| format!("module {name}.so\n"));
    format!(
        "sip_listen 0.0.0.0:5060\n\
         module_path /usr/lib/baresip/modules\n\
         {}\
         module_app menu.so\n\
         audio_source aubridge,nowhere\n\
         audio_player aubridge,nowhere\n\
         ring_aufile none\n\
         ctrl_tcp_listen 0.0.0.0:{CONTROL_PORT}\n\
         rtp_ports 10000-10100\n",
        modules.concat(),
    )
}

fn connect(address: Ipv4Addr, scratch: &Scratch) -> TcpStream {
    let address = SocketAddr::from((address, CONTROL_PORT));
    let deadline = Instant::now() + START_LIMIT;
    loop {
        match TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
            Ok(stream) => return stream,
            Err(error) => assert!(
                Instant::now() < deadline,
                "baresip's control port: {error}\n{}",
                fs::read_to_string(scratch.path().join("output")).unwrap_or_default()
            ),
        }
        thread::sleep(Duration::from_millis(50));
    }
}
