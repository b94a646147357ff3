//! Where calls go by themselves: special extensions, limits of time, switches.

use core::time::Duration;

use super::super::fake::{Fake, call, place, plan};
use super::super::{ChannelEvent, ChannelId, Event, Failure, Inquiry, Reply, Ticket};
use super::*;

fn hangup(cause: u8) -> Progress {
    Progress::Ended(Ending::Hangup(Cause(cause)))
}

/// What `Verbose` said on the way, and how the call ended.
fn said(lines: &[&str], exten: &str) -> (String, Progress) {
    let (_, fake, progress) = call(lines, exten);
    (fake.said.join(" "), progress)
}

/// A call that fires its timer whenever it waits, for so long.
fn timed(lines: &[&str], exten: &str, seconds: u64) -> (Fake, Progress) {
    let (mut cursor, mut fake, mut progress) = call(lines, exten);
    let end = fake.now + Duration::from_secs(seconds);
    while let Progress::Waiting(Some(at)) = progress
        && at <= end
    {
        fake.now = at;
        progress = cursor.handle(Event::Timer, &mut fake);
    }
    (fake, progress)
}

/// The same without `autofallthrough`.
fn without_autofallthrough(lines: &[&str]) -> (Cursor, Fake) {
    let mut plan = plan(lines);
    plan.autofallthrough = false;
    let cursor = Cursor::new(Arc::new(plan), place("1"), "", &Limits::default());
    (cursor, Fake::default())
}

const TELL: &str = "e,1,Verbose(${EXCEPTION(reason)} ${EXCEPTION(context)} \
                    ${EXCEPTION(exten)} ${EXCEPTION(priority)} ${EXTEN})";

#[test]
fn s_is_where_a_call_without_an_extension_starts() {
    assert_eq!(said(&["s,1,Verbose(s)"], "").0, "s");
}

#[test]
fn i_takes_an_extension_that_does_not_exist() {
    let lines = ["1,1,Goto(9,1)", "i,1,Verbose(${INVALID_EXTEN})", TELL];
    assert_eq!(said(&lines, "1").0, "9");
}

#[test]
fn e_takes_an_extension_that_does_not_exist_where_there_is_no_i() {
    assert_eq!(said(&["1,1,Goto(9,1)", TELL], "1").0, "INVALID c 9 1 e");
}

#[test]
fn e_takes_an_application_that_does_not_exist() {
    assert_eq!(said(&["1,1,Nowhere(x)", TELL], "1").0, "ERROR c 1 1 e");
    let at_e = ["1,1,RaiseException(MINE)", "e,1,Nowhere", "e,2,Verbose(no)"];
    assert_eq!(said(&at_e, "1"), (String::new(), hangup(0)));
}

#[test]
fn exception_tells_nothing_where_there_was_none() {
    assert_eq!(said(&["1,1,Verbose(<${EXCEPTION(reason)}>)"], "1").0, "<>");
}

#[test]
fn raise_exception_gives_a_reason_of_its_own() {
    let lines = ["1,1,NoOp", "1,2,RaiseException(FULL MOON)", TELL];
    assert_eq!(said(&lines, "1").0, "FULL MOON c 1 2 e");
    let nowhere = ["1,1,RaiseException(x)", "i,1,Verbose(${INVALID_EXTEN})"];
    assert_eq!(said(&nowhere, "1").0, "e");
}

#[test]
fn t_comes_when_nothing_is_dialled_in_time() {
    let lines = ["1,1,Set(TIMEOUT(response)=3)", "t,1,Verbose(${EXTEN})"];
    let (mut cursor, mut fake) = without_autofallthrough(&lines);
    let until = fake.now + Duration::from_secs(3);
    assert_eq!(cursor.start(&mut fake), Progress::Waiting(Some(until)));
    fake.pass(3000);
    cursor.handle(Event::Timer, &mut fake);
    assert_eq!(fake.said, ["t"]);
}

#[test]
fn e_comes_when_nothing_is_dialled_in_time_where_there_is_no_t() {
    let (mut cursor, mut fake) = without_autofallthrough(&["1,1,NoOp", TELL]);
    cursor.start(&mut fake);
    fake.pass(10_000);
    cursor.handle(Event::Timer, &mut fake);
    assert_eq!(fake.said, ["RESPONSETIMEOUT c 1 2 e"]);
}

#[test]
fn a_response_timeout_of_nothing_falls_through_at_once() {
    let lines = ["1,1,Set(TIMEOUT(response)=0)", "t,1,Verbose(no)"];
    let (mut cursor, mut fake) = without_autofallthrough(&lines);
    assert_eq!(cursor.start(&mut fake), hangup(0));
}

