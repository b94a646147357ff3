//! Writes one message. Whatever a value holds, it stays in its line: folds
//! become a space, as does any other CR, LF or NUL. Bodies pass byte for byte.

use core::fmt::{self, Write};
use core::net::SocketAddr;

use memchr::memchr3;

use super::header::{HeaderName, Via};
use super::scan::{elements, is_token, split, trim_start};
use super::{Message, Method, Status};
use crate::base::{AddressText, Decimal};

/// Appends one message to a buffer: a first line, fields, and an end.
#[must_use = "a message without its end is none"]
pub struct Writer<'b> {
    buffer: &'b mut Vec<u8>,
    /// Where the line being written begins.
    line_at: usize,
    compact: bool,
}

impl<'b> Writer<'b> {
    /// A message after what `buffer` holds already, with one-letter header
    /// names where they exist if `compact`.
    pub fn new(buffer: &'b mut Vec<u8>, compact: bool) -> Writer<'b> {
        let line_at = buffer.len();
        Writer {
            buffer,
            line_at,
            compact,
        }
    }

    /// The Request-Line. White space and controls in `uri` are escaped, so
    /// that the line keeps its three parts.
    pub fn request(&mut self, method: Method, uri: &[u8]) {
        self.text(method.as_bytes());
        self.text(b" ");
        let escaped = |byte: &u8| *byte <= b' ' || *byte == 0x7f;
        let mut rest = uri;
        while let Some(at) = rest.iter().position(escaped) {
            let (before, after) = split(rest, at);
            self.text(before);
            if let [byte, after @ ..] = after {
                let _ = write!(Text(self.buffer), "%{byte:02X}");
                rest = after;
            }
        }
        self.text(rest);
        self.text(b" SIP/2.0");
        self.line_end();
    }

    /// The Status-Line, with the default reason phrase for `None`.
    pub fn status(&mut self, status: Status, reason: Option<&str>) {
        self.text(b"SIP/2.0 ");
        self.text(Decimal::new(status.code().into()).as_bytes());
        self.text(b" ");
        self.text(reason.unwrap_or(status.reason()).as_bytes());
        self.line_end();
    }

    /// One header field.
    pub fn field(&mut self, name: HeaderName, value: &[u8]) {
        self.name(name);
        self.text(value);
        self.line_end();
    }

    /// One header field of several parts.
    pub fn parts(&mut self, name: HeaderName, parts: &[&[u8]]) {
        self.name(name);
        for part in parts {
            self.text(part);
        }
        self.line_end();
    }

    /// Whole header lines that another writer wrote.
    pub fn lines(&mut self, lines: &[u8]) {
        self.text(lines);
        self.line_at = self.buffer.len();
    }

    /// One header field, formatted.
    pub fn field_fmt(&mut self, name: HeaderName, value: fmt::Arguments) {
        self.name(name);
        // Writing to a buffer cannot fail.
        let _ = Text(self.buffer).write_fmt(value);
        self.line_end();
    }

    /// A header field without a `HeaderName`. Nothing is written if `name` is
    /// no token.
    pub fn other(&mut self, name: &[u8], value: &[u8]) {
        if !is_token(name) {
            return;
        }
        self.text(name);
        self.text(b": ");
        self.text(value);
        self.line_end();
    }

    /// All header fields of that name, in order.
    pub fn copy(&mut self, from: &Message, name: HeaderName) {
        for value in from.raw(name) {
            self.name(name);
            self.text(value);
            self.copied_line_end(from);
        }
    }

    /// All Vias of a request, the top one telling where it came from:
    /// `received` when sent-by does not (RFC 3261 §18.2.1), and both `received`
    /// and `rport` when the client asks (RFC 3581 §4) or `force_rport`. A
    /// malformed top Via is copied as it is.
    pub fn vias(&mut self, request: &Message, source: SocketAddr, force_rport: bool) {
        let mut values = request.raw(HeaderName::Via);
        if let Some(first) = values.next() {
            let mut list = elements(first);
            let top = list.next().unwrap_or(b"");
            self.name(HeaderName::Via);
            match request.top_via() {
                Ok(via) => self.stamped(&via, source, force_rport),
                Err(_) => self.text(top),
            }
            for element in list {
                self.text(b", ");
                self.text(element);
            }
            self.copied_line_end(request);
        }
        for value in values {
            self.name(HeaderName::Via);
            self.text(value);
            self.copied_line_end(request);
        }
    }

    /// One Via of a request, telling where it came from as `vias` does.
    pub fn via(&mut self, via: &Via, source: SocketAddr) {
        self.name(HeaderName::Via);
        self.stamped(via, source, false);
        self.line_end();
    }

    fn stamped(&mut self, via: &Via, source: SocketAddr, force_rport: bool) {
        self.text(via.head);
        let rport = force_rport || via.rport().is_some();
        match via.around_source() {
            Some((before, after)) => {
                self.text(before);
                self.text(after);
            }
            None => self.others_than_source(via),
        }
        let address = source.ip().to_canonical();
        if rport || !via.names(address) {
            self.text(b";received=");
            self.text(AddressText::ip(address).as_bytes());
        }
        if rport {
            self.text(b";rport=");
            self.text(Decimal::new(source.port().into()).as_bytes());
        }
    }

    /// The parameters of a Via but those that tell its source.
    fn others_than_source(&mut self, via: &Via) {
        via.params.visit(|name, value| {
            if name.eq_ignore_ascii_case(b"received") || name.eq_ignore_ascii_case(b"rport") {
                return;
            }
            self.text(b";");
            self.text(name);
            if let Some(value) = value {
                self.text(b"=");
                self.text(value);
            }
        });
    }

    /// The To of a request, with `tag` unless it has one (RFC 3261 §8.2.6.2).
    /// A malformed To is copied as it is.
    pub fn to_with_tag(&mut self, request: &Message, tag: &[u8]) {
        let Some(value) = request.value(HeaderName::To) else {
            return;
        };
        self.name(HeaderName::To);
        self.text(value);
        if !tag.is_empty() && request.to().is_ok_and(|to| to.tag().is_none()) {
            self.text(b";tag=");
            self.text(tag);
        }
        self.copied_line_end(request);
    }

    /// The end of a message without a body.
    pub fn end(mut self) {
        self.name(HeaderName::ContentLength);
        self.text(b"0\r\n\r\n");
    }

    /// The end of a message with a body.
    pub fn end_with_body(mut self, content_type: &[u8], body: &[u8]) {
        self.field(HeaderName::ContentType, content_type);
        self.parts(
            HeaderName::ContentLength,
            &[Decimal::new(body.len() as u64).as_bytes()],
        );
        self.line_end();
        self.text(body);
    }

    fn name(&mut self, name: HeaderName) {
        match name.compact() {
            Some(letter) if self.compact => self.text(&[letter, b':', b' ']),
            _ => self.text(name.label().as_bytes()),
        }
    }

    fn text(&mut self, text: &[u8]) {
        self.buffer.extend_from_slice(text);
    }

    /// Ends the line, having made sure that it is one: a single look at the
    /// whole of it costs less than one at each part.
    fn line_end(&mut self) {
        let line = split(self.buffer, self.line_at).1;
        if memchr3(b'\r', b'\n', 0, line).is_some() {
            self.flatten();
        }
        self.text(b"\r\n");
        self.line_at = self.buffer.len();
    }

    /// Ends a line that holds fields of `from`, and beside them our own words.
    fn copied_line_end(&mut self, from: &Message) {
        if from.even {
            self.text(b"\r\n");
            self.line_at = self.buffer.len();
        } else {
            self.line_end();
        }
    }

    /// Makes one line of what would be several.
    #[cold]
    fn flatten(&mut self) {
        let line = self.buffer.split_off(self.line_at);
        let mut rest = line.as_slice();
        while let Some(at) = memchr3(b'\r', b'\n', 0, rest) {
            let (before, after) = split(rest, at);
            self.text(before);
            self.text(b" ");
            rest = match after {
                [b'\r', b'\n', b' ' | b'\t', ..] => trim_start(after),
                _ => after.get(1..).unwrap_or(b""),
            };
        }
        self.text(rest);
    }
}

/// Formatted text, appended.
struct Text<'a>(&'a mut Vec<u8>);

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
