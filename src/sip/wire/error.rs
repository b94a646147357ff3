//! What can be wrong with a datagram: causes to drop it, faults to answer.
//! Small `Copy` values; the status of a fault is decided here and nowhere else.

use super::{HeaderName, Status};

/// Why a datagram is dropped: there is nothing to answer to. Count these.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Unreadable {
    /// Nothing, or nothing but line ends and NULs: a keep-alive.
    Empty,
    /// More than 65535 bytes.
    TooLong,
    /// The first line is neither a Request-Line nor a Status-Line.
    NotSip,
    /// A Status-Line of another version, or with a code outside 100 to 699.
    StatusLine,
    /// A request without a Via: nobody would recognise an answer.
    NoVia,
}

impl Unreadable {
    /// Every cause, in the order of `index()`.
    pub const ALL: [Unreadable; 5] = [
        Unreadable::Empty,
        Unreadable::TooLong,
        Unreadable::NotSip,
        Unreadable::StatusLine,
        Unreadable::NoVia,
    ];

    /// The place of this cause in an array of counters.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// A fixed word for counters and notes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Unreadable::Empty => "empty",
            Unreadable::TooLong => "too-long",
            Unreadable::NotSip => "not-sip",
            Unreadable::StatusLine => "status-line",
            Unreadable::NoVia => "no-via",
        }
    }
}

/// What is wrong with a message that can be read well enough to be refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FaultKind {
    /// The Request-Line names a version other than SIP/2.0 → 505.
    Version,
    /// The Request-URI is of a scheme that is not sip, sips or tel → 416.
    Scheme,
    /// The body is longer than anything relayed here → 413.
    BodyTooLong,
    /// A header field is longer than anything read here → 513.
    FieldTooLong,
    /// More header fields than are read.
    TooManyFields,
    /// White space in the Request-Line other than the two single spaces.
    RequestLine,
    /// The Request-URI is not a URI, or carries headers (RFC 3261 §19.1.1).
    RequestUri,
    /// A URI that is not a Request-URI is not a URI.
    Uri,
    /// A line of the header is no header field.
    FieldLine,
    /// A CR or LF that is not part of a CRLF.
    BareLineEnd,
    /// The datagram ends before the empty line.
    NoEmptyLine,
    /// Content-Length exceeds the datagram (RFC 3261 §18.3).
    BodyTooShort,
    /// CSeq names another method than the Request-Line.
    CSeqMethod,
    /// A header field that every message has is not there.
    Missing(HeaderName),
    /// A header field that may occur once occurs again.
    Repeated(HeaderName),
    /// A header field's value breaks its grammar.
    Malformed(HeaderName),
}

/// A fault and where it was found.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// Where, in bytes from the start of the datagram; 0 when it is something
    /// missing. In a URI parsed on its own, from the start of the URI.
    pub at: u16,
}

impl Fault {
    /// A fault at an offset; offsets past 65535 are cut to that.
    pub(crate) fn new(kind: FaultKind, at: usize) -> Fault {
        Fault {
            kind,
            at: u16::try_from(at).unwrap_or(u16::MAX),
        }
    }

    /// The status a request with this fault is refused with.
    pub const fn status(self) -> Status {
        match self.kind {
            FaultKind::Version => Status::VERSION_NOT_SUPPORTED,
            FaultKind::Scheme => Status::UNSUPPORTED_URI_SCHEME,
            FaultKind::BodyTooLong => Status::REQUEST_ENTITY_TOO_LARGE,
            FaultKind::FieldTooLong => Status::MESSAGE_TOO_LARGE,
            _ => Status::BAD_REQUEST,
        }
    }

    /// The reason phrase that says what is wrong.
    pub const fn reason(self) -> &'static str {
        match self.kind {
            FaultKind::Version => "Version Not Supported",
            FaultKind::Scheme => "Unsupported URI Scheme",
            FaultKind::BodyTooLong => "Request Entity Too Large",
            FaultKind::FieldTooLong => "Message Too Large: header field too long",
            FaultKind::TooManyFields => "Too many headers",
            FaultKind::RequestLine => "White space in Request-Line",
            FaultKind::RequestUri => "Malformed Request-URI",
            FaultKind::Uri => "Malformed URI",
            FaultKind::FieldLine => "Malformed header field",
            FaultKind::BareLineEnd => "CR or LF outside CRLF",
            FaultKind::NoEmptyLine => "No empty line after header",
            FaultKind::BodyTooShort => "Content-Length exceeds datagram",
            FaultKind::CSeqMethod => "CSeq method mismatch",
            FaultKind::Missing(name) => name.missing(),
            FaultKind::Repeated(name) => name.repeated(),
            FaultKind::Malformed(name) => name.malformed(),
        }
    }
}
