//! Callees that go on in the plan without their callers, and what they can do
//! there: all that a caller can.

mod along;

use super::channels::firsts;
use super::pickup::house::*;
use super::*;
use crate::dialplan::{Action, Cause, Order, Whom};
use crate::machine::{ChannelRow, ChannelState, Page, Query, Span};

const PLAN: &[&str] = &[
    "default,1002,1,Set(__KIND=test)",
    "default,1002,2,Set(OUTBOUND_GROUP=out)",
    "default,1002,3,Dial(SIP/1002,20,F(after^s^1))",
    "default,71,1,Dial(SIP/1002,20,F)",
    "default,71,2,Dial(SIP/1003,20,F(after^5^1))",
    "default,72,1,Dial(SIP/1002,20,G(both^s^5))",
    "default,73,1,Dial(SIP/1002,20,U(screen))",
    "default,74,1,Dial(SIP/1002,20,F(after^6^1))",
    "default,75,1,Dial(SIP/1002,20,F(after^7^1))",
    "default,76,1,Dial(SIP/1002,20,F(after^5^1))",
    "default,77,1,Dial(Local/2@inner)",
    "default,78,1,Set(OUTBOUND_GROUP=out)",
    "default,78,2,Dial(SIP/1002,20,F(after^8^1))",
    "default,8,1,Pickup(76)",
    "default,89,1,ChannelRedirect(SIP/1002-000000001,after,s,1)",
    "default,89,2,GotoIf($[${CHANNELREDIRECT_STATUS}=SUCCESS]?3:4)",
    "default,89,3,Hangup(17)",
    "default,89,4,Hangup(34)",
    "default,90,1,Set(GLOBAL(HEARD)=${IMPORT(SIP/1002-000000001,KIND)} \
     ${SHARED(TASTE,SIP/1002-000000001)})",
    "default,90,2,Hangup(17)",
    "after,s,1,Set(GLOBAL(WHO)=${CHANNEL} ${UNIQUEID} ${LINKEDID} ${CALLERID(num)} ${KIND} ${GROUP()})",
    "after,s,2,Set(SHARED(TASTE)=sweet)",
    "after,s,3,Dial(SIP/1003,20,g)",
    "after,s,4,Set(GLOBAL(DIALLED)=${DIALSTATUS} ${HANGUPCAUSE})",
    "after,5,1,Set(GLOBAL(WHO)=${CHANNEL} ${UNIQUEID} ${LINKEDID} ${CALLERID(num)})",
    "after,5,2,Dial(SIP/1004,20)",
    "after,6,1,Set(TIMEOUT(absolute)=3)",
    "after,6,2,Dial(SIP/1003,20)",
    "after,7,1,Dial(SIP/1003,20,L(4000))",
    "after,8,1,Wait(5)",
    "after,8,2,Set(GLOBAL(COUNT)=${GROUP_COUNT(out)})",
    "after,8,3,Wait(5)",
    "default,92,1,Dial(SIP/1002,20,G(rings^s^1))",
    "default,93,1,Dial(SIP/1002,20,g)",
    "default,93,2,Wait(9)",
    "default,94,1,Dial(SIP/1002,20,F(after^9^1))",
    "after,9,1,Wait(900)",
    "rings,s,1,Dial(SIP/1003,20,r)",
    "rings,s,2,Wait(9)",
    "inner,2,1,Dial(SIP/1002)",
    "after,h,1,Set(GLOBAL(OVER)=${CHANNEL} ${CONTEXT})",
    "both,s,5,Dial(SIP/1003)",
    "both,s,6,Dial(SIP/1004)",
    "screen,s,1,Set(KIND=screened)",
    "screen,s,2,Wait(9)",
];

const BOBS_NAME: &str = "SIP/1002-000000001";

/// A telephone that has been called by that INVITE: a request of its own.
fn of_callee(address: &str, invite: &str, method: &str, cseq: u32) -> String {
    let (ours, theirs) = (header(invite, "From"), header(invite, "To"));
    let call_id = header(invite, "Call-ID");
    format!(
        "{method} sip:{ENGINE} SIP/2.0\nVia: SIP/2.0/UDP {address};branch=z9hG4bKc{method}{cseq}\n\
         From: {theirs};tag={}\nTo: {ours}\nCall-ID: {call_id}\nCSeq: {cseq} {method}\n\
         Max-Forwards: 70\nContent-Length: 0\n\n",
        &address[10..]
    )
}

