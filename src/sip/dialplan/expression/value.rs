//! What `$[…]` computes with: numbers, and texts that may look like numbers.

use alloc::borrow::Cow;
use core::cmp::Ordering;

/// A number, or a text as written, quotes included.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Value<'t> {
    Number(f64),
    Text(Cow<'t, str>),
}

impl<'t> Value<'t> {
    pub(super) fn truth(yes: bool) -> Value<'t> {
        Value::Number(if yes { 1.0 } else { 0.0 })
    }

    pub(super) fn owned(text: String) -> Value<'t> {
        Value::Text(Cow::Owned(text))
    }

    /// The number it is or looks like.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(*number),
            Value::Text(text) => number(bare(text)),
        }
    }

    /// The text without quotes around it.
    pub(super) fn bare(&self) -> Cow<'_, str> {
        match self {
            Value::Number(number) => Cow::Owned(print(*number)),
            Value::Text(text) => Cow::Borrowed(bare(text)),
        }
    }

    /// Neither zero nor empty.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Value::Number(number) => *number != 0.0,
            Value::Text(text) => {
                let text = bare(text);
                !text.is_empty() && number(text) != Some(0.0)
            }
        }
    }

    /// By number if both look like numbers, else byte by byte. Whole numbers
    /// of up to 38 digits compare exactly, so that dialled numbers do.
    pub(super) fn compare(&self, other: &Value<'_>) -> Ordering {
        let (left, right) = (self.bare(), other.bare());
        if let (Ok(left), Ok(right)) = (left.parse::<i128>(), right.parse::<i128>()) {
            return left.cmp(&right);
        }
        match (self.number(), other.number()) {
            (Some(left), Some(right)) => left.total_cmp(&right),
            _ => left.cmp(&right),
        }
    }

    pub(super) fn into_text(self) -> String {
        match self {
            Value::Number(number) => print(number),
            Value::Text(text) => text.into_owned(),
        }
    }
}

fn bare(text: &str) -> &str {
    text.strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text)
}

/// A decimal number and nothing else; `inf`, `nan` and blanks are texts.
fn number(text: &str) -> Option<f64> {
    let looks = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let number = text.parse().ok().filter(|_| looks)?;
    // Minus zero would compare below zero.
    Some(if number == 0.0 { 0.0 } else { number })
}

/// As C's `%.18Lg` prints: plain between 1e-4 and 1e18, with an exponent
/// beyond; as many digits as tell the number apart from its neighbours.
fn print(number: f64) -> String {
    let magnitude = number.abs();
    if magnitude == 0.0 {
        "0".into()
    } else if !number.is_finite() || (1e-4..1e18).contains(&magnitude) {
        format!("{number}")
    } else {
        let scientific = format!("{number:e}");
        let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let (sign, exponent) = exponent
            .strip_prefix('-')
            .map_or(('+', exponent), |exponent| ('-', exponent));
        format!("{digits}e{sign}{exponent:0>2}")
    }
}
