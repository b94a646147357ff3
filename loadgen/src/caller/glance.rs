//! One message, read as far as a caller or a callee needs it, in one pass over
//! its lines. Checks no grammar beyond that: what the generator does not ask
//! for is the target's own affair, and every instruction spent here is one the
//! target does not get.

use std::net::SocketAddr;

use memchr::memchr;
use pinion_sip::wire::{CSeq, ContactValue, Method, NameAddr, Status, Via, Writer, elements};

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

impl Name {
    /// In full or in its compact form (RFC 3261 §7.3.3), in any case.
    fn read(text: &[u8]) -> Name {
        let (full, name): (&[u8], Name) = match text {
            [b'v' | b'V'] => return Name::Via,
            [b'f' | b'F'] => return Name::From,
            [b't' | b'T'] => return Name::To,
            [b'i' | b'I'] => return Name::CallId,
            [b'm' | b'M'] => return Name::Contact,
            [_, _] => (b"To", Name::To),
            [_, _, _] => (b"Via", Name::Via),
            [b'f' | b'F', _, _, _] => (b"From", Name::From),
            [_, _, _, _] => (b"CSeq", Name::CSeq),
            [_, b'a' | b'A', _, _, _, _, _] => (b"Call-ID", Name::CallId),
            [_, _, _, _, _, _, _] => (b"Contact", Name::Contact),
            _ if text.len() == 12 => (b"Record-Route", Name::RecordRoute),
            _ => return Name::Other,
        };
        if full.eq_ignore_ascii_case(text) {
            name
        } else {
            Name::Other
        }
    }
}

/// One header field.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// All of it: name, value, folds, and the line end.
    pub text: &'a [u8],
    /// Where its colon stands.
    colon: usize,
}

impl<'a> Line<'a> {
    fn name_text(&self) -> &'a [u8] {
        self.text[..self.colon].trim_ascii_end()
    }

    /// Its name.
    pub fn name(&self) -> Name {
        Name::read(self.name_text())
    }

    /// Its value, trimmed; folds stay.
    pub fn value(&self) -> &'a [u8] {
        self.text[self.colon + 1..].trim_ascii()
    }
}

