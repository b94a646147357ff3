//! Functions within `$[…]`: mathematics, and any dialplan function.

use rustc_apfloat::{Float, Round};

use super::super::substitute::Names;
use super::number::{Number, Real};
use super::value::Value;

/// What a function yields; the error is a sentence, and the value is 0 then.
pub(super) fn call<'t>(
    name: &str,
    arguments: &[Value<'_>],
    names: &mut dyn Names,
) -> Result<Value<'t>, String> {
    let may_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if !name.bytes().all(may_name) {
        return Err(format!("'{name}' cannot be the name of a function"));
    }
    if let Some(function) = mathematics(name) {
        return function
            .apply(arguments)
            .map(Value::Number)
            .ok_or_else(|| format!("{name} takes another number of arguments"));
    }
    let texts: Vec<_> = arguments.iter().map(Value::text).collect();
    let result = names.function(name, &texts.join(","));
    let result = result.ok_or_else(|| format!("there is no function {name}"))?;
    Ok(of_dialplan(result))
}

/// A result of digits, dots, dashes and blanks counts as the number it begins
/// with, nothing as 0.
fn of_dialplan<'t>(result: String) -> Value<'t> {
    let numeric = |byte: u8| byte.is_ascii_digit() || b"-. \t".contains(&byte);
    if !result.bytes().all(numeric) {
        return Value::computed(result);
    }
    let text = result.trim_start();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let end = digits.find(['-', ' ', '\t']).unwrap_or(digits.len());
    let number = digits
        .get(..end)
        .and_then(Number::parse)
        .unwrap_or(Number::ZERO);
    Value::Number(if negative { number.negated() } else { number })
}

/// A function of numbers.
enum Mathematics {
    /// Exact.
    One(fn(Real) -> Real),
    Two(fn(Real, Real) -> Real),
    /// In double precision.
    Double(fn(f64) -> f64),
    Doubles(fn(f64, f64) -> f64),
}

impl Mathematics {
    /// What is not a number counts as 0.
    fn apply(&self, arguments: &[Value<'_>]) -> Option<Number> {
        let number = |value: &Value<'_>| value.number().unwrap_or(Number::ZERO);
        let real = |value: &Value<'_>| number(value).real();
        let double = |value: &Value<'_>| number(value).to_double();
        Some(match (self, arguments) {
            (Mathematics::One(function), [x]) => Number::Real(function(real(x))),
            (Mathematics::Two(function), [x, y]) => Number::Real(function(real(x), real(y))),
            (Mathematics::Double(function), [x]) => Number::from_double(function(double(x))),
            (Mathematics::Doubles(function), [x, y]) => {
                Number::from_double(function(double(x), double(y)))
            }
            _ => return None,
        })
    }
}

fn mathematics(name: &str) -> Option<Mathematics> {
    use Mathematics::*;
    Some(match name {
        "ABS" => One(Real::abs),
        "ACOS" => Double(f64::acos),
        "ASIN" => Double(f64::asin),
        "ATAN" => Double(f64::atan),
        "ATAN2" => Doubles(f64::atan2),
        "CEIL" => One(|x| x.round_to_integral(Round::TowardPositive).value),
        "COS" => Double(f64::cos),
        "EXP" => Double(f64::exp),
        "EXP10" => Double(|x| 10_f64.powf(x)),
        "EXP2" => Double(f64::exp2),
        "FLOOR" => One(|x| x.round_to_integral(Round::TowardNegative).value),
        "LOG" => Double(f64::ln),
        "LOG10" => Double(f64::log10),
        "LOG2" => Double(f64::log2),
        "POW" => Doubles(f64::powf),
        "REMAINDER" => Two(|x, y| x.ieee_rem(y).value),
        "RINT" => One(|x| x.round_to_integral(Round::NearestTiesToEven).value),
        "ROUND" => One(|x| x.round_to_integral(Round::NearestTiesToAway).value),
        "SIN" => Double(f64::sin),
        "SQRT" => Double(f64::sqrt),
        "TAN" => Double(f64::tan),
        "TRUNC" => One(|x| x.round_to_integral(Round::TowardZero).value),
        _ => return None,
    })
}
