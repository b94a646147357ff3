//! A shard whose messages come and go by streams.

use super::*;
use crate::base::{ConnectionId, Transport, Ways};
use crate::machine::Proven;

/// Where Bob's telephone connects from.
const BOB_FROM: &str = "127.0.0.1:40002";
/// Where Alice's does.
const ALICE_FROM: &str = "127.0.0.1:40001";

/// The connection of a number that comes from a place; owned by another shard.
fn connection(number: u32, from: &str) -> Flow {
    Flow {
        transport: Transport::Tcp,
        owner: 3,
        connection: ConnectionId::new(number),
        ..Flow::udp(1, ENGINE.parse().unwrap(), from.parse().unwrap())
    }
}

/// 1001 and 1002 may come by both.
fn rig() -> Rig {
    Rig::with(both)
}

fn both(_: &mut General, peers: &mut [Peer; 2]) {
    for peer in peers {
        let all = [Transport::Udp, Transport::Tcp];
        peer.transports = crate::config::Transports::of(all).unwrap();
    }
}

impl Rig {
    fn input(&mut self, input: Input<'_>) -> Vec<(Flow, String)> {
        self.shard.handle(self.now, input, &mut self.out);
        self.flows()
    }

    fn flows(&mut self) -> Vec<(Flow, String)> {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let sends = self.out.sends();
        let sent = sends.map(|(flow, bytes)| (*flow, text(bytes))).collect();
        self.out.clear_sends();
        sent
    }

    fn stream(&mut self, flow: Flow, message: &str) -> Vec<(Flow, String)> {
        let bytes = message.replace('\n', "\r\n").replace("/UDP", "/TCP");
        self.input(Input::Datagram {
            bytes: bytes.as_bytes(),
            flow,
        })
    }

    /// A message of Alice's that comes without a stream.
    fn datagram(&mut self, message: &str) -> Vec<(Flow, String)> {
        let bytes = message.replace('\n', "\r\n");
        let bytes = bytes.as_bytes();
        let flow = Flow::udp(0, ENGINE.parse().unwrap(), ALICE.parse().unwrap());
        self.input(Input::Datagram { bytes, flow })
    }

    fn unsent(&mut self, (flow, text): &(Flow, String)) -> Vec<(Flow, String)> {
        self.input(Input::Unsent {
            bytes: text.as_bytes(),
            flow: *flow,
        })
    }

    /// Bob registers over his connection and Alice calls him over hers: the
    /// INVITE he gets.
    fn bob_is_called(&mut self) -> (Flow, String) {
        let contact = format!("<sip:1002@{BOB};transport=tcp>");
        self.stream(connection(7, BOB_FROM), &register(&contact));
        let sent = self.stream(connection(6, ALICE_FROM), INVITE);
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.into_iter().next().unwrap()
    }
}

fn register(contact: &str) -> String {
    format!(
        "REGISTER sip:{ENGINE} SIP/2.0\nVia: SIP/2.0/TCP {BOB};branch=z9hG4bKr\n\
         From: <sip:1002@{ENGINE}>;tag=r\nTo: <sip:1002@{ENGINE}>\nCall-ID: reg\n\
         CSeq: 1 REGISTER\nContact: {contact}\nMax-Forwards: 70\nExpires: 3600\nContent-Length: 0\n\n"
    )
}

#[test]
fn a_call_takes_the_connection_of_the_registration() {
    let mut rig = rig();
    let (flow, invite) = rig.bob_is_called();
    assert_eq!(flow, connection(7, BOB_FROM));
    assert!(header(&invite, "Via").starts_with("SIP/2.0/TCP 127.0.0.1:5060;"));
    assert!(header(&invite, "Contact").ends_with("@127.0.0.1:5060;transport=tcp>"));
    let answer = respond(&invite, "200 OK", "", "");
    let sent = rig.stream(flow, &answer);
    let ways: Vec<Flow> = sent.iter().map(|(flow, _)| *flow).collect();
    assert_eq!(ways, [flow, connection(6, ALICE_FROM)], "{sent:?}");
    let ok = &sent[1].1;
    assert!(header(ok, "Contact").ends_with(";transport=tcp>"));
    rig.stream(connection(6, ALICE_FROM), &in_dialog(ok, "ACK", 1));
    let sent = rig.stream(connection(6, ALICE_FROM), &in_dialog(ok, "BYE", 2));
    assert!(sent[1].1.starts_with("BYE "), "{sent:?}");
    assert_eq!(sent[1].0, flow);
    rig.stream(flow, &respond(&sent[1].1, "200 OK", "", ""));
    // Only the INVITEs linger, as RFC 6026 has them.
    assert_eq!(rig.size("transactions"), 2);
    rig.wait(Duration::from_secs(33));
    assert_eq!(rig.size("transactions"), 0);
}

