//! Routines on callees, callees that go on by themselves, and callees that
//! are elsewhere, seen from outside.

use super::channels::{answer, dial, firsts, rig};
use super::*;
use crate::base::Level;

const MEDIA: &str = "Content-Type: application/sdp\n";

/// Bob's BYE to the call of that INVITE.
pub(super) fn bye_of(invite: &str) -> String {
    format!(
        "BYE sip:1001@{ENGINE} SIP/2.0\nVia: SIP/2.0/UDP {BOB};branch=z9hG4bKb\nFrom: {};tag=bob\n\
         To: {}\nCall-ID: {}\nCSeq: 1 BYE\nContent-Length: 0\n\n",
        header(invite, "To"),
        header(invite, "From"),
        header(invite, "Call-ID"),
    )
}

#[test]
fn b_adds_a_header_to_one_branch_only() {
    let mut rig = rig(&[
        "default,_X.,1,Dial(SIP/1001&SIP/1002,20,b(pre^s^1(X-A^7)))",
        "pre,s,1,GotoIf($[\"${CHANNEL:0:8}\" = \"SIP/1002\"]?2:3)",
        "pre,s,2,Set(SIPADDHEADER01=${ARG1}: ${ARG2})",
        "pre,s,3,Return()",
    ]);
    let sent = dial(&mut rig, "77");
    assert_eq!(sent.len(), 2);
    assert!(!sent[0].1.contains("X-A"), "{}", sent[0].1);
    assert_eq!(header(&sent[1].1, "X-A"), "7");
}

/// A call whose callee is in a routine that waits a second, and its INVITE.
fn screened(result: &str, offer: bool) -> (Rig, String) {
    let set = format!("screen,s,2,Set(GOSUB_RESULT={result})");
    let mut rig = rig(&[
        "default,_X.,1,Dial(SIP/1002,20,U(screen))",
        "default,_X.,2,NoOp()",
        "screen,s,1,Wait(1)",
        &set,
        "screen,s,3,Return()",
    ]);
    let invite = match offer {
        true => INVITE.to_string(),
        false => INVITE.replace("Content-Length: 5\n\noffer", "Content-Length: 0\n\n"),
    };
    let sent = rig.receive(ALICE, &invite);
    let forked = sent[0].1.clone();
    rig.receive(BOB, &respond(&forked, "180 Ringing", "", ""));
    (rig, forked)
}

#[test]
fn u_keeps_the_answer_until_its_routine_is_over() {
    let (mut rig, invite) = screened("", true);
    let sent = rig.receive(BOB, &answer(&invite));
    assert_eq!(firsts(&sent), ["ACK sip:1002@127.0.0.1:7002 SIP/2.0"]);
    let sent = rig.wait(Duration::from_millis(1_010));
    assert_eq!(firsts(&sent), ["SIP/2.0 200 OK"]);
    assert!(sent[0].1.ends_with("answer"), "{}", sent[0].1);
    let ok = sent[0].1.clone();
    assert!(rig.receive(ALICE, &in_dialog(&ok, "ACK", 1)).is_empty());
    let sent = rig.receive(ALICE, &in_dialog(&ok, "BYE", 2));
    assert_eq!(sent.len(), 2, "{sent:?}");
    rig.receive(BOB, &respond(&sent[1].1, "200 OK", "", ""));
    rig.wait(Duration::from_secs(40));
    assert_eq!((rig.size("calls"), rig.size("dialogs")), (0, 0));
}

#[test]
fn a_routine_is_of_the_plan_the_call_began_in() {
    let (mut rig, forked) = screened("", true);
    let config = Config {
        general: General::default(),
        peers: Peers::new([]),
        plan: Arc::new(plan_of(&[])),
        realtime: None,
    };
    rig.shard
        .handle(rig.now, Input::Reload(Arc::new(config)), &mut rig.out);
    rig.receive(BOB, &answer(&forked));
    let sent = rig.wait(Duration::from_secs(2));
    assert_eq!(firsts(&sent).first().unwrap(), "SIP/2.0 200 OK");
}

