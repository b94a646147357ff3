use super::super::super::Progress;
use super::super::super::fake::{Fake, call, place, plan};
use super::super::super::{Cursor, Ending, Reply, Ticket, split_call};
use super::*;
use crate::base::Limits;
use ChannelEvent::{Answered, Failed, Hangup, Proceeding, Progress as Media, Ringing};
use core::time::Duration;

mod hunting;
mod letters;

#[test]
fn a_timeout_is_read_as_far_as_it_is_a_number() {
    for (text, seconds) in [("20abc", Some(20)), ("2.0s", Some(2)), ("x", None)] {
        let scene = Scene::new(&format!("Dial(SIP/1,{text})"));
        let until = seconds.map(|seconds| scene.fake.now + Duration::from_secs(seconds));
        assert_eq!(scene.progress, Progress::Waiting(until), "{text}");
        let warned = scene.fake.warnings.len();
        assert_eq!(warned, usize::from(seconds.is_none()), "{text}");
    }
}

#[test]
fn a_global_may_ask_for_a_hunt() {
    let lines = ["1,1,Set(GLOBAL(DIAL_HUNT)=yes)", "1,2,Dial(SIP/1&SIP/2)"];
    let mut scene = Scene::of(&lines, Fake::default());
    assert_eq!(scene.fake.take(), "request:1=SIP/1 call:1");
}

#[test]
fn letter_capital_b_may_be_a_switch_s() {
    let lines = ["1,1,Dial(SIP/5,,B(c^sub^1))", "eswitch Realtime/"];
    let mut scene = Scene::of(&lines, Fake::default());
    let row = |app: &str| {
        let row = [("app", app), ("appdata", "")];
        Reply::Rows(vec![
            row.map(|(name, text)| (name.into(), text.into())).into(),
        ])
    };
    assert_eq!(
        scene.handle(Event::Reply(Ticket(0), row("Return"))),
        "request:1=SIP/5 call:1"
    );
    let mut scene = Scene::of(&lines, Fake::default());
    // Where there is no such place the callees ring all the same.
    let reply = Event::Reply(Ticket(0), Reply::Rows(Vec::new()));
    assert_eq!(scene.handle(reply), "request:1=SIP/5 call:1");
}

#[test]
fn a_password_is_not_told() {
    let fake = Fake {
        dialled: vec!["SIP/ann:pa@ss:md5@host!x".into()],
        ..Fake::default()
    };
    let scene = Scene::of(&["1,1,Dial(SIP/ann:pa@ss:md5@host!x)"], fake);
    assert_eq!(
        scene.fake.warnings,
        ["Dial: SIP/host is not dialled again: it has been already on this way"]
    );
}

/// A call whose priority 1 is `dial` and whose next tells how it went.
struct Scene {
    cursor: Cursor,
    fake: Fake,
    progress: Progress,
}

const TELL: &str = "1,2,Verbose(${DIALSTATUS}/${HANGUPCAUSE} ${DIALEDPEERNAME}:${DIALEDPEERNUMBER} ${DIALEDTIME}:${ANSWEREDTIME})";

impl Scene {
    fn new(dial: &str) -> Scene {
        Scene::of(&[&["1,1,", dial].concat(), TELL], Fake::default())
    }

    /// A call to 1 through those lines, in that world.
    fn of(lines: &[&str], fake: Fake) -> Scene {
        let plan = alloc::sync::Arc::new(plan(lines));
        let mut cursor = Cursor::new(plan, place("1"), "Ann", &Limits::default());
        let mut fake = Fake {
            now: Instant::from_micros(5_000_000),
            ..fake
        };
        let progress = cursor.start(&mut fake);
        Scene {
            cursor,
            fake,
            progress,
        }
    }

    /// A channel's event; what was done about it.
    fn hear(&mut self, channel: u32, event: ChannelEvent) -> String {
        self.handle(Event::Channel(ChannelId(channel), event))
    }

    fn handle(&mut self, event: Event) -> String {
        self.progress = self.cursor.handle(event, &mut self.fake);
        self.fake.take()
    }

    fn told(&self) -> &str {
        self.fake.said.last().map_or("", |told| told.as_str())
    }

    fn ended(&self) -> Ending {
        match self.progress {
            Progress::Ended(ending) => ending,
            Progress::Waiting(_) | Progress::Lingering(_) => panic!("the call goes on"),
        }
    }
}

fn failed(code: u16) -> ChannelEvent {
    Failed(Failure::from_status(
        crate::wire::Status::new(code).unwrap(),
    ))
}

