//! Diverted calls (RFC 5806), seen from outside: what callers and callees are
//! told of who redirected them.

use super::channels::{dial, firsts, rig};
use super::*;

/// The Diversion of what is sent to Bob in a call of that INVITE by that plan.
fn told(invite: &str, lines: &[&str]) -> Vec<String> {
    let mut rig = rig(lines);
    let sent = rig.receive(ALICE, invite);
    let (_, sent) = sent.first().expect("an INVITE");
    assert!(sent.starts_with("INVITE sip:1002@"), "{sent}");
    diversions(sent)
}

fn diversions(message: &str) -> Vec<String> {
    let lines = message.lines();
    let values = lines.filter_map(|line| line.strip_prefix("Diversion: "));
    values.map(String::from).collect()
}

#[test]
fn a_callee_is_told_who_a_plan_says_redirected_the_call() {
    for (set, expected) in [
        ("NoOp()", None),
        (
            "Set(REDIRECTING(from-num)=55)",
            Some("<sip:55@127.0.0.1>;reason=unknown"),
        ),
        (
            "Set(CALLERID(rdnis)=5#5)",
            Some("<sip:5%235@127.0.0.1>;reason=unknown"),
        ),
        ("Set(REDIRECTING(from-name)=Bob)", None),
    ] {
        let lines = [&["default,_X.,1,", set].concat(), DIAL];
        assert_eq!(told(INVITE, &lines), Vec::from_iter(expected), "{set}");
    }
    let reasons = [
        ("cfb", "user-busy"),
        ("cfnr", "no-answer"),
        ("time_of_day", "time-of-day"),
        ("out_of_order", "out-of-service"),
        ("own-word", "own-word"),
        ("my own", "\"my own\""),
    ];
    for (reason, expected) in reasons {
        let lines = [
            "default,_X.,1,Set(REDIRECTING(from-all)=\"Bob B\" <55>)".to_string(),
            format!("default,_X.,2,Set(REDIRECTING(reason)={reason})"),
            DIAL.replace(",2,", ",3,"),
        ];
        let expected = format!("\"Bob B\" <sip:55@127.0.0.1>;reason={expected}");
        let lines = lines.each_ref().map(String::as_str);
        assert_eq!(told(INVITE, &lines), [expected]);
    }
}

const DIAL: &str = "default,_X.,2,Dial(SIP/1002,20)";

#[test]
fn who_diverted_the_call_to_us_is_passed_on() {
    let line = "default,_X.,1,Dial(SIP/1002,20)";
    let diverted = |value: &str| INVITE.replace("Contact", &format!("Diversion: {value}\nContact"));
    for (value, expected) in [
        (
            "\"A \\\"B\" <sip:12@there>;reason=no-answer",
            "\"A \\\"B\" <sip:12@127.0.0.1>;reason=no-answer",
        ),
        ("<sip:12@h>", "<sip:12@127.0.0.1>;reason=unconditional"),
        (
            "<sip:12@h>;reason=\"a \\\"b\"",
            "<sip:12@127.0.0.1>;reason=\"a \\\"b\"",
        ),
    ] {
        assert_eq!(told(&diverted(value), &[line]), [expected]);
        let by_local = ["default,_X.,1,Dial(Local/7@in)", "in,7,1,Dial(SIP/1002)"];
        assert_eq!(told(&diverted(value), &by_local), [expected]);
    }
}

/// What is sent when Bob sends a call elsewhere that has been dialled by that
/// plan, where 1001 is rung instead.
fn moved(line: &str, extra: &str, change: impl FnOnce(&mut General)) -> Vec<String> {
    let lines = [line, "default,300,1,Dial(SIP/1001)"];
    let mut rig = Rig::following(plan_of(&lines), |general, _| change(general));
    rig.register("1001", ALICE);
    rig.register("1002", BOB);
    let invite = dial(&mut rig, "77").remove(0).1;
    let moved = respond(&invite, "302 Moved", extra, "");
    let moved = moved.replace(
        &format!("Contact: <sip:1002@{BOB}>"),
        "Contact: <sip:300@h>",
    );
    let sent = rig.receive(BOB, &moved);
    sent.into_iter().map(|(_, text)| text).collect()
}

#[test]
fn caller_and_callee_hear_of_a_302() {
    let line = "default,_7.,1,Dial(SIP/1002,20)";
    for (extra, expected) in [
        ("", "<sip:1002@127.0.0.1>;reason=unconditional"),
        (
            "Diversion: <sip:9@h>;reason=user-busy\n",
            "<sip:9@127.0.0.1>;reason=user-busy",
        ),
    ] {
        let sent = moved(line, extra, |_| {});
        assert!(
            sent[1].starts_with("SIP/2.0 181 Call is being forwarded"),
            "{sent:?}"
        );
        assert!(header(&sent[1], "To").contains(";tag="), "{sent:?}");
        assert!(sent[2].starts_with("INVITE sip:1001@"), "{sent:?}");
        assert_eq!(diversions(&sent[1]), [expected]);
        assert_eq!(diversions(&sent[2]), [expected]);
    }
    let sent = moved(line, "", |general| general.send_diversion = false);
    assert!(sent[1].starts_with("SIP/2.0 181 "), "{sent:?}");
    assert!(sent.iter().all(|text| diversions(text).is_empty()));
}

#[test]
fn a_302_is_kept_from_a_caller_who_rings_several_or_is_told_nothing() {
    for line in [
        "default,_7.,1,Dial(SIP/1002,20,I)",
        "default,_7.,1,Dial(SIP/1002&SIP/1001/5,20)",
    ] {
        let sent = moved(line, "", |_| {});
        assert!(sent.iter().all(|text| !text.contains("181 ")), "{sent:?}");
        let expected = "<sip:1002@127.0.0.1>;reason=unconditional";
        assert_eq!(diversions(sent.last().unwrap()), [expected]);
    }
}

#[test]
fn a_plan_knows_who_sent_the_call_to_it() {
    let lines = [
        "default,_7.,1,Dial(SIP/1002,20)",
        "default,300,1,ExecIf($[\"${CALLERID(rdnis)}/${REDIRECTING(reason)}/${REDIRECTING(to-num)}\" =          \"1002/cfu/300\"]?Dial(SIP/1001))",
    ];
    let mut rig = rig(&lines);
    let invite = dial(&mut rig, "77").remove(0).1;
    let moved = respond(&invite, "302 Moved", "", "");
    let contact = format!("Contact: <sip:1002@{BOB}>");
    let sent = rig.receive(BOB, &moved.replace(&contact, "Contact: <sip:300@h>"));
    assert!(firsts(&sent)[2].starts_with("INVITE sip:1001@"), "{sent:?}");
}
