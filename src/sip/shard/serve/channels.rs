//! `core show channels`, `core show channel`: the channels of this shard's
//! calls.

use super::rows_of;
use crate::base::Instant;
use crate::call::Call;
use crate::machine::{ChannelRow, Rows, Span};
use crate::shard::Shard;

impl Shard {
    /// All, or the one of that name.
    pub(super) fn channel_rows(
        &self,
        now: Instant,
        span: Span,
        wanted: Option<&str>,
    ) -> Rows<ChannelRow> {
        rows_of(&self.calls, span, |_, call: &Call, rows| {
            call.each_channel(now, &self.exchange, wanted, |row| rows.push(row));
        })
    }
}
