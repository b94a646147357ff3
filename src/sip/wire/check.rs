//! What earns a 4xx or 5xx before any method is looked at. A response that
//! fails here is dropped (RFC 3261 §8.1.3, RFC 4475 §3.1.2.5).

use super::class::VISIBLE;
use super::header::{ContactValue, HeaderName, NameAddr};
use super::message::{MAX_BODY_BYTES, Message, bracketed};
use super::part::Part;
use super::{Fault, FaultKind, Method, Scheme, StartLine, Uri};

/// Header fields that every message has (RFC 3261 §8.1.1). Max-Forwards is
/// not among them: elements before RFC 3261 send none, and §16.3 lives with it.
const MANDATORY: [HeaderName; 5] = [
    HeaderName::Via,
    HeaderName::From,
    HeaderName::To,
    HeaderName::CallId,
    HeaderName::CSeq,
];

/// Header fields that have one value and occur once (RFC 3261 §7.3.1, §20).
const SINGLE: u128 = {
    let names = [
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
        HeaderName::CSeq,
        HeaderName::MaxForwards,
        HeaderName::ContentLength,
        HeaderName::ContentType,
        HeaderName::ContentDisposition,
        HeaderName::Date,
        HeaderName::Event,
        HeaderName::Expires,
        HeaderName::MinExpires,
        HeaderName::MinSe,
        HeaderName::RAck,
        HeaderName::ReferTo,
        HeaderName::ReferredBy,
        HeaderName::Replaces,
        HeaderName::RSeq,
        HeaderName::SessionExpires,
        HeaderName::SipEtag,
        HeaderName::SipIfMatch,
        HeaderName::SubscriptionState,
    ];
    let mut rest: &[HeaderName] = &names;
    let mut set = 0;
    while let [name, after @ ..] = rest {
        set |= name.bit();
        rest = after;
    }
    set
};

