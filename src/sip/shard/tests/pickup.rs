//! Calls that ring for one telephone and are answered by another, on one shard
//! and on two.

pub(super) mod house;
mod moved;

use super::channels::firsts;
use super::*;
use crate::dialplan::{Action, Cause};
use crate::machine::Disposition;
use house::*;

#[test]
fn pickup_answers_a_ringing_call_wherever_it_is() {
    for shards in [1, 2, 3] {
        let mut house = House::new(shards);
        let (alice, carol) = (alice(&house), carol(&house, "8"));
        let invite = rings(&mut house, &alice);
        let (picked, again) = picks_up(&mut house, &carol, &invite);
        assert!(again.ends_with(OFFER), "{again}");
        assert_eq!(header(&again, "CSeq"), "101 INVITE");
        assert_eq!(header(&again, "From"), header(&picked, "To"));
        let ok = answers(&mut house, &again);
        assert!(house.receive(ALICE, &alice.ack(&ok, "")).is_empty());
        // What she had asked before that is not for where her leg is.
        let (before, home) = (house.begun(), 1 % house.shards.len());
        house.receive(CAROL, &carol.earlier());
        assert_eq!(house.begun()[home] - before[home], 1);
        // A copy of what Carol has said is met as before, and so is a hold of hers.
        let copy = house.receive(CAROL, &from(CAROL, &again, "200 OK", "answer"));
        assert!(only(&copy, CAROL).starts_with("ACK "));
        let hold = carol.request("INVITE", 3, header(&picked, "To"), "hold");
        let sent = house.receive(CAROL, &hold);
        assert!(only(&sent, ALICE).ends_with("\r\n\r\nhold"), "{sent:?}");
        let held = from(ALICE, only(&sent, ALICE), "200 OK", "held");
        let sent = house.receive(ALICE, &held);
        assert!(only(&sent, CAROL).ends_with("\r\n\r\nheld"), "{sent:?}");
        let sent = house.receive(CAROL, &carol.request("BYE", 4, header(&picked, "To"), ""));
        assert!(only(&sent, CAROL).starts_with("SIP/2.0 200 OK"), "{sent:?}");
        let bye = only(&sent, ALICE).to_string();
        assert!(bye.starts_with("BYE sip:x@127.0.0.1:7001"), "{bye}");
        house.receive(ALICE, &from(ALICE, &bye, "200 OK", ""));
        let told = house.global("DIALLED").unwrap();
        assert!(told.starts_with("ANSWER SIP/1003-"), "{told}");
        let [record] = &house.records[..] else {
            panic!("{:?}", house.records)
        };
        assert_eq!(record.disposition, Disposition::Answered);
        assert!(record.dstchannel.starts_with("SIP/1003-"), "{record:?}");
        assert_eq!(record.callee_call_id, carol.call_id.as_str().into());
        assert_eq!(record.call_id, alice.call_id.as_str().into());
        house.empties();
    }
}

#[test]
fn pickup_finds_calls_by_mark_group_channel_and_behind_local() {
    for (dialled, exten) in [
        ("1002", "81"),
        ("1002", "82"),
        ("1002", "83"),
        ("1002", "84"),
        ("77", "85"),
        ("77", "8"),
    ] {
        let mut house = House::new(2);
        let alice = Caller {
            exten: dialled,
            ..alice(&house)
        };
        let carol = carol(&house, exten);
        let invite = rings(&mut house, &alice);
        if (dialled, exten) == ("77", "8") {
            // The extension behind the Local channel is of another context.
            let sent = house.receive(CAROL, &carol.invite());
            assert!(only(&sent, CAROL).starts_with("SIP/2.0 486"), "{sent:?}");
            house.receive(ALICE, &alice.cancel());
            continue;
        }
        let (_, again) = picks_up(&mut house, &carol, &invite);
        let ok = talks(&mut house, &alice, &again);
        ends(house, &alice, &ok);
    }
}

#[test]
fn pickup_goes_on_where_nothing_fits() {
    for exten in ["8", "90", "91"] {
        let mut house = House::new(2);
        let (alice, carol) = (alice(&house), carol(&house, exten));
        if exten != "8" {
            rings(&mut house, &alice);
        }
        let sent = house.receive(CAROL, &carol.invite());
        assert_eq!(firsts(&sent), ["SIP/2.0 486 Busy Here"], "{exten}");
        let ack = carol.request("ACK", 1, header(&sent[0].1, "To"), "");
        house.receive(CAROL, &ack);
        if exten != "8" {
            house.receive(ALICE, &alice.cancel());
        }
        house.wait(Duration::from_secs(1));
    }
}

