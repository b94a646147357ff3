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

/// Longer spellings stand before the shorter ones they begin with.
const SIGNS: [(&str, Token<'static>); 25] = [
    ("||", Token::Operator(Operator::Or)),
    ("&&", Token::Operator(Operator::And)),
    ("==", Token::Operator(Operator::Equal)),
    ("!=", Token::Operator(Operator::NotEqual)),
    ("<=", Token::Operator(Operator::LessEqual)),
    (">=", Token::Operator(Operator::GreaterEqual)),
    ("=~", Token::Operator(Operator::Match)),
    ("~~", Token::Operator(Operator::Concatenate)),
    ("::", Token::Colons),
    ("|", Token::Operator(Operator::Or)),
    ("&", Token::Operator(Operator::And)),
    ("=", Token::Operator(Operator::Equal)),
    ("<", Token::Operator(Operator::Less)),
    (">", Token::Operator(Operator::Greater)),
    ("+", Token::Operator(Operator::Plus)),
    ("-", Token::Operator(Operator::Minus)),
    ("*", Token::Operator(Operator::Times)),
    ("/", Token::Operator(Operator::Divide)),
    ("%", Token::Operator(Operator::Remainder)),
    (":", Token::Operator(Operator::MatchStart)),
    ("!", Token::Not),
    ("(", Token::Open),
    (")", Token::Close),
    (",", Token::Comma),
    ("?", Token::Question),
];

/// A text read token by token.
#[derive(Clone)]
pub(super) struct Tokens<'t> {
    rest: &'t str,
}

impl<'t> Tokens<'t> {
    pub(super) fn new(text: &'t str) -> Tokens<'t> {
        Tokens { rest: text }
    }

    /// The next token, without taking it.
    pub(super) fn peek(&self) -> Result<Option<Token<'t>>, Fault> {
        self.clone().take()
    }

    /// Takes the next token.
    pub(super) fn take(&mut self) -> Result<Option<Token<'t>>, Fault> {
        self.rest = self.rest.trim_ascii_start();
        if self.rest.is_empty() {
            return Ok(None);
        }
        if let Some((token, rest)) = sign(self.rest) {
            self.rest = rest;
            return Ok(Some(token));
        }
        let end = match self.rest.strip_prefix('"') {
            Some(inside) => inside.find('"').ok_or(Fault::OpenQuote)? + 2,
            None => self.word(),
        };
        let (text, rest) = self.rest.split_at_checked(end).ok_or(Fault::Syntax)?;
        self.rest = rest;
        Ok(Some(Token::Text(text)))
    }

    /// Where the word we are at ends.
    fn word(&self) -> usize {
        let ends = |&(at, character): &(usize, char)| {
            character.is_ascii_whitespace()
                || character == '"'
                || self.rest.get(at..).is_some_and(|rest| sign(rest).is_some())
        };
        self.rest
            .char_indices()
            .find(ends)
            .map_or(self.rest.len(), |(at, _)| at)
    }
}

fn sign(text: &str) -> Option<(Token<'static>, &str)> {
    SIGNS
        .iter()
        .find_map(|&(spelling, token)| Some((token, text.strip_prefix(spelling)?)))
}
