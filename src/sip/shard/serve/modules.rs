//! What `module unload` and `module reload` want of this shard: which modules
//! its calls use, and the end of registrations.

use alloc::vec::Vec;

use super::rows_of;
use crate::base::{Handle, Instant, Text};
use crate::call::{Call, Resume};
use crate::config::Host;
use crate::dialplan::{Action, Cause, Order, Whom};
use crate::machine::{Outbox, Rows, Span};
use crate::modules::Module;
use crate::shard::Shard;

impl Shard {
    /// What the calls of a part of the table use: a module once for each use.
    pub(super) fn uses(&self, now: Instant, span: Span) -> Rows<Module> {
        rows_of(&self.calls, span, |_, call: &Call, rows| {
            rows.push(Module::PbxConfig);
            call.each_transport(|transport| {
                rows.extend([Module::ChanSip, Module::of_transport(transport)]);
            });
            call.each_application(now, |name| rows.extend(Module::of_application(name)));
        })
    }

    /// Ends the calls of a part of the table that cannot go on without a module:
    /// what all have to say would not fit into one outbox. The channels of each.
    pub(super) fn end_calls(
        &mut self,
        now: Instant,
        module: Module,
        span: Span,
        out: &mut Outbox,
    ) -> Rows<u32> {
        let order = Order {
            whom: Whom::All,
            action: Action::HangUp(Cause::NORMAL_CIRCUIT_CONGESTION),
        };
        let needs = |call: &Call| {
            let mut needs = module == Module::ChanSip;
            call.each_transport(|used| needs |= Module::of_transport(used) == module);
            needs
        };
        let calls = rows_of(&self.calls, span, |handle, call, calls| {
            calls.extend(needs(call).then_some(handle));
        });
        let ended = calls.rows.into_iter().filter_map(|handle: Handle| {
            self.with_call(now, None, handle, out, |call, turn| call.obey(turn, &order))
        });
        Rows {
            rows: ended.collect(),
            next: calls.next,
        }
    }

    /// Forgets what devices have registered that are not in sip.conf any more,
    /// or have a fixed host there. Where a database has devices, too, one of that
    /// name may be its: its registration ends in its time. How many were
    /// forgotten.
    pub(super) fn removed(&mut self, now: Instant, names: &[Text], out: &mut Outbox) -> u32 {
        let rules = self.exchange.config.realtime.as_ref();
        let (elsewhere, kept) =
            rules.map_or((false, false), |rules| (rules.devices, rules.keeps_static));
        let mut count = 0;
        for name in names {
            let gone = match self.exchange.config.peers.by_name(name) {
                Some(peer) => peer.host != Host::Dynamic,
                None => !elsewhere,
            };
            if !gone || self.location.bindings(now, name).is_empty() {
                continue;
            }
            self.location.restore(now, name, Vec::new());
            if kept {
                self.save(now, name, false, Resume::Nobody, out);
            }
            count += 1;
        }
        count
    }
}
