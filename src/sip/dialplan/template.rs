//! Where `${…}` and `$[…]` stand in a text: read once, for all calls.
//!
//! It owns the syntax of references; what they stand for is `substitute`'s
//! matter.

use core::fmt;
use core::ops::{Deref, Range};

use super::arguments::split_at_byte;
use super::substitute::leading_number;

/// How deep references may nest.
pub(super) const DEPTH: usize = 32;

/// A text whose references have been found. It reads as the text itself.
#[derive(Clone, Debug)]
pub struct Template {
    text: Box<str>,
    pub(super) parts: Parts,
}

impl Template {
    /// Finds the references of a text.
    pub(super) fn new(text: &str) -> Template {
        Template {
            text: text.into(),
            parts: Parts::read(text),
        }
    }
}

impl Deref for Template {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self)
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Template) -> bool {
        self.text == other.text
    }
}

/// The place of a part in the text that was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(super) fn new(bytes: Range<usize>) -> Span {
        Span {
            start: bytes.start as u32,
            end: bytes.end as u32,
        }
    }

    /// The part.
    pub(super) fn of(self, text: &str) -> &str {
        let bytes = self.start as usize..self.end as usize;
        text.get(bytes).unwrap_or_default()
    }

    /// Adds the part to `out`; it is often empty.
    pub(super) fn push(self, text: &str, out: &mut String) {
        if self.start < self.end {
            out.push_str(self.of(text));
        }
    }

    /// A part of the part.
    fn part(self, bytes: Range<usize>) -> Span {
        let start = self.start as usize;
        Span::new(start + bytes.start..start + bytes.end)
    }
}

/// What a text, or the inside of a reference, consists of.
#[derive(Clone, Debug)]
pub(super) enum Parts {
    /// No references.
    Plain(Span),
    /// References that nest deeper than [`DEPTH`].
    TooDeep,
    /// References and what stands around them.
    Mixed {
        whole: Span,
        /// What stands before the first of them.
        before: Span,
        references: Box<[Reference]>,
    },
}

/// One `${…}` or `$[…]`.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) inside: Inside,
    /// Whether its bracket closes; else it reaches to the end.
    pub(super) closed: bool,
    /// What stands between it and the next one.
    pub(super) after: Span,
}

/// What stands in the brackets.
#[derive(Clone, Debug)]
pub(super) enum Inside {
    /// `$[…]`.
    Expression(Parts),
    /// `${…}` that says as it stands whose value is wanted.
    Value(Value),
    /// `${…}` with references of its own, which are replaced first.
    Assembled(Parts),
}

/// `NAME[:offset[:length]]` or `FUNC(arguments)[:offset[:length]]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub(super) name: Span,
    /// Those of a function.
    pub(super) arguments: Option<Span>,
    /// Offset and length.
    pub(super) range: Option<(i64, i64)>,
}

impl Parts {
    /// Finds the references of a text.
    pub(super) fn read(text: &str) -> Parts {
        Parts::read_within(text, Span::new(0..text.len()), 0)
    }

    fn read_within(text: &str, whole: Span, depth: usize) -> Parts {
        let mut ahead = Brackets::next(text, whole);
        let Some(first) = &ahead else {
            return Parts::Plain(whole);
        };
        if depth == DEPTH {
            return Parts::TooDeep;
        }
        let before = first.before;
        let mut references = Vec::new();
        while let Some(brackets) = ahead {
            let parts = Parts::read_within(text, brackets.inside, depth + 1);
            let inside = match (brackets.expression, parts) {
                (true, parts) => Inside::Expression(parts),
                (false, Parts::Plain(span)) => Inside::Value(Value::read(text, span)),
                (false, parts) => Inside::Assembled(parts),
            };
            ahead = Brackets::next(text, brackets.after);
            references.push(Reference {
                inside,
                closed: brackets.closed,
                after: ahead.as_ref().map_or(brackets.after, |next| next.before),
            });
        }
        Parts::Mixed {
            whole,
            before,
            references: references.into(),
        }
    }
}

/// One `${…}` or `$[…]` and its surroundings.
struct Brackets {
    before: Span,
    inside: Span,
    after: Span,
    expression: bool,
    closed: bool,
}

impl Brackets {
    /// The first in a part of a text.
    fn next(text: &str, part: Span) -> Option<Brackets> {
        let bytes = part.of(text).as_bytes();
        let opens = |pair: &[u8]| matches!(pair, [b'$', b'{' | b'[']);
        let dollar = bytes.windows(2).position(opens)?;
        let open = dollar + 2;
        let expression = bytes.get(dollar + 1) == Some(&b'[');
        let close = closing(bytes.get(open..)?, expression);
        let end = close.map_or(bytes.len(), |close| open + close);
        let after = bytes.len().min(end + 1);
        Some(Brackets {
            before: part.part(0..dollar),
            inside: part.part(open..end),
            after: part.part(after..bytes.len()),
            expression,
            closed: close.is_some(),
        })
    }
}

/// Where the bracket that opened just before `text` closes. Each kind counts
/// only its own, as in Asterisk.
fn closing(text: &[u8], expression: bool) -> Option<usize> {
    let (open, close) = match expression {
        true => (b'[', b']'),
        false => (b'{', b'}'),
    };
    let mut depth = 0_u32;
    for (at, &byte) in text.iter().enumerate() {
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

impl Value {
    /// Reads what is wanted by a part of a text.
    pub(super) fn read(text: &str, part: Span) -> Value {
        let reference = part.of(text);
        let (length, range) = split_range(reference);
        let called = split_at_byte(reference.get(..length).unwrap_or_default(), b'(');
        let Some((name, inside)) = called else {
            return Value {
                name: part.part(0..length),
                arguments: None,
                range,
            };
        };
        let start = name.len() + 1;
        let end = start + inside.rfind(')').unwrap_or(inside.len());
        Value {
            name: part.part(0..name.len()),
            arguments: Some(part.part(start..end)),
            range,
        }
    }
}

/// How much of a reference stands before its `:offset:length`, and those two.
fn split_range(reference: &str) -> (usize, Option<(i64, i64)>) {
    let mut parens = 0_i32;
    for (at, byte) in reference.bytes().enumerate() {
        match byte {
            b'(' => parens += 1,
            b')' => parens -= 1,
            b':' if parens == 0 => {
                let range = reference.get(at + 1..).unwrap_or_default();
                let mut numbers = range.split(':').map_while(leading_number).fuse();
                let offset = numbers.next().unwrap_or(0);
                return (at, Some((offset, numbers.next().unwrap_or(i64::MAX))));
            }
            _ => {}
        }
    }
    (reference.len(), None)
}
