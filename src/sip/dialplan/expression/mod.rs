//! `$[…]`: arithmetic, comparison, logic, conditionals, regular expressions.
//!
//! Grammar and oddities are those of Asterisk 13 (`ast_expr2`): quotes belong
//! to a text, so that `"a" = a` does not hold and `"1" = 1` compares texts;
//! only `:`, `=~` and `~~` take them off. Evaluation is bounded in depth,
//! since callers choose parts of the text.
//!
//! It differs where a text cannot be read: a quote that is not closed is an
//! error, and characters without a meaning belong to the word they stand in,
//! while Asterisk drops both.

mod call;
mod number;
mod regex;
mod token;
mod value;

use core::cmp::Ordering;
use core::fmt;

use smol_str::SmolStr;

use super::substitute::Names;
use number::Number;
pub(super) use regex::Regex;
use token::{Operator, Token, Tokens};
use value::Value;

/// How deep an expression may nest.
const DEPTH: u32 = 64;

/// What dividing by zero yields (Asterisk's `INT_MAX`).
const DIVIDED_BY_ZERO: i64 = i32::MAX as i64;

/// Why an expression has no value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    Syntax,
    OpenQuote,
    TooDeep,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Syntax => "an operand or operator is missing",
            Fault::OpenQuote => "a quote is not closed",
            Fault::TooDeep => "parentheses nest too deep",
        })
    }
}

/// The value of an expression whose variables have been replaced: `0` if it
/// has none, and nothing for nothing at all. What went wrong adds a sentence
/// to `troubles`.
pub(super) fn evaluate(text: &str, names: &mut dyn Names, troubles: &mut Vec<String>) -> SmolStr {
    let mut parser = Parser {
        tokens: Tokens::new(text),
        names,
        depth: 0,
        troubles: Vec::new(),
    };
    let value = parser.whole();
    for trouble in parser.troubles {
        troubles.push(format!("{trouble} in $[{text}]"));
    }
    value.unwrap_or_else(|fault| {
        troubles.push(format!("{fault} in $[{text}]"));
        SmolStr::new_static("0")
    })
}

