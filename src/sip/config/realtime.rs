//! Devices and registrations that live in a database.

use alloc::sync::Arc;
use core::time::Duration;

use crate::auth::node::Node;

/// How devices of the database are known, and what of them is written back.
/// Absent from a [`Config`](super::Config) whose only devices are sip.conf's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Realtime {
    /// Whether devices are looked for there (family `sippeers`); registrations
    /// alone may be, too.
    pub devices: bool,
    /// `rtcachefriends`: a device that was read is good for `ttl`; otherwise
    /// for the one request it was read for.
    pub cached: bool,
    /// How long a cached device is good (`--rt-ttl`): a change in the database
    /// takes effect within it.
    pub ttl: Duration,
    /// `rtautoclear`: a cached device is forgotten so long after it was last
    /// read; `None` is never.
    pub autoclear: Option<Duration>,
    /// Up to what age a device is good while the database does not answer
    /// (`--rt-stale`).
    pub stale: Duration,
    /// How long an answer is waited for (`--db-timeout`).
    pub timeout: Duration,
    /// Registrations of its devices are kept: in their rows (`rtupdate`), or in
    /// a file (`--state`).
    pub update: bool,
    /// Rows say where their devices are registered (`rtupdate`).
    pub rows_have_contacts: bool,
    /// Rows are read from a copy that may be behind what was written.
    pub rows_lag: bool,
    /// `ignoreregexpire`: contacts whose time has passed stay in use, and in
    /// the database.
    pub ignoreregexpire: bool,
    /// Whether registrations of sip.conf's devices are kept too (`--state`).
    pub keeps_static: bool,
    /// This engine among several over one database (family `nodes`); `None`
    /// where it stands alone.
    pub node: Option<Arc<Node>>,
}
