//! What a shard asks of a database, and what it hears: values only. Rows have
//! become devices before they get here; no SQL, column or driver is named.

use alloc::sync::Arc;
use core::net::SocketAddr;

use smol_str::SmolStr;

use crate::auth::node::Node;
use crate::base::{Text, UnixTime};
use crate::config::Peer;
use crate::dialplan::Reply;

/// Something only the database knows, or shall remember.
#[derive(Clone, Debug)]
pub enum Errand {
    /// The device of that name.
    Peer(Text),
    /// The devices that may send from an address, best match first.
    PeersAt(SocketAddr),
    /// The contacts of a device are these now; none clears them. Answered when
    /// they would survive a crash.
    Save(Arc<Saving>),
    /// A watched device answered after so many milliseconds; -1 is not at all.
    /// Not answered.
    Lastms {
        /// The device.
        name: Text,
        /// `lastms`.
        ms: i32,
    },
}

/// All contacts of one device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Saving {
    /// The device: the key of its row.
    pub name: Text,
    /// Its contacts, newest first. A row of `sippeers` has room for the first.
    pub contacts: Vec<Registration>,
    /// Whether others were dropped because their time was out: a row that
    /// somebody else has renewed meanwhile is then left alone.
    pub expired: bool,
}

/// One contact, as far as it outlives a process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registration {
    /// `fullcontact`: the contact's URI.
    pub fullcontact: Text,
    /// `ipaddr`, `port`: where requests to it are sent.
    pub address: SocketAddr,
    /// Our address they leave from; `None` where the database does not keep it.
    pub local: Option<SocketAddr>,
    /// `regseconds`: when it ends.
    pub regseconds: UnixTime,
    /// `defaultuser`: the user part of its URI.
    pub defaultuser: Text,
    /// `useragent`.
    pub useragent: Text,
    /// `path`: the Path values of the REGISTER (RFC 3327), joined by commas.
    pub path: Text,
    /// Call-ID of the REGISTER; empty where the database does not keep it.
    pub call_id: Text,
    /// CSeq of the REGISTER.
    pub cseq: u32,
    /// `q` in thousandths.
    pub q: u16,
    /// `regserver`: the node that wrote it; empty when none is named. Ignored
    /// when saved: the writer knows its own name.
    pub regserver: SmolStr,
    /// That node, if it is another one that lives: requests to the contact go
    /// there. Ignored when saved.
    pub node: Option<Arc<Node>>,
}

/// A device of the database.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its options.
    pub peer: Arc<Peer>,
    /// Where it is registered, newest first.
    pub contacts: Vec<Registration>,
}

/// What comes of an errand.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// To `Peer`; `None`: there is none of that name.
    Peer(Option<Arc<Known>>),
    /// To `PeersAt`.
    Peers(Vec<Arc<Known>>),
    /// To `Save`.
    Saved,
    /// To what a plan asked.
    Reply(Reply),
    /// The database does not answer: nothing is known, and nothing has been
    /// remembered.
    Unavailable,
    /// No more can be asked now. It says nothing of the database.
    Refused,
}
