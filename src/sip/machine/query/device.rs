//! What the home shard of a device knows of it.

use alloc::sync::Arc;

use smallvec::SmallVec;

use crate::config::Peer;
use crate::registrar::{Binding, Reach};

/// One device.
#[derive(Clone, PartialEq, Debug)]
pub struct DeviceRow {
    /// The device, if the database has it and this shard has read it.
    pub known: Option<Arc<Peer>>,
    /// Where it is: highest q first, then newest; one that `host` names has
    /// never registered.
    pub contacts: SmallVec<[ContactRow; 1]>,
    /// Places taken in its call limit.
    pub calls: u32,
}

/// One contact of a device.
#[derive(Clone, PartialEq, Debug)]
pub struct ContactRow {
    /// The contact.
    pub binding: Binding,
    /// For how many seconds more it is granted; 0 where nothing was.
    pub left_s: u64,
    /// How it answers.
    pub reach: Reach,
}
