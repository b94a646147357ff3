//! Calls that the engine begins itself.

use super::channels::{answer, firsts, rig};
use super::records::{recording, rules};
use super::*;
use crate::dialplan::{Goal, Origination, PATIENCE};
use crate::machine::{Disposition, Page, Query, Rows, Span};
use crate::modules::{Missing, Module};

const PLAN: &[&str] = &[
    "default,1002,1,Set(GLOBAL(CALLER)=${CALLERID(num)} ${CHANNEL} ${KIND})",
    "default,1002,2,Dial(SIP/1002,20)",
    "default,5,1,Originate(SIP/1001,exten,default,1002,1,7)",
    "default,5,2,Set(GLOBAL(STATUS)=${ORIGINATE_STATUS})",
    "default,5,3,Hangup(17)",
    "inner,_X.,1,Dial(SIP/${EXTEN},20)",
    "default,6,1,Originate(Local/1@loop,exten,default,1002)",
    "default,6,2,Set(GLOBAL(STATUS)=${ORIGINATE_STATUS})",
    "loop,1,1,Dial(Local/2@loop)",
    "loop,1,2,Goto(1)",
    "loop,2,1,Busy()",
];

const OFFER: &str = "v=0\r\nm=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";

fn origination(resource: &str, goal: Goal) -> Origination {
    let (tech, resource) = resource.split_once('/').unwrap();
    Origination {
        tech: tech.into(),
        resource: resource.into(),
        goal,
        caller: ("900".into(), "Desk".into()),
        variables: vec![("__KIND".into(), "test".into())],
        patience: PATIENCE,
    }
}

fn to_bob() -> Goal {
    Goal::Plan {
        context: "default".into(),
        exten: "1002".into(),
        priority: 1,
    }
}

fn originate(rig: &mut Rig, resource: &str, goal: Goal) -> u32 {
    let query = Query::Originate(Box::new(origination(resource, goal)));
    match rig.shard.serve(rig.now, query, &mut rig.out) {
        Page::Done(count) => count,
        page => panic!("{page:?}"),
    }
}

/// 200 with an offer of Alice's to the INVITE without one that rings her.
fn alice_answers(rig: &mut Rig, invite: &str) -> Vec<(SocketAddr, String)> {
    let ok = respond(invite, "200 OK", "Content-Type: application/sdp\n", OFFER);
    rig.receive(ALICE, &as_alice(&ok))
}

/// A response that is Alice's.
pub(super) fn as_alice(response: &str) -> String {
    response.replace("sip:1002@127.0.0.1:7002", "sip:1001@127.0.0.1:7001")
}

fn global(rig: &Rig, name: &str) -> Option<String> {
    rig.shard.exchange.globals.value(name).map(String::from)
}

/// Whoever answers talks to Bob: Bob is invited without an offer, what he offers
/// goes to Alice, what she answers goes to Bob, and both hang up.
fn talks_to_bob(rig: &mut Rig, mut sent: Vec<(SocketAddr, String)>) {
    let ack = sent.remove(0).1;
    assert!(ack.starts_with("ACK sip:1001@"), "{ack}");
    assert!(
        ack.contains("c=IN IP4 0.0.0.0\r\n") && ack.contains("a=inactive\r\n"),
        "{ack}"
    );
    let invite = sent.remove(0).1;
    assert!(invite.starts_with("INVITE sip:1002@"), "{invite}");
    assert!(invite.ends_with("\r\n\r\n"), "no offer: {invite}");
    let mut sent = rig.receive(BOB, &answer(&invite));
    let reinvite = sent.remove(0).1;
    assert!(reinvite.starts_with("INVITE sip:1001@"), "{reinvite}");
    assert!(
        reinvite.ends_with("\r\n\r\nanswer"),
        "Bob's offer: {reinvite}"
    );
    let ok = respond(
        &reinvite,
        "200 OK",
        "Content-Type: application/sdp\n",
        "alice",
    );
    let sent = rig.receive(ALICE, &as_alice(&ok));
    let lines = firsts(&sent);
    assert!(lines[0].starts_with("ACK sip:1001@"), "{lines:?}");
    assert!(lines[1].starts_with("ACK sip:1002@"), "{lines:?}");
    assert!(
        sent[1].1.ends_with("\r\n\r\nalice"),
        "her answer: {}",
        sent[1].1
    );
    let bye = request_of_callee(&ack, "BYE", 7);
    let lines = firsts(&rig.receive(ALICE, &bye));
    assert!(
        lines.iter().any(|line| line.starts_with("SIP/2.0 200")),
        "{lines:?}"
    );
    assert!(
        lines.iter().any(|line| line.starts_with("BYE sip:1002@")),
        "{lines:?}"
    );
    assert_eq!(rig.size("calls"), 0);
}

