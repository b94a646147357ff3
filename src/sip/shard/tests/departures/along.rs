//! What a callee takes along when it goes on without its caller, and what is told
//! of it: variables, limits, places, groups, its way from elsewhere, records.

use super::*;
use crate::base::{Text, shard_of};
use crate::machine::{Answer, Body, Cdr, Disposition, HistoryRow, Question, What};

#[test]
fn each_of_both_calls_has_its_record() {
    let mut house = House::following(2, PLAN);
    let alice = alice(&house);
    let (invite, ok) = talking(&mut house, &alice);
    house.wait(Duration::from_secs(5));
    let sent = alice_leaves(&mut house, &alice, &ok);
    let [record] = &house.records[..] else {
        panic!("{:?}", house.records)
    };
    assert_eq!(record.billed().as_secs(), 5);
    assert_eq!(
        (&*record.channel, &*record.dstchannel),
        ("SIP/1001-00000000", BOBS_NAME)
    );
    is_joined(&mut house, &sent, BOB, CAROL);
    house.wait(Duration::from_secs(7));
    hangs_up_on(&mut house, BOB, &of_callee(BOB, &invite, "BYE", 1), CAROL);
    let [_, record] = &house.records[..] else {
        panic!("{:?}", house.records)
    };
    assert_eq!(record.disposition, Disposition::Answered);
    assert_eq!(record.billed().as_secs(), 7);
    assert_eq!(
        (&*record.src, &*record.dst, &*record.dcontext),
        ("1002", "s", "after")
    );
    assert_eq!((&*record.channel, &*record.peer), (BOBS_NAME, "1002"));
    assert!(record.dstchannel.starts_with("SIP/1003-"), "{record:?}");
    assert_eq!(
        (&*record.uniqueid, &*record.linkedid),
        ("1700000000.2", "1700000000.0")
    );
    assert_eq!(record.call_id, Text::from(header(&invite, "Call-ID")));
    house.empties();
}

#[test]
fn a_callee_that_dials_nobody_has_a_record_of_its_own() {
    let mut house = House::following(
        1,
        &[
            "default,_X.,1,Dial(SIP/1002,20,F(after^s^1))",
            "after,s,1,Wait(5)",
        ],
    );
    let alice = alice(&house);
    let (_, ok) = talking(&mut house, &alice);
    alice_leaves(&mut house, &alice, &ok);
    let sent = house.wait(Duration::from_millis(5010));
    let bye = only(&sent, BOB).to_string();
    house.receive(BOB, &from(BOB, &bye, "200 OK", ""));
    let [_, record] = &house.records[..] else {
        panic!("{:?}", house.records)
    };
    assert_eq!((&*record.channel, &*record.dstchannel), (BOBS_NAME, ""));
    assert_eq!((&*record.lastapp, record.billed().as_secs()), ("Wait", 5));
    house.empties();
}

#[test]
fn a_callee_that_is_in_a_routine_takes_its_variables_along() {
    let mut house = House::following(1, PLAN);
    let alice = calling(&house, "73");
    let invite = only(&house.receive(ALICE, &alice.invite()), BOB).to_string();
    house.receive(BOB, &from(BOB, &invite, "200 OK", "bob"));
    let redirect = Action::Redirect("after,s,1".into());
    assert_eq!(house.order(BOBS_NAME, redirect), 1);
    let sent = house.settle();
    assert!(only(&sent, ALICE).starts_with("SIP/2.0 603"), "{sent:?}");
    let told = house.global("WHO").unwrap();
    assert!(told.ends_with(" 1002 screened "), "{told}");
    is_joined(&mut house, &sent, BOB, CAROL);
}

#[test]
fn what_is_confirmed_late_is_held_by_whoever_has_left() {
    let shards = (2..).find(|&shards| shard_of(b"groups", shards) > 0);
    let mut house = House::following(shards.unwrap(), PLAN);
    house.loses = |body| {
        let reply = |answer: &Answer| matches!(answer, Answer::Reply(_));
        matches!(body, Body::Answer { answer, .. } if reply(answer))
    };
    let alice = calling(&house, "78");
    let (invite, ok) = talking(&mut house, &alice);
    alice_leaves(&mut house, &alice, &ok);
    house.loses = |_| false;
    house.wait(Duration::from_secs(6));
    assert_eq!(house.global("COUNT"), Some("1"));
    house.receive(BOB, &of_callee(BOB, &invite, "BYE", 1));
    house.empties();
}

