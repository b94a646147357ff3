//! Who is turned away is told, with the reason; nobody else is.

use super::*;
use crate::auth::{self, Identity};
use crate::config::{Acl, Rule, Secret};
use crate::machine::Suspicion;
use crate::wire::DigestParams;

/// A shard that is asked for security events: 1001 has a secret, and so has
/// 1002, who may come from nowhere. Guests are not welcome.
fn rig() -> Rig {
    let mut rig = Rig::with(|general, [ann, bob]| {
        general.allowguest = false;
        ann.secret = Secret::Plain("right".into());
        bob.secret = Secret::Plain("right".into());
        bob.acl = Acl(vec![Rule {
            permit: false,
            network: "0.0.0.0".parse().unwrap(),
            prefix: 0,
        }]);
    });
    rig.out.set_security(true);
    rig
}

fn register(user: &str, cseq: u32, more: &str) -> String {
    format!(
        "REGISTER sip:{ENGINE} SIP/2.0\nVia: SIP/2.0/UDP {ALICE};branch=z9hG4bK{user}{cseq}\n\
         From: <sip:{user}@{ENGINE}>;tag=r\nTo: <sip:{user}@{ENGINE}>\nCall-ID: reg-{user}\n\
         CSeq: {cseq} REGISTER\nContact: <sip:{user}@{ALICE}>\nMax-Forwards: 70\n{more}\
         Content-Length: 0\n\n"
    )
}

/// What is told when `user` registers with `password`: after the challenge,
/// and after the answer to it.
fn told(rig: &mut Rig, user: &str, password: &str) -> (Vec<Suspicion>, Vec<Suspicion>) {
    let sent = rig.receive(ALICE, &register(user, 1, ""));
    let first = suspicions(rig);
    let challenge = header(&sent[0].1, "WWW-Authenticate").to_owned();
    let identity = Identity {
        user: user.as_bytes(),
        secret: auth::Secret::Plain(password.as_bytes()),
        realm: None,
    };
    let answer = auth::respond(
        std::iter::once(DigestParams::parse(challenge.as_bytes())),
        &[identity],
        b"REGISTER",
        b"sip:127.0.0.1:5060",
        1,
        1,
    );
    let answer = String::from_utf8(answer.unwrap()).unwrap();
    rig.receive(
        ALICE,
        &register(user, 2, &format!("Authorization: {answer}\n")),
    );
    (first, suspicions(rig))
}

fn suspicions(rig: &mut Rig) -> Vec<Suspicion> {
    rig.out.take_events().map(|event| event.suspicion).collect()
}

#[test]
fn a_wrong_secret_a_stranger_and_an_acl_are_told_after_an_answered_challenge() {
    let cases = [
        ("1001", "right", vec![]),
        ("1001", "wrong", vec![Suspicion::InvalidPassword]),
        ("4711", "right", vec![Suspicion::InvalidAccountId]),
        ("1002", "right", vec![Suspicion::FailedAcl]),
    ];
    for (user, password, after) in cases {
        let mut rig = rig();
        let (first, second) = told(&mut rig, user, password);
        assert_eq!(first, [], "a challenge is no reason to suspect {user}");
        assert_eq!(second, after, "{user} with {password}");
    }
}

#[test]
fn an_event_says_who_whence_and_in_which_call() {
    let mut rig = rig();
    rig.receive(ALICE, &INVITE.replace("CSeq: 1 INVITE", "CSeq: 1 BYE"));
    let event = rig.out.take_events().next().unwrap();
    assert_eq!(event.suspicion, Suspicion::RequestBadFormat);
    assert_eq!(&*event.account, b"1001");
    assert_eq!(&*event.method, b"INVITE");
    assert_eq!(&*event.call_id, b"call-a");
    assert_eq!(event.flow.remote.to_string(), ALICE);
    assert_eq!(event.flow.local.to_string(), ENGINE);
}

#[test]
fn a_guest_who_dials_at_random_is_told_and_one_who_dials_right_is_not() {
    let mut rig = Rig::with(|general, _| general.allowguest = true);
    rig.out.set_security(true);
    let guest = INVITE.replace("sip:1001@", "sip:guest@");
    rig.receive(ALICE, &guest);
    assert_eq!(suspicions(&mut rig), []);
    let random = [
        ("sip:1002@127.0.0.1:5060", "sip:x@127.0.0.1"),
        ("call-a", "call-b"),
        ("bKinvite", "bKrandom"),
    ];
    let random = random
        .iter()
        .fold(guest, |text, (from, to)| text.replace(from, to));
    rig.receive(ALICE, &random);
    assert_eq!(suspicions(&mut rig), [Suspicion::RequestNotAllowed]);
}

#[test]
fn nothing_is_made_where_nobody_asks() {
    let mut rig = rig();
    rig.out.set_security(false);
    assert_eq!(told(&mut rig, "1001", "wrong"), (vec![], vec![]));
}