#[test]
fn wait_exten_waits_and_goes_on_at_the_next_priority_or_t_or_i_or_e() {
    for (rest, words) in [
        (&["1,2,Verbose(on)", "t,1,Verbose(t)"][..], "on"),
        (&["t,1,Verbose(t)", "i,1,Verbose(i)"], "t"),
        (&["i,1,Verbose(i)", TELL], "i"),
        (&[TELL], "RESPONSETIMEOUT c 1 1 e"),
        (&[], ""),
    ] {
        let (fake, progress) = timed(&[&["1,1,WaitExten(4)"], rest].concat(), "1", 4);
        assert_eq!((fake.said.join(" ").as_str(), progress), (words, hangup(0)));
    }
    for (lines, seconds) in [
        (&["1,1,WaitExten"][..], 10),
        (&["1,1,Set(TIMEOUT(response)=2.5)", "1,2,WaitExten(,m)"], 2),
    ] {
        let (fake, progress) = timed(lines, "1", seconds - 1);
        assert!(matches!(progress, Progress::Waiting(Some(at)) if at > fake.now));
        assert_eq!(timed(lines, "1", seconds + 1).1, hangup(0));
    }
}

#[test]
fn timeout_reads_what_was_set() {
    let lines = [
        "1,1,Verbose(${TIMEOUT(absolute)} ${TIMEOUT(digit)} ${TIMEOUT(response)})",
        "1,2,MSet(TIMEOUT(absolute)=90.5,TIMEOUT(digit)=1,TIMEOUT(response)=x)",
        "1,3,Wait(30)",
        "1,4,Verbose(${TIMEOUT(absolute)} ${TIMEOUT(d)} ${TIMEOUT(R)}${TIMEOUT(x)}${TIMEOUT()})",
        "1,5,Set(TIMEOUT(absolute)=-1)",
        "1,6,Verbose(${TIMEOUT(absolute)})",
    ];
    let (fake, progress) = timed(&lines, "1", 1000);
    assert_eq!(fake.said, ["0 5.000 10.000", "60.500 1.000 0.000", "0"]);
    assert_eq!(progress, hangup(0));
}

const LATE: &str = "T,1,Verbose(${EXTEN} ${DIALSTATUS} ${TIMEOUT(absolute)})";

#[test]
fn upper_t_comes_when_the_absolute_timeout_is_over() {
    let lines = [
        "1,1,Set(TIMEOUT(absolute)=1.25)",
        "1,2,Wait(30)",
        LATE,
        "T,2,Wait(9)",
    ];
    let (mut cursor, mut fake, progress) = call(&lines, "1");
    let until = fake.now + Duration::from_millis(1250);
    assert_eq!(progress, Progress::Waiting(Some(until)));
    fake.pass(1249);
    assert_eq!(cursor.handle(Event::Timer, &mut fake), progress);
    fake.pass(1);
    let at_t = cursor.handle(Event::Timer, &mut fake);
    assert_eq!(fake.said, ["T  0"]);
    assert_eq!(
        at_t,
        Progress::Waiting(Some(fake.now + Duration::from_secs(9)))
    );
}

#[test]
fn e_takes_the_absolute_timeout_where_there_is_no_upper_t() {
    let lines = ["1,1,Set(TIMEOUT(absolute)=1)", "1,2,Wait(30)", TELL];
    let (fake, progress) = timed(&lines, "1", 2);
    assert_eq!(fake.said, ["ABSOLUTETIMEOUT c 1 2 e"]);
    assert_eq!(progress, hangup(0));
}

#[test]
fn the_absolute_timeout_ends_a_call_that_has_neither() {
    let lines = [
        "1,1,Set(TIMEOUT(absolute)=1)",
        "1,2,Wait(30)",
        "h,1,Verbose(h)",
    ];
    let (fake, progress) = timed(&lines, "1", 2);
    assert_eq!((fake.said, progress), (vec!["h".to_string()], hangup(0)));
}

#[test]
fn the_absolute_timeout_ends_a_dial_that_rings() {
    let lines = ["1,1,Set(TIMEOUT(absolute)=5)", "1,2,Dial(SIP/1,30)", LATE];
    let (mut cursor, mut fake, progress) = call(&lines, "1");
    let until = fake.now + Duration::from_secs(5);
    assert_eq!(progress, Progress::Waiting(Some(until)));
    fake.pass(5000);
    assert_eq!(cursor.handle(Event::Timer, &mut fake), hangup(0));
    assert_eq!(fake.take(), "request:1=SIP/1 call:1 hangup:1/16");
    assert_eq!(fake.said, ["T CANCEL 0"]);
}

