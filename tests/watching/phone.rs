//! A telephone that says one thing at a time, from an address of its own.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use pinion_runtime::uninterrupted;
use pinion_sip::auth::{self, Identity};
use pinion_sip::wire::DigestParams;

use crate::LIMIT;

/// The telephone.
pub struct Phone {
    socket: UdpSocket,
    said: u32,
}

impl Phone {
    /// One at `ip` that talks to `engine`.
    pub fn at(ip: &str, engine: SocketAddr) -> Phone {
        let ip: IpAddr = ip.parse().expect("an address");
        let socket = UdpSocket::bind((ip, 0)).expect("loopback is all ours");
        socket.connect(engine).expect("a route on loopback");
        socket.set_read_timeout(Some(LIMIT)).expect("a time limit");
        Phone { socket, said: 0 }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("it is bound")
    }

    /// Says something and hears the answer.
    pub fn ask(&self, text: &str) -> String {
        self.socket.send(text.as_bytes()).expect("room to send");
        let mut buffer = vec![0; 65_536];
        let len = uninterrupted(|| self.socket.recv(&mut buffer)).expect("an answer in time");
        String::from_utf8_lossy(&buffer[..len]).into_owned()
    }

    /// A request of that method from `user`, as it stands in From and To.
    pub fn request(&mut self, method: &str, user: &str, more: &str) -> String {
        self.said += 1;
        let (number, at) = (self.said, self.address());
        let engine = self.socket.peer_addr().expect("it is connected");
        let port = at.port();
        let uri = match method {
            "REGISTER" => format!("sip:{engine}"),
            _ => format!("sip:nobody-here@{engine}"),
        };
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bK{port}x{number}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@{engine}>;tag=t{number}\r\n\
             To: <sip:{user}@{engine}>\r\nCall-ID: {port}@{method}\r\nCSeq: {number} {method}\r\n\
             Contact: <sip:{user}@{at}>\r\n{more}Content-Length: 0\r\n\r\n"
        )
    }

    /// Registers, by answering the challenge; the status of the last answer.
    pub fn register(&mut self, user: &str, password: &str) -> u16 {
        let request = self.request("REGISTER", user, "");
        let challenged = self.ask(&request);
        let challenge = challenged
            .lines()
            .find_map(|line| line.strip_prefix("WWW-Authenticate: "))
            .unwrap_or_else(|| panic!("no challenge in {challenged}"));
        let decoded = percent_decoded(user);
        let identity = Identity {
            user: &decoded,
            secret: auth::Secret::Plain(password.as_bytes()),
            realm: None,
        };
        let uri = format!("sip:{}", self.socket.peer_addr().expect("it is connected"));
        let answer = auth::respond(
            std::iter::once(DigestParams::parse(challenge.as_bytes())),
            &[identity],
            b"REGISTER",
            uri.as_bytes(),
            7,
            1,
        );
        let answer = String::from_utf8(answer.expect("a challenge it knows")).expect("ASCII");
        let request = self.request("REGISTER", user, &format!("Authorization: {answer}\r\n"));
        status(&self.ask(&request))
    }
}

/// The status of a response.
pub fn status(response: &str) -> u16 {
    let code = response
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok());
    code.unwrap_or_else(|| panic!("no status in {response}"))
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next(), bytes.next()].map(|digit| digit.expect("two digits"));
            let digits = std::str::from_utf8(&digits).expect("ASCII");
            decoded.push(u8::from_str_radix(digits, 16).expect("hexadecimal"));
        } else {
            decoded.push(byte);
        }
    }
    decoded
}
