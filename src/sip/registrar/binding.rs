//! The values a registration is made of.

use alloc::sync::Arc;
use core::fmt;
use core::net::SocketAddr;

use smallvec::SmallVec;

use crate::auth::node::Node;
use crate::base::{Flow, Instant, Text};

/// One contact a REGISTER names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contact {
    /// The URI as the phone wrote it, without angle brackets or header
    /// parameters; compared by RFC 3261 §19.1.4.
    pub uri: Text,
    /// `q` in thousandths; 1000 when absent.
    pub q: u16,
    /// Granted seconds, already clamped; 0 removes.
    pub expires_s: u32,
    /// Where host and port of the URI point, if the host is an IP literal.
    pub address: Option<SocketAddr>,
}

/// A checked REGISTER on its way to the AoR's home shard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Update {
    /// The address-of-record: the peer's name.
    pub aor: Text,
    /// Call-ID of the REGISTER (§10.3 step 7).
    pub call_id: Text,
    /// CSeq of the REGISTER.
    pub cseq: u32,
    /// Contacts to add, refresh or remove; none is a query.
    pub contacts: SmallVec<[Contact; 1]>,
    /// `Contact: *` with `Expires: 0`: remove all.
    pub remove_all: bool,
    /// The flow the REGISTER came by.
    pub flow: Flow,
    /// Send requests to the flow's source instead of the contact's host
    /// (`nat`), the Request-URI staying the contact's.
    pub to_source: bool,
    /// Contacts the AoR may hold; the oldest makes room for a newer.
    pub max_contacts: u16,
    /// Whether the device's contacts are watched.
    pub watched: bool,
    /// User-Agent, for display.
    pub user_agent: Text,
}

/// The bindings of one AoR, highest q first, then newest; mostly one.
pub type Bindings = SmallVec<[Binding; 1]>;

/// One contact of an AoR, until its deadline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Binding {
    /// URI, Call-ID and User-Agent.
    pub texts: Texts,
    /// `q` in thousandths.
    pub q: u16,
    /// When the time granted ends, as the 200's `expires` says; lookups find
    /// it for [`GRACE`](super::GRACE) longer.
    pub expires: Instant,
    /// Where to send: socket and local address of the REGISTER's flow; remote
    /// is the source when `to_source`, else the URI's host and port (when it is
    /// an IP literal; the source otherwise). The REGISTER's own flow, if that
    /// is a connection.
    pub flow: Flow,
    /// CSeq of the REGISTER that set it.
    pub cseq: u32,
    /// The node that holds the contact, if it is another: `flow` leads there.
    pub node: Option<Arc<Node>>,
}

impl Binding {
    /// Request-URI for requests to it.
    pub fn uri(&self) -> &[u8] {
        let end = self.texts.uri_len as usize;
        self.texts.bytes.get(..end).unwrap_or_default()
    }

    /// Call-ID of the REGISTER that set it.
    pub fn call_id(&self) -> &[u8] {
        let start = self.texts.uri_len as usize;
        let end = start + self.texts.call_id_len as usize;
        self.texts.bytes.get(start..end).unwrap_or_default()
    }

    /// User-Agent of the phone.
    pub fn user_agent(&self) -> &[u8] {
        let start = self.texts.uri_len as usize + self.texts.call_id_len as usize;
        self.texts.bytes.get(start..).unwrap_or_default()
    }
}

/// The texts of a binding, in one allocation that copies of it share: a lookup
/// allocates none, nor does a refresh that changes none.
#[derive(Clone, PartialEq, Eq)]
pub struct Texts {
    bytes: Arc<[u8]>,
    uri_len: u32,
    call_id_len: u32,
}

impl Texts {
    /// URI, Call-ID and User-Agent.
    pub fn new(uri: &[u8], call_id: &[u8], user_agent: &[u8]) -> Texts {
        let bytes = uri.iter().chain(call_id).chain(user_agent);
        Texts {
            bytes: bytes.copied().collect(),
            uri_len: uri.len() as u32,
            call_id_len: call_id.len() as u32,
        }
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.bytes))
    }
}

/// Why an update was refused; nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// §10.3 step 7: CSeq not above the one that set the binding → 500.
    OutOfOrder,
    /// The shard's table is full → 503.
    Full,
    /// What has been changed could not be saved → 503, for the phone to try
    /// again.
    Unsaved,
}
