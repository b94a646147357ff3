//! A small SIP phone over UDP, written against the RFCs alone.
//!
//! Owns its transactions (`transaction`), its calls (`call`, `callee`) and
//! its registration. Never looks into the engine: what it knows came by
//! datagram. It draws its own tags and branches, each beginning with its mark
//! (`ph3.`), so that a leak into somebody else's leg shows.

mod call;
mod callee;
mod manner;
mod transaction;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use pinion_sip::base::{Instant, Random};

use crate::digest;
use crate::message::{Msg, address_of};

pub use call::{Call, State};
pub use manner::{Act, Credentials, Ending, Manner, Plan};
pub use transaction::Purpose;
use transaction::{Client, Server};

/// RFC 3261 T1.
pub const T1: Duration = Duration::from_millis(500);
/// RFC 3261 T2.
pub const T2: Duration = Duration::from_secs(4);
/// 64·T1: timers B, F, H and the patience for an ACK.
pub const T64: Duration = Duration::from_secs(32);

/// What a phone sets for itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Alarm {
    /// Timers A and E of the client transaction with this branch.
    Again(String),
    /// Timers B and F.
    GiveUp(String),
    /// Timer G of the INVITE server transaction with this branch.
    Final(String),
    /// Something a call planned.
    Cue(usize, Cue),
}

/// What a call does when its time has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cue {
    /// Send the provisional responses.
    Ring,
    /// Send the final response.
    Answer,
    /// A second fork answers too.
    AnswerTwice,
    /// Send the 2xx with this CSeq again (§13.3.1.4).
    Again2xx(u32),
    /// The caller loses patience.
    Cancel,
    /// The n-th act of the plan.
    Act(usize),
    /// Say it again after a 491.
    Reinvite,
    /// Stop waiting for the final of a cancelled INVITE (§9.1).
    Forget,
}

/// What a phone wants of the world.
#[derive(Default)]
pub struct Out {
    /// Datagrams with their destination.
    pub sends: Vec<(SocketAddr, Vec<u8>)>,
    /// Alarms with their delay.
    pub wakes: Vec<(Duration, Alarm)>,
}

/// One phone.
pub struct Phone {
    /// `ph3.`: how its tags, branches and Call-IDs begin.
    pub mark: String,
    /// The user it registers as.
    pub user: String,
    /// The password it was given.
    pub password: String,
    /// Where it is.
    pub addr: SocketAddr,
    /// Its registrar and outbound server.
    pub engine: SocketAddr,
    /// How it treats incoming calls.
    pub manner: Manner,
    /// Draws a new manner for each incoming call instead.
    pub moody: bool,
    /// Uses a nonce again, counting, until it is told that it is stale.
    pub keeps_nonce: bool,
    /// Does nothing by itself: the test answers.
    pub manual: bool,
    /// Goes on, but begins and accepts nothing new.
    pub retired: bool,
    /// Everything received, in order.
    pub inbox: Vec<(Instant, Msg)>,
    /// All its calls, ended ones too.
    pub calls: Vec<Call>,
    /// Final responses to its requests outside of INVITE transactions.
    pub finals: Vec<(Purpose, Msg)>,
    random: Random,
    serial: u32,
    now: Instant,
    register_cseq: u32,
    /// The challenge last answered, and how often.
    nonce: Option<(Msg, u32)>,
    clients: BTreeMap<String, Client>,
    servers: BTreeMap<(String, String), Server>,
}

impl Phone {
    /// A phone that has done nothing yet.
    pub fn new(
        index: usize,
        user: &str,
        password: &str,
        addr: SocketAddr,
        engine: SocketAddr,
        random: Random,
    ) -> Phone {
        Phone {
            mark: format!("ph{index}."),
            user: user.into(),
            password: password.into(),
            addr,
            engine,
            manner: Manner::default(),
            moody: false,
            keeps_nonce: false,
            manual: false,
            retired: false,
            inbox: Vec::new(),
            calls: Vec::new(),
            finals: Vec::new(),
            random,
            serial: 0,
            now: Instant::START,
            register_cseq: 0,
            nonce: None,
            clients: BTreeMap::new(),
            servers: BTreeMap::new(),
        }
    }

    /// A fresh word that begins with the phone's mark.
    pub fn fresh(&mut self) -> String {
        self.serial += 1;
        format!(
            "{}{}.{:08x}",
            self.mark,
            self.serial,
            self.random.next_u64() as u32
        )
    }

    /// Its Contact value.
    pub fn contact(&self) -> String {
        format!("<sip:{}@{}>", self.user, self.addr)
    }