#[test]
fn u_keeps_an_offer_in_the_answer_too() {
    let (mut rig, invite) = screened("", false);
    let sent = rig.receive(BOB, &answer(&invite));
    assert!(
        sent.is_empty(),
        "its ACK brings the caller's answer: {sent:?}"
    );
    let sent = rig.wait(Duration::from_millis(1_010));
    let ok = sent
        .iter()
        .find(|(_, text)| text.starts_with("SIP/2.0 200"));
    let ok = ok.expect("the 200").1.clone();
    let ack = in_dialog(&ok, "ACK", 1).replace(
        "Content-Length: 0\n\n",
        "Content-Type: application/sdp\nContent-Length: 6\n\nanswer",
    );
    let sent = rig.receive(ALICE, &ack);
    assert_eq!(firsts(&sent), ["ACK sip:1002@127.0.0.1:7002 SIP/2.0"]);
    assert!(sent[0].1.ends_with("answer"));
}

#[test]
fn u_may_refuse_the_caller() {
    for (result, status) in [
        ("BUSY", "486 "),
        ("busy", "486 "),
        ("CONGESTION", "503 "),
        ("Abort", "603 "),
    ] {
        let (mut rig, invite) = screened(result, true);
        rig.receive(BOB, &answer(&invite));
        let sent = rig.wait(Duration::from_millis(1_010));
        let firsts = firsts(&sent);
        assert!(firsts[0].starts_with("BYE "), "{result}: {firsts:?}");
        assert!(
            firsts[1].starts_with(&["SIP/2.0 ", status].concat()),
            "{firsts:?}"
        );
    }
}

#[test]
fn either_may_leave_during_u() {
    let (mut rig, invite) = screened("", true);
    rig.receive(BOB, &answer(&invite));
    let sent = rig.receive(BOB, &bye_of(&invite));
    assert_eq!(firsts(&sent)[0], "SIP/2.0 200 OK");
    assert!(firsts(&sent)[1].starts_with("SIP/2.0 603 "), "{sent:?}");
    let (mut rig, invite) = screened("", true);
    rig.receive(BOB, &answer(&invite));
    let cancel = INVITE
        .replace("INVITE sip:1002", "CANCEL sip:1002")
        .replace("1 INVITE", "1 CANCEL");
    let sent = firsts(&rig.receive(ALICE, &cancel));
    assert!(
        sent.iter().any(|line| line.starts_with("SIP/2.0 487")),
        "{sent:?}"
    );
    assert!(sent.iter().any(|line| line.starts_with("BYE ")), "{sent:?}");
    rig.wait(Duration::from_secs(80));
    assert_eq!((rig.size("calls"), rig.size("dialogs")), (0, 0));
}

#[test]
fn u_holds_the_answer_of_a_local_channel() {
    let mut rig = rig(&[
        "default,_X.,1,Dial(Local/1002@inner,20,U(screen))",
        "inner,_X.,1,Dial(SIP/${EXTEN})",
        "screen,s,1,Wait(1)",
        "screen,s,2,Return()",
    ]);
    let invite = dial(&mut rig, "77").remove(0).1;
    let sent = rig.receive(BOB, &answer(&invite));
    assert_eq!(firsts(&sent), ["ACK sip:1002@127.0.0.1:7002 SIP/2.0"]);
    let sent = rig.wait(Duration::from_millis(1_010));
    assert_eq!(firsts(&sent), ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]);
    assert!(sent[1].1.ends_with("answer"));
}

#[test]
fn a_joins_the_caller_before_u() {
    let mut rig = rig(&[
        "default,_X.,1,Dial(SIP/1002,20,aU(screen))",
        "screen,s,1,Wait(1)",
        "screen,s,2,Return()",
    ]);
    let invite = dial(&mut rig, "77").remove(0).1;
    let sent = rig.receive(BOB, &answer(&invite));
    assert_eq!(firsts(&sent)[1], "SIP/2.0 200 OK");
    assert!(rig.wait(Duration::from_millis(400)).len() <= 1);
}

#[test]
fn with_capital_f_the_callee_goes_on_when_the_caller_is_gone() {
    let mut rig = rig(&[
        "default,_X.,1,Dial(SIP/1002,20,F(after^s^1))",
        "after,s,1,Wait(5)",
        "after,s,2,Hangup(21)",
    ]);
    let invite = dial(&mut rig, "77").remove(0).1;
    let ok = rig.receive(BOB, &answer(&invite)).remove(1).1;
    rig.receive(ALICE, &in_dialog(&ok, "ACK", 1));
    let sent = rig.receive(ALICE, &in_dialog(&ok, "BYE", 2));
    assert_eq!(firsts(&sent), ["SIP/2.0 200 OK"], "the callee stays");
    assert_eq!(rig.size("calls"), 1);
    assert!(rig.wait(Duration::from_millis(4_990)).is_empty());
    let sent = rig.wait(Duration::from_millis(20));
    assert!(firsts(&sent)[0].starts_with("BYE sip:1002@"), "{sent:?}");
    assert_eq!(header(&sent[0].1, "X-Asterisk-HangupCauseCode"), "21");
    rig.wait(Duration::from_secs(40));
    assert_eq!((rig.size("calls"), rig.size("dialogs")), (0, 0));
}

