//! Whether a shard takes new work, and what it has room for.

/// How a shard stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StateRow {
    /// It takes no new calls: it drains, or what carries them is unloaded.
    pub draining: bool,
    /// Whether the database answers it; `None` where there is none.
    pub database: Option<bool>,
    /// Calls, and how many it takes at most.
    pub calls: (u32, u32),
    /// Transactions, and how many it takes before new work is refused.
    pub transactions: (u32, u32),
}

impl StateRow {
    /// Whether new calls are refused for want of room.
    pub fn is_full(&self) -> bool {
        self.calls.0 >= self.calls.1 || self.transactions.0 >= self.transactions.1
    }
}
