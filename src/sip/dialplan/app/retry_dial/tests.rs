use core::time::Duration;

use crate::dialplan::fake::{Fake, call, warned};
use crate::dialplan::{Cause, ChannelEvent, ChannelId, Cursor, Event, Failure, Progress};

fn busy(cursor: &mut Cursor, fake: &mut Fake, channel: u32) -> Progress {
    let failed = ChannelEvent::Failed(Failure::Busy(Cause::USER_BUSY));
    cursor.handle(Event::Channel(ChannelId(channel), failed), fake)
}

#[test]
fn retry_dial_tries_as_often_as_it_is_told() {
    let lines = [
        "1,1,RetryDial(x,3,2,SIP/2,20)",
        "1,2,Verbose(${DIALSTATUS})",
    ];
    let (mut cursor, mut fake, progress) = call(&lines, "1");
    let deadline = fake.now + Duration::from_secs(20);
    assert_eq!(progress, Progress::Waiting(Some(deadline)));
    assert_eq!(fake.take(), "request:1=SIP/2 call:1");
    let deadline = fake.now + Duration::from_secs(3);
    assert_eq!(
        busy(&mut cursor, &mut fake, 1),
        Progress::Waiting(Some(deadline))
    );
    fake.pass(2999);
    cursor.handle(Event::Timer, &mut fake);
    assert_eq!(fake.take(), "");
    fake.pass(1);
    cursor.handle(Event::Timer, &mut fake);
    assert_eq!(fake.take(), "request:2=SIP/2 call:2");
    busy(&mut cursor, &mut fake, 2);
    assert_eq!(fake.said, ["BUSY"]);
}

#[test]
fn retry_dial_without_numbers_goes_on_every_ten_seconds() {
    let (mut cursor, mut fake, _) = call(&["1,1,RetryDial(,,,SIP/2)"], "1");
    for channel in 1..=20 {
        let deadline = fake.now + Duration::from_secs(10);
        let progress = busy(&mut cursor, &mut fake, channel);
        assert_eq!(progress, Progress::Waiting(Some(deadline)));
        fake.pass(10_000);
        cursor.handle(Event::Timer, &mut fake);
    }
}

#[test]
fn retry_dial_ends_with_an_answer() {
    let lines = ["1,1,RetryDial(,1,9,SIP/2,,g)", "1,2,Verbose(${DIALSTATUS})"];
    let (mut cursor, mut fake, _) = call(&lines, "1");
    busy(&mut cursor, &mut fake, 1);
    fake.pass(1000);
    cursor.handle(Event::Timer, &mut fake);
    for event in [ChannelEvent::Answered, ChannelEvent::Hangup(Cause(16))] {
        cursor.handle(Event::Channel(ChannelId(2), event), &mut fake);
    }
    assert_eq!(fake.said, ["ANSWER"]);
}

#[test]
fn retry_dial_hangs_up_when_the_caller_does() {
    let (mut cursor, mut fake, _) = call(&["1,1,RetryDial(,1,9,SIP/2)"], "1");
    fake.take();
    let progress = cursor.handle(Event::CallerHangup, &mut fake);
    assert!(matches!(progress, Progress::Ended(_)));
    assert_eq!(fake.take(), "hangup:1/16");
}

#[test]
fn retry_dial_needs_something_to_dial() {
    let (_, warnings, _) = warned(&["1,1,RetryDial(x,1,2)", "1,2,Verbose(no)"], "1");
    assert_eq!(
        warnings,
        ["t:1: RetryDial: write announcement,seconds,attempts,dial"]
    );
}

#[test]
fn retry_dial_sends_its_caller_into_a_subroutine_each_time() {
    let lines = [
        "1,1,RetryDial(,1,2,SIP/2,,B(c^sub^1)g)",
        "1,2,Verbose(${DIALSTATUS})",
        "sub,1,Verbose(sub)",
        "sub,2,Return",
    ];
    let (mut cursor, mut fake, _) = call(&lines, "1");
    assert_eq!(fake.take(), "request:1=SIP/2 call:1");
    busy(&mut cursor, &mut fake, 1);
    fake.pass(1000);
    cursor.handle(Event::Timer, &mut fake);
    assert_eq!(fake.take(), "request:2=SIP/2 call:2");
    busy(&mut cursor, &mut fake, 2);
    assert_eq!(fake.said, ["sub", "sub", "BUSY"]);
}
