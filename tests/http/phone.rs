//! A telephone that knows a few messages.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use pinion_runtime::uninterrupted;

use crate::engine::Engine;

pub struct Phone {
    socket: UdpSocket,
    engine: SocketAddr,
}

impl Phone {
    /// On a port of its own.
    pub fn new(engine: &Engine) -> Phone {
        let local = SocketAddr::from((crate::address::host(), 0));
        let socket = UdpSocket::bind(local).expect("a free port");
        let limit = Some(Duration::from_secs(10));
        socket.set_read_timeout(limit).expect("a time limit");
        Phone {
            socket,
            engine: engine.address,
        }
    }

    fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("its address")
    }

    /// Sends a request by that user; `more` are its other lines. Its branch is
    /// made of the Call-ID, so that a CANCEL has that of its INVITE.
    pub fn send(&self, method: &str, user: &str, to: &str, call_id: &str, more: &str) {
        let (own, engine) = (self.address(), self.engine);
        let request = format!(
            "{method} sip:{to}@{engine} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{call_id}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@{engine}>;tag=t\r\nTo: <sip:{to}@{engine}>\r\n\
             Call-ID: {call_id}\r\nCSeq: 1 {method}\r\nContact: <sip:{user}@{own}>\r\n{more}\
             Content-Length: 0\r\n\r\n"
        );
        self.socket
            .send_to(request.as_bytes(), engine)
            .expect("loopback takes it");
    }

    /// The next message that begins so; others are ignored.
    pub fn await_message(&self, start: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            let length = uninterrupted(|| self.socket.recv(&mut buffer));
            let length = length.unwrap_or_else(|error| panic!("no {start}: {error}"));
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if text.starts_with(start) {
                return text;
            }
        }
    }

    /// Registers a user here.
    pub fn register(&self, user: &str) {
        let call_id = format!("registration-{user}");
        self.send("REGISTER", user, user, &call_id, "Expires: 600\r\n");
        self.await_message("SIP/2.0 200");
    }

    /// 1001 calls 1002, who rings, by the INVITE returned.
    #[allow(dead_code, reason = "not every test makes calls")]
    pub fn ring(&self, call_id: &str) -> String {
        self.send("INVITE", "1001", "1002", call_id, "");
        let invite = self.await_message("INVITE");
        self.answer(&invite, "180 Ringing");
        self.await_message("SIP/2.0 180");
        invite
    }

    /// Answers a request of the engine.
    pub fn answer(&self, request: &str, status: &str) {
        let copied: String = request
            .lines()
            .filter(|line| {
                ["Via:", "From:", "Call-ID:", "CSeq:"]
                    .iter()
                    .any(|name| line.starts_with(name))
            })
            .map(|line| format!("{line}\r\n"))
            .collect();
        let to = request
            .lines()
            .find(|line| line.starts_with("To:"))
            .expect("a To");
        let own = self.address();
        let response = format!(
            "SIP/2.0 {status}\r\n{copied}{to};tag=callee\r\nContact: <sip:{own}>\r\nContent-Length: 0\r\n\r\n"
        );
        self.socket
            .send_to(response.as_bytes(), self.engine)
            .expect("loopback takes it");
    }
}
