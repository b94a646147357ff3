//! What is kept of a request until its final response: the head of its
//! responses and its body. Whose request it is, others know.

use crate::base::{Flow, Spares, Text};
use crate::wire::{Message, ReplyHead};

/// Spares kept at most.
const MOST_SPARES: usize = 4096;

/// What takes more bytes than this is no spare.
const LARGEST_SPARE_BYTES: usize = 8192;

/// A body on its way through, byte for byte.
#[derive(Clone, Debug, Default)]
pub struct Body {
    /// Content-Type.
    pub content_type: Text,
    /// The bytes; empty for no body.
    pub bytes: Vec<u8>,
}

impl Body {
    /// A copy of these parts.
    pub fn of((content_type, bytes): (&[u8], &[u8])) -> Body {
        Body {
            content_type: Text::from(content_type),
            bytes: bytes.to_vec(),
        }
    }

    fn read(&mut self, message: &Message<'_>) {
        self.content_type
            .set(message.content_type().unwrap_or_default());
        self.bytes.clear();
        self.bytes.extend_from_slice(message.body());
    }
}

/// A request that waits for its final response.
#[derive(Debug)]
pub struct Kept {
    /// The head of its responses.
    pub head: ReplyHead,
    /// Its body.
    pub body: Body,
    /// The early session its sender was shown last: a hash of the tag and the
    /// body of a provisional response.
    pub early_session: Option<u64>,
}

impl Kept {
    /// Spares, for the calls of a shard.
    pub fn spares() -> Spares<Kept> {
        let fits =
            |kept: &Kept| kept.head.capacity() + kept.body.bytes.capacity() <= LARGEST_SPARE_BYTES;
        Spares::new(MOST_SPARES, fits)
    }

    /// Reads a request, as [`ReplyHead::new`] does, into a spare if there is one.
    pub fn of(
        spares: &mut Spares<Kept>,
        request: &Message<'_>,
        flow: Flow,
        to_source: bool,
        compact: bool,
    ) -> Box<Kept> {
        let mut kept = match spares.take() {
            Some(mut kept) => {
                kept.head.read(request, flow, to_source, compact);
                kept
            }
            None => Box::new(Kept {
                head: ReplyHead::new(request, flow, to_source, compact),
                body: Body::default(),
                early_session: None,
            }),
        };
        kept.body.read(request);
        kept.early_session = None;
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Fields, Status};

    const FULL: &str = "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
        Record-Route: <sip:p;lr>\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\n\
        Call-ID: one\r\nCSeq: 2 INVITE\r\nTimestamp: 54\r\nContent-Type: text/plain\r\n\
        Content-Length: 5\r\n\r\nhello";
    const BARE: &str = "INFO sip:c@h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2\r\n\
        From: <sip:a@h>;tag=1\r\nTo: <sip:c@h>\r\nCall-ID: two\r\nCSeq: 3 INFO\r\n\
        Content-Length: 0\r\n\r\n";

    /// Keeps a request; returns where its responses go, one of them, and its body.
    fn kept(spares: &mut Spares<Kept>, text: &str) -> (Flow, String, Text, Vec<u8>) {
        let flow = Flow::udp(
            0,
            "192.0.2.9:5060".parse().unwrap(),
            "192.0.2.1:5060".parse().unwrap(),
        );
        let mut fields = Fields::new();
        let request = Message::parse(text.as_bytes(), &mut fields).unwrap();
        let kept = Kept::of(spares, &request, flow, false, false);
        let mut response = Vec::new();
        kept.head
            .write(&mut response, false, Status::OK, None, b"ours")
            .end();
        let body = (kept.body.content_type.clone(), kept.body.bytes.clone());
        let flow = *kept.head.flow();
        spares.give(kept);
        (flow, String::from_utf8(response).unwrap(), body.0, body.1)
    }

    #[test]
    fn a_spare_keeps_nothing_of_the_request_before() {
        let mut spares = Kept::spares();
        for text in [FULL, BARE, FULL] {
            let again = kept(&mut spares, text);
            assert_eq!(again, kept(&mut Kept::spares(), text));
        }
        let spare = spares.take();
        assert!(spare.is_some());
        assert!(spares.take().is_none(), "one served all three");
    }
}
