use crate::dialplan::fake::{call, said, warned};
use crate::dialplan::{Cause, ChannelEvent, ChannelId, Event};

#[test]
fn cdr_tells_who_calls_whom() {
    let lines = [
        "1,1,MSet(CHANNEL=SIP/7-00000001,UNIQUEID=9.2,LINKEDID=9.1)",
        "1,2,Gosub(sub,s,1)",
        "@sub",
        "s,1,Verbose(${CDR(src)} ${CDR(dst)} ${CDR(dcontext)} ${CDR(channel)} ${CDR(clid)})",
        "s,2,NoOp(${CDR(lastapp)})",
        "s,3,Verbose(${CDR(uniqueid)} ${CDR(linkedid)} ${CDR(sequence)} <${CDR(end)}${CDR(none)}>)",
    ];
    assert_eq!(
        said(&lines, "1").0,
        "42 1 c SIP/7-00000001 \"Ann\" <42> 9.2 9.1 0 <>"
    );
    let lines = ["1,1,Verbose(${CDR(lastapp)} ${CDR(lastdata):0:13})"];
    assert_eq!(said(&lines, "1").0, "Verbose ${CDR(lastapp");
    let lines = [
        "1,1,NoOp()",
        "1,2,Gosub(sub,s,1)",
        "@sub",
        "s,1,NoOp()",
        "s,2,Set(WRONG=1)",
        "s,3,Verbose(${CDR(lastapp)} ${CDR(lastdata)})",
    ];
    assert_eq!(said(&lines, "1").0, "Gosub sub,s,1");
}

#[test]
fn cdr_counts_time_from_start_and_answer() {
    let lines = [
        "1,1,Verbose(${CDR(start)} ${CDR(start,u)} <${CDR(answer)}> ${CDR(disposition)} ${CDR(disposition,u)})",
        "1,2,Dial(SIP/2,,g)",
        "1,3,Verbose(${CDR(answer)} ${CDR(duration)} ${CDR(billsec)} ${CDR(billsec,f)})",
        "1,4,Verbose(${CDR(disposition)} ${CDR(disposition,u)} ${CDR(dstchannel)})",
        "1,5,ResetCDR()",
        "1,6,Wait(2)",
        "1,7,Verbose(${CDR(start)} ${CDR(duration)} ${CDR(billsec)} ${CDR(sequence)})",
    ];
    let (mut cursor, mut fake, _) = call(&lines, "1");
    let channel = |event| Event::Channel(ChannelId(1), event);
    fake.pass(3000);
    cursor.handle(channel(ChannelEvent::Answered), &mut fake);
    fake.pass(1500);
    cursor.handle(channel(ChannelEvent::Hangup(Cause(16))), &mut fake);
    fake.pass(2000);
    cursor.handle(Event::Timer, &mut fake);
    assert_eq!(
        fake.said,
        [
            "2024-02-29 17:05:59 1709226359.000000 <> NO ANSWER 1",
            "2024-02-29 17:06:02 4 1 1.500000",
            "ANSWERED 8 SIP/2-1",
            "2024-02-29 17:06:03 2 2 1",
        ]
    );
}

#[test]
fn cdr_has_an_end_once_the_call_is_over() {
    let lines = [
        "1,1,Verbose(<${CDR(end)}>)",
        "1,2,Hangup()",
        "h,1,Verbose(${CDR(end)} ${CDR(billsec)})",
    ];
    let (said, _) = said(&lines, "1");
    assert_eq!(said, "<> 2024-02-29 17:05:59 0");
}

#[test]
fn cdr_disposition_follows_dialstatus() {
    for (status, disposition) in [
        ("BUSY", "BUSY 4"),
        ("CONGESTION", "CONGESTION 16"),
        ("CHANUNAVAIL", "FAILED 2"),
        ("NOANSWER", "NO ANSWER 1"),
    ] {
        let set = format!("1,1,Set(DIALSTATUS={status})");
        let lines = [
            &set,
            "1,2,Verbose(${CDR(disposition)} ${CDR(disposition,u)})",
        ];
        assert_eq!(said(&lines, "1").0, disposition);
    }
}

#[test]
fn cdr_fields_of_the_plan_can_be_set() {
    let lines = [
        "1,1,Set(CDR(userfield)=a,b)",
        "1,2,Set(CDR(Mine)=c)",
        "1,3,Set(CDR(accountcode)=d)",
        "1,4,Set(CDR(peeraccount)=e)",
        "1,5,Set(CDR(amaflags)=OMIT)",
        "1,6,Verbose(${CDR(userfield)} ${CDR(mine)} ${CDR(accountcode)} ${CDR(peeraccount)})",
        "1,7,Verbose(${CHANNEL(accountcode)} ${CDR(amaflags)} ${CDR(amaflags,u)})",
    ];
    assert_eq!(said(&lines, "1").0, "a,b c d e d OMIT 1");
    for name in super::DERIVED {
        let line = format!("1,1,Set(CDR({name})=x)");
        let told = format!("t:1: CDR({name}) cannot be set");
        assert_eq!(warned(&[&line], "1").1, [told]);
    }
}

#[test]
fn cdr_prop_sets_two_properties() {
    let lines = [
        "1,1,Set(CDR_PROP(disable)=yes)",
        "1,2,Set(CDR_PROP(party_a)=1)",
    ];
    let (cursor, ..) = call(&lines, "1");
    let record = cursor.record().unwrap();
    assert!(record.sheet.disabled && record.party_a);
    let (_, warnings, _) = warned(&["1,1,Set(CDR_PROP(x)=1)"], "1");
    assert_eq!(warnings, ["t:1: there is no CDR_PROP(x)"]);
}
