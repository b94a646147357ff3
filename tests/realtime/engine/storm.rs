//! Many phones at one socket: all register at once, each with a Call-ID of its
//! own, and it is known whose registration was acknowledged.

use std::collections::{HashMap, HashSet};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::phone::{Phone, fresh, header, receive, status};
use crate::address::host;
use crate::digest;

/// Requests under way at once.
const WINDOW: usize = 400;

/// After which silence a request is given up.
const SILENCE: Duration = Duration::from_secs(4);

/// What came of a storm.
#[derive(Default, Debug)]
pub struct Tally {
    /// Who was answered 200.
    pub acknowledged: HashSet<String>,
    /// How many were answered 503.
    pub unavailable: u32,
    /// How many were answered 403.
    pub forbidden: u32,
    /// How many were never answered.
    pub silent: u32,
    /// How many requests went out.
    pub sent: u32,
}

/// Phones of many users.
pub struct Storm {
    socket: UdpSocket,
    engine: SocketAddr,
    under_way: HashMap<String, (String, Instant)>,
    /// What came so far.
    pub tally: Tally,
}

impl Storm {
    /// Phones of that engine.
    pub fn new(engine: SocketAddr) -> Storm {
        Storm {
            socket: UdpSocket::bind((host(), 0)).expect("a free port"),
            engine,
            under_way: HashMap::new(),
            tally: Tally::default(),
        }
    }

    /// Where all of them are.
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("it is bound")
    }

    /// All of them as one phone, which answers for each.
    pub fn into_phone(self) -> Phone {
        Phone::at(self.socket, self.engine)
    }

    /// Registers each of `users`, whose passwords `secret` makes, until all are
    /// answered or `goes_on` says no.
    pub fn register(
        &mut self,
        users: impl Iterator<Item = String>,
        secret: impl Fn(&str) -> String,
        goes_on: impl Fn(&Tally) -> bool,
    ) {
        let mut users = users.peekable();
        while goes_on(&self.tally) && (users.peek().is_some() || !self.under_way.is_empty()) {
            while self.under_way.len() < WINDOW
                && let Some(user) = users.next()
            {
                let call_id = fresh("storm");
                self.send(&user, &call_id, 1, "");
                self.under_way.insert(call_id, (user, Instant::now()));
            }
            match receive(&self.socket, Instant::now() + Duration::from_millis(20)) {
                Some((text, _)) => self.take(&text, &secret),
                None => self.give_up(),
            }
        }
    }

    /// Takes in what came already.
    pub fn drain(&mut self) {
        while let Some((text, _)) = receive(&self.socket, Instant::now()) {
            self.take(&text, &|_| String::new());
        }
    }

    fn give_up(&mut self) {
        let before = self.under_way.len();
        self.under_way
            .retain(|_, (_, sent)| sent.elapsed() < SILENCE);
        self.tally.silent += (before - self.under_way.len()) as u32;
    }

    fn take(&mut self, text: &str, secret: &impl Fn(&str) -> String) {
        let (Some(status), Some(call_id)) = (status(text), header(text, "Call-ID")) else {
            return;
        };
        let Some((user, _)) = self.under_way.get(call_id) else {
            return;
        };
        let user = user.clone();
        if status == 401 {
            let challenge = header(text, "WWW-Authenticate").expect("a 401 has it");
            let number = header(text, "CSeq").and_then(|cseq| cseq.split(' ').next()?.parse().ok());
            let uri = format!("sip:{}", self.engine);
            let value = digest::answer(challenge, "REGISTER", &uri, &user, &secret(&user), 1);
            let given = format!("Authorization: {value}\r\n");
            self.send(&user, call_id, number.unwrap_or(1) + 1, &given);
            return;
        }
        self.under_way.remove(call_id);
        match status {
            200 => drop(self.tally.acknowledged.insert(user)),
            503 => {
                assert!(header(text, "Retry-After").is_some(), "{text}");
                self.tally.unavailable += 1;
            }
            403 => self.tally.forbidden += 1,
            _ => panic!("{text}"),
        }
    }

    fn send(&mut self, user: &str, call_id: &str, cseq: u32, more: &str) {
        let (engine, here) = (self.engine, self.address());
        let text = format!(
            "REGISTER sip:{engine} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{call_id}-{cseq}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@{engine}>;tag={call_id}\r\nTo: <sip:{user}@{engine}>\r\n\
             Call-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\nContact: <sip:{user}@{here}>\r\n\
             Expires: 3600\r\n{more}Content-Length: 0\r\n\r\n"
        );
        self.tally.sent += 1;
        self.socket
            .send_to(text.as_bytes(), engine)
            .expect("loopback takes it");
    }
}
