//! A table, a clock of our own, and a record of what was sent when.

use core::net::SocketAddr;
use core::time::Duration;

use crate::base::{Flow, Instant, Random, Text, Transmit};
use crate::transaction::{
    Answered, Branch, Expired, Full, Identity, Keep, Received, Start, Table, Timers, TransactionId,
};
use crate::wire::{Fields, Message, Method, Status};

/// Who a transaction serves in these tests.
pub const OWNER: u32 = 7;

/// What was sent: (milliseconds, message).
#[derive(Default)]
pub struct Wire {
    now_ms: u64,
    pub sent: Vec<(u64, String)>,
}

impl Transmit for Wire {
    fn transmit(&mut self, flow: &Flow, datagram: &[u8]) {
        assert_eq!(*flow, flow_of_tests());
        self.sent
            .push((self.now_ms, String::from_utf8(datagram.to_vec()).unwrap()));
    }
}

pub struct Bench {
    pub table: Table<u32>,
    pub wire: Wire,
}

pub fn flow_of_tests() -> Flow {
    let address = |text: &str| text.parse::<SocketAddr>().unwrap();
    Flow::udp(0, address("192.0.2.1:5060"), address("192.0.2.9:5062"))
}

pub fn parsed<T>(text: &str, look: impl FnOnce(&Message) -> T) -> T {
    let mut fields = Fields::new();
    look(&Message::parse(text.as_bytes(), &mut fields).expect(text))
}

impl Bench {
    pub fn new(capacity: u32) -> Bench {
        let table = Table::new(capacity, &mut Random::from_u64(1));
        Bench {
            table,
            wire: Wire::default(),
        }
    }

    pub fn now(&self) -> Instant {
        Instant::from_micros(self.wire.now_ms * 1000)
    }

    /// Lets time pass up to `until_ms`, ringing every alarm when it is due.
    pub fn run(&mut self, until_ms: u64) -> Vec<(u64, Expired<u32>)> {
        let mut told = Vec::new();
        while let Some(deadline) = self.table.deadline()
            && deadline <= Instant::START + Duration::from_millis(until_ms)
        {
            self.wire.now_ms = deadline.as_micros() / 1000;
            while let Some(expired) = self.table.expire(self.now(), &mut self.wire) {
                told.push((self.wire.now_ms, expired));
            }
        }
        self.wire.now_ms = until_ms;
        told
    }

    /// When messages beginning with `start` were sent, in milliseconds.
    pub fn times(&self, start: &str) -> Vec<u64> {
        let sent = self.wire.sent.iter();
        sent.filter(|(_, message)| message.starts_with(start))
            .map(|&(at, _)| at)
            .collect()
    }

    pub fn last(&self) -> &str {
        self.wire.sent.last().map_or("", |(_, message)| message)
    }

    pub fn request(&mut self, text: &str) -> Received {
        let now = self.now();
        parsed(text, |request| {
            let identity = self.table.identify(request);
            self.table.request(now, request, &identity, &mut self.wire)
        })
    }

    pub fn response(&mut self, text: &str) -> Answered<u32> {
        let now = self.now();
        parsed(text, |response| {
            self.table.response(now, response, &mut self.wire)
        })
    }

    pub fn open(&mut self, text: &str) -> TransactionId {
        self.try_open(text).unwrap()
    }

    pub fn try_open(&mut self, text: &str) -> Result<TransactionId, Full> {
        let identity = parsed(text, |request| self.table.identify(request));
        self.table.open_server(self.now(), start(&identity))
    }

    /// Opens a request with its response.
    pub fn open_answered(&mut self, text: &str, status: Status, response: &str, keep: Keep) {
        let (now, response) = (self.now(), response.as_bytes());
        let identity = parsed(text, |request| self.table.identify(request));
        let start = start(&identity);
        let opened = self.table.open_answered(now, start, status, response, keep);
        opened.unwrap();
    }

    pub fn respond(&mut self, id: TransactionId, status: Status, response: &str) {
        let (now, response) = (self.now(), response.as_bytes());
        self.table
            .respond(now, id, status, response, Keep::Bytes, &mut self.wire);
    }

    pub fn respond_essentials(&mut self, id: TransactionId, status: Status, response: &str) {
        let (now, tag) = (self.now(), Text::from("ours"));
        let keep = Keep::Essentials { tag: &tag };
        self.table
            .respond(now, id, status, response.as_bytes(), keep, &mut self.wire);
    }

    /// Sends a request of ours, and returns it.
    pub fn send(&mut self, method: Method) -> (TransactionId, Branch, String) {
        let (id, branch) = self.table.reserve(method, OWNER).unwrap();
        let request = ours(method, branch);
        self.wire.transmit(&flow_of_tests(), request.as_bytes());
        let now = self.now();
        self.table.requested(
            now,
            id,
            flow_of_tests(),
            Timers::default(),
            request.as_bytes(),
        );
        (id, branch, request)
    }

    pub fn cancel(&mut self, id: TransactionId, extra: &str) {
        let now = self.now();
        self.table.cancel(now, id, extra.as_bytes(), &mut self.wire);
    }
}

pub fn start(identity: &Identity) -> Start<'_, u32> {
    Start {
        identity,
        flow: flow_of_tests(),
        timers: Timers::default(),
        owner: OWNER,
    }
}

/// A request of a client's, with its branch, To parameters and CSeq number.
pub fn theirs(method: &str, branch: &str, to: &str, cseq: u32) -> String {
    format!(
        "{method} sip:100@192.0.2.1 SIP/2.0\r\n\
         Via: SIP/2.0/UDP client.example.com:5062;{branch}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:200@192.0.2.1>;tag=theirs\r\n\
         To: <sip:100@192.0.2.1>{to}\r\n\
         Call-ID: call@client.example.com\r\n\
         CSeq: {cseq} {method}\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

fn ours(method: Method, branch: Branch) -> String {
    let branch = String::from_utf8(branch.as_bytes().to_vec()).unwrap();
    format!(
        "{method} sip:300@192.0.2.9:5062 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.1:5060;branch={branch};rport\r\n\
         Route: <sip:one.example.com;lr>, <sip:two.example.com;lr>\r\n\
         Route: <sip:three.example.com;lr>\r\n\
         Max-Forwards: 69\r\n\
         From: \"A\" <sip:200@192.0.2.1>;tag=ours\r\n\
         To: <sip:300@192.0.2.9:5062>\r\n\
         Call-ID: call@192.0.2.1\r\n\
         CSeq: 102 {method}\r\n\
         Content-Type: text/plain\r\n\
         Content-Length: 4\r\n\r\n\
         body"
    )
}

/// A response to `request` with `status` as its code and phrase, and `to`
/// added to its To.
pub fn answer(request: &str, status: &str, to: &str) -> String {
    let mut response = format!("SIP/2.0 {status}\r\n");
    for line in request.lines().skip(1) {
        let name = line.split(':').next().unwrap_or_default();
        match name {
            "Via" | "From" | "Call-ID" | "CSeq" => response.push_str(&format!("{line}\r\n")),
            "To" => response.push_str(&format!("{line}{to}\r\n")),
            _ => {}
        }
    }
    response + "Content-Length: 0\r\n\r\n"
}
