//! Legs of pickers that move to another shard: lost envelopes, shards that are
//! replaced, and Call-IDs that are used again.

use super::super::channels::firsts;
use super::super::*;
use super::house::*;
use crate::base::ShardId;
use crate::machine::{Answer, Body, Question};

fn is_question(body: &Body) -> bool {
    matches!(
        body,
        Body::Ask {
            question: Question::PickUp(_),
            ..
        }
    )
}

fn is_answer(body: &Body) -> bool {
    matches!(
        body,
        Body::Answer {
            answer: Answer::PickedUp(_),
            ..
        }
    )
}

#[test]
fn a_lost_envelope_delays_a_pickup_and_does_no_harm() {
    for loses in [is_question, is_answer] {
        let (mut house, alice, carol, invite) = ringing();
        house.loses = loses;
        let mut sent = house.receive(CAROL, &carol.invite());
        house.loses = |_| false;
        // Copies of the INVITE wait with it, and are no second call.
        assert!(house.receive(CAROL, &carol.invite()).is_empty());
        sent.extend(house.wait(Duration::from_millis(600)));
        let oks: Sent = sent
            .iter()
            .filter(|(to, _)| *to == CAROL.parse().unwrap())
            .cloned()
            .collect();
        assert!(
            firsts(&oks).iter().all(|line| line == "SIP/2.0 200 OK"),
            "{oks:?}"
        );
        let ok = oks[0].1.clone();
        assert!(
            oks.iter().all(|(_, again)| *again == ok),
            "one answer: {oks:?}"
        );
        let cancels: Sent = sent
            .into_iter()
            .filter(|(_, text)| text.starts_with("CANCEL"))
            .take(1)
            .collect();
        bob_stops(&mut house, &cancels, &invite);
        let again = house.receive(CAROL, &carol.ack(&ok, ""));
        let ok = talks(&mut house, &alice, only(&again, CAROL));
        ends(house, &alice, &ok);
    }
}

#[test]
fn a_picker_that_cancels_while_it_is_asked_for_has_one_final_response() {
    let (mut house, alice, carol, _) = ringing();
    house.loses = is_question;
    let sent = house.receive(CAROL, &carol.invite());
    assert!(sent.is_empty(), "{sent:?}");
    assert!(house.receive(CAROL, &carol.cancel()).is_empty(), "held");
    // Nobody ever answers: the plan goes on, and then comes the CANCEL.
    let sent = house.wait(Duration::from_secs(5));
    let to_carol: Sent = sent
        .into_iter()
        .filter(|(to, text)| *to == CAROL.parse().unwrap() && !text.contains(" 100 "))
        .collect();
    assert_eq!(firsts(&to_carol)[0], "SIP/2.0 486 Busy Here");
    assert!(
        house.global("DIALLED").is_some_and(str::is_empty),
        "it rings still"
    );
    house.loses = |_| false;
    house.receive(
        CAROL,
        &carol.request("ACK", 1, header(&to_carol[0].1, "To"), ""),
    );
    house.receive(ALICE, &alice.cancel());
    house.wait(Duration::from_secs(60));
    assert!(house.nothing_moved());
}

#[test]
fn the_home_of_a_picker_that_was_replaced_is_told_where_it_lives() {
    let (mut house, alice, carol, invite) = ringing();
    let (picked, again) = picks_up(&mut house, &carol, &invite);
    talks(&mut house, &alice, &again);
    house.replace(1);
    house.settle();
    leaves(&mut house, &carol, &picked);
    house.empties();
}

#[test]
fn a_picker_whose_new_shard_was_replaced_is_told_that_its_dialog_is_gone() {
    let (mut house, _, carol, invite) = ringing();
    let (picked, _) = picks_up(&mut house, &carol, &invite);
    house.replace(0);
    house.settle();
    let sent = house.receive(CAROL, &carol.bye(&picked));
    assert!(only(&sent, CAROL).starts_with("SIP/2.0 481"), "{sent:?}");
    house.wait(Duration::from_secs(120));
    assert!(house.shards[1].moved.is_empty());
}

/// Carol, who is in a call that she has picked up on the first shard, begins
/// another by the same Call-ID.
fn calls_again(house: &mut House, carol: &Caller) -> Sent {
    house.receive(CAROL, &carol.ask("INVITE", 5, OFFER))
}

/// A call of Dave's rings at Bob, on that shard.
fn rings_on(house: &mut House, shard: ShardId, carol: &Caller) -> Caller {
    let dave = Caller {
        user: "1004",
        address: DAVE,
        exten: "1002",
        call_id: house.call_id("dave", shard),
        ..carol_like(carol)
    };
    rings(house, &dave);
    dave
}

