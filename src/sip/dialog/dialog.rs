//! One dialog: identity, route set, sequence numbers.

use core::net::SocketAddr;

use super::RouteSet;
use super::texts::{Name, Sayings, Texts};
use crate::base::{AddressText, Flow, Transport, Ways};
use crate::wire::{ContactValue, HeaderName, Message, Method, Uri, Writer};

/// A request whose CSeq is not above the last one (§12.2.2): 500.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfOrder;

/// Which end of the first INVITE we were.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// We sent it; the Call-ID is ours.
    Uac,
    /// We received it.
    Uas,
}

/// How we write ourselves towards one remote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SentBy {
    /// Our address as the remote knows it: Via's sent-by.
    pub address: SocketAddr,
    /// What carries the message.
    pub transport: Transport,
    /// One-letter header names where they exist.
    pub compact: bool,
}

/// Our end of a dialog, or of one that is still to come.
#[derive(Clone, Debug)]
pub struct Dialog {
    /// Which end of the first INVITE we were.
    pub role: Role,
    texts: Texts,
    /// The route set.
    pub routes: RouteSet,
    /// CSeq number of our last request.
    pub local_cseq: u32,
    /// CSeq number of their last request, once they sent one.
    pub remote_cseq: Option<u32>,
    /// Where requests go.
    pub flow: Flow,
    /// Requests go to `flow.remote` whatever the target says: the remote sits
    /// behind a NAT, or registered this flow.
    pub pinned: bool,
    /// The proxy every request goes to, whatever target and route set say
    /// (`outboundproxy=…,force`).
    pub proxy: Option<Box<SocketAddr>>,
}

impl Dialog {
    /// A dialog of which nothing is known but what it says and where its
    /// requests go.
    pub fn new(role: Role, sayings: &Sayings<'_>, flow: Flow) -> Dialog {
        Dialog {
            role,
            texts: Texts::new(sayings),
            routes: RouteSet::default(),
            local_cseq: 0,
            remote_cseq: None,
            flow,
            pinned: false,
            proxy: None,
        }
    }

    /// Call-ID.
    pub fn call_id(&self) -> &[u8] {
        self.texts.get(Name::CallId)
    }

    /// Our tag.
    pub fn local_tag(&self) -> &[u8] {
        self.texts.get(Name::LocalTag)
    }

    /// Their tag; empty until a response brings it.
    pub fn remote_tag(&self) -> &[u8] {
        self.texts.get(Name::RemoteTag)
    }

    /// The remote target.
    pub fn target(&self) -> &[u8] {
        self.texts.get(Name::Target)
    }

    /// Our Contact URI.
    pub fn contact(&self) -> &[u8] {
        self.texts.get(Name::Contact)
    }

    /// Takes another tag for our end: a fork's.
    pub fn set_local_tag(&mut self, tag: &[u8]) {
        self.texts.set(Name::LocalTag, tag);
    }

    /// Takes the tag a response brings.
    pub fn set_remote_tag(&mut self, tag: &[u8]) {
        self.texts.set(Name::RemoteTag, tag);
    }

    /// Whether a message with these tags belongs here. A dialog that has no
    /// remote tag yet takes any.
    pub fn matches(&self, remote_tag: &[u8]) -> bool {
        self.remote_tag().is_empty() || self.remote_tag() == remote_tag
    }

    /// Takes the CSeq of a request from the remote (§12.2.2).
    pub fn accept(&mut self, cseq: u32) -> Result<(), OutOfOrder> {
        if self.remote_cseq.is_some_and(|last| cseq <= last) {
            return Err(OutOfOrder);
        }
        self.remote_cseq = Some(cseq);
        Ok(())
    }

    /// The CSeq number of the next request of ours.
    pub fn next_cseq(&mut self) -> u32 {
        self.local_cseq = self.local_cseq.wrapping_add(1) & 0x7fff_ffff;
        self.local_cseq
    }

