//! The network of the softphones: softphones refuse the loopback interface,
//! so this process moves into namespaces of its own, with one veth pair to
//! each phone's. Everything in them ends with the process, whatever its end.

use std::io::Write;
use std::net::Ipv4Addr;
use std::process::{Child, Command, ExitStatus};
use std::{env, io};

const INSIDE: &str = "PINION_CLIENTS_INSIDE";

/// Whether this process is in its namespaces already.
pub fn is_inside() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Runs this program again, in network and process namespaces of its own; as
/// an ordinary user with the help of a user namespace.
pub fn run_inside() -> io::Result<ExitStatus> {
    let program = env::current_exe()?;
    let unshare = |more: &[&str]| {
        let mut command = Command::new("unshare");
        command
            .args(["--net", "--pid", "--mount-proc", "--fork", "--kill-child"])
            .args(more);
        command
    };
    let as_user = ["--user", "--map-root-user"];
    let probe = unshare(&[]).arg("true").output();
    let more: &[&str] = if probe.is_ok_and(|probe| probe.status.success()) {
        &[]
    } else {
        &as_user
    };
    unshare(more)
        .arg(program)
        .args(env::args_os().skip(1))
        .env(INSIDE, "1")
        .status()
}

/// Brings up what a fresh network namespace has down.
pub fn prepare() {
    ip(&["link", "set", "lo", "up"]);
}

/// A veth pair: the near end here, the far end in a phone's namespace.
pub struct Link {
    index: u8,
}

impl Link {
    /// The pair number `index`, 10.77.`index`.0/24.
    pub fn new(index: u8) -> Link {
        let link = Link { index };
        let (near, far) = (link.interface("near"), link.interface("far"));
        ip(&["link", "add", &near, "type", "veth", "peer", "name", &far]);
        ip(&[
            "address",
            "add",
            &format!("{}/24", link.near()),
            "dev",
            &near,
        ]);
        ip(&["link", "set", &near, "up"]);
        link
    }

    /// The address of this end.
    pub fn near(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, self.index, 1)
    }

    /// The address of the phone's end.
    pub fn far(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, self.index, 2)
    }

    /// `program`, to be started in a namespace of its own; it begins once
    /// `plug_in` has given it the far end. Its standard input must be piped.
    pub fn command(&self, program: &str) -> Command {
        const SCRIPT: &str = "read -r plugged && ip link set lo up \
            && ip address add \"$1/24\" dev \"$2\" && ip link set \"$2\" up \
            && ip route add default via \"$3\" && shift 3 && exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", SCRIPT, "sh"]);
        command.args([
            self.far().to_string(),
            self.interface("far"),
            self.near().to_string(),
        ]);
        command.arg(program);
        command
    }

    /// Moves the far end into the namespace of `child`, which goes on then.
    pub fn plug_in(&self, child: &mut Child) {
        let pid = child.id();
        await_own_network(pid);
        ip(&[
            "link",
            "set",
            &self.interface("far"),
            "netns",
            &pid.to_string(),
        ]);
        let mut stdin = child.stdin.take().expect("a piped standard input");
        stdin
            .write_all(b"plugged\n")
            .expect("the child waits for it");
    }

    fn interface(&self, end: &str) -> String {
        format!("phone{}-{end}", self.index)
    }
}

/// A second link of the same number needs the first one gone.
impl Drop for Link {
    fn drop(&mut self) {
        let near = self.interface("near");
        drop(Command::new("ip").args(["link", "delete", &near]).output());
    }
}

/// Returns once process `pid` has left our network namespace.
fn await_own_network(pid: u32) {
    let of = |who: &str| std::fs::read_link(format!("/proc/{who}/ns/net")).ok();
    let (ours, pid) = (of("self"), pid.to_string());
    for _ in 0..500 {
        if of(&pid).is_some_and(|theirs| Some(theirs) != ours) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("process {pid} has not entered a network namespace of its own");
}

fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run ip (iproute2): {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "ip {}: {said}",
        arguments.join(" ")
    );
}