#[test]
fn limits_of_time_hold_for_a_callee_that_goes_on() {
    for (exten, limit_s) in [("74", 3), ("75", 4)] {
        let mut house = House::following(1, PLAN);
        let alice = calling(&house, exten);
        let (_, ok) = talking(&mut house, &alice);
        let sent = alice_leaves(&mut house, &alice, &ok);
        is_joined(&mut house, &sent, BOB, CAROL);
        let limit = Duration::from_secs(limit_s);
        let before = house.wait(limit - Duration::from_millis(20));
        assert!(firsts(&before).iter().all(|line| !line.starts_with("BYE")));
        let sent = house.wait(Duration::from_millis(50));
        for address in [BOB, CAROL] {
            assert!(only(&sent, address).starts_with("BYE "), "{sent:?}");
        }
        house.empties();
    }
}

#[test]
fn a_picker_that_goes_on_is_found_from_its_home_still() {
    for (shards, replaced) in [(2, false), (3, false), (2, true)] {
        let mut house = House::following(shards, PLAN);
        house.register("1004", DAVE);
        let (alice, carol) = (calling(&house, "76"), carol(&house, "8"));
        let invite = rings(&mut house, &alice);
        // That she has a place is heard of late.
        house.loses = |body| {
            let counts = |question: &Question| {
                matches!(
                    question,
                    Question::Admit {
                        limit: u32::MAX,
                        ..
                    }
                )
            };
            matches!(body, Body::Ask { question, .. } if counts(question))
        };
        let (picked, again) = picks_up(&mut house, &carol, &invite);
        let ok = talks(&mut house, &alice, &again);
        house.loses = |_| false;
        let sent = alice_leaves(&mut house, &alice, &ok);
        if replaced {
            house.replace(1);
            house.settle();
        }
        let to_dave: Sent = sent
            .into_iter()
            .filter(|(to, _)| *to == DAVE.parse().unwrap())
            .collect();
        is_joined(&mut house, &to_dave, CAROL, DAVE);
        house.wait(Duration::from_secs(5));
        if !replaced {
            assert_eq!(places(&house), 2, "Carol's and Dave's");
        }
        hangs_up_on(&mut house, CAROL, &carol.bye(&picked), DAVE);
        house.wait(Duration::from_secs(120));
        assert!(house.nothing_moved());
    }
}

#[test]
fn the_flight_recorders_of_both_calls_tell_of_it() {
    let mut house = House::following(1, PLAN);
    house.register("1004", DAVE);
    let alice = calling(&house, "72");
    let invite = only(&house.receive(ALICE, &alice.invite()), BOB).to_string();
    house.receive(BOB, &from(BOB, &invite, "200 OK", "bob"));
    let (now, out) = (house.now, &mut house.outs[0]);
    let query = Query::History(Text::new(), Span::FIRST);
    let Page::History(page) = house.shards[0].serve(now, query, out) else {
        panic!()
    };
    let onward = |row: &HistoryRow| {
        let moments = row.moments.iter().map(|moment| moment.what);
        let told = moments.filter(|what| matches!(what, What::Onward(_)));
        told.map(|what| what.to_string()).collect::<Vec<_>>()
    };
    let told: Vec<_> = page.rows.iter().flat_map(onward).collect();
    let legs = [1, 0].map(|leg| format!("Onward   leg {leg}  goes on by itself"));
    assert_eq!(told, legs);
}

#[test]
fn a_200_that_the_callee_does_not_acknowledge_ends_the_call_it_has_left_for() {
    let mut house = House::following(1, PLAN);
    let alice = calling(&house, "94");
    let (invite, ok) = talking(&mut house, &alice);
    let again = of_callee(BOB, &invite, "INVITE", 1);
    let again = only(&house.receive(BOB, &again), ALICE).to_string();
    let sent = house.receive(ALICE, &from(ALICE, &again, "200 OK", "alice's"));
    assert!(only(&sent, BOB).ends_with("alice's"), "{sent:?}");
    alice_leaves(&mut house, &alice, &ok);
    let sent = house.wait(Duration::from_secs(4));
    let copies = sent.iter().all(|(_, text)| text.ends_with("alice's"));
    assert!(!sent.is_empty() && copies, "{sent:?}");
    house.empties();
}

#[test]
fn whom_it_has_dialled_goes_on_though_it_has_not_answered_the_offer() {
    let mut house = House::following(2, PLAN);
    house.register("1004", DAVE);
    let alice = calling(&house, "71");
    let (invite, ok) = talking(&mut house, &alice);
    let sent = alice_leaves(&mut house, &alice, &ok);
    let third = only(&sent, CAROL).to_string();
    let offer = "v=0\r\ns=carol\r\nm=audio 4000 RTP/AVP 0\r\n";
    let sent = house.receive(CAROL, &from(CAROL, &third, "200 OK", offer));
    let again = only(&sent, BOB).to_string();
    // He is busy with an INVITE of his own, and hangs up meanwhile.
    house.receive(BOB, &from(BOB, &again, "491 Request Pending", ""));
    let sent = house.receive(BOB, &of_callee(BOB, &invite, "BYE", 1));
    let ack = only(&sent, CAROL);
    assert!(
        ack.starts_with("ACK ") && ack.contains("a=inactive"),
        "{ack}"
    );
    is_joined(&mut house, &sent, CAROL, DAVE);
    assert_eq!(house.wait(Duration::from_secs(5)), []);
    hangs_up_on(&mut house, CAROL, &of_callee(CAROL, &third, "BYE", 1), DAVE);
    house.empties();
}

