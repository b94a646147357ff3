//! The requests we sent.

use super::bench::{Bench, OWNER, answer, flow_of_tests};
use crate::transaction::{Answered, Branch, Expired, Full, Timers};
use crate::wire::Method;

fn passed(id: crate::transaction::TransactionId) -> Answered<u32> {
    Answered::Passed { id, owner: OWNER }
}

#[test]
fn an_unanswered_invite_is_sent_seven_times_and_times_out() {
    let mut bench = Bench::new(9);
    let (id, ..) = bench.send(Method::Invite);
    let told = bench.run(100_000);
    assert_eq!(
        bench.times("INVITE"),
        [0, 500, 1500, 3500, 7500, 15_500, 31_500]
    );
    assert_eq!(
        told,
        [(
            32_000,
            Expired::Timeout {
                id,
                owner: OWNER,
                copies: 6
            }
        )]
    );
    assert!(bench.table.is_empty());
    assert_eq!(bench.table.counts().timeouts, 1);
}

#[test]
fn an_unanswered_bye_is_sent_eleven_times_and_times_out() {
    let mut bench = Bench::new(9);
    let (id, ..) = bench.send(Method::Bye);
    let told = bench.run(100_000);
    let times = [
        0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
    ];
    assert_eq!(bench.times("BYE"), times);
    assert_eq!(
        told,
        [(
            32_000,
            Expired::Timeout {
                id,
                owner: OWNER,
                copies: 10
            }
        )]
    );
    assert!(bench.table.is_empty());
}

#[test]
fn a_copy_is_the_request_byte_for_byte() {
    let mut bench = Bench::new(9);
    let (_, _, request) = bench.send(Method::Info);
    bench.run(500);
    assert_eq!(bench.last(), request);
}

#[test]
fn a_provisional_response_stops_the_invite_for_good() {
    let mut bench = Bench::new(9);
    let (id, _, invite) = bench.send(Method::Invite);
    bench.run(600);
    assert_eq!(
        bench.response(&answer(&invite, "180 Ringing", ";tag=b")),
        passed(id)
    );
    assert_eq!(
        bench.response(&answer(&invite, "180 Ringing", ";tag=b")),
        passed(id)
    );
    assert!(bench.run(1_000_000).is_empty());
    assert_eq!(bench.times("INVITE"), [0, 500]);
    assert_eq!(bench.table.len(), 1, "the user decides how long it rings");
}

#[test]
fn a_provisional_response_slows_other_requests_down() {
    let mut bench = Bench::new(9);
    let (id, _, info) = bench.send(Method::Info);
    assert_eq!(bench.response(&answer(&info, "100 Trying", "")), passed(id));
    let told = bench.run(100_000);
    assert_eq!(
        bench.times("INFO"),
        [0, 500, 4500, 8500, 12_500, 16_500, 20_500, 24_500, 28_500]
    );
    assert_eq!(
        told,
        [(
            32_000,
            Expired::Timeout {
                id,
                owner: OWNER,
                copies: 8
            }
        )]
    );
}

#[test]
fn every_2xx_to_an_invite_is_passed() {
    let mut bench = Bench::new(9);
    let (id, _, invite) = bench.send(Method::Invite);
    let ok = answer(&invite, "200 OK", ";tag=b");
    assert_eq!(bench.response(&ok), passed(id));
    assert_eq!(bench.response(&ok), passed(id));
    assert_eq!(
        bench.response(&answer(&invite, "200 OK", ";tag=c")),
        passed(id)
    );
    assert_eq!(
        bench.response(&answer(&invite, "180 Ringing", ";tag=c")),
        Answered::Absorbed
    );
    assert_eq!(
        bench.response(&answer(&invite, "486 Busy Here", ";tag=c")),
        Answered::Absorbed
    );
    assert!(bench.run(31_999).is_empty());
    assert_eq!(bench.response(&ok), passed(id));
    assert!(bench.run(32_000).is_empty());
    assert_eq!(bench.response(&ok), Answered::Stray);
    assert!(bench.table.is_empty());
    assert_eq!(bench.times(""), [0], "the ACK of a 2xx is not ours to send");
}