#[test]
fn one_callee_answers_and_hangs_up() {
    let mut scene = Scene::new("Dial(SIP/200,20)");
    assert_eq!(scene.fake.take(), "request:1=SIP/200 call:1");
    assert_eq!(
        scene.progress,
        Progress::Waiting(Some(scene.fake.now + Duration::from_secs(20)))
    );
    assert_eq!(scene.hear(1, Proceeding), "Proceeding");
    assert_eq!(scene.hear(1, Ringing), "Ringing");
    assert_eq!(scene.hear(1, Ringing), "Ringing");
    assert_eq!(scene.hear(1, Media), "Progress");
    scene.fake.pass(4000);
    assert_eq!(scene.hear(1, Answered), "bridge:1");
    assert_eq!(scene.progress, Progress::Waiting(None));
    scene.fake.pass(7500);
    assert_eq!(scene.hear(1, Hangup(Cause(16))), "");
    assert_eq!(scene.ended(), Ending::Hangup(Cause(16)));
    assert_eq!(scene.told(), "");
    let value = |name| scene.cursor.variables().value(name).unwrap();
    assert_eq!(
        [
            value("DIALSTATUS"),
            value("DIALEDTIME"),
            value("ANSWEREDTIME")
        ],
        ["ANSWER", "11", "7"]
    );
}

#[test]
fn with_g_the_plan_goes_on_after_the_callee() {
    let mut scene = Scene::new("Dial(SIP/200@gw,,g)");
    assert_eq!(scene.progress, Progress::Waiting(None));
    scene.hear(1, Answered);
    scene.fake.pass(2000);
    scene.hear(1, Hangup(Cause(31)));
    assert_eq!(scene.told(), "ANSWER/31 SIP/200@gw-1:200@gw 2:2");
    assert_eq!(scene.ended(), Ending::Hangup(Cause(31)));
}

#[test]
fn with_g_the_plan_ends_after_the_caller() {
    let mut scene = Scene::new("Dial(SIP/200,,g)");
    scene.hear(1, Answered);
    assert_eq!(scene.handle(Event::CallerHangup), "hangup:1/16");
    assert_eq!(
        (scene.told(), scene.ended()),
        ("", Ending::Hangup(Cause(16)))
    );
}

#[test]
fn the_first_answer_wins_and_the_others_hear_of_it() {
    let mut scene = Scene::new("Dial(SIP/1&SIP/2 & SIP/3)");
    assert_eq!(
        scene.fake.take(),
        "request:1=SIP/1 request:2=SIP/2 request:3=SIP/3 call:1 call:2 call:3"
    );
    assert_eq!(scene.hear(2, Ringing), "Ringing");
    assert_eq!(scene.hear(1, Ringing), "");
    assert_eq!(scene.hear(3, failed(486)), "");
    assert_eq!(scene.hear(1, Answered), "bridge:1 hangup:2/26e");
    assert_eq!(scene.hear(2, Answered), "");
    assert_eq!(scene.hear(2, Hangup(Cause(16))), "");
    assert_eq!(scene.progress, Progress::Waiting(None));
}

#[test]
fn of_several_callees_none_speaks_over_ringing() {
    let mut scene = Scene::new("Dial(SIP/1&SIP/2)");
    assert_eq!(scene.fake.take().matches("call").count(), 2);
    assert_eq!(scene.hear(1, Media), "Progress");
    assert_eq!(scene.hear(2, Ringing), "Ringing");
    assert_eq!(scene.hear(1, Media), "");
}

#[test]
fn the_timeout_hangs_up_and_declines() {
    let mut scene = Scene::new("Dial(SIP/1&SIP/2,1.5)");
    scene.fake.take();
    scene.fake.pass(1499);
    assert_eq!(scene.handle(Event::Timer), "");
    scene.fake.pass(1);
    assert_eq!(scene.handle(Event::Timer), "hangup:1/16 hangup:2/16");
    assert_eq!(scene.told(), "NOANSWER/0 : 1:");
    assert_eq!(scene.ended().status().code(), 603);
}

#[test]
fn with_c_the_timeout_says_elsewhere() {
    let mut scene = Scene::new("Dial(SIP/1,1,c)");
    scene.fake.take();
    scene.fake.pass(1000);
    assert_eq!(scene.handle(Event::Timer), "hangup:1/16e");
}

#[test]
fn a_caller_who_gives_up_cancels() {
    let mut scene = Scene::new("Dial(SIP/1&SIP/2)");
    scene.fake.take();
    assert_eq!(scene.handle(Event::CallerHangup), "hangup:1/16 hangup:2/16");
    assert_eq!(scene.ended(), Ending::Hangup(Cause(16)));
    assert_eq!(scene.cursor.variables().value("DIALSTATUS"), Some("CANCEL"));
}

