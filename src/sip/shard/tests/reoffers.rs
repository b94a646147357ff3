//! Offers to a caller who was answered before: what crosses them, and what comes
//! of those that are not answered.

use super::callees::bye_of;
use super::channels::{answer, firsts, rig};
use super::orders::{channels, redirect};
use super::originations::as_alice;
use super::*;

const PLAN: &[&str] = &[
    "default,_X.,1,Dial(SIP/1002,20,g)",
    "default,_X.,2,Dial(SIP/1002,20,g)",
    "default,_X.,3,Set(GLOBAL(WENT)=on)",
    "default,_X.,4,Hangup(17)",
    "default,66,1,Wait(3)",
    "default,h,1,Set(GLOBAL(OVER)=yes)",
];

/// Whom Bob has left and the plan has rung for again: her 200, Bob's second
/// INVITE, and the re-INVITE that offers her what he has offered.
struct Reoffered {
    rig: Rig,
    ok: String,
    invite: String,
    reinvite: String,
}

fn reoffered() -> Reoffered {
    let mut rig = rig(PLAN);
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    let ok = rig.receive(BOB, &answer(&invite)).remove(1).1;
    rig.receive(ALICE, &in_dialog(&ok, "ACK", 1));
    let sent = rig.receive(BOB, &bye_of(&invite));
    let invite = the(&sent, "INVITE sip:1002@");
    let sent = rig.receive(BOB, &answer(&invite));
    let reinvite = the(&sent, "INVITE sip:1001@");
    assert_eq!(sent.len(), 1, "{:?}", firsts(&sent));
    Reoffered {
        rig,
        ok,
        invite,
        reinvite,
    }
}

/// The first message that begins so.
fn the(sent: &[(SocketAddr, String)], beginning: &str) -> String {
    let found = sent.iter().find(|(_, text)| text.starts_with(beginning));
    let found = found.unwrap_or_else(|| panic!("no {beginning} in {:?}", firsts(sent)));
    found.1.clone()
}

fn has(sent: &[(SocketAddr, String)], beginning: &str) -> bool {
    sent.iter().any(|(_, text)| text.starts_with(beginning))
}

fn global<'r>(rig: &'r Rig, name: &str) -> Option<&'r str> {
    rig.shard.exchange.globals.value(name)
}

/// Both are hung up and nothing is left.
fn is_over(mut rig: Rig, sent: &[(SocketAddr, String)]) {
    for (from, beginning) in [(BOB, "BYE sip:1002@"), (ALICE, "BYE sip:1001@")] {
        let bye = the(sent, beginning);
        rig.receive(from, &respond(&bye, "200 OK", "", ""));
    }
    rig.wait(Duration::from_secs(40));
    for table in ["calls", "dialogs", "transactions"] {
        assert_eq!(rig.size(table), 0, "{table}");
    }
    assert_eq!(global(&rig, "OVER"), Some("yes"), "h was run");
}

#[test]
fn one_that_crosses_another_is_made_again() {
    let Reoffered {
        mut rig, reinvite, ..
    } = reoffered();
    let sent = rig.receive(ALICE, &respond(&reinvite, "491 Request Pending", "", ""));
    assert_eq!(firsts(&sent), ["ACK sip:1001@127.0.0.1:7001 SIP/2.0"]);
    // The Call-ID is Alice's: two seconds at most (RFC 3261 section 14.1).
    let again = the(&rig.wait(Duration::from_secs(2)), "INVITE sip:1001@");
    let cseq = |text: &str| {
        header(text, "CSeq")
            .split(' ')
            .next()
            .unwrap()
            .parse::<u32>()
    };
    assert_eq!(cseq(&again), cseq(&reinvite).map(|cseq| cseq + 1));
    assert!(again.ends_with("\r\n\r\nanswer"), "{again}");
    let media = "Content-Type: application/sdp\n";
    let sent = rig.receive(ALICE, &as_alice(&respond(&again, "200 OK", media, "alice")));
    assert!(has(&sent, "ACK sip:1001@"), "{:?}", firsts(&sent));
    assert!(the(&sent, "ACK sip:1002@").ends_with("\r\n\r\nalice"));
}