    /// Its address-of-record.
    pub fn aor(&self) -> String {
        format!("sip:{}@{}", self.user, self.engine.ip())
    }

    /// The headers of a request outside any dialog. No Via: sending adds it.
    pub fn draft(&mut self, method: &str, uri: &str, to: &str) -> Msg {
        let (tag, call_id) = (self.fresh(), self.fresh());
        Msg::request(method, uri)
            .with("Max-Forwards", 70)
            .with("From", format!("<{}>;tag={tag}", self.aor()))
            .with("To", format!("<{to}>"))
            .with("Call-ID", call_id)
            .with("CSeq", format!("1 {method}"))
            .with("Contact", self.contact())
    }

    /// The URI of `user` at its engine.
    pub fn uri_for(&self, user: &str) -> String {
        format!("sip:{user}@{}", self.engine)
    }

    /// The Via value of a new branch.
    pub fn via(&mut self) -> String {
        let branch = self.fresh();
        format!("SIP/2.0/UDP {};branch=z9hG4bK{branch};rport", self.addr)
    }

    /// Registers its contact for `expires_s` seconds; 0 removes it.
    pub fn register(&mut self, now: Instant, expires_s: u32, out: &mut Out) {
        let contact = self.contact();
        let request = self
            .register_draft()
            .with("Contact", contact)
            .with("Expires", expires_s);
        self.request(now, request, Purpose::Register, out);
    }

    /// A REGISTER without Contact; one Call-ID and rising CSeq for the phone's life (§10.2).
    pub fn register_draft(&mut self) -> Msg {
        self.register_cseq += 1;
        let tag = self.fresh();
        Msg::request("REGISTER", &format!("sip:{}", self.engine))
            .with("Max-Forwards", 70)
            .with("From", format!("<{}>;tag={tag}", self.aor()))
            .with("To", format!("<{}>", self.aor()))
            .with("Call-ID", format!("{}reg", self.mark))
            .with("CSeq", format!("{} REGISTER", self.register_cseq))
    }

    /// Sends a request in a transaction of its own; a challenge is answered.
    pub fn request(
        &mut self,
        now: Instant,
        request: Msg,
        purpose: Purpose,
        out: &mut Out,
    ) -> String {
        self.now = now;
        self.start_client(request, purpose, 0, out)
    }

    /// Takes one datagram.
    pub fn receive(&mut self, now: Instant, from: SocketAddr, message: Msg, out: &mut Out) {
        self.now = now;
        self.inbox.push((now, message.clone()));
        if self.manual {
            return;
        }
        if message.is_request() {
            self.on_request(from, message, out);
        } else {
            self.on_response(message, out);
        }
    }

    /// An alarm is due.
    pub fn wake(&mut self, now: Instant, alarm: Alarm, out: &mut Out) {
        self.now = now;
        match alarm {
            Alarm::Again(branch) => self.client_again(&branch, out),
            Alarm::GiveUp(branch) => self.client_gives_up(&branch, out),
            Alarm::Final(branch) => self.final_again(&branch, out),
            Alarm::Cue(call, cue) => self.on_cue(call, cue, out),
        }
    }

    /// Hangs up, cancels or rejects everything and begins nothing new.
    pub fn retire(&mut self, now: Instant, out: &mut Out) {
        self.now = now;
        self.retired = true;
        for call in 0..self.calls.len() {
            self.leave(call, out);
        }
    }

    /// A request that could prove who sends it, after `challenge`.
    pub fn with_credentials(
        &self,
        request: &Msg,
        challenge: &Msg,
        credentials: Credentials,
        nc: u32,
    ) -> Option<Msg> {
        let (asks, answers) = match challenge.status() {
            401 => ("WWW-Authenticate", "Authorization"),
            407 => ("Proxy-Authenticate", "Proxy-Authorization"),
            _ => return None,
        };
        let password = match credentials {
            Credentials::Right => self.password.clone(),
            Credentials::Wrong => format!("{}x", self.password),
            Credentials::None => return None,
        };
        let value = digest::answer(
            challenge.get(asks)?,
            &request.method(),
            request.uri(),
            &self.user,
            &password,
            nc,
        );
        Some(request.clone().set(answers, value))
    }

    /// Where a request goes: the first Route, else the Request-URI's host,
    /// else the engine.
    fn next_hop(&self, request: &Msg) -> SocketAddr {
        let route = request
            .all("Route")
            .first()
            .map(|value| crate::message::uri_of(value));
        route
            .as_deref()
            .or(Some(request.uri()))
            .and_then(address_of)
            .unwrap_or(self.engine)
    }
}

#[cfg(test)]
mod tests;
