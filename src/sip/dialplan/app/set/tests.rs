use crate::dialplan::fake::{call, said, warned};
use crate::dialplan::*;

#[test]
fn set_takes_the_value_as_it_stands() {
    let lines = [
        "1,1,Set(A=\"x\",y=z )",
        "1,2,Verbose(<${A}>)",
        "1,3,Set( B = 1)",
        "1,4,Verbose(<${B}>)",
        "1,5,Set(B=)",
        "1,6,Verbose(<${B}>)",
    ];
    assert_eq!(said(&lines, "1").0, "<\"x\",y=z > < 1> <>");
}

#[test]
fn set_without_an_assignment_is_told() {
    for (line, warning) in [
        ("1,1,Set(A)", "t:1: Set: 'A' has no '='"),
        ("1,1,Set(=x)", "t:1: Set: '=x' has no name"),
        (
            "1,1,Set(LEN(x)=1)",
            "t:1: Set: LEN is not a function that can be set",
        ),
        ("1,1,MSet(A=1,B)", "t:1: Set: 'B' has no '='"),
    ] {
        let (words, warnings, _) = warned(&[line, "1,2,Verbose(on)"], "1");
        assert_eq!((words.as_str(), warnings), ("on", vec![warning.into()]));
    }
}

#[test]
fn mset_sets_one_after_the_other() {
    let lines = [
        "1,1,MSet(A=1,B=\"x,y\",C=\\,)",
        "1,2,Verbose(${A}|${B}|${C})",
    ];
    assert_eq!(said(&lines, "1").0, "1|x,y|,");
}

#[test]
fn import_var_copies_the_channels_own() {
    let lines = [
        "1,1,Set(CHANNEL=SIP/1-1)",
        "1,2,Set(A=x)",
        "1,3,ImportVar(B=SIP/1-1,A)",
        "1,4,ImportVar(C=SIP/2-2,A)",
        "1,5,Verbose(${B}[${C}]${IMPORT(SIP/1-1,EXTEN)}[${IMPORT(SIP/2-2,A)}])",
    ];
    assert_eq!(said(&lines, "1").0, "x[]1[]");
    let (_, warnings, _) = warned(&["1,1,ImportVar(B)"], "1");
    assert_eq!(warnings, ["t:1: ImportVar: write name=channel,variable"]);
}

#[test]
fn import_var_asks_the_call_that_has_the_channel() {
    let lines = ["1,1,ImportVar(B=SIP/2-0000002a,A)", "1,2,Wait(1)"];
    let (mut cursor, mut fake, _) = call(&lines, "1");
    let [Inquiry::Foreign(foreign)] = &fake.asked[..] else {
        panic!("{:?}", fake.asked)
    };
    assert_eq!(foreign.wish, Wish::Variable("A".into()));
    assert_eq!(foreign.number(), 0x2a);
    cursor.handle(Event::Reply(Ticket(0), Reply::Text("x".into())), &mut fake);
    assert_eq!(cursor.variables().value("B"), Some("x"));
}

#[test]
fn master_channel_is_this_one() {
    let lines = [
        "1,1,Set(MASTER_CHANNEL(A)=x)",
        "1,2,Verbose(${A}${MASTER_CHANNEL(A)})",
    ];
    assert_eq!(said(&lines, "1").0, "xx");
}

#[test]
fn clear_hash_forgets_its_keys_only() {
    let lines = [
        "1,1,Set(~HASH~h~a~=1)",
        "1,2,Set(~HASH~h~b~=2)",
        "1,3,Set(~HASH~hh~a~=3)",
        "1,4,ClearHash(h)",
        "1,5,Verbose(<${~HASH~h~a~}${~HASH~h~b~}${~HASH~hh~a~}>)",
    ];
    assert_eq!(said(&lines, "1").0, "<3>");
}
