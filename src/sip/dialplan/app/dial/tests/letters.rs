//! The option letters, one test each.

use super::*;
use ChannelEvent::Returned;

const FORWARDED: ChannelEvent = Failed(Failure::Forwarded(Cause(16)));

/// A callee that answers with a routine ahead of it, and the routine's result.
fn judged(options: &str, variable: &'static str, result: &'static str) -> Scene {
    let mut scene = Scene::new(&format!("Dial(SIP/1,,{options})"));
    scene.fake.take();
    scene.hear(1, Answered);
    scene.fake.take();
    scene.fake.left.push((1, variable, result));
    scene.progress = scene
        .cursor
        .handle(Event::Channel(ChannelId(1), Returned), &mut scene.fake);
    scene
}

#[test]
fn letters_and_arguments_come_in_any_order() {
    let options = Options::parse("gU(sub^a(1)^b)S(9)rb(x^1)L(5000:1:2)U()zg");
    for letter in "gUSrbLz".chars() {
        assert!(options.has(letter), "{letter}");
    }
    assert!(!options.has('i') && !options.has('1'));
    assert_eq!(options.argument('b').as_deref(), Some("x,1"));
    assert_eq!(options.argument('U'), None, "the last one counts");
    assert_eq!(options.limit, Some(Duration::from_secs(5)));
}

#[test]
fn letter_a_joins_the_caller_before_the_routine() {
    let mut scene = Scene::new("Dial(SIP/1,,aU(sub))");
    scene.fake.take();
    let done = scene.hear(1, Answered);
    assert_eq!(done, "bridge:1 Gosub(\"sub,s,1\"):1");
    assert_eq!(scene.hear(1, Returned), "");
}

#[test]
fn letter_b_runs_a_routine_on_each_callee_before_it_rings() {
    let mut scene = Scene::new("Dial(SIP/1&SIP/2,,b(sub^s^1(x^y)))");
    let routine = "Gosub(\"sub,s,1(x,y)\")";
    let expected = format!("request:1=SIP/1 request:2=SIP/2 {routine}:1 {routine}:2");
    assert_eq!(scene.fake.take(), expected);
    assert_eq!(scene.hear(2, Returned), "call:2");
    assert_eq!(scene.hear(1, Returned), "call:1");
    let mut scene = Scene::new("Dial(SIP/1,,b(9))");
    assert_eq!(scene.fake.take(), "request:1=SIP/1 Gosub(\"c,1,9\"):1");
    scene.hear(1, Hangup(Cause(21)));
    assert!(
        scene.told().starts_with("CHANUNAVAIL/21"),
        "{}",
        scene.told()
    );
}

#[test]
fn letter_capital_b_runs_a_routine_on_the_caller_first() {
    for last in ["Return()", "NoOp(and off the end)"] {
        let lines = [
            "1,1,Dial(SIP/5,,B(c^sub^1(7))g)",
            "1,2,Verbose(${DIALSTATUS} ${N}${ARG1})",
            "sub,1,Set(N=${ARG1})",
            "sub,2,Wait(1)",
            &["sub,3,", last].concat(),
        ];
        let mut scene = Scene::of(&lines, Fake::default());
        assert_eq!(scene.fake.take(), "");
        scene.fake.pass(1_000);
        assert_eq!(scene.handle(Event::Timer), "request:1=SIP/5 call:1");
        scene.hear(1, failed(486));
        assert_eq!(scene.told(), "BUSY 7");
    }
}

#[test]
fn letter_capital_b_dials_nobody_for_a_caller_who_left_meanwhile() {
    let lines = [
        "1,1,Dial(SIP/5,,B(c^sub^1))",
        "sub,1,Wait(5)",
        "sub,2,Return",
        "h,1,Verbose(h)",
    ];
    let mut scene = Scene::of(&lines, Fake::default());
    assert_eq!(scene.handle(Event::CallerHangup), "");
    assert!(matches!(scene.progress, Progress::Ended(_)));
    assert_eq!(scene.fake.said, ["h"]);
}

#[test]
fn letter_e_runs_h_for_the_callee() {
    let mut scene = Scene::new("Dial(SIP/1,,e)");
    scene.fake.take();
    assert_eq!(scene.hear(1, Answered), "bridge:1 h:1");
}

#[test]
fn letters_f_o_and_u_change_whom_the_callee_is_shown() {
    let requested = |dial: &str| Scene::new(dial).fake.take();
    assert_eq!(
        requested("Dial(SIP/1,,f(\"Desk\" <55>))"),
        "request:1=SIP/1 show:1:Some((\"55\", \"Desk\")):None call:1"
    );
    assert_eq!(
        requested("Dial(SIP/1,,o(77)u(prohib))"),
        "request:1=SIP/1 show:1:Some((\"77\", \"\")):Some(35) call:1"
    );
    assert_eq!(requested("Dial(SIP/1,,fos(x))"), "request:1=SIP/1 call:1");
}