#[test]
fn the_absolute_timeout_ends_a_bridge() {
    let lines = ["1,1,Set(TIMEOUT(absolute)=60)", "1,2,Dial(SIP/1)", LATE];
    let (mut cursor, mut fake, _) = call(&lines, "1");
    fake.pass(2000);
    let answered = Event::Channel(ChannelId(1), ChannelEvent::Answered);
    let until = fake.now + Duration::from_secs(58);
    let progress = cursor.handle(answered, &mut fake);
    assert_eq!(progress, Progress::Waiting(Some(until)));
    fake.now = until;
    cursor.handle(Event::Timer, &mut fake);
    assert_eq!(fake.take(), "request:1=SIP/1 call:1 bridge:1 hangup:1/16");
    assert_eq!(fake.said, ["T ANSWER 0"]);
}

#[test]
fn the_absolute_timeout_also_comes_with_another_event() {
    let lines = ["1,1,Set(TIMEOUT(absolute)=5)", "1,2,Dial(SIP/1)", LATE];
    let (mut cursor, mut fake, _) = call(&lines, "1");
    fake.pass(5000);
    let failed = ChannelEvent::Failed(Failure::Busy(Cause(17)));
    cursor.handle(Event::Channel(ChannelId(1), failed), &mut fake);
    assert_eq!(fake.said, ["T CANCEL 0"]);
}

#[test]
fn h_comes_once_and_no_timeout_after_it() {
    let lines = [
        "1,1,Set(TIMEOUT(absolute)=1)",
        "1,2,Hangup(17)",
        "h,1,Verbose(h ${DEVICE_STATE(SIP/1)})",
        "h,2,Hangup",
        LATE,
    ];
    let (mut cursor, mut fake, progress) = call(&lines, "1");
    assert_eq!(progress, Progress::Lingering(Ending::Hangup(Cause(17))));
    fake.pass(2000);
    let reply = Event::Reply(Ticket(0), Reply::Failed);
    assert_eq!(cursor.handle(reply, &mut fake), hangup(17));
    assert_eq!(fake.said, ["h UNKNOWN"]);
}

#[test]
fn what_an_instruction_has_heard_does_not_outlive_it() {
    let (mut cursor, mut fake, _) = call(
        &[
            "1,1,Verbose(${DEVICE_STATE(SIP/1)}${DEVICE_STATE(SIP/2)})",
            "h,1,Verbose(${DEVICE_STATE(SIP/3)})",
        ],
        "1",
    );
    cursor.handle(
        Event::Reply(Ticket(0), Reply::Text("BUSY".into())),
        &mut fake,
    );
    cursor.handle(Event::CallerHangup, &mut fake);
    assert_eq!(fake.asked.last(), Some(&Inquiry::Device("SIP/3".into())));
}

#[test]
fn variables_without_bound_end_the_call() {
    let lines = [
        "1,1,Set(N=$[0${N} + 1])",
        "1,2,Set(A=x${A}${A})",
        "1,3,Set(B${N}=${A:0:4000})",
        "1,4,Goto(1)",
    ];
    let (_, fake, progress) = call(&lines, "1");
    assert_eq!(progress, hangup(41));
    assert!(
        fake.warnings.iter().all(|text| text.starts_with("t:1: ")),
        "{:?}",
        fake.warnings
    );
    let last = fake.warnings.last().unwrap();
    assert!(
        last.ends_with("holds more than a call may; the call is ended"),
        "{last}"
    );
}

/// Runs a plan whose call has hangup handlers, the last one pushed last.
fn handled(lines: &[&str], handlers: &[&str]) -> (Fake, Progress) {
    let plan = Arc::new(plan(lines));
    let mut cursor = Cursor::new(plan, place("1"), "", &Limits::default());
    for handler in handlers {
        assert!(cursor.state.push_handler(handler));
    }
    let mut fake = Fake::default();
    let progress = cursor.start(&mut fake);
    (fake, progress)
}

const HANDLERS: [&str; 7] = [
    "1,1,Hangup(17)",
    "1,5(l),Verbose(1 ${HANGUPCAUSE})",
    "a,1,Verbose(a${ARG1})",
    "a,2,Return",
    "@d",
    "a,1,Verbose(d)",
    "@c",
];

#[test]
fn hangup_handlers_run_after_h_and_the_last_one_first() {
    let lines = [&HANDLERS[..], &["h,1,Verbose(h)", "h,2,Wait(1)"]].concat();
    let (fake, progress) = handled(&lines, &["5", "d,a,1", "a,1(x)"]);
    assert_eq!(fake.said, ["h", "ax", "d", "1 17"]);
    assert_eq!(progress, hangup(17));
}

