//! placeholder
use super::{Binding, Refusal, Update};
use crate::base::Instant;

/// The bindings of the AoRs whose home this shard is.
pub struct Location {}

impl Location {
    /// placeholder
    pub fn update(&mut self, _now: Instant, _update: &Update) -> Result<Vec<Binding>, Refusal> {
        Err(Refusal::Full)
    }
}
