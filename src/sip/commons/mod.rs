//! What calls share across shards: globals, groups, locks and the AstDB.
//!
//! Tables only: who asks, who is told and what is waited for, the shard
//! decides. Globals are held by every shard; anything else has one home.

mod globals;
mod groups;
mod locks;
mod store;

pub use globals::Globals;
pub use groups::Groups;
pub use locks::{Locks, NotHeld, Tried};
pub use store::Store;

use crate::base::Random;

/// What of it has its home on one shard.
pub struct Commons {
    /// Who is in which group; on the groups' home alone.
    pub groups: Groups,
    /// Locks.
    pub locks: Locks,
    /// Values of the AstDB.
    pub store: Store,
}

impl Commons {
    /// Nothing is held or kept.
    pub fn new(random: &mut Random) -> Commons {
        Commons {
            groups: Groups::new(random.hasher(), random.hasher()),
            locks: Locks::new(random.hasher()),
            store: Store::default(),
        }
    }
}
