//! Commands to shards that run, and what a telephone on the loopback interface
//! hears meanwhile; and how modules stand to each other.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pinion_runtime::{Desks, Engine, uninterrupted};
use tempfile::TempDir;

use super::*;
use crate::control::command;
use crate::control::house::{House, Materials};
use crate::control::out::{Form, Out};
use crate::rig;

const SIP: &str =
    "[general]\nudpbindaddr=127.0.0.1\nallowguest=yes\n[1001]\ntype=friend\nhost=dynamic\n";

const PLAN: &str =
    "[default]\nexten => 1,1,Wait(20)\nexten => 2,1,ExecIf(1?Busy())\nexten => 3,1,Busy()\n";

/// How long something may take that takes a moment.
const SOON: Duration = Duration::from_secs(5);

/// An engine of some files, and a telephone.
struct Rig {
    dir: TempDir,
    house: Arc<House>,
    engine: Option<Engine>,
    address: SocketAddr,
    phone: UdpSocket,
    calls: u32,
}

impl Rig {
    fn new() -> Rig {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("sip.conf", SIP);
        write("extensions.conf", PLAN);
        let (live, reloader) = rig::reloader(dir.path(), "");
        let config = live.config();
        let (engine, address) = rig::shards(2, Desks::default(), move || live.config());
        let house = House::new(Materials {
            reloader: Some(reloader),
            ..rig::materials(&engine, address, config)
        });
        let house = Arc::new(house);
        attend(&house).unwrap();
        let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
        phone.set_read_timeout(Some(SOON)).unwrap();
        Rig {
            dir,
            house,
            engine: Some(engine),
            address,
            phone,
            calls: 0,
        }
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }

    /// Whether a command did what it was asked, and what it said.
    fn ask(&self, line: &str) -> (bool, String) {
        let mut text = Vec::new();
        let done = command::run(&self.house, line, Out::new(Form::Text, &mut text)).unwrap();
        (done, String::from_utf8(text).unwrap())
    }

    fn done(&self, line: &str) -> String {
        let (done, said) = self.ask(line);
        assert!(done, "{line}: {said}");
        said
    }

    fn refused(&self, line: &str) -> String {
        let (done, said) = self.ask(line);
        assert!(!done, "{line}: {said}");
        said
    }

    /// The status of a module, as `module show` tells it.
    fn status(&self, name: &str) -> String {
        let said = self.done(&format!("module show like {name}"));
        let row = said.lines().nth(1).unwrap();
        row[82..94].trim().into()
    }

