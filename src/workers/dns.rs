//! DNS records, asked of a name server: by UDP, and by TCP what that has no room
//! for (RFC 1035 §4.2). Nothing is remembered: that is the server's business.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use pinion_runtime::uninterrupted;
use pinion_sip::dialplan::{Records, Row};
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};

/// Where the host names its servers.
const HOST: &str = "/etc/resolv.conf";

/// Every server is asked so often.
const TRIES: u32 = 2;

/// The longest answer by UDP.
const LONGEST: usize = 4096;

pub(super) struct Resolver {
    servers: Vec<SocketAddr>,
    timeout: Duration,
}

impl Resolver {
    /// Asks these servers, or those of the host, and takes no longer than
    /// `timeout` for all of it.
    pub fn new(servers: &[SocketAddr], timeout: Duration) -> Resolver {
        let servers = match servers {
            [] => host_servers(&std::fs::read_to_string(HOST).unwrap_or_default()),
            servers => servers.to_vec(),
        };
        Resolver { servers, timeout }
    }

    /// The records of a name, none if there is no such name; `None` where no
    /// server answers.
    pub fn lookup(&self, name: &str, records: Records) -> Option<Vec<Row>> {
        let until = Instant::now() + self.timeout;
        let tries = TRIES * self.servers.len() as u32;
        let patience = self.timeout.checked_div(tries)?;
        for _ in 0..TRIES {
            for server in &self.servers {
                let until = until.min(Instant::now() + patience);
                match ask(*server, name, records, until) {
                    Ok(rows) => return Some(rows),
                    Err(error) => tracing::debug!("name server {server}: {error}"),
                }
            }
        }
        None
    }
}

/// The servers a file of the host names.
fn host_servers(text: &str) -> Vec<SocketAddr> {
    let mut servers: Vec<SocketAddr> = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if words.next() == Some("nameserver")
            && let Some(Ok(address)) = words.next().map(str::parse::<IpAddr>)
        {
            servers.push(SocketAddr::new(address, 53));
        }
    }
    servers
}

/// Asks one server; no part of it goes on later than `until`.
fn ask(server: SocketAddr, name: &str, records: Records, until: Instant) -> io::Result<Vec<Row>> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut id = [0; 2];
    getrandom::fill(&mut id).map_err(|_| wrong("no random bytes"))?;
    let id = u16::from_be_bytes(id);
    let kind = match records {
        Records::Srv => TYPE::SRV,
        Records::Naptr => TYPE::NAPTR,
    };
    let name = Name::new(name).map_err(|_| wrong("that is no name"))?;
    let question = Question::new(name, QTYPE::TYPE(kind), QCLASS::CLASS(CLASS::IN), false);
    let mut query = Packet::new_query(id);
    query.set_flags(PacketFlag::RECURSION_DESIRED);
    query.questions.push(question);
    let query = query
        .build_bytes_vec()
        .map_err(|_| wrong("that is no question"))?;
    let mut bytes = by_udp(server, &query, id, until)?;
    if Packet::parse(&bytes).is_ok_and(|packet| packet.has_flags(PacketFlag::TRUNCATION)) {
        bytes = by_tcp(server, &query, until)?;
    }
    let packet = Packet::parse(&bytes).map_err(|_| wrong("its answer is not understood"))?;
    match packet.rcode() {
        _ if packet.id() != id => Err(wrong("its answer is to another question")),
        RCODE::NoError => Ok(packet
            .answers
            .iter()
            .filter_map(|one| row(&one.rdata))
            .collect()),
        RCODE::NameError => Ok(Vec::new()),
        code => Err(wrong(&format!("it says {code:?}"))),
    }
}

/// The answer to a query; others that come meanwhile are none.
fn by_udp(server: SocketAddr, query: &[u8], id: u16, until: Instant) -> io::Result<Vec<u8>> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => ([0; 4], 0).into(),
        SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(server)?;
    socket.send(query)?;
    let mut buffer = vec![0; LONGEST];
    loop {
        let length = uninterrupted(|| {
            socket.set_read_timeout(Some(left(until)?))?;
            socket.recv(&mut buffer)
        })?;
        let answer = buffer.get(..length).unwrap_or_default();
        if answer.starts_with(&id.to_be_bytes()) {
            return Ok(answer.to_vec());
        }
    }
}

/// The time that is left; none is an error.
fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    match left.is_zero() {
        true => Err(io::ErrorKind::TimedOut.into()),
        false => Ok(left),
    }
}

/// A stream that is read and written until then, however many pieces it takes.
struct Until(TcpStream, Instant);

impl Read for Until {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.set_read_timeout(Some(left(self.1)?))?;
        self.0.read(buffer)
    }
}

impl Write for Until {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.set_write_timeout(Some(left(self.1)?))?;
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn by_tcp(server: SocketAddr, query: &[u8], until: Instant) -> io::Result<Vec<u8>> {
    let mut stream = Until(TcpStream::connect_timeout(&server, left(until)?)?, until);
    let length = u16::try_from(query.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    stream.write_all(&[&length.to_be_bytes()[..], query].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

/// A record as a row; `None` for what was not asked for, such as an alias.
fn row(record: &RData<'_>) -> Option<Row> {
    let field = |name: &str, value: String| (name.into(), value.into());
    match record {
        RData::SRV(srv) => Some(vec![
            field("priority", srv.priority.to_string()),
            field("weight", srv.weight.to_string()),
            field("port", srv.port.to_string()),
            field("host", srv.target.to_string()),
        ]),
        RData::NAPTR(naptr) => Some(vec![
            field("order", naptr.order.to_string()),
            field("preference", naptr.preference.to_string()),
            field("flags", naptr.flags.to_string()),
            field("services", naptr.services.to_string()),
            field("regexp", naptr.regexp.to_string()),
            field("replacement", naptr.replacement.to_string()),
        ]),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