#[test]
fn hangup_handlers_run_without_an_h_and_past_one_another_s_mistakes() {
    let (fake, progress) = handled(&HANDLERS, &["l", "9,1", "a,1(y)"]);
    assert_eq!(fake.said, ["ay", "1 17"]);
    assert_eq!(progress, hangup(17));
}

#[test]
fn hangup_handlers_may_wait_for_replies() {
    let lines = [
        "1,1,Hangup",
        "a,1,Verbose(${DEVICE_STATE(SIP/1)})",
        "b,1,Verbose(b)",
    ];
    let mut cursor = Cursor::new(Arc::new(plan(&lines)), place("1"), "", &Limits::default());
    cursor.state.push_handler("b,1");
    cursor.state.push_handler("a,1");
    let mut fake = Fake::default();
    let over = Ending::Hangup(Cause(16));
    assert_eq!(cursor.start(&mut fake), Progress::Lingering(over));
    let reply = Event::Reply(Ticket(0), Reply::Text("BUSY".into()));
    assert_eq!(cursor.handle(reply, &mut fake), Progress::Ended(over));
    assert_eq!(fake.said, ["BUSY", "b"]);
}

#[test]
fn hangup_handlers_can_be_taken_back_and_are_bounded() {
    let mut cursor = Cursor::new(Arc::new(plan(&[])), place("1"), "", &Limits::default());
    let state = &mut cursor.state;
    assert_eq!(state.pop_handler(), None);
    assert!(state.push_handler("5") && state.push_handler("a,1(x,y)"));
    assert_eq!(state.pop_handler().as_deref(), Some("c,a,1(x,y)"));
    assert_eq!(state.pop_handler().as_deref(), Some("c,1,5"));
    assert!((0..64).all(|_| state.push_handler("x,y,1")));
    assert!(!state.push_handler("x,y,1"));
    state.wipe_handlers();
    assert_eq!(state.pop_handler(), None);
}

#[test]
fn channel_pushes_pops_and_wipes_hangup_handlers() {
    for (sets, words) in [
        (&["push)=d,a,1(x)"][..], "d"),
        (&["push)=d,a,1", "push)=a,1(2)"], "a2 d"),
        (&["push)=d,a,1", "push)=l", "pop)="], "d"),
        (&["push)=d,a,1", "push)=l", "pop)=a,1(3)"], "a3 d"),
        (&["push)=d,a,1", "push)=l", "wipe)="], ""),
        (&["push)=d,a,1", "push)=l", "wipe)=a,1(4)"], "a4"),
    ] {
        let set =
            |(at, set): (usize, &&str)| format!("1,{},Set(CHANNEL(hangup_handler_{set})", at + 2);
        let sets: Vec<String> = sets.iter().enumerate().map(set).collect();
        let mut lines = vec!["1,1,NoOp"];
        lines.extend(sets.iter().map(String::as_str));
        lines.extend(&HANDLERS[2..]);
        let (text, progress) = said(&lines, "1");
        assert_eq!((text.as_str(), progress), (words, hangup(0)), "{sets:?}");
    }
}

/// Rows of a table of extensions.
fn rows(rows: &[(&str, &str, &str)]) -> Reply {
    let row = |&(exten, app, data): &(&str, &str, &str)| {
        let columns = [("exten", exten), ("app", app), ("appdata", data)];
        columns
            .map(|(name, value)| (name.into(), value.into()))
            .into()
    };
    Reply::Rows(rows.iter().map(row).collect())
}

/// What was asked of tables: `family:context,exten,priority`, `!` without patterns.
fn asked(fake: &Fake) -> Vec<String> {
    let lookup = |inquiry: &Inquiry| match inquiry {
        Inquiry::Extension(lookup) => format!(
            "{}:{},{},{}{}",
            lookup.family,
            lookup.context,
            lookup.exten,
            lookup.priority,
            if lookup.patterns { "" } else { "!" },
        ),
        other => format!("{other:?}"),
    };
    fake.asked.iter().map(lookup).collect()
}

/// Answers each question of a call in turn by the first row of `table` that
/// begins with it.
fn serve(lines: &[&str], exten: &str, table: &[(&str, Reply)]) -> (Fake, Progress) {
    let (mut cursor, mut fake, mut progress) = call(lines, exten);
    let mut next = 0;
    while next < fake.asked.len() {
        let question = asked(&fake).swap_remove(next);
        let known = table.iter().find(|(about, _)| *about == question);
        let reply = known.map_or(rows(&[]), |(_, reply)| reply.clone());
        progress = cursor.handle(Event::Reply(Ticket(next as u32), reply), &mut fake);
        next += 1;
    }
    (fake, progress)
}

