use crate::dialplan::fake::{said, warned};
use crate::dialplan::{Cause, Ending, Progress};

#[test]
fn while_and_end_while_go_round_until_the_condition_fails() {
    let lines = [
        "1,1,Set(I=0)",
        "1,2,While($[${I} < 3])",
        "1,3,Set(J=0)",
        "1,4,While($[${J} < 2])",
        "1,5,Verbose(${I}${J})",
        "1,6,Set(J=$[${J} + 1])",
        "1,7,EndWhile",
        "1,8,Set(I=$[${I} + 1])",
        "1,9,EndWhile()",
        "1,10,Verbose(end)",
    ];
    assert_eq!(said(&lines, "1").0, "00 01 10 11 20 21 end");
    let never = [
        "1,1,While(0)",
        "1,2,While(1)",
        "1,3,EndWhile",
        "1,4,Verbose(no)",
        "1,5,endwhile",
        "1,6,Verbose(end)",
    ];
    assert_eq!(said(&never, "1").0, "end");
}

#[test]
fn exit_while_goes_past_the_end() {
    let lines = [
        "1,1,While(1)",
        "1,2,Gosub(out,1)",
        "1,3,ExitWhile",
        "1,4,Verbose(no)",
        "1,5,EndWhile",
        "1,6,Verbose(end)",
        "out,1,Return",
    ];
    assert_eq!(said(&lines, "1").0, "end");
}

#[test]
fn continue_while_leaves_the_rest_out() {
    let lines = [
        "1,1,Set(I=0)",
        "1,2,While($[${I} < 2])",
        "1,3,Set(I=$[${I} + 1])",
        "1,4,Verbose(${I})",
        "1,5,ContinueWhile",
        "1,6,Verbose(no)",
        "1,7,EndWhile",
        "1,8,Verbose(end)",
    ];
    assert_eq!(said(&lines, "1").0, "1 2 end");
}

#[test]
fn the_body_of_a_loop_may_lie_elsewhere() {
    let lines = [
        "1,1,Set(I=0)",
        "1,2,While($[${I} < 2])",
        "1,3,Goto(far,s,1)",
        "1,4,EndWhile",
        "1,5,Verbose(${EXTEN}${I})",
        "@far",
        "s,1,Set(I=$[${I} + 1])",
        "s,2,EndWhile",
    ];
    assert_eq!(said(&lines, "1").0, "12");
}

#[test]
fn loops_without_their_other_half_are_told() {
    for (line, warning) in [
        ("1,1,EndWhile", "t:1: EndWhile: there is no While at work"),
        (
            "1,1,ContinueWhile",
            "t:1: ContinueWhile: there is no While at work",
        ),
        ("1,1,ExitWhile", "t:1: ExitWhile: there is no While at work"),
        ("1,1,While(0)", "t:1: While: there is no EndWhile"),
    ] {
        let (words, warnings, _) = warned(&[line, "1,2,Verbose(on)"], "1");
        assert_eq!((words.as_str(), warnings), ("on", vec![warning.into()]));
    }
}

#[test]
fn loops_are_bounded() {
    let lines = [
        "_X.,1,While(1)",
        "_X.,2,Goto($[${EXTEN} + 1],1)",
        "_X.,3,EndWhile",
    ];
    let (_, warnings, progress) = warned(&lines, "1000");
    assert_eq!(warnings, ["t:1: While: loops nest too deeply"]);
    assert_eq!(progress, Progress::Ended(Ending::Hangup(Cause::NONE)));
}

#[test]
fn an_endless_loop_is_a_runaway() {
    let (_, _, progress) = warned(&["1,1,While(1)", "1,2,EndWhile"], "1");
    assert_eq!(progress, Progress::Ended(Ending::Hangup(Cause(41))));
}
