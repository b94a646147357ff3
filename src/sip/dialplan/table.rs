//! Texts and what they become, by rules that were written down before the
//! code: `tests/fixtures/dialplan/language.txt`.

use super::fake::expand;

const TABLE: &str = include_str!("../../../tests/fixtures/dialplan/language.txt");

/// Between a text and what it becomes.
const ARROW: &str = " → ";

#[test]
fn every_text_becomes_what_its_rule_says() {
    let mut sets = Vec::new();
    let (mut rule, mut count) = ("", 0);
    let mut wrong = String::new();
    for line in TABLE.lines() {
        if let Some(text) = line.strip_prefix("# ") {
            rule = text;
        } else if let Some(set) = line.strip_prefix("set ") {
            sets.push(set);
        } else if let Some((text, expected)) = line.split_once(ARROW) {
            let (value, _) = expand(&sets, text);
            if value != expected {
                wrong += &format!("{rule}:\n  {text} is {value}, not {expected}\n");
            }
            count += 1;
        } else {
            assert!(line.is_empty(), "neither a rule nor a row: {line}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count >= 300, "{count} rows");
}

/// What texts are made of.
const PIECES: &[&str] = &[
    "${",
    "}",
    "$[",
    "]",
    "(",
    ")",
    ":",
    "::",
    ",",
    "?",
    "\"",
    "\\",
    " ",
    "-",
    "+",
    "*",
    "/",
    "%",
    "=",
    "=~",
    "~~",
    "!",
    "|",
    "&",
    "<",
    ">",
    "1",
    "0",
    "9999999999999999999",
    ".",
    "é",
    "%5s",
    "A",
    "LIST",
    "REF",
    "EVAL(",
    "LEN(",
    "CUT(LIST",
    "SHIFT(LIST)",
    "SPRINTF(",
    "STRFTIME(",
    "STRREPLACE(LIST,x,",
    "HASH(h,",
    "SET(A=",
    "INC(N)",
    "MATH(",
    "SORT(",
    "FILTER(",
    "REGEX(",
    "CALLERID(",
    "POW(",
    "IF(",
];

/// Variables the pieces name; one of them is read without end.
const SETS: &[&str] = &[
    "A=alpha",
    "N=1",
    "LIST=x,y,z",
    "REF=${PASSTHRU($)}{EVAL(${PASSTHRU($)}{REF}${PASSTHRU($)}{REF})}",
];

proptest::proptest! {
    #[test]
    fn any_text_comes_to_an_end(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..40),
    ) {
        let text = pieces.concat();
        for text in [format!("$[{text}]"), text] {
            proptest::prop_assert!(expand(SETS, &text).0.len() <= 8191);
        }
    }
}
