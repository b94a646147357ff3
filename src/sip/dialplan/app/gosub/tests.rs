use alloc::sync::Arc;

use crate::base::Limits;
use crate::dialplan::fake::{Fake, place, plan, said, warned};
use crate::dialplan::{Cause, Cursor, Ending, Event, Progress, Routine, Variables};

const DECLINED: Progress = Progress::Ended(Ending::Hangup(Cause::NONE));

#[test]
fn gosub_comes_back_after_itself() {
    let lines = [
        "1,1,Gosub(sub,s,1)",
        "1,2,Verbose(${EXTEN} ${CONTEXT} ${PRIORITY})",
        "1,3,Gosub(sub,s,named)",
        "1,4,Gosub(local,1)",
        "1,5,Gosub(here)",
        "1,6,Hangup",
        "1,7(here),Verbose(same)",
        "1,8,Return",
        "local,1,Verbose(local)",
        "local,2,Return()",
        "@sub",
        "s,1,Verbose(${EXTEN}@${CONTEXT})",
        "s,2,Return",
        "s,3(named),Verbose(label)",
        "s,4,Return",
    ];
    assert_eq!(said(&lines, "1").0, "s@sub 1 c 2 label local same");
}

#[test]
fn gosub_gives_arguments_that_hide_those_around_it() {
    let lines = [
        "1,1,Set(ARG1=mine)",
        "1,2,Gosub(a,1(x,\"y,z\",(p,q)))",
        "1,3,Verbose(<${ARG1}${ARG2}${ARGC}>)",
        "a,1,Verbose(${ARG1}|${ARG2}|${ARG3}|${ARGC})",
        "a,2,Gosub(b,1(inner))",
        "a,3,Verbose(${ARG1}|${ARG2}|${ARGC})",
        "a,4,Return",
        "b,1,Verbose(${ARG1}|${ARG2}|${ARGC})",
        "b,2,Gosub(d,1)",
        "b,3,Return",
        "d,1,Verbose([${ARG1}]${ARGC})",
        "d,2,Return",
    ];
    let expected = "x|\"y,z\"|(p,q)|3 inner||1 []0 x|\"y,z\"|3 <mine>";
    assert_eq!(said(&lines, "1").0, expected);
}

#[test]
fn gosub_fails_where_it_was_when_there_is_no_such_place() {
    let lines = ["1,1,Gosub(gone,1)", "h,1,Verbose(${EXTEN}@${CONTEXT})"];
    let (words, warnings, progress) = warned(&lines, "1");
    assert_eq!((words.as_str(), progress), ("h@c", DECLINED));
    assert_eq!(warnings, ["t:1: Gosub: there is no priority at 'gone,1'"]);
    let (_, warnings, _) = warned(&["1,1,Gosub(nowhere)"], "1");
    assert_eq!(warnings.len(), 1);
    let (_, warnings, _) = warned(&["1,1,Gosub()"], "1");
    assert_eq!(warnings, ["t:1: Gosub: there is no location"]);
}

#[test]
fn gosub_without_end_meets_its_bound() {
    let (_, warnings, progress) = warned(&["1,1,Gosub(1)"], "1");
    assert_eq!(progress, DECLINED);
    assert_eq!(
        warnings,
        ["t:1: subroutines nest too deeply; there is no room for another"]
    );
}

#[test]
fn gosub_if_takes_one_of_two_or_goes_on() {
    let lines = [
        "1,1,GosubIf(1?a,1(x:y):b,1)",
        "1,2,GosubIf(0?a,1:b,1(z))",
        "1,3,GosubIf(0?a,1)",
        "1,4,GosubIf(1?:b,1)",
        "1,5,Verbose(end)",
        "a,1,Verbose(a${ARG1})",
        "a,2,Return",
        "b,1,Verbose(b${ARG1})",
        "b,2,Return",
    ];
    assert_eq!(said(&lines, "1").0, "ax:y bz end");
    let (words, warnings, _) = warned(&["1,1,GosubIf(1)", "1,2,Verbose(on)"], "1");
    assert_eq!(words, "on");
    assert_eq!(warnings, ["t:1: GosubIf: there is no '?'"]);
}

