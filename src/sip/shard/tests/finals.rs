//! What the caller is told when the plan is over: every row of the cause table,
//! by every way a device may want it.

use super::channels::{answer, dial, firsts, rig};
use super::*;
use crate::config::FinalResponse;
use crate::wire::Status;

/// The status Alice is told after Bob refuses with that status.
fn told(lines: &[&str], refusal: u16, change: impl FnOnce(&mut Peer)) -> u16 {
    let mut rig = Rig::following(plan_of(lines), |_, [alice, _]| change(alice));
    rig.register("1001", ALICE);
    rig.register("1002", BOB);
    let invite = dial(&mut rig, "1002").remove(0).1;
    let sent = rig.receive(BOB, &respond(&invite, &format!("{refusal} x"), "", ""));
    status(&sent)
}

/// The status of the only response to Alice.
fn status(sent: &[(SocketAddr, String)]) -> u16 {
    let is_final = |text: &String| text.starts_with("SIP/2.0 ") && !text.starts_with("SIP/2.0 1");
    let responses = sent.iter().filter(|(_, text)| is_final(text));
    let [(_, response)] = responses.collect::<Vec<_>>()[..] else {
        panic!("{sent:?}");
    };
    response[8..11].parse().unwrap()
}

const DIAL: &[&str] = &["default,_X.,1,Dial(SIP/1002,20)"];
const HANGUP: &[&str] = &[
    "default,_X.,1,Dial(SIP/1002,20)",
    "default,_X.,2,Hangup(${HANGUPCAUSE})",
];

/// Each row: the callee's response, what the caller is told by a plan that
/// runs out, what by `Hangup(${HANGUPCAUSE})`.
const ROWS: &[(u16, u16, u16)] = &[
    (400, 503, 500),
    (403, 503, 403),
    (404, 503, 404),
    (405, 503, 500),
    (408, 503, 408),
    (409, 503, 603),
    (410, 503, 410),
    (411, 503, 500),
    (413, 503, 500),
    (414, 503, 500),
    (415, 503, 500),
    (420, 503, 404),
    (423, 503, 500),
    (480, 486, 480),
    (481, 503, 500),
    (482, 503, 500),
    (483, 480, 480),
    (484, 503, 484),
    (485, 503, 404),
    (486, 486, 486),
    (487, 603, 603),
    (488, 503, 488),
    (491, 503, 500),
    (493, 503, 500),
    (500, 503, 500),
    (501, 503, 501),
    (502, 503, 502),
    (503, 503, 503),
    (504, 503, 603),
    (505, 503, 503),
    (600, 486, 486),
    (603, 486, 403),
    (604, 503, 404),
    (606, 503, 488),
    (607, 503, 500),
];

#[test]
fn a_plan_that_runs_out_tells_what_dialstatus_says() {
    for &(refusal, falls, _) in ROWS {
        assert_eq!(told(DIAL, refusal, |_| {}), falls, "{refusal}");
    }
}

#[test]
fn hangup_with_the_cause_tells_what_it_means() {
    for &(refusal, _, hangup) in ROWS {
        assert_eq!(told(HANGUP, refusal, |_| {}), hangup, "{refusal}");
    }
}

#[test]
fn final_response_passthrough_tells_what_the_callee_said() {
    let passthrough = |alice: &mut Peer| alice.final_response = FinalResponse::Passthrough;
    for &(refusal, _, hangup) in ROWS {
        assert_eq!(told(DIAL, refusal, passthrough), refusal);
        assert_eq!(
            told(HANGUP, refusal, passthrough),
            hangup,
            "a plan's own word"
        );
    }
    let through_local = [
        "default,_X.,1,Dial(Local/1002@inner,20)",
        "inner,_X.,1,Dial(SIP/1002)",
    ];
    assert_eq!(told(&through_local, 404, passthrough), 404);
}

#[test]
fn final_response_q850_tells_what_the_cause_means() {
    let q850 = |alice: &mut Peer| alice.final_response = FinalResponse::Q850;
    for &(refusal, falls, hangup) in ROWS {
        let expected = if hangup == 603 { falls } else { hangup };
        assert_eq!(told(DIAL, refusal, q850), expected, "{refusal}");
    }
}

#[test]
fn noanswer_response_is_for_those_nobody_answers() {
    for (status_of, code) in [
        (None, 603),
        (Some(Status::TEMPORARILY_UNAVAILABLE), 480),
        (Some(Status::REQUEST_TIMEOUT), 408),
    ] {
        let mut rig = Rig::following(plan_of(DIAL), |_, [alice, _]| {
            if let Some(status) = status_of {
                alice.noanswer_response = status;
            }
        });
        rig.register("1002", BOB);
        let invite = dial(&mut rig, "1002").remove(0).1;
        rig.receive(BOB, &respond(&invite, "180 Ringing", "", ""));
        let sent = rig.wait(Duration::from_millis(20_010));
        assert_eq!(status(&sent), code);
    }
}

#[test]
fn no_response_and_nobody_there_have_their_rows() {
    let mut rig1 = rig(DIAL);
    dial(&mut rig1, "1002");
    let sent = rig1.wait(Duration::from_millis(20_010));
    assert_eq!(status(&sent), 603, "Dial's own timeout is the shorter");
    let mut rig2 = rig(&["default,_X.,1,Dial(SIP/1002)"]);
    dial(&mut rig2, "1002");
    assert_eq!(status(&rig2.wait(Duration::from_millis(32_100))), 503);
    let mut rig3 = Rig::following(plan_of(DIAL), |_, _| {});
    assert_eq!(status(&dial(&mut rig3, "1002")), 503, "not registered");
}

#[test]
fn limits_after_the_answer_are_kept_to_the_millisecond() {
    for options in ["S(60)", "L(60000:30000:10000)", "S(90)L(60000)"] {
        let mut rig = rig(&[&format!("default,_X.,1,Dial(SIP/1002,20,{options})")]);
        let invite = dial(&mut rig, "1002").remove(0).1;
        let ok = rig.receive(BOB, &answer(&invite)).remove(1).1;
        rig.receive(ALICE, &in_dialog(&ok, "ACK", 1));
        assert!(
            rig.wait(Duration::from_millis(59_950)).is_empty(),
            "{options}"
        );
        let byes = firsts(&rig.wait(Duration::from_millis(100)));
        assert_eq!(byes.len(), 2, "{options}: {byes:?}");
        assert!(byes.iter().all(|bye| bye.starts_with("BYE ")));
    }
}
