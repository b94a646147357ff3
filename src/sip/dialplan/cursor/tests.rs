use core::time::Duration;

use super::super::fake::{Fake, call, enter, place, plan, said};
use super::super::{ChannelEvent, ChannelId, Event, Inquiry, Reply, Ticket};
use super::*;

fn hangup(cause: u8) -> Progress {
    Progress::Ended(Ending::Hangup(Cause(cause)))
}

#[test]
fn priorities_run_in_order_and_then_the_call_declines() {
    let (words, progress) = said(
        &["1,1,Verbose(a)", "1,2,verbose(1,b)", "1,4,Verbose(c)"],
        "1",
    );
    assert_eq!((words.as_str(), progress), ("a b", hangup(0)));
    let Progress::Ended(ending) = progress else {
        panic!()
    };
    assert_eq!(ending.status().code(), 603);
}

#[test]
fn an_empty_extension_is_s() {
    assert_eq!(said(&["s,1,Verbose(${EXTEN})"], "").0, "s");
}

#[test]
fn variables_are_predefined_then_the_channel_s_then_global() {
    let mut builder = super::super::PlanBuilder::new();
    builder.set_global("A", "global");
    builder.set_global("B", "global");
    builder.set_global("EXTEN", "global");
    let context = builder.context("c");
    for (priority, application, arguments) in [
        (1, "Set", "A=channel"),
        (
            2,
            "Verbose",
            "${A} ${B} ${EXTEN} ${CONTEXT} ${PRIORITY} ${EPOCH} ${C}",
        ),
        (3, "MSet", "_A=\"x,y\",D=2"),
        (
            4,
            "Verbose",
            "${A}${D} ${CALLERID(num)} ${CALLERID(name)} ${CALLERID(all)} ${GLOBAL(A)} ${LEN(abc)}",
        ),
    ] {
        let line = super::super::Line {
            exten: "1",
            caller: None,
            priority,
            label: None,
            application,
            arguments,
            at: "",
        };
        builder.add(context, line).unwrap();
    }
    let mut fake = Fake::default();
    let mut cursor = Cursor::new(
        Arc::new(builder.build()),
        place("1"),
        "Ann",
        &Limits::default(),
    );
    cursor.start(&mut fake);
    assert_eq!(
        fake.said,
        [
            "channel global 1 c 2 1709226359 ",
            "x,y2 42 Ann \"Ann\" <42> global 3"
        ]
    );
    assert_eq!(
        cursor.variables().inherited().collect::<Vec<_>>(),
        [("A".into(), "x,y")]
    );
}

#[test]
fn functions_yield_texts() {
    for (text, expected) in [
        ("${IF($[1 = 1]?yes:no)}", "yes"),
        ("${IF(0?yes:\"n o\")}", "\"n o\""),
        ("${EXISTS(${EXTEN})}${EXISTS(${X})}", "10"),
        ("${ISNULL(${EXTEN})}${ISNULL(${X})}", "01"),
        ("${TOUPPER(aé)}${TOLOWER(BC)}", "Aébc"),
        ("${CUT(L,,2)}", "b"),
        ("${CUT(L,-,1&3-)}", "a-c-d"),
        ("${CUT(L,-,-2)}", "a-b"),
        ("${FIELDQTY(L,-)}${FIELDQTY(X,-)}", "40"),
    ] {
        let verbose = ["1,2,Verbose(", text, ")"].concat();
        assert_eq!(
            said(&["1,1,Set(L=a-b-c-d)", &verbose], "1").0,
            expected,
            "{text}"
        );
    }
}

#[test]
fn goto_takes_priorities_labels_extensions_and_contexts() {
    let lines = [
        "1,1,Goto(3)",
        "1,3(here),Goto(2,1)",
        "2,1,Goto(+2)",
        "2,3,Goto(other,x,there)",
        "@other",
        "x,1,Verbose(no)",
        "x,2(there),Verbose(${CONTEXT} ${EXTEN} ${PRIORITY})",
        "x,3,Goto(c,3,1)",
        "@c",
        "3,1,Verbose(end)",
    ];
    assert_eq!(said(&lines, "1").0, "other x 2 end");
}

