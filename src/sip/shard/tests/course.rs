//! Where plans lead calls by themselves, seen from outside.

use super::*;
use crate::dialplan::SwitchKind;

/// The first lines of what was sent.
fn lines(sent: &[(SocketAddr, String)]) -> Vec<String> {
    let line = |message: &String| message.lines().next().unwrap_or_default().to_string();
    sent.iter().map(|(_, message)| line(message)).collect()
}

#[test]
fn the_absolute_timeout_ends_ringing_to_the_millisecond() {
    let mut rig = Rig::running(&[("Set", "TIMEOUT(absolute)=5"), ("Dial", "SIP/1002,20")]);
    rig.register("1002", BOB);
    let invite = rig.receive(ALICE, INVITE).remove(0).1;
    rig.receive(BOB, &respond(&invite, "180 Ringing", "", ""));
    assert!(rig.wait(Duration::from_millis(4_999)).is_empty());
    assert_eq!(
        lines(&rig.wait(Duration::from_millis(2))),
        [
            "CANCEL sip:1002@127.0.0.1:7002 SIP/2.0",
            "SIP/2.0 603 Declined"
        ]
    );
}

#[test]
fn the_absolute_timeout_ends_a_conversation_to_the_millisecond() {
    let mut rig = Rig::running(&[("Set", "TIMEOUT(absolute)=30"), ("Dial", "SIP/1002")]);
    let (_, ok) = call(&mut rig);
    rig.receive(ALICE, &in_dialog(&ok, "ACK", 1));
    assert!(rig.wait(Duration::from_millis(29_999)).is_empty());
    let mut ended = lines(&rig.wait(Duration::from_millis(2)));
    ended.sort();
    assert_eq!(
        ended,
        [
            "BYE sip:1001@127.0.0.1:7001 SIP/2.0",
            "BYE sip:1002@127.0.0.1:7002 SIP/2.0"
        ]
    );
}

/// A plan of lines `exten, priority, application, arguments`.
fn written(lines: &[(&str, u32, &str, &str)], switch: bool) -> Plan {
    let mut builder = PlanBuilder::new();
    let context = builder.context("default");
    for &(exten, priority, application, arguments) in lines {
        let line = Line {
            exten,
            caller: None,
            priority,
            label: None,
            application,
            arguments,
            at: "test",
        };
        builder.add(context, line).unwrap();
    }
    if switch {
        builder.add_switch(context, SwitchKind::Switch, "Realtime", "");
    }
    builder.build()
}

#[test]
fn a_caller_goes_on_at_t_when_the_time_is_over() {
    let lines_of_plan = [
        ("_X.", 1, "Set", "TIMEOUT(absolute)=3"),
        ("_X.", 2, "Wait", "60"),
        ("T", 1, "Hangup", "17"),
    ];
    let mut rig = Rig::following(written(&lines_of_plan, false), |_, _| {});
    rig.receive(ALICE, INVITE);
    rig.wait(Duration::from_millis(2_999));
    let sent = rig.wait(Duration::from_millis(2));
    assert_eq!(lines(&sent), ["SIP/2.0 486 Busy Here"]);
}

#[test]
fn a_number_that_no_switch_knows_is_not_found() {
    let mut rig = Rig::following(written(&[("5", 1, "Busy", "")], true), |_, _| {});
    let sent = rig.receive(ALICE, INVITE);
    assert_eq!(lines(&sent), ["SIP/2.0 404 Not Found"]);
    assert_eq!(rig.size("calls"), 0);
}

#[test]
fn a_plan_goes_on_when_a_switch_knows_nothing() {
    let plan = written(&[("_X.", 1, "NoOp", ""), ("_X.", 2, "Busy", "")], true);
    let mut rig = Rig::following(plan, |_, _| {});
    let sent = rig.receive(ALICE, INVITE);
    assert_eq!(lines(&sent), ["SIP/2.0 486 Busy Here"]);
}
