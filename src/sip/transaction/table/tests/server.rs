//! The requests we received.

use super::bench::{Bench, OWNER, answer, parsed, theirs};
use crate::base::{Instant, Text};
use crate::transaction::{Expired, Full, Keep, Received, Timers};
use crate::wire::Status;

const BRANCH: &str = "branch=z9hG4bKone";
const OTHER: &str = "branch=z9hG4bKtwo";

/// §13.3.1.4 and timer G keep the same pace.
const T1_TO_T2: [u64; 11] = [
    0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
];

#[test]
fn a_request_is_new_until_opened() {
    let mut bench = Bench::new(9);
    let options = theirs("OPTIONS", BRANCH, "", 1);
    assert_eq!(bench.request(&options), Received::New);
    assert_eq!(bench.request(&options), Received::New);
    bench.open(&options);
    assert_eq!(bench.request(&options), Received::Absorbed);
    assert!(bench.wire.sent.is_empty());
}

#[test]
fn a_transaction_matches_by_branch_sent_by_and_method() {
    let mut bench = Bench::new(9);
    let bye = theirs("BYE", "branch=z9hG4bKAbc", ";tag=ours", 1);
    bench.open(&bye);
    assert_eq!(
        bench.request(&bye.replace("z9hG4bKAbc", "Z9HG4BKaBC")),
        Received::Absorbed
    );
    assert_eq!(
        bench.request(&bye.replace("client.example", "CLIENT.example")),
        Received::Absorbed
    );
    assert_eq!(
        bench.request(&bye.replace("z9hG4bKAbc", "z9hG4bKAbd")),
        Received::New
    );
    assert_eq!(
        bench.request(&bye.replace("com:5062", "com:5063")),
        Received::New
    );
    assert_eq!(bench.request(&bye.replace("BYE", "INFO")), Received::New);
    let port = bye.replace(":5062;branch=z9hG4bKAbc", ";branch=z9hG4bKport");
    bench.open(&port);
    let explicit = port.replace("client.example.com;", "client.example.com:5060;");
    assert_eq!(bench.request(&explicit), Received::Absorbed);
}

#[test]
fn a_completed_request_is_answered_again_byte_for_byte() {
    let mut bench = Bench::new(9);
    let bye = theirs("BYE", BRANCH, ";tag=ours", 1);
    let id = bench.open(&bye);
    let ok = answer(&bye, "200 OK", "");
    bench.respond(id, Status::OK, &ok);
    bench.run(31_999);
    assert_eq!(bench.request(&bye), Received::Absorbed);
    assert_eq!(bench.wire.sent, [(0, ok.clone()), (31_999, ok)]);
    assert!(bench.run(32_000).is_empty());
    assert!(bench.table.is_empty());
    assert_eq!(bench.request(&bye), Received::New);
}

#[test]
fn a_request_answered_as_it_is_opened_is_as_one_answered_later() {
    for (method, status, text, keep) in [
        ("BYE", Status::OK, "200 OK", Keep::Bytes),
        (
            "BYE",
            Status::OK,
            "200 OK",
            Keep::Essentials {
                tag: &Text::from("ours"),
            },
        ),
        (
            "BYE",
            Status::REQUEST_TIMEOUT,
            "408 Request Timeout",
            Keep::Bytes,
        ),
        ("INVITE", Status::OK, "200 OK", Keep::Bytes),
        ("INVITE", Status::RINGING, "180 Ringing", Keep::Bytes),
        ("INVITE", Status::FORBIDDEN, "403 Forbidden", Keep::Bytes),
        (
            "INVITE",
            Status::FORBIDDEN,
            "403 Forbidden",
            Keep::Essentials {
                tag: &Text::from("ours"),
            },
        ),
    ] {
        for branch in [BRANCH, "branch=old"] {
            let request = theirs(method, branch, "", 1);
            let response = answer(&request, text, ";tag=ours");
            let ack = theirs("ACK", branch, ";tag=ours", 1);
            let life = |at_once: bool| {
                let mut bench = Bench::new(9);
                if at_once {
                    bench.open_answered(&request, status, &response, keep);
                } else {
                    let id = bench.open(&request);
                    let now = bench.now();
                    bench
                        .table
                        .responded(now, id, status, response.as_bytes(), keep);
                }
                let copy = bench.request(&request);
                let mut told = bench.run(5000);
                let acknowledged = bench.request(&ack);
                let late = bench.request(&request);
                told.extend(bench.run(70_000));
                (
                    copy,
                    acknowledged,
                    late,
                    told,
                    bench.wire.sent,
                    bench.table.counts(),
                )
            };
            assert_eq!(life(true), life(false), "{method} {text} {keep:?} {branch}");
        }
    }
}

