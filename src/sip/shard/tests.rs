//! One shard, driven by hand: the way of one call through it.

mod asked;
mod callees;
mod channels;
mod course;
mod departures;
mod diversion;
mod early;
mod finals;
mod functions;
mod history;
mod messages;
mod options;
mod orders;
mod originations;
mod pickup;
mod records;
mod reload;
mod reoffers;
mod rows;
mod security;
mod stages;
mod streams;
mod targets;
mod unreachable;

use alloc::sync::Arc;
use core::net::SocketAddr;
use core::time::Duration;

use super::{Setup, Shard};
use crate::base::{Flow, Instant};
use crate::config::{Config, General, Peer, PeerKind, Peers};
use crate::dialplan::{Line, Plan, PlanBuilder, split_call};
use crate::machine::{Input, Machine, Outbox};

/// A shard, its outbox, and the time.
struct Rig {
    shard: Shard,
    out: Outbox,
    now: Instant,
}

/// `exten => _X.,n,application(arguments)` for each of them.
fn plan(lines: &[(&str, &str)]) -> Plan {
    let mut builder = PlanBuilder::new();
    for name in ["default", "own"] {
        let context = builder.context(name);
        for (index, (application, arguments)) in lines.iter().enumerate() {
            let line = Line {
                exten: "_X.",
                caller: None,
                priority: index as u32 + 1,
                label: None,
                application,
                arguments,
                at: "test",
            };
            builder.add(context, line).unwrap();
        }
    }
    builder.build()
}

/// A plan from lines `context,exten,priority,application(arguments)`.
fn plan_of(lines: &[&str]) -> Plan {
    let mut builder = PlanBuilder::new();
    for text in lines {
        let parts: Vec<&str> = text.splitn(4, ',').collect();
        let context = builder.context(parts[0]);
        let (application, arguments) = split_call(parts[3]);
        let line = Line {
            exten: parts[1],
            caller: None,
            priority: parts[2].parse().unwrap(),
            label: None,
            application,
            arguments,
            at: "test",
        };
        builder.add(context, line).unwrap();
    }
    builder.build()
}

const ENGINE: &str = "127.0.0.1:5060";
const ALICE: &str = "127.0.0.1:7001";
const BOB: &str = "127.0.0.1:7002";

impl Rig {
    fn new() -> Rig {
        Rig::with(|_, _| {})
    }

    /// One whose `[general]` and devices, 1001 and 1002, are as `change` leaves them.
    fn with(change: impl FnOnce(&mut General, &mut [Peer; 2])) -> Rig {
        Rig::made(&[("Dial", "SIP/${EXTEN},20")], change)
    }

    /// One that runs that plan.
    fn running(lines: &[(&str, &str)]) -> Rig {
        Rig::made(lines, |_, _| {})
    }

    fn made(lines: &[(&str, &str)], change: impl FnOnce(&mut General, &mut [Peer; 2])) -> Rig {
        Rig::following(plan(lines), change)
    }

    fn following(plan: Plan, change: impl FnOnce(&mut General, &mut [Peer; 2])) -> Rig {
        let mut general = General::default();
        let mut peers = ["1001", "1002"].map(|name| Peer::new(name, PeerKind::Friend));
        change(&mut general, &mut peers);
        let config = Config {
            general,
            peers: Peers::new(peers),
            plan: Arc::new(plan),
            realtime: None,
        };
        let shard = Shard::new(Setup {
            streams: vec![ENGINE.parse().unwrap()],
            ..Setup::alone(Arc::new(config), ENGINE.parse().unwrap())
        });
        Rig {
            shard,
            out: Outbox::new(64),
            now: Instant::START,
        }
    }

    /// Hands a message in and returns what goes out: (destination, message).
    fn receive(&mut self, from: &str, message: &str) -> Vec<(SocketAddr, String)> {
        let flow = Flow::udp(0, ENGINE.parse().unwrap(), from.parse().unwrap());
        let bytes = message.replace('\n', "\r\n");
        self.shard.handle(
            self.now,
            Input::Datagram {
                bytes: bytes.as_bytes(),
                flow,
            },
            &mut self.out,
        );
        self.sent()
    }

    fn wait(&mut self, duration: Duration) -> Vec<(SocketAddr, String)> {
        let until = self.now + duration;
        let mut sent = Vec::new();
        while let Some(deadline) = self.shard.deadline().filter(|&deadline| deadline <= until) {
            self.now = deadline.max(self.now);
            self.shard.handle(self.now, Input::Elapsed, &mut self.out);
            sent.extend(self.sent());
        }
        self.now = until;
        sent
    }