    fn await_status(&self, name: &str, status: &str) {
        let until = Instant::now() + SOON;
        while self.status(name) != status {
            assert!(Instant::now() < until, "{name} is {}", self.status(name));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends an INVITE to an extension, of a call of its own.
    fn invite(&mut self, exten: &str) -> u32 {
        self.calls += 1;
        self.send("INVITE", exten, self.calls);
        self.calls
    }

    fn send(&self, method: &str, exten: &str, call: u32) {
        let (at, from) = (self.address, self.phone.local_addr().unwrap());
        let request = format!(
            "{method} sip:{exten}@{at} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{call}\r\n\
             From: <sip:guest@{from}>;tag=a{call}\r\nTo: <sip:{exten}@{at}>\r\nCall-ID: call-{call}\r\n\
             CSeq: 1 {method}\r\nContact: <sip:guest@{from}>\r\nMax-Forwards: 70\r\n\
             Content-Length: 0\r\n\r\n"
        );
        self.phone.send_to(request.as_bytes(), at).unwrap();
    }

    /// The final response to a request of that method.
    fn hear(&self, method: &str, call: u32) -> Option<u16> {
        let mut buffer = [0; 4096];
        loop {
            let length = uninterrupted(|| self.phone.recv(&mut buffer)).ok()?;
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let its = text.contains(&format!("call-{call}\r\n"))
                && text.contains(&format!("CSeq: 1 {method}\r\n"));
            let code: u16 = text
                .get(8..11)
                .and_then(|code| code.parse().ok())
                .unwrap_or(0);
            if its && code >= 200 {
                if method == "INVITE" {
                    self.send("ACK", "x", call);
                }
                return Some(code);
            }
        }
    }

    /// What a call to an extension is answered.
    fn call(&mut self, exten: &str) -> Option<u16> {
        let call = self.invite(exten);
        self.hear("INVITE", call)
    }

    /// Begins a call that waits in its plan.
    fn wait(&mut self) -> u32 {
        let call = self.invite("1");
        let until = Instant::now() + SOON;
        while !self.done("module show like pbx_config").contains(" 1 ") {
            assert!(Instant::now() < until, "the call does not wait");
            std::thread::sleep(Duration::from_millis(20));
        }
        call
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.house.shards.stop();
        if let Some(engine) = self.engine.take() {
            engine.join();
        }
    }
}

#[test]
fn modules_are_shown_in_the_columns_of_asterisk() {
    let rig = Rig::new();
    let said = rig.done("module show like sip");
    let lines: Vec<&str> = said.lines().collect();
    let titles = "Module                         Description                              Use Count  \
                  Status      Support Level";
    assert_eq!(lines[0], titles);
    let row = "chan_sip.so                    Session Initiation Protocol (SIP)        0          \
               Running              core";
    assert_eq!(lines[1], row);
    assert_eq!(lines.last(), Some(&"4 modules loaded"));
}

#[test]
fn a_plan_is_reloaded_and_a_broken_one_is_not() {
    let mut rig = Rig::new();
    assert_eq!(rig.call("3"), Some(486));
    rig.write("extensions.conf", "[default]\nexten => 3,1,Congestion()\n");
    let said = rig.done("reload dry-run");
    assert!(
        said.contains("1 changed, 2 removed") && said.contains("~ 3@default"),
        "{said}"
    );
    assert_eq!(rig.call("3"), Some(486), "nothing was changed");
    let said = rig.done("dialplan reload");
    assert!(said.starts_with("Dialplan reloaded.\n"), "{said}");
    assert_eq!(rig.call("3"), Some(503));
    rig.write("extensions.conf", "[default\nexten => 3,1,Busy()\n");
    let said = rig.refused("module reload");
    assert!(said.contains("extensions.conf:1: "), "{said}");
    assert_eq!(rig.call("3"), Some(503), "all stays as it was");
    assert_eq!(
        rig.refused("module reload nosuch.so"),
        "No such module 'nosuch.so'\n"
    );
}

#[test]
fn a_module_is_not_unloaded_while_another_needs_it() {
    let mut rig = Rig::new();
    let said = rig.refused("module unload chan_sip.so");
    assert_eq!(
        said,
        "Unable to unload resource chan_sip.so: res_sip_registrar.so, res_sip_udp.so, res_sip_tcp.so depend on it; \
         unload that before, or along with it\n"
    );
    assert_eq!(rig.call("3"), Some(486));
    let said =
        rig.done("module unload chan_sip.so res_sip_registrar.so res_sip_udp.so res_sip_tcp.so");
    assert_eq!(
        said,
        "Unloaded chan_sip.so, res_sip_registrar.so, res_sip_udp.so, res_sip_tcp.so\n"
    );
    rig.phone
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    assert_eq!(rig.call("3"), None, "nobody listens");
    let said = rig.refused("module load res_sip_udp.so");
    assert!(
        said.starts_with("Unable to load module res_sip_udp.so: it needs chan_sip.so"),
        "{said}"
    );
    assert_eq!(rig.done("module load chan_sip.so"), "Loaded chan_sip.so\n");
    let said = rig.refused("module load chan_sip.so");
    assert_eq!(
        said,
        "Unable to load module chan_sip.so: it is loaded already\n"
    );
    rig.done("module load res_sip_udp.so");
    rig.phone.set_read_timeout(Some(SOON)).unwrap();
    assert_eq!(rig.call("3"), Some(486));
}

#[test]
fn a_drain_refuses_what_is_new_with_503_and_lets_calls_end() {
    let mut rig = Rig::new();
    let waiting = rig.wait();
    let said = rig.refused("module unload pbx_config");
    assert!(said.contains("in use 1 times"), "{said}");
    rig.done("module unload pbx_config drain 60");
    assert_eq!(rig.status("pbx_config"), "Leaving");
    assert_eq!(rig.call("3"), Some(503));
    rig.send("CANCEL", "1", waiting);
    assert_eq!(rig.hear("INVITE", waiting), Some(487));
    rig.await_status("pbx_config", "Not Running");
    assert_eq!(rig.call("3"), Some(404));
    rig.done("module load pbx_config");
    assert_eq!(rig.call("3"), Some(486));
}

#[test]
fn a_drain_whose_time_is_over_ends_calls() {
    let mut rig = Rig::new();
    let waiting = rig.wait();
    rig.done("module unload res_sip_udp.so drain 1");
    assert_eq!(rig.call("3"), Some(503));
    assert_eq!(rig.hear("INVITE", waiting), Some(503));
    rig.await_status("res_sip_udp", "Not Running");
}

#[test]
fn when_idle_waits_and_is_called_off_by_a_load() {
    let mut rig = Rig::new();
    let waiting = rig.wait();
    rig.done("module unload pbx_config when-idle");
    assert_eq!(rig.status("pbx_config"), "Running");
    assert_eq!(rig.call("3"), Some(486), "it is used as before");
    rig.done("module load pbx_config");
    rig.send("CANCEL", "1", waiting);
    rig.hear("INVITE", waiting);
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(rig.status("pbx_config"), "Running");
    let waiting = rig.wait();
    rig.done("module unload pbx_config when-idle");
    rig.send("CANCEL", "1", waiting);
    rig.hear("INVITE", waiting);
    rig.await_status("pbx_config", "Not Running");
}

#[test]
fn what_was_drained_and_may_wait_takes_what_is_new_again() {
    let mut rig = Rig::new();
    rig.wait();
    rig.done("module unload pbx_config drain 60");
    assert_eq!(rig.call("3"), Some(503));
    rig.done("module unload pbx_config when-idle");
    assert_eq!(rig.status("pbx_config"), "Running");
    assert_eq!(rig.call("3"), Some(486));
}

#[test]
fn nothing_is_loaded_whose_needs_are_about_to_leave() {
    let mut rig = Rig::new();
    let waiting = rig.wait();
    let all = "chan_sip res_sip_registrar res_sip_udp res_sip_tcp";
    rig.done(&format!("module unload {all} when-idle"));
    let said = rig.refused("module load res_sip_udp");
    assert!(said.contains("it needs chan_sip.so"), "{said}");
    for module in all.split(' ') {
        rig.done(&format!("module load {module}"));
    }
    rig.send("CANCEL", "1", waiting);
    rig.hear("INVITE", waiting);
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(rig.status("res_sip_udp"), "Running");
    assert_eq!(rig.call("3"), Some(486), "all stay");
}

#[test]
fn a_module_beside_the_shards_is_loaded_with_its_file() {
    let rig = Rig::new();
    rig.done("module unload cdr_csv");
    rig.write("cdr.conf", "[csv]\nusegmtime=perhaps\n");
    let said = rig.refused("module load cdr_csv");
    assert!(said.contains("cdr.conf:2: "), "{said}");
    assert_eq!(rig.status("cdr_csv"), "Not Running");
    rig.write("cdr.conf", "[csv]\nusegmtime=yes\n");
    rig.done("module load cdr_csv");
    rig.write("cdr.conf", "[csv]\nusegmtime=no\n");
    let said = rig.done("module reload cdr_csv");
    assert!(said.contains("cdr.conf: "), "{said}");
}

#[test]
fn what_a_plan_has_of_an_unloaded_module_is_missing() {
    let mut rig = Rig::new();
    assert_eq!(rig.call("2"), Some(486));
    let said = rig.done("module unload app_exec");
    assert!(
        said.contains("extensions.conf:3: ExecIf(1?Busy()) needs app_exec.so"),
        "{said}"
    );
    assert_eq!(rig.status("app_exec"), "Not Running");
    assert_eq!(rig.call("2"), Some(603));
    assert_eq!(rig.call("3"), Some(486));
    rig.done("module load app_exec");
    assert_eq!(rig.call("2"), Some(486));
}

#[test]
fn a_module_whose_file_is_broken_is_not_loaded() {
    let mut rig = Rig::new();
    rig.done("module unload pbx_config");
    rig.write("extensions.conf", "[default\n");
    let said = rig.refused("module load pbx_config");
    assert!(said.contains("extensions.conf:1: "), "{said}");
    assert_eq!(rig.status("pbx_config"), "Not Running");
    assert_eq!(rig.call("3"), Some(404));
    rig.write("extensions.conf", "[default]\nexten => 3,1,Congestion()\n");
    rig.done("module load pbx_config");
    assert_eq!(rig.call("3"), Some(503), "with its file as it is now");
}

#[test]
fn now_ends_the_calls() {
    let mut rig = Rig::new();
    let waiting = rig.wait();
    rig.done("module unload res_sip_udp.so now");
    assert_eq!(rig.hear("INVITE", waiting), Some(503));
    rig.await_status("res_sip_udp", "Not Running");
}

#[test]
fn a_module_comes_after_those_it_needs_and_sockets_last() {
    let ordered = in_order();
    assert_eq!(ordered.len(), Module::all().count());
    let place = |module| ordered.iter().position(|&other| other == module).unwrap();
    for module in Module::all() {
        for &needed in module.depends_on() {
            assert!(place(needed) < place(module), "{}", module.name());
        }
    }
    assert_eq!(ordered.last(), Some(&Module::Part(Part::Tcp)));
}

#[test]
fn no_two_modules_have_the_same_name() {
    let mut names: Vec<&str> = Module::all().map(Module::name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn a_name_that_is_none_is_told_with_the_nearest() {
    assert_eq!(named("app_dial.so"), Ok(Module::Part(Part::AppDial)));
    assert_eq!(named("cdr_csv"), Ok(Module::Beside(Beside::CdrCsv)));
    assert_eq!(
        named("app_dail.so"),
        Err("No such module 'app_dail.so'. Did you mean 'app_dial'?".into())
    );
    assert_eq!(named("nosuch.so"), Err("No such module 'nosuch.so'".into()));
}
