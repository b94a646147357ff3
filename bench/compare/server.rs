//! The servers compared: their configurations, their start and their end.

use std::fmt::Write as _;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use pinion_runtime::uninterrupted;
use tempfile::TempDir;

use crate::database::Database;
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
    /// The engine, one shard, or Kamailio, with their users in a database. They
    /// have both CPUs, as the database does, for what is not a shard.
    pub fn start_on(kind: Kind, database: &Database, programs: &Path) -> Result<Server> {
        let directory = tempfile::tempdir()?;
        let address = free_address()?;
        let (program, arguments) = match kind {
            Kind::Pinion { .. } => {
                write_pinion(directory.path(), None, false)?;
                for (name, text) in database.engine_files() {
                    fs::write(directory.path().join(name), text)?;
                }
                let arguments = pinion_arguments(directory.path(), address, "0", 1);
                (programs.join("pinion"), arguments)
            }
            Kind::Kamailio => {
                let mut arguments = kamailio_arguments(directory.path(), address)?;
                let url = format!("DATABASE=\"{}\"", database.kamailio_url());
                arguments.extend(
                    ["DIGEST".into(), url]
                        .into_iter()
                        .flat_map(|define: String| ["-A".into(), define]),
                );
                (PathBuf::from("kamailio"), arguments)
            }
        };
        Server::launch(directory, address, "0,1", &program, arguments)
    }

    /// Starts one; with `digest` its users have passwords.
    pub fn start(kind: Kind, digest: bool, programs: &Path) -> Result<Server> {
        let directory = tempfile::tempdir()?;
        let address = free_address()?;
        let (cpus, program, arguments) = match kind {
            Kind::Pinion { cpus, shards } => {
                write_pinion(directory.path(), Some(users::all()), digest)?;
                let mut arguments = pinion_arguments(directory.path(), address, cpus, shards);
                if shards > 1 {
                    arguments.extend(["--steer".into(), "ebpf".into()]);
                }
                (cpus, programs.join("pinion"), arguments)
            }
            Kind::Kamailio => {
                let mut arguments = kamailio_arguments(directory.path(), address)?;
                if digest {
                    arguments.extend(["-A".into(), "DIGEST".into()]);
                }
                ("0", PathBuf::from("kamailio"), arguments)
            }
        };
        Server::launch(directory, address, cpus, &program, arguments)
    }

    fn launch(
        directory: TempDir,
        address: SocketAddr,
        cpus: &str,
        program: &Path,
        arguments: Vec<String>,
    ) -> Result<Server> {
        let path = directory.path();
        let running = Running::start(cpus, program, arguments, path, &path.join("log"))?;
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
            if uninterrupted(|| socket.recv(&mut [0; 2048])).is_ok() {
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

fn pinion_arguments(directory: &Path, address: SocketAddr, cpus: &str, shards: u16) -> Vec<String> {
    let directory = directory.display();
    // At tens of thousands of calls a second millions linger; the usual bound
    // answers 503 from 6,000/s on.
    let text = format!(
        "--config {directory} --listen {address} --listen-tcp {address} --shards {shards} --cpus {cpus} \
         --drain-limit 0 --max-transactions 16000000"
    );
    text.split_whitespace().map(String::from).collect()
}

/// The engine's files; `users` are those it knows itself.
fn write_pinion(directory: &Path, users: Option<Range<u32>>, digest: bool) -> Result<()> {
    let mut sip = format!(
        "[general]\nrealm={}\nrtcachefriends=yes\ntransport=udp,tcp\n",
        users::REALM
    );
    for user in users.into_iter().flatten() {
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
