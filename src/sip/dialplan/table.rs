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