/// Header fields in order, up to the empty line.
#[derive(Clone)]
pub struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Lines<'a> {
    /// The header fields at the start of `text`.
    pub fn new(text: &'a [u8]) -> Lines<'a> {
        Lines { rest: text }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        if matches!(self.rest, [b'\r', ..] | []) {
            return None;
        }
        let mut end = 0;
        loop {
            end += memchr(b'\n', &self.rest[end..])? + 1;
            // A line that begins with white space goes on with the one before
            // (§7.3.1).
            if !matches!(self.rest.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        let text = &self.rest[..end];
        let colon = text.iter().position(|byte| *byte == b':')?;
        self.rest = &self.rest[end..];
        Some(Line { text, colon })
    }
}

/// The first line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum First<'a> {
    /// Of a request.
    Request(Method<'a>),
    /// Of a response.
    Response(Status),
}

impl<'a> First<'a> {
    fn read(line: &'a [u8]) -> Option<First<'a>> {
        if let Some(rest) = line.strip_prefix(b"SIP/2.0 ") {
            let [a, b, c, b' ' | b'\r', ..] = *rest else {
                return None;
            };
            let digits = [a, b, c].map(|digit| u16::from(digit.wrapping_sub(b'0')));
            let code = digits.iter().fold(0, |code, digit| code * 10 + digit);
            let is_number = digits.iter().all(|digit| *digit < 10);
            return Some(First::Response(Status::new(code).filter(|_| is_number)?));
        }
        let method = &line[..memchr(b' ', line)?];
        line.ends_with(b" SIP/2.0\r\n")
            .then(|| First::Request(Method::new(method)))
    }
}

/// One message.
pub struct Glance<'a> {
    /// The first line.
    pub first: First<'a>,
    /// The values of the first header fields of these names.
    pub via: &'a [u8],
    /// From.
    pub from: &'a [u8],
    /// To.
    pub to: &'a [u8],
    /// Call-ID.
    pub call_id: &'a [u8],
    /// CSeq.
    pub cseq: CSeq<'a>,
    /// The first Contact.
    pub contact: Option<&'a [u8]>,
    /// What follows the empty line.
    pub body: &'a [u8],
    header: &'a [u8],
    /// Whether there is a Record-Route.
    is_routed: bool,
}

impl<'a> Glance<'a> {
    /// Reads a datagram; `None` for what is no message, or lacks a header field
    /// that every message has (§8.1.1).
    pub fn read(datagram: &'a [u8]) -> Option<Glance<'a>> {
        let end = memchr(b'\n', datagram)? + 1;
        let (first, header) = datagram.split_at(end);
        let mut glance = Glance {
            first: First::read(first)?,
            via: b"",
            from: b"",
            to: b"",
            call_id: b"",
            cseq: CSeq {
                number: 0,
                method: Method::Other(b""),
            },
            contact: None,
            is_routed: false,
            body: b"",
            header,
        };
        let mut cseq: &[u8] = b"";
        let mut lines = Lines::new(header);
        for line in &mut lines {
            let kept = match line.name() {
                Name::Via => &mut glance.via,
                Name::From => &mut glance.from,
                Name::To => &mut glance.to,
                Name::CallId => &mut glance.call_id,
                Name::CSeq => &mut cseq,
                Name::Contact => glance.contact.get_or_insert(b""),
                Name::RecordRoute => {
                    glance.is_routed = true;
                    continue;
                }
                Name::Other => continue,
            };
            if kept.is_empty() {
                *kept = line.value();
            }
        }
        glance.cseq = CSeq::parse(cseq)?;
        glance.body = lines.rest.strip_prefix(b"\r\n")?;
        let all = [glance.via, glance.from, glance.to, glance.call_id];
        all.iter().all(|value| !value.is_empty()).then_some(glance)
    }

    /// Its header fields.
    pub fn lines(&self) -> Lines<'a> {
        Lines::new(self.header)
    }

    /// The lines in which its Record-Routes stand: none where there is none.
    pub fn record_routes(&self) -> Lines<'a> {
        Lines::new(if self.is_routed { self.header } else { b"" })
    }

    /// The values of all header fields of that name, which has no compact form.
    pub fn values(&self, name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
        self.lines()
            .filter(move |line| line.name_text().eq_ignore_ascii_case(name))
            .map(|line| line.value())
    }

    /// The topmost Via, unless malformed.
    pub fn top_via(&self) -> Option<Via<'a>> {
        Via::parse(elements(self.via).next()?)
    }

    /// The tag of To.
    pub fn to_tag(&self) -> Option<&'a [u8]> {
        // Without a semicolon there is none, and no need to read it.
        memchr(b';', self.to)?;
        NameAddr::parse(self.to)?.tag()
    }

    /// Writes the lines that every response repeats of its request
    /// (§8.2.6.2), To with `tag` unless it has one, and with `routes` those
    /// that responses which make a dialog repeat too (§12.1.1). `via` is its
    /// topmost, `source` where it came from.
    pub fn write_head(
        &self,
        via: &Via,
        source: SocketAddr,
        tag: &[u8],
        routes: bool,
        out: &mut Vec<u8>,
    ) {
        let mut is_top = true;
        for line in self.lines() {
            match line.name() {
                Name::Via if std::mem::take(&mut is_top) => {
                    let mut values = elements(line.value());
                    values.next();
                    Writer::new(out, false).via(via, source);
                    for value in values {
                        write_line(out, b"Via: ", value);
                    }
                }
                Name::To if self.to_tag().is_none() => {
                    out.extend_from_slice(line.text.trim_ascii_end());
                    write_line(out, b";tag=", tag);
                }
                Name::RecordRoute if !routes => {}
                Name::Contact | Name::Other => {}
                _ => out.extend_from_slice(line.text),
            }
        }
    }
}

/// The URI of a Contact.
pub fn contact_uri(value: &[u8]) -> Option<&[u8]> {
    match ContactValue::parse(elements(value).next()?)? {
        ContactValue::Addr(address) => Some(address.uri),
        ContactValue::Star => None,
    }
}

