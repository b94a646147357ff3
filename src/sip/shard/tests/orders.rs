//! Channels that are ordered to do something by others than their own plan.

use super::channels::{answer, firsts, rig};
use super::*;
use crate::dialplan::{Action, Cause, Order, Whom};
use crate::machine::{ChannelState, Page, Query, Span};

const PLAN: &[&str] = &[
    "default,1002,1,Set(COLOUR=blue)",
    "default,1002,2,Set(SHARED(TASTE)=sweet)",
    "default,1002,3,Dial(SIP/1002,20)",
    "default,90,1,ImportVar(A=SIP/1001-00000000,COLOUR)",
    "default,90,2,Set(B=${IMPORT(SIP/1001-00000000,CALLERID(num))})",
    "default,90,3,Set(C=${SHARED(TASTE,SIP/1001-00000000)})",
    "default,90,4,Set(SHARED(SMELL,SIP/1001-00000000)=${SHARED(SMELL,SIP/1001-00000000)}rose)",
    "default,90,5,Set(D=${SHARED(SMELL,SIP/1001-00000000)}${SHARED(SMELL)})",
    "default,90,6,Set(E=${IMPORT(SIP/1001-00000007,COLOUR)}${IMPORT(SIP/1002-000000001,COLOUR)})",
    "default,90,7,GotoIf($[\"${A}${B}${C}${D}${E}\"=\"blue1001sweetrose\"]?8:9)",
    "default,90,8,Hangup(17)",
    "default,90,9,Hangup(34)",
    "default,77,1,Dial(SIP/1002,20)",
    "default,88,1,SoftHangup(SIP/1001,a)",
    "default,88,2,Wait(1)",
    "default,88,3,Hangup(17)",
    "default,89,1,ChannelRedirect(SIP/1001-00000000,default,77,1)",
    "default,89,2,GotoIf($[${CHANNELREDIRECT_STATUS}=SUCCESS]?3:4)",
    "default,89,3,Hangup(17)",
    "default,89,4,Hangup(34)",
    "default,78,1,Dial(SIP/1002,20,U(screen))",
    "default,79,1,Dial(Local/1002@default)",
    "default,66,1,Wait(3)",
    "default,67,1,Wait(1)",
    "default,67,2,Wait(5)",
    "screen,s,1,Wait(1)",
    "screen,s,2,Hangup()",
];

fn order(rig: &mut Rig, whom: Whom, action: Action) -> u32 {
    let single = Span { from: 0, most: 1 };
    let mut query = Query::Order(Order { whom, action }, single);
    let mut all = 0;
    loop {
        match rig.shard.serve(rig.now, query.clone(), &mut rig.out) {
            Page::Obeyed(calls) => {
                all += calls.rows.iter().sum::<u32>();
                let Some(from) = calls.next else { return all };
                query = query.after(from);
            }
            page => panic!("{page:?}"),
        }
    }
}

pub(super) fn channels(rig: &mut Rig) -> Vec<(String, ChannelState)> {
    let query = Query::Channels(Span::FIRST);
    let Page::Channels(page) = rig.shard.serve(rig.now, query, &mut rig.out) else {
        panic!("no channels")
    };
    let rows = page.rows.into_iter();
    rows.map(|row| (row.name.to_string(), row.state)).collect()
}

/// A call of Alice's that rings at Bob; Bob's INVITE.
fn ringing(rig: &mut Rig) -> String {
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    rig.receive(BOB, &respond(&invite, "180 Ringing", "", ""));
    invite
}

/// Alice acknowledges her 200.
fn acknowledge(rig: &mut Rig, sent: &[(SocketAddr, String)]) {
    let ok = sent
        .iter()
        .find(|(_, text)| text.starts_with("SIP/2.0 200"));
    rig.receive(ALICE, &in_dialog(&ok.unwrap().1, "ACK", 1));
}

