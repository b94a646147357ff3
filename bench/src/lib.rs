//! A shard between two phones that know their lines: what one message, one
//! registration and one call cost without sockets.

use std::sync::Arc;

use pinion_sip::base::{Flow, Instant, Limits, UnixTime};
use pinion_sip::config::{Config, General, Peer, PeerKind, Peers};
use pinion_sip::dialplan::{Line, PlanBuilder};
use pinion_sip::machine::{Input, Machine, Outbox};
use pinion_sip::shard::{Setup, Shard};
use pinion_sip::wire::{Fields, HeaderName, Message, Method, Status, Writer};

const ENGINE: &str = "127.0.0.1:5060";
const CALLER: &str = "127.0.0.1:7001";
const CALLEE: &str = "127.0.0.1:7002";

const SDP: &str = "v=0\r\no=a 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 6000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n";

/// An INVITE as phones write it, of that number.
pub fn invite(number: u64) -> Vec<u8> {
    let head = head("INVITE", number, 1, "");
    format!(
        "{head}Contact: <sip:1001@{CALLER}>\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}",
        SDP.len()
    )
    .into_bytes()
}

fn head(method: &str, number: u64, cseq: u32, to_tag: &str) -> String {
    format!(
        "{method} sip:1002@{ENGINE} SIP/2.0\r\n\
         Via: SIP/2.0/UDP {CALLER};branch=z9hG4bK{method}{number};rport\r\nMax-Forwards: 70\r\n\
         From: \"Alice\" <sip:1001@{ENGINE}>;tag=a{number}\r\nTo: <sip:1002@{ENGINE}>{to_tag}\r\n\
         Call-ID: {number}-call@{CALLER}\r\nCSeq: {cseq} {method}\r\nUser-Agent: bench\r\n"
    )
}

/// A shard, its outbox, and the time.
pub struct Rig {
    shard: Shard,
    out: Outbox,
    now: Instant,
    number: u64,
}

impl Default for Rig {
    fn default() -> Rig {
        Rig::new()
    }
}

impl Rig {
    /// A shard with users 1001 and 1002, who need no password; 1002 is registered.
    pub fn new() -> Rig {
        let mut builder = PlanBuilder::new();
        let context = builder.context("default");
        let line = Line {
            exten: "_X.",
            caller: None,
            priority: 1,
            label: None,
            application: "Dial",
            arguments: "SIP/${EXTEN},20",
            at: "bench:1",
        };
        let added = builder.add(context, line);
        assert!(added.is_ok(), "the only line");
        let config = Config {
            general: General::default(),
            peers: Peers::new(["1001", "1002"].map(|name| Peer::new(name, PeerKind::Friend))),
            plan: Arc::new(builder.build()),
        };
        let shard = Shard::new(Setup {
            shard: 0,
            shards: 1,
            incarnation: 0,
            limits: Limits::default(),
            config: Arc::new(config),
            sockets: vec![address(ENGINE)],
            seed: [1; 32],
            nonce_secret: [2; 32],
            unix_start: UnixTime(1_700_000_000),
        });
        let mut rig = Rig {
            shard,
            out: Outbox::new(256),
            now: Instant::START,
            number: 0,
        };
        rig.register();
        rig
    }

    /// Hands a datagram in; returns what came out, in order.
    fn exchange(&mut self, from: &str, datagram: &[u8]) -> Vec<Vec<u8>> {
        let flow = Flow {
            socket: 0,
            local: address(ENGINE),
            remote: address(from),
        };
        self.now = self.now + std::time::Duration::from_micros(50);
        self.shard.handle(
            self.now,
            Input::Datagram {
                bytes: datagram,
                flow,
            },
            &mut self.out,
        );
        let sent = self.out.sends().map(|(_, bytes)| bytes.to_vec()).collect();
        self.out.clear_sends();
        sent
    }

