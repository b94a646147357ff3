//! Extension names and patterns: what they match, and which comes first.
//!
//! It knows characters only: contexts, priorities and caller numbers belong
//! to `plan`.

use alloc::borrow::Cow;
use core::cmp::{Ordering, Reverse};

/// How a name or pattern meets a dialled number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Match {
    /// No more digits could make it match.
    No,
    /// More digits could make it match.
    CouldMatch,
    /// It matches as it stands.
    Yes,
}

/// An extension's name, exact or (with a leading `_`) a pattern.
///
/// The order is that of precedence: exact names first, byte by byte; then
/// patterns, position by position, the narrower set of characters first. Two
/// spellings that match alike (`_X.`, `_[0-9].`, `_x-.`) are equal.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: Box<str>,
    shape: Shape,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Shape {
    /// Without its dashes.
    Exact(Box<[u8]>),
    Pieces(Box<[Piece]>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Piece {
    /// One character of a set.
    One(Set),
    /// `.`: one or more of anything.
    Some,
    /// `!`: zero or more of anything.
    Any,
    /// The end; a shorter pattern comes after a longer one it begins.
    End,
    /// A set without `]`, which nothing matches.
    Never,
}

/// A set of bytes; byte 0 is the highest bit of the first word, so that the
/// set with the lower members is the greater number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Set([u64; 4]);

impl Set {
    const EMPTY: Set = Set([0; 4]);

    fn with(mut self, from: u8, to: u8) -> Set {
        for byte in from..=to {
            if let Some(word) = self.0.get_mut(usize::from(byte >> 6)) {
                *word |= 1 << (63 - (byte & 63));
            }
        }
        self
    }

    pub(super) fn contains(&self, byte: u8) -> bool {
        self.0
            .get(usize::from(byte >> 6))
            .is_some_and(|word| word & (1 << (63 - (byte & 63))) != 0)
    }

    fn holds(&self, other: &Set) -> bool {
        let mut words = self.0.iter().zip(&other.0);
        words.all(|(word, other)| other & !word == 0)
    }

    pub(super) fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    pub(super) fn lowest(&self) -> u32 {
        let leading = self.0.iter().position(|&word| word != 0);
        leading.map_or(0, |at| {
            at as u32 * 64 + self.0.get(at).map_or(0, |word| word.leading_zeros())
        })
    }
}

impl Piece {
    /// Where the piece sorts among those of its position (`ext_cmp_pattern_pos`).
    fn weight(&self) -> u32 {
        match self {
            Piece::One(set) => set.count() << 8 | set.lowest(),
            Piece::Some => 0x18000,
            Piece::Any => 0x28000,
            Piece::End => 0x30000,
            Piece::Never => 0x40000,
        }
    }

    fn rank(&self) -> (u32, Reverse<Set>) {
        let set = if let Piece::One(set) = self {
            *set
        } else {
            Set::EMPTY
        };
        (self.weight(), Reverse(set))
    }
}

impl PartialOrd for Piece {
    fn partial_cmp(&self, other: &Piece) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Piece {
    fn cmp(&self, other: &Piece) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl Pattern {
    /// Compiles a name, or a pattern when it begins with `_`. A `\` in a set
    /// is one of its members.
    pub fn new(source: &str) -> Pattern {
        Pattern::compile(source, false)
    }

    /// As [`Pattern::new`], but a `\` in a set takes its meaning from the
    /// character that follows (`extenpatternmatchnew`).
    pub fn with_escapes(source: &str) -> Pattern {
        Pattern::compile(source, true)
    }

    fn compile(source: &str, escapes: bool) -> Pattern {
        let shape = match source.strip_prefix('_') {
            Some(pattern) => Shape::Pieces(pieces(pattern.as_bytes(), escapes)),
            None => Shape::Exact(without_dashes(source.as_bytes()).collect()),
        };
        Pattern {
            source: source.into(),
            shape,
        }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether it is a pattern rather than an exact name.
    pub fn is_pattern(&self) -> bool {
        matches!(self.shape, Shape::Pieces(_))
    }

    /// What is odd about it, in a sentence, for whoever wrote it.
    pub fn doubt(&self) -> Option<&'static str> {
        let Shape::Pieces(pieces) = &self.shape else {
            return None;
        };
        if pieces.contains(&Piece::Never) {
            return Some("has a '[' without ']' and never matches");
        }
        let wild = self.source.find(['.', '!'])?;
        let inside_set = self
            .source
            .get(..wild)
            .and_then(|before| before.rfind('['))
            .is_some_and(|open| {
                self.source
                    .get(open..wild)
                    .is_some_and(|set| !set.contains(']'))
            });
        (wild + 1 < self.source.len() && !inside_set)
            .then_some("goes on after '.' or '!', which matches the rest")
    }

    /// The exact name without its dashes; nothing for a pattern.
    pub(super) fn exact(&self) -> Option<&[u8]> {
        match &self.shape {
            Shape::Exact(name) => Some(name),
            Shape::Pieces(_) => None,
        }
    }

    /// Whether more digits could make it match, once more or at last; nothing
    /// if they could not. No more are wanted (`false`) where `!` matches.
    pub(super) fn wants_more(&self, dialled: &str) -> Option<bool> {
        let digits = without_dashes(dialled.as_bytes());
        match &self.shape {
            Shape::Exact(name) => (prefix(name, digits) == Match::CouldMatch).then_some(true),
            Shape::Pieces(pieces) => match (follow(pieces, digits), pieces.last()) {
                (Match::Yes, Some(Piece::Any)) => Some(false),
                (Match::Yes, Some(Piece::Some)) | (Match::CouldMatch, _) => Some(true),
                (Match::Yes | Match::No, _) => None,
            },
        }
    }

    /// Whether it matches everything that `other` matches.
    pub fn covers(&self, other: &Pattern) -> bool {
        match (&self.shape, &other.shape) {
            (Shape::Exact(name), Shape::Exact(other)) => name == other,
            (Shape::Exact(_), Shape::Pieces(_)) => false,
            (Shape::Pieces(pieces), Shape::Exact(name)) => {
                follow(pieces, name.iter().copied()) == Match::Yes
            }
            (Shape::Pieces(pieces), Shape::Pieces(others)) => covers(pieces, others),
        }
    }

    /// The pieces of a pattern; none of an exact name.
    pub(super) fn pieces(&self) -> &[Piece] {
        match &self.shape {
            Shape::Exact(_) => &[],
            Shape::Pieces(pieces) => pieces,
        }
    }

    /// Compares with what was dialled. Dashes count nowhere. A pattern also
    /// matches its own spelling, so that `Goto(_X.,1)` finds it.
    pub fn matches(&self, dialled: &str) -> Match {
        let digits = without_dashes(dialled.as_bytes());
        match &self.shape {
            Shape::Exact(name) => prefix(name, digits),
            Shape::Pieces(_) if self.source.eq_ignore_ascii_case(dialled) => Match::Yes,
            Shape::Pieces(pieces) => follow(pieces, digits),
        }
    }
}

impl AsRef<Pattern> for Pattern {
    fn as_ref(&self) -> &Pattern {
        self
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.shape == other.shape
    }
}

impl Eq for Pattern {}

impl PartialOrd for Pattern {
    fn partial_cmp(&self, other: &Pattern) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Pattern {
    fn cmp(&self, other: &Pattern) -> Ordering {
        self.shape.cmp(&other.shape)
    }
}

/// What counts of a dialled number, which seldom has dashes.
pub(super) fn plain(dialled: &[u8]) -> Cow<'_, [u8]> {
    match memchr::memchr(b'-', dialled) {
        Some(_) => Cow::Owned(without_dashes(dialled).collect()),
        None => Cow::Borrowed(dialled),
    }
}

/// The bytes that count in a name or a dialled number.
fn without_dashes(bytes: &[u8]) -> impl Iterator<Item = u8> + '_ {
    bytes.iter().copied().filter(|&byte| byte != b'-')
}

fn prefix(name: &[u8], digits: impl Iterator<Item = u8>) -> Match {
    let mut name = name.iter();
    for digit in digits {
        if name.next() != Some(&digit) {
            return Match::No;
        }
    }
    if name.as_slice().is_empty() {
        Match::Yes
    } else {
        Match::CouldMatch
    }
}

/// Compares the pieces of a pattern, or the last of them, with digits.
pub(super) fn follow(pieces: &[Piece], mut digits: impl Iterator<Item = u8>) -> Match {
    for piece in pieces {
        let digit = digits.next();
        match (piece, digit) {
            (Piece::Any, _) | (Piece::Some, Some(_)) | (Piece::End, None) => return Match::Yes,
            (Piece::Never, _) | (Piece::End, Some(_)) => return Match::No,
            (Piece::One(set), Some(digit)) if !set.contains(digit) => return Match::No,
            (Piece::One(_) | Piece::Some, None) => return Match::CouldMatch,
            (Piece::One(_), Some(_)) => {}
        }
    }
    Match::No
}

/// Whether what one pattern matches is part of what another does. Only that is
/// found which shows piece by piece; `.` covers what has a character and goes
/// on as it likes.
fn covers(pieces: &[Piece], others: &[Piece]) -> bool {
    let mut others = others.iter();
    for piece in pieces {
        match (piece, others.next()) {
            (_, Some(Piece::Never)) | (Piece::Any, _) => return true,
            (Piece::Some, Some(Piece::One(_) | Piece::Some)) => return true,
            (Piece::End, Some(Piece::End)) => return true,
            (Piece::One(set), Some(Piece::One(other))) if set.holds(other) => {}
            _ => return false,
        }
    }
    false
}

/// Reads what follows the `_`. Always ends in a piece that decides.
fn pieces(pattern: &[u8], escapes: bool) -> Box<[Piece]> {
    let mut pieces = Vec::new();
    let mut rest = pattern.iter();
    while let Some(&byte) = rest.next() {
        let one = |from, to| Piece::One(Set::EMPTY.with(from, to));
        pieces.push(match byte {
            b'-' => continue,
            b'X' | b'x' => one(b'0', b'9'),
            b'Z' | b'z' => one(b'1', b'9'),
            b'N' | b'n' => one(b'2', b'9'),
            b'.' | b'!' => {
                pieces.push(if byte == b'.' {
                    Piece::Some
                } else {
                    Piece::Any
                });
                return pieces.into();
            }
            b'[' => {
                let Some((members, after)) = split_at_bracket(rest.as_slice(), escapes) else {
                    pieces.push(Piece::Never);
                    return pieces.into();
                };
                rest = after.iter();
                if members.is_empty() {
                    continue;
                }
                Piece::One(set(members, escapes))
            }
            literal => one(literal, literal),
        });
    }
    pieces.push(Piece::End);
    pieces.into()
}

fn split_at_bracket(bytes: &[u8], escapes: bool) -> Option<(&[u8], &[u8])> {
    let mut escaped = false;
    let close = bytes.iter().position(|&byte| {
        let closes = byte == b']' && !escaped;
        escaped = escapes && byte == b'\\' && !escaped;
        closes
    })?;
    let (members, after) = bytes.split_at_checked(close)?;
    Some((members, after.get(1..)?))
}

/// The members of `[…]`: characters and `a-b` ranges, whose ends may be escaped.
fn set(mut members: &[u8], escapes: bool) -> Set {
    let mut set = Set::EMPTY;
    while let Some((from, rest)) = member(members, escapes) {
        members = rest;
        let mut to = from;
        if let [b'-', end @ ..] = rest
            && let Some((end, rest)) = member(end, escapes)
        {
            (to, members) = (end, rest);
        }
        set = set.with(from, to);
    }
    set
}

/// One character of a set, and what follows it.
fn member(members: &[u8], escapes: bool) -> Option<(u8, &[u8])> {
    match *members {
        [b'\\', escaped, ref rest @ ..] if escapes => Some((escaped, rest)),
        [one, ref rest @ ..] => Some((one, rest)),
        [] => None,
    }
}

#[cfg(test)]
mod tests;
