//! What is odd about the name of an extension. It knows how names are spelt,
//! and no line but its own.

use pinion_sip::dialplan::Pattern;

/// What is odd about a name or pattern, in sentences.
pub(super) fn doubts(name: &str) -> Vec<String> {
    let mut doubts = Vec::new();
    if let Some(doubt) = Pattern::new(name).doubt() {
        doubts.push(format!("the pattern '{name}' {doubt}. Check it."));
    }
    match name.strip_prefix('_') {
        Some("." | "!") => {
            let end = &name[1..];
            doubts.push(format!(
                "'{name}' matches even special extensions such as h. Use '_X{end}' instead."
            ));
        }
        Some(pattern) => doubts.extend(word(pattern).map(|letter| {
            format!(
                "the '{letter}' of '{name}' stands for a digit. Write [{letter}] for the letter."
            )
        })),
        None if is_like_a_pattern(name) => doubts.push(format!(
            "'{name}' looks like a pattern. Begin it with '_', or nobody can dial it."
        )),
        None => {}
    }
    doubts
}

/// The first letter that stands for a digit in a pattern that is a word: one
/// that has other letters, too.
fn word(pattern: &str) -> Option<char> {
    let mut in_set = false;
    let outside = pattern.chars().filter(|&character| {
        let inside = in_set || character == '[';
        in_set = match character {
            '[' => true,
            ']' => false,
            _ => in_set,
        };
        !inside
    });
    let outside: Vec<char> = outside.collect();
    let stands_for_a_digit = |letter: &&char| "NXZnxz".contains(**letter);
    let letters = outside.iter().filter(|letter| letter.is_ascii_alphabetic());
    let is_word = letters.clone().any(|letter| !stands_for_a_digit(&letter));
    let first = outside.iter().find(stands_for_a_digit);
    first.copied().filter(|_| is_word)
}

/// Whether a name without `_` has what only patterns have: wildcards among
/// digits, a set, or an end that stays open.
fn is_like_a_pattern(name: &str) -> bool {
    let of_a_pattern =
        |character: char| character.is_ascii_digit() || "NXZ[]-.!*#+".contains(character);
    let wild = |character: char| "NXZ[.!".contains(character);
    name.chars().all(of_a_pattern) && name.contains(wild)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_say_what_they_mean_are_not_doubted() {
        for name in [
            "100",
            "_X.",
            "_NXXNXXXXXX",
            "_[a-n]X!",
            "_+49X.",
            "s",
            "h",
            "next",
            "exten",
            "*97",
            "_*[nxz]X.",
            "_1[XYZ]2",
            "MAX",
            "alice.b",
            "_-X-",
        ] {
            assert_eq!(doubts(name), [""; 0], "{name}");
        }
    }

    #[test]
    fn a_pattern_that_is_a_word_is_doubted() {
        for (name, letter) in [
            ("_next.", 'n'),
            ("_fax", 'x'),
            ("_Zoe!", 'Z'),
            ("_s[n]xy", 'x'),
        ] {
            let expected = format!(
                "the '{letter}' of '{name}' stands for a digit. Write [{letter}] for the letter."
            );
            assert_eq!(doubts(name), [expected]);
        }
    }

    #[test]
    fn a_pattern_without_its_underscore_is_doubted() {
        for name in ["1XXX", "NXXNXXXXXX", "X.", "[1-3]00", "9!", "00."] {
            let expected =
                format!("'{name}' looks like a pattern. Begin it with '_', or nobody can dial it.");
            assert_eq!(doubts(name), [expected]);
        }
    }

    #[test]
    fn a_pattern_for_everything_is_doubted() {
        let all = "'_.' matches even special extensions such as h. Use '_X.' instead.";
        assert_eq!(doubts("_."), [all]);
        let any = "'_!' matches even special extensions such as h. Use '_X!' instead.";
        assert_eq!(doubts("_!"), [any]);
    }
}
