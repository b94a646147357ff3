use super::super::fake::{NOW, place, plan};
use super::super::{Match, PlanBuilder, Schedule};
use super::*;
use crate::base::UnixTime;

/// The application that stands for an instruction in these tests.
fn found<'p>(plan: &'p Plan, exten: &str, priority: u32) -> &'p str {
    let found = plan.find(place(exten), Seek::Priority(priority));
    found.map_or("-", |instruction| &*instruction.application)
}

#[test]
fn rule_2_exact_names_come_before_patterns_and_narrow_before_wide() {
    let plan = plan(&[
        "_!,1,Bang",
        "_.,1,Dot",
        "_XXX,1,X",
        "_ZXX,1,Z",
        "_NXX,1,N",
        "_2XX,1,Literal",
        "200,1,Exact",
        "_[5-6]XX,1,Set",
    ]);
    for (exten, expected) in [
        ("200", "Exact"),
        ("2-0-0", "Exact"),
        ("201", "Literal"),
        ("301", "N"),
        ("101", "Z"),
        ("001", "X"),
        ("501", "Set"),
        ("01", "Dot"),
        ("", "Dot"),
    ] {
        assert_eq!(found(&plan, exten, 1), expected, "{exten}");
    }
}

#[test]
fn rule_3_a_pattern_without_the_priority_gives_way_to_the_next() {
    let plan = plan(&[
        "_1XX,1,First",
        "_1XX,2,Second",
        "_X.,3,Third",
        "_X.,1,Other",
    ]);
    assert_eq!(
        [1, 2, 3, 4].map(|priority| found(&plan, "123", priority)),
        ["First", "Second", "Third", "-"]
    );
}

#[test]
fn rule_3_holds_for_labels() {
    let plan = plan(&["_1XX,1,A", "_X.,1,B", "_X.,2(here),C"]);
    let label = plan.find(place("123"), Seek::Label("here")).unwrap();
    assert_eq!((label.priority, &*label.application), (2, "C"));
    assert!(plan.find(place("123"), Seek::Label("Here")).is_none());
}

#[test]
fn rule_4_includes_are_searched_depth_first_and_once() {
    let plan = plan(&[
        ">a",
        ">b",
        "@a",
        ">deep",
        ">c",
        "@deep",
        "1,1,Deep",
        "@b",
        "1,1,Late",
        "2,1,B",
        "_X,1,Wide",
        "@unused",
        "3,1,U",
    ]);
    assert_eq!(found(&plan, "1", 1), "Deep");
    assert_eq!(found(&plan, "2", 1), "B");
    assert_eq!(found(&plan, "3", 1), "Wide");
    assert_eq!(found(&plan, "x", 1), "-");
}

#[test]
fn rule_4_a_context_s_own_patterns_come_before_included_exact_names() {
    let plan = plan(&["_X,1,Own", ">a", "@a", "1,1,Included"]);
    assert_eq!(found(&plan, "1", 1), "Own");
}

#[test]
fn rule_5_includes_count_only_when_their_time_has_come() {
    let mut builder = PlanBuilder::new();
    let context = builder.context("c");
    builder.add_include(context, "day", Some(Schedule::parse("09:00-17:00")));
    builder.add_include(context, "evening", Some(Schedule::parse("17:01-20:00,thu")));
    for name in ["day", "evening"] {
        let context = builder.context(name);
        let line = super::super::Line {
            exten: "1",
            caller: None,
            priority: 1,
            label: None,
            application: name,
            arguments: "",
            at: "",
        };
        builder.add(context, line).unwrap();
    }
    let plan = builder.build();
    assert_eq!(found(&plan, "1", 1), "evening");
    let earlier = Place {
        time: UnixTime(NOW.0 - 3600),
        ..place("1")
    };
    assert_eq!(
        &*plan.find(earlier, Seek::Priority(1)).unwrap().application,
        "day"
    );
}

