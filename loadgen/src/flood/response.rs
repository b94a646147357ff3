//! What a flood reads of a response to one of its messages.

use pinion_sip::wire::{ContactValue, Fields, HeaderName, Message};

/// A response that names a message of the flood.
pub struct Response<'a> {
    /// The message.
    pub message: Message<'a>,
    /// Its status.
    pub status: u16,
    /// The method of the request it answers.
    pub method: &'a [u8],
    /// The CSeq of that request.
    pub cseq: u32,
}

impl<'a> Response<'a> {
    /// Reads a datagram; `None` for all that is no response.
    pub fn read(datagram: &'a [u8], fields: &'a mut Fields) -> Option<Response<'a>> {
        let message = Message::parse(datagram, fields).ok()?;
        let status = message.status()?.code();
        let cseq = message.cseq().ok()?;
        Some(Response {
            status,
            method: cseq.method.as_bytes(),
            cseq: cseq.number,
            message,
        })
    }

    /// The number in its Call-ID, after `prefix`.
    pub fn number(&self, prefix: &str) -> Option<u64> {
        let call_id = std::str::from_utf8(self.message.call_id()).ok()?;
        let rest = call_id.strip_prefix(prefix)?;
        rest.split('-').next()?.parse().ok()
    }

    /// Whether it asks for credentials.
    pub fn is_challenge(&self) -> bool {
        matches!(self.status, 401 | 407)
    }

    /// The To as it stands, with the target's tag.
    pub fn to(&self) -> String {
        let to = self.message.value(HeaderName::To).unwrap_or_default();
        String::from_utf8_lossy(to).into_owned()
    }

    /// The URI of the first Contact: where requests of the dialog go.
    pub fn contact(&self) -> Option<String> {
        match self.message.contacts().next()?.ok()? {
            ContactValue::Addr(addr) => Some(String::from_utf8_lossy(addr.uri).into_owned()),
            ContactValue::Star => None,
        }
    }
}