#[test]
fn goto_if_takes_a_branch_or_goes_on() {
    for (condition, expected) in [
        ("1", "then"),
        ("0", "else"),
        ("", "else"),
        ("x", "then"),
        ("0x", "else"),
        ("-1", "then"),
        ("$[1 > 2]", "else"),
    ] {
        let goto = ["1,1,GotoIf(", condition, "?a:b)"].concat();
        let lines = [
            &*goto,
            "1,2(a),Verbose(then)",
            "1,3,Hangup",
            "1,4(b),Verbose(else)",
        ];
        assert_eq!(said(&lines, "1").0, expected, "{condition}");
    }
    assert_eq!(said(&["1,1,GotoIf(0?9)", "1,2,Verbose(on)"], "1").0, "on");
    assert_eq!(said(&["1,1,GotoIf(1?:9)", "1,2,Verbose(on)"], "1").0, "on");
}

#[test]
fn goto_if_time_and_exec_if() {
    let time = "1,1,GotoIfTime(17:00-18:00,thu,*,feb?3)";
    assert_eq!(
        said(&[time, "1,2,Verbose(no)", "1,3,Verbose(yes)"], "1").0,
        "yes"
    );
    let elsewhere = "1,1,GotoIfTime(18:00-19:00,thu,*,feb,Europe/Berlin?3)";
    assert_eq!(
        said(&[elsewhere, "1,2,Verbose(no)", "1,3,Verbose(yes)"], "1").0,
        "yes"
    );
    let exec = "1,1,ExecIf($[\"${EXTEN}\" = \"1\"]?Verbose(a:b):Verbose(c))";
    assert_eq!(said(&[exec], "1").0, "a:b");
    assert_eq!(said(&["1,1,ExecIf(0?Verbose(a):Verbose(b))"], "1").0, "b");
}

#[test]
fn a_label_that_does_not_exist_ends_the_call() {
    let (_, fake, progress) = call(&["1,1,Goto(nowhere)", "1,2,Verbose(no)"], "1");
    assert_eq!(progress, hangup(0));
    assert_eq!(
        fake.warnings,
        ["Goto: 'nowhere' is neither a priority nor a label"]
    );
}

#[test]
fn an_unknown_application_ends_the_call() {
    let (_, fake, progress) = call(&["1,1,Nothing(x)", "1,2,Verbose(no)"], "1");
    assert_eq!((progress, fake.said.len()), (hangup(0), 0));
    assert_eq!(fake.warnings, ["t:1: there is no application Nothing"]);
}

#[test]
fn i_takes_calls_sent_to_nowhere() {
    let lines = ["1,1,Goto(9,1)", "i,1,Verbose(${EXTEN} ${INVALID_EXTEN})"];
    assert_eq!(said(&lines, "1"), ("i 9".into(), hangup(0)));
    assert_eq!(said(&["1,1,Goto(9,1)"], "1"), (String::new(), hangup(0)));
}

#[test]
fn h_runs_once_after_the_end_and_cannot_change_it() {
    let lines = [
        "1,1,Hangup(17)",
        "h,1,Verbose(h${HANGUPCAUSE})",
        "h,2,Wait(5)",
        "h,3,Verbose(no)",
    ];
    assert_eq!(said(&lines, "1"), ("h17".into(), hangup(17)));
    let lines = [
        "1,1,Busy",
        "h,1,Verbose(${HANGUPCAUSE})",
        "h,2,Dial(SIP/1)",
        "h,3,Hangup(1)",
    ];
    assert_eq!(
        said(&lines, "1"),
        ("17".into(), Progress::Ended(Ending::Busy))
    );
}

#[test]
fn h_runs_when_the_caller_hangs_up() {
    let (mut cursor, mut fake, progress) =
        call(&["1,1,Wait(10)", "h,1,Verbose(${HANGUPCAUSE})"], "1");
    assert!(matches!(progress, Progress::Waiting(Some(_))));
    assert_eq!(cursor.handle(Event::CallerHangup, &mut fake), hangup(16));
    assert_eq!(fake.said, ["16"]);
    assert_eq!(cursor.handle(Event::Timer, &mut fake), hangup(16));
}

#[test]
fn wait_waits_until_its_time() {
    let (mut cursor, mut fake, progress) = call(&["1,1,Wait(1.5)", "1,2,Verbose(on)"], "1");
    assert_eq!(
        progress,
        Progress::Waiting(Some(fake.now + Duration::from_millis(1500)))
    );
    fake.pass(1000);
    assert_eq!(cursor.handle(Event::Timer, &mut fake), progress);
    let stray = Event::Channel(ChannelId(9), ChannelEvent::Answered);
    assert_eq!(cursor.handle(stray, &mut fake), progress);
    fake.pass(500);
    assert_eq!(cursor.handle(Event::Timer, &mut fake), hangup(0));
    assert_eq!(fake.said, ["on"]);
}