#[test]
fn a_callee_that_goes_on_may_hang_up() {
    let mut rig = rig(&["default,_X.,1,Dial(SIP/1002,20,F)", "default,_X.,2,Wait(5)"]);
    let invite = dial(&mut rig, "77").remove(0).1;
    let ok = rig.receive(BOB, &answer(&invite)).remove(1).1;
    rig.receive(ALICE, &in_dialog(&ok, "ACK", 1));
    rig.receive(ALICE, &in_dialog(&ok, "BYE", 2));
    let sent = rig.receive(BOB, &bye_of(&invite));
    assert_eq!(firsts(&sent), ["SIP/2.0 200 OK"]);
    rig.wait(Duration::from_secs(40));
    assert_eq!((rig.size("calls"), rig.size("dialogs")), (0, 0));
}

#[test]
fn with_capital_g_both_go_on() {
    let mut rig = rig(&[
        "default,_X.,1,Dial(SIP/1002,20,G(default^77^5))",
        "default,_X.,5,Goto(default,88,1)",
        "default,_X.,6,Wait(3)",
        "default,88,1,Busy()",
    ]);
    let invite = dial(&mut rig, "77").remove(0).1;
    let sent = rig.receive(BOB, &answer(&invite));
    assert_eq!(
        firsts(&sent),
        [
            "ACK sip:1002@127.0.0.1:7002 SIP/2.0",
            "SIP/2.0 486 Busy Here"
        ]
    );
    let sent = rig.wait(Duration::from_millis(3_010));
    let byes = firsts(&sent)
        .into_iter()
        .filter(|line| line.starts_with("BYE "));
    assert_eq!(byes.count(), 1, "{sent:?}");
}

#[test]
fn what_a_callee_offers_that_goes_on_is_answered() {
    let mut rig = rig(&[
        "default,_X.,1,Dial(SIP/1002,20,G(default^77^5))",
        "default,_X.,5,Busy()",
        "default,_X.,6,Wait(3)",
    ]);
    let invite = INVITE.replace("Content-Length: 5\n\noffer", "Content-Length: 0\n\n");
    let invite = rig.receive(ALICE, &invite).remove(0).1;
    let offer = "v=0\nm=audio 4000 RTP/AVP 0\n";
    let sent = rig.receive(BOB, &respond(&invite, "200 OK", MEDIA, offer));
    let ack = &sent[0].1;
    assert!(ack.starts_with("ACK sip:1002@"), "{ack}");
    assert!(
        ack.ends_with("m=audio 9 RTP/AVP 0\r\na=inactive\r\n"),
        "{ack}"
    );
}

#[test]
fn with_e_the_callees_h_runs() {
    let mut rig = Rig::following(
        plan_of(&[
            "default,_X.,1,Dial(SIP/1002,20,e)",
            "own,h,1,Log(WARNING,${CONTEXT} is over: ${HANGUPCAUSE})",
        ]),
        |_, [_, bob]| bob.context = "own".into(),
    );
    rig.register("1002", BOB);
    rig.out.set_level(Some(Level::Warn));
    let invite = dial(&mut rig, "77").remove(0).1;
    let ok = rig.receive(BOB, &answer(&invite)).remove(1).1;
    rig.receive(ALICE, &in_dialog(&ok, "ACK", 1));
    let sent = rig.receive(ALICE, &in_dialog(&ok, "BYE", 2));
    assert_eq!(sent.len(), 2, "{sent:?}");
    let told: Vec<String> = rig.out.take_notes().map(|note| note.text).collect();
    assert!(
        told.iter().any(|text| text.contains("own is over: 16")),
        "{told:?}"
    );
    rig.receive(BOB, &respond(&sent[1].1, "200 OK", "", ""));
    rig.wait(Duration::from_secs(40));
    assert_eq!((rig.size("calls"), rig.size("dialogs")), (0, 0));
}

