use pinion_sip::base::UnixTime;
use pinion_sip::dialplan::Seek;

use super::*;
use crate::config::extensions::parse_extensions;

fn plan(text: &str) -> Plan {
    parse_extensions(text, "x").unwrap().0
}

fn place<'a>(exten: &'a str, caller: &'a str) -> Place<'a> {
    Place {
        exten,
        context: "c",
        caller,
        // 2024-02-29 17:05:59 UTC, a Thursday.
        time: UnixTime(1_709_226_359),
    }
}

fn text(plan: &Plan, place: Place<'_>) -> String {
    let mut out = Vec::new();
    let explanation = explain(plan, place).unwrap();
    explanation.write_text(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

const PLAN: &str = "[c]\n\
    exten => 100,1,NoOp(exact)\n\
    exten => 200,1,NoOp\n\
    exten => _1XX/42,1,NoOp(caller)\n\
    exten => _1XX,2,NoOp(second)\n\
    exten => _15X,3,NoOp(third)\n\
    exten => _1XXX,1,NoOp\n\
    exten => _X.,1,NoOp(any)\n\
    exten => _X.,3,NoOp(rest)\n\
    include => day,09:00-17:00,*,*,*\n\
    include => gone\n\
    include => night,18:00-08:00,*,*,*\n\
    include => always\n\
    switch => Realtime/a\n\
    [day]\n[night]\n[always]\nexten => _1.,1,Busy\n";

#[test]
fn each_candidate_is_told_with_its_fate_in_the_order_it_is_tried() {
    let expected = "\
150@c, without a caller's number

[c]
  _15X              matches, but has no priority 1                x:6
  _1XXX             wants more digits                             x:7
  _1XX/42           matches, but is for the caller 42             x:4
  _1XX              matches, but has no priority 1                x:5
  _X.               wins                                          x:8
  2 others do not match
  switch Realtime/a would be asked here
[day], included by [c]: it is not its time (09:00-17:00,*,*,*)
[gone], included by [c]: there is no such context
[night], included by [c]: it is not its time (18:00-08:00,*,*,*)
[always], included by [c]
  _1.               matches, but is tried later                   x:18

What would run:
    1. NoOp(any)                                     x:8  of _X. in [c]
    2. NoOp(second)                                  x:5  of _1XX in [c]
    3. NoOp(third)                                   x:6  of _15X in [c]

After the last, the call ends as DIALSTATUS says (autofallthrough).
";
    assert_eq!(text(&plan(PLAN), place("150", "")), expected);
}

#[test]
fn a_mismatch_names_its_first_character() {
    let told = text(&plan(PLAN), place("2x1", ""));
    for line in [
        "_15X              does not match at character 1 ('2')",
        "_X.               wins",
    ] {
        assert!(told.contains(line), "{told}");
    }
    let plan = plan("[c]\nexten => _12X,1,NoOp\nexten => _1,1,NoOp\n");
    let told = text(&plan, place("12a4", ""));
    assert!(
        told.contains("_12X              does not match at character 3 ('a')"),
        "{told}"
    );
    assert!(
        told.contains("_1                does not match at character 2 ('2')"),
        "{told}"
    );
    assert!(told.ends_with("Nothing matches. A call that dials this gets 404.\n"));
}

#[test]
fn a_number_that_is_too_short_is_told() {
    let told = text(&plan("[c]\nexten => _12XX,1,NoOp\n"), place("12", ""));
    assert!(
        told.contains("_12XX             wants more digits"),
        "{told}"
    );
    assert!(
        told.ends_with("more digits could. A call that dials this gets 484.\n"),
        "{told}"
    );
}

#[test]
fn the_trie_takes_one_pattern_only() {
    let plan = plan(
        "[general]\nextenpatternmatchnew=yes\n[c]\nexten => _1X,1,NoOp\nexten => _X.,2,NoOp\n",
    );
    let explanation = explain(&plan, place("12", "")).unwrap();
    assert_eq!(explanation.steps.len(), 1);
}

#[test]
fn json_says_the_same() {
    let plan = plan(PLAN);
    let json = explain(&plan, place("150", "42")).unwrap().to_json();
    assert_eq!(json["runs"][0]["extension"], "_1XX/42");
    assert_eq!(json["runs"][0]["at"], "x:4");
    assert_eq!(json["tried"][0]["candidates"][2]["won"], true);
    assert_eq!(json["tried"][0]["others"], 2);
    assert_eq!(json["tried"][2]["skipped"], "there is no such context");
    assert_eq!(json["tried"][3]["times"], "18:00-08:00,*,*,*");
}

#[test]
fn there_is_nothing_to_explain_in_a_context_that_is_not_there() {
    let plan = plan("[d]\n");
    assert!(explain(&plan, place("1", "")).is_none());
}

proptest::proptest! {
    /// What is explained is what the engine does.
    #[test]
    fn the_explanation_agrees_with_the_search(
        lines in proptest::collection::vec(("[_]?[12XNZ]{1,3}[.!]?", 1..4_u32, proptest::bool::ANY), 1..12),
        exten in "[12]{1,4}",
        caller in "[12]?",
        trie in proptest::bool::ANY,
    ) {
        let general = if trie { "[general]\nextenpatternmatchnew=yes\n" } else { "" };
        let mut source = format!("{general}[c]\ninclude => d\n");
        for (index, (name, priority, with_caller)) in lines.iter().enumerate() {
            if index == lines.len() / 2 {
                source.push_str("[d]\n");
            }
            let with = if *with_caller { "/1" } else { "" };
            source.push_str(&format!("exten => {name}{with},{priority},NoOp({index})\n"));
        }
        let plan = plan(&source);
        let place = place(&exten, &caller);
        let steps = explain(&plan, place).unwrap().steps;
        if plan.exists(place) == Match::Yes {
            for priority in 1..=4 {
                let found = plan.find(place, Seek::Priority(priority));
                let step = steps.get(priority as usize - 1).map(|step| step.instruction);
                let same = |a: &Instruction, b: &Instruction| std::ptr::eq(a, b);
                if step.is_none() {
                    break;
                }
                proptest::prop_assert!(found.zip(step).is_some_and(|(a, b)| same(a, b)), "{source} {priority}");
            }
            let next = plan.find(place, Seek::Priority(steps.len() as u32 + 1));
            proptest::prop_assert!(next.is_none(), "{source}");
        } else {
            proptest::prop_assert!(steps.is_empty());
        }
    }
}
