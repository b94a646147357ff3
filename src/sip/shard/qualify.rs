//! Asks watched contacts by OPTIONS, and leaves out those that do not answer.

use alloc::sync::Arc;
use core::net::SocketAddr;
use core::time::Duration;

use super::shard::Shard;
use crate::base::{Instant, Text, shard_of};
use crate::call::{Owner, Turn, name_addr, push_address};
use crate::config::{Host, Peer, PeerKind, Qualify};
use crate::dialog::{Dialog, Role};
use crate::machine::Outbox;
use crate::registrar::{Binding, Reach, Watch};
use crate::wire::{HeaderName, Method};

impl Shard {
    /// Begins to watch the devices with a fixed host whose home this is, spread
    /// over one period so that they are not all asked at once.
    pub(super) fn watch_fixed_hosts(&mut self, now: Instant) {
        let config = Arc::clone(&self.exchange.config);
        let home = |peer: &&Arc<Peer>| {
            shard_of(peer.name.as_bytes(), self.exchange.shards) == self.exchange.shard
        };
        let mut peers: Vec<&Arc<Peer>> = config
            .peers
            .iter()
            .filter(|peer| peer.kind != PeerKind::User)
            .filter(home)
            .collect();
        peers.sort_by(|a, b| a.name.cmp(&b.name));
        for peer in peers {
            if let (Host::Fixed(_), Qualify::Within(within)) = (peer.host, peer.qualify)
                && let Some(binding) = self.fixed_binding(now, peer)
            {
                self.watch(now, peer, &binding, within, peer.qualifyfreq);
            }
        }
    }

    /// Watches what a peer has registered, and forgets what it has not any more.
    pub(super) fn watch_bindings(
        &mut self,
        now: Instant,
        aor: &Text,
        before: &[Binding],
        after: &[Binding],
    ) {
        let Some(peer) = self.exchange.config.peers.by_name(aor).cloned() else {
            return;
        };
        let Qualify::Within(within) = peer.qualify else {
            return;
        };
        let known: Vec<Text> = before.iter().map(|binding| binding.uri.clone()).collect();
        let kept: Vec<&[u8]> = after.iter().map(|binding| binding.uri.as_bytes()).collect();
        self.qualifier.keep_only(aor, &known, &kept);
        for binding in after {
            self.watch(now, &peer, binding, within, Duration::from_secs(1));
        }
    }

    /// Whether a watched contact still stands: registered, or fixed.
    fn is_bound(&self, now: Instant, watch: &Watch) -> bool {
        let Some(peer) = self.exchange.config.peers.by_name(&watch.aor) else {
            return false;
        };
        let fixed = match peer.host {
            Host::Fixed(address) => fixed_uri(peer, address) == watch.uri,
            Host::Dynamic => false,
        };
        let registered = || {
            self.location
                .bindings(now, &watch.aor)
                .iter()
                .any(|binding| binding.uri == watch.uri)
        };
        peer.qualify != Qualify::Off && (fixed || registered())
    }

    fn watch(
        &mut self,
        now: Instant,
        peer: &Peer,
        binding: &Binding,
        within: Duration,
        spread: Duration,
    ) {
        let watch = Watch {
            aor: Text::from(peer.name.as_str()),
            uri: binding.uri.clone(),
            flow: binding.flow,
            within,
            every: peer.qualifyfreq,
        };
        self.qualifier
            .watch(now, watch, spread, &mut self.exchange.random);
    }

    /// The contacts of a peer that answer, or are not known not to.
    pub(super) fn reachable(&self, now: Instant, aor: &Text) -> Vec<Binding> {
        let mut bindings = self.location.bindings(now, aor);
        if bindings.is_empty()
            && let Some(peer) = self.exchange.config.peers.by_name(aor)
        {
            bindings.extend(self.fixed_binding(now, peer));
        }
        bindings.retain(|binding| self.qualifier.reach(aor, &binding.uri) != Reach::Unreachable);
        bindings
    }

    /// A device with a fixed host, as if it had registered.
    fn fixed_binding(&self, now: Instant, peer: &Peer) -> Option<Binding> {
        let Host::Fixed(address) = peer.host else {
            return None;
        };
        Some(Binding {
            uri: fixed_uri(peer, address),
            q: 1000,
            expires: now,
            flow: self.exchange.route_to(address)?,
            call_id: Text::new(),
            cseq: 0,
            user_agent: Text::new(),
        })
    }

    /// Asks one contact that is due; false when none is.
    pub(super) fn ask_contact(&mut self, now: Instant, out: &mut Outbox) -> bool {
        let Some((id, watch)) = self.qualifier.due(now) else {
            return false;
        };
        if !self.is_bound(now, &watch) {
            self.qualifier.forget(&watch.aor, &watch.uri);
            return true;
        }
        let config = Arc::clone(&self.exchange.config);
        let (general, peer) = (&config.general, config.peers.by_name(&watch.aor));
        let peer = peer.map(Arc::as_ref);
        let (flow, routes) = self.exchange.first_hop(peer, watch.flow);
        let mut local = Text::from("<sip:");
        local.push(general.callerid.as_bytes());
        local.push(b"@");
        push_address(&mut local, general.advertised(&flow));
        local.push(b">");
        let dialog = Dialog {
            role: Role::Uac,
            call_id: self.exchange.call_id(),
            local_tag: self.exchange.tag(),
            remote_tag: Text::new(),
            local,
            remote: name_addr(&watch.uri),
            target: watch.uri,
            contact: Text::new(),
            routes,
            local_cseq: 102,
            remote_cseq: None,
            flow,
            pinned: true,
            proxy: None,
        };
        let timers = self.exchange.timers(peer);
        let mut turn = Turn {
            now,
            exchange: &mut self.exchange,
            out,
            message: None,
        };
        turn.request(
            Method::Options,
            &dialog.flow,
            timers,
            Owner::Qualify(id),
            |buffer, branch| {
                let mut writer = dialog.write_request(
                    buffer,
                    general.sent_by(&dialog.flow),
                    Method::Options,
                    dialog.local_cseq,
                    branch.as_bytes(),
                    general.device(peer).maxforwards,
                );
                writer.field(HeaderName::UserAgent, general.useragent.as_bytes());
                writer.end();
            },
        );
        true
    }
}

/// `sip:user@address` of a device with a fixed host.
fn fixed_uri(peer: &Peer, address: SocketAddr) -> Text {
    let mut uri = Text::from("sip:");
    uri.push(peer.defaultuser.as_deref().unwrap_or(&peer.name).as_bytes());
    uri.push(b"@");
    push_address(&mut uri, address);
    uri
}