#[test]
fn callers_narrow_an_extension() {
    let plan = plan(&[
        "_X./,1,Nobody",
        "_X./_555X.,1,Pattern",
        "_X./5551,1,Number",
        "_X.,1,Anybody",
        "_X.,2,Two",
    ]);
    let from = |caller| {
        &*plan
            .find(
                Place {
                    caller,
                    ..place("123")
                },
                Seek::Priority(1),
            )
            .unwrap()
            .application
    };
    assert_eq!(from(""), "Nobody");
    assert_eq!(from("5551"), "Number");
    assert_eq!(from("55523"), "Pattern");
    assert_eq!(from("6"), "Anybody");
    assert_eq!(found(&plan, "123", 2), "Two");
}

#[test]
fn caller_patterns_lose_decoration() {
    let plan = plan(&["1/(555) 12-3.4,1,A", "2/_555.,1,B", "3/_[0-5]X,1,C"]);
    let from = |exten, caller| {
        plan.find(
            Place {
                caller,
                ..place(exten)
            },
            Seek::Priority(1),
        )
        .is_some()
    };
    assert!(from("1", "5551234"));
    assert!(from("2", "5559"));
    assert!(!from("2", "555"));
    assert!(from("3", "39"));
}

#[test]
fn an_extension_exists_by_its_priority_1() {
    let plan = plan(&["100,1,A", "200,2,B", "_3XX,1,C", ">a", "@a", "400,1,D"]);
    for (exten, expected) in [
        ("100", Match::Yes),
        ("399", Match::Yes),
        ("400", Match::Yes),
        ("10", Match::CouldMatch),
        ("3", Match::CouldMatch),
        ("40", Match::CouldMatch),
        ("200", Match::No),
        ("20", Match::No),
        ("1000", Match::No),
        ("5", Match::No),
    ] {
        assert_eq!(plan.exists(place(exten)), expected, "{exten}");
    }
    assert_eq!(
        plan.exists(Place {
            context: "C",
            ..place("100")
        }),
        Match::No
    );
}

#[test]
fn more_digits_are_wanted_until_a_bang() {
    let plan = plan(&[
        "100,1,A", "_2X.,1,B", "_3!,1,C", "_3XX,1,D", "4,2,E", ">a", "@a", "55,1,F",
    ]);
    for (exten, expected) in [
        ("1", true),
        ("100", false),
        ("2", true),
        ("211", true),
        ("3", true),
        ("4", false),
        ("5", true),
        ("55", false),
        ("9", false),
    ] {
        assert_eq!(plan.wants_more(place(exten)), expected, "{exten}");
    }
    // Of the patterns that match 3 the bang comes last; of these it is alone.
    let bang = super::super::fake::plan(&["_3!,1,C", ">a", "@a", "_3XX,1,D"]);
    assert!(!bang.wants_more(place("3")));
}

#[test]
fn the_trie_takes_the_first_pattern_alone() {
    let lines = [
        "_1XX,1,First",
        "_1XX,2,Second",
        "_X.,3,Third",
        "_X.,1,Other",
    ];
    let plan = plan(&[&["trie"], &lines[..]].concat());
    assert_eq!(
        [1, 2, 3, 4].map(|priority| found(&plan, "123", priority)),
        ["First", "Second", "-", "-"]
    );
    assert_eq!(found(&plan, "223", 3), "Third");
    assert!(plan.is_trie());
}

#[test]
fn a_switch_may_know_what_the_plan_does_not() {
    let asking = plan(&["1,1,A", ">a", "@a", "eswitch Realtime/", "@b", "2,1,B"]);
    assert!(asking.may_ask(place("7")));
    let at_b = Place {
        context: "b",
        ..place("7")
    };
    assert!(!asking.may_ask(at_b));
    let deaf = plan(&["eswitch Loopback/x", "1,1,A"]);
    assert!(!deaf.may_ask(place("7")));
    assert_eq!(deaf.contexts()[0].switches()[0].to_string(), "Loopback/x");
    assert!(plan(&["overrideswitch Realtime/"]).may_ask(place("7")));
}

#[test]
fn circles_of_includes_end() {
    let plan = plan(&[">a", "@a", ">c", ">a", "1,1,A"]);
    assert_eq!(found(&plan, "1", 1), "A");
    assert_eq!(plan.exists(place("2")), Match::No);
}
