//! What the network says of datagrams that reached nobody.

use super::*;
use crate::base::ShardId;
use crate::config::{Host, Qualify};
use crate::machine::{Body, Envelope};

impl Rig {
    /// The network quotes the first `len` bytes of `message`, sent to `remote`.
    fn unreachable(
        &mut self,
        remote: &str,
        message: &str,
        len: usize,
    ) -> Vec<(SocketAddr, String)> {
        let bytes = message.as_bytes().get(..len).unwrap();
        let remote = remote.parse().unwrap();
        let input = Input::Unreachable { bytes, remote };
        self.shard.handle(self.now, input, &mut self.out);
        self.sent()
    }

    fn counted(&self, counter: &str) -> u64 {
        let counters = self.shard.counters();
        counters
            .iter()
            .find(|(name, _)| *name == counter)
            .unwrap()
            .1
    }
}

/// Alice calls Bob: the INVITE he is sent.
fn bob_is_called(rig: &mut Rig) -> String {
    rig.register("1002", BOB);
    let sent = rig.receive(ALICE, INVITE);
    assert_eq!(
        (sent.len(), sent[0].0),
        (1, BOB.parse().unwrap()),
        "{sent:?}"
    );
    sent.into_iter().next().unwrap().1
}

/// As much as has the first Via, and no line after it whole.
fn shortest(message: &str) -> usize {
    let via = message.find("Via: ").unwrap();
    via + message[via..].find("\r\n").unwrap() + 2
}

#[test]
fn a_call_to_a_port_nobody_listens_at_fails_at_once() {
    for whole in [true, false] {
        let mut rig = Rig::new();
        let invite = bob_is_called(&mut rig);
        let len = if whole {
            invite.len()
        } else {
            shortest(&invite)
        };
        let sent = rig.unreachable(BOB, &invite, len);
        assert!(sent[0].1.starts_with("SIP/2.0 503 "), "{sent:?}");
        assert_eq!((sent.len(), sent[0].0), (1, ALICE.parse().unwrap()));
        assert_eq!((rig.size("calls"), rig.counted("unreachable")), (0, 1));
        assert_eq!(rig.unreachable(BOB, &invite, len), [], "it is over");
        assert_eq!(rig.counted("unreachable"), 1);
    }
}

#[test]
fn the_next_destination_is_tried_at_once() {
    let lines = [("Dial", "SIP/1002,20"), ("Dial", "SIP/1001,20")];
    let mut rig = Rig::running(&lines);
    rig.register("1001", "127.0.0.1:7003");
    let invite = bob_is_called(&mut rig);
    let sent = rig.unreachable(BOB, &invite, 300);
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(
        sent[0].1.starts_with("INVITE sip:1001@127.0.0.1:7003 "),
        "{sent:?}"
    );
}

#[test]
fn one_who_has_not_seen_the_branch_ends_no_call() {
    let mut rig = Rig::new();
    let invite = bob_is_called(&mut rig);
    let branch = invite.find("branch=").unwrap() + "branch=".len() + 7 + 31;
    let digit = if invite.as_bytes()[branch] == b'0' {
        "1"
    } else {
        "0"
    };
    let mut forged = invite.clone();
    forged.replace_range(branch..=branch, digit);
    assert_eq!(rig.unreachable(BOB, &forged, forged.len()), []);
    assert_eq!(
        rig.unreachable(ALICE, &invite, invite.len()),
        [],
        "went elsewhere"
    );
    let broken_off = shortest(&invite) - 3;
    assert_eq!(rig.unreachable(BOB, &invite, broken_off), []);
    for junk in [
        "",
        "\r\n\r\n",
        "SIP/2.0 200 OK\r\n",
        "\u{0}\u{0}",
        "INVITE\r\n",
    ] {
        assert_eq!(rig.unreachable(BOB, junk, junk.len()), [], "{junk:?}");
    }
    assert_eq!((rig.size("calls"), rig.counted("unreachable")), (1, 0));
}

