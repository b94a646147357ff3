//! What a shard keeps: bytes per established call, per finished call whose
//! transactions linger, per registered contact.
//!
//! Counted are the live bytes of the heap, each allocation with what the C
//! library adds to it, and of the tables that take their address space at the
//! start the slots in use with their share of the index.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pinion_sip::base::{Flow, Instant};
use pinion_sip::config::{Config, General, Peer, PeerKind, Peers};
use pinion_sip::dialplan::{Line, PlanBuilder};
use pinion_sip::machine::{Input, Machine, Outbox};
use pinion_sip::shard::{Setup, Shard};

const ENGINE: &str = "127.0.0.1:5060";
const CALLER: &str = "127.0.0.1:7001";
const CALLEE: &str = "127.0.0.1:7002";

/// What glibc adds to an allocation: 8 bytes, and on average 8 for alignment.
const OVERHEAD_BYTES: i64 = 16;

const CALLS: u32 = 4000;

/// What the flight recorder of a call takes that has been answered.
const FLIGHT_RECORDER: i64 = 128;
const CONTACTS: u32 = 10_000;

/// Contacts registered within the time a transaction lingers.
const BATCH: u32 = 200;

const SDP: &str = "v=0\r\no=a 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 6000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n";

/// A shard between phones that follow a script.
struct Stage {
    shard: Shard,
    out: Outbox,
    now: Instant,
}

/// The caller's side of one call: its number and the To tag it was given.
struct Standing {
    number: u32,
    tag: String,
}

impl Stage {
    fn new() -> Stage {
        let mut builder = PlanBuilder::new();
        let context = builder.context("default");
        let line = Line {
            exten: "_X.",
            caller: None,
            priority: 1,
            label: None,
            application: "Dial",
            arguments: "SIP/${EXTEN},20",
            at: "test:1",
        };
        builder.add(context, line).expect("the only line");
        let names = (0..CONTACTS).map(|n| (100_000 + n).to_string());
        let peers = names.map(|name| Peer::new(&name, PeerKind::Friend));
        let config = Config {
            general: General::default(),
            peers: Peers::new(peers),
            plan: Arc::new(builder.build()),
            realtime: None,
        };
        let shard = Shard::new(Setup::alone(Arc::new(config), address(ENGINE)));
        let mut stage = Stage {
            shard,
            out: Outbox::new(256),
            now: Instant::START,
        };
        stage.register(0);
        stage
    }

    /// Hands a datagram in; returns what came out.
    fn exchange(&mut self, from: &str, datagram: &str) -> Vec<String> {
        let flow = Flow::udp(0, address(ENGINE), address(from));
        self.now = self.now + Duration::from_micros(50);
        let bytes = datagram.as_bytes();
        self.shard
            .handle(self.now, Input::Datagram { bytes, flow }, &mut self.out);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let sent = self.out.sends().map(|(_, bytes)| text(bytes)).collect();
        self.out.clear_sends();
        sent
    }

    /// Registers the user of that number.
    fn register(&mut self, user: u32) {
        let name = 100_000 + user;
        let sent = self.exchange(
            CALLEE,
            &format!(
                "REGISTER sip:{ENGINE} SIP/2.0\r\nVia: SIP/2.0/UDP {CALLEE};branch=z9hG4bKr{user}\r\n\
                 Max-Forwards: 70\r\nFrom: <sip:{name}@{ENGINE}>;tag=r\r\nTo: <sip:{name}@{ENGINE}>\r\n\
                 Call-ID: {user}-registration@{CALLEE}\r\nCSeq: 1 REGISTER\r\n\
                 Contact: <sip:{name}@{CALLEE};transport=udp>\r\nUser-Agent: Telephone 1.2.3\r\n\
                 Expires: 3600\r\nContent-Length: 0\r\n\r\n"
            ),
        );
        assert!(sent[0].starts_with("SIP/2.0 200"), "{}", sent[0]);
    }

    /// INVITE, 180, 200, ACK.
    fn establish(&mut self, number: u32) -> Standing {
        let head = head("INVITE", number, 1, "");
        let length = SDP.len();
        let invite = format!(
            "{head}Contact: <sip:100001@{CALLER}>\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n\
             Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{SDP}"
        );
        let forked = self.exchange(CALLER, &invite);
        let forked = forked.last().expect("the callee's INVITE");
        self.exchange(CALLEE, &answer(forked, "180 Ringing", ""));
        let answered = self.exchange(CALLEE, &answer(forked, "200 OK", SDP));
        let ok = answered.last().expect("the caller's 200");
        assert!(ok.starts_with("SIP/2.0 200"), "{ok}");
        let to = line(ok, "To: ");
        let tag = to.split_once(";tag=").expect("a tag").1.to_owned();
        let ack = self::head("ACK", number, 1, &tag);
        self.exchange(CALLER, &format!("{ack}Content-Length: 0\r\n\r\n"));
        Standing { number, tag }
    }

    /// BYE by the caller, and its 200 by the callee.
    fn finish(&mut self, call: &Standing) {
        let bye = head("BYE", call.number, 2, &call.tag);
        let ended = self.exchange(CALLER, &format!("{bye}Content-Length: 0\r\n\r\n"));
        assert_eq!(ended.len(), 2, "200 to the caller, BYE to the callee");
        self.exchange(CALLEE, &answer(&ended[1], "200 OK", ""));
    }

