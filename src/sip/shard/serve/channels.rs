//! `core show channels`: the channels of this shard's calls.

use super::rows_of;
use crate::call::Call;
use crate::machine::{ChannelRow, Rows, Span};
use crate::shard::Shard;

impl Shard {
    pub(super) fn channel_rows(&self, span: Span) -> Rows<ChannelRow> {
        rows_of(&self.calls, span, |_, call: &Call, rows| {
            call.each_channel(|row| rows.push(row));
        })
    }
}