#[test]
fn a_final_response_to_another_request_is_passed_once() {
    let mut bench = Bench::new(9);
    let (id, _, bye) = bench.send(Method::Bye);
    let ok = answer(&bye, "200 OK", "");
    assert_eq!(bench.response(&ok), passed(id));
    assert_eq!(bench.response(&ok), Answered::Absorbed);
    bench.run(4999);
    assert_eq!(bench.response(&ok), Answered::Absorbed);
    assert!(bench.run(5000).is_empty());
    assert_eq!(bench.response(&ok), Answered::Stray);
    assert_eq!(bench.times(""), [0]);
}

#[test]
fn a_failure_is_acknowledged_as_17_1_1_3_says() {
    let mut bench = Bench::new(9);
    let (id, branch, invite) = bench.send(Method::Invite);
    let busy = answer(&invite, "486 Busy Here", ";tag=b");
    assert_eq!(bench.response(&busy), passed(id));
    let branch = String::from_utf8(branch.as_bytes().to_vec()).unwrap();
    let ack = format!(
        "ACK sip:300@192.0.2.9:5062 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.1:5060;branch={branch};rport\r\n\
         Route: <sip:one.example.com;lr>, <sip:two.example.com;lr>\r\n\
         Route: <sip:three.example.com;lr>\r\n\
         Max-Forwards: 69\r\n\
         From: \"A\" <sip:200@192.0.2.1>;tag=ours\r\n\
         To: <sip:300@192.0.2.9:5062>;tag=b\r\n\
         Call-ID: call@192.0.2.1\r\n\
         CSeq: 102 ACK\r\n\
         Content-Length: 0\r\n\r\n"
    );
    assert_eq!(bench.last(), ack);
    bench.run(31_999);
    assert_eq!(bench.response(&busy), Answered::Absorbed);
    assert_eq!(bench.last(), ack);
    assert_eq!(bench.times("ACK"), [0, 31_999]);
    assert!(bench.run(32_000).is_empty());
    assert!(bench.table.is_empty());
    assert_eq!(bench.response(&busy), Answered::Stray);
}

#[test]
fn a_cancel_waits_for_a_provisional_response() {
    let mut bench = Bench::new(9);
    let (id, branch, invite) = bench.send(Method::Invite);
    bench.cancel(id, "Reason: Q.850;cause=16\r\nX-Why: because\r\n");
    let now = bench.now();
    bench.table.forget(now, id, &mut bench.wire);
    bench.cancel(id, "Reason: SIP;cause=200\r\n");
    bench.run(600);
    assert_eq!(bench.times("CANCEL"), []);
    assert_eq!(bench.times("INVITE"), [0, 500]);
    assert_eq!(
        bench.last(),
        invite,
        "what waits for the CANCEL is not part of a copy"
    );
    bench.response(&answer(&invite, "100 Trying", ""));
    let branch = String::from_utf8(branch.as_bytes().to_vec()).unwrap();
    let cancel = format!(
        "CANCEL sip:300@192.0.2.9:5062 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.1:5060;branch={branch};rport\r\n\
         Route: <sip:one.example.com;lr>, <sip:two.example.com;lr>\r\n\
         Route: <sip:three.example.com;lr>\r\n\
         Max-Forwards: 69\r\n\
         From: \"A\" <sip:200@192.0.2.1>;tag=ours\r\n\
         To: <sip:300@192.0.2.9:5062>\r\n\
         Call-ID: call@192.0.2.1\r\n\
         CSeq: 102 CANCEL\r\n\
         Reason: Q.850;cause=16\r\n\
         X-Why: because\r\n\
         Content-Length: 0\r\n\r\n"
    );
    assert_eq!(bench.last(), cancel);
}

#[test]
fn a_cancel_is_a_transaction_nobody_hears_of() {
    let mut bench = Bench::new(9);
    let (id, _, invite) = bench.send(Method::Invite);
    bench.response(&answer(&invite, "180 Ringing", ";tag=b"));
    bench.cancel(id, "");
    bench.cancel(id, "");
    bench.run(600);
    let cancel = bench.last().to_owned();
    assert_eq!(bench.times("CANCEL"), [0, 500]);
    assert_eq!(
        bench.response(&answer(&cancel, "200 OK", "")),
        Answered::Absorbed
    );
    let terminated = answer(&invite, "487 Request Terminated", ";tag=b");
    assert_eq!(bench.response(&terminated), passed(id));
    assert!(bench.run(100_000).is_empty());
    assert_eq!(
        (bench.times("CANCEL"), bench.times("ACK")),
        (vec![0, 500], vec![600])
    );
    assert!(bench.table.is_empty());
}

