use super::*;

fn yes(pattern: &str, dialled: &[&str]) {
    for dialled in dialled {
        assert_eq!(
            Pattern::new(pattern).matches(dialled),
            Match::Yes,
            "{pattern} {dialled}"
        );
    }
}

fn no(pattern: &str, dialled: &[&str]) {
    for dialled in dialled {
        assert_eq!(
            Pattern::new(pattern).matches(dialled),
            Match::No,
            "{pattern} {dialled}"
        );
    }
}

fn could(pattern: &str, dialled: &[&str]) {
    for dialled in dialled {
        assert_eq!(
            Pattern::new(pattern).matches(dialled),
            Match::CouldMatch,
            "{pattern} {dialled}"
        );
    }
}

fn weight(pattern: &str) -> u32 {
    match &Pattern::new(pattern).shape {
        Shape::Pieces(pieces) => pieces[0].weight(),
        Shape::Exact(_) => panic!("{pattern} is exact"),
    }
}

fn ordered(patterns: &[&str]) {
    for pair in patterns.windows(2) {
        assert!(
            Pattern::new(pair[0]) < Pattern::new(pair[1]),
            "{} before {}",
            pair[0],
            pair[1]
        );
    }
}

#[test]
fn a_literal_matches_itself_and_its_case() {
    yes("_aB", &["aB"]);
    no("_aB", &["ab", "AB", "aBc"]);
    could("_aB", &["", "a"]);
    assert_eq!(weight("_a"), 0x0161);
}

#[test]
fn x_matches_0_to_9() {
    yes("_X", &["0", "9"]);
    yes("_x", &["5"]);
    no("_X", &["a", "X", "/", ":", "12"]);
    assert_eq!(weight("_X"), 0x0a00 | u32::from(b'0'));
}

#[test]
fn z_matches_1_to_9() {
    yes("_Z", &["1", "9"]);
    no("_z", &["0"]);
    assert_eq!(weight("_Z"), 0x0900 | u32::from(b'1'));
}

#[test]
fn n_matches_2_to_9() {
    yes("_N", &["2", "9"]);
    no("_n", &["0", "1"]);
    assert_eq!(weight("_N"), 0x0800 | u32::from(b'2'));
}

#[test]
fn a_set_matches_its_characters_and_ranges() {
    yes("_[13-5a]", &["1", "3", "4", "5", "a"]);
    no("_[13-5a]", &["2", "6", "b"]);
    yes("_[]7", &["7"]);
    yes("_[5-]", &["5"]);
    no("_[9-0]", &["5", "9"]);
    assert_eq!(weight("_[13-5a]"), 5 << 8 | u32::from(b'1'));
    assert_eq!(weight("_[113]"), 2 << 8 | u32::from(b'1'));
}

#[test]
fn a_backslash_in_a_set_escapes_for_the_trie_alone() {
    let trie = Pattern::with_escapes;
    yes("_[\\-^]", &["\\", "]", "^"]);
    for (pattern, members) in [
        ("_[1\\]2]", "1]2"),
        ("_[1\\-3]", "1-3"),
        ("_[\\\\a]", "\\a"),
        ("_[1-\\3]", "123"),
    ] {
        for byte in (b'!'..b'~').filter(|&byte| byte != b'-') {
            let dialled = char::from(byte).to_string();
            let expected = if members.contains(&dialled) {
                Match::Yes
            } else {
                Match::No
            };
            assert_eq!(
                trie(pattern).matches(&dialled),
                expected,
                "{pattern} {dialled}"
            );
        }
    }
    assert_eq!(trie("_[1\\]").doubt(), trie("_[1").doubt());
}

#[test]
fn only_a_bang_says_that_no_more_digits_are_wanted() {
    for (pattern, dialled, expected) in [
        ("123", "12", Some(true)),
        ("123", "123", None),
        ("123", "2", None),
        ("_1X", "", Some(true)),
        ("_1X", "1", Some(true)),
        ("_1X", "12", None),
        ("_1X", "2", None),
        ("_1.", "1", Some(true)),
        ("_1.", "12", Some(true)),
        ("_1!", "", Some(true)),
        ("_1!", "1", Some(false)),
        ("_1!", "12", Some(false)),
        ("_1!", "2", None),
    ] {
        let pattern = Pattern::new(pattern);
        assert_eq!(
            pattern.wants_more(dialled),
            expected,
            "{pattern:?} {dialled}"
        );
    }
}

#[test]
fn a_set_that_is_not_closed_never_matches() {
    no("_1[23", &["12", "1[23"]);
    assert_eq!(weight("_[23"), 0x40000);
    assert!(Pattern::new("_1[23").doubt().is_some());
}

#[test]
fn a_dot_matches_one_or_more_of_anything() {
    yes("_1.", &["12", "1a@b"]);
    could("_1.", &["1", ""]);
    no("_1.", &["2"]);
    assert_eq!(weight("_."), 0x18000);
}

