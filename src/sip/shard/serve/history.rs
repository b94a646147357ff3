//! `sip show history`, `sip show failures`: what happened to calls, of those
//! there are and of those that failed.

use super::rows_of;
use crate::base::{Instant, Text};
use crate::call::{Call, FlightRecorder};
use crate::machine::{FailureRow, HistoryRow, Rows, Span};
use crate::shard::Shard;
use crate::shard::failures::Failure;

impl Shard {
    /// Calls one of whose Call-IDs begins so. The failed ones come with the
    /// first page.
    pub(super) fn history_rows(&self, now: Instant, prefix: &Text, span: Span) -> Rows<HistoryRow> {
        let wanted = |call_id: &[u8]| call_id.starts_with(prefix);
        let mut rows = rows_of(&self.calls, span, |_, call: &Call, rows| {
            if let Some(flight) = call.recorded()
                && call.call_ids().any(wanted)
            {
                let call_ids = call.call_ids().map(Text::from).collect();
                rows.push(self.history_row(flight, call.caller_channel(), call_ids));
            }
        });
        if span.from == 0 {
            let failed = self.failures.iter();
            let failed = failed.filter(|failure| failure.call_ids.iter().any(|id| wanted(id)));
            rows.rows.extend(failed.map(|failure| {
                let call_ids = failure.call_ids.to_vec();
                let row = self.history_row(&failure.flight, failure.channel.clone(), call_ids);
                let ended = Some(now.since(failure.ended));
                HistoryRow { ended, ..row }
            }));
        }
        rows
    }

    fn history_row(
        &self,
        flight: &FlightRecorder,
        channel: smol_str::SmolStr,
        call_ids: Vec<Text>,
    ) -> HistoryRow {
        HistoryRow {
            channel,
            call_ids,
            began: self.exchange.unix(flight.began()),
            ended: None,
            failed: flight.failed(),
            forgotten: flight.forgotten(),
            moments: flight.moments().collect(),
        }
    }

    /// The calls that failed last.
    pub(super) fn failure_rows(&self, now: Instant) -> Rows<FailureRow> {
        let row = |failure: &Failure| FailureRow {
            channel: failure.channel.clone(),
            call_id: failure.call_ids.first().cloned().unwrap_or_default(),
            began: self.exchange.unix(failure.flight.began()),
            ended: now.since(failure.ended),
            failed: failure.flight.failed(),
        };
        Rows {
            rows: self.failures.iter().map(row).collect(),
            next: None,
        }
    }
}
