//! Where requests inside a dialog go: what Contacts say, and when they count.

use super::channels::firsts;
use super::*;

const ELSEWHERE: &str = "127.0.0.1:7003";

/// What Bob sends when he answers with that Contact: where our ACK goes, and its
/// first line.
fn acknowledged(rig: &mut Rig, contact: &str) -> (SocketAddr, String) {
    rig.register("1002", BOB);
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    let answer = respond(&invite, "200 OK", "", "");
    let answer = answer.replace(&format!("<sip:1002@{BOB}>"), contact);
    let (to, ack) = rig.receive(BOB, &answer).remove(0);
    (to, ack.lines().next().unwrap().to_string())
}

#[test]
fn force_rport_sends_what_is_in_the_dialog_to_where_the_callee_is() {
    let mut rig = Rig::with(|_, peers| peers[1].nat.force_rport = true);
    let (to, line) = acknowledged(&mut rig, "<sip:1002@10.0.0.7>");
    assert_eq!(to, BOB.parse().unwrap());
    assert_eq!(line, "ACK sip:1002@10.0.0.7 SIP/2.0");
}

#[test]
fn a_callee_behind_no_nat_is_where_its_contact_says() {
    let mut rig = Rig::new();
    let (to, _) = acknowledged(&mut rig, "<sip:1002@10.0.0.7>");
    assert_eq!(to, "10.0.0.7:5060".parse().unwrap());
}

#[test]
fn no_header_of_a_contact_gets_into_a_request_uri() {
    let mut rig = Rig::new();
    let contact = format!("<sip:1002@{BOB};x=y?Subject=z>");
    let (_, line) = acknowledged(&mut rig, &contact);
    assert_eq!(line, format!("ACK sip:1002@{BOB};x=y SIP/2.0"));
}

#[test]
fn no_header_of_a_binding_gets_into_an_invite() {
    let mut rig = Rig::new();
    rig.receive(
        BOB,
        &format!(
            "REGISTER sip:{ENGINE} SIP/2.0\nVia: SIP/2.0/UDP {BOB};branch=z9hG4bKr\n\
             From: <sip:1002@{ENGINE}>;tag=r\nTo: <sip:1002@{ENGINE}>\nCall-ID: r\nCSeq: 1 REGISTER\n\
             Contact: <sip:1002@{BOB}?Subject=z>\nExpires: 60\nContent-Length: 0\n\n"
        ),
    );
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    assert!(!invite.contains("Subject"), "{invite}");
    assert_eq!(header(&invite, "To"), format!("<sip:1002@{BOB}>"));
}

/// Alice's re-INVITE from elsewhere in a call, which Bob answers so: what she is
/// answered, and where his BYE is sent on to.
fn moved(status: &str, extra: &str) -> (String, SocketAddr) {
    let mut rig = Rig::new();
    let (invite, ok) = call(&mut rig);
    rig.receive(ALICE, &in_dialog(&ok, "ACK", 1));
    let contact = format!("Contact: <sip:1001@{ELSEWHERE}>\nMax-Forwards");
    let again = in_dialog(&ok, "INVITE", 2)
        .replace("Max-Forwards", &contact)
        .replace("bKINVITE", "bKagain");
    let relayed = rig.receive(ALICE, &again).remove(0).1;
    let sent = rig.receive(BOB, &respond(&relayed, status, extra, ""));
    let answer = sent.iter().find(|(_, text)| text.starts_with("SIP/2.0"));
    let answer = answer.unwrap_or_else(|| panic!("{:?}", firsts(&sent)));
    let answer = answer.1.clone();
    rig.receive(ALICE, &in_dialog(&ok, "ACK", 2).replace("bKACK", "bKagain"));
    let sent = rig.receive(BOB, &super::callees::bye_of(&invite));
    let bye = sent.iter().find(|(_, text)| text.starts_with("BYE "));
    (answer, bye.expect("a BYE").0)
}

#[test]
fn a_re_invite_that_is_accepted_moves_its_sender() {
    let (answer, bye) = moved("200 OK", "");
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    assert_eq!(bye, ELSEWHERE.parse().unwrap());
}

#[test]
fn a_re_invite_that_is_refused_moves_nobody() {
    let (answer, bye) = moved("488 Not Acceptable Here", "");
    assert!(answer.starts_with("SIP/2.0 488 "), "{answer}");
    assert!(!answer.contains("\nContact"), "{answer}");
    assert_eq!(bye, ALICE.parse().unwrap());
}

#[test]
fn a_redirected_re_invite_is_refused() {
    let (answer, bye) = moved("302 Moved Temporarily", "");
    assert!(answer.starts_with("SIP/2.0 480 "), "{answer}");
    assert!(!answer.contains("\nContact"), "{answer}");
    assert_eq!(bye, ALICE.parse().unwrap());
}