#[test]
fn nothing_is_sent_twice_but_a_2xx() {
    let mut rig = rig();
    let (flow, invite) = rig.bob_is_called();
    assert_eq!(rig.wait(Duration::from_millis(150)), []);
    let trying = rig.wait(Duration::from_secs(2));
    assert_eq!(trying.len(), 1, "{trying:?}");
    assert!(trying[0].1.starts_with("SIP/2.0 100 "), "{trying:?}");
    let sent = rig.stream(flow, &respond(&invite, "200 OK", "", ""));
    assert_eq!(sent.len(), 2);
    // RFC 3261 §13.3.1.4: hops beyond may lose it.
    let again = rig.wait(Duration::from_secs(1));
    assert_eq!(again.len(), 1, "{again:?}");
    assert!(again[0].1.starts_with("SIP/2.0 200 OK"), "{again:?}");
}

#[test]
fn a_refused_call_leaves_nothing_once_it_is_acknowledged() {
    let mut rig = rig();
    let (flow, invite) = rig.bob_is_called();
    let sent = rig.stream(flow, &respond(&invite, "486 Busy Here", "", ""));
    let refusal = &sent
        .iter()
        .find(|(_, text)| text.starts_with("SIP/2.0 486"))
        .unwrap()
        .1;
    assert_eq!(rig.size("transactions"), 1);
    let ack = in_dialog(refusal, "ACK", 1).replace("z9hG4bKACK", "z9hG4bKinvite");
    rig.stream(connection(6, ALICE_FROM), &ack);
    assert_eq!(rig.size("transactions"), 0);
}

#[test]
fn a_gone_connection_is_replaced_by_one_to_the_contact() {
    let mut rig = rig();
    let invite = rig.bob_is_called();
    let again = rig.unsent(&invite);
    assert_eq!(again.len(), 1, "{again:?}");
    let (flow, text) = &again[0];
    assert_eq!((flow.connection, flow.remote), (None, BOB.parse().unwrap()));
    assert_eq!((flow.owner, flow.transport), (0, Transport::Tcp));
    assert_eq!(*text, invite.1);
    let sent = rig.unsent(&again[0]);
    assert!(sent[0].1.starts_with("SIP/2.0 503 "), "{sent:?}");
    assert_eq!(rig.size("calls"), 0);
}

#[test]
fn a_broken_connection_fails_what_is_on_its_way() {
    let mut rig = rig();
    let (flow, _) = rig.bob_is_called();
    let other = rig.input(Input::Broken {
        flow: connection(6, ALICE_FROM),
    });
    assert_eq!(other, []);
    let sent = rig.input(Input::Broken { flow });
    assert!(sent[0].1.starts_with("SIP/2.0 503 "), "{sent:?}");
    assert_eq!(sent[0].0, connection(6, ALICE_FROM));
}

#[test]
fn a_call_outlives_a_request_that_was_lost_with_its_connection() {
    let mut rig = rig();
    let (flow, invite) = rig.bob_is_called();
    let sent = rig.stream(flow, &respond(&invite, "200 OK", "", ""));
    let ok = sent[1].1.clone();
    let alice = connection(6, ALICE_FROM);
    rig.stream(alice, &in_dialog(&ok, "ACK", 1));
    let info = rig.stream(alice, &in_dialog(&ok, "INFO", 2));
    assert_eq!(info[0].0, flow, "{info:?}");
    let sent = rig.input(Input::Broken { flow });
    assert!(sent[0].1.starts_with("SIP/2.0 503 "), "{sent:?}");
    assert_eq!((sent.len(), rig.size("calls")), (1, 1));
    let bye = rig.stream(alice, &in_dialog(&ok, "BYE", 3));
    let again = rig.unsent(&bye[1]);
    assert!(again[0].1.starts_with("BYE "), "{again:?}");
    assert_eq!(
        (again[0].0.connection, again[0].0.remote),
        (None, BOB.parse().unwrap())
    );
}

#[test]
fn a_phone_that_rings_may_answer_by_another_connection() {
    let mut rig = rig();
    let (flow, invite) = rig.bob_is_called();
    rig.stream(flow, &respond(&invite, "180 Ringing", "", ""));
    assert_eq!(rig.input(Input::Broken { flow }), []);
    let other = connection(9, "127.0.0.1:40009");
    let sent = rig.stream(other, &respond(&invite, "200 OK", "", ""));
    assert!(
        sent.iter()
            .any(|(_, text)| text.starts_with("SIP/2.0 200 OK"))
    );
}

#[test]
fn a_response_without_its_connection_goes_to_sent_by() {
    let mut rig = rig();
    let sent = rig.stream(connection(6, ALICE_FROM), &INVITE.replace("1002", "1009"));
    let refusal = &sent[0];
    assert_eq!(refusal.0, connection(6, ALICE_FROM));
    let again = rig.unsent(refusal);
    assert_eq!(again[0].0.remote, ALICE.parse().unwrap());
    assert_eq!((again[0].0.connection, &again[0].1), (None, &refusal.1));
    assert_eq!(rig.unsent(&again[0]), []);
}

