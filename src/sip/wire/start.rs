//! The first line: Request-Line and Status-Line (RFC 3261 §7.1, §7.2).

use memchr::{memchr, memchr2, memrchr};

use super::part::Part;
use super::scan::{is_token, is_word, number, split};
use super::{Fault, FaultKind, Method, Status, Unreadable};

/// The first line of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartLine<'a> {
    /// `INVITE sip:bob@biloxi.com SIP/2.0`
    Request {
        /// The method.
        method: Method<'a>,
        /// The Request-URI as it stands, which may break the grammar until
        /// `Message::check` has passed.
        uri: &'a [u8],
    },
    /// `SIP/2.0 200 OK`
    Response {
        /// The status.
        status: Status,
        /// The reason phrase, perhaps empty.
        reason: &'a [u8],
    },
}

impl<'a> StartLine<'a> {
    /// Reads a line without its CRLF, which begins `at` bytes into the
    /// datagram. A request with a fault worth an answer comes with that fault.
    pub(super) fn parse(
        line: Part<'a>,
        at: usize,
    ) -> Result<(StartLine<'a>, Option<Fault>), Unreadable> {
        if starts_with_sip(line.rest()) {
            let start = status_line(line).ok_or(Unreadable::StatusLine)?;
            return Ok((start, None));
        }
        match plain_request_line(line) {
            Some(start) => Ok((start, None)),
            None => request_line(line.rest(), at).ok_or(Unreadable::NotSip),
        }
    }
}

/// SIP-Version is compared without regard to case (RFC 3261 §7.1).
fn starts_with_sip(text: &[u8]) -> bool {
    text.get(..4).is_some_and(|start| is_word(start, b"SIP/"))
}

