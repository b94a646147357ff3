use core::time::Duration;

use crate::dialplan::fake::{call, said};
use crate::dialplan::{Cause, ChannelEvent, ChannelId, Ending, Event, Progress};

#[test]
fn busy_congestion_and_incomplete_refuse_at_once() {
    for (line, ending, cause, status) in [
        ("1,1,Busy(5)", Ending::Busy, 17, 486),
        ("1,1,Congestion(5)", Ending::Congestion, 34, 503),
        ("1,1,Incomplete(n)", Ending::Hangup(Cause(28)), 28, 484),
    ] {
        let (words, progress) = said(&[line, "h,1,Verbose(${HANGUPCAUSE})"], "1");
        assert_eq!(progress, Progress::Ended(ending), "{line}");
        assert_eq!(ending.status().code(), status, "{line}");
        assert_eq!(words, cause.to_string(), "{line}");
    }
}

/// What comes of a line once the caller has been answered.
fn answered(line: &str) -> Progress {
    let (mut cursor, mut fake, _) = call(&["1,1,Dial(SIP/2,,g)", line], "1");
    let hear = |event| Event::Channel(ChannelId(1), event);
    cursor.handle(hear(ChannelEvent::Answered), &mut fake);
    let hangup = ChannelEvent::Hangup(Cause::NORMAL_CLEARING);
    let progress = cursor.handle(hear(hangup), &mut fake);
    if let Progress::Waiting(deadline) = progress {
        assert_eq!(deadline, Some(fake.now + Duration::from_millis(2500)));
        fake.pass(2500);
        return cursor.handle(Event::Timer, &mut fake);
    }
    progress
}

#[test]
fn an_answered_caller_is_kept_for_the_time_given() {
    let hangup = |cause| Progress::Ended(Ending::Hangup(Cause(cause)));
    assert_eq!(answered("1,2,Busy"), hangup(17));
    assert_eq!(answered("1,2,Busy(2.5)"), hangup(17));
    assert_eq!(answered("1,2,Congestion(2.5)"), hangup(34));
    assert_eq!(answered("1,2,Incomplete"), hangup(28));
}
