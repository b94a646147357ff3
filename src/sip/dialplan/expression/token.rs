//! The tokens of `$[…]`.

use super::Fault;

/// One token; texts as written, quotes included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Token<'t> {
    Text(&'t str),
    Operator(Operator),
    Not,
    Open,
    Close,
    Comma,
    Question,
    Colons,
}

/// The binary operators; `-` is unary too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Plus,
    Minus,
    Times,
    Divide,
    Remainder,
    MatchStart,
    Match,
    Concatenate,
}

/// A text read token by token.
#[derive(Clone, Copy)]
pub(super) struct Tokens<'t> {
    rest: &'t str,
    /// The token before `rest`; none at the end.
    next: Result<Option<Token<'t>>, Fault>,
}

impl<'t> Tokens<'t> {
    pub(super) fn new(text: &'t str) -> Tokens<'t> {
        let mut tokens = Tokens {
            rest: text,
            next: Ok(None),
        };
        tokens.next = tokens.read();
        tokens
    }

    /// The next token, without taking it.
    pub(super) fn peek(&self) -> Result<Option<Token<'t>>, Fault> {
        self.next
    }

    /// Takes the next token.
    pub(super) fn take(&mut self) -> Result<Option<Token<'t>>, Fault> {
        let after = self.read();
        core::mem::replace(&mut self.next, after)
    }

    fn read(&mut self) -> Result<Option<Token<'t>>, Fault> {
        self.rest = self.rest.trim_ascii_start();
        if self.rest.is_empty() {
            return Ok(None);
        }
        if let Some((token, length)) = sign(self.rest.as_bytes()) {
            self.rest = self.rest.get(length..).unwrap_or("");
            return Ok(Some(token));
        }
        let end = match self.rest.as_bytes() {
            [b'"', inside @ ..] => {
                let close = inside.iter().position(|&byte| byte == b'"');
                close.ok_or(Fault::OpenQuote)? + 2
            }
            word => word_len(word),
        };
        let (text, rest) = self.rest.split_at_checked(end).ok_or(Fault::Syntax)?;
        self.rest = rest;
        Ok(Some(Token::Text(text)))
    }
}

/// Up to where a text is one word: a blank, a quote or a [`sign`].
fn word_len(text: &[u8]) -> usize {
    let ends = |(at, byte): (usize, &u8)| match byte {
        b'"' | b' ' | b'\t' | b'\n' | b'\x0c' | b'\r' => true,
        b'|' | b'&' | b'=' | b'<' | b'>' | b'+' | b'-' | b'*' | b'/' | b'%' | b':' | b'!'
        | b'(' | b')' | b',' | b'?' => true,
        b'~' => text.get(at + 1) == Some(&b'~'),
        _ => false,
    };
    text.iter().enumerate().position(ends).unwrap_or(text.len())
}

/// The operator or parenthesis a text begins with, and its length. The longest
/// spelling counts.
fn sign(text: &[u8]) -> Option<(Token<'static>, usize)> {
    use Operator::*;
    let operator = |operator, length| Some((Token::Operator(operator), length));
    match text {
        [b'|', b'|', ..] => operator(Or, 2),
        [b'&', b'&', ..] => operator(And, 2),
        [b'=', b'=', ..] => operator(Equal, 2),
        [b'!', b'=', ..] => operator(NotEqual, 2),
        [b'<', b'=', ..] => operator(LessEqual, 2),
        [b'>', b'=', ..] => operator(GreaterEqual, 2),
        [b'=', b'~', ..] => operator(Match, 2),
        [b'~', b'~', ..] => operator(Concatenate, 2),
        [b':', b':', ..] => Some((Token::Colons, 2)),
        [b'|', ..] => operator(Or, 1),
        [b'&', ..] => operator(And, 1),
        [b'=', ..] => operator(Equal, 1),
        [b'<', ..] => operator(Less, 1),
        [b'>', ..] => operator(Greater, 1),
        [b'+', ..] => operator(Plus, 1),
        [b'-', ..] => operator(Minus, 1),
        [b'*', ..] => operator(Times, 1),
        [b'/', ..] => operator(Divide, 1),
        [b'%', ..] => operator(Remainder, 1),
        [b':', ..] => operator(MatchStart, 1),
        [b'!', ..] => Some((Token::Not, 1)),
        [b'(', ..] => Some((Token::Open, 1)),
        [b')', ..] => Some((Token::Close, 1)),
        [b',', ..] => Some((Token::Comma, 1)),
        [b'?', ..] => Some((Token::Question, 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_ends_where_something_else_begins() {
        for (byte, next) in (0..=u8::MAX).flat_map(|byte| [(byte, b'a'), (byte, byte)]) {
            let blank = byte.is_ascii_whitespace() || byte == b'"';
            let ends = blank || sign(&[byte, next]).is_some();
            let expected = if ends { 1 } else { 3 };
            assert_eq!(word_len(&[b'a', byte, next]), expected, "{byte:#x}");
        }
    }
}