#[test]
fn a_completed_request_kept_by_its_essentials_is_for_the_caller_to_answer() {
    let mut bench = Bench::new(9);
    let bye = theirs("BYE", BRANCH, ";tag=ours", 1);
    let id = bench.open(&bye);
    bench.respond_essentials(id, Status::OK, &answer(&bye, "200 OK", ""));
    let repeat = Received::Repeat {
        status: Status::OK,
        tag: Text::from("ours"),
    };
    assert_eq!(bench.request(&bye), repeat);
    assert_eq!(bench.times("SIP/2.0 200"), [0]);
}

#[test]
fn a_late_copy_is_answered_100() {
    let mut bench = Bench::new(9);
    let info = theirs("INFO", BRANCH, ";tag=ours", 1);
    let id = bench.open(&info);
    bench.run(3499);
    assert_eq!(bench.request(&info), Received::Absorbed);
    bench.run(3500);
    let trying = Received::Repeat {
        status: Status::TRYING,
        tag: Text::new(),
    };
    assert_eq!(bench.request(&info), trying);
    assert_eq!(bench.request(&info), trying);
    let ok = answer(&info, "200 OK", "");
    bench.respond(id, Status::OK, &ok);
    assert_eq!(bench.request(&info), Received::Absorbed);
    assert_eq!(bench.wire.sent, [(3500, ok.clone()), (3500, ok)]);
}

#[test]
fn an_unanswered_request_ends_with_its_client() {
    let mut bench = Bench::new(9);
    let info = theirs("INFO", BRANCH, ";tag=ours", 1);
    let id = bench.open(&info);
    assert!(bench.run(32_000).is_empty());
    assert!(bench.table.is_empty());
    bench.respond(id, Status::OK, &answer(&info, "200 OK", ""));
    assert!(bench.wire.sent.is_empty(), "a late answer is none");
}

#[test]
fn what_may_not_be_sent_is_dropped() {
    let mut bench = Bench::new(9);
    let info = theirs("INFO", BRANCH, ";tag=ours", 1);
    let id = bench.open(&info);
    for status in [Status::TRYING, Status::RINGING, Status::REQUEST_TIMEOUT] {
        assert!(!bench.table.may_respond(id, status));
        bench.respond(id, status, &answer(&info, "100 Trying", ""));
    }
    assert!(bench.table.may_respond(id, Status::OK));
    assert!(!bench.table.is_answered(id));
    bench.respond(id, Status::OK, &answer(&info, "200 OK", ""));
    assert!(bench.table.is_answered(id));
    bench.respond(id, Status::FORBIDDEN, &answer(&info, "403 Forbidden", ""));
    assert_eq!(bench.wire.sent.len(), 1);
}

#[test]
fn a_response_already_in_the_send_buffer_is_only_kept() {
    let mut bench = Bench::new(9);
    let info = theirs("INFO", BRANCH, ";tag=ours", 1);
    let id = bench.open(&info);
    let ok = answer(&info, "200 OK", "");
    let now = bench.now();
    bench.table.responded(
        now,
        id,
        Status::OK,
        ok.as_bytes(),
        crate::transaction::Keep::Bytes,
    );
    assert!(bench.wire.sent.is_empty());
    bench.request(&info);
    assert_eq!(bench.last(), ok);
}

#[test]
fn an_invite_left_alone_for_200_ms_is_to_be_answered_100() {
    let mut bench = Bench::new(9);
    let invite = theirs("INVITE", BRANCH, "", 1);
    let id = bench.open(&invite);
    let told = bench.run(10_000);
    assert_eq!(told, [(200, Expired::Trying { id, owner: OWNER })]);
    let trying = answer(&invite, "100 Trying", "");
    bench.respond(id, Status::TRYING, &trying);
    assert_eq!(bench.request(&invite), Received::Absorbed);
    assert_eq!(bench.times("SIP/2.0 100"), [10_000, 10_000]);
    assert!(bench.run(100_000).is_empty());
}

