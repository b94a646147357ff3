//! What `$[…]` computes with: numbers, texts that are numbers, and texts.

use alloc::borrow::Cow;
use core::cmp::Ordering;

use smol_str::SmolStr;

use super::super::arguments::split_at_byte;
use super::super::substitute::leading_number;
use super::number::Number;

/// The value of an expression.
#[derive(Clone, Debug)]
pub(super) enum Value<'t> {
    Number(Number),
    /// A text that counts as a number, as long as nothing asks for its text.
    Digits(Cow<'t, str>),
    /// Any other text as written, quotes included.
    Text(Cow<'t, str>),
}

impl<'t> Value<'t> {
    pub(super) const ZERO: Value<'static> = Value::Number(Number::ZERO);

    pub(super) fn truth(yes: bool) -> Value<'t> {
        Value::whole(yes.into())
    }

    pub(super) fn whole(number: i64) -> Value<'t> {
        Value::Number(Number::Whole(number))
    }

    /// A word of the expression: `12` and `1.5` are numbers.
    pub(super) fn word(text: &'t str) -> Value<'t> {
        let digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !matches!(text.as_bytes(), [b'0'..=b'9', ..]) {
            return Value::Text(text.into());
        }
        let is_number = match split_at_byte(text, b'.') {
            Some((before, after)) => digits(before) && digits(after),
            None => digits(text),
        };
        match is_number {
            true => Value::Digits(text.into()),
            false => Value::Text(text.into()),
        }
    }

    /// A text that was computed: digits and dots are a number.
    pub(super) fn computed(text: String) -> Value<'t> {
        let counts = |byte: u8| byte.is_ascii_digit() || byte == b'.';
        match !text.is_empty() && text.bytes().all(counts) {
            true => Value::Digits(text.into()),
            false => Value::Text(text.into()),
        }
    }

    /// The number it is.
    pub(super) fn number(&self) -> Option<Number> {
        match self {
            Value::Number(number) => Some(*number),
            Value::Digits(text) => Number::parse(text),
            Value::Text(_) => None,
        }
    }

    /// The text, quotes included.
    pub(super) fn text(&self) -> Cow<'_, str> {
        match self {
            Value::Number(number) => Cow::Owned(number.print().into()),
            Value::Digits(text) | Value::Text(text) => Cow::Borrowed(text),
        }
    }

    /// The text without quotes, if there are any around it.
    pub(super) fn bare(&self) -> Cow<'_, str> {
        let text = self.text();
        match text.len() > 1 && text.starts_with('"') && text.ends_with('"') {
            true => Cow::Owned(text.replace('"', "")),
            false => text,
        }
    }

    /// Whether `|` and `&` take it for false: zero, or empty without quotes.
    /// One that is not, and is a number, goes on as a number.
    pub(super) fn is_false(&mut self) -> bool {
        if let Some(number) = self.number() {
            *self = Value::Number(number);
            return number.is_zero();
        }
        self.text().is_empty()
    }

    /// Whether `?` takes it for false: zero, `0`, or empty, even in quotes.
    pub(super) fn is_refused(&self) -> bool {
        match self {
            Value::Text(text) => matches!(&**text, "" | "\"\"" | "0"),
            _ => self.number().is_none_or(Number::is_zero),
        }
    }

    /// What `!` makes of it: numbers as such, texts by the whole number they
    /// begin with.
    pub(super) fn complement(&self) -> Value<'t> {
        Value::truth(match self {
            Value::Number(number) => number.is_zero(),
            Value::Digits(text) | Value::Text(text) => leading_number(text).unwrap_or(0) == 0,
        })
    }

    /// By number if both are numbers, else byte by byte, quotes included. Not
    /// a number compares with nothing.
    pub(super) fn compare(&self, other: &Value<'_>) -> Option<Ordering> {
        match (self, other) {
            (Value::Text(_), _) | (_, Value::Text(_)) => Some(self.text().cmp(&other.text())),
            _ => self.number()?.compare(other.number()?),
        }
    }

    pub(super) fn into_text(self) -> SmolStr {
        match self {
            Value::Number(number) => number.print(),
            Value::Digits(text) | Value::Text(text) => text.into(),
        }
    }
}
