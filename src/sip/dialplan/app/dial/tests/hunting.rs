//! Where a callee is rung instead, and what is rung after another.

use super::*;

const FORWARDED: ChannelEvent = Failed(Failure::Forwarded(Cause(16)));

/// The scene after the callee 1 wants to be rung at `to`, and what was done.
fn forwarded(lines: &[&str], to: &'static str) -> (Scene, String) {
    let fake = Fake {
        forwards: vec![(1, to)],
        ..Fake::default()
    };
    let mut scene = Scene::of(lines, fake);
    scene.fake.take();
    let done = scene.hear(1, FORWARDED);
    (scene, done)
}

#[test]
fn a_callee_elsewhere_is_rung_there() {
    let (mut scene, done) = forwarded(&["1,1,Dial(SIP/1,20)", TELL], "300");
    assert_eq!(
        done,
        "request:2=Local/300@device dialled:2:SIP/1 inherit:2:FORWARDERNAME=SIP/1 call:2"
    );
    assert_eq!(scene.hear(2, Answered), "bridge:2");
    let value = |name| scene.cursor.variables().value(name);
    assert_eq!(value("DIALEDPEERNAME"), Some("Local/300@device-2"));

    let (_, done) = forwarded(
        &["1,1,Set(FORWARD_CONTEXT=out)", "1,2,Dial(SIP/1,20)"],
        "300",
    );
    assert!(done.starts_with("request:2=Local/300@out "), "{done}");
    let (_, done) = forwarded(&["1,1,Dial(SIP/1,20)"], "SIP/300@h");
    assert_eq!(
        done,
        "request:2=SIP/300@h inherit:2:FORWARDERNAME=SIP/1 call:2"
    );
}

#[test]
fn a_place_that_cannot_be_rung_is_a_failure() {
    let (scene, done) = forwarded(&["1,1,Dial(SIP/1)", TELL], "SIP/1");
    assert_eq!(done, "", "it was dialled already");
    assert!(scene.told().starts_with("CHANUNAVAIL/"), "{}", scene.told());
    let fake = Fake {
        forwards: vec![(1, "SIP/2")],
        refuse: vec![("2", 20)],
        ..Fake::default()
    };
    let mut scene = Scene::of(&["1,1,Dial(SIP/1)", TELL], fake);
    scene.hear(1, FORWARDED);
    assert!(
        scene.told().starts_with("CHANUNAVAIL/20"),
        "{}",
        scene.told()
    );
}

#[test]
fn one_interface_is_dialled_once_on_a_way() {
    let mut scene = Scene::new("Dial(SIP/1&sip/1&Local/1@c&Local/1@c)");
    assert_eq!(scene.fake.take().matches("request").count(), 3);
    assert_eq!(scene.fake.warnings.len(), 1);
    let fake = Fake {
        dialled: vec!["SIP/1".into()],
        ..Fake::default()
    };
    let mut scene = Scene::of(&["1,1,Dial(SIP/1)", TELL], fake);
    assert_eq!(scene.fake.take(), "");
    assert_eq!(scene.told(), "", "the call ends");
    let status = scene.cursor.variables().value("DIALSTATUS");
    assert_eq!(status, Some("CHANUNAVAIL"));
}

/// A call that dials 1, 2 and 3 with a variable set.
fn hunting(variable: &str, dial: &str) -> Scene {
    let lines = [
        &["1,1,Set(", variable, ")"].concat(),
        &["1,2,", dial].concat(),
        &TELL.replace("1,2", "1,3"),
    ]
    .map(String::from);
    let lines = lines.each_ref().map(String::as_str);
    Scene::of(&lines, Fake::default())
}

const ALL: &str = "Dial(SIP/1&SIP/2&SIP/3,20)";

#[test]
fn dial_hunt_rings_one_after_the_other() {
    let mut scene = hunting("DIAL_HUNT=1", ALL);
    assert_eq!(scene.fake.take(), "request:1=SIP/1 call:1");
    assert_eq!(scene.hear(1, failed(486)), "request:2=SIP/2 call:2");
    scene.fake.pass(20_000);
    let done = scene.handle(Event::Timer);
    assert_eq!(done, "hangup:2/16 request:3=SIP/3 call:3");
    let until = scene.fake.now + Duration::from_secs(20);
    assert_eq!(scene.progress, Progress::Waiting(Some(until)));
    assert_eq!(scene.hear(3, Answered), "bridge:3");
}

#[test]
fn dial_hunt_ends_with_the_last() {
    let mut scene = hunting("DIAL_HUNT=yes", "Dial(SIP/1&SIP/2,20)");
    scene.hear(1, failed(486));
    scene.hear(2, failed(404));
    assert!(scene.told().starts_with("BUSY/1 "), "{}", scene.told());
    let mut scene = hunting("DIAL_HUNT=0", "Dial(SIP/1&SIP/2,20)");
    assert_eq!(scene.fake.take().matches("call").count(), 2);
}

#[test]
fn dial_failover_goes_on_after_certain_responses() {
    for (code, goes_on) in [
        (503, true),
        (500, true),
        (599, true),
        (408, true),
        (486, false),
    ] {
        let mut scene = hunting("DIAL_FAILOVER=408,5xx", ALL);
        assert_eq!(scene.fake.take(), "request:1=SIP/1 call:1");
        scene.fake.refusals.push((1, code));
        let done = scene.hear(1, failed(code));
        assert_eq!(done.contains("call:2"), goes_on, "{code}");
    }
    let mut scene = hunting("DIAL_FAILOVER=503", ALL);
    scene.fake.take();
    let absent = Failed(Failure::Unavailable(Cause::SUBSCRIBER_ABSENT));
    assert!(scene.hear(1, absent).contains("call:2"), "it said nothing");
    scene.fake.pass(20_000);
    scene.handle(Event::Timer);
    assert!(scene.told().starts_with("NOANSWER/"), "{}", scene.told());
}

#[test]
fn dial_max_pdd_gives_up_the_silent() {
    let mut scene = hunting("DIAL_MAX_PDD=1500", "Dial(SIP/1&SIP/2,20)");
    scene.fake.take();
    let until = scene.fake.now + Duration::from_millis(1_500);
    assert_eq!(scene.progress, Progress::Waiting(Some(until)));
    scene.hear(1, Ringing);
    scene.hear(2, Proceeding);
    scene.fake.pass(1_500);
    assert_eq!(scene.handle(Event::Timer), "hangup:2/16");
    let until = scene.fake.now + Duration::from_millis(18_500);
    assert_eq!(scene.progress, Progress::Waiting(Some(until)));
    let mut scene = hunting("DIAL_MAX_PDD=1500", "Dial(SIP/1)");
    scene.fake.pass(1_500);
    scene.handle(Event::Timer);
    assert!(
        scene.told().starts_with("CHANUNAVAIL/18"),
        "{}",
        scene.told()
    );
}