#[test]
fn hangup_takes_numbers_and_names() {
    for (line, cause, code) in [
        ("1,1,Hangup", 16, 603),
        ("1,1,Hangup(17)", 17, 486),
        ("1,1,Hangup(AST_CAUSE_CALL_REJECTED)", 21, 403),
        ("1,1,Hangup(UNALLOCATED)", 1, 404),
        ("1,1,Hangup(0)", 0, 603),
    ] {
        let (_, fake, progress) = call(&[line], "1");
        assert_eq!(progress, hangup(cause), "{line}");
        assert_eq!(Ending::Hangup(Cause(cause)).status().code(), code);
        assert!(fake.warnings.is_empty());
    }
    assert_eq!(call(&["1,1,Hangup(soon)"], "1").2, hangup(16));
}

#[test]
fn busy_and_congestion_refuse() {
    assert_eq!(call(&["1,1,Busy"], "1").2, Progress::Ended(Ending::Busy));
    assert_eq!(
        call(&["1,1,Congestion(5)"], "1").2,
        Progress::Ended(Ending::Congestion)
    );
    assert_eq!(Ending::Busy.status().code(), 486);
    assert_eq!(Ending::Congestion.status().code(), 503);
}

#[test]
fn busy_keeps_an_answered_caller_for_its_seconds() {
    let mut fake = Fake {
        answered: true,
        ..Fake::default()
    };
    let mut cursor = Cursor::new(
        Arc::new(plan(&["1,1,Busy(3)"])),
        place("1"),
        "",
        &Limits::default(),
    );
    assert_eq!(
        cursor.start(&mut fake),
        Progress::Waiting(Some(Instant::from_micros(3_000_000)))
    );
    fake.pass(3000);
    assert_eq!(cursor.handle(Event::Timer, &mut fake), hangup(17));
}

#[test]
fn indications_reach_the_caller() {
    let (_, fake, _) = call(
        &[
            "1,1,Proceeding",
            "1,2,Ringing",
            "1,3,Progress",
            "1,4,NoOp(x)",
        ],
        "1",
    );
    assert_eq!(fake.done, ["Proceeding", "Ringing", "Progress"]);
}

#[test]
fn answer_goes_on_without_media_and_says_so() {
    let (_, fake, _) = call(&["1,1,Answer", "1,2,Verbose(on)"], "1");
    assert_eq!(fake.said, ["on"]);
    assert_eq!(
        fake.warnings,
        ["t:1: Answer: no media here: the call is answered when a callee answers"]
    );
}

#[test]
fn a_runaway_is_stopped() {
    let (_, fake, progress) = call(&["1,1,NoOp", "1,2,Goto(1)"], "1");
    assert_eq!(progress, hangup(41));
    assert_eq!(
        fake.warnings,
        ["t:1: c,1,1 ran 10000 instructions within a second; the call is ended"]
    );
    let (_, _, progress) = call(&["1,1,Busy", "h,1,Goto(h,1)"], "1");
    assert_eq!(progress, Progress::Ended(Ending::Busy));
}

#[test]
fn texts_that_cannot_be_understood_are_told_and_go_on() {
    let (_, fake, _) = call(&["1,1,Verbose($[1 +] ${NO(x)})"], "1");
    assert_eq!(fake.said, ["0 "]);
    assert_eq!(fake.warnings.len(), 2);
}

#[test]
fn auto_fallthrough_follows_dialstatus() {
    for (status, expected) in [
        ("BUSY", Progress::Ended(Ending::Busy)),
        ("CONGESTION", Progress::Ended(Ending::Congestion)),
        ("CHANUNAVAIL", Progress::Ended(Ending::Congestion)),
        ("NOANSWER", hangup(0)),
    ] {
        let set = ["1,1,Set(DIALSTATUS=", status, ")"].concat();
        assert_eq!(call(&[&set], "1").2, expected, "{status}");
    }
}

#[test]
fn without_autofallthrough_t_comes_after_ten_seconds() {
    for (lines, words) in [
        (
            &["1,1,NoOp", "t,1,Verbose(t)", "t,2,Hangup"][..],
            &["t"][..],
        ),
        (&["1,1,NoOp"], &[]),
    ] {
        let mut plan = plan(lines);
        plan.autofallthrough = false;
        let mut fake = Fake::default();
        let mut cursor = Cursor::new(Arc::new(plan), place("1"), "", &Limits::default());
        assert_eq!(
            cursor.start(&mut fake),
            Progress::Waiting(Some(Instant::from_micros(10_000_000)))
        );
        fake.pass(10_000);
        assert!(matches!(
            cursor.handle(Event::Timer, &mut fake),
            Progress::Ended(Ending::Hangup(_))
        ));
        assert_eq!(fake.said, words);
    }
}

