//! The dialogs of a call, one for each leg.

use core::net::SocketAddr;
use core::time::Duration;

use smol_str::SmolStr;

use crate::base::{Text, Transport};

/// One dialog.
#[derive(Clone, PartialEq, Debug)]
pub struct DialogRow {
    /// Its Call-ID.
    pub call_id: Text,
    /// Where its remote is.
    pub remote: SocketAddr,
    /// The user at the other end.
    pub user: SmolStr,
    /// The device at the other end; `None` for a guest or a bare address.
    pub peer: Option<SmolStr>,
    /// The request that brought it where it stands: `Rx: INVITE`.
    pub last: &'static str,
    /// How long its call has been answered.
    pub answered: Option<Duration>,
    /// What is told of one that was asked for by its Call-ID.
    pub detail: Option<Box<DialogDetail>>,
}

/// What else is known of a dialog.
#[derive(Clone, PartialEq, Debug)]
pub struct DialogDetail {
    /// Whether the remote sent the first INVITE.
    pub incoming: bool,
    /// Its channel; `None` once that has ended.
    pub channel: Option<SmolStr>,
    /// Our address.
    pub local: SocketAddr,
    /// What carries its messages.
    pub transport: Transport,
    /// Our tag.
    pub local_tag: Text,
    /// Theirs; empty until a response brings it.
    pub remote_tag: Text,
    /// The remote target.
    pub target: Text,
    /// The route set, as Route would have it; empty for none.
    pub routes: Text,
    /// CSeq number of our last request.
    pub local_cseq: u32,
    /// CSeq number of theirs.
    pub remote_cseq: Option<u32>,
    /// Whether requests go to where the remote was seen, whatever its Contact
    /// says.
    pub pinned: bool,
    /// Whether it is over, and waits to be forgotten.
    pub over: bool,
}