#[test]
fn one_of_two_pickers_gets_the_call() {
    let mut house = House::new(2);
    let (alice, carol) = (alice(&house), carol(&house, "8"));
    let dave = Caller {
        user: "1004",
        address: DAVE,
        call_id: house.call_id("dave", 1),
        ..carol_like(&carol)
    };
    let invite = rings(&mut house, &alice);
    house.drop_in(CAROL, &carol.invite());
    house.drop_in(DAVE, &dave.invite());
    let sent = house.settle();
    let wins = |address| only(&sent, address).starts_with("SIP/2.0 200 OK");
    let (winner, loser) = match wins(CAROL) {
        true => (&carol, &dave),
        false => (&dave, &carol),
    };
    let refused = only(&sent, loser.address).to_string();
    assert!(refused.starts_with("SIP/2.0 486"), "{refused}");
    house.receive(
        loser.address,
        &loser.request("ACK", 1, header(&refused, "To"), ""),
    );
    bob_stops(&mut house, &sent, &invite);
    let picked = only(&sent, winner.address).to_string();
    let sent = house.receive(winner.address, &winner.ack(&picked, ""));
    let again = only(&sent, winner.address).to_string();
    let answer = from(winner.address, &again, "200 OK", "answer");
    let sent = house.receive(winner.address, &answer);
    let ok = only(&sent, ALICE).to_string();
    house.receive(ALICE, &alice.ack(&ok, ""));
    let sent = house.receive(ALICE, &alice.bye(&ok));
    let bye = only(&sent, winner.address).to_string();
    house.receive(winner.address, &from(winner.address, &bye, "200 OK", ""));
    house.empties();
}

#[test]
fn a_picker_who_offers_nothing_is_offered_the_callers() {
    let mut house = House::new(2);
    let alice = alice(&house);
    let carol = Caller {
        offer: "",
        ..carol(&house, "8")
    };
    let invite = rings(&mut house, &alice);
    let picked = takes(&mut house, &carol, &invite);
    assert!(picked.ends_with(OFFER), "{picked}");
    let sent = house.receive(CAROL, &carol.ack(&picked, "answer"));
    let ok = only(&sent, ALICE).to_string();
    assert!(ok.ends_with("\r\n\r\nanswer"), "{ok}");
    house.receive(ALICE, &alice.ack(&ok, ""));
    leaves(&mut house, &carol, &picked);
    house.empties();
}

#[test]
fn a_caller_who_offers_nothing_answers_what_the_picker_offers() {
    for picker in [PICKERS, ""] {
        let mut house = House::new(2);
        let alice = Caller {
            offer: "",
            ..alice(&house)
        };
        let carol = Caller {
            offer: picker,
            ..carol(&house, "8")
        };
        let invite = rings(&mut house, &alice);
        let picked = takes(&mut house, &carol, &invite);
        assert!(picked.contains("c=IN IP4 0.0.0.0\r\n"), "{picked}");
        let sent = house.receive(CAROL, &carol.ack(&picked, ""));
        let again = only(&sent, CAROL).to_string();
        assert!(again.ends_with("\r\n\r\n"), "no offer: {again}");
        let sent = house.receive(CAROL, &from(CAROL, &again, "200 OK", "carol's"));
        assert_eq!(sent.len(), 1, "its ACK waits for Alice's: {sent:?}");
        let ok = only(&sent, ALICE).to_string();
        assert!(ok.ends_with("\r\n\r\ncarol's"), "{ok}");
        let sent = house.receive(ALICE, &alice.ack(&ok, "alice's"));
        let ack = only(&sent, CAROL);
        assert!(
            ack.starts_with("ACK ") && ack.ends_with("\r\n\r\nalice's"),
            "{ack}"
        );
        ends(house, &alice, &ok);
    }
}

#[test]
fn early_media_of_who_rang_is_followed_by_the_pickers_answer_under_another_tag() {
    let mut house = House::new(2);
    let (alice, carol) = (alice(&house), carol(&house, "8"));
    let invite = only(&house.receive(ALICE, &alice.invite()), BOB).to_string();
    let early = from(BOB, &invite, "183 Session Progress", "early");
    let progress = only(&house.receive(BOB, &early), ALICE).to_string();
    assert!(progress.ends_with("\r\n\r\nearly"), "{progress}");
    let (_, again) = picks_up(&mut house, &carol, &invite);
    let ok = answers(&mut house, &again);
    assert_ne!(header(&ok, "To"), header(&progress, "To"));
    house.receive(ALICE, &alice.ack(&ok, ""));
    ends(house, &alice, &ok);
}

#[test]
fn a_picker_who_has_not_acknowledged_is_left_once_it_has() {
    let (mut house, alice, carol, invite) = ringing();
    let ok = takes(&mut house, &carol, &invite);
    let sent = house.receive(ALICE, &alice.cancel());
    assert!(
        sent.iter().all(|(to, _)| *to == ALICE.parse().unwrap()),
        "{sent:?}"
    );
    assert!(sent.iter().any(|(_, text)| text.starts_with("SIP/2.0 487")));
    let sent = house.receive(CAROL, &carol.ack(&ok, ""));
    let bye = only(&sent, CAROL).to_string();
    assert!(bye.starts_with("BYE sip:1003@"), "{bye}");
    house.receive(CAROL, &from(CAROL, &bye, "200 OK", ""));
    house.empties();
}

