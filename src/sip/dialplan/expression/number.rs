//! The numbers of `$[…]`: x87 long doubles, as Asterisk computes with.
//!
//! Sums, products, quotients and remainders come out to the last digit. What
//! has no exact rule (sines, powers, logarithms) is computed in double
//! precision and may differ from the 17th digit on.

use core::cmp::Ordering;

use rustc_apfloat::ieee::{Double, X87DoubleExtended};
use rustc_apfloat::{Float, FloatConvert, Round};
use smol_str::{SmolStr, ToSmolStr, format_smolstr};

use crate::base::Decimal;

/// A long double.
pub(super) type Real = X87DoubleExtended;

/// Digits `%.18Lg` prints.
const DIGITS: usize = 18;

/// What takes more digits is printed with an exponent.
const PLAIN: u128 = 10_u128.pow(DIGITS as u32);

/// A long double. One that is a whole number of 64 bits may be held as such: a
/// long double has as many bits, so that what is computed is the same.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    /// Zero is the positive one.
    Whole(i64),
    Real(Real),
}

impl Number {
    pub(super) const ZERO: Number = Number::Whole(0);

    pub(super) fn real(self) -> Real {
        match self {
            Number::Whole(number) => Real::from_i128(number.into()).value,
            Number::Real(real) => real,
        }
    }

    pub(super) fn from_double(number: f64) -> Number {
        let double = Double::from_bits(number.to_bits().into());
        Number::Real(double.convert(&mut false).value)
    }

    pub(super) fn to_double(self) -> f64 {
        let double: Double = self.real().convert(&mut false).value;
        f64::from_bits(double.to_bits() as u64)
    }

    /// Either zero.
    pub(super) fn is_zero(self) -> bool {
        match self {
            Number::Whole(number) => number == 0,
            Number::Real(real) => real.is_zero(),
        }
    }

    pub(super) fn plus(self, other: Number) -> Number {
        let sum = self.wholes(other, i64::checked_add);
        sum.unwrap_or_else(|| Number::Real((self.real() + other.real()).value))
    }

    pub(super) fn minus(self, other: Number) -> Number {
        let difference = self.wholes(other, i64::checked_sub);
        difference.unwrap_or_else(|| Number::Real((self.real() - other.real()).value))
    }

    pub(super) fn times(self, other: Number) -> Number {
        let product = self.wholes(other, |x, y| not_zero(x.checked_mul(y)?));
        product.unwrap_or_else(|| Number::Real((self.real() * other.real()).value))
    }

    pub(super) fn divided_by(self, other: Number) -> Number {
        let quotient = self.wholes(other, |x, y| match x.checked_rem(y)? {
            0 => not_zero(x.checked_div(y)?),
            _ => None,
        });
        quotient.unwrap_or_else(|| Number::Real((self.real() / other.real()).value))
    }

    /// What is left after a division, with the sign of what was divided.
    pub(super) fn remainder(self, other: Number) -> Number {
        let rest = self.wholes(other, |x, y| not_zero(x.checked_rem(y)?));
        rest.unwrap_or_else(|| Number::Real(self.real().c_fmod(other.real()).value))
    }

    pub(super) fn negated(self) -> Number {
        let whole = self.wholes(Number::ZERO, |x, _| not_zero(x.checked_neg()?));
        whole.unwrap_or_else(|| Number::Real(-self.real()))
    }

    /// What two whole numbers come to, where that is one, too.
    fn wholes(self, other: Number, compute: fn(i64, i64) -> Option<i64>) -> Option<Number> {
        match (self, other) {
            (Number::Whole(x), Number::Whole(y)) => compute(x, y).map(Number::Whole),
            _ => None,
        }
    }

    /// Not a number compares with nothing.
    pub(super) fn compare(self, other: Number) -> Option<Ordering> {
        match (self, other) {
            (Number::Whole(x), Number::Whole(y)) => Some(x.cmp(&y)),
            _ => self.real().partial_cmp(&other.real()),
        }
    }

    /// The number that digits and dots begin with, as `strtold` reads it;
    /// nothing if it is too large.
    pub(super) fn parse(text: &str) -> Option<Number> {
        if let Some(number) = digits(text) {
            return Some(Number::Whole(number));
        }
        let second_dot = text.match_indices('.').nth(1).map(|(at, _)| at);
        let text = text.get(..second_dot.unwrap_or(text.len()))?;
        if !text.bytes().any(|byte| byte.is_ascii_digit()) {
            return Some(Number::ZERO);
        }
        let number: Real = text.parse().ok()?;
        number.is_finite().then_some(Number::Real(number))
    }

