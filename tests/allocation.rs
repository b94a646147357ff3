//! What retransmissions cost in memory: nothing.

use std::net::SocketAddr;
use std::sync::Arc;

use pinion_sip::base::{Flow, Instant, Limits, UnixTime};
use pinion_sip::config::{Config, General, Peer, PeerKind, Peers};
use pinion_sip::dialplan::{Line, PlanBuilder};
use pinion_sip::machine::{Input, Machine, Outbox};
use pinion_sip::shard::{Setup, Shard};

const ENGINE: &str = "127.0.0.1:5060";
const PHONE: &str = "127.0.0.1:7001";

fn shard() -> Shard {
    let mut builder = PlanBuilder::new();
    let context = builder.context("default");
    let line = Line {
        exten: "_X.",
        caller: None,
        priority: 1,
        label: None,
        application: "Wait",
        arguments: "600",
        at: "test:1",
    };
    builder.add(context, line).expect("the first line");
    let config = Config {
        general: General::default(),
        peers: Peers::new([Peer::new("1001", PeerKind::Friend)]),
        plan: Arc::new(builder.build()),
    };
    Shard::new(Setup {
        shard: 0,
        shards: 1,
        incarnation: 0,
        limits: Limits::default(),
        config: Arc::new(config),
        sockets: vec![ENGINE.parse().expect("an address")],
        seed: [1; 32],
        nonce_secret: [2; 32],
        unix_start: UnixTime(1_700_000_000),
    })
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn request(method: &str, extra: &str) -> Vec<u8> {
    format!(
        "{method} sip:1002@{ENGINE} SIP/2.0\r\nVia: SIP/2.0/UDP {PHONE};branch=z9hG4bK{method}1;rport\r\n\
         From: <sip:1001@{ENGINE}>;tag=a\r\nTo: <sip:1001@{ENGINE}>\r\nCall-ID: one\r\nCSeq: 1 {method}\r\n\
         Max-Forwards: 70\r\nContact: <sip:1001@{PHONE}>\r\n{extra}Content-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

/// Allocations of the second to fifth copy of a datagram, and the bytes each sent.
fn copies(shard: &mut Shard, datagram: &[u8]) -> (u64, usize) {
    let flow = Flow {
        socket: 0,
        local: address(ENGINE),
        remote: address(PHONE),
    };
    let mut out = Outbox::new(64);
    let mut take = |out: &mut Outbox| {
        shard.handle(
            Instant::from_micros(1_000),
            Input::Datagram {
                bytes: datagram,
                flow,
            },
            out,
        );
        let sent = out.sends().map(|(_, bytes)| bytes.len()).sum();
        out.clear_sends();
        sent
    };
    let _first: usize = take(&mut out);
    let mut sent = 0;
    let counted = allocation_counter::measure(|| {
        for _ in 0..4 {
            sent += take(&mut out);
        }
    });
    (counted.count_total, sent)
}

#[test]
fn a_repeated_invite_allocates_nothing() {
    let mut shard = shard();
    let (allocations, sent) = copies(&mut shard, &request("INVITE", ""));
    assert!(sent > 0, "each copy is answered by 100");
    assert_eq!(allocations, 0);
}

#[test]
fn a_repeated_register_allocates_nothing() {
    let mut shard = shard();
    let (allocations, sent) = copies(&mut shard, &request("REGISTER", "Expires: 60\r\n"));
    assert!(sent > 0, "each copy is answered by 200");
    assert_eq!(allocations, 0);
}

#[test]
fn a_repeated_options_allocates_nothing() {
    let mut shard = shard();
    let (allocations, sent) = copies(&mut shard, &request("OPTIONS", ""));
    assert!(sent > 0, "each copy is answered");
    assert_eq!(allocations, 0);
}