#[test]
fn a_ringing_call_ends_for_both_when_its_caller_is_hung_up() {
    let mut rig = rig(PLAN);
    ringing(&mut rig);
    let names = [
        ("SIP/1001-00000000".into(), ChannelState::Ring),
        ("SIP/1002-000000001".into(), ChannelState::Ringing),
    ];
    assert_eq!(channels(&mut rig), names);
    let action = Action::HangUp(Cause::USER_BUSY);
    let whom = Whom::of("SIP/1001-00000000", false);
    assert_eq!(order(&mut rig, whom, action), 1);
    let sent = firsts(&rig.sent());
    assert_eq!(sent[0], "SIP/2.0 486 Busy Here", "{sent:?}");
    assert!(sent[1].starts_with("CANCEL sip:1002@"), "{sent:?}");
    assert_eq!(channels(&mut rig), []);
}

#[test]
fn a_callee_that_is_hung_up_has_not_answered() {
    let mut rig = rig(PLAN);
    ringing(&mut rig);
    let action = Action::HangUp(Cause::NORMAL_CLEARING);
    assert_eq!(order(&mut rig, Whom::of("SIP/1002", false), action), 1);
    let sent = firsts(&rig.sent());
    assert!(sent[0].starts_with("CANCEL sip:1002@"), "{sent:?}");
    assert!(sent[1].starts_with("SIP/2.0 603"), "{sent:?}");
}

#[test]
fn an_answered_call_is_hung_up_at_both_ends() {
    for whom in ["SIP/1001-00000000", "SIP/1002-000000001"] {
        let mut rig = rig(PLAN);
        let invite = ringing(&mut rig);
        let sent = rig.receive(BOB, &answer(&invite));
        acknowledge(&mut rig, &sent);
        let action = Action::HangUp(Cause::NORMAL_CLEARING);
        assert_eq!(order(&mut rig, Whom::of(whom, false), action), 1);
        let sent = rig.sent();
        let byes = sent.iter().filter(|(_, text)| text.starts_with("BYE "));
        assert_eq!(byes.count(), 2, "{whom}: {:?}", firsts(&sent));
        assert_eq!(rig.size("calls"), 0);
    }
}

#[test]
fn many_calls_are_ordered_a_part_at_a_time() {
    let mut rig = rig(PLAN);
    for call in ["one", "two", "three"] {
        let invite = INVITE.replace("Call-ID: ", &format!("Call-ID: {call}"));
        rig.receive(
            ALICE,
            &invite.replace("branch=z9hG4bK", &format!("branch=z9hG4bK{call}")),
        );
    }
    rig.sent();
    assert_eq!(rig.size("calls"), 3);
    let action = Action::HangUp(Cause::NORMAL_CLEARING);
    let whom = Whom::All;
    let part = Span { from: 1, most: 1 };
    let query = Query::Order(Order { whom, action }, part);
    let page = rig.shard.serve(rig.now, query, &mut rig.out);
    let Page::Obeyed(calls) = page else {
        panic!("{page:?}")
    };
    assert_eq!((calls.rows.len(), calls.next), (1, Some(2)));
    assert_eq!(rig.size("calls"), 2, "one part is one call");
    let action = Action::HangUp(Cause::NORMAL_CLEARING);
    assert!(order(&mut rig, Whom::All, action) > 1);
    assert_eq!(rig.size("calls"), 0);
}

#[test]
fn an_order_for_nobody_changes_nothing() {
    let mut rig = rig(PLAN);
    ringing(&mut rig);
    for name in ["SIP/1001-00000001", "SIP/1002-00000000", "SIP/100"] {
        let action = Action::HangUp(Cause::NORMAL_CLEARING);
        assert_eq!(order(&mut rig, Whom::of(name, true), action), 0, "{name}");
    }
    let nowhere = Action::Redirect("default,nobody,1".into());
    let whom = Whom::of("SIP/1001-00000000", false);
    assert_eq!(order(&mut rig, whom, nowhere), 0);
    assert!(rig.sent().is_empty());
    assert_eq!(channels(&mut rig).len(), 2);
}