fn status_line(mut line: Part<'_>) -> Option<StartLine<'_>> {
    let version = line.until(b' ');
    if !is_word(version, b"SIP/2.0") || !line.eat(b' ') {
        return None;
    }
    // The space after the code is missing in some replies with no phrase;
    // RFC 4475 §3.1.1.13 suggests to overlook that.
    let code = line.until(b' ');
    if code.len() != 3 {
        return None;
    }
    let status = Status::new(u16::try_from(number(code)?).ok()?)?;
    let reason = line.after(1).rest();
    Some(StartLine::Response { status, reason })
}

/// A Request-Line of a known method and without a fault, as nearly all are.
fn plain_request_line(mut line: Part<'_>) -> Option<StartLine<'_>> {
    let method = Method::new(line.until(b' '));
    line.eat(b' ');
    let uri = line.until_either(b' ', b'\t');
    let known = !matches!(method, Method::Other(_));
    let plain = known && !uri.is_empty() && line.rest() == b" SIP/2.0";
    plain.then_some(StartLine::Request { method, uri })
}

/// A line counts as a request as soon as it begins with a token and ends in
/// something of a SIP version: enough to tell the sender what is wrong.
fn request_line(line: &[u8], at: usize) -> Option<(StartLine<'_>, Option<Fault>)> {
    let end = line.iter().rposition(|&byte| byte != b' ')? + 1;
    let (trimmed, trailing) = split(line, end);
    let (method, rest) = split(trimmed, memchr(b' ', trimmed)?);
    let (uri, version) = split(rest, memrchr(b' ', rest)?);
    let (uri, version) = (uri.get(1..).unwrap_or(b""), version.get(1..)?);
    if !is_token(method) || !starts_with_sip(version) {
        return None;
    }
    let uri_at = at + method.len() + 1;
    let fault = if !is_word(version, b"SIP/2.0") {
        let kind = if is_version(version) {
            FaultKind::Version
        } else {
            FaultKind::RequestLine
        };
        Some(Fault::new(kind, at + end - version.len()))
    } else if !trailing.is_empty() {
        Some(Fault::new(FaultKind::RequestLine, at + end))
    } else if uri.is_empty() || memchr2(b' ', b'\t', uri).is_some() {
        Some(Fault::new(FaultKind::RequestLine, uri_at))
    } else {
        None
    };
    Some((
        StartLine::Request {
            method: Method::new(method),
            uri,
        },
        fault,
    ))
}

/// `"SIP" "/" 1*DIGIT "." 1*DIGIT`
fn is_version(version: &[u8]) -> bool {
    let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let (_, numbers) = split(version, 4);
    memchr(b'.', numbers).is_some_and(|dot| {
        let (major, minor) = split(numbers, dot);
        digits(major) && minor.get(1..).is_some_and(digits)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fault(line: &str) -> Option<FaultKind> {
        StartLine::parse(Part::new(line.as_bytes()), 0)
            .unwrap()
            .1
            .map(|fault| fault.kind)
    }

    #[test]
    fn a_request_line() {
        let (start, fault) =
            StartLine::parse(Part::new(b"INVITE sip:bob@biloxi.com SIP/2.0"), 0).unwrap();
        assert_eq!(
            start,
            StartLine::Request {
                method: Method::Invite,
                uri: b"sip:bob@biloxi.com"
            }
        );
        assert_eq!(fault, None);
    }

    proptest! {
        #[test]
        fn a_plain_request_line_is_read_as_any_other(line in "(INVITE|BYE|X| ){1,2}[ \t]?(sip:a@b|\\PC{0,9})[ \t]?(SIP/2.0|sip/2.0|SIP/3.0)?[ \t]?") {
            let plain = plain_request_line(Part::new(line.as_bytes()));
            if let Some(start) = plain {
                prop_assert_eq!(request_line(line.as_bytes(), 0), Some((start, None)));
            }
        }
    }

    #[test]
    fn faults_of_a_request_line() {
        assert_eq!(fault("INVITE sip:b SIP/7.0"), Some(FaultKind::Version));
        assert_eq!(fault("INVITE sip:b SIP/2.x"), Some(FaultKind::RequestLine));
        assert_eq!(fault("INVITE  sip:b SIP/2.0"), Some(FaultKind::RequestLine));
        assert_eq!(fault("INVITE sip:b  SIP/2.0"), Some(FaultKind::RequestLine));
        assert_eq!(
            fault("INVITE sip:b SIP/2.0  "),
            Some(FaultKind::RequestLine)
        );
        assert_eq!(fault("INVITE SIP/2.0"), Some(FaultKind::RequestLine));
        assert_eq!(fault("INVITE sip:b sip/2.0"), None);
    }

    #[test]
    fn a_status_line() {
        let parse = |line: &'static str| {
            StartLine::parse(Part::new(line.as_bytes()), 0).map(|(start, _)| start)
        };
        let ok = |status, reason: &'static str| {
            Ok(StartLine::Response {
                status,
                reason: reason.as_bytes(),
            })
        };
        assert_eq!(parse("SIP/2.0 200 OK"), ok(Status::OK, "OK"));
        assert_eq!(parse("SIP/2.0 100 "), ok(Status::TRYING, ""));
        assert_eq!(parse("SIP/2.0 100"), ok(Status::TRYING, ""));
        for line in [
            "SIP/2.0 4294967301 x",
            "SIP/2.0 700 x",
            "SIP/2.0 099 x",
            "SIP/3.0 200 OK",
            "SIP/2.0",
        ] {
            assert_eq!(parse(line), Err(Unreadable::StatusLine), "{line}");
        }
    }

    #[test]
    fn what_is_no_sip() {
        for line in [
            "GET / HTTP/1.1",
            "",
            " ",
            "INVITE",
            "INVITE sip:b",
            "IN(VITE sip:b SIP/2.0",
        ] {
            assert_eq!(
                StartLine::parse(Part::new(line.as_bytes()), 0),
                Err(Unreadable::NotSip),
                "{line}"
            );
        }
    }
}