#[test]
fn a_contact_may_want_a_stream_though_it_registered_without() {
    let mut rig = rig();
    let contact = format!("<sip:1002@{BOB};transport=tcp>");
    rig.receive(BOB, &register(&contact));
    let flow = rig.datagram(INVITE)[0].0;
    assert_eq!((flow.transport, flow.connection), (Transport::Tcp, None));
    assert_eq!((flow.socket, flow.remote), (1, BOB.parse().unwrap()));
}

/// A call whose INVITE is larger than it should be for a datagram, and that.
fn large_call(tcp_switch: bool) -> (Rig, (Flow, String)) {
    let body = "o".repeat(1400);
    let body = format!("Content-Length: 1400\n\n{body}");
    let large = INVITE.replace("Content-Length: 5\n\noffer", &body);
    let mut rig = Rig::with(|general, _| general.tcp_switch = tcp_switch);
    rig.register("1002", BOB);
    let mut sent = rig.datagram(&large);
    assert_eq!(sent.len(), 1, "{sent:?}");
    (rig, sent.remove(0))
}

#[test]
fn a_large_request_takes_a_stream_if_it_may_and_a_datagram_if_it_must() {
    let (_, (flow, _)) = large_call(false);
    assert_eq!(flow.transport, Transport::Udp);
    let (mut rig, invite) = large_call(true);
    assert_eq!(invite.0.transport, Transport::Tcp);
    assert!(header(&invite.1, "Via").starts_with("SIP/2.0/TCP "));
    assert!(!header(&invite.1, "Contact").contains("transport"));
    assert_eq!(rig.wait(Duration::from_millis(150)), []);
    let again = rig.unsent(&invite);
    assert_eq!(again[0].0.transport, Transport::Udp);
    assert!(header(&again[0].1, "Via").starts_with("SIP/2.0/UDP "));
    let copies = rig.wait(Duration::from_secs(1));
    let invites = copies
        .iter()
        .filter(|(_, text)| text.starts_with("INVITE "));
    assert_eq!(invites.count(), 1, "timer A runs");
}

#[test]
fn what_was_cancelled_before_it_could_be_sent_is_not_tried_again() {
    let (mut rig, invite) = large_call(true);
    let cancel = INVITE
        .replace("INVITE sip:1002", "CANCEL sip:1002")
        .replace("1 INVITE", "1 CANCEL");
    rig.datagram(&cancel);
    assert_eq!(rig.unsent(&invite), []);
    assert_eq!(
        rig.wait(Duration::from_millis(500)).len(),
        1,
        "the 487 again"
    );
}

#[test]
fn a_device_is_called_by_what_is_spoken_of_what_it_may_use() {
    let called_by = |transports: &[Transport], spoken: &[&str]| {
        let mut rig = Rig::with(|_, [_, bob]| {
            bob.host = crate::config::Host::Fixed(BOB.parse().unwrap());
            let transports = transports.iter().copied();
            bob.transports = crate::config::Transports::of(transports).unwrap();
        });
        let streams: Vec<SocketAddr> = spoken.iter().map(|at| at.parse().unwrap()).collect();
        rig.shard.exchange.ways = Ways::new(0, &[ENGINE.parse().unwrap()], &streams);
        let (flow, text) = rig.datagram(INVITE).remove(0);
        match text.starts_with("INVITE ") {
            true => Ok(flow.transport),
            false => Err(text[8..11].to_owned()),
        }
    };
    use Transport::{Tcp, Udp};
    assert_eq!(called_by(&[Tcp, Udp], &[ENGINE]), Ok(Tcp));
    assert_eq!(called_by(&[Tcp, Udp], &[]), Ok(Udp));
    assert_eq!(called_by(&[Udp], &[ENGINE]), Ok(Udp));
    assert_eq!(called_by(&[Tcp], &[]), Err("503".into()));
}

#[test]
fn a_device_comes_only_by_the_transports_it_lists() {
    let mut rig = Rig::new();
    let contact = format!("<sip:1002@{BOB}>");
    let sent = rig.stream(connection(7, BOB_FROM), &register(&contact));
    assert!(sent[0].1.starts_with("SIP/2.0 403 "), "{sent:?}");
    let sent = rig.stream(connection(6, ALICE_FROM), INVITE);
    assert!(sent[0].1.starts_with("SIP/2.0 403 "), "{sent:?}");
}

#[test]
fn who_is_known_is_told_of_with_an_alias_of_its_own_host_only() {
    let proven = |via: &str| {
        let mut rig = rig();
        let text = register("*").replace("Expires: 3600", "Expires: 0");
        let text = text.replace(&format!("{BOB};"), &format!("{via};"));
        rig.stream(connection(7, BOB_FROM), &text);
        rig.out.take_proven().collect::<Vec<_>>()
    };
    let flow = connection(7, BOB_FROM);
    let alias = |alias| [Proven { flow, alias }];
    assert_eq!(proven(BOB), alias(None));
    assert_eq!(proven("127.0.0.1:7002;alias"), alias(Some(7002)));
    assert_eq!(proven("192.0.2.1:7002;alias"), alias(None));
    assert_eq!(proven("127.0.0.1;alias"), alias(Some(5060)));
}
