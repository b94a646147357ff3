//! The servers compared: their configurations, their start and their end.

use std::fmt::Write as _;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::running::Running;
use crate::users;

/// How long a server may take until it answers.
const START: Duration = Duration::from_secs(60);

/// Which server, and how.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// The engine on these CPUs, one shard for each that is named; several are
    /// steered by eBPF, and do not start where the host refuses that.
    Pinion { cpus: &'static str, shards: u16 },
    /// Kamailio with one UDP worker on CPU 0.
    Kamailio,
}

/// The engine on the servers' CPU, one shard.
pub const PINION: Kind = Kind::Pinion {
    cpus: "0",
    shards: 1,
};

/// A running server.
pub struct Server {
    pub running: Running,
    pub address: SocketAddr,
    directory: TempDir,
}

impl Server {
    /// Starts one; with `digest` its users have passwords.
    pub fn start(kind: Kind, digest: bool, programs: &Path) -> Result<Server> {
        let directory = tempfile::tempdir()?;
        let address = free_address()?;
        let log = directory.path().join("log");
        let running = match kind {
            Kind::Pinion { cpus, shards } => {
                write_pinion(directory.path(), digest)?;
                let mut arguments = vec![
                    "--config".into(),
                    directory.path().display().to_string(),
                    "--listen".into(),
                    address.to_string(),
                    "--shards".into(),
                    shards.to_string(),
                    "--cpus".into(),
                    cpus.into(),
                    "--drain-limit".into(),
                    "0".into(),
                    // At tens of thousands of calls a second millions linger;
                    // the usual bound answers 503 from 6,000/s on.
                    "--max-transactions".into(),
                    "16000000".into(),
                ];
                let program = programs.join("pinion");
                if shards > 1 {
                    arguments.extend(["--steer".into(), "ebpf".into()]);
                }
                Running::start(cpus, &program, arguments, directory.path(), &log)
            }
            Kind::Kamailio => {
                let mut arguments: Vec<String> = kamailio_arguments(directory.path(), address)?;
                if digest {
                    arguments.extend(["-A".into(), "DIGEST".into()]);
                }
                let program = PathBuf::from("kamailio");
                Running::start("0", &program, arguments, directory.path(), &log)
            }
        }?;
        let server = Server {
            running,
            address,
            directory,
        };
        server.wait_until_it_answers()?;
        Ok(server)
    }

    /// Ends it; returns everything it said.
    pub fn stop(mut self) -> String {
        self.running.end();
        self.said()
    }

    fn said(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    fn wait_until_it_answers(&self) -> Result<()> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let (own, server) = (socket.local_addr()?, self.address);
        let user = users::FIRST;
        let deadline = Instant::now() + START;
        for number in 0.. {
            let request = format!(
                "OPTIONS sip:{server} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKready{number}\r\n\
                 Max-Forwards: 70\r\nFrom: <sip:{user}@{server}>;tag=ready\r\nTo: <sip:{server}>\r\n\
                 Call-ID: ready{number}@{own}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
            );
            // A server that does not listen yet is asked again.
            let _ = socket.send_to(request.as_bytes(), server);
            if socket.recv(&mut [0; 2048]).is_ok() {
                return Ok(());
            }
            if !self.running.is_alive() || Instant::now() > deadline {
                bail!("the server does not answer; it said:\n{}", self.said());
            }
        }
        Ok(())
    }
}

/// A loopback address nobody has.
pub fn free_address() -> Result<SocketAddr> {
    let socket = UdpSocket::bind("127.0.0.1:0").context("no free port")?;
    Ok(socket.local_addr()?)
}

fn write_pinion(directory: &Path, digest: bool) -> Result<()> {
    let mut sip = format!("[general]\nrealm={}\n", users::REALM);
    for user in users::all() {
        let _ = writeln!(sip, "[{user}]\ntype=friend\nhost=dynamic\ncontext=default");
        if digest {
            let _ = writeln!(sip, "secret={}", users::PASSWORD);
        }
    }
    fs::write(directory.join("sip.conf"), sip)?;
    let plan = "[default]\nexten => _X.,1,Dial(SIP/${EXTEN},30)\n same => n,Hangup()\n";
    fs::write(directory.join("extensions.conf"), plan)?;
    Ok(())
}

fn kamailio_arguments(directory: &Path, address: SocketAddr) -> Result<Vec<String>> {
    let configuration = directory.join("kamailio.cfg");
    fs::write(&configuration, include_str!("kamailio.cfg"))?;
    let directory = directory.display();
    let text = format!(
        "-f {} -l udp:{address} -m 2048 -M 16 -x fm -X fm -b 4194304 -DD -E -Y {directory} -P {directory}/pid",
        configuration.display()
    );
    Ok(text.split(' ').map(String::from).collect())
}
