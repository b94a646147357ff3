use proptest::prelude::*;

use super::*;

/// Both ways: by the automaton, and by trying each pattern of the list.
fn both(patterns: &[String], dialled: &str, wanted: Wanted) -> [Vec<u32>; 2] {
    let mut list: Vec<Pattern> = patterns.iter().map(|p| Pattern::new(p)).collect();
    list.sort();
    let automaton = Automaton::new(&list);
    let meets = match wanted {
        Wanted::Matching => Match::Yes,
        Wanted::Beginning => Match::CouldMatch,
    };
    let meets = |&at: &u32| list[at as usize].matches(dialled) == meets;
    let mut found = places(&automaton, &list, dialled, wanted);
    if wanted == Wanted::Beginning {
        found.retain(meets);
    }
    [found, (0..list.len() as u32).filter(meets).collect()]
}

/// All that the automaton finds.
fn places(automaton: &Automaton, list: &[Pattern], dialled: &str, wanted: Wanted) -> Vec<u32> {
    let mut places = Vec::new();
    let none: Option<()> = automaton.search(list, dialled, wanted, |place| {
        places.push(place);
        None
    });
    assert_eq!(none, None);
    places
}

fn agree(patterns: &[&str], dialled: &str) {
    let patterns: Vec<String> = patterns.iter().map(|&p| p.into()).collect();
    for wanted in [Wanted::Matching, Wanted::Beginning] {
        let [found, expected] = both(&patterns, dialled, wanted);
        assert_eq!(found, expected, "{patterns:?} {dialled} {wanted:?}");
    }
}

#[test]
fn nothing_is_found_in_nothing() {
    agree(&[], "1");
    agree(&["1", "2"], "3");
}

#[test]
fn corners_are_found_as_the_list_has_them() {
    let patterns = [
        "1",
        "12",
        "_1",
        "_1X",
        "_1X.",
        "_1X!",
        "_1!",
        "_1.",
        "_.",
        "_!",
        "_",
        "_[9-0]1",
        "_1[",
        "_[12]2",
        "_-1-2",
        "_N",
        "_ZX",
        "_[0-9a-f]X",
        "_x2",
        "_aX",
        "_AX",
    ];
    for dialled in [
        "", "1", "12", "1-2", "2", "22", "a2", "123", "_1x", "_ax", "_X", "_1", "_", "-", "1[",
    ] {
        agree(&patterns, dialled);
    }
}

#[test]
fn ten_thousand_prefixes_need_few_looks() {
    let list: Vec<Pattern> = (0..10_000)
        .map(|number| Pattern::new(&format!("_{number:04}X.")))
        .collect();
    let automaton = Automaton::new(&list);
    let found = places(&automaton, &list, "712345", Wanted::Matching);
    assert_eq!(found, [7123]);
    assert!(automaton.nodes.len() < 12_000);
}

#[test]
fn long_patterns_are_taken() {
    let long = "1".repeat(2_000);
    let list = ["2", "3"].map(|last| Pattern::new(&format!("_{long}{last}")));
    let automaton = Automaton::new(&list);
    let dialled = format!("{long}3");
    let found = places(&automaton, &list, &dialled, Wanted::Matching);
    assert_eq!(found, [1]);
}

proptest! {
    #[test]
    fn the_automaton_finds_what_the_list_finds(
        patterns in proptest::collection::vec("_?([0-3XNZxnz-]|\\[[0-3-]{0,3}\\]|\\[){0,5}[.!]?", 0..40),
        dialled in "_?[0-3x-]{0,6}",
    ) {
        for wanted in [Wanted::Matching, Wanted::Beginning] {
            let [found, expected] = both(&patterns, &dialled, wanted);
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn any_list_is_taken(patterns in proptest::collection::vec("_\\PC{0,6}", 0..12), dialled in "\\PC{0,6}") {
        let [found, expected] = both(&patterns, &dialled, Wanted::Matching);
        prop_assert_eq!(found, expected);
    }
}
