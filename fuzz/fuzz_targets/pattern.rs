//! A number and then patterns, one per line: the search finds what trying each
//! pattern of the list finds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pinion_sip::base::UnixTime;
use pinion_sip::dialplan::{Line, Match, Place, PlanBuilder, Seek};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let number = lines.next().unwrap_or_default();
    let mut builder = PlanBuilder::new();
    builder.trie(bytes.len() % 2 == 1);
    let context = builder.context("c");
    for (at, pattern) in lines.enumerate() {
        let (pattern, caller) = match pattern.split_once('/') {
            Some((pattern, caller)) => (pattern, Some(caller)),
            None => (pattern, None),
        };
        let line = Line {
            exten: pattern,
            caller,
            priority: 1 + (at % 3) as u32,
            label: None,
            application: "NoOp",
            arguments: pattern,
            at: "fuzz:1",
        };
        // What stands there twice counts once.
        let _ = builder.add(context, line);
    }
    let plan = builder.build();
    let place = Place {
        context: "c",
        exten: number,
        caller: "5551",
        time: UnixTime(0),
    };
    let dialled = if number.is_empty() { "s" } else { number };
    let list = || {
        let all = plan.contexts()[0].extensions().iter();
        all.filter(|extension| {
            let for_caller = extension
                .caller()
                .is_none_or(|caller| caller.matches("5551") == Match::Yes);
            for_caller && extension.pattern().matches(dialled) == Match::Yes
        })
    };
    for priority in 1..=3 {
        let mut instructions = list().map(|extension| {
            let mut all = extension.instructions().iter();
            all.find(|instruction| instruction.priority == priority)
        });
        let expected = match plan.is_trie() {
            true => instructions.next().flatten(),
            false => instructions.flatten().next(),
        };
        let found = plan.find(place, Seek::Priority(priority));
        let of = |instruction: &pinion_sip::dialplan::Instruction| instruction.arguments.clone();
        assert_eq!(found.map(of), expected.map(of));
        if priority == 1 {
            assert_eq!(plan.exists(place) == Match::Yes, expected.is_some());
        }
    }
    plan.wants_more(place);
    for extension in plan.contexts()[0].extensions() {
        extension.pattern().doubt();
    }
});
