//! `MATH`, `INC`, `DEC` and `RAND`.

use super::super::arguments::split;
use super::super::step::Step;
use super::super::substitute::leading_number;
use super::leading_float;

/// `MATH(number operator number[,type])`: `+ - * / % ^ << >> AND OR XOR`, and
/// `< > <= >= ==`, which yield `TRUE` or `FALSE`. Types are `float` (the
/// default: six decimals), `int`, `hex` and `char`, or their first letters.
/// The first operator of the list above that occurs is the one that counts,
/// `-` last. Dividing by what is not positive yields 0, as in Asterisk.
pub(super) fn math(step: &mut Step<'_>, arguments: &str) -> String {
    let parts = split(arguments, 2);
    let part = |at: usize| parts.get(at).map_or("", |part| &**part);
    let result = Operation::parse(part(0)).and_then(|operation| match operation.holds() {
        Some(yes) => Some(String::from(if yes { "TRUE" } else { "FALSE" })),
        None => printed(operation.value(), part(1)),
    });
    result.unwrap_or_else(|| {
        step.warn("arguments", || {
            format!("MATH({arguments}) is not number, operator, number[,type]")
        });
        String::new()
    })
}

/// In the order they are looked for.
const OPERATORS: [&str; 17] = [
    "*", "/", "%", "^", "AND", "XOR", "OR", ">=", ">>", ">", "<=", "<<", "<", "==", "=", "+", "-",
];

struct Operation {
    operator: &'static str,
    x: f64,
    y: f64,
}

impl Operation {
    fn parse(text: &str) -> Option<Operation> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, text),
        };
        let mut operators = OPERATORS.iter();
        let (operator, at) =
            operators.find_map(|&operator| Some((operator, text.find(operator)?)))?;
        let (x, y) = (text.get(..at)?, text.get(at + operator.len()..)?);
        let x = leading_float(x)?;
        Some(Operation {
            operator,
            x: if negative { -x } else { x },
            y: leading_float(y)?,
        })
    }

    fn holds(&self) -> Option<bool> {
        let (x, y) = (self.x, self.y);
        Some(match self.operator {
            ">" => x > y,
            "<" => x < y,
            ">=" => x >= y,
            "<=" => x <= y,
            "==" => x == y,
            _ => return None,
        })
    }

    fn value(&self) -> Option<f64> {
        let (x, y) = (self.x, self.y);
        let (i, j) = (x as i32, y as i32);
        let shift = u32::try_from(j).unwrap_or(u32::MAX);
        Some(match self.operator {
            "+" => x + y,
            "-" => x - y,
            "*" => x * y,
            "/" if y <= 0.0 => 0.0,
            "/" => x / y,
            "%" => i.checked_rem(j).unwrap_or(0).into(),
            "^" => x.powf(y),
            "<<" => i.checked_shl(shift).unwrap_or(0).into(),
            ">>" => i.checked_shr(shift).unwrap_or(0).into(),
            "AND" => (i & j).into(),
            "OR" => (i | j).into(),
            "XOR" => (i ^ j).into(),
            _ => return None,
        })
    }
}

fn printed(value: Option<f64>, kind: &str) -> Option<String> {
    let value = value?;
    Some(match kind.to_ascii_lowercase().as_str() {
        "" | "float" | "f" => format!("{value:.6}"),
        "int" | "i" => (value as i32).to_string(),
        "hex" | "h" => format!("{:x}", value as i64 as u32),
        "char" | "c" => char::from(value as i64 as u8).to_string(),
        _ => return None,
    })
}

/// `INC(name)`: adds one to a variable and yields the sum.
pub(super) fn increment(step: &mut Step<'_>, arguments: &str) -> String {
    change(step, arguments, 1)
}

/// `DEC(name)`: takes one from a variable and yields the rest.
pub(super) fn decrement(step: &mut Step<'_>, arguments: &str) -> String {
    change(step, arguments, -1)
}

/// A variable that is not a whole number stays as it is.
fn change(step: &mut Step<'_>, name: &str, by: i32) -> String {
    let text = step.scope().value_at_once(name);
    let Ok(number) = text.trim_start().parse::<i32>() else {
        step.warn("arguments", || {
            format!("INC/DEC({name}): '{text}' is not a whole number")
        });
        return String::new();
    };
    let changed = number.wrapping_add(by).to_string();
    step.assign_at_once(name, &changed);
    changed
}

/// `RAND([low][,high])`: a whole number from 0, or `low`, to 2147483647, or
/// `high`, both included.
pub(super) fn random(step: &mut Step<'_>, arguments: &str) -> String {
    let parts = split(arguments, 2);
    let bound = |at: usize, default: i32| {
        let number = parts.get(at).and_then(|part| leading_number(part));
        number.map_or(i64::from(default), |number| {
            number.clamp(i32::MIN.into(), i32::MAX.into())
        })
    };
    let (low, high) = (bound(0, 0), bound(1, i32::MAX));
    let (low, high) = (low.min(high), low.max(high));
    let span = high.abs_diff(low) + 1;
    (low + (step.channels.random() % span) as i64).to_string()
}
