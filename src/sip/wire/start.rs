//! The first line: Request-Line and Status-Line (RFC 3261 §7.1, §7.2).

use memchr::{memchr, memchr2, memrchr};

use super::scan::{is_token, number, split};
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
        line: &'a [u8],
        at: usize,
    ) -> Result<(StartLine<'a>, Option<Fault>), Unreadable> {
        if starts_with_sip(line) {
            return status_line(line)
                .map(|start| (start, None))
                .ok_or(Unreadable::StatusLine);
        }
        request_line(line, at).ok_or(Unreadable::NotSip)
    }
}

/// SIP-Version is compared without regard to case (RFC 3261 §7.1).
fn starts_with_sip(text: &[u8]) -> bool {
    text.get(..4)
        .is_some_and(|start| start == b"SIP/" || start.eq_ignore_ascii_case(b"SIP/"))
}

fn status_line(line: &[u8]) -> Option<StartLine<'_>> {
    let (version, rest) = split(line, memchr(b' ', line)?);
    if !version.eq_ignore_ascii_case(b"SIP/2.0") {
        return None;
    }
    // The space after the code is missing in some replies with no phrase;
    // RFC 4475 §3.1.1.13 suggests to overlook that.
    let rest = rest.get(1..)?;
    let (code, reason) = split(rest, memchr(b' ', rest).unwrap_or(rest.len()));
    if code.len() != 3 {
        return None;
    }
    let status = Status::new(u16::try_from(number(code)?).ok()?)?;
    Some(StartLine::Response {
        status,
        reason: reason.get(1..).unwrap_or(b""),
    })
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
    let fault = if version != b"SIP/2.0" && !version.eq_ignore_ascii_case(b"SIP/2.0") {
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

    fn fault(line: &str) -> Option<FaultKind> {
        StartLine::parse(line.as_bytes(), 0)
            .unwrap()
            .1
            .map(|fault| fault.kind)
    }

    #[test]
    fn a_request_line() {
        let (start, fault) = StartLine::parse(b"INVITE sip:bob@biloxi.com SIP/2.0", 0).unwrap();
        assert_eq!(
            start,
            StartLine::Request {
                method: Method::Invite,
                uri: b"sip:bob@biloxi.com"
            }
        );
        assert_eq!(fault, None);
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
        let parse =
            |line: &'static str| StartLine::parse(line.as_bytes(), 0).map(|(start, _)| start);
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
                StartLine::parse(line.as_bytes(), 0),
                Err(Unreadable::NotSip),
                "{line}"
            );
        }
    }
}