#[test]
fn return_tells_its_value() {
    let lines = [
        "1,1,Gosub(a,1)",
        "1,2,Verbose(${GOSUB_RETVAL})",
        "1,3,Gosub(b,1)",
        "1,4,Verbose([${GOSUB_RETVAL}])",
        "a,1,Return(a,b)",
        "b,1,Return",
    ];
    assert_eq!(said(&lines, "1").0, "a,b []");
}

#[test]
fn return_without_gosub_ends_the_call() {
    let (words, warnings, progress) = warned(&["1,1,Return", "1,2,Verbose(no)"], "1");
    assert_eq!((words.as_str(), progress), ("", DECLINED));
    assert_eq!(warnings, ["t:1: Return: there is no Gosub to return to"]);
}

#[test]
fn stack_pop_forgets_the_way_back() {
    let lines = [
        "1,1,Gosub(a,1(x))",
        "1,2,Verbose(back)",
        "a,1,Gosub(b,1(y))",
        "a,2,Verbose(no)",
        "b,1,StackPop",
        "b,2,Verbose(${ARG1})",
        "b,3,Return",
    ];
    assert_eq!(said(&lines, "1").0, "x back");
    let (words, warnings, _) = warned(&["1,1,StackPop", "1,2,Verbose(on)"], "1");
    assert_eq!(words, "on");
    assert_eq!(warnings, ["t:1: StackPop: there is no Gosub to forget"]);
}

#[test]
fn local_hides_until_return() {
    let lines = [
        "1,1,Set(X=outer)",
        "1,2,Gosub(a,1)",
        "1,3,Verbose(${X}${Y}[${LOCAL(X)}])",
        "a,1,Verbose([${LOCAL(X)}]${X})",
        "a,2,Set(LOCAL(X)=inner)",
        "a,3,Set(LOCAL(Y)=new)",
        "a,4,Set(X=${X}!)",
        "a,5,Verbose(${X}${Y}${LOCAL(X)})",
        "a,6,Return",
    ];
    assert_eq!(said(&lines, "1").0, "[]outer inner!newinner! outer[]");
    let (_, warnings, _) = warned(&["1,1,Set(LOCAL(X)=1)"], "1");
    assert_eq!(warnings, ["t:1: LOCAL(X) is set outside of any Gosub"]);
}

#[test]
fn local_keeps_who_inherits_what_it_hides() {
    let lines = [
        "1,1,Set(__X=1)",
        "1,2,Gosub(a,1)",
        "1,3,Dial(SIP/2)",
        "a,1,Set(LOCAL(X)=2)",
        "a,2,Return",
    ];
    let (_, fake, _) = crate::dialplan::fake::call(&lines, "1");
    assert!(
        fake.done.contains(&"inherit:1:__X=1".into()),
        "{:?}",
        fake.done
    );
}

#[test]
fn local_peek_looks_behind_others_of_the_name() {
    let lines = [
        "1,1,Set(X=0)",
        "1,2,Gosub(a,1)",
        "a,1,Set(LOCAL(X)=1)",
        "a,2,Gosub(b,1)",
        "a,3,Return",
        "b,1,Set(LOCAL(X)=2)",
        "b,2,Verbose(${LOCAL_PEEK(0,X)}${LOCAL_PEEK(1,X)}${LOCAL_PEEK(2,X)}[${LOCAL_PEEK(3,X)}])",
        "b,3,Return",
    ];
    assert_eq!(said(&lines, "1").0, "210[]");
}

/// A routine on a channel of its own.
fn routine(lines: &[&str], routine: Routine<'_>) -> (Cursor, Fake, Progress) {
    let mut fake = Fake::default();
    let mut variables = Variables::new();
    variables.set("GIVEN", "it").unwrap();
    let mut cursor = Cursor::routine(
        Arc::new(plan(lines)),
        place("9"),
        routine,
        "Ann",
        variables,
        &Limits::default(),
    );
    let progress = cursor.start(&mut fake);
    (cursor, fake, progress)
}

