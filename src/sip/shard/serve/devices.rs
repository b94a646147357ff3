//! `sip show peers`, `sip show peer`, `sip unregister`, `sip qualify peer`: the
//! devices of the database that are known here, and what this shard knows of
//! the devices whose home it is.

use alloc::sync::Arc;

use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::base::{Instant, Text};
use crate::call::{Ask, Resume};
use crate::config::Peer;
use crate::machine::realtime::Errand;
use crate::machine::{ContactRow, DeviceRow, Outbox, Question, Rows, Span};
use crate::registrar::{Bindings, Update};
use crate::shard::Shard;

impl Shard {
    pub(super) fn known_devices(&self, now: Instant, span: Span) -> Rows<Arc<Peer>> {
        let exchange = &self.exchange;
        exchange.devices.known(now, &exchange.config, span)
    }

    pub(super) fn device_rows(&self, now: Instant, names: &[SmolStr]) -> Vec<DeviceRow> {
        names
            .iter()
            .map(|name| self.device_row(now, name))
            .collect()
    }

    fn device_row(&self, now: Instant, name: &str) -> DeviceRow {
        let name = name.as_bytes();
        let contacts = self.contacts_of(now, name).into_iter();
        let contacts = contacts.map(|binding| ContactRow {
            left_s: binding.expires.since(now).as_secs(),
            reach: self.qualifier.reach(name, binding.uri()),
            binding,
        });
        DeviceRow {
            known: self.exchange.devices.stored(name).cloned(),
            contacts: contacts.collect(),
            calls: u32::try_from(self.occupancy.held(name)).unwrap_or(u32::MAX),
        }
    }

    /// Where a device is: where it has registered, or else where `host` says.
    pub(super) fn contacts_of(&self, now: Instant, name: &[u8]) -> Bindings {
        let mut bindings = Bindings::new();
        self.location
            .lookup(now, name, &mut |binding| bindings.push(binding.clone()));
        if bindings.is_empty() {
            let devices = &self.exchange.devices;
            let peer = devices.remembered(&self.exchange.config, name);
            bindings.extend(peer.and_then(|peer| self.fixed_binding(now, peer)));
        }
        bindings
    }

    /// Has all contacts of a device asked; false if none of them is ever asked.
    pub(super) fn qualify(&mut self, now: Instant, name: &Text) -> bool {
        let contacts = self.contacts_of(now, name);
        let asked = contacts
            .iter()
            .filter(|binding| self.qualifier.ask_now(now, name, binding.uri()));
        asked.count() > 0
    }

    /// Has the database asked for a device; what it says is remembered. False
    /// where no database has devices.
    pub(super) fn load(&mut self, now: Instant, name: Text, out: &mut Outbox) -> bool {
        let rules = self.exchange.config.realtime.as_ref();
        let asks = rules.is_some_and(|rules| rules.devices);
        if asks {
            self.run_errand(now, Errand::Peer(name), Resume::Nobody, out);
        }
        asks
    }

    /// As if the device had removed all its contacts (RFC 3261 §10.2.2). False
    /// if it had none.
    pub(super) fn unregister(&mut self, now: Instant, aor: Text) -> bool {
        let bindings = self.location.bindings(now, &aor);
        let Some(binding) = bindings.first() else {
            return false;
        };
        let watched = |peer: &Arc<Peer>| peer.is_watched();
        let update = Update {
            // None of a phone's: its CSeq is not looked at.
            call_id: self.exchange.call_id(),
            cseq: 0,
            contacts: SmallVec::new(),
            remove_all: true,
            flow: binding.flow,
            to_source: false,
            max_contacts: 1,
            watched: self.exchange.device(&aor).is_some_and(watched),
            user_agent: Text::new(),
            aor,
        };
        self.exchange.asks.push_back(Ask {
            question: Question::Register(Arc::new(update)),
            resume: Resume::Nobody,
        });
        true
    }
}
