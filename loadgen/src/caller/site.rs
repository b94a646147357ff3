//! One thread's place in a run: its addresses, the names it gives its units,
//! and its messages with holes. Fixed from the start; holds no state.
//!
//! A unit's number stands in its Call-ID, its tag and its branches, so that
//! whatever comes back says whose it is. All of it is drawn from the seed and
//! the number alone: the same seed makes the same bytes.

use std::net::SocketAddr;
use std::sync::Arc;

use pinion_sip::base::{Decimal, Flow, SocketIndex};
use pinion_sip::wire::{HeaderName, Message, Uri};

use super::Places;
use super::template::{Hole, Template};
use crate::plan::{Plan, Users};
use crate::tally::mix;

/// Digits of a unit's number.
const NUMBER_DIGITS: usize = 10;

/// Digits of the run and of the thread, which begin every name.
const PREFIX_DIGITS: usize = 10;

/// Digits of a callee's tag after its letter: the slot and its generation.
const PLACE_DIGITS: usize = 16;

/// Numbers from here on are of registrations before the load.
pub const ENROLMENT: u64 = 1 << 39;

/// The session a caller offers; all of its parts have fixed lengths.
const MARK_DIGITS: usize = 20;

/// The messages of one socket.
pub struct Templates {
    /// INVITE.
    pub invite: Template,
    /// CANCEL of it.
    pub cancel: Template,
    /// ACK of any final response.
    pub ack: Template,
    /// BYE.
    pub bye: Template,
    /// REGISTER.
    pub register: Template,
    /// OPTIONS.
    pub options: Template,
    /// MESSAGE.
    pub message: Template,
}

/// One thread's place.
pub struct Site {
    /// The run's plan.
    pub plan: Arc<Plan>,
    /// This thread.
    pub thread: u16,
    /// How many there are.
    pub threads: u16,
    /// The run's number, from the seed.
    pub run: u32,
    /// Sockets that send: their addresses, by index.
    pub callers: Vec<SocketAddr>,
    /// The socket that takes calls.
    pub callee: Option<SocketAddr>,
    /// `sip:` and the host everybody lives at.
    pub registrar: Vec<u8>,
    prefix: [u8; PREFIX_DIGITS],
    templates: Vec<Templates>,
}

impl Site {
    /// The place of `thread`.
    pub fn new(plan: &Arc<Plan>, places: &Places, thread: u16) -> Site {
        let run = run_number(plan.seed);
        let mut prefix = [0; PREFIX_DIGITS];
        hex(&mut prefix[..8], run.into());
        hex(&mut prefix[8..], thread.into());
        let host = plan.host();
        let sockets = places.callers.iter().chain(&places.callee);
        Site {
            plan: Arc::clone(plan),
            thread,
            threads: plan.threads(),
            run,
            callers: places.callers.clone(),
            callee: places.callee,
            registrar: format!("sip:{host}").into_bytes(),
            prefix,
            templates: sockets
                .map(|local| templates(plan, *local, &host))
                .collect(),
        }
    }

    /// The messages of a socket.
    pub fn templates(&self, socket: SocketIndex) -> &Templates {
        &self.templates[usize::from(socket)]
    }

    /// The index of the socket that takes calls.
    pub fn callee_socket(&self) -> SocketIndex {
        self.callers.len() as SocketIndex
    }

    /// The path from `socket` to `remote`.
    pub fn flow(&self, socket: SocketIndex, remote: SocketAddr) -> Flow {
        let index = usize::from(socket);
        let local = self.callers.get(index).copied().or(self.callee);
        Flow {
            socket,
            local: local.unwrap_or(self.plan.target),
            remote,
        }
    }

    /// The place of a unit's user among all: units of all threads take them in turn.
    pub fn user_index(&self, number: u64) -> u64 {
        (number & (ENROLMENT - 1)) * u64::from(self.threads) + u64::from(self.thread)
    }

    /// Whose name and password a unit goes by.
    pub fn users(&self, number: u64) -> &Users {
        if number >= ENROLMENT {
            &self.plan.callees
        } else {
            &self.plan.callers
        }
    }

    /// Writes a unit's identity.
    pub fn write_id(&self, number: u64, out: &mut Vec<u8>) {
        let mut digits = [0; NUMBER_DIGITS];
        hex(&mut digits, number);
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(&digits);
    }