fn write_line(out: &mut Vec<u8>, start: &[u8], rest: &[u8]) {
    for part in [start, rest, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &str = "INVITE sip:a@h SIP/2.0\r\n\
        v : SIP/2.0/UDP 10.0.0.1:5070;rport;branch=z9hG4bKa, SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKb\r\n\
        VIA: SIP/2.0/UDP 10.0.0.3;branch=z9hG4bKc\r\n\
        Max-Forwards: 70\r\n\
        f: \"a: b\"\r\n <sip:a@h>;tag=1\r\n\
        TO:<sip:b@h;x=y>\r\n\
        i: one@h\r\n\
        cseq: 7\r\n\tINVITE\r\n\
        Record-Route: <sip:p1;lr>\r\n\
        record-route: <sip:p2;lr>\r\n\
        m: <sip:a@10.0.0.1:5070>\r\n\
        l: 4\r\n\r\nv=0\n";

    #[test]
    fn compact_names_and_folds_are_read() {
        let glance = Glance::read(INVITE.as_bytes()).unwrap();
        assert_eq!(glance.first, First::Request(Method::Invite));
        assert_eq!(glance.call_id, b"one@h");
        assert_eq!(
            (glance.cseq.number, glance.cseq.method),
            (7, Method::Invite)
        );
        assert_eq!(glance.from, b"\"a: b\"\r\n <sip:a@h>;tag=1");
        assert_eq!((glance.to, glance.to_tag()), (&b"<sip:b@h;x=y>"[..], None));
        let contact = glance.contact.and_then(contact_uri);
        assert_eq!(contact, Some(&b"sip:a@10.0.0.1:5070"[..]));
        assert!(glance.is_routed);
        assert_eq!(glance.body, b"v=0\n");
        let top = glance.top_via().unwrap();
        assert_eq!(top.branch(), Some(&b"z9hG4bKa"[..]));
    }

    #[test]
    fn a_response_repeats_what_it_must() {
        let glance = Glance::read(INVITE.as_bytes()).unwrap();
        let via = glance.top_via().unwrap();
        let source = "10.0.0.9:1234".parse().unwrap();
        let mut out = Vec::new();
        glance.write_head(&via, source, b"mine", true, &mut out);
        let out = String::from_utf8(out).unwrap();
        assert_eq!(
            out,
            "Via: SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKa;received=10.0.0.9;rport=1234\r\n\
             Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKb\r\n\
             VIA: SIP/2.0/UDP 10.0.0.3;branch=z9hG4bKc\r\n\
             f: \"a: b\"\r\n <sip:a@h>;tag=1\r\n\
             TO:<sip:b@h;x=y>;tag=mine\r\n\
             i: one@h\r\n\
             cseq: 7\r\n\tINVITE\r\n\
             Record-Route: <sip:p1;lr>\r\n\
             record-route: <sip:p2;lr>\r\n"
        );
        let mut out = Vec::new();
        glance.write_head(&via, source, b"mine", false, &mut out);
        assert!(!String::from_utf8(out).unwrap().contains("oute:"));
    }

    #[test]
    fn a_response_is_told_by_its_status() {
        let text = INVITE.replace("INVITE sip:a@h SIP/2.0", "SIP/2.0 183 Session Progress");
        let glance = Glance::read(text.as_bytes()).unwrap();
        assert_eq!(glance.first, First::Response(Status::SESSION_PROGRESS));
    }

    #[test]
    fn what_is_no_message() {
        for (old, new) in [
            ("INVITE sip:a@h SIP/2.0", "INVITE sip:a@h SIP/3.0"),
            ("INVITE sip:a@h SIP/2.0", "SIP/2.0 2x0 OK"),
            ("INVITE sip:a@h SIP/2.0", ""),
            ("i: one@h\r\n", ""),
            ("cseq: 7", "cseq: x"),
            ("i: one@h", "i one@h"),
            ("\r\n\r\nv=0\n", "\r\n"),
        ] {
            let text = INVITE.replacen(old, new, 1);
            assert_ne!(text, INVITE);
            assert!(Glance::read(text.as_bytes()).is_none(), "{text}");
        }
        for end in 0..INVITE.len() - 4 {
            assert!(Glance::read(&INVITE.as_bytes()[..end]).is_none(), "{end}");
        }
    }
}