/// Alice calls that extension and talks to Bob: Bob's INVITE, Alice's 200.
fn talking(house: &mut House, alice: &Caller) -> (String, String) {
    let invite = only(&house.receive(ALICE, &alice.invite()), BOB).to_string();
    let sent = house.receive(BOB, &from(BOB, &invite, "200 OK", "bob"));
    let ok = only(&sent, ALICE).to_string();
    assert!(ok.ends_with("\r\n\r\nbob"), "{ok}");
    house.receive(ALICE, &alice.ack(&ok, ""));
    (invite, ok)
}

fn calling(house: &House, exten: &'static str) -> Caller {
    Caller {
        exten,
        ..alice(house)
    }
}

/// Alice hangs up, and what that leads to is sent.
fn alice_leaves(house: &mut House, alice: &Caller, ok: &str) -> Sent {
    let sent = house.receive(ALICE, &alice.bye(ok));
    assert_eq!(firsts(&sent)[0], "SIP/2.0 200 OK", "{sent:?}");
    sent
}

/// Whoever waits at `first` talks to the one who is invited at `second` by an
/// INVITE of `sent`: without an offer; what the second offers goes to the first,
/// and what the first answers goes to the second. The second's INVITE.
fn is_joined(house: &mut House, sent: &Sent, first: &str, second: &str) -> String {
    let invite = only(sent, second).to_string();
    assert!(invite.starts_with("INVITE "), "{invite}");
    assert!(invite.ends_with("\r\n\r\n"), "no offer: {invite}");
    house.receive(second, &from(second, &invite, "180 Ringing", ""));
    let sent = house.receive(second, &from(second, &invite, "200 OK", "second's"));
    let again = only(&sent, first).to_string();
    assert!(again.starts_with("INVITE "), "{again}");
    assert!(again.ends_with("\r\n\r\nsecond's"), "{again}");
    let sent = house.receive(first, &from(first, &again, "200 OK", "first's"));
    let (to_first, to_second) = (only(&sent, first), only(&sent, second));
    assert!(to_first.starts_with("ACK "), "{to_first}");
    assert!(to_second.starts_with("ACK "), "{to_second}");
    assert!(to_second.ends_with("\r\n\r\nfirst's"), "{to_second}");
    invite
}

/// A telephone hangs up on another, who agrees.
fn hangs_up_on(house: &mut House, address: &str, bye: &str, other: &str) {
    let sent = house.receive(address, bye);
    assert!(
        only(&sent, address).starts_with("SIP/2.0 200 OK"),
        "{sent:?}"
    );
    let bye = only(&sent, other).to_string();
    assert!(bye.starts_with("BYE "), "{bye}");
    house.receive(other, &from(other, &bye, "200 OK", ""));
}

/// Places in call limits that are taken.
fn places(house: &House) -> usize {
    let each = house.shards.iter().map(|shard| shard.occupancy.len());
    each.sum()
}

fn rows(house: &mut House) -> Vec<ChannelRow> {
    let (now, out) = (house.now, &mut house.outs[0]);
    match house.shards[0].serve(now, Query::Channels(Span::FIRST), out) {
        Page::Channels(page) => page.rows,
        page => panic!("{page:?}"),
    }
}

#[test]
fn with_f_the_callee_dials_a_third() {
    for shards in [1, 2, 3] {
        let mut house = House::following(shards, PLAN);
        let alice = alice(&house);
        let (invite, ok) = talking(&mut house, &alice);
        let sent = alice_leaves(&mut house, &alice, &ok);
        let told = house.global("WHO").unwrap();
        let serial = u64::from(shards);
        let who = format!("{BOBS_NAME} 1700000000.{serial} 1700000000.0 1002 test out");
        assert_eq!(told, who);
        let third = only(&sent, CAROL);
        assert!(header(third, "From").starts_with("<sip:1002@"), "{third}");
        let third = is_joined(&mut house, &sent, BOB, CAROL);
        assert_eq!(places(&house), 2, "Bob's and Carol's");
        // A copy of Bob's first 200 is acknowledged, and what he says goes to Carol.
        let copy = house.receive(BOB, &from(BOB, &invite, "200 OK", "bob"));
        assert!(only(&copy, BOB).starts_with("ACK "), "{copy:?}");
        let sent = house.receive(BOB, &of_callee(BOB, &invite, "INFO", 1));
        assert!(only(&sent, CAROL).starts_with("INFO "), "{sent:?}");
        let info = from(CAROL, only(&sent, CAROL), "200 OK", "");
        assert!(only(&house.receive(CAROL, &info), BOB).starts_with("SIP/2.0 200"));
        if shards == 2 {
            let bye = of_callee(CAROL, &third, "BYE", 1);
            hangs_up_on(&mut house, CAROL, &bye, BOB);
            assert_eq!(house.global("DIALLED"), Some("ANSWER 16"));
        } else {
            let bye = of_callee(BOB, &invite, "BYE", 2);
            hangs_up_on(&mut house, BOB, &bye, CAROL);
            assert_eq!(house.global("DIALLED"), None);
        }
        assert_eq!(house.global("OVER"), Some("SIP/1002-000000001 after"));
        let each = house.shards.iter().map(|shard| &shard.exchange.counters);
        let each = each.map(|counters| (counters.calls_begun, counters.calls_answered));
        assert_eq!(each.max(), Some((2, 2)));
        house.empties();
    }
}