#[test]
fn every_response_has_its_dialstatus_cause_and_verdict() {
    for (codes, told, code) in [
        (&[301_u16, 302][..], "BUSY/16", 486),
        (&[401, 407], "CONGESTION/21", 503),
        (&[403], "CHANUNAVAIL/21", 503),
        (&[404, 485, 604], "CHANUNAVAIL/1", 503),
        (&[400, 405, 415, 423, 481, 491], "CHANUNAVAIL/127", 503),
        (&[482], "CONGESTION/127", 503),
        (&[408], "CHANUNAVAIL/18", 503),
        (&[409], "CHANUNAVAIL/41", 503),
        (&[410], "CONGESTION/22", 503),
        (&[420], "CHANUNAVAIL/3", 503),
        (&[480], "BUSY/19", 486),
        (&[483], "NOANSWER/19", 480),
        (&[484], "CHANUNAVAIL/28", 503),
        (&[486, 600], "BUSY/17", 486),
        (&[487], "NOANSWER/16", 603),
        (&[488, 606], "CHANUNAVAIL/58", 503),
        (&[500], "CONGESTION/38", 503),
        (&[501], "CHANUNAVAIL/29", 503),
        (&[502], "CONGESTION/27", 503),
        (&[503, 505], "CONGESTION/34", 503),
        (&[504], "CONGESTION/102", 503),
        (&[603], "BUSY/21", 486),
        (&[607], "CHANUNAVAIL/127", 503),
    ] {
        for &response in codes {
            let mut scene = Scene::new("Dial(SIP/1,20)");
            scene.hear(1, failed(response));
            assert!(
                scene.told().starts_with(&[told, " "].concat()),
                "{response}: {}",
                scene.told()
            );
            assert_eq!(scene.ended().status().code(), code, "{response}");
        }
    }
}

#[test]
fn hangup_with_the_cause_tells_the_caller_what_the_callee_said() {
    for (response, code) in [
        (404, 404),
        (486, 486),
        (408, 408),
        (480, 480),
        (403, 403),
        (410, 410),
        (502, 502),
        (484, 484),
        (501, 501),
        (503, 503),
        (500, 500),
        (488, 488),
        (603, 403),
        (481, 500),
        (487, 603),
        (504, 603),
    ] {
        let (mut cursor, mut fake, _) =
            call(&["1,1,Dial(SIP/1)", "1,2,Hangup(${HANGUPCAUSE})"], "1");
        let progress = cursor.handle(Event::Channel(ChannelId(1), failed(response)), &mut fake);
        let Progress::Ended(ending) = progress else {
            panic!("{response}")
        };
        assert_eq!(ending.status().code(), code, "{response}");
    }
}

#[test]
fn silence_and_absence_have_their_dialstatus() {
    for (failure, told) in [
        (Failure::NO_RESPONSE, "CONGESTION/18"),
        (
            Failure::Unavailable(Cause::SUBSCRIBER_ABSENT),
            "CHANUNAVAIL/20",
        ),
        (Failure::Unavailable(Cause::USER_BUSY), "CHANUNAVAIL/17"),
    ] {
        let mut scene = Scene::new("Dial(SIP/1)");
        scene.hear(1, Failed(failure));
        assert!(
            scene.told().starts_with(told),
            "{failure:?}: {}",
            scene.told()
        );
    }
}

#[test]
fn failures_of_several_callees_add_up() {
    for (first, second, told) in [
        (486, 404, "BUSY"),
        (404, 480, "BUSY"),
        (503, 404, "CONGESTION"),
        (404, 403, "CHANUNAVAIL"),
        (486, 483, "NOANSWER"),
    ] {
        let mut scene = Scene::new("Dial(SIP/1&SIP/2)");
        scene.hear(1, failed(first));
        assert!(matches!(scene.progress, Progress::Waiting(_)));
        scene.hear(2, failed(second));
        assert_eq!(
            scene.told().split('/').next(),
            Some(told),
            "{first} {second}"
        );
    }
}

#[test]
fn what_cannot_be_requested_is_a_failure_too() {
    let plan = plan(&["1,1,Dial(SIP/1&SIP/2)", TELL]);
    let mut fake = Fake {
        refuse: [("1", 20), ("2", 20)].into(),
        ..Fake::default()
    };
    let mut cursor = Cursor::new(
        alloc::sync::Arc::new(plan),
        place("1"),
        "",
        &Limits::default(),
    );
    assert_eq!(cursor.start(&mut fake), Progress::Ended(Ending::Congestion));
    assert_eq!(fake.said, ["CHANUNAVAIL/20 : 0:"]);
}

