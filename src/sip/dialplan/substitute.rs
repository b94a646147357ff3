//! `${…}` and `$[…]` replaced by their values.
//!
//! Names are looked up by whoever asks, so that one implementation serves
//! globals at load and channels in a call. Where references stand is
//! `template`'s matter.

use alloc::borrow::Cow;

use super::expression;
use super::template::{DEPTH, Inside, Parts, Reference, Span, Template, Value};

/// The longest result, as Asterisk's `EXT_DATA_SIZE`.
pub(super) const TEXT_BYTES: usize = 8191;

/// Bytes that values are usually longer than the references to them.
const USUAL_GROWTH: usize = 24;

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
    let parts = Parts::read(text);
    if let Parts::Plain(_) = parts {
        return Cow::Borrowed(text);
    }
    let mut result = String::with_capacity(text.len() + USUAL_GROWTH);
    parts.fill(text, names, troubles, &mut result);
    Cow::Owned(result)
}

impl Template {
    /// [`substitute`] for a text that was read before. A text without references
    /// is the result itself; any other is put together in `room`.
    pub(super) fn fill<'r>(
        &'r self,
        names: &mut dyn Names,
        troubles: &mut Vec<String>,
        room: &'r mut String,
    ) -> &'r str {
        if let Parts::Plain(_) = self.parts {
            return self;
        }
        room.clear();
        room.reserve(self.len() + USUAL_GROWTH);
        self.parts.fill(self, names, troubles, room);
        room
    }
}

impl Parts {
    /// Adds what it becomes to `out`.
    fn fill(
        &self,
        text: &str,
        names: &mut dyn Names,
        troubles: &mut Vec<String>,
        out: &mut String,
    ) {
        let (whole, before, references) = match self {
            Parts::Plain(span) => return span.push(text, out),
            Parts::TooDeep => {
                return troubles.push(format!("references nest deeper than {DEPTH}"));
            }
            Parts::Mixed {
                whole,
                before,
                references,
            } => (whole, before, references),
        };
        let end = out.len() + TEXT_BYTES;
        before.push(text, out);
        for reference in references {
            reference.fill(text, *whole, names, troubles, out);
            reference.after.push(text, out);
            if out.len() > end {
                troubles.push(format!("the text is cut at {TEXT_BYTES} bytes"));
                return out.truncate(floor(out, end));
            }
        }
    }
}

impl Reference {
    /// Adds what it becomes to `out`. It stands in a part of the text.
    fn fill(
        &self,
        text: &str,
        part: Span,
        names: &mut dyn Names,
        troubles: &mut Vec<String>,
        out: &mut String,
    ) {
        let start = out.len();
        if let Inside::Expression(parts) | Inside::Assembled(parts) = &self.inside {
            parts.fill(text, names, troubles, out);
        }
        if !self.closed {
            let bracket = match self.inside {
                Inside::Expression(_) => ']',
                Inside::Value(_) | Inside::Assembled(_) => '}',
            };
            troubles.push(format!("a '{bracket}' is missing in '{}'", part.of(text)));
        }
        match &self.inside {
            Inside::Value(inside) => {
                let value = inside.find(text, names, troubles);
                out.push_str(inside.cut(&value));
            }
            Inside::Assembled(_) => {
                let inside = Value::read(out, Span::new(start..out.len()));
                let value = inside.find(out, names, troubles);
                out.truncate(start);
                out.push_str(inside.cut(&value));
            }
            Inside::Expression(_) => {
                let inside = out.get(start..).unwrap_or_default();
                let value = expression::evaluate(inside, names, troubles);
                out.truncate(start);
                out.push_str(&value);
            }
        }
    }
}

impl Value {
    /// What the variable or function at hand yields, whose name stands in `text`.
    fn find<'n>(
        &self,
        text: &str,
        names: &'n mut dyn Names,
        troubles: &mut Vec<String>,
    ) -> Cow<'n, str> {
        let name = self.name.of(text);
        let Some(arguments) = self.arguments else {
            return names.variable(name).unwrap_or_default();
        };
        match names.function(name, arguments.of(text)) {
            Some(result) => Cow::Owned(result),
            None => {
                troubles.push(format!("there is no function {name}"));
                Cow::Borrowed("")
            }
        }
    }

    /// The part of a value that is wanted.
    fn cut<'v>(&self, value: &'v str) -> &'v str {
        match self.range {
            None => value,
            Some((offset, length)) => slice(value, offset, length),
        }
    }
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