struct Parser<'t> {
    tokens: Tokens<'t>,
    names: &'t mut dyn Names,
    depth: u32,
    troubles: Vec<String>,
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
    fn whole(&mut self) -> Result<SmolStr, Fault> {
        if let Some(value) = self.usual() {
            return Ok(value.into_text());
        }
        if self.tokens.peek()?.is_none() {
            return Ok(SmolStr::default());
        }
        let value = self.conditional()?;
        match self.tokens.take()? {
            None => Ok(value.into_text()),
            Some(_) => Err(Fault::Syntax),
        }
    }

    /// The value of two words and an operator between them, which is what most
    /// expressions are: it takes no recursion. Of others nothing is read.
    fn usual(&mut self) -> Option<Value<'t>> {
        let mut tokens = self.tokens;
        let Ok(Some(Token::Text(left))) = tokens.take() else {
            return None;
        };
        let Ok(Some(Token::Operator(operator))) = tokens.take() else {
            return None;
        };
        let Ok(Some(Token::Text(right))) = tokens.take() else {
            return None;
        };
        if tokens.peek() != Ok(None) {
            return None;
        }
        Some(self.apply(operator, Value::word(left), Value::word(right)))
    }

    /// `binary { ? conditional :: binary }`, to the left. Both branches are
    /// evaluated.
    fn conditional(&mut self) -> Result<Value<'t>, Fault> {
        self.enter()?;
        let mut value = self.binary(0)?;
        while self.tokens.peek()? == Some(Token::Question) {
            self.tokens.take()?;
            let then = self.conditional()?;
            self.expect(Token::Colons)?;
            let otherwise = self.binary(0)?;
            value = if value.is_refused() { otherwise } else { then };
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
            left = self.apply(operator, left, right);
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Value<'t>, Fault> {
        match self.tokens.take()? {
            Some(Token::Text(text)) if self.tokens.peek()? == Some(Token::Open) => self.call(text),
            Some(Token::Text(text)) => Ok(Value::word(text)),
            Some(Token::Open) => {
                let value = self.conditional()?;
                self.expect(Token::Close)?;
                Ok(value)
            }
            Some(Token::Not) => Ok(self.unary()?.complement()),
            Some(Token::Operator(Operator::Minus)) => {
                let value = self.unary()?;
                let number = self.number(&value);
                Ok(Value::Number(number.map_or(Number::ZERO, Number::negated)))
            }
            _ => Err(Fault::Syntax),
        }
    }

    fn unary(&mut self) -> Result<Value<'t>, Fault> {
        self.enter()?;
        let value = self.binary(UNARY)?;
        self.depth -= 1;
        Ok(value)
    }

    /// `NAME(arguments)`; all but the first argument may be empty.
    fn call(&mut self, name: &str) -> Result<Value<'t>, Fault> {
        self.tokens.take()?;
        let mut arguments = vec![self.conditional()?];
        loop {
            match self.tokens.take()? {
                Some(Token::Close) => break,
                Some(Token::Comma) => {}
                _ => return Err(Fault::Syntax),
            }
            arguments.push(match self.tokens.peek()? {
                Some(Token::Comma | Token::Close) => Value::Text("".into()),
                _ => self.conditional()?,
            });
        }
        Ok(match call::call(name, &arguments, self.names) {
            Ok(value) => value,
            Err(trouble) => {
                self.troubles.push(trouble);
                Value::ZERO
            }
        })
    }

    fn enter(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        match self.depth > DEPTH {
            true => Err(Fault::TooDeep),
            false => Ok(()),
        }
    }

    fn expect(&mut self, token: Token<'_>) -> Result<(), Fault> {
        match self.tokens.take()? {
            Some(taken) if taken == token => Ok(()),
            _ => Err(Fault::Syntax),
        }
    }

    fn number(&mut self, value: &Value<'_>) -> Option<Number> {
        let number = value.number();
        if number.is_none() {
            self.troubles
                .push(format!("'{}' is not a number", value.text()));
        }
        number
    }

    fn apply(
        &mut self,
        operator: Operator,
        mut left: Value<'t>,
        mut right: Value<'t>,
    ) -> Value<'t> {
        use Operator::*;
        match operator {
            Or if left.is_false() => right,
            Or => left,
            And if left.is_false() || right.is_false() => Value::ZERO,
            And => left,
            Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual => {
                Value::truth(holds(operator, left.compare(&right)))
            }
            Plus | Minus | Times | Divide | Remainder => self.compute(operator, &left, &right),
            MatchStart => self.matched(&left, &right, true),
            Match => self.matched(&left, &right, false),
            Concatenate => Value::computed(format!("{}{}", left.bare(), right.bare())),
        }
    }

    /// A sum or difference with a text is that with zero; a product is zero.
    fn compute(&mut self, operator: Operator, left: &Value<'_>, right: &Value<'_>) -> Value<'t> {
        let (x, y) = (self.number(left), self.number(right));
        Value::Number(match (operator, x, y) {
            (Operator::Plus, Some(x), Some(y)) => x.plus(y),
            (Operator::Minus, Some(x), Some(y)) => x.minus(y),
            (Operator::Plus | Operator::Minus, Some(x), None) => x,
            (Operator::Plus, None, Some(y)) => y,
            (Operator::Minus, None, Some(y)) => Number::ZERO.minus(y),
            (Operator::Times, Some(x), Some(y)) => x.times(y),
            (Operator::Divide, Some(_), y) if y.is_none_or(Number::is_zero) => {
                self.troubles.push(String::from("a division by zero"));
                Number::Whole(DIVIDED_BY_ZERO)
            }
            (Operator::Divide, Some(x), Some(y)) => x.divided_by(y),
            (Operator::Remainder, Some(x), Some(y)) if !y.is_zero() => x.remainder(y),
            _ => Number::ZERO,
        })
    }

    /// The first group if it took part, else the length of the match in bytes.
    /// An expression that is not valid yields nothing.
    fn matched(&mut self, text: &Value<'_>, pattern: &Value<'_>, at_start: bool) -> Value<'t> {
        let (text, pattern) = (text.bare(), pattern.bare());
        let Some(regex) = Regex::new(&pattern) else {
            self.troubles
                .push(format!("'{pattern}' is not a regular expression"));
            return Value::Text("".into());
        };
        match regex.captures(&text, at_start) {
            Some((_, Some(group))) => Value::computed(group.into()),
            Some((length, None)) => Value::whole(length as i64),
            None if regex.has_groups() => Value::Text("".into()),
            None => Value::ZERO,
        }
    }
}

/// Whether two operands that compare so stand in a relation.
fn holds(relation: Operator, order: Option<Ordering>) -> bool {
    match relation {
        Operator::Equal => order == Some(Ordering::Equal),
        Operator::NotEqual => order != Some(Ordering::Equal),
        Operator::Less => order.is_some_and(Ordering::is_lt),
        Operator::LessEqual => order.is_some_and(Ordering::is_le),
        Operator::Greater => order.is_some_and(Ordering::is_gt),
        _ => order.is_some_and(Ordering::is_ge),
    }
}

#[cfg(test)]
mod tests;
