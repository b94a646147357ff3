//! `/v1/registrations`: the bindings of this shard, by page.

use crate::base::{Instant, Text};
use crate::machine::{RegistrationRow, Rows, Span};
use crate::shard::Shard;

impl Shard {
    pub(super) fn registration_rows(&self, now: Instant, span: Span) -> Rows<RegistrationRow> {
        let mut rows = Vec::new();
        let next = self
            .location
            .page(now, span.from, span.most, |aor, binding| {
                rows.push(RegistrationRow {
                    aor: Text::from(aor),
                    contact: Text::from(binding.uri()),
                    remote: binding.flow.remote,
                    left_s: binding.expires.since(now).as_secs(),
                    user_agent: Text::from(binding.user_agent()),
                });
            });
        Rows { rows, next }
    }
}
