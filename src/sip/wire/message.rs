//! One message, in place: where its fields stand, and what they hold when asked.
//!
//! Reading fails only where nobody could be answered. Everything else is kept
//! as a fault for `check()` (see `check.rs`), so that a reply can be written
//! from what is readable.

use super::fields::{Field, Fields};
use super::header::{CSeq, ContactValue, DigestParams, HeaderName, NameAddr, Via};
use super::part::Part;
use super::read::Reader;
use super::scan::{Elements, elements, number, split};
use super::{Fault, FaultKind, Method, StartLine, Status, Unreadable, Uri};

/// How long a body may be: a relayed one needs room for its header in one datagram.
pub const MAX_BODY_BYTES: usize = 60 * 1024;

/// A message over one datagram.
pub struct Message<'a> {
    pub(super) datagram: &'a [u8],
    pub(super) start: StartLine<'a>,
    pub(super) fields: &'a Fields,
    pub(super) body: &'a [u8],
    /// What Content-Length says, in bytes; absent over UDP means the rest of
    /// the datagram (RFC 3261 §18.3).
    pub(super) length: Result<Option<usize>, Fault>,
    /// Whether no field holds a line end or another control.
    pub(super) even: bool,
    /// The first fault found while reading.
    pub(super) fault: Option<Fault>,
    /// What `check()` has read already.
    pub(super) known: Known<'a>,
}

/// Typed values that nearly everything after `check()` asks for, some of them
/// many times. Empty before.
#[derive(Clone, Copy, Default)]
pub(super) struct Known<'a> {
    pub via: Option<Via<'a>>,
    pub from: Option<NameAddr<'a>>,
    pub to: Option<NameAddr<'a>>,
    pub cseq: Option<CSeq<'a>>,
    pub request_uri: Option<Uri<'a>>,
    pub from_uri: Option<Uri<'a>>,
    pub to_uri: Option<Uri<'a>>,
}