/// A request of the telephone that was sent this ACK.
fn request_of_callee(ack: &str, method: &str, cseq: u32) -> String {
    let (ours, theirs) = (header(ack, "From"), header(ack, "To"));
    let call_id = header(ack, "Call-ID");
    format!(
        "{method} sip:{ENGINE} SIP/2.0\nVia: SIP/2.0/UDP {ALICE};branch=z9hG4bKx{cseq}\n\
         From: {theirs}\nTo: {ours}\nCall-ID: {call_id}\nCSeq: {cseq} {method}\n\
         Max-Forwards: 70\nContent-Length: 0\n\n"
    )
}

#[test]
fn an_originated_call_goes_into_the_plan_once_it_is_answered() {
    let mut rig = rig(PLAN);
    assert_eq!(originate(&mut rig, "SIP/1001", to_bob()), 1);
    let invite = rig.sent().remove(0).1;
    assert!(
        invite.starts_with("INVITE sip:1001@127.0.0.1:7001"),
        "{invite}"
    );
    assert!(
        header(&invite, "From").starts_with("\"Desk\" <sip:900@"),
        "{invite}"
    );
    rig.receive(ALICE, &respond(&invite, "180 Ringing", "", ""));
    let sent = alice_answers(&mut rig, &invite);
    let told = global(&rig, "CALLER").unwrap();
    assert_eq!(told, "900 SIP/1001-00000000 test");
    let again = alice_answers(&mut rig, &invite);
    assert_eq!(
        again,
        sent[..1],
        "a 2xx that comes again is acknowledged alike"
    );
    talks_to_bob(&mut rig, sent);
    let late = firsts(&rig.wait(Duration::from_secs(60)));
    assert!(late.iter().all(|line| line.starts_with("BYE ")), "{late:?}");
    assert_eq!((rig.size("dialogs"), rig.size("transactions")), (0, 0));
}

#[test]
fn an_originated_call_may_run_one_application() {
    let mut rig = rig(PLAN);
    let goal = Goal::App {
        name: "Dial".into(),
        arguments: "SIP/1002,20".into(),
    };
    originate(&mut rig, "SIP/1001", goal);
    let invite = rig.sent().remove(0).1;
    let sent = alice_answers(&mut rig, &invite);
    talks_to_bob(&mut rig, sent);
}

#[test]
fn an_originated_local_channel_is_whoever_answers_behind_it() {
    let mut rig = rig(PLAN);
    assert_eq!(originate(&mut rig, "Local/1001@inner", to_bob()), 1);
    let invite = rig.sent().remove(0).1;
    assert!(invite.starts_with("INVITE sip:1001@"), "{invite}");
    let sent = alice_answers(&mut rig, &invite);
    let told = global(&rig, "CALLER").unwrap();
    assert_eq!(told, "900 SIP/1001-00000000 test");
    talks_to_bob(&mut rig, sent);
}

#[test]
fn one_application_is_what_the_record_tells_of() {
    let mut rig = recording(PLAN, rules(|_| {}));
    let goal = Goal::App {
        name: "dial".into(),
        arguments: "SIP/1002,20".into(),
    };
    originate(&mut rig, "SIP/1001", goal);
    let invite = rig.sent().remove(0).1;
    let sent = alice_answers(&mut rig, &invite);
    talks_to_bob(&mut rig, sent);
    let cdr = rig.only_record();
    assert_eq!((&*cdr.lastapp, &*cdr.lastdata), ("Dial", "SIP/1002,20"));
    assert_eq!(cdr.disposition, Disposition::Answered);
}