    /// One REGISTER of 1002 and its 200.
    pub fn register(&mut self) {
        self.number += 1;
        let number = self.number;
        let register = format!(
            "REGISTER sip:{ENGINE} SIP/2.0\r\nVia: SIP/2.0/UDP {CALLEE};branch=z9hG4bKr{number}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:1002@{ENGINE}>;tag=r\r\nTo: <sip:1002@{ENGINE}>\r\n\
             Call-ID: registration\r\nCSeq: {number} REGISTER\r\nContact: <sip:1002@{CALLEE}>\r\n\
             Expires: 3600\r\nContent-Length: 0\r\n\r\n"
        );
        let sent = self.exchange(CALLEE, register.as_bytes());
        assert!(sent[0].starts_with(b"SIP/2.0 200"), "registered");
        self.rest();
    }

    /// One OPTIONS and its 200.
    pub fn options(&mut self) {
        self.number += 1;
        let options = format!(
            "{}Content-Length: 0\r\n\r\n",
            head("OPTIONS", self.number, 1, "")
        );
        let sent = self.exchange(CALLER, options.as_bytes());
        assert!(sent[0].starts_with(b"SIP/2.0 200"), "answered");
    }

    /// One call: INVITE, 180, 200, ACK, BYE by the caller.
    pub fn call(&mut self) {
        self.number += 1;
        let number = self.number;
        let forked = self.exchange(CALLER, &invite(number));
        let ringing = answer(&forked[0], Status::RINGING, "");
        self.exchange(CALLEE, &ringing);
        let answered = self.exchange(CALLEE, &answer(&forked[0], Status::OK, SDP));
        let tag = to_tag(&answered[1]);
        let ack = format!("{}Content-Length: 0\r\n\r\n", head("ACK", number, 1, &tag));
        self.exchange(CALLER, ack.as_bytes());
        let bye = format!("{}Content-Length: 0\r\n\r\n", head("BYE", number, 2, &tag));
        let ended = self.exchange(CALLER, bye.as_bytes());
        assert_eq!(ended.len(), 2, "200 to the caller, BYE to the callee");
        self.exchange(CALLEE, &answer(&ended[1], Status::OK, ""));
        self.rest();
    }

    /// Lets time pass, so that transactions end when their turn comes.
    fn rest(&mut self) {
        self.now = self.now + std::time::Duration::from_millis(2);
        while self
            .shard
            .deadline()
            .is_some_and(|deadline| deadline <= self.now)
        {
            self.shard.handle(self.now, Input::Elapsed, &mut self.out);
            self.out.clear_sends();
        }
    }
}

fn address(text: &str) -> std::net::SocketAddr {
    text.parse().expect("an address")
}

/// A response to a request of the engine.
fn answer(request: &[u8], status: Status, sdp: &str) -> Vec<u8> {
    let mut fields = Fields::new();
    let request = Message::parse(request, &mut fields).expect("the engine writes what it reads");
    let mut buffer = Vec::with_capacity(1024);
    let mut writer = Writer::new(&mut buffer, false);
    writer.status(status, None);
    for name in [
        HeaderName::Via,
        HeaderName::From,
        HeaderName::CallId,
        HeaderName::CSeq,
    ] {
        writer.copy(&request, name);
    }
    writer.to_with_tag(&request, b"b");
    if request.method() == Method::Invite {
        writer.field(
            HeaderName::Contact,
            format!("<sip:1002@{CALLEE}>").as_bytes(),
        );
    }
    if sdp.is_empty() {
        writer.end();
    } else {
        writer.end_with_body(b"application/sdp", sdp.as_bytes());
    }
    buffer
}

/// `;tag=…` of a response's To.
fn to_tag(response: &[u8]) -> String {
    let mut fields = Fields::new();
    let response = Message::parse(response, &mut fields).expect("the engine writes what it reads");
    let tag = response
        .to()
        .ok()
        .and_then(|to| to.tag())
        .expect("a final response has a tag");
    format!(";tag={}", String::from_utf8_lossy(tag))
}