    fn sent(&mut self) -> Vec<(SocketAddr, String)> {
        let sent = self
            .out
            .sends()
            .map(|(flow, bytes)| (flow.remote, String::from_utf8_lossy(bytes).into()))
            .collect();
        self.out.clear_sends();
        sent
    }

    fn register(&mut self, user: &str, address: &str) {
        let sent = self.receive(
            address,
            &format!(
                "REGISTER sip:{ENGINE} SIP/2.0\nVia: SIP/2.0/UDP {address};branch=z9hG4bKr{user}\n\
                 From: <sip:{user}@{ENGINE}>;tag=r\nTo: <sip:{user}@{ENGINE}>\nCall-ID: reg-{user}\n\
                 CSeq: 1 REGISTER\nContact: <sip:{user}@{address}>\nMax-Forwards: 70\n\
                 Expires: 3600\nContent-Length: 0\n\n"
            ),
        );
        assert!(sent[0].1.starts_with("SIP/2.0 200 OK\r\n"), "{}", sent[0].1);
        assert!(
            sent[0]
                .1
                .contains(&format!("Contact: <sip:{user}@{address}>;expires=3600\r\n")),
            "{}",
            sent[0].1
        );
    }

    fn size(&self, table: &str) -> u64 {
        self.shard
            .sizes()
            .iter()
            .find(|(name, _)| *name == table)
            .unwrap()
            .1
    }
}

/// The value of a header.
fn header<'a>(message: &'a str, name: &str) -> &'a str {
    let line = message
        .lines()
        .find(|line| line.starts_with(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name} in\n{message}"))
        .split_once(": ")
        .unwrap()
        .1
}

/// A response to a request, as a phone writes it.
fn respond(request: &str, status: &str, extra: &str, body: &str) -> String {
    let copied = ["Via", "From", "Call-ID", "CSeq"]
        .map(|name| format!("{name}: {}\n", header(request, name)));
    format!(
        "SIP/2.0 {status}\n{}To: {};tag=bob\nContact: <sip:1002@{BOB}>\n{extra}Content-Length: {}\n\n{body}",
        copied.concat(),
        header(request, "To"),
        body.len(),
    )
}

const INVITE: &str = "INVITE sip:1002@127.0.0.1:5060 SIP/2.0\n\
    Via: SIP/2.0/UDP 127.0.0.1:7001;branch=z9hG4bKinvite\n\
    From: \"Alice\" <sip:1001@127.0.0.1>;tag=alice\nTo: <sip:1002@127.0.0.1>\nCall-ID: call-a\n\
    CSeq: 1 INVITE\nContact: <sip:1001@127.0.0.1:7001>\nMax-Forwards: 70\n\
    Content-Type: application/sdp\nContent-Length: 5\n\noffer";

/// A registered callee, a call up to its 200; returns the callee's INVITE and
/// the caller's 200.
fn call(rig: &mut Rig) -> (String, String) {
    rig.register("1001", ALICE);
    rig.register("1002", BOB);
    let sent = rig.receive(ALICE, INVITE);
    assert_eq!(sent.len(), 1, "{sent:?}");
    let (to, invite) = sent.into_iter().next().unwrap();
    assert_eq!(to, BOB.parse().unwrap());
    assert!(
        invite.starts_with("INVITE sip:1002@127.0.0.1:7002 SIP/2.0\r\n"),
        "{invite}"
    );
    assert!(invite.ends_with("\r\n\r\noffer"));
    assert_eq!(header(&invite, "Max-Forwards"), "69");
    let ringing = rig.receive(BOB, &respond(&invite, "180 Ringing", "", ""));
    assert_eq!(ringing.len(), 1, "{ringing:?}");
    assert!(ringing[0].1.starts_with("SIP/2.0 180 Ringing\r\n"));
    let answer = respond(
        &invite,
        "200 OK",
        "Content-Type: application/sdp\n",
        "answer",
    );
    let sent = rig.receive(BOB, &answer);
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(
        sent[0]
            .1
            .starts_with("ACK sip:1002@127.0.0.1:7002 SIP/2.0\r\n"),
        "{}",
        sent[0].1
    );
    assert!(
        sent[1].1.starts_with("SIP/2.0 200 OK\r\n") && sent[1].1.ends_with("answer"),
        "{}",
        sent[1].1
    );
    (invite, sent[1].1.clone())
}

