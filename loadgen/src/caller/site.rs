//! One thread's place in a run: its addresses, the names it gives its units,
//! and its messages with holes. Fixed from the start; holds no state.
//!
//! A unit's number stands in its Call-ID, its tag and its branches, so that
//! whatever comes back says whose it is. All of it is drawn from the seed and
//! the number alone: the same seed makes the same bytes.

use std::net::SocketAddr;
use std::sync::Arc;

use memchr::memmem::Finder;
use pinion_sip::base::{Decimal, Flow, SocketIndex, Transport};
use pinion_sip::wire::Via;

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

/// What branches begin with (RFC 3261 §8.1.1.7).
const MAGIC: &[u8] = b"z9hG4bK";

/// Numbers from here on are of registrations beside the load.
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
    /// REGISTER that removes what the other one brought.
    pub unregister: Template,
    /// OPTIONS.
    pub options: Template,
    /// MESSAGE.
    pub message: Template,
    /// What a caller says again of its session, from Contact on.
    pub session: Template,
    /// BYE of a callee.
    pub hang_up: Template,
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
    /// Finds a branch of ours.
    branch: Finder<'static>,
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
            branch: Finder::new(&[MAGIC, &prefix].concat()).into_owned(),
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
            transport: self.plan.transport,
            owner: self.thread,
            ..Flow::udp(socket, local.unwrap_or(self.plan.target), remote)
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

    /// A unit's identity.
    fn id(&self, number: u64) -> [u8; PREFIX_DIGITS + NUMBER_DIGITS] {
        let mut id = [0; PREFIX_DIGITS + NUMBER_DIGITS];
        id[..PREFIX_DIGITS].copy_from_slice(&self.prefix);
        hex(&mut id[PREFIX_DIGITS..], number);
        id
    }

    /// The unit that `text` begins with the identity of, if it is of this run
    /// and thread.
    pub fn read_id(&self, text: &[u8]) -> Option<u64> {
        let digits = text.strip_prefix(&self.prefix)?.get(..NUMBER_DIGITS)?;
        unhex(digits)
    }

    /// What follows the magic cookie in a Via of this run and thread: the
    /// identity of a unit, or a callee's tag.
    pub fn read_branch<'a>(&self, via: &'a [u8]) -> Option<&'a [u8]> {
        self.branch.find(via).map(|at| &via[at + MAGIC.len()..])
    }

    /// Writes a callee's tag: where its call stands, so that it is found again.
    pub fn write_tag(&self, slot: u32, generation: u32, out: &mut Vec<u8>) {
        let mut digits = [0; PLACE_DIGITS];
        hex(&mut digits, u64::from(slot) << 32 | u64::from(generation));
        out.extend_from_slice(&self.prefix);
        out.push(b'u');
        out.extend_from_slice(&digits);
    }

    /// The slot and the generation of the callee's tag that `text` begins with,
    /// if it is of this run and thread.
    pub fn read_tag(&self, text: &[u8]) -> Option<(u32, u32)> {
        let digits = text.strip_prefix(&self.prefix)?.strip_prefix(b"u")?;
        let place = unhex(digits.get(..PLACE_DIGITS)?)?;
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
        let id = self.id(number);
        move |hole, out| match hole {
            Hole::Id => out.extend_from_slice(&id),
            Hole::CSeq => out.extend_from_slice(Decimal::new(cseq.into()).as_bytes()),
            Hole::User => self.users(number).write_name(index, out),
            Hole::Peer => self.plan.callees.write_name(index, out),
            Hole::Mark => write_padded(self.mark(number), out),
            _ => other(hole, out),
        }
    }
}

/// The mark in a session description of this run: `Err` for one of another
/// run, `Ok(None)` where there is none.
pub fn read_mark(body: &[u8], run: u32) -> Result<Option<u64>, ()> {
    let Some(origin) = body.strip_prefix(b"v=0\r\no=load ") else {
        return Ok(None);
    };
    let mut words = origin.split(|byte| *byte <= b' ').map(undecimal);
    match (words.next().flatten(), words.next().flatten()) {
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

fn undecimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, &digit| {
        let value = digit.wrapping_sub(b'0');
        let ten = number.checked_mul(10).filter(|_| value < 10)?;
        ten.checked_add(value.into())
    })
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

/// What a Contact says of its transport.
pub fn carried(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "",
        Transport::Tcp => ";transport=tcp",
    }
}

/// Where the answer to a request goes whose Via is at hand.
pub fn back(via: &Via, flow: Flow) -> Flow {
    if flow.transport.is_reliable() {
        return flow;
    }
    let remote = via.reply_to(flow.remote, false);
    Flow { remote, ..flow }
}

fn templates(plan: &Plan, local: SocketAddr, host: &str) -> Templates {
    let run = run_number(plan.seed);
    let protocol = plan.transport.name();
    let via = |branch: &str| {
        format!("Via: SIP/2.0/{protocol} {local};rport;branch=z9hG4bK{{id}}{branch}\n")
    };
    let call_id = format!("Call-ID: {{id}}@{}\n", local.ip());
    let agent = concat!("User-Agent: pinion-load/", env!("CARGO_PKG_VERSION"), "\n");
    let me = format!("<sip:{{user}}@{host}>;tag={{id}}");
    let peer = format!("<sip:{{peer}}@{host}>");
    let carried = carried(plan.transport);
    let contact = format!("Contact: <sip:{{user}}@{local}{carried}>\n");
    let end = "Content-Length: 0\n\n";
    let offer = session(
        local,
        &format!("load {} {run:010}", "0".repeat(MARK_DIGITS)),
    );
    let body = session(local, &format!("load {{mark}} {run:010}")).replace("\r\n", "\n");
    let sdp = format!(
        "Content-Type: application/sdp\nContent-Length: {}\n\n{body}",
        offer.len()
    );
    let target = plan.target;
    let new = |text: String| Template::new(&text);
    let register = |expires_s: u32| {
        new(format!(
            "REGISTER sip:{host} SIP/2.0\n{}Max-Forwards: 70\nFrom: {me}\nTo: <sip:{{user}}@{host}>\n{call_id}\
             CSeq: {{cseq}} REGISTER\n{contact}Expires: {expires_s}\n{agent}{{credentials}}{end}",
            via("r{cseq}")
        ))
    };
    Templates {
        invite: new(format!(
            "INVITE sip:{{peer}}@{host} SIP/2.0\n{}Max-Forwards: 70\nFrom: {me}\nTo: {peer}\n{call_id}\
             CSeq: {{cseq}} INVITE\n{contact}{agent}Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\n{{credentials}}{sdp}",
            via("i{cseq}")
        )),
        session: new(format!("{contact}{agent}{sdp}")),
        hang_up: new(format!(
            "BYE {{uri}} SIP/2.0\n{}{{routes}}Max-Forwards: 70\nFrom: {{from}}\nTo: {{to}}\nCall-ID: {{call-id}}\n\
             CSeq: 1 BYE\n{agent}{end}",
            via("")
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
        register: register(plan.expires_s),
        unregister: register(0),
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
