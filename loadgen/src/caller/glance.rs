//! One message, read as far as a caller or a callee needs it, in one pass over
//! its lines. Checks no grammar beyond that: what the generator does not ask
//! for is the target's own affair, and every instruction spent here is one the
//! target does not get.

use std::net::SocketAddr;

use arrayvec::ArrayVec;
use memchr::memchr;
use pinion_sip::wire::{CSeq, ContactValue, Method, NameAddr, Status, Via, Writer, elements};

use super::lines::{Line, Lines, Name};

/// How many header fields with a name that matters a message may have.
const MOST_LINES: usize = 64;

/// Room for the header fields of one message that matter.
pub type Room<'a> = ArrayVec<Line<'a>, MOST_LINES>;

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
pub struct Glance<'a, 'r> {
    /// The first line.
    pub first: First<'a>,
    /// The values of the first header fields of these names.
    pub via: &'a [u8],
    /// From.
    pub from: &'a [u8],
    /// To.
    pub to: &'a [u8],
    /// The tag of a request's To.
    pub to_tag: Option<&'a [u8]>,
    /// Call-ID.
    pub call_id: &'a [u8],
    /// CSeq.
    pub cseq: CSeq<'a>,
    /// The first Contact.
    pub contact: Option<&'a [u8]>,
    /// What follows the empty line.
    pub body: &'a [u8],
    header: &'a [u8],
    lines: &'r [Line<'a>],
}

impl<'a, 'r> Glance<'a, 'r> {
    /// Reads a datagram; `None` for what is no message, lacks a header field
    /// that every message has (§8.1.1), has too many, or ends lines in LF alone.
    pub fn read(datagram: &'a [u8], room: &'r mut Room<'a>) -> Option<Glance<'a, 'r>> {
        let end = memchr(b'\n', datagram)? + 1;
        let (first, header) = datagram.split_at(end);
        let mut glance = Glance {
            first: First::read(first)?,
            via: b"",
            from: b"",
            to: b"",
            to_tag: None,
            call_id: b"",
            cseq: CSeq {
                number: 0,
                method: Method::Other(b""),
            },
            contact: None,
            body: b"",
            header,
            lines: &[],
        };
        let mut cseq: &[u8] = b"";
        let mut lines = Lines::new(header);
        for line in &mut lines {
            if line.name == Name::Other {
                continue;
            }
            if !line.text.ends_with(b"\r\n") {
                return None;
            }
            room.try_push(line).ok()?;
            let kept = match line.name {
                Name::Via => &mut glance.via,
                Name::From => &mut glance.from,
                Name::To => &mut glance.to,
                Name::CallId => &mut glance.call_id,
                Name::CSeq => &mut cseq,
                Name::Contact => glance.contact.get_or_insert(b""),
                Name::RecordRoute | Name::Other => continue,
            };
            if kept.is_empty() {
                *kept = line.value();
            }
        }
        glance.cseq = CSeq::parse(cseq)?;
        glance.body = lines.rest().strip_prefix(b"\r\n")?;
        if matches!(glance.first, First::Request(_)) {
            glance.to_tag = tag(glance.to);
        }
        glance.lines = room;
        let all = [glance.via, glance.from, glance.to, glance.call_id];
        all.iter().all(|value| !value.is_empty()).then_some(glance)
    }

    /// Its header fields of that name.
    pub fn lines(&self, name: Name) -> impl Iterator<Item = &'r Line<'a>> {
        self.lines.iter().filter(move |line| line.name == name)
    }

    /// The values of all header fields of another name, which has no compact
    /// form.
    pub fn others(&self, name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
        Lines::new(self.header).filter_map(move |line| {
            let (start, value) = line.text.split_at(memchr(b':', line.text)?);
            let same = start.trim_ascii_end().eq_ignore_ascii_case(name);
            same.then(|| value[1..].trim_ascii())
        })
    }

    /// The topmost Via, unless malformed.
    pub fn top_via(&self) -> Option<Via<'a>> {
        Via::parse(elements(self.via).next()?)
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
        for line in self.lines {
            match line.name {
                Name::Via if std::mem::take(&mut is_top) => {
                    let mut values = elements(line.value());
                    values.next();
                    Writer::new(out, false).via(via, source);
                    for value in values {
                        write_line(out, b"Via: ", value);
                    }
                }
                Name::To if self.to_tag.is_none() => {
                    out.extend_from_slice(line.text.trim_ascii_end());
                    write_line(out, b";tag=", tag);
                }
                Name::RecordRoute if !routes => {}
                Name::Contact => {}
                _ => out.extend_from_slice(line.text),
            }
        }
    }
}

/// The tag of a To.
fn tag(to: &[u8]) -> Option<&[u8]> {
    // Without a semicolon there is none, and no need to read it.
    memchr(b';', to)?;
    NameAddr::parse(to)?.tag()
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
        let mut room = Room::new();
        let glance = Glance::read(INVITE.as_bytes(), &mut room).unwrap();
        assert_eq!(glance.first, First::Request(Method::Invite));
        assert_eq!(glance.call_id, b"one@h");
        assert_eq!(
            (glance.cseq.number, glance.cseq.method),
            (7, Method::Invite)
        );
        assert_eq!(glance.from, b"\"a: b\"\r\n <sip:a@h>;tag=1");
        assert_eq!((glance.to, glance.to_tag), (&b"<sip:b@h;x=y>"[..], None));
        let contact = glance.contact.and_then(contact_uri);
        assert_eq!(contact, Some(&b"sip:a@10.0.0.1:5070"[..]));
        assert_eq!(glance.lines(Name::RecordRoute).count(), 2);
        assert_eq!(glance.others(b"max-forwards").next(), Some(&b"70"[..]));
        assert_eq!(glance.body, b"v=0\n");
        let top = glance.top_via().unwrap();
        assert_eq!(top.branch(), Some(&b"z9hG4bKa"[..]));
    }

    #[test]
    fn a_response_repeats_what_it_must() {
        let mut room = Room::new();
        let glance = Glance::read(INVITE.as_bytes(), &mut room).unwrap();
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
        let mut room = Room::new();
        let glance = Glance::read(text.as_bytes(), &mut room).unwrap();
        assert_eq!(glance.first, First::Response(Status::SESSION_PROGRESS));
    }

    #[test]
    fn no_byte_anywhere_is_a_fault() {
        let source = "10.0.0.9:1234".parse().unwrap();
        for (at, byte) in (0..INVITE.len()).flat_map(|at| b"\r\n :;,<\"\\\0".map(|byte| (at, byte)))
        {
            let mut text = INVITE.as_bytes().to_vec();
            text[at] = byte;
            let mut room = Room::new();
            let Some(glance) = Glance::read(&text, &mut room) else {
                continue;
            };
            if let Some(via) = glance.top_via() {
                let mut out = Vec::new();
                glance.write_head(&via, source, b"mine", true, &mut out);
                assert!(out.ends_with(b"\r\n"));
            }
        }
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
            ("i: one@h\r\n", "i: one@h\n"),
        ] {
            let text = INVITE.replacen(old, new, 1);
            assert_ne!(text, INVITE);
            assert!(
                Glance::read(text.as_bytes(), &mut Room::new()).is_none(),
                "{text}"
            );
        }
        for end in 0..INVITE.len() - 4 {
            assert!(
                Glance::read(&INVITE.as_bytes()[..end], &mut Room::new()).is_none(),
                "{end}"
            );
        }
    }
}
