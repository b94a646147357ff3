use crate::dialplan::fake::{said, warned};
use crate::dialplan::{Cause, Ending, Progress};

#[test]
fn macro_comes_back_when_its_priorities_run_out() {
    let lines = [
        "1,1,Set(ARG1=mine)",
        "1,2,Macro(m,a,b)",
        "1,3,Verbose(${ARG1}[${ARG2}${MACRO_EXTEN}${MACRO_DEPTH}] ${EXTEN}@${CONTEXT})",
        "@macro-m",
        "s,1,Verbose(${ARG1}${ARG2} ${MACRO_EXTEN}@${MACRO_CONTEXT}:${MACRO_PRIORITY} ${MACRO_DEPTH})",
        "s,2,Goto(s-X,1)",
        "s-X,1,Verbose(${EXTEN})",
    ];
    assert_eq!(said(&lines, "1").0, "ab 1@c:2 1 s-X mine[] 1@c");
}

#[test]
fn macro_offset_skips_where_there_is_such_a_priority() {
    let lines = [
        "1,1,Macro(m,1)",
        "1,2,Verbose(no)",
        "1,3,Macro(m,9)",
        "1,4,Verbose(on)",
        "@macro-m",
        "s,1,Set(MACRO_OFFSET=${ARG1})",
    ];
    assert_eq!(said(&lines, "1").0, "on");
}

#[test]
fn macro_is_left_by_a_jump_out_of_its_context() {
    let lines = [
        "1,1,Set(ARG1=mine)",
        "1,2,Macro(m,x)",
        "1,3,Verbose(no)",
        "2,1,Verbose(${ARG1}${MACRO_DEPTH} ${EXTEN})",
        "@macro-m",
        "s,1,Gosub(sub,s,1)",
        "s,2,Verbose(${ARG1})",
        "s,3,Goto(c,2,1)",
        "@sub",
        "s,1,Return",
    ];
    assert_eq!(said(&lines, "1").0, "x mine 2");
}

#[test]
fn macros_nest_seven_deep() {
    let lines = [
        "1,1,Macro(m)",
        "@macro-m",
        "s,1,Macro(m)",
        "s,2,Verbose(${MACRO_DEPTH})",
    ];
    let (words, warnings, _) = warned(&lines, "1");
    assert_eq!(words, "7 6 5 4 3 2 1");
    assert_eq!(warnings, ["t:1: Macro: macros nest too deeply"]);
    let lines = [
        "1,1,Set(MACRO_RECURSION=2)",
        "1,2,Macro(m)",
        "@macro-m",
        "s,1,Macro(m)",
        "s,2,Verbose(${MACRO_DEPTH})",
    ];
    assert_eq!(warned(&lines, "1").0, "2 1");
}

#[test]
fn macro_that_does_not_exist_is_passed_over() {
    let lines = ["1,1,Macro(gone)", "1,2,Verbose(on)"];
    let (words, warnings, _) = warned(&lines, "1");
    assert_eq!(words, "on");
    assert_eq!(
        warnings,
        ["t:1: Macro: there is no priority 1 of extension s in context macro-gone"]
    );
    let (words, warnings, _) = warned(&["1,1,Macro()", "1,2,Verbose(no)"], "1");
    assert_eq!((words.as_str(), warnings.len()), ("", 1));
}

#[test]
fn macro_exclusive_runs() {
    let lines = [
        "1,1,MacroExclusive(m,x)",
        "@macro-m",
        "s,1,Verbose(${ARG1})",
    ];
    assert_eq!(said(&lines, "1").0, "x");
}

#[test]
fn macro_exit_leaves_the_innermost() {
    let lines = [
        "1,1,Macro(m)",
        "1,2,Verbose(on)",
        "1,3,MacroExit",
        "1,4,Verbose(no)",
        "@macro-m",
        "s,1,Macro(n)",
        "s,2,Verbose(m)",
        "@macro-n",
        "s,1,Gosub(sub,1)",
        "s,2,Verbose(no)",
        "sub,1,MacroExit",
    ];
    assert_eq!(said(&lines, "1").0, "m on");
}

#[test]
fn macro_if_takes_one_of_two_or_goes_on() {
    let lines = [
        "1,1,MacroIf(1?m,a:m,b)",
        "1,2,MacroIf(0?m,a:m,b)",
        "1,3,MacroIf(0?m,a)",
        "1,4,Verbose(end)",
        "@macro-m",
        "s,1,Verbose(${ARG1})",
    ];
    assert_eq!(said(&lines, "1").0, "a b end");
    let (_, warnings, _) = warned(&["1,1,MacroIf(1)"], "1");
    assert_eq!(warnings, ["t:1: MacroIf: there is no '?'"]);
}

#[test]
fn a_call_that_ends_in_a_macro_runs_the_h_of_its_caller() {
    let lines = [
        "1,1,Macro(m)",
        "h,1,Verbose(outer ${ARG1})",
        "@macro-m",
        "s,1,Hangup(17)",
        "h,1,Verbose(no)",
    ];
    let (words, progress) = said(&lines, "1");
    assert_eq!(words, "outer ");
    assert_eq!(progress, Progress::Ended(Ending::Hangup(Cause(17))));
}