#[test]
fn a_copy_of_the_invite_draws_the_100_sooner() {
    let mut bench = Bench::new(9);
    let invite = theirs("INVITE", BRANCH, "", 1);
    bench.open(&invite);
    bench.run(100);
    let trying = Received::Repeat {
        status: Status::TRYING,
        tag: Text::new(),
    };
    assert_eq!(bench.request(&invite), trying);
    assert_eq!(bench.request(&invite), trying);
    assert!(bench.run(10_000).is_empty());
}

#[test]
fn a_response_within_200_ms_saves_the_100() {
    let mut bench = Bench::new(9);
    let invite = theirs("INVITE", BRANCH, "", 1);
    let id = bench.open(&invite);
    bench.respond(
        id,
        Status::RINGING,
        &answer(&invite, "180 Ringing", ";tag=ours"),
    );
    bench.run(10_000);
    assert_eq!(bench.request(&invite), Received::Absorbed);
    assert_eq!(bench.times("SIP/2.0"), bench.times("SIP/2.0 180"));
    assert_eq!(bench.times("SIP/2.0 180"), [0, 10_000]);
}

#[test]
fn ringing_is_repeated_every_minute_until_a_final_response() {
    let mut bench = Bench::new(9);
    let invite = theirs("INVITE", BRANCH, "", 1);
    let id = bench.open(&invite);
    bench.respond(
        id,
        Status::RINGING,
        &answer(&invite, "180 Ringing", ";tag=ours"),
    );
    bench.run(30_000);
    bench.respond(
        id,
        Status::SESSION_PROGRESS,
        &answer(&invite, "183 Session Progress", ";tag=ours"),
    );
    bench.run(220_000);
    bench.respond(
        id,
        Status::BUSY_HERE,
        &answer(&invite, "486 Busy Here", ";tag=ours"),
    );
    bench.request(&theirs("ACK", BRANCH, ";tag=ours", 1));
    bench.run(600_000);
    assert_eq!(bench.times("SIP/2.0 180"), [0]);
    assert_eq!(
        bench.times("SIP/2.0 183"),
        [30_000, 90_000, 150_000, 210_000]
    );
    assert!(bench.table.is_empty());
}

#[test]
fn a_failure_is_repeated_until_timer_h() {
    let mut bench = Bench::new(9);
    let invite = theirs("INVITE", BRANCH, "", 1);
    let id = bench.open(&invite);
    bench.respond(
        id,
        Status::BUSY_HERE,
        &answer(&invite, "486 Busy Here", ";tag=ours"),
    );
    let told = bench.run(100_000);
    assert_eq!(bench.times("SIP/2.0"), T1_TO_T2);
    assert_eq!(
        told,
        [(32_000, Expired::Unacknowledged { id, owner: OWNER })]
    );
    assert!(bench.table.is_empty());
}

#[test]
fn the_ack_of_a_failure_ends_repetition_and_t4_later_the_transaction() {
    let mut bench = Bench::new(9);
    let invite = theirs("INVITE", BRANCH, "", 1);
    let ack = theirs("ACK", BRANCH, ";tag=ours", 1);
    let id = bench.open(&invite);
    bench.respond(
        id,
        Status::BUSY_HERE,
        &answer(&invite, "486 Busy Here", ";tag=ours"),
    );
    bench.run(700);
    assert_eq!(bench.request(&ack), Received::Absorbed);
    assert_eq!(bench.request(&ack), Received::Absorbed);
    bench.run(5699);
    assert_eq!(bench.request(&invite), Received::Absorbed);
    assert_eq!(bench.request(&ack), Received::Absorbed);
    assert_eq!(bench.times("SIP/2.0"), [0, 500]);
    assert!(bench.run(5700).is_empty());
    assert!(bench.table.is_empty());
    assert_eq!(bench.request(&ack), Received::New);
}