#[test]
fn letter_f_alone_shows_the_extension_when_forwarded() {
    let mut scene = Scene::new("Dial(SIP/1,,f)");
    scene.fake.take();
    scene.fake.forwards.push((1, "300"));
    let done = scene.hear(1, FORWARDED);
    assert!(
        done.contains("show:2:Some((\"1\", \"\")):None call:2"),
        "{done}"
    );
}

#[test]
fn letter_capital_f_lets_the_callee_go_on() {
    for (options, place) in [
        ("F", "c,1,2"),
        ("F(9)", "c,1,9"),
        ("F(other^5^3)", "other,5,3"),
    ] {
        let mut scene = Scene::new(&format!("Dial(SIP/1,,{options})"));
        scene.hear(1, Answered);
        scene.fake.take();
        let done = scene.handle(Event::CallerHangup);
        assert_eq!(done, format!("go_on:1={place}"), "{options}");
        assert_eq!(scene.cursor.position(), ("c", "1", 1));
    }
    let mut scene = Scene::new("Dial(SIP/1,,F)");
    scene.fake.take();
    assert_eq!(scene.handle(Event::CallerHangup), "hangup:1/16");
}

#[test]
fn letter_capital_f_leaves_the_callers_macro_as_it_is() {
    let lines = [
        "1,1,Macro(ring)",
        "h,1,Verbose(${EXTEN} ${CONTEXT} ${MACRO_DEPTH})",
        "other,1,NoOp",
        "@macro-ring",
        "s,1,Dial(SIP/1,,F(c^other^1)g)",
        "s,2,Verbose(${MACRO_DEPTH})",
    ];
    let mut scene = Scene::of(&lines, Fake::default());
    scene.hear(1, Answered);
    scene.fake.take();
    let done = scene.handle(Event::CallerHangup);
    assert_eq!(done, "go_on:1=c,other,1");
    assert_eq!(scene.fake.said, ["h c "]);
}

#[test]
fn letter_capital_f_of_a_caller_who_stays_in_a_macro() {
    let lines = [
        "1,1,Macro(ring)",
        "1,2,Verbose(back)",
        "other,1,NoOp",
        "@macro-ring",
        "s,1,Dial(SIP/1,,F(c^other^1)gL(5000))",
        "s,2,Verbose(${MACRO_DEPTH})",
    ];
    let mut scene = Scene::of(&lines, Fake::default());
    scene.hear(1, Answered);
    scene.fake.pass(5_000);
    scene.handle(Event::Timer);
    assert_eq!(scene.fake.said, ["1", "back"]);
}

#[test]
fn letter_g_goes_on_after_the_callee() {
    let mut scene = Scene::new("Dial(SIP/1,,g)");
    scene.hear(1, Answered);
    scene.hear(1, Hangup(Cause(16)));
    assert!(scene.told().starts_with("ANSWER/16"));
}

#[test]
fn letter_capital_g_sends_both_on_their_way() {
    let lines = [
        "1,1,Dial(SIP/1,,G(c^2^5))",
        "2,5,Verbose(the caller)",
        "2,6,Verbose(the callee)",
    ];
    let mut scene = Scene::of(&lines, Fake::default());
    scene.fake.take();
    assert_eq!(scene.hear(1, Answered), "hold:1 go_on:1=c,2,6");
    assert_eq!(scene.fake.said, ["the caller", "the callee"]);
}

#[test]
fn letter_i_makes_a_forwarded_callee_busy() {
    let mut scene = Scene::new("Dial(SIP/1,,i)");
    scene.fake.take();
    scene.fake.forwards.push((1, "300"));
    assert_eq!(scene.hear(1, FORWARDED), "");
    assert!(scene.told().starts_with("BUSY/16"), "{}", scene.told());
}

#[test]
fn letter_m_rings_instead_of_music() {
    let scene = &mut Scene::new("Dial(SIP/1,,m(class))");
    assert_eq!(scene.fake.take(), "request:1=SIP/1 Ringing call:1");
    let doubts = doubts("SIP/1,20,m");
    assert_eq!(doubts, ["Dial's option 'm' rings here: there is no music"]);
}

#[test]
fn letter_capital_m_runs_a_macro_on_the_callee() {
    let mut scene = Scene::new("Dial(SIP/1,,M(screen^a^b)U(sub))");
    scene.fake.take();
    assert_eq!(scene.hear(1, Answered), "hold:1 Macro(\"screen,a,b\"):1");
    assert_eq!(scene.hear(1, Returned), "Gosub(\"sub,s,1\"):1");
    assert_eq!(scene.hear(1, Returned), "bridge:1");
}

