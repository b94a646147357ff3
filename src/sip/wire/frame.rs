//! Where messages of a stream begin and end (RFC 3261 §18.3, §7.5, RFC 5626
//! §4.4.1). Looks at each byte once however few come at a time; holds none.

use memchr::{memchr, memrchr};

use super::{Fields, Message, Method, Status, write_reply};
use crate::base::{Flow, call_id_hash, hex};

/// Why a stream cannot be read any further.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unframed {
    /// No Content-Length, which streams must have (§18.3).
    NoLength,
    /// A Content-Length that is no number, or two that differ.
    BadLength,
    /// The header is larger than a message may be.
    HeaderTooLarge,
    /// The body would be.
    BodyTooLarge,
}

impl Unframed {
    /// What a request of that kind is answered with.
    pub fn status(self) -> (Status, &'static str) {
        match self {
            Unframed::NoLength => (Status::BAD_REQUEST, "Missing Content-Length"),
            Unframed::BadLength => (Status::BAD_REQUEST, "Invalid Content-Length"),
            Unframed::HeaderTooLarge => (Status::MESSAGE_TOO_LARGE, "Message Too Large"),
            Unframed::BodyTooLarge => {
                (Status::REQUEST_ENTITY_TOO_LARGE, "Request Entity Too Large")
            }
        }
    }
}

/// What a stream begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Frame {
    /// Nothing whole yet.
    Partial,
    /// So many bytes between messages, and how many of them were pings: each
    /// wants a line end back.
    Blank {
        /// How many bytes.
        len: usize,
        /// How many pings.
        pings: usize,
    },
    /// A message of so many bytes.
    Message {
        /// How many bytes.
        len: usize,
    },
    /// Nothing that could be read on from; the header, or as much of it as came,
    /// is that many bytes.
    Unframed {
        /// Why.
        fault: Unframed,
        /// How many bytes.
        header_len: usize,
    },
}

/// How far one stream has been looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Framer {
    /// Up to where the header holds no end, counted from the message's start.
    seen: u32,
    /// The whole message's length, once its header is complete.
    whole: Option<u32>,
    /// A line end has been between messages, and no ping was made of it.
    line_end: bool,
}

impl Framer {
    /// Says what `bytes` begins with: all that has come and has not been dealt
    /// with, from the last message's end on. Whoever asks deals with all of a
    /// blank or a message before asking again. A message is at most `limit`
    /// bytes.
    pub fn next(&mut self, bytes: &[u8], limit: usize) -> Frame {
        if self.seen == 0
            && let Some(blank) = self.blank(bytes)
        {
            return blank;
        }
        let whole = match self.whole {
            Some(whole) => whole as usize,
            None => match self.measure(bytes, limit) {
                Ok(Some(whole)) => whole,
                Ok(None) => return Frame::Partial,
                Err((fault, header_len)) => return Frame::Unframed { fault, header_len },
            },
        };
        if bytes.len() < whole {
            self.whole = Some(whole as u32);
            return Frame::Partial;
        }
        *self = Framer::default();
        Frame::Message { len: whole }
    }

    /// Line ends before a message. Two in a row are a ping, wherever they are
    /// split; whatever follows is a message of its own.
    fn blank(&mut self, bytes: &[u8]) -> Option<Frame> {
        let is_blank = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let len = bytes.iter().take_while(|byte| is_blank(byte)).count();
        if len == 0 {
            self.line_end &= bytes.is_empty();
            return None;
        }
        let blank = bytes.iter().take(len);
        let line_ends = blank.filter(|&&byte| byte == b'\n').count() + usize::from(self.line_end);
        self.line_end = line_ends % 2 == 1;
        let pings = line_ends / 2;
        Some(Frame::Blank { len, pings })
    }