fn in_dialog(ok: &str, method: &str, cseq: u32) -> String {
    let cseq_method = method;
    format!(
        "{method} sip:1002@127.0.0.1:5060 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:7001;branch=z9hG4bK{method}\n\
         From: {}\nTo: {}\nCall-ID: call-a\nCSeq: {cseq} {cseq_method}\nMax-Forwards: 70\nContent-Length: 0\n\n",
        header(ok, "From"),
        header(ok, "To"),
    )
}

#[test]
fn a_call_crosses_and_the_tables_empty() {
    let mut rig = Rig::new();
    let (_, ok) = call(&mut rig);
    assert!(rig.receive(ALICE, &in_dialog(&ok, "ACK", 1)).is_empty());
    let sent = rig.receive(ALICE, &in_dialog(&ok, "BYE", 2));
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(sent[0].1.starts_with("SIP/2.0 200 OK\r\n"));
    assert!(
        sent[1]
            .1
            .starts_with("BYE sip:1002@127.0.0.1:7002 SIP/2.0\r\n"),
        "{}",
        sent[1].1
    );
    assert_eq!(header(&sent[1].1, "X-Asterisk-HangupCauseCode"), "16");
    let bye = sent[1].1.clone();
    assert!(
        rig.receive(BOB, &respond(&bye, "200 OK", "", ""))
            .is_empty()
    );
    assert_eq!(rig.size("calls"), 0);
    rig.wait(Duration::from_secs(33));
    for table in ["calls", "dialogs", "transactions", "pending", "places"] {
        assert_eq!(rig.size(table), 0, "{table}");
    }
}

#[test]
fn the_callee_hangs_up() {
    let mut rig = Rig::new();
    let (invite, ok) = call(&mut rig);
    rig.receive(ALICE, &in_dialog(&ok, "ACK", 1));
    let bye = format!(
        "BYE {} SIP/2.0\nVia: SIP/2.0/UDP {BOB};branch=z9hG4bKbye\nFrom: {};tag=bob\nTo: {}\n\
         Call-ID: {}\nCSeq: 1 BYE\nMax-Forwards: 70\nContent-Length: 0\n\n",
        header(&invite, "Contact").trim_matches(['<', '>']),
        header(&invite, "To"),
        header(&invite, "From"),
        header(&invite, "Call-ID"),
    );
    let sent = rig.receive(BOB, &bye);
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(sent[0].1.starts_with("SIP/2.0 200 OK\r\n"));
    assert!(
        sent[1]
            .1
            .starts_with("BYE sip:1001@127.0.0.1:7001 SIP/2.0\r\n")
    );
}

#[test]
fn a_cancel_reaches_the_callee() {
    let mut rig = Rig::new();
    rig.register("1002", BOB);
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    rig.receive(BOB, &respond(&invite, "180 Ringing", "", ""));
    let cancel = INVITE
        .split("Contact")
        .next()
        .unwrap()
        .replace("INVITE", "CANCEL");
    let sent = rig.receive(
        ALICE,
        &format!("{cancel}Max-Forwards: 70\nContent-Length: 0\n\n"),
    );
    let lines: Vec<&str> = sent
        .iter()
        .map(|(_, message)| message.lines().next().unwrap())
        .collect();
    assert_eq!(
        lines,
        [
            "SIP/2.0 200 OK",
            "SIP/2.0 487 Request Terminated",
            "CANCEL sip:1002@127.0.0.1:7002 SIP/2.0"
        ]
    );
    assert_eq!(rig.size("calls"), 0);
}

/// The 100 to an INVITE of Alice's, and nothing else.
fn assert_is_trying(sent: &[(SocketAddr, String)], to: &str) {
    let [(remote, trying)] = sent else {
        panic!("{sent:?}");
    };
    assert_eq!(*remote, ALICE.parse().unwrap());
    assert!(trying.starts_with("SIP/2.0 100 Trying\r\n"), "{trying}");
    assert_eq!(header(trying, "To"), to);
    assert_eq!(header(trying, "Timestamp"), "54");
}

