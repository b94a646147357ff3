//! The tables of a shard.

/// One table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TableRow {
    /// What it holds.
    pub name: &'static str,
    /// Entries.
    pub entries: u64,
    /// Most entries; `None` where bytes are what is bounded.
    pub capacity: Option<u64>,
    /// Bytes in use; 0 where they are counted with another table's.
    pub bytes: u64,
}
