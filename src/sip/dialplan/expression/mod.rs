//! `$[…]`: arithmetic, comparison, logic, conditionals, regular expressions.
//!
//! The grammar and its oddities are Asterisk's (`ast_expr2.y`). Evaluation
//! is bounded in depth, since callers choose parts of the text.

mod token;
mod value;

use core::cmp::Ordering;
use core::fmt;

use regex_lite::RegexBuilder;

use super::substitute::Names;
use token::{Operator, Token, Tokens};
use value::Value;

/// How deep an expression may nest.
const DEPTH: u32 = 64;

/// The largest compiled regular expression, in bytes: what a text of the
/// longest kind is matched with in milliseconds.
const REGEX_BYTES: usize = 1 << 14;

/// What dividing by zero yields (Asterisk's `INT_MAX`).
const DIVIDED_BY_ZERO: f64 = i32::MAX as f64;

/// Why an expression has no value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    Syntax,
    OpenQuote,
    TooDeep,
    NoFunction,
    Regex,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Syntax => "an operand or operator is missing",
            Fault::OpenQuote => "a quote is not closed",
            Fault::TooDeep => "parentheses nest too deep",
            Fault::NoFunction => "there is no such function",
            Fault::Regex => "the regular expression is not valid",
        })
    }
}

/// The value of an expression whose variables have been replaced. Nothing at
/// all is the empty text.
pub(super) fn evaluate(text: &str, names: &mut dyn Names) -> Result<String, Fault> {
    let mut parser = Parser {
        tokens: Tokens::new(text),
        names,
        depth: 0,
    };
    if parser.tokens.peek()?.is_none() {
        return Ok(String::new());
    }
    let value = parser.conditional()?;
    match parser.tokens.take()? {
        None => Ok(value.into_text()),
        Some(_) => Err(Fault::Syntax),
    }
}

struct Parser<'t> {
    tokens: Tokens<'t>,
    names: &'t mut dyn Names,
    depth: u32,
}

/// How tightly an operator binds; all bind to the left.
fn tightness(operator: Operator) -> u8 {
    use Operator::*;
    match operator {
        Or => 1,
        And => 2,
        Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual => 3,
        Plus | Minus => 4,
        Times | Divide | Remainder => 5,
        MatchStart | Match | Concatenate => 7,
    }
}

/// Between the arithmetic and the regular expressions.
const UNARY: u8 = 6;

impl<'t> Parser<'t> {
    /// `binary ? conditional :: conditional`. Both branches are evaluated, for
    /// neither has effects.
    fn conditional(&mut self) -> Result<Value<'t>, Fault> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Fault::TooDeep);
        }
        let mut value = self.binary(0)?;
        if self.tokens.peek()? == Some(Token::Question) {
            self.tokens.take()?;
            let then = self.conditional()?;
            self.expect(Token::Colons)?;
            let otherwise = self.conditional()?;
            value = if value.is_true() { then } else { otherwise };
        }
        self.depth -= 1;
        Ok(value)
    }

    /// Operators that bind tighter than `loosest`.
    fn binary(&mut self, loosest: u8) -> Result<Value<'t>, Fault> {
        let mut left = self.operand()?;
        while let Some(Token::Operator(operator)) = self.tokens.peek()? {
            if tightness(operator) <= loosest {
                break;
            }
            self.tokens.take()?;
            let right = self.binary(tightness(operator))?;
            left = apply(operator, left, right)?;
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Value<'t>, Fault> {
        match self.tokens.take()? {
            Some(Token::Text(text)) if self.tokens.peek()? == Some(Token::Open) => self.call(text),
            Some(Token::Text(text)) => Ok(Value::Text(text.into())),
            Some(Token::Open) => {
                let value = self.conditional()?;
                self.expect(Token::Close)?;
                Ok(value)
            }
            Some(Token::Not) => Ok(Value::truth(!self.unary()?.is_true())),
            Some(Token::Operator(Operator::Minus)) => {
                // From zero, so that there is no minus zero.
                Ok(Value::Number(0.0 - self.unary()?.number().unwrap_or(0.0)))
            }
            _ => Err(Fault::Syntax),
        }
    }

    fn unary(&mut self) -> Result<Value<'t>, Fault> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Fault::TooDeep);
        }
        let value = self.binary(UNARY)?;
        self.depth -= 1;
        Ok(value)
    }

    /// `NAME(argument, …)`, the name already taken.
    fn call(&mut self, name: &str) -> Result<Value<'t>, Fault> {
        self.expect(Token::Open)?;
        let mut arguments = Vec::new();
        while self.tokens.peek()? != Some(Token::Close) {
            if !arguments.is_empty() {
                self.expect(Token::Comma)?;
            }
            arguments.push(self.conditional()?);
        }
        self.expect(Token::Close)?;
        let number = |at: usize| arguments.get(at).and_then(Value::number).unwrap_or(0.0);
        if let Some(result) = mathematics(name, number(0), number(1)) {
            return Ok(Value::Number(result));
        }
        let texts: Vec<String> = arguments.into_iter().map(Value::into_text).collect();
        self.names
            .function(name, &texts.join(","))
            .map(Value::owned)
            .ok_or(Fault::NoFunction)
    }

    fn expect(&mut self, token: Token<'_>) -> Result<(), Fault> {
        match self.tokens.take()? {
            Some(taken) if taken == token => Ok(()),
            _ => Err(Fault::Syntax),
        }
    }
}