#[test]
fn a_plan_that_runs_away_after_the_call_takes_no_other_along() {
    let mut rig = rig(&[
        "default,_X.,1,Dial(Local/${EXTEN}@inner,,e)",
        "default,h,1,Goto(h,1)",
        "inner,_X.,1,Dial(SIP/1002,,e)",
    ]);
    let invite = dial(&mut rig, "77").remove(0).1;
    rig.receive(BOB, &answer(&invite));
    // Nobody acknowledges the answer, and the call ends all at once.
    for _ in 0..40 {
        for (to, message) in rig.wait(Duration::from_secs(1)) {
            if to == BOB.parse().unwrap() && message.starts_with("BYE") {
                rig.receive(BOB, &respond(&message, "200 OK", "", ""));
            }
        }
    }
    rig.wait(Duration::from_secs(40));
    assert_eq!((rig.size("calls"), rig.size("dialogs")), (0, 0));
}

#[test]
fn nobody_is_joined_to_a_caller_sent_elsewhere() {
    let mut rig = rig(&[
        "default,_X.,1,TryExec(Transfer(SIP/5@192.0.2.9))",
        "default,_X.,2,Dial(SIP/1002,20,U(sub))",
        "sub,s,1,Return",
    ]);
    let sent = dial(&mut rig, "77");
    let invite = sent.iter().find(|(_, text)| text.starts_with("INVITE"));
    let invite = invite.unwrap().1.clone();
    let sent = rig.receive(BOB, &answer(&invite));
    assert!(
        sent.iter().any(|(_, text)| text.starts_with("BYE")),
        "{sent:?}"
    );
    let bye = sent.iter().find(|(_, text)| text.starts_with("BYE"));
    rig.receive(BOB, &respond(&bye.unwrap().1, "200 OK", "", ""));
    rig.wait(Duration::from_secs(40));
    assert_eq!((rig.size("calls"), rig.size("dialogs")), (0, 0));
}

#[test]
fn a_callee_elsewhere_is_rung_there() {
    let plan = [
        "default,_X.,1,Dial(SIP/1002,20)",
        "moved,300,1,Dial(SIP/1001)",
    ];
    let moved = |change: fn(&mut Peer), contact: &str, code: &str| {
        let mut rig = Rig::following(plan_of(&plan), |_, [_, bob]| {
            bob.context = "moved".into();
            change(bob);
        });
        rig.register("1001", ALICE);
        rig.register("1002", BOB);
        let invite = dial(&mut rig, "77").remove(0).1;
        let moved = respond(&invite, code, "", "").replace(
            &format!("Contact: <sip:1002@{BOB}>"),
            &format!("Contact: {contact}"),
        );
        firsts(&rig.receive(BOB, &moved))
    };
    for code in [
        "300 Multiple Choices",
        "301 Moved",
        "302 Moved",
        "305 Use Proxy",
    ] {
        let sent = moved(|_| {}, "<sip:300@h>", code);
        assert_eq!(sent[2], "INVITE sip:1001@127.0.0.1:7001 SIP/2.0", "{code}");
    }
    let sent = moved(
        |bob| bob.promiscredir = true,
        "<sip:9@127.0.0.1:7010>",
        "302 Moved",
    );
    assert_eq!(sent[2], "INVITE sip:9@127.0.0.1:7010 SIP/2.0");
    let sent = moved(|_| {}, "<sip:nobody@h>", "302 Moved");
    assert!(sent[2].starts_with("SIP/2.0 503 "), "{sent:?}");
    let sent = moved(|_| {}, "<sip:300@h>", "380 Alternative Service");
    assert!(sent[1].starts_with("SIP/2.0 603 "), "{sent:?}");
}

#[test]
fn a_callee_elsewhere_that_says_not_where_is_busy_at_once() {
    for contact in [
        "",
        "Contact: \n",
        "Contact: <>\n",
        "Contact: <sip:>\n",
        "Contact: \"a\n",
    ] {
        let plan = ["default,_X.,1,Dial(SIP/1002,20)"];
        let mut rig = Rig::following(plan_of(&plan), |_, _| {});
        rig.register("1001", ALICE);
        rig.register("1002", BOB);
        let invite = dial(&mut rig, "77").remove(0).1;
        let moved = respond(&invite, "302 Moved", "", "");
        let moved = moved.replace(&format!("Contact: <sip:1002@{BOB}>\n"), contact);
        let sent = firsts(&rig.receive(BOB, &moved));
        assert_eq!(sent.len(), 2, "{contact}: {sent:?}");
        assert!(sent[0].starts_with("ACK "), "{contact}: {sent:?}");
        assert!(sent[1].starts_with("SIP/2.0 486 "), "{contact}: {sent:?}");
    }
}

