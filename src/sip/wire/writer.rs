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
    compact: bool,
}

impl<'b> Writer<'b> {
    /// A message after what `buffer` holds already, with one-letter header
    /// names where they exist if `compact`.
    pub fn new(buffer: &'b mut Vec<u8>, compact: bool) -> Writer<'b> {
        Writer { buffer, compact }
    }

    /// The Request-Line. White space and controls in `uri` are escaped, so
    /// that the line keeps its three parts.
    pub fn request(&mut self, method: Method, uri: &[u8]) {
        self.text(method.as_bytes());
        self.buffer.push(b' ');
        for &byte in uri {
            if byte <= b' ' || byte == 0x7f {
                let _ = write!(Line(self.buffer), "%{byte:02X}");
            } else {
                self.buffer.push(byte);
            }
        }
        self.buffer.extend_from_slice(b" SIP/2.0\r\n");
    }

    /// The Status-Line, with the default reason phrase for `None`.
    pub fn status(&mut self, status: Status, reason: Option<&str>) {
        self.buffer.extend_from_slice(b"SIP/2.0 ");
        self.buffer
            .extend_from_slice(Decimal::new(status.code().into()).as_bytes());
        self.buffer.push(b' ');
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
        self.buffer.extend_from_slice(lines);
    }

    /// One header field, formatted.
    pub fn field_fmt(&mut self, name: HeaderName, value: fmt::Arguments) {
        self.name(name);
        let _ = Line(self.buffer).write_fmt(value);
        self.line_end();
    }

    /// A header field without a `HeaderName`. Nothing is written if `name` is
    /// no token.
    pub fn other(&mut self, name: &[u8], value: &[u8]) {
        if !is_token(name) {
            return;
        }
        self.buffer.extend_from_slice(name);
        self.buffer.extend_from_slice(b": ");
        self.text(value);
        self.line_end();
    }

    /// All header fields of that name, in order.
    pub fn copy(&mut self, from: &Message, name: HeaderName) {
        for value in from.raw(name) {
            self.field(name, value);
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
                self.buffer.extend_from_slice(b", ");
                self.text(element);
            }
            self.line_end();
        }
        for value in values {
            self.field(HeaderName::Via, value);
        }
    }

    fn stamped(&mut self, via: &Via, source: SocketAddr, force_rport: bool) {
        self.text(via.head);
        let rport = force_rport || via.rport().is_some();
        for (name, value) in via.params.iter() {
            if name.eq_ignore_ascii_case(b"received") || name.eq_ignore_ascii_case(b"rport") {
                continue;
            }
            self.buffer.push(b';');
            self.text(name);
            if let Some(value) = value {
                self.buffer.push(b'=');
                self.text(value);
            }
        }
        let address = source.ip().to_canonical();
        if rport || !via.names(address) {
            self.buffer.extend_from_slice(b";received=");
            self.buffer
                .extend_from_slice(AddressText::ip(address).as_bytes());
        }
        if rport {
            self.buffer.extend_from_slice(b";rport=");
            self.buffer
                .extend_from_slice(Decimal::new(source.port().into()).as_bytes());
        }
    }

    /// The To of a request, with `tag` unless it has one (RFC 3261 §8.2.6.2).
    /// A malformed To is copied as it is.
    pub fn to_with_tag(&mut self, request: &Message, tag: &[u8]) {
        let Some(value) = request.value(HeaderName::To) else {
            return;
        };
        self.name(HeaderName::To);
        self.text(value);
        if request.to().is_ok_and(|to| to.tag().is_none()) {
            self.buffer.extend_from_slice(b";tag=");
            self.text(tag);
        }
        self.line_end();
    }

    /// The end of a message without a body.
    pub fn end(mut self) {
        self.name(HeaderName::ContentLength);
        self.buffer.extend_from_slice(b"0\r\n\r\n");
    }

    /// The end of a message with a body.
    pub fn end_with_body(mut self, content_type: &[u8], body: &[u8]) {
        self.field(HeaderName::ContentType, content_type);
        self.parts(
            HeaderName::ContentLength,
            &[Decimal::new(body.len() as u64).as_bytes()],
        );
        self.line_end();
        self.buffer.extend_from_slice(body);
    }

    fn name(&mut self, name: HeaderName) {
        match name.compact() {
            Some(letter) if self.compact => self.buffer.push(letter),
            _ => self.buffer.extend_from_slice(name.as_bytes()),
        }
        self.buffer.extend_from_slice(b": ");
    }

    fn text(&mut self, text: &[u8]) {
        Line(self.buffer).push(text);
    }

    fn line_end(&mut self) {
        self.buffer.extend_from_slice(b"\r\n");
    }
}

/// A line being written: takes anything, and never ends.
struct Line<'a>(&'a mut Vec<u8>);

impl Line<'_> {
    fn push(&mut self, text: &[u8]) {
        let mut rest = text;
        while let Some(at) = memchr3(b'\r', b'\n', 0, rest) {
            let (before, after) = split(rest, at);
            self.0.extend_from_slice(before);
            self.0.push(b' ');
            rest = match after {
                [b'\r', b'\n', b' ' | b'\t', ..] => trim_start(after),
                _ => after.get(1..).unwrap_or(b""),
            };
        }
        self.0.extend_from_slice(rest);
    }
}

impl Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}
