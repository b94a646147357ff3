//! A phone's message with blanks, filled in without allocating. Knows no SIP.

use std::io::Write;

/// One stretch of a form.
enum Part {
    Text(Vec<u8>),
    Number,
    CSeq,
    Tag,
    Authorization,
}

/// What the blanks are filled with.
#[derive(Clone, Copy)]
pub(crate) struct Blanks<'a> {
    /// `%n`: which dialog or registration it is.
    pub number: u64,
    /// `%c`: the CSeq number, also what tells branches apart.
    pub cseq: u32,
    /// `%t`: the parameters of To, with their semicolon.
    pub tag: &'a [u8],
    /// `%a`: the Authorization field with its line end, or nothing.
    pub authorization: &'a [u8],
}

/// A message, some stretches of which are decided when it is sent.
pub struct Form(Vec<Part>);

impl Form {
    /// Reads a text with `%n`, `%c`, `%t` and `%a` for its blanks. Lines end
    /// with LF in it and with CRLF on the wire.
    pub fn new(text: &str) -> Form {
        let text = text.replace('\n', "\r\n");
        let mut parts = Vec::new();
        for (index, piece) in text.split('%').enumerate() {
            let (blank, rest) = match piece.chars().next() {
                _ if index == 0 => (None, piece),
                Some('n') => (Some(Part::Number), &piece[1..]),
                Some('c') => (Some(Part::CSeq), &piece[1..]),
                Some('t') => (Some(Part::Tag), &piece[1..]),
                Some('a') => (Some(Part::Authorization), &piece[1..]),
                other => panic!("%{other:?} is no blank of a form"),
            };
            parts.extend(blank);
            parts.push(Part::Text(rest.into()));
        }
        Form(parts)
    }

    /// Writes the message into `buffer`, whose former content is forgotten.
    pub(crate) fn fill(&self, blanks: Blanks<'_>, buffer: &mut Vec<u8>) {
        buffer.clear();
        for part in &self.0 {
            match part {
                Part::Text(text) => buffer.extend_from_slice(text),
                // Writing to a Vec does not fail.
                Part::Number => drop(write!(buffer, "{}", blanks.number)),
                Part::CSeq => drop(write!(buffer, "{}", blanks.cseq)),
                Part::Tag => buffer.extend_from_slice(blanks.tag),
                Part::Authorization => buffer.extend_from_slice(blanks.authorization),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_filled_and_lines_end_as_on_the_wire() {
        let form = Form::new("BYE %n %c\nTo: x%t\n%a\n");
        let mut buffer = b"before".to_vec();
        let blanks = Blanks {
            number: 7,
            cseq: 2,
            tag: b";tag=t",
            authorization: b"",
        };
        form.fill(blanks, &mut buffer);
        assert_eq!(buffer, b"BYE 7 2\r\nTo: x;tag=t\r\n\r\n");
    }
}
