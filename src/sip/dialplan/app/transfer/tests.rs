use crate::dialplan::fake::{call, warned};
use crate::dialplan::{Cause, ChannelEvent, ChannelId, Ending, Event, Progress};

#[test]
fn transfer_redirects_an_unanswered_caller() {
    for line in ["1,1,Transfer(SIP/300@h)", "1,1,Transfer(300@h,x)"] {
        let lines = [line, "1,2,Verbose(no)", "h,1,Verbose(${TRANSFERSTATUS})"];
        let (_, fake, progress) = call(&lines, "1");
        assert_eq!(
            (fake.done, fake.said),
            (vec!["redirect:300@h".into()], vec!["SUCCESS".into()])
        );
        assert_eq!(progress, Progress::Ended(Ending::Hangup(Cause(16))));
    }
}

#[test]
fn transfer_adds_the_domain_that_was_dialled() {
    let lines = ["1,1,Set(SIPDOMAIN=ours.example)", "1,2,Transfer(300)"];
    assert_eq!(call(&lines, "1").1.done, ["redirect:300@ours.example"]);
}

#[test]
fn transfer_tells_why_not() {
    for (line, warnings) in [
        ("1,1,Transfer(nowhere)", 0),
        ("1,1,Transfer(IAX2/1)", 1),
        ("1,1,Transfer()", 1),
    ] {
        let (words, told, _) = warned(&[line, "1,2,Verbose(${TRANSFERSTATUS})"], "1");
        assert_eq!(
            (words.as_str(), told.len()),
            ("FAILURE", warnings),
            "{line}"
        );
    }
    let lines = [
        "1,1,Dial(SIP/2,,g)",
        "1,2,Transfer(300)",
        "1,3,Verbose(${TRANSFERSTATUS})",
    ];
    let (mut cursor, mut fake, _) = call(&lines, "1");
    for event in [ChannelEvent::Answered, ChannelEvent::Hangup(Cause(16))] {
        cursor.handle(Event::Channel(ChannelId(1), event), &mut fake);
    }
    assert_eq!(fake.said, ["UNSUPPORTED"]);
}