#[test]
fn an_invite_that_waits_is_answered_100() {
    let mut rig = Rig::new();
    rig.register("1002", BOB);
    let invite = INVITE.replace("Contact", "Timestamp: 54\nContact");
    let forked = rig.receive(ALICE, &invite).remove(0).1;
    let to = "<sip:1002@127.0.0.1>";
    assert_is_trying(&rig.receive(ALICE, &invite), to);
    assert!(
        rig.wait(Duration::from_millis(201)).is_empty(),
        "said before"
    );
    let answer = respond(&forked, "200 OK", "", "");
    let ok = rig.receive(BOB, &answer).remove(1).1;
    rig.receive(ALICE, &in_dialog(&ok, "ACK", 1));
    let again = in_dialog(&ok, "INVITE", 2)
        .replace("Max", "Timestamp: 54\nMax")
        .replace("bKINVITE", "bKagain");
    assert_eq!(rig.receive(ALICE, &again).len(), 1);
    assert!(rig.wait(Duration::from_millis(199)).is_empty());
    let to = header(&ok, "To");
    assert_is_trying(&rig.wait(Duration::from_millis(2)), to);
    assert_is_trying(&rig.receive(ALICE, &again), to);
}

#[test]
fn nobody_answers() {
    let mut rig = Rig::new();
    rig.register("1002", BOB);
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    rig.receive(BOB, &respond(&invite, "180 Ringing", "", ""));
    let sent = rig.wait(Duration::from_secs(20));
    let lines: Vec<&str> = sent
        .iter()
        .map(|(_, message)| message.lines().next().unwrap())
        .collect();
    assert_eq!(
        lines,
        [
            "CANCEL sip:1002@127.0.0.1:7002 SIP/2.0",
            "SIP/2.0 603 Declined"
        ]
    );
}

#[test]
fn a_plan_that_dials_nobody_for_ever_is_stopped() {
    let mut rig = Rig::running(&[("Dial", "SIP/1002"), ("Goto", "1")]);
    let sent = rig.receive(ALICE, INVITE);
    assert!(sent[0].1.starts_with("SIP/2.0 603 "), "{}", sent[0].1);
    assert_eq!(rig.size("calls"), 0);
}

#[test]
fn a_request_before_the_answer_does_not_cost_the_ack() {
    let mut rig = Rig::new();
    rig.register("1002", BOB);
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    let ringing = rig
        .receive(BOB, &respond(&invite, "180 Ringing", "", ""))
        .remove(0)
        .1;
    let sent = rig.receive(ALICE, &in_dialog(&ringing, "INFO", 2));
    assert!(sent[0].1.starts_with("SIP/2.0 500 "), "{}", sent[0].1);
    let answer = respond(
        &invite,
        "200 OK",
        "Content-Type: application/sdp\n",
        "answer",
    );
    let ok = rig.receive(BOB, &answer).remove(1).1;
    rig.receive(ALICE, &in_dialog(&ok, "ACK", 1));
    assert!(rig.wait(Duration::from_secs(40)).is_empty());
    assert_eq!(rig.size("calls"), 1);
}

#[test]
fn a_callee_that_hangs_up_while_it_rings_leaves_nothing() {
    let mut rig = Rig::new();
    rig.register("1002", BOB);
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    rig.receive(BOB, &respond(&invite, "180 Ringing", "", ""));
    let bye = format!(
        "BYE sip:1001@{ENGINE} SIP/2.0\nVia: SIP/2.0/UDP {BOB};branch=z9hG4bKbye\nFrom: {};tag=bob\n\
         To: {}\nCall-ID: {}\nCSeq: 1 BYE\nMax-Forwards: 70\nContent-Length: 0\n\n",
        header(&invite, "To"),
        header(&invite, "From"),
        header(&invite, "Call-ID"),
    );
    let sent = rig.receive(BOB, &bye);
    let lines: Vec<&str> = sent
        .iter()
        .map(|(_, message)| message.lines().next().unwrap())
        .collect();
    assert_eq!(
        lines[..2],
        ["SIP/2.0 200 OK", "CANCEL sip:1002@127.0.0.1:7002 SIP/2.0"]
    );
    rig.wait(Duration::from_secs(120));
    for table in ["calls", "dialogs", "transactions", "pending"] {
        assert_eq!(rig.size(table), 0, "{table}");
    }
}

#[test]
fn a_callee_not_heard_of_for_three_minutes_is_gone() {
    let mut rig = Rig::running(&[("Dial", "SIP/1002")]);
    rig.register("1002", BOB);
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    rig.receive(BOB, &respond(&invite, "180 Ringing", "", ""));
    rig.wait(Duration::from_secs(170));
    rig.receive(BOB, &respond(&invite, "180 Ringing", "", ""));
    rig.wait(Duration::from_secs(170));
    assert_eq!(rig.size("calls"), 1, "it was heard of");
    let sent = rig.wait(Duration::from_secs(20));
    assert!(
        sent.iter()
            .any(|(_, message)| message.starts_with("CANCEL "))
    );
    assert_eq!(rig.size("calls"), 0);
}