#[test]
fn a_2xx_is_repeated_eleven_times_without_an_ack() {
    let mut bench = Bench::new(9);
    let invite = theirs("INVITE", BRANCH, "", 1);
    let id = bench.open(&invite);
    bench.respond(id, Status::OK, &answer(&invite, "200 OK", ";tag=ours"));
    let told = bench.run(100_000);
    assert_eq!(bench.times("SIP/2.0 200"), T1_TO_T2);
    assert_eq!(
        told,
        [(32_000, Expired::Unacknowledged { id, owner: OWNER })]
    );
    assert!(bench.table.is_empty());
}

#[test]
fn an_acknowledged_2xx_is_repeated_no_more_and_copies_are_absorbed() {
    let mut bench = Bench::new(9);
    let invite = theirs("INVITE", BRANCH, "", 1);
    let id = bench.open(&invite);
    bench.respond(id, Status::OK, &answer(&invite, "200 OK", ";tag=ours"));
    bench.run(600);
    assert_eq!(
        bench.request(&theirs("ACK", OTHER, ";tag=ours", 1)),
        Received::New
    );
    bench.table.acknowledge(id);
    assert!(bench.run(1500).is_empty());
    let timer_l = Instant::START + Timers::default().l();
    assert_eq!(bench.table.deadline(), Some(timer_l), "nothing else rings");
    assert!(bench.run(31_999).is_empty());
    assert_eq!(bench.request(&invite), Received::Absorbed);
    assert_eq!(bench.times("SIP/2.0 200"), [0, 500]);
    assert!(bench.run(32_000).is_empty());
    assert!(bench.table.is_empty());
    assert_eq!(bench.request(&invite), Received::New);
}

#[test]
fn an_ack_of_a_2xx_with_the_branch_of_the_invite_is_passed_up() {
    let mut bench = Bench::new(9);
    let invite = theirs("INVITE", BRANCH, "", 1);
    let id = bench.open(&invite);
    bench.respond(id, Status::OK, &answer(&invite, "200 OK", ";tag=ours"));
    assert_eq!(
        bench.request(&theirs("ACK", BRANCH, ";tag=ours", 1)),
        Received::New
    );
}

#[test]
fn only_a_2xx_is_acknowledged_by_the_user() {
    let mut bench = Bench::new(9);
    let invite = theirs("INVITE", BRANCH, "", 1);
    let id = bench.open(&invite);
    bench.table.acknowledge(id);
    bench.respond(
        id,
        Status::BUSY_HERE,
        &answer(&invite, "486 Busy Here", ";tag=ours"),
    );
    bench.table.acknowledge(id);
    bench.run(500);
    assert_eq!(bench.times("SIP/2.0 486"), [0, 500]);
}

#[test]
fn a_2xx_passed_again_is_sent_and_repeated_in_its_place() {
    let mut bench = Bench::new(9);
    let invite = theirs("INVITE", BRANCH, "", 1);
    let id = bench.open(&invite);
    bench.respond(id, Status::OK, &answer(&invite, "200 OK", ";tag=ours"));
    bench.run(100);
    bench.respond(id, Status::OK, &answer(&invite, "200 Fine", ";tag=ours"));
    bench.run(1600);
    assert_eq!(bench.times("SIP/2.0 200 OK"), [0]);
    assert_eq!(bench.times("SIP/2.0 200 Fine"), [100, 500, 1500]);
}

#[test]
fn a_request_without_the_cookie_matches_by_rfc_2543() {
    for branch in ["branch=1", "rport"] {
        let mut bench = Bench::new(9);
        let invite = theirs("INVITE", branch, "", 1);
        let id = bench.open(&invite);
        let copy = bench.request(&invite);
        assert!(matches!(copy, Received::Repeat { .. }), "{copy:?}");
        for other in [
            invite.replace("tag=theirs", "tag=others"),
            invite.replace("call@", "another@"),
            invite.replace("CSeq: 1", "CSeq: 2"),
            invite.replace("100@192.0.2.1>\r", "100@192.0.2.1>;tag=ours\r"),
        ] {
            assert_eq!(bench.request(&other), Received::New, "{other}");
        }
        for elsewhere in [
            invite.replace("sip:100@192.0.2.1 SIP", "sip:101@192.0.2.1 SIP"),
            invite.replace("client.example.com:5062", "proxy.example.com:5062"),
        ] {
            assert_eq!(bench.request(&elsewhere), Received::Merged, "{elsewhere}");
        }
        assert!(!bench.table.is_answered(id));
    }
}