#[test]
fn without_a_place_f_goes_on_behind_the_dial_and_so_on() {
    let mut house = House::following(2, PLAN);
    house.register("1004", DAVE);
    let alice = calling(&house, "71");
    let (invite, ok) = talking(&mut house, &alice);
    let sent = alice_leaves(&mut house, &alice, &ok);
    let third = is_joined(&mut house, &sent, BOB, CAROL);
    let bye = of_callee(BOB, &invite, "BYE", 1);
    let sent = house.receive(BOB, &bye);
    assert!(only(&sent, BOB).starts_with("SIP/2.0 200 OK"), "{sent:?}");
    let told = house.global("WHO").unwrap();
    assert!(told.starts_with("SIP/1003-"), "{told}");
    assert!(told.ends_with(" 1700000000.0 1003"), "{told}");
    is_joined(&mut house, &sent, CAROL, DAVE);
    let bye = of_callee(CAROL, &third, "BYE", 1);
    hangs_up_on(&mut house, CAROL, &bye, DAVE);
    house.empties();
}

#[test]
fn with_g_caller_and_callee_dial_each_for_itself() {
    let mut house = House::following(2, PLAN);
    house.register("1004", DAVE);
    let alice = calling(&house, "72");
    let invite = only(&house.receive(ALICE, &alice.invite()), BOB).to_string();
    let sent = house.receive(BOB, &from(BOB, &invite, "200 OK", "bob"));
    let to_carol = only(&sent, CAROL).to_string();
    assert!(to_carol.ends_with(OFFER), "Alice's offer: {to_carol}");
    is_joined(&mut house, &sent, BOB, DAVE);
    let sent = house.receive(CAROL, &from(CAROL, &to_carol, "200 OK", "carol"));
    let ok = only(&sent, ALICE).to_string();
    assert!(ok.ends_with("\r\n\r\ncarol"), "{ok}");
    house.receive(ALICE, &alice.ack(&ok, ""));
    hangs_up_on(&mut house, ALICE, &alice.bye(&ok), CAROL);
    hangs_up_on(&mut house, BOB, &of_callee(BOB, &invite, "BYE", 1), DAVE);
    house.empties();
}

