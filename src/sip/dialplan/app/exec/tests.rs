use core::time::Duration;

use crate::dialplan::fake::{call, said, warned};
use crate::dialplan::{Cause, Ending, Event, Inquiry, Progress, Reply, Ticket};

#[test]
fn exec_substitutes_once_more() {
    let lines = [
        "1,1,Set(__B=value)",
        "1,2,Exec(Verbose(\\${B} a,b))",
        "1,3,Set(A=$)",
        "1,4,Exec(Verbose(${A}{B}))",
        "1,5,Exec(Exec(Verbose(in)))",
        "1,6,Exec()",
        "1,7,Exec(gone(x))",
        "1,8,Verbose(no)",
    ];
    let (words, warnings, progress) = warned(&lines, "1");
    assert_eq!(words, "\\value a,b value in");
    assert_eq!(warnings, ["t:1: Exec: there is no application gone"]);
    assert_eq!(progress, Progress::Ended(Ending::Hangup(Cause::NONE)));
}

#[test]
fn exec_waits_for_what_its_arguments_ask() {
    let lines = [
        "1,1,Set(A=$)",
        "1,2,Exec(Verbose(${DEVICE_STATE(SIP/1)} ${A}{DEVICE_STATE(SIP/2)} ${A}{DEVICE_STATE(SIP/3)}))",
    ];
    let (mut cursor, mut fake, _) = call(&lines, "1");
    for (ticket, device) in [(0, "SIP/1"), (1, "SIP/2"), (2, "SIP/3")] {
        assert_eq!(fake.asked[ticket as usize], Inquiry::Device(device.into()));
        let reply = Reply::Text(format!("<{device}>"));
        cursor.handle(Event::Reply(Ticket(ticket), reply), &mut fake);
    }
    assert_eq!(fake.said, ["<SIP/1> <SIP/2> <SIP/3>"]);
}

#[test]
fn try_exec_goes_on_whatever_comes_of_it() {
    let lines = [
        "1,1,TryExec(Set(A=1))",
        "1,2,Verbose(${TRYSTATUS}${A})",
        "1,3,TryExec(Hangup(17))",
        "1,4,Verbose(${TRYSTATUS})",
        "1,5,TryExec(gone(x))",
        "1,6,Verbose(${TRYSTATUS})",
        "1,7,TryExec(Wait(1))",
        "1,8,Verbose(${TRYSTATUS})",
    ];
    let (mut cursor, mut fake, progress) = call(&lines, "1");
    let deadline = fake.now + Duration::from_secs(1);
    assert_eq!(progress, Progress::Waiting(Some(deadline)));
    cursor.handle(Event::Timer, &mut fake);
    fake.pass(1000);
    cursor.handle(Event::Timer, &mut fake);
    assert_eq!(fake.said, ["SUCCESS1", "FAILED", "NOAPP", "SUCCESS"]);
}

#[test]
fn exec_if_runs_one_of_two() {
    let exec = "1,1,ExecIf($[\"${EXTEN}\" = \"1\"]?Verbose(a:b):Verbose(c))";
    assert_eq!(said(&[exec], "1").0, "a:b");
    assert_eq!(said(&["1,1,ExecIf(0?Verbose(a):Verbose(b))"], "1").0, "b");
    assert_eq!(said(&["1,1,ExecIf(0?Verbose(a))"], "1").0, "");
    assert_eq!(
        said(&["1,1,ExecIf(1?ExecIf(0?NoOp:Verbose(c)))"], "1").0,
        "c"
    );
    let (words, warnings, _) = warned(&["1,1,ExecIf(1?gone)", "1,2,Verbose(on)"], "1");
    assert_eq!(words, "on");
    assert_eq!(warnings, ["t:1: ExecIf: there is no application gone"]);
}

#[test]
fn exec_if_time_runs_when_it_is_time() {
    let lines = [
        "1,1,ExecIfTime(17:00-18:00,thu,29,feb?Verbose(in))",
        "1,2,ExecIfTime(08:00-09:00,*,*,*?Verbose(out))",
        "1,3,ExecIfTime(*,*,*,*?Verbose(a,b))",
    ];
    assert_eq!(said(&lines, "1").0, "in a,b");
    for (line, expected) in [
        ("1,1,ExecIfTime(*,*,*,*?gone)", ""),
        ("1,1,ExecIfTime(99:99,*,*,*?Verbose(in))", "on"),
    ] {
        let (words, warnings, _) = warned(&[line, "1,2,Verbose(on)"], "1");
        assert_eq!((words.as_str(), warnings.len()), (expected, 1), "{line}");
    }
}

#[test]
fn nesting_is_bounded() {
    let line = ["1,1,", &"ExecIf(1?".repeat(800), "NoOp", &")".repeat(800)].concat();
    let (_, warnings, progress) = warned(&[&line, "1,2,Verbose(no)"], "1");
    assert_eq!(warnings, ["t:1: ExecIf: applications nest too deeply"]);
    assert_eq!(progress, Progress::Ended(Ending::Hangup(Cause::NONE)));
}