/// Alice is sent elsewhere: Bob is hung up, and called anew without an offer;
/// what he offers then is Alice's new offer (RFC 3725 §4.1).
fn is_redirected(rig: &mut Rig, sent: Vec<(SocketAddr, String)>) {
    let lines = firsts(&sent);
    assert!(lines[0].starts_with("BYE sip:1002@"), "{lines:?}");
    let invite = &sent[1].1;
    assert!(invite.starts_with("INVITE sip:1002@"), "{lines:?}");
    assert!(invite.ends_with("\r\n\r\n"), "{invite}");
    let sent = rig.receive(BOB, &answer(invite));
    let reinvite = &sent[0].1;
    assert!(
        reinvite.starts_with("INVITE sip:1001@"),
        "{:?}",
        firsts(&sent)
    );
    assert!(reinvite.ends_with("answer"), "{reinvite}");
}

#[test]
fn an_operator_sends_an_answered_caller_elsewhere() {
    let mut rig = rig(PLAN);
    let invite = ringing(&mut rig);
    let sent = rig.receive(BOB, &answer(&invite));
    acknowledge(&mut rig, &sent);
    let whom = Whom::of("SIP/1001-00000000", false);
    let action = Action::Redirect("77,1".into());
    assert_eq!(order(&mut rig, whom, action), 1);
    let sent = rig.sent();
    is_redirected(&mut rig, sent);
}

/// Another call, to that extension, by Bob.
fn bob_dials(rig: &mut Rig, exten: &str) -> Vec<(SocketAddr, String)> {
    let invite = INVITE
        .replace(
            "sip:1002@127.0.0.1:5060 ",
            &format!("sip:{exten}@{ENGINE} "),
        )
        .replace("call-a", "call-b")
        .replace("branch=z9hG4bK", "branch=z9hG4bKb")
        .replace("1001", "1002")
        .replace("7001", "7002");
    rig.receive(BOB, &invite)
}

#[test]
fn softhangup_ends_another_call() {
    let mut rig = rig(PLAN);
    ringing(&mut rig);
    let sent = firsts(&bob_dials(&mut rig, "88"));
    assert!(
        sent.iter().any(|line| line.starts_with("CANCEL ")),
        "{sent:?}"
    );
    assert!(
        sent.iter().any(|line| line.starts_with("SIP/2.0 603")),
        "{sent:?}"
    );
    let sent = firsts(&rig.wait(Duration::from_secs(2)));
    assert!(
        sent.iter().any(|line| line.starts_with("SIP/2.0 486")),
        "{sent:?}"
    );
}

#[test]
fn channelredirect_sends_another_call_elsewhere() {
    let mut rig = rig(PLAN);
    let invite = ringing(&mut rig);
    let sent = rig.receive(BOB, &answer(&invite));
    acknowledge(&mut rig, &sent);
    let mut sent = bob_dials(&mut rig, "89");
    let refused = sent
        .iter()
        .position(|(_, text)| text.starts_with("SIP/2.0 486"));
    sent.remove(refused.expect("it was told of success"));
    is_redirected(&mut rig, sent);
}

#[test]
fn import_and_shared_reach_the_channels_of_another_call() {
    let mut rig = rig(PLAN);
    ringing(&mut rig);
    let sent = firsts(&bob_dials(&mut rig, "90"));
    assert!(
        sent.iter().any(|line| line.starts_with("SIP/2.0 486")),
        "{sent:?}"
    );
}

/// How many are hung up by then.
fn byes(rig: &mut Rig, after: Duration) -> usize {
    let sent = rig.wait(after);
    let mut calls: Vec<&str> = sent
        .iter()
        .filter(|(_, text)| text.starts_with("BYE "))
        .map(|(_, text)| header(text, "Call-ID"))
        .collect();
    calls.dedup();
    calls.len()
}

/// Sends a channel of that name elsewhere.
pub(super) fn redirect(rig: &mut Rig, name: &str, place: &str) -> u32 {
    order(rig, Whom::of(name, false), Action::Redirect(place.into()))
}

/// A call of Alice's to that extension, up to Bob's 200.
fn answered(rig: &mut Rig, exten: &str) -> Vec<(SocketAddr, String)> {
    let invite = super::channels::dial(rig, exten).remove(0).1;
    rig.receive(BOB, &answer(&invite))
}

