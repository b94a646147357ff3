//! Writes one message. Whatever a value holds, it stays in its line: folds
//! become a space, as does any other CR, LF or NUL. Bodies pass byte for byte.

use core::fmt::{self, Write};
use core::net::SocketAddr;

use memchr::memchr3;
use wide::u8x16;

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

    /// Whether header names are written with one letter where they may.
    pub fn is_compact(&self) -> bool {
        self.compact
    }

    /// The Request-Line. White space and controls in `uri` are escaped, so
    /// that the line keeps its three parts.
    pub fn request(&mut self, method: Method, uri: &[u8]) {
        self.method(method);
        self.text(b" ");
        if needs_escapes(uri) {
            for &byte in uri {
                match byte {
                    ..=b' ' | 0x7f => drop(write!(Text(self.buffer), "%{byte:02X}")),
                    _ => self.text(&[byte]),
                }
            }
        } else {
            self.text(uri);
        }
        self.text(b" SIP/2.0\r\n");
    }

    /// The Status-Line, with the default reason phrase for `None`.
    pub fn status(&mut self, status: Status, reason: Option<&str>) {
        let digit = |place| b'0' + (status.code() / place % 10) as u8;
        self.text(b"SIP/2.0 ");
        self.text(&[digit(100), digit(10), digit(1), b' ']);
        match reason {
            Some(reason) => self.value(reason.as_bytes()),
            None => self.text(status.reason().as_bytes()),
        }
        self.text(b"\r\n");
    }

    /// One header field.
    pub fn field(&mut self, name: HeaderName, value: &[u8]) {
        self.name(name);
        self.value(value);
        self.text(b"\r\n");
    }

    /// One header field of several parts.
    pub fn parts(&mut self, name: HeaderName, parts: &[&[u8]]) {
        self.name(name);
        for part in parts {
            self.value(part);
        }
        self.text(b"\r\n");
    }

    /// One header field of our own words, which hold no line end: tokens,
    /// numbers, addresses.
    #[inline]
    pub(crate) fn own(&mut self, name: HeaderName, words: &[&[u8]]) {
        self.name(name);
        for word in words {
            debug_assert!(is_even(word), "only our own words pass unseen");
            self.text(word);
        }
        self.text(b"\r\n");
    }

    /// Max-Forwards.
    pub(crate) fn max_forwards(&mut self, hops: u8) {
        self.own(
            HeaderName::MaxForwards,
            &[Decimal::new(hops.into()).as_bytes()],
        );
    }

    /// CSeq.
    pub(crate) fn cseq(&mut self, number: u32, method: Method) {
        self.name(HeaderName::CSeq);
        self.text(Decimal::new(number.into()).as_bytes());
        self.text(b" ");
        self.method(method);
        self.text(b"\r\n");
    }

    /// Whole header lines, or parts that make whole ones, as they are: what
    /// another writer wrote, or our own words.
    pub fn lines(&mut self, lines: &[u8]) {
        self.text(lines);
    }

    /// One header field, formatted.
    pub fn field_fmt(&mut self, name: HeaderName, value: fmt::Arguments) {
        self.name(name);
        let start = self.buffer.len();
        // Writing to a buffer cannot fail.
        let _ = Text(self.buffer).write_fmt(value);
        if !is_even(split(self.buffer, start).1) {
            let value = self.buffer.split_off(start);
            self.flatten(&value);
        }
        self.text(b"\r\n");
    }

    /// A header field without a `HeaderName`. Nothing is written if `name` is
    /// no token.
    pub fn other(&mut self, name: &[u8], value: &[u8]) {
        if !is_token(name) {
            return;
        }
        self.text(name);
        self.text(b": ");
        self.value(value);
        self.text(b"\r\n");
    }

    /// All header fields of that name, in order.
    pub fn copy(&mut self, from: &Message, name: HeaderName) {
        for value in from.raw(name) {
            self.name(name);
            self.copied(from.even, value);
            self.text(b"\r\n");
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
                Ok(via) => self.stamped(&via, source, force_rport, request.even),
                Err(_) => self.copied(request.even, top),
            }
            for element in list {
                self.text(b", ");
                self.copied(request.even, element);
            }
            self.text(b"\r\n");
        }
        for value in values {
            self.name(HeaderName::Via);
            self.copied(request.even, value);
            self.text(b"\r\n");
        }
    }

    /// One Via of a request, telling where it came from as `vias` does.
    pub fn via(&mut self, via: &Via, source: SocketAddr) {
        self.name(HeaderName::Via);
        self.stamped(via, source, false, false);
        self.text(b"\r\n");
    }

    fn stamped(&mut self, via: &Via, source: SocketAddr, force_rport: bool, even: bool) {
        self.copied(even, via.head);
        let rport = force_rport || via.rport().is_some();
        match via.around_source() {
            Some((before, after)) => {
                self.copied(even, before);
                self.copied(even, after);
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
            self.value(name);
            if let Some(value) = value {
                self.text(b"=");
                self.value(value);
            }
        });
    }

    /// The To of a request, with `tag` unless it has one (RFC 3261 §8.2.6.2).
    /// A malformed To is copied as it is.
    pub fn to_with_tag(&mut self, request: &Message, tag: &[u8]) {
        let Some(value) = request.value(HeaderName::To) else {
            return;
        };
        self.open_to(request.even, value);
        if !tag.is_empty() && request.to().is_ok_and(|to| to.tag().is_none()) {
            self.text(b";tag=");
            self.text(tag);
        }
        self.text(b"\r\n");
    }

    /// A To copied from a message, but for the end of its line.
    pub(super) fn open_to(&mut self, even: bool, value: &[u8]) {
        self.name(HeaderName::To);
        self.copied(even, value);
    }

    /// The end of a message without a body.
    pub fn end(mut self) {
        if self.compact {
            self.text(b"l: 0\r\n\r\n");
        } else {
            self.text(b"Content-Length: 0\r\n\r\n");
        }
    }

    /// The end of a message with a body.
    pub fn end_with_body(mut self, content_type: &[u8], body: &[u8]) {
        self.field(HeaderName::ContentType, content_type);
        let length = Decimal::new(body.len() as u64);
        self.own(HeaderName::ContentLength, &[length.as_bytes()]);
        self.text(b"\r\n");
        self.text(body);
    }

    #[inline]
    fn name(&mut self, name: HeaderName) {
        match name.compact().filter(|_| self.compact) {
            Some(letter) => self.text(&[letter, b':', b' ']),
            None => self.text(name.label().as_bytes()),
        }
    }

    fn method(&mut self, method: Method) {
        match method {
            Method::Other(name) => self.value(name),
            known => self.text(known.as_bytes()),
        }
    }

    #[inline]
    fn text(&mut self, text: &[u8]) {
        self.buffer.extend_from_slice(text);
    }

    /// What may hold anything, as one line.
    #[inline]
    fn value(&mut self, value: &[u8]) {
        if is_even(value) {
            self.text(value);
        } else {
            self.flatten(value);
        }
    }

    /// What stands in a message, where all values are `even` or none is known
    /// to be.
    #[inline]
    fn copied(&mut self, even: bool, value: &[u8]) {
        if even {
            self.text(value);
        } else {
            self.value(value);
        }
    }

    /// Makes one line of what would be several.
    #[cold]
    fn flatten(&mut self, value: &[u8]) {
        let mut rest = value;
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

/// Whether a value holds nothing that could end its line.
pub(crate) fn is_even(value: &[u8]) -> bool {
    let is = |bytes: u8x16, byte| bytes.simd_eq(u8x16::splat(byte));
    !any(value, |bytes| {
        is(bytes, b'\r') | is(bytes, b'\n') | is(bytes, 0)
    })
}

/// Whether a URI holds white space or controls.
fn needs_escapes(uri: &[u8]) -> bool {
    let (space, delete) = (u8x16::splat(b' '), u8x16::splat(0x7f));
    any(uri, |bytes| {
        bytes.simd_eq(bytes.min(space)) | bytes.simd_eq(delete)
    })
}

/// Whether `test` marks any byte; it does not mark a dash. Values are short:
/// 16 bytes at a time cost less than a search.
fn any(value: &[u8], test: impl Fn(u8x16) -> u8x16) -> bool {
    let marks = |bytes: &[u8; 16]| test(u8x16::new(*bytes)).to_bitmask() != 0;
    match value.last_chunk() {
        Some(last) => value.as_chunks().0.iter().any(marks) || marks(last),
        None => {
            let mut bytes = [b'-'; 16];
            if let Some(place) = bytes.get_mut(..value.len()) {
                place.copy_from_slice(value);
            }
            marks(&bytes)
        }
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