#[test]
fn a_bang_matches_zero_or_more_of_anything() {
    yes("_1!", &["1", "12"]);
    could("_1!", &[""]);
    no("_1!", &["2"]);
    assert_eq!(weight("_!"), 0x28000);
}

#[test]
fn dashes_are_ignored_everywhere_outside_sets() {
    yes("_1-X", &["1-2", "-12-"]);
    yes("5-5", &["55", "5-5-"]);
    assert_eq!(Pattern::new("5-5"), Pattern::new("55"));
}

#[test]
fn the_end_sorts_after_everything_but_a_broken_set() {
    assert_eq!(weight("_"), 0x30000);
    ordered(&["_1.", "_1!", "_1", "_1["]);
}

#[test]
fn an_exact_name_matches_byte_by_byte() {
    yes("s", &["s"]);
    yes("100", &["100"]);
    no("100", &["1000", "200", "S"]);
    could("100", &["", "10"]);
}

#[test]
fn a_pattern_matches_its_own_spelling() {
    yes("_X.", &["_X.", "_x."]);
}

#[test]
fn lower_case_wildcards_surprise_names() {
    no("_next", &["next"]);
    yes("_next", &["2e5t"]);
}

#[test]
fn exact_before_narrow_before_wide_before_open() {
    ordered(&[
        "100",
        "200",
        "_1XX",
        "_NXX",
        "_ZXX",
        "_XXX",
        "_[0-9a]XX",
        "_.",
        "_!",
    ]);
}

#[test]
fn of_equal_counts_the_lower_members_come_first() {
    ordered(&["_[12]", "_[13]", "_[23]"]);
}

#[test]
fn positions_decide_from_left_to_right() {
    ordered(&["_1X.", "_1X", "_1.", "_N1"]);
}

#[test]
fn spellings_that_match_alike_are_one() {
    assert_eq!(Pattern::new("_X."), Pattern::new("_[0-9]."));
    assert_eq!(Pattern::new("_5"), Pattern::new("_[5]"));
    assert_ne!(Pattern::new("_5"), Pattern::new("5"));
}

#[test]
fn text_after_a_dot_is_doubted() {
    assert!(Pattern::new("_X.5").doubt().is_some());
    assert_eq!(Pattern::new("_[.!]5").doubt(), None);
    assert_eq!(Pattern::new("_X.").doubt(), None);
    assert_eq!(Pattern::new("a.b").doubt(), None);
}

proptest::proptest! {
    #[test]
    fn what_could_match_is_what_more_digits_make_match(pattern in "_[0-9XNZ]{0,6}[.!]?", dialled in "[0-9]{0,7}") {
        let compiled = Pattern::new(&pattern);
        let goes_on = (0..10).any(|more| compiled.matches(&format!("{dialled}{more}")) != Match::No);
        match compiled.matches(&dialled) {
            Match::CouldMatch => proptest::prop_assert!(goes_on),
            Match::No => proptest::prop_assert!(!goes_on),
            Match::Yes => {}
        }
    }

    #[test]
    fn any_pattern_compiles_and_sorts(one in "\\PC{0,12}", other in "\\PC{0,12}", dialled in "\\PC{0,12}") {
        let (one, other) = (Pattern::new(&format!("_{one}")), Pattern::new(&other));
        proptest::prop_assert_eq!(one.cmp(&other), other.cmp(&one).reverse());
        one.matches(&dialled);
        one.doubt();
    }
}

#[test]
fn a_pattern_covers_what_is_part_of_it() {
    let covers = |one: &str, other: &str| Pattern::new(one).covers(&Pattern::new(other));
    for (one, other) in [
        ("100", "1-00"),
        ("_1XX", "100"),
        ("_X.", "100"),
        ("_X!", "_X"),
        ("_X!", "_X."),
        ("_.", "_X."),
        ("_.", "_1XX"),
        ("_!", "_."),
        ("_XXX", "_1NZ"),
        ("_[1-5]X", "_[23]Z"),
        ("_X.", "_X."),
    ] {
        assert!(covers(one, other), "{one} covers {other}");
    }
    for (one, other) in [
        ("100", "101"),
        ("100", "_100"),
        ("_X.", "1"),
        ("_X.", "_X"),
        ("_X.", "_X!"),
        ("_1XX", "_XXX"),
        ("_NXX", "_ZXX"),
        ("_XX", "_XXX"),
        ("_XXX", "_XX"),
        ("_[13]", "_[12]"),
    ] {
        assert!(!covers(one, other), "{one} does not cover {other}");
    }
}

proptest::proptest! {
    #[test]
    fn what_is_covered_is_matched(
        one in "_[12XNZ]{0,3}[.!]?",
        other in "_[12XNZ]{0,3}[.!]?",
        digits in "[0-9]{1,5}",
    ) {
        let (one, other) = (Pattern::new(&one), Pattern::new(&other));
        if one.covers(&other) && other.matches(&digits) == Match::Yes {
            proptest::prop_assert_eq!(one.matches(&digits), Match::Yes);
        }
    }
}