#[test]
fn a_caller_id_that_callees_will_not_see_is_told() {
    let (_, fake, _) = call(
        &[
            "1,1,Set(CALLERID(all)=\"Bob\" <7>)",
            "1,2,Verbose(${CALLERID(name)} ${CALLERID(num)})",
        ],
        "1",
    );
    assert_eq!(fake.said, ["Bob 7"]);
    assert_eq!(
        fake.warnings,
        ["Set: CALLERID changes nothing for callees here"]
    );
}

#[test]
fn a_call_stays_small_and_may_move() {
    fn moves<T: Send>(_: &T) {}
    let (cursor, ..) = call(&["1,1,Wait(1)"], "1");
    moves(&cursor);
    assert!(size_of::<Cursor>() <= 328, "{}", size_of::<Cursor>());
}

#[test]
fn a_function_that_asks_is_waited_for() {
    let (mut cursor, mut fake, progress) = call(
        &[
            "1,1,Verbose(a${DEVICE_STATE(SIP/1)}b${DEVICE_STATE(SIP/2)}c)",
            "1,2,Verbose(d)",
        ],
        "1",
    );
    assert_eq!(progress, Progress::Waiting(None));
    assert_eq!(fake.said, [""; 0]);
    let stale = Event::Reply(Ticket(7), Reply::Text("x".into()));
    assert_eq!(cursor.handle(stale, &mut fake), Progress::Waiting(None));
    let first = Event::Reply(Ticket(0), Reply::Text("INUSE".into()));
    assert_eq!(cursor.handle(first, &mut fake), Progress::Waiting(None));
    let second = Event::Reply(Ticket(1), Reply::Failed);
    assert_eq!(cursor.handle(second, &mut fake), hangup(0));
    assert_eq!(fake.said, ["aINUSEbUNKNOWNc", "d"]);
    assert_eq!(
        fake.asked,
        [
            Inquiry::Device("SIP/1".into()),
            Inquiry::Device("SIP/2".into())
        ]
    );
}

#[test]
fn the_h_extension_may_wait_for_replies_but_for_nothing_else() {
    let (mut cursor, mut fake, progress) = call(
        &[
            "1,1,Hangup(17)",
            "h,1,Verbose(${DEVICE_STATE(SIP/1)})",
            "h,2,Wait(1)",
            "h,3,Verbose(never)",
        ],
        "1",
    );
    let over = Ending::Hangup(Cause(17));
    assert_eq!(progress, Progress::Lingering(over));
    assert_eq!(
        cursor.handle(Event::CallerHangup, &mut fake),
        Progress::Lingering(over)
    );
    let reply = Event::Reply(Ticket(0), Reply::Text("INUSE".into()));
    assert_eq!(cursor.handle(reply, &mut fake), Progress::Ended(over));
    assert_eq!(fake.said, ["INUSE"]);
}

#[test]
fn a_plan_that_was_never_entered_has_no_h() {
    let (mut cursor, mut fake) = enter(plan(&["1,1,NoOp", "h,1,Verbose(h)"]), "1");
    let over = Progress::Ended(Ending::Hangup(Cause(16)));
    assert_eq!(cursor.handle(Event::CallerHangup, &mut fake), over);
    assert_eq!(fake.said, [""; 0]);
}

#[test]
fn a_step_too_far_is_no_priority() {
    for far in ["+9223372036854775807", "-9223372036854775808"] {
        let (_, fake, _) = call(&[&format!("1,1,Goto({far})")], "1");
        assert_eq!(fake.warnings.len(), 1, "{far}");
    }
}

#[test]
fn a_plan_tells_what_its_functions_will_want_to_know() {
    for (line, request, responses) in [
        ("1,1,NoOp(${CHANNEL(name)})", false, false),
        ("1,1,NoOp(${CHANNEL(From)})", true, false),
        ("1,1,NoOp(${CHANNEL(userAgent)})", true, false),
        ("1,1,NoOp(${HANGUPCAUSE_KEYS()})", false, true),
        ("eswitch Realtime/", true, true),
    ] {
        let plan = plan(&[line]);
        let reads = (plan.reads_request(), plan.reads_responses());
        assert_eq!(reads, (request, responses), "{line}");
    }
}