#[test]
fn letter_capital_u_joins_after_its_routine() {
    let mut scene = judged("U(sub^a^b)", "GOSUB_RESULT", "");
    assert_eq!(scene.fake.take(), "bridge:1");
    assert_eq!(scene.progress, Progress::Waiting(None));
    scene.fake.pass(3_000);
    scene.hear(1, Hangup(Cause(16)));
    assert_eq!(scene.ended(), Ending::Hangup(Cause(16)));
}

#[test]
fn the_results_of_a_routine_decide() {
    for (letter, variable) in [("U(sub)", "GOSUB_RESULT"), ("M(sub)", "MACRO_RESULT")] {
        for (result, told) in [
            ("BUSY", Some("BUSY/0")),
            ("CONGESTION", Some("CONGESTION/0")),
            ("CHANUNAVAIL", Some("CHANUNAVAIL/0")),
            ("CONTINUE", Some("ANSWER/0")),
            ("ABORT", None),
            ("GOTO:c^1^2", Some("ANSWER/0")),
        ] {
            let mut scene = judged(letter, variable, result);
            assert_eq!(scene.fake.take(), "hangup:1/16", "{result}");
            match told {
                Some(told) => assert!(scene.told().starts_with(told), "{}", scene.told()),
                None => assert_eq!(scene.told(), "", "{result}"),
            }
        }
    }
    let scene = judged("gU(sub)", "GOSUB_RESULT", "ABORT");
    assert!(
        scene.told().starts_with("ANSWER/0"),
        "g goes on all the same"
    );
}

#[test]
fn a_callee_or_caller_may_leave_during_the_routine() {
    let mut scene = Scene::new("Dial(SIP/1,,U(sub))");
    scene.hear(1, Answered);
    scene.fake.take();
    assert_eq!(scene.hear(1, Hangup(Cause(31))), "");
    assert_eq!(scene.ended(), Ending::Hangup(Cause(31)));
    let mut scene = Scene::new("Dial(SIP/1,,U(sub))");
    scene.hear(1, Answered);
    scene.fake.take();
    assert_eq!(scene.handle(Event::CallerHangup), "hangup:1/16");
}

#[test]
fn letter_z_ends_the_timeout_when_forwarded() {
    let until = |options: &str| {
        let mut scene = Scene::new(&format!("Dial(SIP/1,20,{options})"));
        scene.fake.forwards.push((1, "300"));
        scene.hear(1, FORWARDED);
        scene.progress
    };
    assert_eq!(until("z"), Progress::Waiting(None));
    assert!(matches!(until(""), Progress::Waiting(Some(_))));
}

#[test]
fn a_url_is_for_the_callee() {
    let mut scene = Scene::new("Dial(SIP/1,,,http://h/x)");
    let expected = "request:1=SIP/1 inherit:1:VXML_URL=http://h/x call:1";
    assert_eq!(scene.fake.take(), expected);
}

#[test]
fn what_an_option_does_less_is_told_once_at_load() {
    let told = |options: &str| doubts(&format!("SIP/1,20,{options}")).len();
    assert_eq!(told("abcefgiorsuzBCFGIL(5)MRS(5)U"), 0);
    for letter in "ADHKNOPTWXdhkmnptwx".chars() {
        assert_eq!(told(&letter.to_string()), 1, "{letter}");
    }
    assert_eq!(told("L(60000:30000)"), 1, "nobody is warned");
    assert_eq!((told("u(prohib)"), told("u(sometimes)")), (0, 1));
    assert_eq!((told("q"), told("${OPTIONS}q")), (1, 0));
}

#[test]
fn letters_s_and_capital_i_change_nothing() {
    let mut scene = Scene::new("Dial(SIP/1,,Is(tag))");
    assert_eq!(scene.fake.take(), "request:1=SIP/1 call:1");
    assert_eq!(scene.hear(1, Answered), "bridge:1");
}

#[test]
fn presentations_have_the_octets_of_q931() {
    for (name, octet) in [
        ("allowed_not_screened", Some(0x00)),
        ("allowed_passed_screen", Some(0x01)),
        ("allowed_failed_screen", Some(0x02)),
        ("allowed", Some(0x03)),
        ("prohib_not_screened", Some(0x20)),
        ("prohib_passed_screen", Some(0x21)),
        ("prohib_failed_screen", Some(0x22)),
        ("prohib", Some(0x23)),
        ("unavailable", Some(0x43)),
        ("", None),
    ] {
        assert_eq!(party::presentation(name), octet, "{name}");
    }
}

#[test]
fn letter_capital_c_begins_the_record_anew() {
    let begun = |options: &str| {
        let scene = Scene::new(&format!("Dial(SIP/1,,{options})"));
        scene
            .cursor
            .record()
            .is_some_and(|record| record.sheet.begun.is_some())
    };
    assert!(begun("C"));
    assert!(!begun(""));
}
