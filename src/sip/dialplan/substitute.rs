//! `${…}` and `$[…]` replaced by their values.
//!
//! It knows the syntax; names are looked up by whoever asks, so that one
//! implementation serves globals at load and channels in a call.

use alloc::borrow::Cow;

use super::arguments::split_at_byte;
use super::expression;

/// The longest result, as Asterisk's `EXT_DATA_SIZE`.
pub(super) const TEXT_BYTES: usize = 8191;

/// Bytes that values are usually longer than the references to them.
const USUAL_GROWTH: usize = 24;

/// How deep references may nest.
const DEPTH: usize = 32;

/// Where variables and functions are looked up.
pub trait Names {
    /// The value of a variable; nothing counts as empty.
    fn variable(&self, name: &str) -> Option<Cow<'_, str>>;

    /// What a function yields; nothing if there is no such function.
    fn function(&mut self, name: &str, arguments: &str) -> Option<String>;
}

/// Replaces every reference in `text`. What cannot be understood becomes
/// empty (an expression: `0`) and adds a sentence to `troubles`.
pub fn substitute<'t>(
    text: &'t str,
    names: &mut dyn Names,
    troubles: &mut Vec<String>,
) -> Cow<'t, str> {
    substitute_within(text, names, troubles, 0)
}

fn substitute_within<'t>(
    text: &'t str,
    names: &mut dyn Names,
    troubles: &mut Vec<String>,
    depth: usize,
) -> Cow<'t, str> {
    let Some(mut reference) = next_reference(text) else {
        return Cow::Borrowed(text);
    };
    if depth == DEPTH {
        troubles.push(format!("references nest deeper than {DEPTH}"));
        return Cow::Borrowed("");
    }
    let mut result = String::with_capacity(text.len() + USUAL_GROWTH);
    result.push_str(reference.before);
    loop {
        let inner = substitute_within(reference.inner, names, troubles, depth + 1);
        if !reference.closed {
            let bracket = if reference.expression { ']' } else { '}' };
            troubles.push(format!("a '{bracket}' is missing in '{text}'"));
        }
        match reference.expression {
            true => result.push_str(&expression::evaluate(&inner, names, troubles)),
            false => result.push_str(&value(&inner, names, troubles)),
        }
        let next = next_reference(reference.after);
        result.push_str(next.as_ref().map_or(reference.after, |next| next.before));
        if result.len() > TEXT_BYTES {
            troubles.push(format!("the text is cut at {TEXT_BYTES} bytes"));
            result.truncate(floor(&result, TEXT_BYTES));
            return Cow::Owned(result);
        }
        match next {
            Some(next) => reference = next,
            None => return Cow::Owned(result),
        }
    }
}

/// One `${…}` or `$[…]` and its surroundings.
struct Reference<'t> {
    before: &'t str,
    inner: &'t str,
    after: &'t str,
    expression: bool,
    closed: bool,
}

fn next_reference(text: &str) -> Option<Reference<'_>> {
    let mut from = 0;
    loop {
        let ahead = text.as_bytes().get(from..)?;
        let dollar = from + ahead.iter().position(|&byte| byte == b'$')?;
        let expression = match text.as_bytes().get(dollar + 1) {
            Some(b'{') => false,
            Some(b'[') => true,
            _ => {
                from = dollar + 1;
                continue;
            }
        };
        let rest = text.get(dollar + 2..)?;
        let close = closing(rest, expression);
        let end = close.unwrap_or(rest.len());
        return Some(Reference {
            before: text.get(..dollar)?,
            inner: rest.get(..end)?,
            after: rest.get(end + 1..).unwrap_or(""),
            expression,
            closed: close.is_some(),
        });
    }
}

/// Where the bracket that opened just before `text` closes. Each kind counts
/// only its own, as in Asterisk.
fn closing(text: &str, expression: bool) -> Option<usize> {
    let (open, close) = if expression {
        (b'[', b']')
    } else {
        (b'{', b'}')
    };
    let mut depth = 0_u32;
    for (at, byte) in text.bytes().enumerate() {
        if byte == open {
            depth += 1;
        } else if byte == close {
            if depth == 0 {
                return Some(at);
            }
            depth -= 1;
        }
    }
    None
}

/// `NAME[:offset[:length]]` or `FUNC(arguments)[:offset[:length]]`.
fn value<'n>(
    reference: &str,
    names: &'n mut dyn Names,
    troubles: &mut Vec<String>,
) -> Cow<'n, str> {
    let (name, range) = split_range(reference);
    let whole = match split_at_byte(name, b'(') {
        None => names.variable(name).unwrap_or_default(),
        Some((function, arguments)) => {
            let arguments = arguments
                .rsplit_once(')')
                .map_or(arguments, |(arguments, _)| arguments);
            match names.function(function, arguments) {
                Some(result) => Cow::Owned(result),
                None => {
                    troubles.push(format!("there is no function {function}"));
                    Cow::Borrowed("")
                }
            }
        }
    };
    match range {
        None => whole,
        Some((offset, length)) => Cow::Owned(slice(&whole, offset, length).into()),
    }
}

/// The reference without its `:offset:length`, and those two.
fn split_range(reference: &str) -> (&str, Option<(i64, i64)>) {
    let mut parens = 0_i32;
    for (at, byte) in reference.bytes().enumerate() {
        match byte {
            b'(' => parens += 1,
            b')' => parens -= 1,
            b':' if parens == 0 => {
                let (name, range) = reference.split_at_checked(at).unwrap_or((reference, ""));
                let mut numbers = range.split(':').skip(1).map_while(leading_number).fuse();
                let offset = numbers.next().unwrap_or(0);
                return (name, Some((offset, numbers.next().unwrap_or(i64::MAX))));
            }
            _ => {}
        }
    }
    (reference, None)
}

