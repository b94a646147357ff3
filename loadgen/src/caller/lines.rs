//! The lines of a message's header: where each begins and ends, and which of
//! the few names that matter here it has. Reads no value.

use memchr::memchr;
use pinion_sip::wire::Controls;

/// The header fields that matter here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Name {
    /// Via.
    Via,
    /// From.
    From,
    /// To.
    To,
    /// Call-ID.
    CallId,
    /// CSeq.
    CSeq,
    /// Contact.
    Contact,
    /// Record-Route.
    RecordRoute,
    /// Any other.
    Other,
}

/// The name that a header field begins with, and what follows its colon.
fn named(text: &[u8]) -> (Name, &[u8]) {
    let exact = |name, spelled: &[u8]| Some((name, text.strip_prefix(spelled)?));
    // Nearly all are spelled as the RFC does.
    let found = match text {
        [b'V', ..] => exact(Name::Via, b"Via:"),
        [b'F', ..] => exact(Name::From, b"From:"),
        [b'T', ..] => exact(Name::To, b"To:"),
        [b'R', ..] => exact(Name::RecordRoute, b"Record-Route:"),
        [b'C', b'o', ..] => {
            exact(Name::Contact, b"Contact:").or_else(|| exact(Name::Other, b"Content-"))
        }
        [b'C', ..] => exact(Name::CallId, b"Call-ID:").or_else(|| exact(Name::CSeq, b"CSeq:")),
        [b'M', b'a', ..] => return (Name::Other, text),
        [
            b'v' | b'f' | b't' | b'r' | b'c' | b'i' | b'I' | b'm' | b'M',
            ..,
        ] => None,
        _ => return (Name::Other, text),
    };
    found.unwrap_or_else(|| respelled(text))
}

/// The same for names in their compact form (RFC 3261 §7.3.3), in any case,
/// and with white space before the colon.
#[cold]
fn respelled(text: &[u8]) -> (Name, &[u8]) {
    let (start, value) = text.split_at(memchr(b':', text).map_or(0, |colon| colon + 1));
    let written = start
        .trim_ascii_end()
        .strip_suffix(b":")
        .unwrap_or_default();
    let written = written.trim_ascii_end();
    let names: [(&[u8], &[u8], Name); 7] = [
        (b"Via", b"v", Name::Via),
        (b"From", b"f", Name::From),
        (b"To", b"t", Name::To),
        (b"Call-ID", b"i", Name::CallId),
        (b"CSeq", b"CSeq", Name::CSeq),
        (b"Contact", b"m", Name::Contact),
        (b"Record-Route", b"Record-Route", Name::RecordRoute),
    ];
    let is_it = |(full, compact, _): &&(&[u8], &[u8], Name)| {
        written.eq_ignore_ascii_case(full) || written.eq_ignore_ascii_case(compact)
    };
    (
        names
            .iter()
            .find(is_it)
            .map_or(Name::Other, |found| found.2),
        value,
    )
}

/// One header field.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Its name.
    pub name: Name,
    /// All of it: name, value, folds, and the line end.
    pub text: &'a [u8],
    /// What follows the colon of a name that matters here.
    rest: &'a [u8],
}

impl<'a> Line<'a> {
    /// Its value, trimmed, if the name is one that matters; folds stay.
    pub fn value(&self) -> &'a [u8] {
        self.rest.trim_ascii()
    }
}

/// Header fields in order, up to the empty line.
#[derive(Clone)]
pub struct Lines<'a> {
    text: &'a [u8],
    /// Where the next begins.
    at: usize,
    controls: Controls<'a>,
}

impl<'a> Lines<'a> {
    /// The header fields at the start of `text`.
    pub fn new(text: &'a [u8]) -> Lines<'a> {
        Lines {
            text,
            at: 0,
            controls: Controls::new(text),
        }
    }

    /// What has not been taken.
    pub fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let start = self.at;
        if matches!(self.text.get(start), None | Some(b'\r')) {
            return None;
        }
        loop {
            let end = self.controls.next()? + 1;
            // A line that begins with white space goes on with the one before
            // (§7.3.1).
            let goes_on = matches!(self.text.get(end), Some(b' ' | b'\t'));
            if self.text[end - 1] == b'\n' && !goes_on {
                self.at = end;
                break;
            }
        }
        let text = &self.text[start..self.at];
        let (name, rest) = named(text);
        Some(Line { name, text, rest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_however_they_are_spelled() {
        let header = b"VIA: 1\r\nt : 2\r\nFrom:3\r\nMax-Forwards: 4\r\ncontact:\r\n 5\r\n\
            Content-Type: 6\r\nrecord-ROUTE: 7\r\nX: 8\r\nCSeq : 9\r\nno colon\r\n\r\nVia: 0\r\n";
        let lines = Lines::new(header).filter(|line| line.name != Name::Other);
        let found: Vec<_> = lines.map(|line| (line.name, line.value())).collect();
        assert_eq!(
            found,
            [
                (Name::Via, &b"1"[..]),
                (Name::To, b"2"),
                (Name::From, b"3"),
                (Name::Contact, b"5"),
                (Name::RecordRoute, b"7"),
                (Name::CSeq, b"9"),
            ]
        );
        assert_eq!(Lines::new(header).count(), 10);
    }

    #[test]
    fn a_header_without_its_end_has_the_lines_that_are_whole() {
        assert_eq!(Lines::new(b"Via: 1\r\nTo: 2").count(), 1);
        assert_eq!(Lines::new(b"").count(), 0);
    }
}