#[test]
fn whoever_has_answered_is_there() {
    let mut rig = Rig::new();
    let invite = bob_is_called(&mut rig);
    rig.receive(BOB, &respond(&invite, "180 Ringing", "", ""));
    assert_eq!(rig.unreachable(BOB, &invite, invite.len()), []);
    let ok = rig.receive(BOB, &respond(&invite, "200 OK", "", ""));
    let ok = &ok
        .iter()
        .find(|(to, _)| *to == ALICE.parse().unwrap())
        .unwrap()
        .1;
    let acks = rig.receive(ALICE, &in_dialog(ok, "ACK", 1));
    for (_, ack) in acks {
        assert_eq!(rig.unreachable(BOB, &ack, ack.len()), []);
    }
    assert_eq!(rig.unreachable(BOB, &invite, invite.len()), []);
    assert_eq!((rig.size("calls"), rig.counted("unreachable")), (1, 0));
}

#[test]
fn a_call_outlives_a_request_that_reached_nobody() {
    let mut rig = Rig::new();
    let invite = bob_is_called(&mut rig);
    let ok = rig.receive(BOB, &respond(&invite, "200 OK", "", ""));
    let ok = &ok
        .iter()
        .find(|(to, _)| *to == ALICE.parse().unwrap())
        .unwrap()
        .1;
    rig.receive(ALICE, &in_dialog(ok, "ACK", 1));
    let info = rig.receive(ALICE, &in_dialog(ok, "INFO", 2));
    assert!(info[0].1.starts_with("INFO "), "{info:?}");
    let sent = rig.unreachable(BOB, &info[0].1, 300);
    assert!(sent[0].1.starts_with("SIP/2.0 503 "), "{sent:?}");
    assert_eq!((sent.len(), rig.size("calls")), (1, 1));
}

#[test]
fn a_watched_contact_that_is_not_there_is_left_out_when_its_time_is_up() {
    let mut rig = Rig::with(|_, [_, bob]| {
        bob.host = Host::Fixed(BOB.parse().unwrap());
        bob.qualify = Qualify::Within(Duration::from_secs(1));
    });
    let asked = rig.wait(Duration::from_secs(60));
    let asked: Vec<_> = asked
        .iter()
        .filter(|(_, text)| text.starts_with("OPTIONS "))
        .collect();
    assert!(!asked.is_empty());
    let (_, last) = asked.last().unwrap();
    assert_eq!(rig.unreachable(BOB, last, last.len()), []);
    rig.wait(Duration::from_secs(2));
    let sent = rig.receive(ALICE, INVITE);
    assert!(
        !sent.iter().any(|(_, text)| text.starts_with("INVITE ")),
        "{sent:?}"
    );
}

#[test]
fn the_shard_of_its_call_id_is_told() {
    let text = |call_id: &str| {
        format!(
            "INVITE sip:1002@{BOB} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {ENGINE};branch=z9hG4bK{:016x}{:016x}\r\n\
             Call-ID: {call_id}\r\nCSeq: 1 INV",
            1, 2
        )
    };
    let mut rig = Rig::new();
    rig.shard.exchange.shards = 2;
    let home = |call_id: &str| crate::base::shard_of(call_id.as_bytes(), 2);
    let names: Vec<String> = (0..16).map(|n| format!("call-{n}")).collect();
    let of = |shard: ShardId| names.iter().find(|name| home(name) == shard).unwrap();
    let here = text(of(0));
    assert_eq!(rig.unreachable(BOB, &here, here.len()), []);
    assert_eq!(rig.out.take_envelopes().count(), 0);
    let there = text(of(1));
    assert_eq!(rig.unreachable(BOB, &there, there.len()), []);
    let envelopes: Vec<Envelope> = rig.out.take_envelopes().collect();
    let [
        Envelope {
            from: 0,
            to: 1,
            body: Body::Unreachable { bytes, remote },
        },
    ] = envelopes.as_slice()
    else {
        panic!("{} envelopes", envelopes.len());
    };
    assert!(bytes.ends_with(b"\r\n") && there.as_bytes().starts_with(bytes));
    assert_eq!(*remote, BOB.parse().unwrap());
}