#[test]
fn channels_inherit_before_they_are_called() {
    let (_, mut fake, _) = call(&["1,1,MSet(A=1,_B=2,__C=3)", "1,2,Dial(SIP/1)"], "1");
    assert_eq!(
        fake.take(),
        "request:1=SIP/1 inherit:1:B=2 inherit:1:__C=3 call:1"
    );
}

#[test]
fn legs_are_limited() {
    let plan = plan(&["1,1,Dial(SIP/1&SIP/2&SIP/3)"]);
    let mut fake = Fake::default();
    let limits = Limits {
        legs_per_call: 2,
        ..Limits::default()
    };
    let mut cursor = Cursor::new(alloc::sync::Arc::new(plan), place("1"), "", &limits);
    cursor.start(&mut fake);
    assert_eq!(fake.take(), "request:1=SIP/1 request:2=SIP/2 call:1 call:2");
}

#[test]
fn r_rings_at_once_and_hides_progress() {
    let mut scene = Scene::new("Dial(SIP/1,,r)");
    assert_eq!(scene.fake.take(), "request:1=SIP/1 Ringing call:1");
    assert_eq!(scene.hear(1, Proceeding), "");
    assert_eq!(scene.hear(1, Ringing), "");
    assert_eq!(scene.hear(1, Media), "");
}

#[test]
fn capital_r_rings_at_once_and_lets_progress_through() {
    let mut scene = Scene::new("Dial(SIP/1,,R)");
    assert_eq!(scene.fake.take(), "request:1=SIP/1 Ringing call:1");
    assert_eq!(scene.hear(1, Media), "Progress");
}

#[test]
fn s_and_l_limit_the_bridge() {
    for dial in [
        "Dial(SIP/1,,S(60)g)",
        "Dial(SIP/1,,L(60000:30000:10000)S(90)g)",
    ] {
        let mut scene = Scene::new(dial);
        scene.hear(1, Answered);
        let until = scene.fake.now + Duration::from_secs(60);
        assert_eq!(scene.progress, Progress::Waiting(Some(until)), "{dial}");
        scene.fake.take();
        scene.fake.pass(60_000);
        assert_eq!(scene.handle(Event::Timer), "hangup:1/16");
        assert!(scene.told().starts_with("ANSWER/16"), "{}", scene.told());
    }
}

#[test]
fn arguments_that_make_no_sense_end_the_call() {
    for dial in ["Dial()", "Dial(SIP)", "Dial(SIP/)", "Dial(SIP/1&)"] {
        let mut scene = Scene::new(dial);
        assert_eq!(scene.fake.take(), "", "{dial}");
        assert_eq!(scene.ended(), Ending::Hangup(Cause::NONE));
        assert_eq!(
            scene.cursor.variables().value("DIALSTATUS"),
            Some("INVALIDARGS")
        );
    }
}

#[test]
fn a_timeout_that_makes_no_sense_is_none_and_told() {
    for dial in ["Dial(SIP/1,soon)", "Dial(SIP/1,-1)", "Dial(SIP/1,0)"] {
        let scene = Scene::new(dial);
        assert_eq!(scene.progress, Progress::Waiting(None), "{dial}");
        assert_eq!(scene.fake.warnings.len(), 1);
    }
}

#[test]
fn options_without_effect_are_doubted_at_load() {
    let doubts = |call| {
        let (_, arguments) = split_call(call);
        doubts(arguments).join("; ")
    };
    assert_eq!(doubts("Dial(SIP/1,20,rRgciS(5)L(6))"), "");
    assert_eq!(
        doubts("Dial(SIP/1,20,tTM(x^y)q)"),
        "Dial's option 't' does nothing here; Dial's option 'T' does nothing here; \
         Dial has no option 'q'"
    );
}

#[test]
fn outbound_group_is_what_the_channels_are_in() {
    let lines = [
        "1,1,Set(OUTBOUND_GROUP=all)",
        "1,2,Set(OUTBOUND_GROUP_ONCE=first@out)",
        "1,3,Dial(SIP/1&SIP/2,1)",
        "1,4,Dial(SIP/3,1)",
    ];
    let (mut cursor, mut fake, _) = call(&lines, "1");
    fake.pass(1_000);
    cursor.handle(Event::Timer, &mut fake);
    let enlisted: Vec<String> = fake
        .done
        .into_iter()
        .filter(|done| done.starts_with("enlist"))
        .collect();
    assert_eq!(
        enlisted,
        ["enlist:1=first@out", "enlist:2=first@out", "enlist:3=all@"]
    );
}