impl<'a> Message<'a> {
    /// Whether the message may be acted on. The first fault in this order:
    /// version, lines, missing and repeated fields, Request-URI, then the
    /// grammar of the fields that transactions and dialogs rest on.
    ///
    /// A CSeq that names another method passes with an unknown method, which
    /// deserves its 501 (RFC 4475 §3.1.2.18). Require, Max-Forwards of 0 and
    /// the meaning of the body are judged elsewhere, and so are the Contacts of
    /// a response other than 1xx and 2xx.
    ///
    /// What it reads on the way is kept, and asked for later costs nothing.
    pub fn check(&mut self) -> Result<(), Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        self.check_presence()?;
        if let StartLine::Request { method, uri } = self.start {
            self.check_request_uri(uri)?;
            self.check_cseq(method)?;
        } else {
            self.known.cseq = Some(self.cseq()?);
        }
        self.check_length()?;
        self.max_forwards()?;
        self.check_addresses()
    }

    fn check_presence(&self) -> Result<(), Fault> {
        for name in MANDATORY {
            if self.value(name).is_none_or(<[u8]>::is_empty) {
                return Err(Fault::new(FaultKind::Missing(name), 0));
            }
        }
        if self.fields.repeated(SINGLE) != 0 {
            return Err(self.repeated_fault());
        }
        if !self.part(self.call_id()).is_all(&VISIBLE) {
            return Err(self.malformed(HeaderName::CallId));
        }
        Ok(())
    }

    #[cold]
    fn repeated_fault(&self) -> Fault {
        let repeated = self.fields.repeated(SINGLE);
        let again = HeaderName::ALL
            .iter()
            .copied()
            .filter(|name| repeated & name.bit() != 0);
        let second = |name| {
            self.fields
                .named(name)
                .nth(1)
                .map(|field| (field.name_at, name))
        };
        let (at, name) = again
            .filter_map(second)
            .min()
            .unwrap_or((0, HeaderName::CSeq));
        Fault {
            kind: FaultKind::Repeated(name),
            at,
        }
    }

    fn malformed(&self, name: HeaderName) -> Fault {
        let at = self.fields.first(name).map_or(0, |field| field.value_at);
        Fault {
            kind: FaultKind::Malformed(name),
            at,
        }
    }

    fn check_request_uri(&mut self, text: &'a [u8]) -> Result<(), Fault> {
        let at = self.offset_of(text);
        let uri = Uri::read(self.part(text))
            .map_err(|fault| Fault::new(FaultKind::RequestUri, at + usize::from(fault.at)))?;
        if uri.scheme == Scheme::Other {
            return Err(Fault::new(FaultKind::Scheme, at));
        }
        if !uri.headers.is_empty() {
            return Err(Fault::new(
                FaultKind::RequestUri,
                at + text.len() - uri.headers.len(),
            ));
        }
        self.known.request_uri = Some(uri);
        Ok(())
    }

    fn check_cseq(&mut self, method: Method) -> Result<(), Fault> {
        let cseq = self.cseq()?;
        self.known.cseq = Some(cseq);
        if cseq.method != method && !matches!(method, Method::Other(_)) {
            let at = self.malformed(HeaderName::CSeq).at;
            return Err(Fault {
                kind: FaultKind::CSeqMethod,
                at,
            });
        }
        Ok(())
    }

    fn check_length(&self) -> Result<(), Fault> {
        if let Some(length) = self.length?
            && length > self.body.len()
        {
            let at = self.malformed(HeaderName::ContentLength).at;
            return Err(Fault {
                kind: FaultKind::BodyTooShort,
                at,
            });
        }
        if self.body.len() > MAX_BODY_BYTES {
            return Err(Fault::new(
                FaultKind::BodyTooLong,
                self.offset_of(self.body),
            ));
        }
        Ok(())
    }

    fn check_addresses(&mut self) -> Result<(), Fault> {
        let mut top = None;
        for via in self.vias() {
            let via = via?;
            top.get_or_insert(via);
        }
        let (from, to) = (self.from()?, self.to()?);
        let from_uri = self.check_uri(HeaderName::From, &from)?;
        let to_uri = self.check_uri(HeaderName::To, &to)?;
        // No dialog rests on the Contact of a refusal: one that says nothing is
        // no reason to wait for ever for what has come.
        let refuses = self.status().is_some_and(|status| status.code() >= 300);
        for contact in self.contacts().take_while(|_| !refuses) {
            if let ContactValue::Addr(addr) = contact? {
                self.check_uri(HeaderName::Contact, &addr)?;
            }
        }
        let routes = [HeaderName::Route, HeaderName::RecordRoute];
        for name in routes.into_iter().filter(|name| self.fields.has(*name)) {
            for route in self.list(name, bracketed) {
                self.check_uri(name, &route?)?;
            }
        }
        self.known.via = top;
        (self.known.from, self.known.from_uri) = (Some(from), Some(from_uri));
        (self.known.to, self.known.to_uri) = (Some(to), Some(to_uri));
        Ok(())
    }

    /// A URI of any scheme will do here; one of a scheme we know must be whole.
    fn check_uri(&self, name: HeaderName, addr: &NameAddr<'a>) -> Result<Uri<'a>, Fault> {
        Uri::read(self.part(addr.uri)).map_err(|fault| {
            let at = self.offset_of(addr.uri) + usize::from(fault.at);
            Fault::new(FaultKind::Malformed(name), at)
        })
    }

    /// A part of the datagram, as such.
    fn part(&self, part: &'a [u8]) -> Part<'a> {
        Part::within(self.datagram, self.offset_of(part), part.len())
    }

    /// Where a part of the datagram stands in it.
    fn offset_of(&self, part: &[u8]) -> usize {
        let (from, to) = (self.datagram.as_ptr().addr(), part.as_ptr().addr());
        to.saturating_sub(from)
    }
}