#[test]
fn one_that_crosses_others_for_ever_ends_the_callee() {
    let Reoffered {
        mut rig, reinvite, ..
    } = reoffered();
    let mut reinvite = reinvite;
    for _ in 0..3 {
        rig.receive(ALICE, &respond(&reinvite, "491 Request Pending", "", ""));
        reinvite = the(&rig.wait(Duration::from_secs(2)), "INVITE sip:1001@");
    }
    let sent = rig.receive(ALICE, &respond(&reinvite, "491 Request Pending", "", ""));
    assert!(has(&sent, "ACK sip:1002@"), "{:?}", firsts(&sent));
    assert_eq!(global(&rig, "WENT"), Some("on"), "the plan goes on");
    is_over(rig, &sent);
}

#[test]
fn one_that_is_refused_ends_the_callee() {
    let Reoffered {
        mut rig, reinvite, ..
    } = reoffered();
    let sent = rig.receive(
        ALICE,
        &respond(&reinvite, "488 Not Acceptable Here", "", ""),
    );
    assert!(has(&sent, "ACK sip:1002@"), "{:?}", firsts(&sent));
    assert_eq!(global(&rig, "WENT"), Some("on"), "the plan goes on");
    is_over(rig, &sent);
}

#[test]
fn a_caller_who_does_not_answer_one_is_gone() {
    let Reoffered { mut rig, .. } = reoffered();
    let sent = rig.wait(Duration::from_secs(33));
    assert!(has(&sent, "ACK sip:1002@"), "{:?}", firsts(&sent));
    assert_eq!(global(&rig, "WENT"), None);
    is_over(rig, &sent);
    let Reoffered {
        mut rig, reinvite, ..
    } = reoffered();
    let gone = "481 Call/Transaction Does Not Exist";
    let sent = rig.receive(ALICE, &respond(&reinvite, gone, "", ""));
    assert_eq!(global(&rig, "WENT"), None);
    is_over(rig, &sent);
}

#[test]
fn a_callee_that_goes_on_while_one_is_under_way_has_its_offer_answered() {
    let Reoffered { mut rig, .. } = reoffered();
    let mut names = channels(&mut rig).into_iter().map(|(name, _)| name);
    let callee = names.find(|name| name.starts_with("SIP/1002-")).unwrap();
    assert_eq!(redirect(&mut rig, &callee, "default,66,1"), 1);
    let ack = the(&rig.sent(), "ACK sip:1002@");
    assert!(ack.contains("\r\n\r\nv=0\r\n"), "{ack}");
}

#[test]
fn while_one_is_under_way_there_is_no_other() {
    let Reoffered {
        mut rig,
        ok,
        invite,
        ..
    } = reoffered();
    let of_alice = in_dialog(&ok, "INVITE", 2).replace("bKINVITE", "bKagain");
    let sent = firsts(&rig.receive(ALICE, &of_alice));
    assert_eq!(sent, ["SIP/2.0 491 Request Pending"]);
    let of_bob = bye_of(&invite).replace("BYE", "INVITE");
    let sent = firsts(&rig.receive(BOB, &of_bob));
    assert_eq!(sent, ["SIP/2.0 491 Request Pending"]);
}

#[test]
fn a_callee_who_has_forgotten_the_call_is_hung_up() {
    let mut rig = rig(PLAN);
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    let ok = rig.receive(BOB, &answer(&invite)).remove(1).1;
    rig.receive(ALICE, &in_dialog(&ok, "ACK", 1));
    let info = rig.receive(ALICE, &in_dialog(&ok, "INFO", 2)).remove(0).1;
    let gone = "481 Call/Transaction Does Not Exist";
    let sent = rig.receive(BOB, &respond(&info, gone, "", ""));
    assert!(has(&sent, "SIP/2.0 481 "), "Alice hears of it");
    the(&sent, "BYE sip:1002@");
    assert!(
        the(&sent, "INVITE sip:1002@").ends_with("\r\n\r\n"),
        "g goes on"
    );
}

#[test]
fn h_is_run_for_a_caller_who_acknowledges_nothing() {
    let mut rig = rig(PLAN);
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    rig.receive(BOB, &answer(&invite));
    let sent = rig.wait(Duration::from_secs(33));
    assert_eq!(global(&rig, "OVER"), Some("yes"));
    is_over(rig, &sent);
}