    /// The whole message's length, once its header's end has come.
    fn measure(&mut self, bytes: &[u8], limit: usize) -> Result<Option<usize>, (Unframed, usize)> {
        let Some(header_len) = self.header_len(bytes) else {
            return match bytes.len() > limit {
                true => Err((Unframed::HeaderTooLarge, bytes.len())),
                false => Ok(None),
            };
        };
        if header_len > limit {
            return Err((Unframed::HeaderTooLarge, header_len));
        }
        let header = bytes.get(..header_len).unwrap_or_default();
        let body = content_length(header).map_err(|fault| (fault, header_len))?;
        match header_len.checked_add(body).filter(|&whole| whole <= limit) {
            Some(whole) => Ok(Some(whole)),
            None => Err((Unframed::BodyTooLarge, header_len)),
        }
    }

    /// The header's length with the empty line that ends it, looked for from
    /// where the last look ended.
    fn header_len(&mut self, bytes: &[u8]) -> Option<usize> {
        loop {
            let seen = self.seen as usize;
            let Some(offset) = memchr(b'\n', bytes.get(seen..)?) else {
                self.seen = bytes.len() as u32;
                return None;
            };
            let next = seen + offset + 1;
            match bytes.get(next..).unwrap_or_default() {
                [b'\n', ..] => return Some(next + 1),
                [b'\r', b'\n', ..] => return Some(next + 2),
                // What follows the line end decides, and has not come.
                [] | [b'\r'] => {
                    self.seen = (next - 1) as u32;
                    return None;
                }
                _ => self.seen = next as u32,
            }
        }
    }
}

/// What a whole header says of its body's length.
fn content_length(header: &[u8]) -> Result<usize, Unframed> {
    let mut found = None;
    let mut rest = header;
    while let Some(end) = memchr(b'\n', rest) {
        rest = rest.get(end + 1..).unwrap_or_default();
        if let Some(value) = value_of_length(rest) {
            let length = number(value)?;
            if found.is_some_and(|other| other != length) {
                return Err(Unframed::BadLength);
            }
            found = Some(length);
        }
    }
    found.ok_or(Unframed::NoLength)
}

/// What follows the colon, where a line begins with `Content-Length:` or `l:`:
/// as far as the header goes, as the value may be on a line of its own.
fn value_of_length(line: &[u8]) -> Option<&[u8]> {
    let name_len = match line.first()? | 0x20 {
        b'l' => 1,
        b'c' => line
            .get(..14)
            .filter(|name| name.eq_ignore_ascii_case(b"content-length"))?
            .len(),
        _ => return None,
    };
    line.get(name_len..)?.trim_ascii_start().strip_prefix(b":")
}

/// The number a value is, up to its line's end.
fn number(value: &[u8]) -> Result<usize, Unframed> {
    let value = value.trim_ascii_start();
    let end = value
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(value.len());
    let (digits, rest) = value.split_at(end);
    let line_end = memchr(b'\n', rest).unwrap_or(rest.len());
    let after = rest.get(..line_end).unwrap_or_default();
    if digits.is_empty() || digits.len() > 10 || !after.trim_ascii().is_empty() {
        return Err(Unframed::BadLength);
    }
    let value = digits
        .iter()
        .fold(0_u64, |value, digit| value * 10 + u64::from(digit - b'0'));
    usize::try_from(value).map_err(|_| Unframed::BadLength)
}

/// Appends the answer to a request that cannot be read to its end, of which
/// `header` has come by `flow`; nothing, if it is none or says too little.
pub fn write_refusal(buffer: &mut Vec<u8>, header: &[u8], fault: Unframed, flow: Flow) {
    let lines = memrchr(b'\n', header).map_or(0, |end| end + 1);
    // No more of it can be read; what an answer repeats mostly comes first.
    let lines = header.get(..lines.min(usize::from(u16::MAX)));
    let mut fields = Fields::new();
    let Ok(request) = Message::parse(lines.unwrap_or_default(), &mut fields) else {
        return;
    };
    let answerable = request.is_request()
        && request.method() != Method::Ack
        && request.top_via().is_ok()
        && request.from().is_ok()
        && request.to().is_ok()
        && request.cseq().is_ok();
    if !answerable {
        return;
    }
    let tag = hex(call_id_hash(request.call_id()).into());
    let (status, reason) = fault.status();
    let reply = (status, Some(reason));
    write_reply(buffer, false, &request, flow, false, reply, &tag).end();
}

#[cfg(test)]
mod tests;