/// The number a text begins with, as `sscanf("%d")` reads it.
pub(super) fn leading_number(text: &str) -> Option<i64> {
    let text = text.trim_start();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    text.get(..text.len() - digits.len() + count)?.parse().ok()
}

/// `length` bytes from `offset`; negative offsets count from the end, and a
/// negative length drops that many from it. Never splits a character.
fn slice(text: &str, offset: i64, length: i64) -> &str {
    let all = text.len() as i64;
    let start = if offset < 0 {
        all.saturating_add(offset).max(0)
    } else {
        offset.min(all)
    };
    let end = if length < 0 {
        all.saturating_add(length)
    } else {
        start.saturating_add(length).min(all)
    };
    let (start, end) = (
        floor(text, start as usize),
        floor(text, end.max(start) as usize),
    );
    text.get(start..end).unwrap_or("")
}

/// The last character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Variables as pairs; `UPPER(x)` is the one function.
    struct Fixed;

    impl Names for Fixed {
        fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
            Some(Cow::Borrowed(match name {
                "EXTEN" => "1234567",
                "N" => "3",
                "NAME" => "EXTEN",
                "UTF" => "héé",
                "EMPTY" => "",
                "INJECT" => "${EXTEN}",
                "A3" => "third",
                _ => return None,
            }))
        }

        fn function(&mut self, name: &str, arguments: &str) -> Option<String> {
            (name == "UPPER").then(|| arguments.to_uppercase())
        }
    }

    fn expand(text: &str) -> String {
        let mut troubles = Vec::new();
        let result = substitute(text, &mut Fixed, &mut troubles).into_owned();
        assert!(troubles.is_empty(), "{text}: {troubles:?}");
        result
    }

    fn trouble(text: &str) -> (String, String) {
        let mut troubles = Vec::new();
        let result = substitute(text, &mut Fixed, &mut troubles).into_owned();
        (result, troubles.join("; "))
    }

    #[test]
    fn substitutions() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("$", "$"),
            ("5$ $x", "5$ $x"),
            ("${EXTEN}", "1234567"),
            ("SIP/${EXTEN}@x", "SIP/1234567@x"),
            ("${EXTEN}${N}", "12345673"),
            ("${exten}", ""),
            ("${GONE}", ""),
            ("${EMPTY}", ""),
            ("${EXTEN:1}", "234567"),
            ("${EXTEN:0}", "1234567"),
            ("${EXTEN:-4}", "4567"),
            ("${EXTEN:-40}", "1234567"),
            ("${EXTEN:1:2}", "23"),
            ("${EXTEN:0:-1}", "123456"),
            ("${EXTEN:2:-2}", "345"),
            ("${EXTEN:-4:2}", "45"),
            ("${EXTEN:-4:-1}", "456"),
            ("${EXTEN:5:-5}", ""),
            ("${EXTEN:7}", ""),
            ("${EXTEN:99}", ""),
            ("${EXTEN:1:0}", ""),
            ("${EXTEN:1:99}", "234567"),
            ("${EXTEN:x}", "1234567"),
            ("${EXTEN:${N}}", "4567"),
            ("${EXTEN:$[1+1]}", "34567"),
            ("${${NAME}}", "1234567"),
            ("${${NAME}:1:1}", "2"),
            ("${A${N}}", "third"),
            ("${A$[1 + 2]}", "third"),
            ("${INJECT}", "${EXTEN}"),
            ("${UPPER(abc)}", "ABC"),
            ("${UPPER(a:b)}", "A:B"),
            ("${UPPER(abc):1}", "BC"),
            ("${UPPER(abc):-1:1}", "C"),
            ("${UPPER(x${N}y)}", "X3Y"),
            ("${UPPER(a(b)c)}", "A(B)C"),
            ("$[${N} + 1]", "4"),
            ("$[$[${N}+1]*2]", "8"),
            ("x$[1]y$[2]z", "x1y2z"),
            ("${UTF:1}", "éé"),
            ("${UTF:2}", "éé"),
            ("${UTF:0:2}", "h"),
            ("{x}[y]", "{x}[y]"),
        ] {
            assert_eq!(expand(text), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_told() {
        assert_eq!(
            trouble("a${EXTEN"),
            ("a1234567".into(), "a '}' is missing in 'a${EXTEN'".into())
        );
        assert_eq!(
            trouble("$[1+1"),
            ("2".into(), "a ']' is missing in '$[1+1'".into())
        );
        assert_eq!(
            trouble("a${NO(1)}b"),
            ("ab".into(), "there is no function NO".into())
        );
        let (value, text) = trouble("$[1 +]");
        assert_eq!(value, "0");
        assert!(text.ends_with("in $[1 +]"), "{text}");
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let deep = "${".repeat(5000) + &"}".repeat(5000);
        assert!(trouble(&deep).1.contains("nest deeper"));
        let long = "${EXTEN}".repeat(2000);
        let (value, text) = trouble(&long);
        assert_eq!(value.len(), TEXT_BYTES);
        assert!(text.contains("cut at"));
        let tail = format!("${{EXTEN}}{}", "x".repeat(9000));
        assert_eq!(trouble(&tail).0.len(), TEXT_BYTES);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken_and_bounded(text in "[${}\\[\\]()\":?!=~|&<>+*/%, a-zA-Z0-9é-]{0,80}") {
            let result = substitute(&text, &mut Fixed, &mut Vec::new());
            proptest::prop_assert!(result.len() <= TEXT_BYTES.max(text.len()));
        }
    }
}