    /// The unit that `text` begins with the identity of, if it is of this run
    /// and thread.
    pub fn read_id(&self, text: &[u8]) -> Option<u64> {
        let digits = text.strip_prefix(&self.prefix)?.get(..NUMBER_DIGITS)?;
        unhex(digits)
    }

    /// Writes a callee's tag: where its call stands, so that it is found again.
    pub fn write_tag(&self, slot: u32, generation: u32, out: &mut Vec<u8>) {
        let mut digits = [0; PLACE_DIGITS];
        hex(&mut digits, u64::from(slot) << 32 | u64::from(generation));
        out.extend_from_slice(&self.prefix);
        out.push(b'u');
        out.extend_from_slice(&digits);
    }

    /// The slot and the generation of a callee's tag of this run and thread.
    pub fn read_tag(&self, tag: &[u8]) -> Option<(u32, u32)> {
        let digits = tag.strip_prefix(&self.prefix)?.strip_prefix(b"u")?;
        let place = (digits.len() == PLACE_DIGITS)
            .then(|| unhex(digits))
            .flatten()?;
        Some(((place >> 32) as u32, place as u32))
    }

    /// A call's mark: unique in the run.
    pub fn mark(&self, number: u64) -> u64 {
        u64::from(self.thread) << 40 | number
    }

    /// Fills what every message of a unit has; the rest is `other`'s.
    pub fn fill(
        &self,
        number: u64,
        cseq: u32,
        mut other: impl FnMut(Hole, &mut Vec<u8>),
    ) -> impl FnMut(Hole, &mut Vec<u8>) {
        let index = self.user_index(number);
        move |hole, out| match hole {
            Hole::Id => self.write_id(number, out),
            Hole::CSeq => out.extend_from_slice(Decimal::new(cseq.into()).as_bytes()),
            Hole::User => self.users(number).write_name(index, out),
            Hole::Peer => self.plan.callees.write_name(index, out),
            Hole::Mark => write_padded(self.mark(number), out),
            _ => other(hole, out),
        }
    }
}

/// Where a request with this Request-URI and this first Route goes: names are
/// not resolved, what names no address goes to the target.
pub fn next_hop(first_route: Option<&[u8]>, uri: &[u8], target: SocketAddr) -> SocketAddr {
    let hop = Uri::parse(first_route.unwrap_or(uri));
    hop.ok()
        .and_then(|uri| uri.socket_addr(5060))
        .filter(|address| address.is_ipv4() == target.is_ipv4())
        .unwrap_or(target)
}

/// Writes the route set that a response gives its caller as Route lines:
/// Record-Route reversed (RFC 3261 §12.1.2). Returns where requests go.
pub fn write_routes(
    response: &Message,
    uri: &[u8],
    target: SocketAddr,
    lines: &mut Vec<u8>,
) -> SocketAddr {
    if response.value(HeaderName::RecordRoute).is_none() {
        return next_hop(None, uri, target);
    }
    let mut routes: Vec<&[u8]> = response.tokens(HeaderName::RecordRoute).collect();
    routes.reverse();
    for route in &routes {
        lines.extend_from_slice(b"Route: ");
        lines.extend_from_slice(route);
        lines.extend_from_slice(b"\r\n");
    }
    let mut uris = response.record_routes().filter_map(Result::ok);
    next_hop(uris.by_ref().last().map(|route| route.uri), uri, target)
}

/// The mark in a session description of this run: `Err` for one of another
/// run, `Ok(None)` where there is none.
pub fn read_mark(body: &[u8], run: u32) -> Result<Option<u64>, ()> {
    let Some(at) = memchr::memmem::find(body, b"o=load ") else {
        return Ok(None);
    };
    let mut words = body[at + 7..].split(|byte| *byte <= b' ');
    let mut number = || -> Option<u64> { std::str::from_utf8(words.next()?).ok()?.parse().ok() };
    match (number(), number()) {
        (Some(mark), Some(found)) if found == u64::from(run) => Ok(Some(mark)),
        _ => Err(()),
    }
}

fn write_padded(number: u64, out: &mut Vec<u8>) {
    let digits = Decimal::new(number);
    let digits = digits.as_bytes();
    out.extend((digits.len()..MARK_DIGITS).map(|_| b'0'));
    out.extend_from_slice(digits);
}

