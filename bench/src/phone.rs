//! What the two phones of a rig say: the caller's requests, and the callee's
//! answers to whatever the engine writes. Keeps no state.

use std::io::Write;

use pinion_sip::auth::{Identity, Secret, respond};
use pinion_sip::wire::{Fields, HeaderName, Message};

use crate::form::Form;

pub(crate) const ENGINE: &str = "127.0.0.1:5060";
pub(crate) const CALLER: &str = "127.0.0.1:7001";
pub(crate) const CALLEE: &str = "127.0.0.1:7002";

/// The password of both phones, where they need one.
pub(crate) const PASSWORD: &str = "secret";

const SDP: &str = "v=0\no=a 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n\
    m=audio 6000 RTP/AVP 0 8\na=rtpmap:0 PCMU/8000\na=rtpmap:8 PCMA/8000\n";

/// The requests of the caller (1001), and the REGISTER of the callee (1002).
pub(crate) struct Forms {
    pub options: Form,
    pub register: Form,
    pub invite: Form,
    /// To the final response of an INVITE that failed.
    pub ack_refusal: Form,
    pub ack: Form,
    pub info: Form,
    pub bye: Form,
}

impl Forms {
    pub(crate) fn new() -> Forms {
        let session = format!(
            "Contact: <sip:1001@{CALLER}>\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\n\
             Content-Type: application/sdp\nContent-Length: {}\n\n{SDP}",
            SDP.len() + SDP.lines().count()
        );
        let blank = "Content-Length: 0\n\n";
        Forms {
            options: Form::new(&(head("OPTIONS", "OPTIONS") + blank)),
            register: Form::new(&format!(
                "REGISTER sip:{ENGINE} SIP/2.0\nVia: SIP/2.0/UDP {CALLEE};branch=z9hG4bKr%n.%c\n\
                 Max-Forwards: 70\nFrom: <sip:1002@{ENGINE}>;tag=r\nTo: <sip:1002@{ENGINE}>\n\
                 Call-ID: registration\nCSeq: %c REGISTER\n%aContact: <sip:1002@{CALLEE}>\n\
                 Expires: 3600\n{blank}"
            )),
            invite: Form::new(&(head("INVITE", "INVITE") + &session)),
            ack_refusal: Form::new(&(head("ACK", "INVITE") + blank)),
            ack: Form::new(&(head("ACK", "ACK") + blank)),
            info: Form::new(&(head("INFO", "INFO") + blank)),
            bye: Form::new(&(head("BYE", "BYE") + blank)),
        }
    }
}

/// The caller's request up to what its method adds; `branch` tells its
/// transaction from others of the same CSeq.
fn head(method: &str, branch: &str) -> String {
    format!(
        "{method} sip:1002@{ENGINE} SIP/2.0\n\
         Via: SIP/2.0/UDP {CALLER};branch=z9hG4bK{branch}%n.%c;rport\nMax-Forwards: 70\n\
         From: \"Alice\" <sip:1001@{ENGINE}>;tag=a%n\nTo: <sip:1002@{ENGINE}>%t\n\
         Call-ID: %n-call@{CALLER}\nCSeq: %c {method}\nUser-Agent: bench\n%a"
    )
}

/// Writes the callee's answer to a request of the engine into `buffer`;
/// `status` is code and reason phrase.
pub(crate) fn answer(request: &[u8], status: &str, with_session: bool, buffer: &mut Vec<u8>) {
    buffer.clear();
    // Writing to a Vec does not fail.
    let _ = write!(buffer, "SIP/2.0 {status}\r\n");
    for line in lines(request) {
        let copied = [&b"Via:"[..], b"From:", b"Call-ID:", b"CSeq:"];
        if copied.iter().any(|name| line.starts_with(name)) {
            buffer.extend_from_slice(line);
            buffer.extend_from_slice(b"\r\n");
        } else if line.starts_with(b"To:") {
            buffer.extend_from_slice(line);
            if tag_parameter(line).is_none() {
                buffer.extend_from_slice(b";tag=b");
            }
            buffer.extend_from_slice(b"\r\n");
        }
    }
    if request.starts_with(b"INVITE ") {
        let _ = write!(buffer, "Contact: <sip:1002@{CALLEE}>\r\n");
    }
    if with_session {
        let length = SDP.len() + SDP.lines().count();
        let _ = write!(
            buffer,
            "Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n"
        );
        for line in SDP.lines() {
            let _ = write!(buffer, "{line}\r\n");
        }
    } else {
        buffer.extend_from_slice(b"Content-Length: 0\r\n\r\n");
    }
}

/// The first line of a message and its header fields, one by one.
fn lines(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    memchr::memchr_iter(b'\n', message)
        .map(move |end| {
            let line = &message[start..end];
            start = end + 1;
            line.strip_suffix(b"\r").unwrap_or(line)
        })
        .take_while(|line| !line.is_empty())
}

/// `;tag=…` of a To field, without parameters after it.
fn tag_parameter(to: &[u8]) -> Option<&[u8]> {
    let start = memchr::memmem::find(to, b";tag=")?;
    let rest = &to[start..];
    let end = memchr::memchr(b';', &rest[1..]).map_or(rest.len(), |at| at + 1);
    Some(&rest[..end])
}

/// `;tag=…` of a message's To.
pub(crate) fn to_tag(message: &[u8]) -> &[u8] {
    lines(message)
        .find(|line| line.starts_with(b"To:"))
        .and_then(tag_parameter)
        .expect("a final response of the engine has a To tag")
}

/// A challenge of the engine, and how often its nonce was used.
pub(crate) struct Proof {
    challenge: Vec<u8>,
    nc: u32,
}

impl Proof {
    /// From a 401.
    pub(crate) fn new(refusal: &[u8]) -> Proof {
        assert!(refusal.starts_with(b"SIP/2.0 401"), "a challenge");
        Proof {
            challenge: refusal.to_vec(),
            nc: 0,
        }
    }

    /// Writes the Authorization field for the next use of the nonce.
    pub(crate) fn write(&mut self, user: &str, method: &str, uri: &str, buffer: &mut Vec<u8>) {
        self.nc += 1;
        let mut fields = Fields::new();
        let refusal = Message::parse(&self.challenge, &mut fields).expect("the engine writes it");
        let identity = Identity {
            user: user.as_bytes(),
            secret: Secret::Plain(PASSWORD.as_bytes()),
            realm: None,
        };
        let value = respond(
            refusal.credentials(HeaderName::WwwAuthenticate),
            &[identity],
            method.as_bytes(),
            uri.as_bytes(),
            u64::from(self.nc),
            self.nc,
        );
        buffer.clear();
        buffer.extend_from_slice(b"Authorization: ");
        buffer.extend_from_slice(&value.expect("a challenge with MD5"));
        buffer.extend_from_slice(b"\r\n");
    }
}