#[test]
fn a_picker_who_never_acknowledges_is_given_up() {
    let (mut house, _, carol, invite) = ringing();
    let sent = house.receive(CAROL, &carol.invite());
    bob_stops(&mut house, &sent, &invite);
    let sent = house.wait(Duration::from_secs(33));
    let to_carol = sent.iter().filter(|(to, _)| *to == CAROL.parse().unwrap());
    let lines = firsts(&to_carol.cloned().collect::<Vec<_>>());
    assert!(
        lines
            .iter()
            .filter(|line| line.starts_with("SIP/2.0 200"))
            .count()
            > 5
    );
    house.empties();
}

#[test]
fn a_picker_may_leave_or_refuse_before_it_has_answered() {
    for leaves in [true, false] {
        let (mut house, alice, carol, invite) = ringing();
        let (ok, again) = picks_up(&mut house, &carol, &invite);
        let sent = match leaves {
            true => house.receive(CAROL, &carol.bye(&ok)),
            false => house.receive(CAROL, &from(CAROL, &again, "488 Not Acceptable Here", "")),
        };
        let refused = only(&sent, ALICE).to_string();
        assert!(!refused.starts_with("SIP/2.0 2"), "{refused}");
        house.receive(ALICE, &alice.request("ACK", 1, header(&refused, "To"), ""));
        let lines = firsts(&sent).join("\n");
        match leaves {
            true => assert!(lines.contains("SIP/2.0 200 OK"), "{lines}"),
            false => assert!(lines.contains("BYE sip:1003@"), "{lines}"),
        }
        house.empties();
    }
}

#[test]
fn an_offer_that_crosses_one_of_the_pickers_is_made_again() {
    let (mut house, alice, carol, invite) = ringing();
    let (picked, again) = picks_up(&mut house, &carol, &invite);
    let own = carol.request("INVITE", 2, header(&picked, "To"), "own");
    let sent = house.receive(CAROL, &own);
    let pending = only(&sent, CAROL).to_string();
    assert!(pending.starts_with("SIP/2.0 491"), "{pending}");
    house.receive(CAROL, &carol.request("ACK", 2, header(&picked, "To"), ""));
    house.receive(CAROL, &from(CAROL, &again, "491 Request Pending", ""));
    let sent = house.wait(Duration::from_millis(2_100));
    // Copies of it may have followed.
    let again = sent[0].1.clone();
    assert!(
        again.starts_with("INVITE ") && again.ends_with(OFFER),
        "{again}"
    );
    assert_eq!(header(&again, "CSeq"), "102 INVITE");
    let ok = talks(&mut house, &alice, &again);
    ends(house, &alice, &ok);
}

#[test]
fn a_picker_is_sent_nowhere_before_it_has_joined() {
    for acknowledges in [true, false] {
        let (mut house, alice, carol, invite) = ringing();
        let picked = takes(&mut house, &carol, &invite);
        let callee = "SIP/1003-000000001";
        let elsewhere = || Action::Redirect("default,66,1".into());
        if !acknowledges {
            assert_eq!(house.order(callee, elsewhere()), 0);
        }
        let sent = house.receive(CAROL, &carol.ack(&picked, ""));
        assert_eq!(house.order(callee, elsewhere()), 0);
        let ok = talks(&mut house, &alice, only(&sent, CAROL));
        if acknowledges {
            ends(house, &alice, &ok);
            continue;
        }
        assert_eq!(house.order(callee, elsewhere()), 1);
        let sent = house.settle();
        let line = format!("BYE sip:1001@{ALICE} SIP/2.0");
        assert!(firsts(&sent).contains(&line), "{sent:?}");
    }
}

#[test]
fn a_picker_that_is_hung_up_before_it_has_joined_has_not_answered() {
    let (mut house, _, carol, invite) = ringing();
    picks_up(&mut house, &carol, &invite);
    let action = Action::HangUp(Cause::NORMAL_CLEARING);
    assert_eq!(house.order("SIP/1003-000000001", action), 1);
    let sent = house.settle();
    assert!(only(&sent, ALICE).starts_with("SIP/2.0 603"), "{sent:?}");
    let lines = firsts(&sent);
    assert!(
        lines.iter().any(|line| line.starts_with("BYE sip:1003@")),
        "{lines:?}"
    );
}

#[test]
fn what_a_picker_acknowledges_an_answer_with_is_no_answer() {
    let (mut house, alice, carol, invite) = ringing();
    let picked = takes(&mut house, &carol, &invite);
    let sent = house.receive(CAROL, &carol.ack(&picked, "gossip"));
    let again = only(&sent, CAROL).to_string();
    assert!(again.ends_with(OFFER), "{again}");
    let ok = talks(&mut house, &alice, &again);
    ends(house, &alice, &ok);
}

#[test]
fn a_picker_whose_offer_cannot_be_answered_picks_nothing_up() {
    let (mut house, _, carol, _) = ringing();
    let invite = carol.invite().replace("application/sdp", "multipart/mixed");
    let sent = house.receive(CAROL, &invite);
    assert!(only(&sent, CAROL).starts_with("SIP/2.0 486"), "{sent:?}");
}