#[test]
fn a_picker_that_calls_again_by_its_call_id_is_met_at_home() {
    let (mut house, alice, carol, invite) = ringing();
    let (_, again) = picks_up(&mut house, &carol, &invite);
    let ok = talks(&mut house, &alice, &again);
    let before = house.begun();
    let sent = calls_again(&mut house, &carol);
    let refused = only(&sent, CAROL).to_string();
    assert!(refused.starts_with("SIP/2.0 486"), "{refused}");
    assert_eq!(house.begun(), [before[0], before[1] + 1]);
    // Its ACK is for the home, too.
    let ack = carol.request("ACK", 5, header(&refused, "To"), "");
    assert!(house.receive(CAROL, &ack).is_empty());
    let copies = house.wait(Duration::from_secs(2));
    assert!(copies.is_empty(), "{copies:?}");
    ends(house, &alice, &ok);
}

#[test]
fn a_picker_that_picks_up_once_more_by_its_call_id_has_two_dialogs() {
    let (mut house, alice, carol, invite) = ringing();
    let (picked, again) = picks_up(&mut house, &carol, &invite);
    talks(&mut house, &alice, &again);
    let dave = rings_on(&mut house, 1, &carol);
    let sent = calls_again(&mut house, &carol);
    let second = only(&sent, CAROL).to_string();
    assert!(second.starts_with("SIP/2.0 200 OK"), "{second}");
    // Each dialog's messages get to where it lives.
    let ack = carol.request("ACK", 5, header(&second, "To"), "");
    let sent = house.receive(CAROL, &ack.replace("=z9hG4bK", "=z9hG4bKack"));
    let again = only(&sent, CAROL).to_string();
    assert!(again.starts_with("INVITE "), "{again}");
    let sent = house.receive(CAROL, &from(CAROL, &again, "200 OK", "answer"));
    let daves = only(&sent, DAVE).to_string();
    assert!(daves.ends_with("\r\n\r\nanswer"), "{daves}");
    house.receive(DAVE, &dave.ack(&daves, ""));
    for (cseq, answer, address) in [(6, &second, DAVE), (7, &picked, ALICE)] {
        let bye = carol.request("BYE", cseq, header(answer, "To"), "");
        let sent = house.receive(CAROL, &bye);
        assert!(only(&sent, CAROL).starts_with("SIP/2.0 200 OK"), "{sent:?}");
        let bye = only(&sent, address).to_string();
        house.receive(address, &from(address, &bye, "200 OK", ""));
    }
    house.wait(Duration::from_secs(120));
    assert!(house.nothing_moved());
}

#[test]
fn no_leg_moves_from_where_its_call_id_is_not_at_home() {
    for rings_at in [0, 1] {
        let (mut house, alice, carol, invite) = ringing();
        let (_, again) = picks_up(&mut house, &carol, &invite);
        let ok = talks(&mut house, &alice, &again);
        // A home that was replaced knows no CSeq number, and passes all on.
        house.replace(1);
        house.settle();
        rings_on(&mut house, rings_at, &carol);
        let sent = calls_again(&mut house, &carol);
        assert!(only(&sent, CAROL).starts_with("SIP/2.0 486"), "{sent:?}");
        assert!(house.shards[0].moved.is_empty());
        // She is where she was.
        hangs_up(&mut house, &alice, &ok);
    }
}

#[test]
fn a_late_no_does_not_let_a_picker_have_two_owners() {
    let mut house = House::new(2);
    let (alice, carol) = (alice(&house), carol(&house, "8"));
    house.drop_in(CAROL, &carol.invite());
    while !house.mesh.iter().any(|envelope| is_answer(&envelope.body)) {
        let envelope = house.mesh.pop_front().unwrap();
        house.hand(usize::from(envelope.to), Input::Envelope(envelope));
    }
    let no = house.mesh.pop_front().unwrap();
    // Her home comes to itself so late that it asks again before it hears.
    house.now = house.now + Duration::from_millis(600);
    house.hand(1, Input::Elapsed);
    let again = house.mesh.pop_front().unwrap();
    assert!(is_question(&again.body), "{again:?}");
    house.hand(1, Input::Envelope(no));
    let refused = house.settle();
    let invite = rings(&mut house, &alice);
    house.mesh.push_back(again);
    let mut sent = house.settle();
    let cancel: Sent = vec![(BOB.parse().unwrap(), only(&sent, BOB).into())];
    bob_stops(&mut house, &cancel, &invite);
    sent.extend(refused);
    let finals = firsts(&sent).into_iter();
    let finals = finals.filter(|line| line.starts_with("SIP/2.0 ") && !line.contains(" 100 "));
    assert_eq!(finals.collect::<Vec<_>>(), ["SIP/2.0 200 OK"]);
    let sent = house.receive(CAROL, &carol.ack(only(&sent, CAROL), ""));
    let ok = talks(&mut house, &alice, only(&sent, CAROL));
    ends(house, &alice, &ok);
}
