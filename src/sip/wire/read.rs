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

    /// Takes one line: where it starts and where its line end does. A lone LF
    /// ends a line too, a lone CR does not; both are faults, for another
    /// element may have read them differently.
    pub fn line(&mut self) -> (usize, usize) {
        let start = self.at;
        while let Some(end) = self.controls.next() {
            if end < start {
                // The LF of the line before, in a block of its own.
                continue;
            }
            if self.datagram.get(end..end + 2) == Some(b"\r\n") {
                self.controls.pass_line_feed();
                self.at = end + 2;
                return (start, end);
            }
            match self.byte(end) {
                Some(b'\n') => {
                    self.note(FaultKind::BareLineEnd, end);
                    self.at = end + 1;
                    return (start, end);
                }
                Some(b'\r') => {
                    self.uneven = true;
                    self.note(FaultKind::BareLineEnd, end);
                }
                _ => self.uneven = true,
            }
        }
        self.at = self.datagram.len();
        (start, self.at)
    }

    /// Takes all header fields and the empty line after them.
    pub fn fields(&mut self, fields: &mut Fields) {
        while self.at < self.datagram.len() {
            let (start, mut end) = self.line();
            if start == end {
                return;
            }
            // Continuations (RFC 3261 §7.3.1).
            while let Some(b' ' | b'\t') = self.byte(self.at) {
                self.uneven = true;
                end = self.line().1;
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
fn field(datagram: &[u8], start: usize, end: usize) -> Option<Field> {
    // No known name holds a line end: one found ends in this line.
    let (name, name_len, value) = match HeaderName::at_start(datagram.get(start..)?) {
        Some((name, len)) => (Some(name), len, datagram.get(start + len + 1..end)?),
        None => any_name(Part::within(datagram, start, end - start))?,
    };
    let value = trim_start(value);
    let value_at = end - value.len();
    let value_len = trim_end(value).len();
    // No offset exceeds 65535 here: `Message::parse` sees to that.
    Some(Field {
        name,
        name_at: start as u16,
        name_len: name_len as u16,
        value_at: value_at as u16,
        value_len: value_len as u16,
    })
}

/// Any name, its length, and what follows its colon.
fn any_name(mut line: Part<'_>) -> Option<(Option<HeaderName>, usize, &[u8])> {
    let name = line.run(&TOKEN);
    while let Some(b' ' | b'\t') = line.first() {
        line.take(1);
    }
    let found = !name.is_empty() && line.eat(b':');
    found.then(|| (HeaderName::new(name), name.len(), line.rest()))
}