    /// Lets time pass.
    fn rest(&mut self, wait: Duration) {
        let until = self.now + wait;
        while let Some(due) = self.shard.deadline().filter(|&due| due <= until) {
            self.now = self.now.max(due);
            self.shard.handle(self.now, Input::Elapsed, &mut self.out);
            assert_eq!(self.out.sends_len(), 0, "nobody has to repeat anything");
        }
        self.now = until;
    }

    /// Entries of a table.
    fn size(&self, table: &str) -> u64 {
        let row = self
            .shard
            .sizes()
            .into_iter()
            .find(|(name, _)| *name == table);
        row.expect("a table").1
    }
}

/// Bytes the shard keeps more after `work` than before it.
fn growth(stage: &mut Stage, work: impl FnOnce(&mut Stage)) -> i64 {
    let tables = stage.shard.table_bytes() as i64;
    let counted = allocation_counter::measure(|| work(stage));
    let tables = stage.shard.table_bytes() as i64 - tables;
    counted.bytes_current + counted.count_current * OVERHEAD_BYTES + tables
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn head(method: &str, number: u32, cseq: u32, to_tag: &str) -> String {
    let to_tag = match to_tag {
        "" => String::new(),
        tag => format!(";tag={tag}"),
    };
    format!(
        "{method} sip:100000@{ENGINE} SIP/2.0\r\n\
         Via: SIP/2.0/UDP {CALLER};branch=z9hG4bK-{method}-{number};rport\r\nMax-Forwards: 70\r\n\
         From: \"Alice\" <sip:100001@{ENGINE}>;tag=from-{number}\r\n\
         To: <sip:100000@{ENGINE}>{to_tag}\r\nCall-ID: {number}-call@{CALLER}\r\n\
         CSeq: {cseq} {method}\r\nUser-Agent: Telephone 1.2.3\r\n"
    )
}

/// The value of the first header line that begins so.
fn line<'m>(message: &'m str, name: &str) -> &'m str {
    let value = message.lines().find_map(|line| line.strip_prefix(name));
    value.unwrap_or_else(|| panic!("no {name} in {message}"))
}

/// A response of the callee to a request of the engine.
fn answer(request: &str, status: &str, sdp: &str) -> String {
    let to = line(request, "To: ");
    let tag = if to.contains(";tag=") {
        ""
    } else {
        ";tag=callee-1"
    };
    let copied = ["Via: ", "From: ", "Call-ID: ", "CSeq: "]
        .map(|name| format!("{name}{}\r\n", line(request, name)))
        .concat();
    let length = sdp.len();
    let content = if sdp.is_empty() {
        ""
    } else {
        "Content-Type: application/sdp\r\n"
    };
    format!(
        "SIP/2.0 {status}\r\n{copied}To: {to}{tag}\r\nContact: <sip:100000@{CALLEE}>\r\n\
         {content}Content-Length: {length}\r\n\r\n{sdp}"
    )
}

/// Says what was measured, and that it is no more than it may be.
fn check(what: &str, bytes: i64, count: u32, most: i64) {
    let each = bytes / i64::from(count);
    println!("{each} bytes per {what}");
    assert!(each <= most, "{each} bytes per {what}, at most {most}");
}

/// Time enough for every alarm of a call to ring, the ringing callee's last.
const FORGETTING: Duration = Duration::from_secs(190);

/// Time enough for every transaction to end.
const LINGERING: Duration = Duration::from_secs(33);

#[test]
fn an_established_call() {
    let mut stage = Stage::new();
    stage.rest(LINGERING);
    let bytes = growth(&mut stage, |stage| {
        for batch in 0..8 {
            for number in 0..CALLS / 8 {
                stage.establish(batch * CALLS + number);
            }
            stage.rest(LINGERING);
        }
    });
    assert_eq!(stage.size("calls"), CALLS.into());
    assert_eq!(stage.size("transactions"), 0);
    check("established call", bytes, CALLS, 2560 + FLIGHT_RECORDER);
}

#[test]
fn a_finished_call() {
    let mut stage = Stage::new();
    stage.rest(LINGERING);
    let bytes = growth(&mut stage, |stage| {
        for number in 0..CALLS {
            let call = stage.establish(number);
            stage.finish(&call);
        }
        stage.rest(Duration::from_secs(1));
    });
    assert_eq!(stage.size("calls"), 0);
    assert_eq!(stage.size("transactions"), u64::from(CALLS) * 4);
    let what = "finished call while its transactions linger";
    check(what, bytes, CALLS, 768);
}

#[test]
fn a_call_that_is_over() {
    let mut stage = Stage::new();
    let calls = |stage: &mut Stage| {
        for number in 0..CALLS {
            let call = stage.establish(number);
            stage.finish(&call);
        }
        stage.rest(FORGETTING);
    };
    calls(&mut stage);
    let bytes = growth(&mut stage, calls);
    for table in ["calls", "dialogs", "transactions"] {
        assert_eq!(stage.size(table), 0, "{table}");
    }
    check("call that is over", bytes, CALLS, 0);
}

#[test]
fn a_registered_contact() {
    let mut stage = Stage::new();
    let register = |stage: &mut Stage, from: u32, to: u32| {
        for user in from..to {
            stage.register(user);
        }
        stage.rest(LINGERING);
    };
    register(&mut stage, 1, BATCH);
    let bytes = growth(&mut stage, |stage| {
        for first in (BATCH..CONTACTS).step_by(BATCH as usize) {
            register(stage, first, first + BATCH);
        }
    });
    assert_eq!(stage.size("bindings"), CONTACTS.into());
    check("registered contact", bytes, CONTACTS - BATCH, 400);
}