fn apply<'t>(operator: Operator, left: Value<'t>, right: Value<'t>) -> Result<Value<'t>, Fault> {
    let compared = |wanted: &[Ordering]| Value::truth(wanted.contains(&left.compare(&right)));
    let number = |value: &Value<'_>| value.number().unwrap_or(0.0);
    Ok(match operator {
        Operator::Or if left.is_true() => left,
        Operator::Or => right,
        Operator::And if left.is_true() && right.is_true() => left,
        Operator::And => Value::Number(0.0),
        Operator::Equal => compared(&[Ordering::Equal]),
        Operator::NotEqual => compared(&[Ordering::Less, Ordering::Greater]),
        Operator::Less => compared(&[Ordering::Less]),
        Operator::LessEqual => compared(&[Ordering::Less, Ordering::Equal]),
        Operator::Greater => compared(&[Ordering::Greater]),
        Operator::GreaterEqual => compared(&[Ordering::Greater, Ordering::Equal]),
        Operator::Plus => Value::Number(number(&left) + number(&right)),
        Operator::Minus => Value::Number(number(&left) - number(&right)),
        Operator::Times => Value::Number(number(&left) * number(&right)),
        Operator::Divide | Operator::Remainder if number(&right) == 0.0 => {
            Value::Number(DIVIDED_BY_ZERO)
        }
        Operator::Divide => Value::Number(number(&left) / number(&right)),
        Operator::Remainder => Value::Number(number(&left) % number(&right)),
        Operator::MatchStart => matched(&left.bare(), &right.bare(), true)?,
        Operator::Match => matched(&left.bare(), &right.bare(), false)?,
        Operator::Concatenate => Value::owned(format!("{}{}", left.bare(), right.bare())),
    })
}

/// The first group if the pattern has one, else the length of the match.
fn matched<'t>(text: &str, pattern: &str, at_start: bool) -> Result<Value<'t>, Fault> {
    let regex = RegexBuilder::new(pattern)
        .size_limit(REGEX_BYTES)
        .build()
        .map_err(|_| Fault::Regex)?;
    let found = regex.captures(text);
    let found =
        found.filter(|found| !at_start || found.get(0).is_some_and(|whole| whole.start() == 0));
    Ok(match (found, regex.captures_len() > 1) {
        (Some(found), true) => Value::owned(found.get(1).map_or("", |group| group.as_str()).into()),
        (Some(found), false) => Value::Number(found.get(0).map_or(0, |whole| whole.len()) as f64),
        (None, true) => Value::owned(String::new()),
        (None, false) => Value::Number(0.0),
    })
}

fn mathematics(name: &str, x: f64, y: f64) -> Option<f64> {
    Some(match name.to_ascii_uppercase().as_str() {
        "COS" => x.cos(),
        "SIN" => x.sin(),
        "TAN" => x.tan(),
        "ACOS" => x.acos(),
        "ASIN" => x.asin(),
        "ATAN" => x.atan(),
        "ATAN2" => x.atan2(y),
        "POW" => x.powf(y),
        "SQRT" => x.sqrt(),
        "FLOOR" => x.floor(),
        "CEIL" => x.ceil(),
        "ROUND" => x.round(),
        "RINT" => x.round_ties_even(),
        "TRUNC" => x.trunc(),
        "EXP" => x.exp(),
        "EXP2" => x.exp2(),
        "EXP10" => 10_f64.powf(x),
        "LOG" => x.ln(),
        "LOG2" => x.log2(),
        "LOG10" => x.log10(),
        "REMAINDER" => x - (x / y).round_ties_even() * y,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