#[test]
fn a_cancelled_invite_that_stays_unanswered_times_out() {
    let mut bench = Bench::new(9);
    let (id, _, invite) = bench.send(Method::Invite);
    bench.response(&answer(&invite, "180 Ringing", ";tag=b"));
    bench.run(20_000);
    bench.cancel(id, "");
    let told = bench.run(100_000);
    assert_eq!(
        told,
        [(
            52_000,
            Expired::Timeout {
                id,
                owner: OWNER,
                copies: 0
            }
        )]
    );
    assert!(bench.table.is_empty());
}

#[test]
fn a_cancel_crossing_a_200_changes_nothing() {
    let mut bench = Bench::new(9);
    let (id, _, invite) = bench.send(Method::Invite);
    bench.response(&answer(&invite, "180 Ringing", ";tag=b"));
    bench.cancel(id, "");
    let cancel = bench.last().to_owned();
    assert_eq!(
        bench.response(&answer(&invite, "200 OK", ";tag=b")),
        passed(id)
    );
    let gone = answer(&cancel, "481 Call leg/transaction does not exist", "");
    assert_eq!(bench.response(&gone), Answered::Absorbed);
    assert!(bench.run(100_000).is_empty());
    assert!(bench.table.is_empty());
}

#[test]
fn nothing_is_cancelled_after_a_final_response() {
    for status in ["200 OK", "486 Busy Here"] {
        let mut bench = Bench::new(9);
        let (id, _, invite) = bench.send(Method::Invite);
        bench.response(&answer(&invite, status, ";tag=b"));
        bench.cancel(id, "");
        bench.run(100_000);
        assert_eq!(bench.times("CANCEL"), []);
    }
}

#[test]
fn a_waiting_cancel_is_dropped_when_a_final_response_comes_first() {
    for status in ["200 OK", "486 Busy Here"] {
        let mut bench = Bench::new(9);
        let (id, _, invite) = bench.send(Method::Invite);
        bench.cancel(id, "Reason: SIP;cause=200\r\n");
        assert_eq!(
            bench.response(&answer(&invite, status, ";tag=b")),
            passed(id)
        );
        bench.run(100_000);
        assert_eq!(bench.times("CANCEL"), []);
        assert!(bench.table.is_empty());
    }
}

#[test]
fn a_response_with_a_forged_branch_is_a_stray() {
    let mut bench = Bench::new(9);
    let (id, branch, invite) = bench.send(Method::Invite);
    let ok = answer(&invite, "200 OK", ";tag=b");
    let ours = String::from_utf8(branch.as_bytes().to_vec()).unwrap();
    let (_, secret) = Branch::parse(branch.as_bytes()).unwrap();
    let next = crate::base::Handle {
        generation: id.generation + 1,
        ..id
    };
    for forged in [Branch::new(id, secret ^ 1), Branch::new(next, secret)] {
        let forged = String::from_utf8(forged.as_bytes().to_vec()).unwrap();
        assert_eq!(bench.response(&ok.replace(&ours, &forged)), Answered::Stray);
    }
    assert_eq!(
        bench.response(&ok.replace("102 INVITE", "102 BYE")),
        Answered::Stray
    );
    assert_eq!(
        bench.response(&ok.replace("102 INVITE", "102 CANCEL")),
        Answered::Stray
    );
    let two = ok.replace(
        "From:",
        "Via: SIP/2.0/UDP x.example.com;branch=z9hG4bKx\r\nFrom:",
    );
    assert_eq!(bench.response(&two), Answered::Stray);
    assert_eq!(bench.table.counts().strays, 5);
    assert_eq!(bench.response(&ok), passed(id));
}

#[test]
fn a_response_to_the_last_tenant_of_a_slot_is_a_stray() {
    let mut bench = Bench::new(1);
    let (first, _, old) = bench.send(Method::Options);
    bench.response(&answer(&old, "200 OK", ""));
    bench.run(5000);
    let (second, _, new) = bench.send(Method::Options);
    assert_eq!(first.slot, second.slot);
    assert_eq!(bench.response(&answer(&old, "200 OK", "")), Answered::Stray);
    assert_eq!(bench.response(&answer(&new, "200 OK", "")), passed(second));
}