const RETURNED: Progress = Progress::Ended(Ending::Returned);

#[test]
fn a_routine_ends_when_its_outermost_frame_returns() {
    let lines = [
        "a,1,Verbose(${ARG1}${GIVEN}${CALLERID(num)})",
        "a,2,Gosub(b,1)",
        "a,3,Set(GOSUB_RESULT=BUSY)",
        "a,4,Return(${ARGC})",
        "a,5,Verbose(no)",
        "b,1,Return",
        "h,1,Verbose(no)",
    ];
    let (cursor, fake, progress) = routine(&lines, Routine::Gosub("c,a,1(x,y)"));
    assert_eq!(progress, RETURNED);
    assert_eq!(fake.said, ["xit42"]);
    assert_eq!(cursor.variables().value("GOSUB_RETVAL"), Some("2"));
    assert_eq!(cursor.variables().value("GOSUB_RESULT"), Some("BUSY"));
    assert_eq!(cursor.variables().value("ARG1"), None);
}

#[test]
fn a_routine_may_wait_and_hears_of_its_hangup() {
    let lines = ["a,1,Wait(1)", "a,2,Return", "h,1,Verbose(no)"];
    let (mut cursor, mut fake, progress) = routine(&lines, Routine::Gosub("a,1"));
    assert!(matches!(progress, Progress::Waiting(Some(_))));
    fake.pass(1000);
    assert_eq!(cursor.handle(Event::Timer, &mut fake), RETURNED);
    let (mut cursor, mut fake, _) = routine(&lines, Routine::Gosub("a,1"));
    let hangup = Progress::Ended(Ending::Hangup(Cause::NORMAL_CLEARING));
    assert_eq!(cursor.handle(Event::CallerHangup, &mut fake), hangup);
    assert!(fake.said.is_empty());
}

#[test]
fn a_routine_that_does_not_return_costs_its_channel_nothing() {
    for (line, text) in [
        ("a,1,NoOp", "a,1"),
        ("a,1,NoOp", "gone,1"),
        ("a,1,Goto(gone,1)", "a,1"),
        ("a,1,Gosub(b,1)", "a,1"),
    ] {
        let lines = [line, "b,1,NoOp", "h,1,Verbose(no)", "i,1,Verbose(no)"];
        let (cursor, fake, progress) = routine(&lines, Routine::Gosub(text));
        assert_eq!((progress, fake.said.len()), (RETURNED, 0), "{line} {text}");
        assert_eq!(cursor.variables().value("ARGC"), None, "{line} {text}");
    }
}

#[test]
fn a_routine_that_hangs_up_ends_its_channel() {
    for line in ["a,1,Hangup", "a,1,StackPop"] {
        let (_, _, progress) = routine(&[line], Routine::Gosub("a,1"));
        assert!(
            matches!(progress, Progress::Ended(Ending::Hangup(_))),
            "{line}"
        );
    }
}

#[test]
fn a_routine_may_be_a_macro() {
    let lines = [
        "@macro-m",
        "s,1,Verbose(${ARG1})",
        "s,2,Set(MACRO_RESULT=ABORT)",
        "@macro-out",
        "s,1,Goto(elsewhere,s,1)",
        "@elsewhere",
        "s,1,Verbose(no)",
    ];
    let (cursor, fake, progress) = routine(&lines, Routine::Macro("m,x"));
    assert_eq!((progress, fake.said), (RETURNED, vec!["x".into()]));
    assert_eq!(cursor.variables().value("MACRO_RESULT"), Some("ABORT"));
    for text in ["out", "gone"] {
        let (_, fake, progress) = routine(&lines, Routine::Macro(text));
        assert_eq!((progress, fake.said.len()), (RETURNED, 0), "{text}");
    }
}
