//! A message written once with holes, and filled many times: literal text is
//! copied, only what differs is formatted.

use std::ops::Range;

/// What differs between two messages of one template.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hole {
    /// The unit's identity: in Call-ID, tag and branch.
    Id,
    /// The CSeq number.
    CSeq,
    /// The name of the user who sends.
    User,
    /// The name of the user who is meant.
    Peer,
    /// The call's mark in a session description.
    Mark,
    /// A whole Authorization or Proxy-Authorization line, or nothing.
    Credentials,
    /// The Request-URI within a dialog.
    Uri,
    /// Whole Route lines, or nothing.
    Routes,
    /// The From of the dialog.
    From,
    /// The To of the dialog.
    To,
    /// The letter that tells branches of one unit apart.
    Letter,
    /// The Call-ID, where it is not ours.
    CallId,
}

const NAMES: [(&str, Hole); 12] = [
    ("id", Hole::Id),
    ("cseq", Hole::CSeq),
    ("user", Hole::User),
    ("peer", Hole::Peer),
    ("mark", Hole::Mark),
    ("credentials", Hole::Credentials),
    ("uri", Hole::Uri),
    ("routes", Hole::Routes),
    ("from", Hole::From),
    ("to", Hole::To),
    ("letter", Hole::Letter),
    ("call-id", Hole::CallId),
];

/// A message with holes.
#[derive(Clone, Debug)]
pub struct Template {
    text: Vec<u8>,
    /// Literal text, and the hole that follows it.
    pieces: Vec<(Range<usize>, Hole)>,
    /// The literal text after the last hole.
    tail: Range<usize>,
}

impl Template {
    /// Text in which `{name}` is a hole. Lines end in LF, which becomes CRLF.
    ///
    /// # Panics
    /// On a hole that has no name here: templates are part of the program.
    pub fn new(source: &str) -> Template {
        let source = source.replace('\n', "\r\n");
        let mut template = Template {
            text: Vec::with_capacity(source.len()),
            pieces: Vec::new(),
            tail: 0..0,
        };
        let mut rest = source.as_str();
        let mut start = 0;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').expect("a hole is closed");
            let found = NAMES.iter().find(|(known, _)| *known == name);
            let (_, hole) = found.expect("a hole has a name of the table");
            template.text.extend_from_slice(before.as_bytes());
            template.pieces.push((start..template.text.len(), *hole));
            start = template.text.len();
            rest = after;
        }
        template.text.extend_from_slice(rest.as_bytes());
        template.tail = start..template.text.len();
        template
    }

    /// Appends the message to `out`, asking `fill` for each hole.
    pub fn write(&self, out: &mut Vec<u8>, mut fill: impl FnMut(Hole, &mut Vec<u8>)) {
        out.reserve(self.text.len() + 256);
        for (literal, hole) in &self.pieces {
            out.extend_from_slice(&self.text[literal.clone()]);
            fill(*hole, out);
        }
        out.extend_from_slice(&self.text[self.tail.clone()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_in_order() {
        let template = Template::new("A {user}\nB{cseq}{cseq};\n\n");
        let mut out = b"<".to_vec();
        let mut count = 0;
        template.write(&mut out, |hole, out| match hole {
            Hole::User => out.extend_from_slice(b"alice"),
            _ => {
                count += 1;
                out.push(b'0' + count);
            }
        });
        assert_eq!(out, b"<A alice\r\nB12;\r\n\r\n");
    }
}