#[test]
fn a_full_table_refuses_requests_but_still_cancels() {
    let mut bench = Bench::new(1);
    let (id, _, invite) = bench.send(Method::Invite);
    assert_eq!(bench.table.reserve(Method::Bye, OWNER).err(), Some(Full));
    bench.response(&answer(&invite, "180 Ringing", ";tag=b"));
    bench.cancel(id, "");
    let told = bench.run(100_000);
    assert_eq!(bench.times("CANCEL"), [0]);
    assert_eq!(
        told,
        [(
            32_000,
            Expired::Timeout {
                id,
                owner: OWNER,
                copies: 0
            }
        )]
    );
    assert_eq!(bench.table.counts().refused, 2);
}

#[test]
fn a_reserved_transaction_can_be_given_back() {
    let mut bench = Bench::new(1);
    let (id, _) = bench.table.reserve(Method::Invite, OWNER).unwrap();
    assert_eq!(bench.table.counts().invite_clients, 1);
    let now = bench.now();
    bench.table.forget(now, id, &mut bench.wire);
    assert!(bench.table.is_empty());
    assert_eq!(bench.table.counts().invite_clients, 0);
    bench
        .table
        .requested(now, id, flow_of_tests(), Timers::default(), b"late");
    assert!(bench.run(100_000).is_empty() && bench.wire.sent.is_empty());
}

#[test]
fn a_reserved_transaction_takes_no_response() {
    let mut bench = Bench::new(2);
    let (_, sent, request) = bench.send(Method::Options);
    let (_, reserved) = bench.table.reserve(Method::Options, OWNER).unwrap();
    let [sent, reserved] =
        [sent, reserved].map(|it| String::from_utf8(it.as_bytes().to_vec()).unwrap());
    let guessed = answer(&request.replace(&sent, &reserved), "200 OK", "");
    assert_eq!(bench.response(&guessed), Answered::Stray);
}

#[test]
fn a_forgotten_request_runs_its_course_in_silence() {
    let mut bench = Bench::new(9);
    let (id, _, bye) = bench.send(Method::Bye);
    let now = bench.now();
    bench.table.forget(now, id, &mut bench.wire);
    bench.run(600);
    assert_eq!(bench.times("BYE"), [0, 500]);
    assert_eq!(
        bench.response(&answer(&bye, "200 OK", "")),
        Answered::Absorbed
    );
    assert!(bench.run(100_000).is_empty());
    assert!(bench.table.is_empty());
}

#[test]
fn a_forgotten_invite_is_cancelled() {
    let mut bench = Bench::new(9);
    let (id, _, invite) = bench.send(Method::Invite);
    let now = bench.now();
    bench.table.forget(now, id, &mut bench.wire);
    assert_eq!(
        bench.response(&answer(&invite, "180 Ringing", ";tag=b")),
        Answered::Absorbed
    );
    assert_eq!(bench.times("CANCEL"), [0]);
    assert!(bench.run(100_000).is_empty());
    assert!(bench.table.is_empty());
}

#[test]
fn the_bytes_of_an_answered_request_are_free_at_once() {
    let mut bench = Bench::new(9);
    for method in [Method::Bye, Method::Invite, Method::Info] {
        let (_, _, request) = bench.send(method);
        bench.response(&answer(&request, "200 OK", ";tag=b"));
    }
    assert_eq!(bench.table.packets.allocated(), 1);
    assert_eq!(bench.table.len(), 3);
}

#[test]
fn whole_generations_take_no_new_buffers() {
    let mut bench = Bench::new(64);
    let mut allocated = 0;
    for round in 0..200 {
        let (_, _, invite) = bench.send(Method::Invite);
        bench.response(&answer(&invite, "180 Ringing", ";tag=b"));
        let busy = answer(&invite, "486 Busy Here", ";tag=b");
        bench.response(&busy);
        bench.response(&busy);
        let (_, _, bye) = bench.send(Method::Bye);
        bench.response(&answer(&bye, "200 OK", ""));
        bench.response(&answer(&bye, "200 OK", ""));
        bench.run(round * 2000);
        if round == 40 {
            allocated = bench.table.packets.allocated();
        }
    }
    assert_eq!(bench.table.packets.allocated(), allocated);
}
