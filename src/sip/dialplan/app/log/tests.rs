use crate::dialplan::fake::{call, said, warned};

#[test]
fn no_op_goes_on() {
    assert_eq!(said(&["1,1,NoOp(x,y)", "1,2,Verbose(on)"], "1").0, "on");
}

#[test]
fn verbose_takes_a_level_or_none() {
    let lines = ["1,1,Verbose(2,a,b)", "1,2,Verbose(c,d)", "1,3,Verbose(e)"];
    assert_eq!(said(&lines, "1").0, "a,b c,d e");
}

#[test]
fn log_tells_by_level() {
    let lines = [
        "1,1,Log(WARNING,a,b)",
        "1,2,Log(error,c)",
        "1,3,Log(NOTICE,d)",
        "1,4,Log(DEBUG,e)",
        "1,5,Log(LOUD,f)",
    ];
    let (_, fake, _) = call(&lines, "1");
    let expected = ["a,b", "c", "t:1: Log: there is no level 'LOUD'"];
    assert_eq!(fake.warnings, expected);
    assert_eq!(fake.told, [("log", "d".into())]);
}

#[test]
fn user_event_is_told() {
    let (_, fake, _) = call(&["1,1,UserEvent(Seen,Who: ${CALLERID(num)})"], "1");
    assert_eq!(fake.told, [("user-event", "Seen,Who: 42".into())]);
    let (_, warnings, _) = warned(&["1,1,UserEvent()"], "1");
    assert_eq!(warnings, ["t:1: UserEvent: there is no name"]);
}

#[test]
fn dump_chan_tells_of_the_channel_and_its_variables() {
    let (_, fake, _) = call(&["1,1,Set(A=x \"y\")", "1,2,DumpChan(3)"], "1");
    let [("channel", text)] = fake.told.as_slice() else {
        panic!("{:?}", fake.told);
    };
    for part in [
        "Context=c ",
        "Extension=1 ",
        "Caller ID=42 ",
        "A=\"x \\\"y\\\"\"",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn cel_gen_user_event_is_told() {
    let (_, fake, _) = call(&["1,1,CELGenUserEvent(Seen,more)"], "1");
    assert_eq!(fake.told, [("cel-event", "Seen,more".into())]);
}