#[test]
fn a_ring_of_forwards_ends() {
    let mut rig = Rig::following(plan_of(&["default,_X.,1,Dial(SIP/${EXTEN},20)"]), |_, _| {});
    rig.register("1001", ALICE);
    rig.register("1002", BOB);
    let first = dial(&mut rig, "1002").remove(0).1;
    let to = |invite: &str, user: &str, contact: &str| {
        respond(invite, "302 Moved", "", "").replace(
            &format!("Contact: <sip:1002@{BOB}>"),
            &format!("Contact: <sip:{contact}@{user}>"),
        )
    };
    let sent = rig.receive(BOB, &to(&first, "h", "1001"));
    let second = sent[2].1.clone();
    assert!(second.starts_with("INVITE sip:1001@"), "{second}");
    let sent = firsts(&rig.receive(ALICE, &to(&second, "h", "1002")));
    assert!(sent[1].starts_with("SIP/2.0 "), "{sent:?}");
    rig.wait(Duration::from_secs(40));
    assert_eq!(rig.size("calls"), 0);
}

#[test]
fn the_early_media_of_a_held_callee_went_through() {
    let (mut rig, invite) = screened("", true);
    let sent = rig.receive(BOB, &respond(&invite, "183 x", MEDIA, "early"));
    assert_eq!(firsts(&sent), ["SIP/2.0 183 Session Progress"]);
}

#[test]
fn a_routine_without_return_costs_no_call() {
    for argument in ["b(pre^s^1)", "U(pre)", "b(gone^s^1)", "U(gone)"] {
        let dial = format!("default,_X.,1,Dial(SIP/1002,20,{argument})");
        let mut rig = rig(&[&dial, "pre,s,1,NoOp()"]);
        let invite = rig.receive(ALICE, INVITE).remove(0).1;
        let sent = rig.receive(BOB, &answer(&invite));
        let ok = sent.iter().any(|(_, text)| text.starts_with("SIP/2.0 200"));
        assert!(ok, "{argument}: {:?}", firsts(&sent));
        assert_eq!(rig.size("calls"), 1, "{argument}");
    }
}

#[test]
fn u_tells_the_caller_what_it_returned() {
    let mut rig = rig(&[
        "default,_X.,1,Dial(SIP/1002,20,U(screen)g)",
        "default,_X.,2,Set(GLOBAL(HEARD)=${GOSUB_RETVAL})",
        "screen,s,1,Return(word)",
    ]);
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    rig.receive(BOB, &answer(&invite));
    rig.receive(BOB, &bye_of(&invite));
    assert_eq!(rig.shard.exchange.globals.value("HEARD"), Some("word"));
}

#[test]
fn the_h_of_a_local_channel_knows_what_its_channel_is_called() {
    let mut rig = rig(&[
        "default,_X.,1,Dial(Local/5@inner,2)",
        "inner,5,1,Wait(30)",
        "inner,h,1,Set(GLOBAL(OVER)=${CHANNEL} ${UNIQUEID})",
    ]);
    rig.receive(ALICE, INVITE);
    rig.wait(Duration::from_secs(4));
    let over = rig.shard.exchange.globals.value("OVER").unwrap();
    let (channel, unique_id) = over.split_once(' ').unwrap();
    assert!(
        channel.starts_with("Local/5@inner-") && channel.ends_with(";2"),
        "{over}"
    );
    assert!(unique_id.ends_with(".1"), "{over}");
}

#[test]
fn the_h_that_e_wants_knows_what_its_channel_is_called() {
    let mut rig = rig(&[
        "default,_X.,1,Dial(SIP/1002,20,e)",
        "default,h,1,Set(GLOBAL(OVER)=${GLOBAL(OVER)} ${CHANNEL:0:8}/${UNIQUEID:-2})",
    ]);
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    rig.receive(BOB, &answer(&invite));
    rig.receive(BOB, &bye_of(&invite));
    let over = rig.shard.exchange.globals.value("OVER").unwrap();
    assert!(
        over.contains("SIP/1001/.0") && over.contains("SIP/1002/.1"),
        "{over}"
    );
}
