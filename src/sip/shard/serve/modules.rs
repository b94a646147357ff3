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

    /// Ends the calls that cannot go on without a module; how many channels.
    pub(super) fn end_calls(&mut self, now: Instant, module: Module, out: &mut Outbox) -> u32 {
        let order = Order {
            whom: Whom::All,
            action: Action::HangUp(Cause::NORMAL_CIRCUIT_CONGESTION),
        };
        let needs = |call: &Call| {
            let mut needs = module == Module::ChanSip;
            call.each_transport(|used| needs |= Module::of_transport(used) == module);
            needs
        };
        let calls = self.calls.iter().filter(|(_, call)| needs(call));
        let calls: Vec<Handle> = calls.map(|(handle, _)| handle).collect();
        let mut count = 0;
        for handle in calls {
            let ended =
                self.with_call(now, None, handle, out, |call, turn| call.obey(turn, &order));
            count += ended.unwrap_or(0);
        }
        count
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
