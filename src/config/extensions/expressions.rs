//! What is wrong with the references and expressions of a text, as far as it
//! shows without a call. It evaluates with variables that somebody made up;
//! nothing is looked up.

use std::borrow::Cow;

use pinion_sip::dialplan::{Names, substitute};

/// Every variable and function has this value.
struct Always(&'static str);

impl Names for Always {
    fn variable(&self, _: &str) -> Option<Cow<'_, str>> {
        Some(self.0.into())
    }

    fn function(&mut self, _: &str, _: &str) -> Option<String> {
        Some(self.0.into())
    }
}

/// What cannot be right in any call, in sentences without a full stop:
/// brackets that are not closed, and expressions without variables that have
/// no value.
pub fn faults(text: &str) -> Vec<String> {
    let mut faults = troubles(text, &mut Always("1"));
    faults.retain(|fault| fault.starts_with("a '"));
    for expression in expressions(text).filter(|expression| !expression.contains("${")) {
        for trouble in troubles(expression, &mut Always("")) {
            if !faults.contains(&trouble) {
                faults.push(trouble);
            }
        }
    }
    faults
}

/// The expressions of a text that have no value while the variables that
/// `names` gives are what they are, each as it is written.
pub fn without_value<'t>(text: &'t str, names: &mut dyn Names) -> Vec<&'t str> {
    expressions(text)
        .filter(|expression| expression.contains("${") && !troubles(expression, names).is_empty())
        .collect()
}

fn troubles(text: &str, names: &mut dyn Names) -> Vec<String> {
    let mut troubles = Vec::new();
    substitute(text, names, &mut troubles);
    troubles
}

/// Every `$[…]` of a text that is closed, those within others after them.
fn expressions(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("$[").filter_map(|(from, _)| {
        let rest = &text[from..];
        let mut depth = 0_u32;
        let end = rest.bytes().position(|byte| {
            match byte {
                b'[' => depth += 1,
                b']' => depth -= 1,
                _ => {}
            }
            byte == b']' && depth == 0
        });
        Some(&rest[..=end?])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_right_is_told() {
        for (text, expected) in [
            ("", &[][..]),
            ("${X} $[1 + 1] $[${X} + ]", &[]),
            ("$[1 +]", &["an operand or operator is missing in $[1 +]"]),
            (
                "${X}$[ = 1]?a:b",
                &["an operand or operator is missing in $[ = 1]"],
            ),
            (
                "$[${X} + $[2 *]]",
                &["an operand or operator is missing in $[2 *]"],
            ),
            ("SIP/${EXTEN", &["a '}' is missing in 'SIP/${EXTEN'"]),
            ("$[${X} = 1", &["a ']' is missing in '$[${X} = 1'"]),
        ] {
            assert_eq!(faults(text), expected, "{text}");
        }
    }

    #[test]
    fn expressions_that_variables_leave_without_value_are_found() {
        let found = |text| without_value(text, &mut Always(""));
        assert_eq!(
            found("$[${A} = 1]?x:y,$[\"${B}\" = \"1\"],$[1 = 1]"),
            ["$[${A} = 1]"]
        );
    }
}
