//! Asks watched contacts by OPTIONS, and leaves out those that do not answer;
//! holds the way to them open where nothing is asked.

use alloc::sync::Arc;
use core::net::SocketAddr;
use core::time::Duration;

use super::shard::Shard;
use crate::base::{Instant, Text, shard_of};
use crate::call::{Outgoing, Owner, Turn, name_addr, push_address};
use crate::config::{Host, Peer, PeerKind};
use crate::dialog::{Dialog, Role, Sayings};
use crate::machine::Outbox;
use crate::registrar::{Binding, Reach, Texts, Watch};
use crate::wire::Method;

/// What is sent where nothing is asked: blank, so that nobody answers.
const KEEP_ALIVE: &[u8] = b"\r\n";

/// How a device's contacts are watched.
#[derive(Clone, Copy)]
struct Rhythm {
    /// The time to answer OPTIONS; `None` where none are sent.
    within: Option<Duration>,
    every: Duration,
}

impl Rhythm {
    /// By `qualify` and `keepalive`: a question keeps a NAT's binding alive, too.
    fn of(peer: &Peer) -> Option<Rhythm> {
        let keepalive = Some(peer.keepalive).filter(|every| !every.is_zero());
        match peer.asked_within() {
            Some(within) => Some(Rhythm {
                within: Some(within),
                every: keepalive.map_or(peer.qualifyfreq, |every| every.min(peer.qualifyfreq)),
            }),
            None => keepalive.map(|every| Rhythm {
                within: None,
                every,
            }),
        }
    }
}

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
            if let Some(rhythm) = Rhythm::of(peer)
                && let Some(binding) = self.fixed_binding(now, peer)
            {
                self.watch(now, peer, &binding, rhythm, rhythm.every);
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
        let Some(peer) = self.exchange.device(aor).cloned() else {
            return;
        };
        let Some(rhythm) = Rhythm::of(&peer) else {
            return;
        };
        // What another node holds is that one's to watch.
        let ours = || after.iter().filter(|binding| binding.node.is_none());
        let is_kept = |gone: &Binding| ours().any(|kept| kept.uri() == gone.uri());
        for gone in before.iter().filter(|binding| !is_kept(binding)) {
            self.qualifier.forget(aor, gone.uri());
        }
        for binding in ours() {
            self.watch(now, &peer, binding, rhythm, Duration::from_secs(1));
        }
    }

    /// Whether a watched contact still stands: registered, or fixed.
    fn is_bound(&self, now: Instant, watch: &Watch) -> bool {
        let Some(peer) = self.exchange.device(&watch.aor) else {
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
                .any(|binding| binding.node.is_none() && *binding.uri() == *watch.uri)
        };
        Rhythm::of(peer).is_some() && (fixed || registered())
    }

    fn watch(
        &mut self,
        now: Instant,
        peer: &Peer,
        binding: &Binding,
        rhythm: Rhythm,
        spread: Duration,
    ) {
        let watch = Watch {
            aor: Text::from(peer.name.as_str()),
            uri: Text::from(binding.uri()),
            flow: binding.flow,
            within: rhythm.within,
            every: rhythm.every,
        };
        self.qualifier
            .watch(now, watch, spread, &mut self.exchange.random);
    }

    /// The contacts of a peer that answer, or are not known not to.
    pub(super) fn reachable(&self, now: Instant, aor: &Text) -> Vec<Binding> {
        let mut bindings = self.location.bindings(now, aor);
        if bindings.is_empty()
            && let Some(peer) = self.exchange.device(aor)
        {
            bindings.extend(self.fixed_binding(now, peer));
        }
        if !self.qualifier.is_empty() {
            bindings
                .retain(|binding| self.qualifier.reach(aor, binding.uri()) != Reach::Unreachable);
        }
        bindings
    }

    /// A device with a fixed host, as if it had registered.
    fn fixed_binding(&self, now: Instant, peer: &Peer) -> Option<Binding> {
        let Host::Fixed(address) = peer.host else {
            return None;
        };
        Some(Binding {
            texts: Texts::new(&fixed_uri(peer, address), b"", b""),
            q: 1000,
            expires: now,
            flow: self.exchange.route_to(address)?,
            cseq: 0,
            node: None,
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
        let (general, peer) = (&config.general, self.exchange.device(&watch.aor).cloned());
        let peer = peer.as_deref();
        let (flow, routes) = self.exchange.first_hop(peer, watch.flow);
        if watch.within.is_none() {
            out.send(&flow, |buffer| buffer.extend_from_slice(KEEP_ALIVE));
            return true;
        }
        let mut local = Text::from("<sip:");
        local.push(general.callerid.as_bytes());
        local.push(b"@");
        push_address(&mut local, general.advertised(&flow));
        local.push(b">");
        let sayings = Sayings {
            call_id: &self.exchange.call_id(),
            local_tag: &self.exchange.tag(),
            local: &local,
            remote: &name_addr(&watch.uri),
            target: &watch.uri,
            ..Sayings::default()
        };
        let mut dialog = Dialog::new(Role::Uac, &sayings, flow);
        dialog.routes = routes;
        dialog.local_cseq = 102;
        dialog.pinned = true;
        let timers = self.exchange.timers(peer);
        let max_forwards = general.device(peer).maxforwards;
        let mut turn = Turn {
            now,
            exchange: &mut self.exchange,
            out,
            message: None,
        };
        let request = Outgoing {
            dialog: &dialog,
            method: Method::Options,
            cseq: dialog.local_cseq,
            max_forwards,
            timers,
            owner: Owner::Qualify(id),
        };
        turn.request(request, |writer| writer.end());
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