#[test]
fn an_rfc_2543_ack_matches_by_the_tag_of_the_response() {
    for essentials in [false, true] {
        let mut bench = Bench::new(9);
        let invite = theirs("INVITE", "branch=1", "", 1);
        let id = bench.open(&invite);
        let busy = answer(&invite, "486 Busy Here", ";tag=ours");
        match essentials {
            false => bench.respond(id, Status::BUSY_HERE, &busy),
            true => bench.respond_essentials(id, Status::BUSY_HERE, &busy),
        }
        assert_eq!(
            bench.request(&theirs("ACK", "branch=1", ";tag=other", 1)),
            Received::New
        );
        let ack = theirs("ACK", "branch=1", ";tag=ours", 1);
        assert_eq!(bench.request(&ack), Received::Absorbed);
        assert_eq!(bench.request(&ack), Received::Absorbed);
        bench.run(10_000);
        assert_eq!(bench.times("SIP/2.0 486"), [0]);
        assert!(bench.table.is_empty());
    }
}

#[test]
fn an_rfc_2543_ack_within_a_dialog_matches_by_its_own_tag() {
    let mut bench = Bench::new(9);
    let invite = theirs("INVITE", "branch=1", ";tag=ours", 2);
    let id = bench.open(&invite);
    bench.respond(id, Status::BUSY_HERE, &answer(&invite, "486 Busy Here", ""));
    assert_eq!(
        bench.request(&theirs("ACK", "branch=1", ";tag=ours", 2)),
        Received::Absorbed
    );
}

#[test]
fn a_request_by_another_path_is_merged() {
    let mut bench = Bench::new(9);
    let invite = theirs("INVITE", BRANCH, "", 1);
    let id = bench.open(&invite);
    assert_eq!(
        bench.request(&theirs("INVITE", OTHER, "", 1)),
        Received::Merged
    );
    assert_eq!(
        bench.request(&theirs("INVITE", OTHER, "", 2)),
        Received::New
    );
    assert_eq!(
        bench.request(&theirs("INVITE", OTHER, ";tag=ours", 1)),
        Received::New
    );
    assert_eq!(
        bench.request(&theirs("OPTIONS", OTHER, "", 1)),
        Received::New
    );
    assert_eq!(bench.table.counts().merged, 1);
    bench.respond(
        id,
        Status::BUSY_HERE,
        &answer(&invite, "486 Busy Here", ";tag=ours"),
    );
    bench.request(&theirs("ACK", BRANCH, ";tag=ours", 1));
    bench.run(40_000);
    assert_eq!(
        bench.request(&theirs("INVITE", OTHER, "", 1)),
        Received::New
    );
}

#[test]
fn a_cancel_finds_its_invite_and_is_never_merged() {
    let mut bench = Bench::new(9);
    for branch in [BRANCH, "branch=1"] {
        let invite = theirs("INVITE", branch, "", 1);
        let id = bench.open(&invite);
        let cancel = theirs("CANCEL", branch, "", 1);
        assert_eq!(bench.request(&cancel), Received::New);
        let target = parsed(&cancel, |cancel| bench.table.cancel_target(cancel));
        assert_eq!(target, Some((id, OWNER)));
        bench.open(&cancel);
        let stray = theirs("CANCEL", OTHER, "", 1);
        assert_eq!(bench.request(&stray), Received::New);
        assert_eq!(
            parsed(&stray, |cancel| bench.table.cancel_target(cancel)),
            None
        );
    }
}

#[test]
fn a_cancel_does_not_find_other_methods() {
    let mut bench = Bench::new(9);
    bench.open(&theirs("OPTIONS", BRANCH, "", 1));
    let cancel = theirs("CANCEL", BRANCH, "", 1);
    assert_eq!(
        parsed(&cancel, |cancel| bench.table.cancel_target(cancel)),
        None
    );
}