    /// Takes the route set and the target of the 2xx that establishes it
    /// (§12.1.2).
    pub fn establish(&mut self, response: &Message, ways: &Ways) {
        let routes = RouteSet::from_response(response);
        let rerouted = core::mem::replace(&mut self.routes, routes) != self.routes;
        if self.retarget(response) || rerouted {
            self.aim(ways);
        }
    }

    /// Takes the Contact of the 2xx to a target refresh request (§12.2.1.2).
    pub fn refresh_target(&mut self, message: &Message, ways: &Ways) {
        if self.retarget(message) {
            self.aim(ways);
        }
    }

    /// The Contact of a target refresh request, where it is another target. It
    /// takes effect with the request's 2xx (RFC 6141 §4).
    pub fn other_target<'m>(&self, message: &Message<'m>) -> Option<&'m [u8]> {
        contact_uri(message).filter(|&contact| contact != self.target())
    }

    /// Takes the target that a request brought which is answered 2xx.
    pub fn move_target(&mut self, target: &[u8], ways: &Ways) {
        self.texts.set(Name::Target, target);
        self.aim(ways);
    }

    /// Whether the Contact of a message is another target, which is taken.
    fn retarget(&mut self, message: &Message) -> bool {
        let other = self.other_target(message);
        if let Some(contact) = other {
            self.texts.set(Name::Target, contact);
        }
        other.is_some()
    }

    /// Points the flow at the next hop, unless it is pinned, or a connection
    /// the remote is at the other end of. A next hop that is a name leaves it
    /// where the last message came from; one that names no transport keeps the
    /// one in use.
    pub fn aim(&mut self, ways: &Ways) {
        if let Some(proxy) = &self.proxy {
            self.flow = ways.turned(self.flow, **proxy, self.flow.transport);
            return;
        }
        if (self.pinned || self.flow.connection.is_some()) && self.routes.is_empty() {
            return;
        }
        let Ok(next_hop) = Uri::parse(self.routes.next_hop(self.target())) else {
            return;
        };
        if let Some(remote) = next_hop.socket_addr(5060) {
            let transport = next_hop.transport().unwrap_or(self.flow.transport);
            self.flow = ways.turned(self.flow, remote, transport);
        }
    }

    /// Heads a request: start line, Via, Max-Forwards, Route, the Contact of a
    /// target refresh, From, Call-ID, To, CSeq. The caller adds what the method
    /// needs, and ends it.
    pub fn write_request<'b>(
        &self,
        buffer: &'b mut Vec<u8>,
        sent_by: SentBy,
        method: Method,
        cseq: u32,
        branch: &[u8],
        max_forwards: u8,
    ) -> Writer<'b> {
        let mut writer = Writer::new(buffer, sent_by.compact);
        let (uri, routes) = self.routes.apply(self.target());
        writer.request(method, uri);
        let address = AddressText::socket(sent_by.address);
        let address = address.as_bytes();
        writer.own(
            HeaderName::Via,
            &[
                sent_by.transport.sent_protocol(),
                address,
                b";branch=",
                branch,
                b";rport",
            ],
        );
        writer.max_forwards(max_forwards);
        for route in routes {
            writer.parts(HeaderName::Route, &[b"<", route, b">"]);
        }
        self.texts.write(&mut writer, method == Method::Invite);
        writer.cseq(cseq, method);
        writer
    }

    /// Writes our Contact.
    pub fn write_contact(&self, writer: &mut Writer<'_>) {
        self.texts.write_contact(writer);
    }
}

/// The URI of the first Contact, as a target, if there is one.
pub fn contact_uri<'a>(message: &Message<'a>) -> Option<&'a [u8]> {
    message.contacts().find_map(|contact| match contact.ok()? {
        ContactValue::Addr(address) => Some(Uri::without_headers(address.uri)),
        ContactValue::Star => None,
    })
}