    /// As C's `%.18Lg`: up to 18 digits, plain between 1e-4 and 1e18, with an
    /// exponent beyond.
    pub(super) fn print(self) -> SmolStr {
        match self {
            Number::Whole(number) if u128::from(number.unsigned_abs()) < PLAIN => {
                match u64::try_from(number) {
                    // Most are truths.
                    Ok(0) => SmolStr::new_static("0"),
                    Ok(1) => SmolStr::new_static("1"),
                    Ok(number) => Decimal::new(number).as_str().into(),
                    Err(_) => number.to_smolstr(),
                }
            }
            _ => print(self.real()),
        }
    }
}

/// The number of nothing but digits; nothing if it is too large.
fn digits(text: &str) -> Option<i64> {
    text.bytes().try_fold(0_i64, |number, byte| match byte {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add((byte - b'0').into()),
        _ => None,
    })
}

/// A zero may have come out negative, which no whole number is.
fn not_zero(number: i64) -> Option<i64> {
    (number != 0).then_some(number)
}

fn print(number: Real) -> SmolStr {
    if number.is_nan() {
        return SmolStr::new_static("nan");
    }
    let sign = if number.is_negative() { "-" } else { "" };
    if number.is_infinite() {
        return format_smolstr!("{sign}inf");
    }
    if number.is_zero() {
        return format_smolstr!("{sign}0");
    }
    let mut exact = true;
    let integer = number.to_i128_r(62, Round::TowardZero, &mut exact);
    if exact && integer.value.unsigned_abs() < PLAIN {
        return integer.value.to_smolstr();
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
    format_smolstr!(
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
    use proptest::prelude::*;

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
            ("9223372036854775807", "9.22337203685477581e+18"),
            ("9223372036854775808", "9.22337203685477581e+18"),
            ("18446744073709551615", "1.84467440737095516e+19"),
        ] {
            let parsed = Number::parse(text).map(Number::print);
            assert_eq!(parsed.as_deref(), Some(printed), "{text}");
        }
        let quotient = |x, y| Number::Whole(x).divided_by(Number::Whole(y)).print();
        assert_eq!(quotient(1, 3), "0.333333333333333333");
        assert_eq!(quotient(-2, 3), "-0.666666666666666667");
        assert_eq!(quotient(10, 4), "2.5");
        assert_eq!(quotient(1, 0), "inf");
        assert_eq!(quotient(0, 0), "nan");
        assert_eq!(Number::ZERO.negated().print(), "-0");
        assert!(Number::parse(&"9".repeat(5000)).is_none());
    }

    type Binary = fn(Number, Number) -> Number;

    /// Few digits and many, both signs, both zeros' neighbours and both ends.
    fn whole() -> impl Strategy<Value = i64> {
        let near = |middle: i64| (-3_i64..=3).prop_map(move |by| middle.saturating_add(by));
        let ends = [0, 10_i64.pow(9), 10_i64.pow(18), 1 << 53, 1 << 62, i64::MAX];
        let ends = ends.into_iter().flat_map(|end| [end, -end]);
        let ends = prop::sample::select(ends.collect::<Vec<_>>()).prop_flat_map(near);
        prop_oneof![ends, -1000_i64..1000, any::<i64>()]
    }

    /// The same value, held as a long double.
    fn long(number: Number) -> Number {
        Number::Real(number.real())
    }

    proptest! {
        #[test]
        fn whole_numbers_print_as_they_are(number in -999_999_999_999_999_999_i64..=999_999_999_999_999_999) {
            prop_assert_eq!(long(Number::Whole(number)).print(), number.to_string());
        }

        #[test]
        fn whole_numbers_compute_as_long_doubles_do(x in whole(), y in whole()) {
            let (x, y) = (Number::Whole(x), Number::Whole(y));
            let all: [(&str, Binary); 5] = [
                ("+", Number::plus),
                ("-", Number::minus),
                ("*", Number::times),
                ("/", Number::divided_by),
                ("%", Number::remainder),
            ];
            for (sign, compute) in all {
                let (result, expected) = (compute(x, y), compute(long(x), long(y)));
                let same = result.real().to_bits() == expected.real().to_bits();
                prop_assert!(same, "{x:?} {sign} {y:?} is {result:?}, not {expected:?}");
                prop_assert_eq!(result.print(), expected.print());
            }
            prop_assert_eq!(x.negated().print(), long(x).negated().print());
            prop_assert_eq!(x.compare(y), long(x).compare(long(y)));
            prop_assert_eq!(x.is_zero(), long(x).is_zero());
            prop_assert_eq!(x.print(), long(x).print());
        }

        #[test]
        fn digits_are_read_as_long_doubles_are(digits in "[0-9]{1,22}") {
            let expected: Real = digits.parse().expect("digits are a number");
            let read = Number::parse(&digits).expect("digits are a number");
            prop_assert_eq!(read.real().to_bits(), expected.to_bits());
        }
    }
}