impl<'a> Message<'a> {
    /// Reads a datagram into `fields`. On `Err` there is nothing to answer to:
    /// drop and count. On `Ok`, `check()` may still refuse it.
    ///
    /// Line ends before the first line are passed over (RFC 3261 §7.5); what
    /// follows the body is ignored (§18.3).
    pub fn parse(datagram: &'a [u8], fields: &'a mut Fields) -> Result<Message<'a>, Unreadable> {
        fields.clear();
        if datagram.len() > usize::from(u16::MAX) {
            return Err(Unreadable::TooLong);
        }
        let start_at = datagram
            .iter()
            .position(|&byte| !matches!(byte, b'\r' | b'\n' | 0))
            .ok_or(Unreadable::Empty)?;
        let mut reader = Reader::new(datagram, start_at);
        let line_end = reader.line();
        let line = Part::within(datagram, start_at, line_end - start_at);
        let (start, fault) = StartLine::parse(line, start_at)?;
        reader.fault = fault.or(reader.fault);
        reader.fields(fields);
        let is_request = matches!(start, StartLine::Request { .. });
        if is_request && !fields.has(HeaderName::Via) {
            return Err(Unreadable::NoVia);
        }
        let length = at_most_one(datagram, fields, HeaderName::ContentLength, |value| {
            usize::try_from(value.whole_number()?).ok()
        });
        let rest = split(datagram, reader.at).1;
        let body = match length {
            Ok(Some(length)) => split(rest, length).0,
            _ => rest,
        };
        Ok(Message {
            datagram,
            start,
            fields,
            body,
            length,
            even: !reader.uneven,
            fault: reader.fault,
            known: Known::default(),
        })
    }

    /// The first line.
    pub fn start(&self) -> StartLine<'a> {
        self.start
    }

    /// Whether it is a request.
    pub fn is_request(&self) -> bool {
        matches!(self.start, StartLine::Request { .. })
    }

    /// The method: a request's own, or the one a response's CSeq names.
    pub fn method(&self) -> Method<'a> {
        match self.start {
            StartLine::Request { method, .. } => method,
            StartLine::Response { .. } => {
                self.cseq().map_or(Method::Other(b""), |cseq| cseq.method)
            }
        }
    }

    /// The Request-URI; empty in a response.
    pub fn request_uri(&self) -> &'a [u8] {
        match self.start {
            StartLine::Request { uri, .. } => uri,
            StartLine::Response { .. } => b"",
        }
    }

    /// A response's status.
    pub fn status(&self) -> Option<Status> {
        match self.start {
            StartLine::Request { .. } => None,
            StartLine::Response { status, .. } => Some(status),
        }
    }

    /// The Call-ID; empty if absent.
    pub fn call_id(&self) -> &'a [u8] {
        self.value(HeaderName::CallId).unwrap_or(b"")
    }

    /// The CSeq.
    pub fn cseq(&self) -> Result<CSeq<'a>, Fault> {
        match self.known.cseq {
            Some(cseq) => Ok(cseq),
            None => self.one(HeaderName::CSeq, CSeq::read),
        }
    }

    /// The From.
    pub fn from(&self) -> Result<NameAddr<'a>, Fault> {
        match self.known.from {
            Some(from) => Ok(from),
            None => self.one(HeaderName::From, NameAddr::read),
        }
    }

    /// The To.
    pub fn to(&self) -> Result<NameAddr<'a>, Fault> {
        match self.known.to {
            Some(to) => Ok(to),
            None => self.one(HeaderName::To, NameAddr::read),
        }
    }

    /// The URI of the Request-Line; `None` if malformed, or in a response.
    pub fn parsed_request_uri(&self) -> Option<Uri<'a>> {
        let parse = || Uri::parse(self.request_uri()).ok();
        self.known.request_uri.or_else(parse)
    }

    /// The URI of the From, unless malformed.
    pub fn from_uri(&self) -> Option<Uri<'a>> {
        let parse = || Uri::parse(self.from().ok()?.uri).ok();
        self.known.from_uri.or_else(parse)
    }

    /// The URI of the To, unless malformed.
    pub fn to_uri(&self) -> Option<Uri<'a>> {
        let parse = || Uri::parse(self.to().ok()?.uri).ok();
        self.known.to_uri.or_else(parse)
    }

    /// The topmost Via. Of a request whose top Via is malformed, the reply
    /// goes to the datagram's source.
    pub fn top_via(&self) -> Result<Via<'a>, Fault> {
        if let Some(via) = self.known.via {
            return Ok(via);
        }
        self.vias()
            .next()
            .unwrap_or(Err(Fault::new(FaultKind::Missing(HeaderName::Via), 0)))
    }

    /// All Vias, topmost first.
    pub fn vias(&self) -> impl Iterator<Item = Result<Via<'a>, Fault>> {
        self.list(HeaderName::Via, Via::read)
    }

    /// All Contacts.
    pub fn contacts(&self) -> impl Iterator<Item = Result<ContactValue<'a>, Fault>> {
        self.list(HeaderName::Contact, ContactValue::read)
    }

    /// All Routes, topmost first.
    pub fn routes(&self) -> impl Iterator<Item = Result<NameAddr<'a>, Fault>> {
        self.list(HeaderName::Route, bracketed)
    }

    /// All Record-Routes, topmost first.
    pub fn record_routes(&self) -> impl Iterator<Item = Result<NameAddr<'a>, Fault>> {
        self.list(HeaderName::RecordRoute, bracketed)
    }

    /// Max-Forwards, which may be absent (RFC 3261 §16.3 step 3).
    pub fn max_forwards(&self) -> Result<Option<u8>, Fault> {
        let hops = |value: Part| u8::try_from(value.whole_number()?).ok();
        self.at_most_one(HeaderName::MaxForwards, hops)
    }

    /// Expires in seconds. A malformed one is as good as none (RFC 3261 §20.19).
    pub fn expires(&self) -> Option<u32> {
        number(self.value(HeaderName::Expires)?)
    }

    /// The option tags of Require.
    pub fn require(&self) -> impl Iterator<Item = &'a [u8]> {
        self.tokens(HeaderName::Require)
    }

    /// The option tags of Supported.
    pub fn supported(&self) -> impl Iterator<Item = &'a [u8]> {
        self.tokens(HeaderName::Supported)
    }

    /// The values of all header fields of that name, separated at commas and
    /// trimmed; empty ones are left out.
    pub fn tokens(&self, name: HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.raw(name)
            .flat_map(elements)
            .filter(|token| !token.is_empty())
    }

    /// Credentials or challenges: Authorization, Proxy-Authorization,
    /// WWW-Authenticate or Proxy-Authenticate, one per header field
    /// (RFC 3261 §7.3.1).
    pub fn credentials(&self, name: HeaderName) -> impl Iterator<Item = DigestParams<'a>> {
        let datagram = self.datagram;
        let fields = self.fields.named(name);
        fields.map(move |field| DigestParams::read(part_in(datagram, field)))
    }

    /// The trimmed value of the first header field of that name.
    pub fn value(&self, name: HeaderName) -> Option<&'a [u8]> {
        self.fields.first(name).map(|field| self.value_of(field))
    }

    /// The trimmed values of the header fields of that name in order, as they
    /// stand: neither unfolded nor separated at commas.
    pub fn raw(&self, name: HeaderName) -> impl Iterator<Item = &'a [u8]> {
        let datagram = self.datagram;
        self.fields
            .named(name)
            .map(move |field| value_in(datagram, field))
    }

    /// Names and trimmed values of the header fields without a `HeaderName`.
    pub fn others(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let datagram = self.datagram;
        let fields = self.fields.iter().filter(|field| field.name.is_none());
        fields.map(move |field| (name_in(datagram, field), value_in(datagram, field)))
    }

    /// All header fields in order: name as written, its `HeaderName`, trimmed value.
    pub fn all(&self) -> impl Iterator<Item = (&'a [u8], Option<HeaderName>, &'a [u8])> {
        let datagram = self.datagram;
        self.fields.iter().map(move |field| {
            (
                name_in(datagram, field),
                field.name,
                value_in(datagram, field),
            )
        })
    }

    /// The body: Content-Length bytes, or the rest of the datagram without one.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The Content-Type as it stands.
    pub fn content_type(&self) -> Option<&'a [u8]> {
        self.value(HeaderName::ContentType)
    }

    /// The datagram it was read from.
    pub fn datagram(&self) -> &'a [u8] {
        self.datagram
    }

    pub(super) fn value_of(&self, field: &Field) -> &'a [u8] {
        value_in(self.datagram, field)
    }

    /// The first field of that name, typed.
    fn one<T>(&self, name: HeaderName, read: impl Fn(Part<'a>) -> Option<T>) -> Result<T, Fault> {
        self.at_most_one(name, read)?
            .ok_or(Fault::new(FaultKind::Missing(name), 0))
    }

    fn at_most_one<T>(
        &self,
        name: HeaderName,
        read: impl Fn(Part<'a>) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        at_most_one(self.datagram, self.fields, name, read)
    }

    /// The comma-separated values of all fields of that name, typed.
    pub(super) fn list<T>(
        &self,
        name: HeaderName,
        read: impl Fn(Part<'a>) -> Option<T>,
    ) -> impl Iterator<Item = Result<T, Fault>> {
        let datagram = self.datagram;
        let mut fields = self.fields.named(name);
        let (mut values, mut at) = (Elements::default(), 0);
        core::iter::from_fn(move || {
            loop {
                if let Some(value) = values.next_part() {
                    let kind = FaultKind::Malformed(name);
                    return Some(read(value).ok_or(Fault { kind, at }));
                }
                let field = fields.next()?;
                let whole = part_in(datagram, field);
                // Nearly all fields hold one value, and what can be read as one
                // has no comma that separates.
                if let Some(value) = read(whole) {
                    return Some(Ok(value));
                }
                (values, at) = (Elements::of(whole), field.value_at);
            }
        })
    }
}

/// The first field of that name, typed.
fn at_most_one<'a, T>(
    datagram: &'a [u8],
    fields: &Fields,
    name: HeaderName,
    read: impl Fn(Part<'a>) -> Option<T>,
) -> Result<Option<T>, Fault> {
    let Some(field) = fields.first(name) else {
        return Ok(None);
    };
    match read(part_in(datagram, field)) {
        Some(typed) => Ok(Some(typed)),
        None => Err(Fault {
            kind: FaultKind::Malformed(name),
            at: field.value_at,
        }),
    }
}

pub(super) fn bracketed(value: Part<'_>) -> Option<NameAddr<'_>> {
    NameAddr::read(value).filter(|addr| addr.bracketed)
}

fn slice(datagram: &[u8], at: u16, len: u16) -> &[u8] {
    let at = usize::from(at);
    datagram.get(at..at + usize::from(len)).unwrap_or(b"")
}

fn name_in<'a>(datagram: &'a [u8], field: &Field) -> &'a [u8] {
    slice(datagram, field.name_at, field.name_len)
}

fn value_in<'a>(datagram: &'a [u8], field: &Field) -> &'a [u8] {
    slice(datagram, field.value_at, field.value_len)
}

fn part_in<'a>(datagram: &'a [u8], field: &Field) -> Part<'a> {
    Part::within(
        datagram,
        usize::from(field.value_at),
        usize::from(field.value_len),
    )
}
