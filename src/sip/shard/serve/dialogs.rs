//! `sip show channels`, `sip show channel`: the dialogs of this shard's calls.

use super::rows_of;
use crate::base::{Instant, Text};
use crate::call::Call;
use crate::machine::{DialogRow, Rows, Span};
use crate::shard::Shard;

impl Shard {
    pub(super) fn dialog_rows(&self, now: Instant, span: Span) -> Rows<DialogRow> {
        rows_of(&self.calls, span, |_, call: &Call, rows| {
            call.each_dialog(now, |row, _| rows.push(row));
        })
    }

    /// Those whose Call-IDs begin so.
    pub(super) fn dialogs_called(
        &self,
        now: Instant,
        span: Span,
        call_id: &Text,
    ) -> Rows<DialogRow> {
        rows_of(&self.calls, span, |_, call: &Call, rows| {
            call.each_dialog(now, |mut row, leg| {
                if row.call_id.starts_with(call_id) {
                    row.detail = call.detail(leg).map(Box::new);
                    rows.push(row);
                }
            });
        })
    }
}
