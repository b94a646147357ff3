use alloc::sync::Arc;

use super::*;
use crate::base::Limits;
use crate::dialplan::fake::{Fake, place};
use crate::dialplan::{Cursor, Line, PlanBuilder, Progress};

/// What comes of an application that needs media.
fn with(setting: &str, application: &str) -> (Fake, Progress) {
    let mut builder = PlanBuilder::new();
    builder.media_apps(MediaApps::parse(setting).unwrap());
    let context = builder.context("c");
    for (priority, application, arguments) in [(1, application, "x"), (2, "Verbose", "on")] {
        let line = Line {
            exten: "100",
            caller: None,
            priority,
            label: None,
            application,
            arguments,
            at: "t:1",
        };
        builder.add(context, line).unwrap();
    }
    let mut fake = Fake::default();
    let plan = Arc::new(builder.build());
    let mut cursor = Cursor::new(plan, place("100"), "Ann", &Limits::default());
    let progress = cursor.start(&mut fake);
    (fake, progress)
}

#[test]
fn every_name_is_known_and_does_what_media_apps_says() {
    for row in ROWS {
        assert!(crate::dialplan::app::row(row.name).is_some());
        let (fake, progress) = with("noop", row.name);
        assert_eq!(fake.said, ["on"], "{}", row.name);
        assert_eq!(progress, Progress::Ended(Ending::Hangup(Cause::NONE)));
        let (fake, progress) = with("reject", row.name);
        assert!(fake.said.is_empty(), "{}", row.name);
        assert_eq!(progress, Progress::Ended(Ending::Congestion));
    }
}

#[test]
fn media_apps_external_sends_the_call_on() {
    for (setting, request) in [
        (
            "external:sip:media.example:5070",
            "request:1=SIP/100@media.example:5070",
        ),
        ("external:box@192.0.2.1", "request:1=SIP/box@192.0.2.1"),
    ] {
        let (fake, progress) = with(setting, "voicemail");
        assert_eq!(fake.done, [request, "call:1"], "{setting}");
        assert_eq!(progress, Progress::Waiting(None));
    }
}

#[test]
fn media_apps_takes_three_values() {
    assert_eq!(MediaApps::parse(" Reject "), Some(MediaApps::Reject));
    assert_eq!(MediaApps::parse("NOOP"), Some(MediaApps::NoOp));
    for text in ["", "maybe", "external:", "external:sip:", "external:a&b"] {
        assert_eq!(MediaApps::parse(text), None, "{text}");
    }
}

#[test]
fn no_name_is_there_twice() {
    let rows = || super::super::applications();
    for name in rows() {
        let same = rows().filter(|other| other.eq_ignore_ascii_case(name));
        assert_eq!(same.count(), 1, "{name}");
    }
}

#[test]
fn names_that_need_media_are_told_from_others() {
    use crate::dialplan::needs_media;
    assert!(needs_media("playback"));
    assert!(!needs_media("Dial") && !needs_media("Nothing"));
}