#[test]
fn an_operator_sends_a_callee_away_who_dials_and_is_sent_away_again() {
    let mut house = House::following(2, PLAN);
    let alice = alice(&house);
    let (invite, _) = talking(&mut house, &alice);
    let redirect = |place: &str| Action::Redirect(place.into());
    assert_eq!(house.order(BOBS_NAME, redirect("after,s,1")), 1);
    let sent = house.settle();
    let bye = only(&sent, ALICE).to_string();
    assert!(bye.starts_with("BYE "), "{bye}");
    house.receive(ALICE, &from(ALICE, &bye, "200 OK", ""));
    is_joined(&mut house, &sent, BOB, CAROL);
    let shown = rows(&mut house);
    let [bob, carol] = &shown[..] else {
        panic!("{shown:?}")
    };
    assert_eq!((&*bob.name, &*bob.unique_id), (BOBS_NAME, "1700000000.2"));
    assert_eq!(
        (&*bob.context, &*bob.exten, bob.priority),
        ("after", "s", 3)
    );
    assert_eq!((&*bob.application, &*bob.number), ("Dial", "1002"));
    assert_eq!((bob.state, bob.calls), (ChannelState::Up, true));
    assert!(bob.bridge.is_some() && bob.bridge == carol.bridge);
    // By the name he has had, in whatever case.
    assert_eq!(house.order("sip/1002-000000001", redirect("7,1")), 1);
    let sent = house.settle();
    let to_carol: Sent = sent
        .into_iter()
        .filter(|(to, _)| *to == CAROL.parse().unwrap())
        .collect();
    let lines = firsts(&to_carol);
    assert!(
        lines[0].starts_with("BYE ") && lines[1].starts_with("INVITE "),
        "{lines:?}"
    );
    let bye = to_carol[0].1.clone();
    house.receive(CAROL, &from(CAROL, &bye, "200 OK", ""));
    is_joined(&mut house, &to_carol[1..].to_vec(), BOB, CAROL);
    let hang_up = Action::HangUp(Cause::NORMAL_CLEARING);
    assert_eq!(house.order(BOBS_NAME, hang_up.clone()), 1);
    let sent = house.settle();
    for address in [BOB, CAROL] {
        let bye = only(&sent, address).to_string();
        assert!(bye.starts_with("BYE "), "{bye}");
        house.receive(address, &from(address, &bye, "200 OK", ""));
    }
    assert_eq!(house.order(BOBS_NAME, hang_up), 0, "he is gone");
    let late = house.receive(BOB, &of_callee(BOB, &invite, "BYE", 1));
    assert!(only(&late, BOB).starts_with("SIP/2.0 481"), "{late:?}");
    house.empties();
}

#[test]
fn who_is_hung_up_with_the_caller_goes_nowhere() {
    let behind_local = [PLAN, &["default,79,1,Dial(Local/1002@default)"]].concat();
    for exten in ["1002", "79"] {
        let mut house = House::following(1, &behind_local);
        let alice = calling(&house, exten);
        talking(&mut house, &alice);
        let action = Action::HangUp(Cause::NORMAL_CLEARING);
        let whom = Whom::All;
        let order = Order { whom, action };
        let (now, out) = (house.now, &mut house.outs[0]);
        house.shards[0].serve(now, Query::Order(order, Span::ALL), out);
        let sent = house.settle();
        let lines = firsts(&sent);
        assert!(
            lines.iter().all(|line| line.starts_with("BYE ")),
            "{lines:?}"
        );
        only(&sent, ALICE);
        only(&sent, BOB);
        assert!(house.shards[0].calls.is_empty());
        house.empties();
    }
}

#[test]
fn what_a_callee_has_answered_is_not_said_for_who_rings_after_it() {
    let mut house = House::following(1, PLAN);
    let alice = calling(&house, "92");
    let invite = only(&house.receive(ALICE, &alice.invite()), BOB).to_string();
    let sent = house.receive(BOB, &from(BOB, &invite, "200 OK", "bob"));
    let ringing = only(&sent, ALICE);
    assert!(ringing.starts_with("SIP/2.0 180 "), "{ringing}");
    assert!(ringing.ends_with("\r\n\r\n"), "{ringing}");
}

#[test]
fn a_caller_whom_a_callee_owes_an_acknowledgement_is_sent_one() {
    let mut house = House::following(1, PLAN);
    let alice = calling(&house, "93");
    let (invite, _) = talking(&mut house, &alice);
    let again = of_callee(BOB, &invite, "INVITE", 1);
    let again = only(&house.receive(BOB, &again), ALICE).to_string();
    let offers = from(ALICE, &again, "200 OK", "alice's");
    assert!(only(&house.receive(ALICE, &offers), BOB).ends_with("alice's"));
    assert_eq!(house.receive(ALICE, &offers), [], "Bob answers it");
    let redirect = Action::Redirect("after,8,1".into());
    assert_eq!(house.order(BOBS_NAME, redirect), 1);
    assert!(only(&house.settle(), ALICE).starts_with("ACK "));
    assert!(only(&house.receive(ALICE, &offers), ALICE).starts_with("ACK "));
}

#[test]
fn the_plan_of_who_is_left_finds_who_has_left_at_once() {
    let mut house = House::following(
        1,
        &[
            "default,_X.,1,Set(__KIND=test)",
            "default,_X.,2,Dial(SIP/1002,20,F(after^s^1))",
            "default,h,1,Set(GLOBAL(HEARD)=${IMPORT(SIP/1002-000000001,KIND)})",
            "after,s,1,Wait(5)",
        ],
    );
    let alice = alice(&house);
    let (_, ok) = talking(&mut house, &alice);
    alice_leaves(&mut house, &alice, &ok);
    assert_eq!(house.global("HEARD"), Some("test"));
}