#[test]
fn what_is_not_loaded_is_neither_run_nor_rung() {
    let without = |missing: Missing| {
        let plan = plan_of(PLAN).without(missing);
        let mut rig = Rig::following(plan, |general, _| general.missing = missing);
        rig.register("1001", ALICE);
        rig
    };
    let goal = || Goal::App {
        name: "Dial".into(),
        arguments: "SIP/1002,20".into(),
    };
    let mut rig = without(Missing {
        absent: [Module::AppDial].into_iter().collect(),
        ..Missing::default()
    });
    assert_eq!(originate(&mut rig, "SIP/1001", goal()), 1);
    let invite = rig.sent().remove(0).1;
    let sent = firsts(&alice_answers(&mut rig, &invite));
    assert!(
        sent[0].starts_with("ACK ") && sent[1].starts_with("BYE "),
        "{sent:?}"
    );
    let mut rig = without(Missing {
        leaving: [Module::ChanSip].into_iter().collect(),
        ..Missing::default()
    });
    assert_eq!(originate(&mut rig, "SIP/1001", to_bob()), 0);
}

#[test]
fn a_telephone_that_is_elsewhere_is_rung_there() {
    let moved = |invite: &str| {
        let contact = format!("Contact: <sip:1002@{BOB}>");
        respond(invite, "302 Moved", "", "").replace(&contact, "Contact: <sip:5@h>")
    };
    let mut rig = rig(&["default,5,1,Dial(SIP/1001)"]);
    originate(&mut rig, "SIP/1002", to_bob());
    let invite = rig.sent().remove(0).1;
    let sent = rig.receive(BOB, &moved(&invite));
    assert!(
        sent[1].1.starts_with("INVITE sip:1001@"),
        "{:?}",
        firsts(&sent)
    );
    let mut rig = self::rig(&["default,5,1,Dial(Local/5@default)"]);
    originate(&mut rig, "SIP/1002", to_bob());
    let invite = rig.sent().remove(0).1;
    rig.receive(BOB, &moved(&invite));
    assert_eq!(rig.size("calls"), 0, "a ring of forwards ends");
}

#[test]
fn branches_of_a_telephone_leave_nothing() {
    let mut rig = rig(PLAN);
    originate(&mut rig, "SIP/1001", to_bob());
    let invite = rig.sent().remove(0).1;
    let ringing = respond(&invite, "180 Ringing", "", "");
    rig.receive(ALICE, &ringing);
    rig.receive(ALICE, &ringing.replace("tag=bob", "tag=another"));
    let sent = alice_answers(&mut rig, &invite);
    talks_to_bob(&mut rig, sent);
    rig.wait(Duration::from_secs(60));
    assert_eq!((rig.size("dialogs"), rig.size("transactions")), (0, 0));
}

#[test]
fn a_telephone_that_refuses_or_does_not_answer_leaves_nothing() {
    for status in ["486 Busy Here", "603 Decline", "404 Not Found"] {
        let mut rig = rig(PLAN);
        originate(&mut rig, "SIP/1001", to_bob());
        let invite = rig.sent().remove(0).1;
        rig.receive(ALICE, &respond(&invite, status, "", ""));
        assert_eq!((rig.size("calls"), rig.size("dialogs")), (0, 0), "{status}");
    }
    let mut rig = rig(PLAN);
    originate(&mut rig, "SIP/1001", to_bob());
    let invite = rig.sent().remove(0).1;
    rig.receive(ALICE, &respond(&invite, "180 Ringing", "", ""));
    assert!(rig.wait(PATIENCE - Duration::from_secs(1)).is_empty());
    let lines = firsts(&rig.wait(Duration::from_secs(2)));
    assert!(lines[0].starts_with("CANCEL sip:1001@"), "{lines:?}");
    assert_eq!(rig.size("calls"), 0);
}

#[test]
fn what_there_is_not_is_not_rung() {
    let mut rig = rig(PLAN);
    for resource in ["SIP/nobody", "DAHDI/1", "Local/7@nowhere"] {
        originate(&mut rig, resource, to_bob());
        assert!(rig.sent().is_empty(), "{resource}");
        assert_eq!(rig.size("calls"), 0, "{resource}");
    }
    rig.shard.handle(rig.now, Input::Drain, &mut rig.out);
    assert_eq!(originate(&mut rig, "SIP/1001", to_bob()), 0);
}