#[test]
fn a_callee_is_sent_out_of_its_routine() {
    let mut rig = rig(PLAN);
    answered(&mut rig, "78");
    assert_eq!(redirect(&mut rig, "SIP/1002-000000001", "66,1"), 1);
    let sent = firsts(&rig.sent());
    assert!(
        sent.iter().any(|line| line.starts_with("SIP/2.0 603")),
        "Alice has nobody to talk to: {sent:?}"
    );
    assert_eq!(byes(&mut rig, Duration::from_millis(2900)), 0);
    assert_eq!(byes(&mut rig, Duration::from_millis(200)), 1);
    rig.wait(Duration::from_secs(40));
    assert_eq!((rig.size("calls"), rig.size("dialogs")), (0, 0));
}

#[test]
fn a_callee_that_goes_on_is_sent_elsewhere_again() {
    let mut rig = rig(PLAN);
    answered(&mut rig, "1002");
    let callee = "SIP/1002-000000001";
    assert_eq!(redirect(&mut rig, callee, "default,66,1"), 1);
    assert_eq!(redirect(&mut rig, callee, "67,2"), 1);
    // Alice's 200 is not acknowledged here: only then she is hung up.
    assert_eq!(byes(&mut rig, Duration::from_millis(4900)), 0);
    assert_eq!(byes(&mut rig, Duration::from_millis(200)), 1);
}

#[test]
fn a_place_must_be_whole_as_far_as_a_callee_has_none() {
    let mut rig = rig(PLAN);
    answered(&mut rig, "1002");
    for place in ["1", "66,0", "66,nowhere", "nowhere,66,1", "", ",,"] {
        let done = redirect(&mut rig, "SIP/1002-000000001", place);
        assert_eq!(done, 0, "{place:?}");
    }
    assert!(rig.sent().is_empty());
}

#[test]
fn either_side_of_a_local_channel_has_a_name() {
    let mut rig = rig(PLAN);
    let sent = answered(&mut rig, "79");
    acknowledge(&mut rig, &sent);
    let far = "Local/1002@default-000000001;2";
    assert!(channels(&mut rig).iter().any(|(name, _)| name == far));
    assert_eq!(redirect(&mut rig, far, "66,1"), 1);
    let sent = firsts(&rig.sent());
    assert!(
        sent.iter().any(|line| line.starts_with("BYE sip:1002@")),
        "its plan has left Bob: {sent:?}"
    );
    let action = Action::HangUp(Cause::NORMAL_CLEARING);
    assert_eq!(order(&mut rig, Whom::of(far, false), action), 1);
    assert_eq!(rig.size("calls"), 0);
}

#[test]
fn a_name_of_old_means_no_other_call() {
    let mut rig = rig(PLAN);
    let invite = ringing(&mut rig);
    rig.receive(BOB, &respond(&invite, "486 Busy Here", "", ""));
    assert_eq!(rig.size("calls"), 0);
    let again = INVITE
        .replace("call-a", "call-c")
        .replace("bKinvite", "bKc");
    rig.receive(ALICE, &again);
    assert_eq!(rig.size("calls"), 1);
    let action = Action::HangUp(Cause::NORMAL_CLEARING);
    let old = Whom::of("SIP/1001-00000000", false);
    assert_eq!(order(&mut rig, old, action.clone()), 0);
    let new = channels(&mut rig)[0].0.clone();
    assert!(new.starts_with("SIP/1001-"), "{new}");
    assert_eq!(order(&mut rig, Whom::of(&new, false), action), 1);
}

#[test]
fn a_callee_whose_offer_the_caller_answers_is_sent_nowhere_before() {
    let mut rig = rig(PLAN);
    let silent = INVITE.replace("5\n\noffer", "0\n\n");
    let invite = rig.receive(ALICE, &silent).remove(0).1;
    let sent = rig.receive(BOB, &answer(&invite));
    let callee = "SIP/1002-000000001";
    assert_eq!(redirect(&mut rig, callee, "default,66,1"), 0);
    acknowledge(&mut rig, &sent);
    assert_eq!(redirect(&mut rig, callee, "default,66,1"), 1);
}