#[test]
fn a_full_table_refuses_and_counts() {
    let mut bench = Bench::new(1);
    bench.open(&theirs("OPTIONS", BRANCH, "", 1));
    let options = theirs("OPTIONS", OTHER, "", 2);
    assert_eq!(bench.try_open(&options), Err(Full));
    let invite = theirs("INVITE", OTHER, "", 2);
    assert_eq!(bench.try_open(&invite), Err(Full));
    assert_eq!((bench.table.len(), bench.table.counts().refused), (1, 2));
    assert_eq!(bench.request(&options), Received::New);
}

#[test]
fn a_slot_let_again_does_not_hear_of_its_last_tenant() {
    let mut bench = Bench::new(1);
    let first = bench.open(&theirs("OPTIONS", BRANCH, "", 1));
    bench.run(32_000);
    let options = theirs("OPTIONS", OTHER, "", 2);
    let second = bench.open(&options);
    assert_eq!(first.slot, second.slot);
    bench.respond(first, Status::OK, &answer(&options, "200 OK", ""));
    bench.table.acknowledge(first);
    assert!(bench.wire.sent.is_empty());
    assert_eq!(bench.table.owner(first), None);
    assert!(!bench.table.is_answered(second));
}

#[test]
fn the_owner_can_change() {
    let mut bench = Bench::new(1);
    let id = bench.open(&theirs("INVITE", BRANCH, "", 1));
    bench.table.set_owner(id, 8);
    assert_eq!(bench.table.owner(id), Some(8));
}

#[test]
fn what_only_lingers_keeps_no_bytes() {
    let mut bench = Bench::new(9);
    for (number, status, branch) in [(1, Status::OK, OTHER), (2, Status::BUSY_HERE, BRANCH)] {
        let invite = theirs("INVITE", BRANCH, "", number).replace("one", &number.to_string());
        let id = bench.open(&invite);
        bench.respond(id, status, &answer(&invite, "999 Any", ";tag=ours"));
        let ack = theirs("ACK", branch, ";tag=ours", number).replace("one", &number.to_string());
        bench.request(&ack);
        bench.table.acknowledge(id);
    }
    let bye = theirs("BYE", BRANCH, ";tag=ours", 3);
    let id = bench.open(&bye);
    bench.respond_essentials(id, Status::OK, &answer(&bye, "200 OK", ""));
    bench.open(&theirs("INVITE", "branch=z9hG4bKlast", "", 4));
    assert_eq!(
        bench.table.packets.allocated(),
        1,
        "each gave its packet to the next"
    );
    assert_eq!(bench.table.len(), 4);
}

#[test]
fn copies_and_whole_generations_take_no_new_buffers() {
    let mut bench = Bench::new(64);
    let mut allocated = 0;
    for round in 0..200_u32 {
        let branch = format!("branch=z9hG4bK{round}");
        let invite = theirs("INVITE", &branch, "", round);
        let id = bench.open(&invite);
        bench.request(&invite);
        bench.respond(
            id,
            Status::RINGING,
            &answer(&invite, "180 Ringing", ";tag=ours"),
        );
        bench.request(&invite);
        bench.respond(
            id,
            Status::BUSY_HERE,
            &answer(&invite, "486 Busy Here", ";tag=ours"),
        );
        bench.request(&invite);
        bench.request(&theirs("ACK", &branch, ";tag=ours", round));
        bench.request(&invite);
        if round == 1 {
            allocated = bench.table.packets.allocated();
        }
        bench.run(u64::from(round) * 200);
    }
    assert_eq!(bench.table.packets.allocated(), allocated);
}

#[test]
fn counts_tell_what_is_held() {
    let mut bench = Bench::new(9);
    let invite = theirs("INVITE", BRANCH, "", 1);
    let id = bench.open(&invite);
    bench.open(&theirs("BYE", OTHER, ";tag=ours", 2));
    let counts = bench.table.counts();
    assert_eq!((counts.invite_servers, counts.servers), (1, 1));
    bench.respond(id, Status::OK, &answer(&invite, "200 OK", ";tag=ours"));
    bench.run(100_000);
    let counts = bench.table.counts();
    assert_eq!(
        (counts.invite_servers, counts.servers, counts.unacknowledged),
        (0, 0, 1)
    );
    assert_eq!(counts.retransmissions, 10);
}