/// Names and `UNIQUEID`s of the channels there are.
fn channels(rig: &mut Rig) -> Vec<String> {
    let query = Query::Channels(Span::FIRST);
    let Page::Channels(page) = rig.shard.serve(rig.now, query, &mut rig.out) else {
        panic!()
    };
    let rows = page.rows.iter();
    rows.map(|row| format!("{} {}", row.name, row.unique_id))
        .collect()
}

#[test]
fn a_telephone_has_one_name_before_it_answers_and_after() {
    let mut rig = rig(PLAN);
    originate(&mut rig, "SIP/1001", to_bob());
    let before = channels(&mut rig);
    let invite = rig.sent().remove(0).1;
    alice_answers(&mut rig, &invite);
    assert_eq!(channels(&mut rig)[..1], before);
}

#[test]
fn a_call_without_a_caller_shows_whom_it_rings_and_may_be_hung_up() {
    use crate::dialplan::{Action, Cause, Order, Whom};
    let mut rig = rig(PLAN);
    originate(&mut rig, "SIP/1001", to_bob());
    rig.sent();
    assert_eq!(channels(&mut rig), ["SIP/1001-00000000 1700000000.0"]);
    let order = Order {
        whom: Whom::All,
        action: Action::HangUp(Cause::NORMAL_CLEARING),
    };
    let query = Query::Order(order, Span::FIRST);
    let page = rig.shard.serve(rig.now, query, &mut rig.out);
    let (rows, next) = (vec![1], None);
    assert_eq!(page, Page::Obeyed(Rows { rows, next }));
    assert_eq!(rig.size("calls"), 0);
}

fn bob_dials(rig: &mut Rig, exten: &str) -> Vec<(SocketAddr, String)> {
    let invite = INVITE
        .replace(
            "sip:1002@127.0.0.1:5060 ",
            &format!("sip:{exten}@{ENGINE} "),
        )
        .replace("1001", "1002")
        .replace("7001", "7002");
    rig.receive(BOB, &invite)
}

/// `ORIGINATE_STATUS` for Bob, who dials 5, after Alice has done that.
fn originate_status(alice: impl FnOnce(&mut Rig, &str)) -> String {
    let mut rig = rig(PLAN);
    let sent = bob_dials(&mut rig, "5");
    let ring = sent.iter().find(|(_, text)| text.starts_with("INVITE "));
    let ring = ring.expect("Alice is rung").1.clone();
    alice(&mut rig, &ring);
    global(&rig, "STATUS").expect("the plan went on")
}

#[test]
fn originate_tells_what_became_of_it() {
    let status = |status: &'static str| {
        originate_status(|rig, invite| {
            rig.receive(ALICE, &respond(invite, status, "", ""));
        })
    };
    assert_eq!(status("486 Busy Here"), "BUSY");
    assert_eq!(status("404 Not Found"), "HANGUP");
    assert_eq!(status("482 Loop Detected"), "CONGESTION");
    let answered = originate_status(|rig, invite| {
        alice_answers(rig, invite);
    });
    assert_eq!(answered, "SUCCESS");
    let rang = originate_status(|rig, invite| {
        rig.receive(ALICE, &respond(invite, "180 Ringing", "", ""));
        rig.wait(Duration::from_secs(8));
    });
    assert_eq!(rang, "RINGING");
}

#[test]
fn originate_tells_of_a_local_channel_that_runs_away() {
    let mut rig = rig(PLAN);
    bob_dials(&mut rig, "6");
    rig.wait(Duration::from_secs(1));
    assert_eq!(global(&rig, "STATUS").as_deref(), Some("FAILED"));
    assert_eq!(rig.size("calls"), 0);
}

#[test]
fn a_plan_that_originates_itself_leaves_the_shard_time_for_others() {
    let mut rig = rig(&["loop,s,1,Originate(Local/s@loop,exten,loop)"]);
    let goal = Goal::Plan {
        context: "loop".into(),
        exten: "s".into(),
        priority: 1,
    };
    originate(&mut rig, "Local/s@loop", goal);
    for _ in 0..3 {
        rig.shard.handle(rig.now, Input::Elapsed, &mut rig.out);
    }
    assert!(rig.size("calls") <= 3 * 257, "{}", rig.size("calls"));
    assert!(
        rig.shard
            .deadline()
            .is_some_and(|deadline| deadline <= rig.now)
    );
}
