//! A request on its way through the shard: what its steps ask of it and of
//! where it came from, found once. Decides nothing.

use super::shard::Shard;
use crate::base::{Flow, Text};
use crate::method::behind_nat;
use crate::transaction::Identity;
use crate::wire::{Message, Method};

/// A request that has arrived and is to be answered.
pub(super) struct Arrival<'m> {
    /// The request.
    pub(super) request: &'m Message<'m>,
    /// The path it came by.
    pub(super) flow: Flow,
    /// What it is known by.
    pub(super) identity: Identity,
    /// Whether responses go to its source whatever its Via says.
    pub(super) to_source: bool,
    /// The path of responses (RFC 3261 §18.2.2, RFC 3581 §4).
    pub(super) replies: Flow,
}

impl Arrival<'_> {
    /// Whether it belongs to a dialog: its To has a tag.
    pub(super) fn is_inside(&self) -> bool {
        self.request.to().is_ok_and(|to| to.tag().is_some())
    }
}

impl Shard {
    /// Finds out where responses to a request go.
    pub(super) fn arrival<'m>(
        &self,
        request: &'m Message<'m>,
        flow: Flow,
        identity: Identity,
    ) -> Arrival<'m> {
        let via = request.top_via();
        let told = match via {
            Ok(via) if !flow.transport.is_reliable() => via.reply_to(flow.remote, false),
            _ => flow.remote,
        };
        // Where both are one, nobody has to be asked.
        let to_source = told != flow.remote && self.to_source(request, flow);
        let remote = if to_source { flow.remote } else { told };
        Arrival {
            request,
            flow,
            identity,
            to_source,
            replies: Flow { remote, ..flow },
        }
    }

    /// Whether responses go to the source of a request whatever its Via says:
    /// as its dialog does, else as its device's `nat` has it, else as
    /// `[general]` has it.
    fn to_source(&self, request: &Message<'_>, flow: Flow) -> bool {
        if let Some(pinned) = self.pinned(request) {
            return pinned;
        }
        let sender = match request.method() {
            Method::Register => request.to_uri(),
            _ => request.from_uri(),
        };
        let mut user = Text::new();
        if let Some(uri) = sender {
            uri.user_decoded(&mut user);
        }
        let config = &self.exchange.config;
        let peer = self.exchange.device(&user);
        let nat = config.general.device(peer.map(core::ops::Deref::deref)).nat;
        behind_nat(nat, request, flow)
    }

    /// Whether the dialog a request names answers to the source.
    fn pinned(&self, request: &Message<'_>) -> Option<bool> {
        let tag = request.to().ok()?.tag()?;
        let leg = self.exchange.dialogs.find(request.call_id(), tag)?;
        Some(self.calls.get(leg.call)?.is_pinned(leg.leg))
    }
}
