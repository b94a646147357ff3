//! Text that is taken from its start on, a block of bytes at a time. Knows no
//! grammar.

use wide::u8x32;

use super::class::{BLOCK, Class};
use super::scan::{is_lws, split};

/// A part of a datagram. What lies beyond its end there is looked at, so that
/// whole blocks can be, and never taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    /// From the start of the part to the end of the datagram.
    ahead: &'a [u8],
    /// How much of that is the part.
    len: usize,
}

impl<'a> Part<'a> {
    /// All of `text`.
    pub fn new(text: &'a [u8]) -> Part<'a> {
        Part {
            ahead: text,
            len: text.len(),
        }
    }

    /// `len` bytes from `at` on, as far as the datagram goes.
    pub fn within(datagram: &'a [u8], at: usize, len: usize) -> Part<'a> {
        let ahead = datagram.get(at..).unwrap_or_default();
        Part {
            ahead,
            len: len.min(ahead.len()),
        }
    }

    /// How much is left.
    pub fn len(self) -> usize {
        self.len
    }

    /// Whether all has been taken.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    /// All that is left.
    pub fn rest(self) -> &'a [u8] {
        split(self.ahead, self.len).0
    }

    /// The next byte.
    pub fn first(self) -> Option<u8> {
        if self.len == 0 {
            return None;
        }
        self.ahead.first().copied()
    }

    /// Takes so many bytes, or all there are.
    pub fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, ahead) = split(self.ahead, len.min(self.len));
        self.ahead = ahead;
        self.len -= taken.len();
        taken
    }

    /// The first so many bytes, or all there are.
    pub fn before(mut self, len: usize) -> Part<'a> {
        self.len = len.min(self.len);
        self
    }

    /// What follows so many bytes.
    pub fn after(mut self, len: usize) -> Part<'a> {
        self.take(len);
        self
    }

    /// Takes that byte, if it comes next.
    pub fn eat(&mut self, byte: u8) -> bool {
        let next = self.first() == Some(byte);
        if next {
            self.take(1);
        }
        next
    }

    /// Takes the longest start that belongs to a class.
    #[inline]
    pub fn run(&mut self, class: &Class) -> &'a [u8] {
        // Nearly all end within a block.
        if let Some(block) = self.ahead.first_chunk() {
            let others = class.others(u8x32::new(*block));
            if others != 0 {
                return self.take(others.trailing_zeros() as usize);
            }
        }
        self.take(self.search(|block| class.others(block)))
    }

    /// Whether all that is left belongs to a class.
    pub fn is_all(self, class: &Class) -> bool {
        self.search(|block| class.others(block)) == self.len
    }

    /// Takes all before that byte, or all there is. Not for NUL.
    pub fn until(&mut self, byte: u8) -> &'a [u8] {
        self.until_either(byte, byte)
    }

    /// Takes all before either byte, or all there is. Not for NUL.
    #[inline]
    pub fn until_either(&mut self, a: u8, b: u8) -> &'a [u8] {
        let found = |block: u8x32| {
            let found = block.simd_eq(u8x32::splat(a)) | block.simd_eq(u8x32::splat(b));
            found.to_bitmask()
        };
        if let Some(block) = self.ahead.first_chunk() {
            let found = found(u8x32::new(*block));
            if found != 0 {
                return self.take(found.trailing_zeros() as usize);
            }
        }
        self.take(self.search(found))
    }

    /// Whether that byte is in what is left. Not for NUL.
    pub fn has(mut self, byte: u8) -> bool {
        self.until(byte);
        !self.is_empty()
    }

    /// Takes the decimal number it begins with, of 32 bits.
    pub fn number(&mut self) -> Option<u32> {
        let mut number = 0_u64;
        let mut digits = 0;
        for byte in self.rest() {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
            digits += 1;
        }
        let zeros = || self.rest().iter().take_while(|byte| **byte == b'0').count();
        if digits == 0 || digits > 19 && digits > 10 + zeros() {
            return None;
        }
        self.take(digits);
        u32::try_from(number).ok()
    }

    /// The decimal number that is all of it, of 32 bits.
    pub fn whole_number(mut self) -> Option<u32> {
        let number = self.number();
        number.filter(|_| self.is_empty())
    }

    /// Takes the white space it begins with, of which there is seldom more
    /// than one space. Whether there was any.
    #[inline]
    pub fn skip_lws(&mut self) -> bool {
        if self.first().is_none_or(|byte| byte > b' ') {
            return false;
        }
        let before = self.len;
        if !self.eat(b' ') || self.first().is_some_and(is_lws) {
            *self = self.without_lws();
        }
        self.len < before
    }

    #[inline(never)]
    fn without_lws(mut self) -> Part<'a> {
        while self.first().is_some_and(is_lws) {
            self.take(1);
        }
        self
    }

    /// The same without white space at either end.
    pub fn trimmed(mut self) -> Part<'a> {
        self.skip_lws();
        while let [.., last] = self.rest()
            && is_lws(*last)
        {
            self.len -= 1;
        }
        self
    }

    /// Where the first byte stands that is marked in its block; a mark for NUL
    /// counts only where the part has ended. The length if there is none.
    #[inline(never)]
    fn search(self, marks: impl Fn(u8x32) -> u32) -> usize {
        let (mut at, mut ahead) = (0, self.ahead);
        while at < self.len {
            let (block, rest) = match ahead.split_first_chunk() {
                Some((block, rest)) => (u8x32::new(*block), rest),
                None => (padded(ahead), &b""[..]),
            };
            let marks = marks(block);
            if marks != 0 {
                return self.len.min(at + marks.trailing_zeros() as usize);
            }
            (at, ahead) = (at + BLOCK, rest);
        }
        self.len
    }
}