#[test]
fn another_call_sends_a_callee_away_and_asks_for_its_variables() {
    let mut house = House::following(2, PLAN);
    let alice = alice(&house);
    let (invite, _) = talking(&mut house, &alice);
    let carol_dials = |house: &mut House, exten, name| {
        let carol = Caller {
            call_id: house.call_id(name, 1),
            ..carol(house, exten)
        };
        let sent = house.receive(CAROL, &carol.invite());
        let is_final = |text: &&String| text.starts_with("SIP/2.0 486");
        let texts = sent.iter().map(|(_, text)| text);
        assert_eq!(texts.filter(is_final).count(), 1, "{sent:?}");
        sent
    };
    let mut sent = carol_dials(&mut house, "89", "first");
    sent.retain(|(_, text)| text.starts_with("INVITE "));
    is_joined(&mut house, &sent, BOB, CAROL);
    carol_dials(&mut house, "90", "second");
    assert_eq!(house.global("HEARD"), Some("test sweet"));
    hangs_up_on(&mut house, BOB, &of_callee(BOB, &invite, "BYE", 1), CAROL);
}

#[test]
fn a_callee_behind_a_local_channel_is_sent_away_from_it() {
    let mut house = House::following(2, PLAN);
    let alice = calling(&house, "77");
    let (invite, _) = talking(&mut house, &alice);
    let redirect = Action::Redirect("after,s,1".into());
    assert_eq!(house.order("SIP/1002-000000002", redirect), 1);
    let sent = house.settle();
    let bye = only(&sent, ALICE).to_string();
    assert!(bye.starts_with("BYE "), "{bye}");
    house.receive(ALICE, &from(ALICE, &bye, "200 OK", ""));
    is_joined(&mut house, &sent, BOB, CAROL);
    hangs_up_on(&mut house, BOB, &of_callee(BOB, &invite, "BYE", 1), CAROL);
    house.empties();
}

#[test]
fn a_callee_whose_offer_nobody_has_answered_does_not_go_on() {
    let mut house = House::following(1, PLAN);
    let alice = Caller {
        offer: "",
        ..alice(&house)
    };
    let invite = only(&house.receive(ALICE, &alice.invite()), BOB).to_string();
    let sent = house.receive(BOB, &from(BOB, &invite, "200 OK", OFFER));
    let ok = only(&sent, ALICE).to_string();
    let sent = alice_leaves(&mut house, &alice, &ok);
    let lines = firsts(&sent);
    assert!(
        lines[1].starts_with("ACK sip:x@127.0.0.1:7002"),
        "{lines:?}"
    );
    assert!(
        lines[2].starts_with("BYE sip:x@127.0.0.1:7002"),
        "{lines:?}"
    );
    house.empties();
}

#[test]
fn where_there_is_no_room_for_a_call_the_callee_is_hung_up() {
    let mut house = House::following(1, PLAN);
    house.shards[0].exchange.limits.calls = 1;
    let alice = alice(&house);
    let (_, ok) = talking(&mut house, &alice);
    let sent = alice_leaves(&mut house, &alice, &ok);
    assert!(only(&sent, BOB).starts_with("BYE "), "{sent:?}");
    assert_eq!(house.shards[0].exchange.counters.calls_refused, 1);
    house.empties();
}

#[test]
fn with_g_the_caller_goes_on_though_the_callee_cannot() {
    let mut house = House::following(1, PLAN);
    house.shards[0].exchange.limits.calls = 1;
    let alice = calling(&house, "72");
    let invite = only(&house.receive(ALICE, &alice.invite()), BOB).to_string();
    let sent = house.receive(BOB, &from(BOB, &invite, "200 OK", "bob"));
    let to_bob = sent.iter().filter(|(to, _)| *to == BOB.parse().unwrap());
    let to_bob: Vec<_> = to_bob.map(|(_, text)| &text[..4]).collect();
    assert_eq!(to_bob, ["ACK ", "BYE "]);
    let to_carol = only(&sent, CAROL);
    assert!(to_carol.ends_with(OFFER), "Alice's offer: {to_carol}");
}
