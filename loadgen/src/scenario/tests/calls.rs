//! SIPp's own scenarios against each other, in virtual time.

use std::time::Duration;

use pinion_sip::base::Random;

use super::corpus::embedded;
use super::stage::{Stage, program};
use crate::scenario::Settings;

fn pair(client: &str, server: &str, calls: usize) -> Stage {
    let settings = || Settings {
        pause: Duration::from_millis(200),
        ..Settings::default()
    };
    let client = program(&embedded(client), settings(), &[]);
    Stage::new(client, program(&embedded(server), settings(), &[]), calls)
}

#[test]
fn uac_calls_uas() {
    let mut stage = pair("uac", "uas", 1);
    stage.run();
    assert_eq!(stage.outcome(), [(1, 0), (1, 0)]);
    assert_eq!(
        stage.lines(),
        [
            "-> INVITE sip:service@127.0.0.1:5002 SIP/2.0",
            "<- SIP/2.0 180 Ringing",
            "<- SIP/2.0 200 OK",
            "-> ACK sip:service@127.0.0.1:5002 SIP/2.0",
            "-> BYE sip:service@127.0.0.1:5002 SIP/2.0",
            "<- SIP/2.0 200 OK",
        ]
    );
    let invite = &stage.ladder[0];
    let body = invite.split("\r\n\r\n").nth(1).unwrap();
    assert!(body.starts_with("v=0\r\n") && body.ends_with("PCMU/8000\r\n"));
    assert!(invite.contains(&format!("Content-Length: {}\r\n", body.len())));
    assert!(
        stage.ladder[3].contains(";tag=1SIPpTag011\r\n"),
        "the callee's tag"
    );
}

#[test]
fn regexp_finds_what_it_seeks() {
    let mut stage = pair("regexp", "uas", 2);
    stage.run();
    assert_eq!(stage.outcome(), [(2, 0), (2, 0)]);
    let ack = stage
        .ladder
        .iter()
        .find(|text| text.contains("-> ACK"))
        .unwrap();
    assert!(ack.contains("retrievedIp: 127.0.0.1:5001\r\n"));
    assert!(ack.contains("retrievedSdpOrigin:o=user1 53655765 2353687637\r\n"));
    assert!(ack.contains("retrievedSdpOrigin-username:user1\r\n"));
}

#[test]
fn branches_are_taken_by_what_is_found() {
    // ua25 is among the callers of 30 calls: that one's ACK is skipped to BYE,
    // as is the pause; callers whose name lacks ua2 get 403.
    let mut stage = pair("branchc", "branchs", 30);
    stage.run();
    assert_eq!(stage.outcome(), [(30, 0), (30, 0)]);
    let refused = stage
        .ladder
        .iter()
        .filter(|text| text.contains("403 Error"));
    assert_eq!(
        refused.count(),
        30 - 11,
        "ua2 and ua20 to ua29 are not refused"
    );
}

#[test]
fn calls_survive_a_lossy_network() {
    let mut stage = pair("uac", "uas", 300).losing_one_of(20);
    stage.run();
    let [(client, client_failed), (server, _)] = stage.outcome();
    assert_eq!((client, client_failed), (300, 0));
    assert_eq!(server, 300);
    let score = stage.sides[0].caller.score();
    assert!(score.retransmissions > 10, "{}", score.retransmissions);
}

#[test]
fn the_same_seed_sends_the_same_bytes() {
    let ladder = || {
        let mut stage = pair("uac", "uas", 20).losing_one_of(10);
        stage.run();
        stage.ladder
    };
    assert_eq!(ladder(), ladder());
}

#[test]
fn a_silent_server_costs_six_invites_and_the_call() {
    let mut stage = pair("uac", "uas", 1).losing_one_of(1);
    stage.run();
    assert_eq!(stage.outcome()[0], (0, 1));
    assert_eq!(stage.ladder.len(), 6, "the INVITE and its five copies");
    assert_eq!(stage.elapsed(), Duration::from_millis(500 * 63));
    assert!(stage.causes(0)[0].ends_with("no answer to any copy"));
}

#[test]
fn no_message_however_broken_is_a_fault() {
    let mut stage = pair("regexp", "uas", 1);
    stage.run();
    let messages: Vec<Vec<u8>> = stage
        .ladder
        .iter()
        .map(|text| text.as_bytes()[3..].to_vec())
        .collect();
    let mut random = Random::from_u64(11);
    for _ in 0..300 {
        let mut stage = pair("regexp", "uas", 1);
        let broken = messages.iter().map(|message| {
            let mut message = message.clone();
            for _ in 0..random.below(6) {
                let at = random.below(message.len() as u64) as usize;
                match random.below(3) {
                    0 => message[at] = random.next_u64() as u8,
                    1 => message.truncate(at.max(1)),
                    _ => message.insert(at, b"\r\n:;<[ "[random.below(7) as usize]),
                }
            }
            message
        });
        stage.inject(broken.collect());
        stage.run();
        let [(client, failed), _] = stage.outcome();
        assert_eq!(client + failed, 1, "the call ends, one way or another");
    }
}
