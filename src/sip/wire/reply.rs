//! The head of responses to one request, kept until the last of them is
//! written: what RFC 3261 §8.2.6 copies from the request.

use super::{HeaderName, Message, Status, Writer};
use crate::base::Flow;

/// A new head has room for this many bytes: most requests'.
const USUAL_BYTES: usize = 512;

/// Everything a response repeats of its request, and where responses go.
#[derive(Clone, Debug)]
pub struct ReplyHead {
    flow: Flow,
    /// Via to CSeq, as whole header lines, and To without its line end: a tag
    /// may follow.
    lines: Vec<u8>,
    /// Record-Route lines, for responses that make a dialog (§12.1.1).
    record_routes: Vec<u8>,
    /// Whether To had a tag already.
    tagged: bool,
}

impl ReplyHead {
    /// Reads a checked request that came by `flow`. `to_source` sends responses
    /// to where it came from even if its Via did not ask so (`rport`); `compact`
    /// gives what is copied one-letter names.
    pub fn new(request: &Message<'_>, flow: Flow, to_source: bool, compact: bool) -> ReplyHead {
        let mut head = ReplyHead {
            flow,
            lines: Vec::with_capacity(USUAL_BYTES),
            record_routes: Vec::new(),
            tagged: false,
        };
        head.read(request, flow, to_source, compact);
        head
    }

    /// [`ReplyHead::new`] in the buffers of one that is not needed any more.
    pub fn read(&mut self, request: &Message<'_>, flow: Flow, to_source: bool, compact: bool) {
        self.flow = reply_flow(request, flow, to_source);
        self.lines.clear();
        let mut writer = Writer::new(&mut self.lines, compact);
        writer.vias(request, flow.remote, to_source);
        writer.copy(request, HeaderName::From);
        writer.copy(request, HeaderName::CallId);
        writer.copy(request, HeaderName::CSeq);
        writer.copy(request, HeaderName::Timestamp);
        writer.open_to(
            request.even,
            request.value(HeaderName::To).unwrap_or_default(),
        );
        self.record_routes.clear();
        Writer::new(&mut self.record_routes, false).copy(request, HeaderName::RecordRoute);
        self.tagged = request.to().is_ok_and(|to| to.tag().is_some());
    }

    /// Bytes its buffers have room for.
    pub fn capacity(&self) -> usize {
        self.lines.capacity() + self.record_routes.capacity()
    }

    /// Where responses go.
    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    /// Begins a response. `tag` is our To tag; a request that had one keeps
    /// it, and a 100 gets none. The caller adds what the status needs.
    pub fn write<'b>(
        &self,
        buffer: &'b mut Vec<u8>,
        compact: bool,
        status: Status,
        reason: Option<&str>,
        tag: &[u8],
    ) -> Writer<'b> {
        let mut writer = Writer::new(buffer, compact);
        writer.status(status, reason);
        writer.lines(&self.lines);
        if !self.tagged && !tag.is_empty() && status != Status::TRYING {
            writer.lines(b";tag=");
            writer.lines(tag);
        }
        writer.lines(b"\r\n");
        if status != Status::TRYING && (status.is_provisional() || status.is_success()) {
            writer.lines(&self.record_routes);
        }
        writer
    }

    /// Writes an INVITE of the same Via, From, To, Call-ID and CSeq. Its
    /// Request-URI is not known any more, and nothing else is.
    pub fn write_invite(&self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(b"INVITE sip:unknown.invalid SIP/2.0\r\n");
        buffer.extend_from_slice(&self.lines);
        buffer.extend_from_slice(b"\r\n\r\n");
    }
}

/// Begins a response to a request at hand, keeping nothing (§8.2.7).
pub fn write_reply<'b>(
    buffer: &'b mut Vec<u8>,
    compact: bool,
    request: &Message<'_>,
    flow: Flow,
    to_source: bool,
    (status, reason): (Status, Option<&str>),
    tag: &[u8],
) -> Writer<'b> {
    let mut writer = Writer::new(buffer, compact);
    writer.status(status, reason);
    writer.vias(request, flow.remote, to_source);
    writer.copy(request, HeaderName::From);
    writer.to_with_tag(request, tag);
    writer.copy(request, HeaderName::CallId);
    writer.copy(request, HeaderName::CSeq);
    writer
}

/// The path of responses to a request (§18.2.2, RFC 3581 §4).
pub fn reply_flow(request: &Message<'_>, flow: Flow, to_source: bool) -> Flow {
    if flow.transport.is_reliable() {
        return flow;
    }
    let remote = request
        .top_via()
        .map_or(flow.remote, |via| via.reply_to(flow.remote, to_source));
    Flow { remote, ..flow }
}
