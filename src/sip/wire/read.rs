//! Lines and header fields of a datagram (RFC 3261 §7.3): where they start and
//! end. Knows names, looks into no value.

use memchr::memchr2;

use super::fields::{Field, Fields};
use super::header::HeaderName;
use super::scan::{TOKEN, is, is_lws, span, trim};
use super::{Fault, FaultKind};

/// How long one header field may be, name and folds included.
pub const MAX_FIELD_BYTES: usize = 8 * 1024;

/// Walks over the lines of a datagram of at most 65535 bytes.
pub(super) struct Reader<'a> {
    datagram: &'a [u8],
    /// Where the next line starts.
    pub at: usize,
    /// The first fault so far.
    pub fault: Option<Fault>,
}

impl<'a> Reader<'a> {
    pub fn new(datagram: &'a [u8], at: usize) -> Reader<'a> {
        Reader {
            datagram,
            at,
            fault: None,
        }
    }

    fn rest(&self, at: usize) -> &'a [u8] {
        self.datagram.get(at..).unwrap_or(b"")
    }

    fn note(&mut self, kind: FaultKind, at: usize) {
        self.fault.get_or_insert(Fault::new(kind, at));
    }

    /// Takes one line: where it starts and where its line end does. A lone LF
    /// ends a line too, a lone CR does not; both are faults, for another
    /// element may have read them differently.
    pub fn line(&mut self) -> (usize, usize) {
        let start = self.at;
        let mut at = start;
        loop {
            let Some(hit) = memchr2(b'\r', b'\n', self.rest(at)) else {
                self.at = self.datagram.len();
                return (start, self.at);
            };
            let end = at + hit;
            match self.rest(end) {
                [b'\r', b'\n', ..] => {
                    self.at = end + 2;
                    return (start, end);
                }
                [b'\n', ..] => {
                    self.note(FaultKind::BareLineEnd, end);
                    self.at = end + 1;
                    return (start, end);
                }
                _ => {
                    self.note(FaultKind::BareLineEnd, end);
                    at = end + 1;
                }
            }
        }
    }

    /// Takes one line with its continuations (RFC 3261 §7.3.1).
    fn folded_line(&mut self) -> (usize, usize) {
        let (start, mut end) = self.line();
        while let [b' ' | b'\t', ..] = self.rest(self.at) {
            end = self.line().1;
        }
        (start, end)
    }

    /// Takes all header fields and the empty line after them.
    pub fn fields(&mut self, fields: &mut Fields) {
        loop {
            match self.rest(self.at) {
                [b'\r', b'\n', ..] => return self.at += 2,
                [b'\n', ..] => {
                    self.note(FaultKind::BareLineEnd, self.at);
                    return self.at += 1;
                }
                [] => return self.note(FaultKind::NoEmptyLine, self.at),
                _ => {}
            }
            let (start, end) = self.folded_line();
            if end - start > MAX_FIELD_BYTES {
                self.note(FaultKind::FieldTooLong, start);
            }
            match field(self.datagram, start, end) {
                Some(field) if fields.push(field) => {}
                Some(_) => self.note(FaultKind::TooManyFields, start),
                None => self.note(FaultKind::FieldLine, start),
            }
        }
    }
}

/// `header-name HCOLON header-value` between two offsets.
fn field(datagram: &[u8], start: usize, end: usize) -> Option<Field> {
    let line = datagram.get(start..end)?;
    let (name, rest) = span(line, |byte| is(byte, TOKEN));
    let value = match rest {
        [b':', value @ ..] => value,
        _ => span(rest, |byte| matches!(byte, b' ' | b'\t'))
            .1
            .strip_prefix(b":")?,
    };
    if name.is_empty() {
        return None;
    }
    let (space, _) = span(value, is_lws);
    let value_at = end - value.len() + space.len();
    let value = trim(value);
    // No offset exceeds 65535 here: `Message::parse` sees to that.
    Some(Field {
        name: HeaderName::new(name),
        name_at: start as u16,
        name_len: name.len() as u16,
        value_at: value_at as u16,
        value_len: value.len() as u16,
    })
}