/// Two seeds that are near make numbers that are not.
fn run_number(seed: u64) -> u32 {
    mix(seed) as u32
}

fn hex(digits: &mut [u8], number: u64) {
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(rest & 15) as usize];
        rest >>= 4;
    }
}

fn unhex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |number, &digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u64::from(value))
    })
}

/// A session description: the same bytes from one address, but for the mark.
pub fn session(local: SocketAddr, name: &str) -> String {
    let family = if local.is_ipv4() { "IP4" } else { "IP6" };
    let ip = local.ip();
    format!(
        "v=0\r\no={name} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
         m=audio 6000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
    )
}

fn templates(plan: &Plan, local: SocketAddr, host: &str) -> Templates {
    let run = run_number(plan.seed);
    let via =
        |branch: &str| format!("Via: SIP/2.0/UDP {local};rport;branch=z9hG4bK{{id}}{branch}\n");
    let call_id = format!("Call-ID: {{id}}@{}\n", local.ip());
    let agent = concat!("User-Agent: pinion-load/", env!("CARGO_PKG_VERSION"), "\n");
    let me = format!("<sip:{{user}}@{host}>;tag={{id}}");
    let peer = format!("<sip:{{peer}}@{host}>");
    let contact = format!("Contact: <sip:{{user}}@{local}>\n");
    let end = "Content-Length: 0\n\n";
    let offer = session(
        local,
        &format!("load {} {run:010}", "0".repeat(MARK_DIGITS)),
    );
    let body = session(local, &format!("load {{mark}} {run:010}")).replace("\r\n", "\n");
    let expires_s = plan.expires_s;
    let target = plan.target;
    let new = |text: String| Template::new(&text);
    Templates {
        invite: new(format!(
            "INVITE sip:{{peer}}@{host} SIP/2.0\n{}Max-Forwards: 70\nFrom: {me}\nTo: {peer}\n{call_id}\
             CSeq: {{cseq}} INVITE\n{contact}{agent}Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\n{{credentials}}\
             Content-Type: application/sdp\nContent-Length: {}\n\n{body}",
            via("i{cseq}"),
            offer.len()
        )),
        cancel: new(format!(
            "CANCEL sip:{{peer}}@{host} SIP/2.0\n{}Max-Forwards: 70\nFrom: {me}\nTo: {peer}\n{call_id}\
             CSeq: {{cseq}} CANCEL\n{agent}{end}",
            via("i{cseq}")
        )),
        ack: new(format!(
            "ACK {{uri}} SIP/2.0\n{}{{routes}}Max-Forwards: 70\nFrom: {{from}}\nTo: {{to}}\n{call_id}\
             CSeq: {{cseq}} ACK\n{{credentials}}{agent}{end}",
            via("{letter}{cseq}")
        )),
        bye: new(format!(
            "BYE {{uri}} SIP/2.0\n{}{{routes}}Max-Forwards: 70\nFrom: {me}\nTo: {{to}}\n{call_id}\
             CSeq: {{cseq}} BYE\n{{credentials}}{agent}{end}",
            via("b{cseq}")
        )),
        register: new(format!(
            "REGISTER sip:{host} SIP/2.0\n{}Max-Forwards: 70\nFrom: {me}\nTo: <sip:{{user}}@{host}>\n{call_id}\
             CSeq: {{cseq}} REGISTER\n{contact}Expires: {expires_s}\n{agent}{{credentials}}{end}",
            via("r{cseq}")
        )),
        options: new(format!(
            "OPTIONS sip:{target} SIP/2.0\n{}Max-Forwards: 70\nFrom: {me}\nTo: <sip:{target}>\n{call_id}\
             CSeq: {{cseq}} OPTIONS\n{contact}Accept: application/sdp\n{agent}{{credentials}}{end}",
            via("o{cseq}")
        )),
        message: new(format!(
            "MESSAGE sip:{{peer}}@{host} SIP/2.0\n{}Max-Forwards: 70\nFrom: {me}\nTo: {peer}\n{call_id}\
             CSeq: {{cseq}} MESSAGE\n{agent}{{credentials}}Content-Type: text/plain\nContent-Length: 20\n\n{{id}}",
            via("m{cseq}")
        )),
    }
}
