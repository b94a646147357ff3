//! What operators ask of this shard: one file per table, one row here.

mod channels;
mod modules;

use super::shard::Shard;
use crate::base::{Handle, Instant, Slab};
use crate::machine::{Outbox, Page, Query, Rows, Span};

impl Shard {
    /// Answers a query.
    pub(super) fn page(&mut self, now: Instant, query: Query, out: &mut Outbox) -> Page {
        match query {
            Query::Channels(span) => Page::Channels(self.channel_rows(span)),
            Query::Originate(origination) => {
                Page::Done(self.originate(now, origination, None, out).into())
            }
            Query::Order(order) => Page::Done(self.order_channels(now, &order, out)),
            Query::Uses(span) => Page::Uses(self.uses(now, span)),
            Query::Unregister(names) => Page::Done(self.unregister(now, &names, out)),
        }
    }
}

/// What `each` makes of the entries of a part of a slab.
fn rows_of<E, T>(
    slab: &Slab<E>,
    span: Span,
    mut each: impl FnMut(Handle, &E, &mut Vec<T>),
) -> Rows<T> {
    let end = span.from.saturating_add(span.most.max(1).into());
    let used = slab.used_slots() as u64;
    let mut rows = Vec::new();
    for place in span.from..end.min(used) {
        if let Some((handle, entry)) = u32::try_from(place).ok().and_then(|slot| slab.at(slot)) {
            each(handle, entry, &mut rows);
        }
    }
    let next = (end < used).then_some(end);
    Rows { rows, next }
}
