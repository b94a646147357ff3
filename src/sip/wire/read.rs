//! Lines and header fields of a datagram (RFC 3261 §7.3): where they start and
//! end. Knows names, looks into no value.

use super::class::TOKEN;
use super::controls::Controls;
use super::fields::{Field, Fields};
use super::header::HeaderName;
use super::part::Part;
use super::scan::{trim_end, trim_start};
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
    /// Whether a line so far was folded, or held a control other than its end.
    pub uneven: bool,
    controls: Controls<'a>,
}

impl<'a> Reader<'a> {
    pub fn new(datagram: &'a [u8], at: usize) -> Reader<'a> {
        Reader {
            datagram,
            at,
            fault: None,
            uneven: false,
            controls: Controls::new(datagram),
        }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.datagram.get(at).copied()
    }

    #[cold]
    fn note(&mut self, kind: FaultKind, at: usize) {
        self.fault.get_or_insert(Fault::new(kind, at));
    }

    /// Takes one line: where its line end begins. A lone LF ends a line too, a
    /// lone CR does not; both are faults, for another element may have read
    /// them differently.
    #[inline]
    pub fn line(&mut self) -> usize {
        let control = self.controls.next();
        if let Some(end) = control
            && end >= self.at
            && self.datagram.get(end..end + 2) == Some(b"\r\n")
        {
            self.controls.pass_line_feed();
            self.at = end + 2;
            return end;
        }
        self.odd_line(control)
    }

    /// The same from the first control on, which is no end of this line, or is
    /// an odd one.
    #[cold]
    #[inline(never)]
    fn odd_line(&mut self, mut control: Option<usize>) -> usize {
        while let Some(end) = control {
            match self.datagram.get(end..) {
                // The LF of the line before, in a block of its own.
                _ if end < self.at => {}
                Some([b'\r', b'\n', ..]) => {
                    self.controls.pass_line_feed();
                    self.at = end + 2;
                    return end;
                }
                Some([b'\n', ..]) => {
                    self.note(FaultKind::BareLineEnd, end);
                    self.at = end + 1;
                    return end;
                }
                Some([b'\r', ..]) => {
                    self.uneven = true;
                    self.note(FaultKind::BareLineEnd, end);
                }
                _ => self.uneven = true,
            }
            control = self.controls.next();
        }
        self.at = self.datagram.len();
        self.at
    }

    /// Whether the line taken last goes on in the next (RFC 3261 §7.3.1).
    fn is_folded(&self) -> bool {
        matches!(self.byte(self.at), Some(b' ' | b'\t'))
    }

    /// Takes the lines in which the last goes on; where the line end begins.
    #[cold]
    #[inline(never)]
    fn continuations(&mut self) -> usize {
        self.uneven = true;
        let mut end = self.line();
        while self.is_folded() {
            end = self.line();
        }
        end
    }

    /// Takes all header fields and the empty line after them.
    pub fn fields(&mut self, fields: &mut Fields) {
        while self.at < self.datagram.len() {
            let start = self.at;
            let mut end = self.line();
            if start == end {
                return;
            }
            if self.is_folded() {
                end = self.continuations();
            }
            if end - start > MAX_FIELD_BYTES {
                self.note(FaultKind::FieldTooLong, start);
            }
            match field(self.datagram, start, end) {
                Some(field) if fields.push(field) => {}
                Some(_) => self.note(FaultKind::TooManyFields, start),
                None => self.note(FaultKind::FieldLine, start),
            }
        }
        self.note(FaultKind::NoEmptyLine, self.at);
    }
}

/// `header-name HCOLON header-value` between two offsets.
#[inline]
fn field(datagram: &[u8], start: usize, end: usize) -> Option<Field> {
    // No known name holds a line end: one found ends in this line.
    let (name, name_len, after) = match HeaderName::at_start(datagram.get(start..)?) {
        Some((name, len)) => (Some(name), len, start + len + 1),
        None => any_name(datagram.get(start..end)?, start)?,
    };
    // Nearly all values stand between one space and the end of their line.
    let plain = matches!(datagram.get(after..), Some([b' ', next, ..]) if *next > b' ')
        && datagram.get(end - 1).is_some_and(|last| *last > b' ');
    let (value_at, value_end) = if plain {
        (after + 1, end)
    } else {
        trimmed(datagram, after, end)
    };
    // No offset exceeds 65535 here: `Message::parse` sees to that.
    Some(Field {
        name,
        name_at: start as u16,
        name_len: name_len as u16,
        value_at: value_at as u16,
        value_len: (value_end - value_at) as u16,
    })
}

/// Where the text between two offsets begins and ends without white space.
#[cold]
#[inline(never)]
fn trimmed(datagram: &[u8], start: usize, end: usize) -> (usize, usize) {
    let value = trim_start(datagram.get(start..end).unwrap_or_default());
    let value_at = end - value.len();
    (value_at, value_at + trim_end(value).len())
}

/// Any name at the start of a line, its length, and where in the datagram what
/// follows its colon begins.
#[inline(never)]
fn any_name(line: &[u8], start: usize) -> Option<(Option<HeaderName>, usize, usize)> {
    let mut text = Part::new(line);
    let name = text.run(&TOKEN);
    while let Some(b' ' | b'\t') = text.first() {
        text.take(1);
    }
    let found = !name.is_empty() && text.eat(b':');
    let after = start + line.len() - text.len();
    found.then(|| (HeaderName::new(name), name.len(), after))
}
