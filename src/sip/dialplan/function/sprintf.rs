//! `SPRINTF(format,argument,…)`, with the conversions of C: `d i o u x X c`,
//! `e E f F g G`, `s` and `%`. Those of hexadecimal floats (`a`, `A`) are not
//! known.

use super::super::arguments::split;
use super::super::step::Step;
use super::super::substitute::{TEXT_BYTES, leading_number};
use super::leading_float;

/// Arguments, and the format before them.
const MOST: usize = 101;

/// A conversion that does not fit its argument yields nothing at all.
pub(super) fn sprintf(step: &mut Step<'_>, arguments: &str) -> String {
    let mut parts = split(arguments, MOST).into_iter();
    let format = parts.next().unwrap_or_default();
    let result = formatted(&format, &mut || parts.next().map(String::from));
    result.unwrap_or_else(|trouble| {
        step.warn("arguments", || format!("SPRINTF({arguments}): {trouble}"));
        String::new()
    })
}

fn formatted(
    mut format: &str,
    next: &mut dyn FnMut() -> Option<String>,
) -> Result<String, &'static str> {
    let mut result = String::new();
    while let Some((plain, rest)) = format.split_once('%') {
        result.push_str(plain);
        let (conversion, rest) = Conversion::parse(rest).ok_or("a conversion is not known")?;
        result.push_str(&match conversion.letter {
            '%' => String::from("%"),
            's' => conversion.text(&next().unwrap_or_default()),
            _ => {
                let argument = next().ok_or("there are more conversions than arguments")?;
                conversion
                    .number(&argument)
                    .ok_or("an argument is not a number")?
            }
        });
        format = rest;
        if result.len() > TEXT_BYTES {
            return Err("the result is too long");
        }
    }
    result.push_str(format);
    Ok(result)
}

/// `%[flags][width][.precision][length]letter`.
struct Conversion {
    left: bool,
    zeros: bool,
    plus: bool,
    blank: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
    letter: char,
}

impl Conversion {
    fn parse(text: &str) -> Option<(Conversion, &str)> {
        let rest = text.trim_start_matches(['#', '0', '-', ' ', '+', '\'', 'I']);
        let flags = text.strip_suffix(rest)?;
        let (width, rest) = count(rest);
        let (precision, rest) = match rest.strip_prefix('.') {
            Some(rest) => {
                let (precision, rest) = count(rest);
                (Some(precision), rest)
            }
            None => (None, rest),
        };
        let mut letters = rest
            .trim_start_matches(['h', 'l', 'L', 'q', 'j', 'z', 't'])
            .chars();
        let letter = letters
            .next()
            .filter(|&letter| "diouxXceEfFgGs%".contains(letter))?;
        let conversion = Conversion {
            left: flags.contains('-'),
            zeros: flags.contains('0'),
            plus: flags.contains('+'),
            blank: flags.contains(' '),
            alternate: flags.contains('#'),
            width,
            precision,
            letter,
        };
        Some((conversion, letters.as_str()))
    }

    fn text(&self, text: &str) -> String {
        let most = self.precision.unwrap_or(usize::MAX);
        self.padded("", &text.chars().take(most).collect::<String>(), false)
    }

    fn number(&self, argument: &str) -> Option<String> {
        if "eEfFgG".contains(self.letter) {
            let number = leading_float(argument)?;
            let digits = self.float(number.abs());
            return Some(self.padded(self.sign(number.is_sign_negative()), &digits, self.zeros));
        }
        let number = leading_number(argument)? as i32;
        let bits = number as u32;
        let (prefix, digits) = match self.letter {
            'c' => return Some(self.padded("", &char::from(bits as u8).to_string(), false)),
            'u' => ("", bits.to_string()),
            'o' => (if self.alternate { "0" } else { "" }, format!("{bits:o}")),
            'x' => (if self.alternate { "0x" } else { "" }, format!("{bits:x}")),
            'X' => (if self.alternate { "0X" } else { "" }, format!("{bits:X}")),
            _ => (self.sign(number < 0), number.unsigned_abs().to_string()),
        };
        let precision = self.precision.unwrap_or(1);
        let digits = format!("{digits:0>precision$}");
        // A precision says how many zeros there are already.
        Some(self.padded(prefix, &digits, self.zeros && self.precision.is_none()))
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.blank) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        }
    }

    fn float(&self, number: f64) -> String {
        let precision = self.precision.unwrap_or(6);
        let text = match self.letter.to_ascii_lowercase() {
            'f' => format!("{number:.precision$}"),
            'e' => scientific(number, precision),
            _ => self.general(number, precision.max(1)),
        };
        match self.letter.is_ascii_uppercase() {
            true => text.to_uppercase(),
            false => text,
        }
    }

    /// `%g`: whichever of the two forms suits, without zeros at the end.
    fn general(&self, number: f64, precision: usize) -> String {
        let scientific = scientific(number, precision - 1);
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let trimmed = |text: &str| match text.contains('.') && !self.alternate {
            true => String::from(text.trim_end_matches('0').trim_end_matches('.')),
            false => String::from(text),
        };
        let power: i64 = exponent.parse().unwrap_or(0);
        match usize::try_from(precision as i64 - 1 - power) {
            Ok(decimals) if power >= -4 => trimmed(&format!("{number:.decimals$}")),
            _ => format!("{}e{exponent}", trimmed(mantissa)),
        }
    }

    fn padded(&self, prefix: &str, body: &str, zeros: bool) -> String {
        let room = self
            .width
            .saturating_sub(prefix.len() + body.chars().count());
        match (self.left, zeros) {
            (true, _) => format!("{prefix}{body}{}", " ".repeat(room)),
            (false, true) => format!("{prefix}{}{body}", "0".repeat(room)),
            (false, false) => format!("{}{prefix}{body}", " ".repeat(room)),
        }
    }
}

/// `%e`: an exponent of at least two digits, with its sign.
fn scientific(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = exponent.parse().unwrap_or(0);
    let sign = if power < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", power.unsigned_abs())
}

/// The number a text begins with, no larger than the longest text.
fn count(text: &str) -> (usize, &str) {
    let rest = text.trim_start_matches(|character: char| character.is_ascii_digit());
    let digits = text.strip_suffix(rest).unwrap_or("");
    let number = match digits {
        "" => 0,
        _ => digits.parse().unwrap_or(TEXT_BYTES),
    };
    (number.min(TEXT_BYTES), rest)
}
