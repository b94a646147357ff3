//! What operators ask of this shard: one file per table, one row here.

mod channels;
mod devices;
mod dialogs;
mod history;
mod inquiries;
mod memory;
mod modules;
mod notify;
mod registrations;
mod state;
mod timers;

pub(super) use inquiries::Inquiries;

use super::shard::Shard;
use crate::base::{Handle, Instant, Slab};
use crate::machine::{Outbox, Page, Query, Rows, Span};

impl Shard {
    /// Answers a query.
    pub(super) fn page(&mut self, now: Instant, query: Query, out: &mut Outbox) -> Page {
        match query {
            Query::Channels(span) => Page::Channels(self.channel_rows(now, span, None)),
            Query::Channel(span, name) => Page::Channels(self.channel_rows(now, span, Some(&name))),
            Query::Inquire(inquiry) => Page::Inquired(self.inquire(*inquiry)),
            Query::Reply(number) => Page::Replied(self.fetch_reply(number)),
            Query::Entries(path, last) => Page::Entries(self.entries(&path, &last)),
            Query::SetGlobal(name, value) => Page::Done(self.set_global(now, &name, &value).into()),
            Query::Globals => Page::Globals(self.globals()),
            Query::Memory => Page::Memory(self.tables()),
            Query::Originate(origination) => {
                Page::Done(self.originate(now, origination, None, out).into())
            }
            Query::Order(order, span) => Page::Obeyed(self.order_some(now, &order, span, out)),
            Query::End(module, span) => Page::Obeyed(self.end_calls(now, module, span, out)),
            Query::Uses(span) => Page::Uses(self.uses(now, span)),
            Query::Removed(names) => Page::Done(self.removed(now, &names, out)),
            Query::Known(span) => Page::Known(self.known_devices(now, span)),
            Query::Devices(names) => Page::Devices(self.device_rows(now, &names)),
            Query::Dialogs(span) => Page::Dialogs(self.dialog_rows(now, span)),
            Query::Dialog(span, call_id) => Page::Dialogs(self.dialogs_called(now, span, &call_id)),
            Query::Connections(_) => Page::Unknown,
            Query::Timers => Page::Timers(self.timer_rows()),
            Query::Load(name) => Page::Done(self.load(now, name, out).into()),
            Query::Unregister(name) => Page::Done(self.unregister(now, name).into()),
            Query::Qualify(name) => Page::Done(self.qualify(now, &name).into()),
            Query::Notify(name, notification) => {
                Page::Done(self.notify(now, &name, &notification, out))
            }
            Query::History(prefix, span) => Page::History(self.history_rows(now, &prefix, span)),
            Query::Registrations(span) => Page::Registrations(self.registration_rows(now, span)),
            Query::State => Page::State(self.state()),
            Query::Stages => Page::Stages(Box::new(out.stopwatch.stages().clone())),
            Query::Failures => Page::Failures(self.failure_rows(now)),
        }
    }
}

/// What `each` makes of the entries of a part of a slab.
pub(super) fn rows_of<E, T>(
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
