//! The numbers of `$[…]`: x87 long doubles, as Asterisk computes with.
//!
//! Sums, products, quotients and remainders come out to the last digit. What
//! has no exact rule (sines, powers, logarithms) is computed in double
//! precision and may differ from the 17th digit on.

use rustc_apfloat::ieee::{Double, X87DoubleExtended};
use rustc_apfloat::{Float, FloatConvert};

/// A long double.
pub(super) type Number = X87DoubleExtended;

/// Digits `%.18Lg` prints.
const DIGITS: usize = 18;

/// A whole number.
pub(super) fn whole(number: i64) -> Number {
    Number::from_i128(number.into()).value
}

pub(super) fn from_double(number: f64) -> Number {
    Double::from_bits(number.to_bits().into())
        .convert(&mut false)
        .value
}

pub(super) fn to_double(number: Number) -> f64 {
    let double: Double = number.convert(&mut false).value;
    f64::from_bits(double.to_bits() as u64)
}

/// The number that digits and dots begin with, as `strtold` reads it; nothing
/// if it is too large.
pub(super) fn parse(text: &str) -> Option<Number> {
    if let Ok(number) = text.parse::<u64>() {
        return Some(Number::from_u128(number.into()).value);
    }
    let second_dot = text.match_indices('.').nth(1).map(|(at, _)| at);
    let text = text.get(..second_dot.unwrap_or(text.len()))?;
    if !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return Some(Number::ZERO);
    }
    let number: Number = text.parse().ok()?;
    number.is_finite().then_some(number)
}

/// As C's `%.18Lg`: up to 18 digits, plain between 1e-4 and 1e18, with an
/// exponent beyond.
pub(super) fn print(number: Number) -> String {
    if number.is_nan() {
        return String::from("nan");
    }
    let sign = if number.is_negative() { "-" } else { "" };
    if number.is_infinite() {
        return format!("{sign}inf");
    }
    if number.is_zero() {
        return format!("{sign}0");
    }
    let mut exact = true;
    let integer = number.to_i128_r(62, rustc_apfloat::Round::TowardZero, &mut exact);
    if exact && integer.value.unsigned_abs() < 10_u128.pow(DIGITS as u32) {
        return integer.value.to_string();
    }
    // More digits than are wanted, for these are cut off and not rounded. A
    // width of 0 asks for an exponent.
    let scientific = format!(
        "{:width$.precision$}",
        number.abs(),
        width = 0,
        precision = 3 * DIGITS
    );
    let (mantissa, exponent) = scientific.split_once('E').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (digits, carry) = rounded(&mantissa.replace('.', ""));
    format!(
        "{sign}{}",
        placed(digits.trim_end_matches('0'), exponent + carry)
    )
}

/// The first digits of a text of digits, rounded, and what that adds to the
/// exponent.
fn rounded(digits: &str) -> (String, i32) {
    let (kept, rest) = digits.split_at_checked(DIGITS).unwrap_or((digits, ""));
    let up = u64::from(rest.as_bytes().first().is_some_and(|&digit| digit >= b'5'));
    let number = kept.parse::<u64>().unwrap_or(0) + up;
    let text = number.to_string();
    let carry = i32::from(text.len() > kept.len());
    (text, carry)
}

/// Digits with their point, where the first stands for `10^exponent`.
fn placed(digits: &str, exponent: i32) -> String {
    let point = |at: usize| match digits.split_at_checked(at) {
        Some((before, "")) => String::from(before),
        Some((before, after)) => format!("{before}.{after}"),
        None => format!("{digits:0<at$}"),
    };
    match exponent {
        0..=17 => point(exponent as usize + 1),
        -4..0 => format!("0.{}{digits}", "0".repeat((-exponent - 1) as usize)),
        _ => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{}e{sign}{:02}", point(1), exponent.unsigned_abs())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printing_is_that_of_a_long_double() {
        for (text, printed) in [
            ("0.1", "0.1"),
            ("123456789012345678", "123456789012345678"),
            ("1234567890123456789", "1.23456789012345679e+18"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("1.2.3", "1.2"),
            ("1.", "1"),
            ("100000000000000000000", "1e+20"),
            ("999999999999999999.9", "1e+18"),
            ("12345.678", "12345.678"),
            (".", "0"),
            ("18446744073709551615", "1.84467440737095516e+19"),
        ] {
            assert_eq!(parse(text).map(print).as_deref(), Some(printed), "{text}");
        }
        let quotient = |x, y| print((whole(x) / whole(y)).value);
        assert_eq!(quotient(1, 3), "0.333333333333333333");
        assert_eq!(quotient(-2, 3), "-0.666666666666666667");
        assert_eq!(quotient(10, 4), "2.5");
        assert_eq!(quotient(1, 0), "inf");
        assert_eq!(quotient(0, 0), "nan");
        assert_eq!(print(-whole(0)), "-0");
        assert_eq!(parse(&"9".repeat(5000)), None);
    }

    proptest::proptest! {
        #[test]
        fn whole_numbers_print_as_they_are(number in -999_999_999_999_999_999_i64..=999_999_999_999_999_999) {
            proptest::prop_assert_eq!(print(whole(number)), number.to_string());
        }
    }
}