#[test]
fn whoever_answers_behind_a_local_channel_goes_on_as_its_own_dial_says() {
    let plan = [PLAN, &["default,79,1,Dial(Local/1002@default)"]].concat();
    let mut house = House::following(2, &plan);
    let alice = calling(&house, "79");
    let (invite, ok) = talking(&mut house, &alice);
    let sent = alice_leaves(&mut house, &alice, &ok);
    is_joined(&mut house, &sent, BOB, CAROL);
    let told = house.global("WHO").unwrap();
    assert!(told.ends_with(" 1700000000.0 1002 test out"), "{told}");
    let made = house.records.iter().map(|record| {
        let Cdr {
            channel,
            dstchannel,
            ..
        } = record;
        format!("{channel} {dstchannel}")
    });
    let made: Vec<String> = made.collect();
    let expected = [
        "Local/1002@default-000000001;2 SIP/1002-000000002",
        "SIP/1001-00000000 Local/1002@default-000000001;1",
    ];
    assert_eq!(made, expected);
    hangs_up_on(&mut house, BOB, &of_callee(BOB, &invite, "BYE", 1), CAROL);
    house.empties();
}

#[test]
fn with_e_the_h_of_the_bridge_runs_before_it_goes_on() {
    let mut house = House::following(
        1,
        &[
            "default,_X.,1,Set(_KIND=bob)",
            "default,_X.,2,Dial(SIP/1002,20,eF(after^s^1))",
            "default,h,1,Set(GLOBAL(ENDS)=${ENDS}[${KIND}])",
            "after,s,1,Set(GLOBAL(WHO)=${KIND}${ENDS})",
            "after,s,2,Wait(5)",
        ],
    );
    let alice = alice(&house);
    let (invite, ok) = talking(&mut house, &alice);
    alice_leaves(&mut house, &alice, &ok);
    assert_eq!(house.global("WHO"), Some("bob[bob][bob]"));
    house.receive(BOB, &of_callee(BOB, &invite, "BYE", 1));
    assert_eq!(house.global("ENDS"), Some("[bob][bob]"));
    house.empties();
}

#[test]
fn whoever_answers_behind_a_local_channel_goes_on_in_its_place() {
    let plan = [
        PLAN,
        &[
            "default,79,1,Dial(Local/2@inner,,F(after^s^1))",
            "default,80,1,Dial(Local/2@inner,,G(both^s^5))",
        ],
    ];
    for how in ["F", "G", "redirect"] {
        let mut house = House::following(2, &plan.concat());
        house.register("1004", DAVE);
        let exten = if how == "G" { "80" } else { "79" };
        let alice = calling(&house, exten);
        let invite = only(&house.receive(ALICE, &alice.invite()), BOB).to_string();
        let sent = house.receive(BOB, &from(BOB, &invite, "200 OK", "bob"));
        if how == "G" {
            let to_carol = only(&sent, CAROL).to_string();
            is_joined(&mut house, &sent, BOB, DAVE);
            let sent = house.receive(CAROL, &from(CAROL, &to_carol, "200 OK", "carol"));
            let ok = only(&sent, ALICE).to_string();
            house.receive(ALICE, &alice.ack(&ok, ""));
            hangs_up_on(&mut house, ALICE, &alice.bye(&ok), CAROL);
            hangs_up_on(&mut house, BOB, &of_callee(BOB, &invite, "BYE", 1), DAVE);
        } else {
            let ok = only(&sent, ALICE).to_string();
            house.receive(ALICE, &alice.ack(&ok, ""));
            let sent = if how == "F" {
                alice_leaves(&mut house, &alice, &ok)
            } else {
                let redirect = Action::Redirect("after,s,1".into());
                assert_eq!(house.order("Local/2@inner-000000001;1", redirect), 1);
                house.settle()
            };
            let told = house.global("WHO").unwrap();
            assert!(told.starts_with("SIP/1002-000000002 "), "{told}");
            is_joined(&mut house, &sent, BOB, CAROL);
            if how == "redirect" {
                let bye = only(&sent, ALICE).to_string();
                house.receive(ALICE, &from(ALICE, &bye, "200 OK", ""));
            }
            hangs_up_on(&mut house, BOB, &of_callee(BOB, &invite, "BYE", 1), CAROL);
        }
        assert_eq!(house.records.len(), if how == "G" { 4 } else { 3 }, "{how}");
        house.empties();
    }
}