#[test]
fn rule_1_the_override_switch_comes_first() {
    let lines = [
        "overrideswitch Realtime/@o/p",
        "1,1,Verbose(plan)",
        "1,2,Verbose(two)",
    ];
    let table = [("o:c,1,1!", rows(&[("1", "Verbose", "table ${EXTEN}")]))];
    let (fake, _) = serve(&lines, "1", &table);
    assert_eq!(fake.said, ["table 1", "two"]);
}

#[test]
fn rule_4_switches_come_after_patterns_and_before_includes() {
    let lines = [
        "_1X,1,Verbose(pattern)",
        "eswitch Realtime/x@first",
        "eswitch Loopback/y",
        "eswitch Realtime/@second/p",
        ">a",
        "@a",
        "12,2,Verbose(no)",
        "12,3,Verbose(included)",
        "12,4,Hangup",
    ];
    let table = [("second:c,12,2!", rows(&[("12", "verbose", "switch")]))];
    let (fake, progress) = serve(&lines, "12", &table);
    assert_eq!(fake.said, ["pattern", "switch", "included"]);
    assert_eq!(progress, hangup(16));
    assert_eq!(
        asked(&fake)[..4],
        [
            "first:x,12,2",
            "second:c,12,2!",
            "first:x,12,3",
            "second:c,12,3!"
        ]
    );
}

#[test]
fn a_switch_without_data_asks_for_the_context_at_hand() {
    let lines = ["eswitch Realtime/"];
    let table = [("extensions:c,7,1", rows(&[("7", "Verbose", "seven")]))];
    let (fake, _) = serve(&lines, "7", &table);
    assert_eq!(fake.said, ["seven"]);
}

#[test]
fn the_rows_of_a_switch_may_be_patterns() {
    let patterns = rows(&[
        ("_1X", "Verbose", "no"),
        ("_7X", "Verbose", "yes"),
        ("_7.", "Hangup", ""),
    ]);
    let (fake, _) = serve(
        &["eswitch Realtime/"],
        "70",
        &[("extensions:c,70,1", patterns)],
    );
    assert_eq!(fake.said, ["yes"]);
}

#[test]
fn the_data_of_a_switch_is_expanded_during_the_call() {
    let lines = ["1,1,Set(F=fam)", "eswitch Realtime/${CALLERID(num)}@${F}"];
    let (fake, _) = serve(&lines, "1", &[]);
    assert_eq!(asked(&fake)[0], "fam:42,1,2");
    let lines = [
        "1,1,Set(SHARED(F)=fam)",
        "eswitch Realtime/${EXTEN}@${SHARED(F)}",
    ];
    let (fake, _) = serve(&lines, "1", &[]);
    assert_eq!(asked(&fake)[0], "fam:1,1,2");
}

#[test]
fn an_extension_nobody_knows_is_404() {
    let lines = ["eswitch Realtime/", "h,1,Verbose(no)", "i,1,Verbose(no)"];
    for reply in [rows(&[]), Reply::Failed] {
        let (fake, progress) = serve(&lines, "7", &[("extensions:c,7,1", reply)]);
        assert_eq!((asked(&fake).len(), fake.said.len()), (1, 0));
        assert_eq!(progress, hangup(1));
    }
    assert_eq!(Ending::Hangup(Cause(1)).status().code(), 404);
}

#[test]
fn a_loop_asks_once() {
    let lines = ["1,1,Goto(7,1)", "1,2,Hangup", "eswitch Realtime/"];
    let go = rows(&[("7", "Goto", "1,1")]);
    let (fake, progress) = serve(&lines, "1", &[("extensions:c,7,1", go)]);
    assert_eq!(progress, hangup(41));
    assert_eq!(asked(&fake), ["extensions:c,7,1"]);
}

#[test]
fn special_extensions_may_be_a_switch_s_too() {
    let lines = ["1,1,Goto(9,1)", "eswitch Realtime/"];
    let table = [
        (
            "extensions:c,i,1",
            rows(&[("i", "Verbose", "${INVALID_EXTEN}")]),
        ),
        ("extensions:c,h,1", rows(&[("h", "Verbose", "bye")])),
    ];
    let (fake, progress) = serve(&lines, "1", &table);
    assert_eq!(fake.said, ["9", "bye"]);
    assert_eq!(progress, hangup(0));
}