/// The last bytes of a datagram, and NUL after them.
#[inline(never)]
fn padded(rest: &[u8]) -> u8x32 {
    let mut block = [0; BLOCK];
    for (to, from) in block.iter_mut().zip(rest) {
        *to = *from;
    }
    u8x32::new(block)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::class::{HOST, TOKEN};
    use crate::wire::{CSeq, ContactValue, NameAddr, Uri, Via, elements};
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Bytes most of which belong to a token.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        vec(
            prop_oneof![9 => Just(b'a'), 3 => any::<u8>(), 1 => Just(b';')],
            0..120,
        )
    }

    /// What many values are made of, right and wrong.
    fn value() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "SIP/2.0/UDP |SIP / 2.0/TCP |sips?:|tel:|<sip:|>|;|;tag=|;branch=|;rport|;lr|=|:|@|\"|,|\\?",
            "[a-z0-9.%-]{1,40}| |\r\n |[0-9]{1,6}|\\PC|\\*|[0-9] INVITE",
        ];
        vec(piece, 0..9).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn a_run_ends_where_a_plain_search_finds(text in text(), len in 0..130_usize) {
            let part = Part::within(&text, 0, len);
            let plain = &text[..len.min(text.len())];
            let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            let end = plain.iter().position(|byte| !is_host(*byte)).unwrap_or(plain.len());
            let mut rest = part;
            prop_assert_eq!(rest.run(&HOST), &plain[..end]);
            prop_assert_eq!(rest.rest(), &plain[end..]);
            prop_assert_eq!(part.is_all(&HOST), end == plain.len());
            for (a, b) in [(b';', b';'), (b'"', b';')] {
                let end = plain.iter().position(|byte| *byte == a || *byte == b);
                let mut rest = part;
                prop_assert_eq!(rest.until_either(a, b), &plain[..end.unwrap_or(plain.len())]);
            }
            prop_assert_eq!(part.has(b';'), plain.contains(&b';'));
        }

        #[test]
        fn numbers_are_what_the_library_reads(text in "[0-9]{0,12}[a-z]?") {
            let mut part = Part::new(text.as_bytes());
            let digits = text.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
            prop_assert_eq!(part.number(), digits.parse().ok());
            prop_assert_eq!(Part::new(text.as_bytes()).whole_number(), text.parse().ok());
        }

        #[test]
        fn what_lies_beyond_the_end_changes_nothing_and_one_value_is_no_list(value in value(), beyond in vec(any::<u8>(), 0..80)) {
            let datagram = [value.as_bytes(), &beyond].concat();
            let part = Part::within(&datagram, 0, value.len());
            let (alone, bytes) = (part.trimmed(), value.as_bytes());
            prop_assert_eq!(Via::read(alone), Via::parse(bytes));
            prop_assert_eq!(NameAddr::read(alone), NameAddr::parse(bytes));
            prop_assert_eq!(ContactValue::read(alone), ContactValue::parse(bytes));
            prop_assert_eq!(CSeq::read(alone), CSeq::parse(bytes));
            let one = |is_one: bool| !is_one || elements(bytes).eq([alone.rest()]);
            prop_assert!(one(Via::read(alone).is_some()));
            prop_assert!(one(ContactValue::read(alone).is_some()));
            let uris = [Uri::read(part), Uri::parse(bytes)];
            prop_assert_eq!(format!("{:?}", uris[0]), format!("{:?}", uris[1]));
        }
    }

    #[test]
    fn nothing_is_taken_beyond_the_end() {
        let mut part = Part::within(b"ab\"cd", 0, 2);
        assert_eq!(part.run(&TOKEN), b"ab");
        assert_eq!(
            (part.first(), part.eat(b'"'), part.take(9)),
            (None, false, &b""[..])
        );
        assert_eq!(Part::within(b"abc", 4, 2).rest(), b"");
    }
}
