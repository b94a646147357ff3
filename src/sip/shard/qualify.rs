//! Asks watched contacts by OPTIONS, and leaves out those that do not answer;
//! holds the way to them open where nothing is asked.

use alloc::sync::Arc;
use core::net::SocketAddr;
use core::time::Duration;

use super::shard::Shard;
use crate::base::{Instant, Text, Transport, shard_of};
use crate::call::{Outgoing, Owner, Turn, name_addr, push_address};
use crate::config::{Host, Peer};
use crate::dialog::{Dialog, Role, Sayings};
use crate::machine::Outbox;
use crate::registrar::{Binding, Reach, Texts, Watch};
use crate::wire::{Method, Uri};

/// What is sent where nothing is asked: blank, so that nobody answers.
const KEEP_ALIVE: &[u8] = b"\r\n";

/// No device waits to be looked at.
pub(super) const ALL_LOOKED_AT: usize = usize::MAX;

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

/// Devices looked at in one turn for whether their contacts are watched: some
/// 20 µs.
const LOOKED_AT: usize = 128;

impl Shard {
    /// Begins to watch the devices of sip.conf whose home this is, spread over
    /// one period so that they are not all asked at once. What is watched
    /// already goes on as it was.
    pub(super) fn watch_all(&mut self, now: Instant) {
        self.unlooked = 0;
        while self.watch_some(now) {}
    }

    /// The same for the next of them; false when all have been looked at.
    pub(super) fn watch_some(&mut self, now: Instant) -> bool {
        if self.unlooked == ALL_LOOKED_AT {
            return false;
        }
        let config = Arc::clone(&self.exchange.config);
        let watched = config.peers.watched();
        let rest = watched.get(self.unlooked..).unwrap_or_default();
        let turn = rest.get(..LOOKED_AT).unwrap_or(rest);
        for peer in turn {
            if shard_of(peer.name.as_bytes(), self.exchange.shards) == self.exchange.shard {
                self.watch_device(now, peer);
            }
        }
        self.unlooked = match turn.len() < rest.len() {
            true => self.unlooked + turn.len(),
            false => ALL_LOOKED_AT,
        };
        self.unlooked != ALL_LOOKED_AT
    }

    /// When `watch_some` is wanted: at once, or not at all.
    pub(super) fn looks_on(&self) -> Option<Instant> {
        (self.unlooked != ALL_LOOKED_AT).then_some(Instant::START)
    }

    fn watch_device(&mut self, now: Instant, peer: &Peer) {
        let Some(rhythm) = Rhythm::of(peer) else {
            return;
        };
        match peer.host {
            Host::Fixed(_) => {
                if let Some(binding) = self.fixed_binding(now, peer) {
                    self.watch(now, peer, &binding, rhythm, rhythm.every);
                }
            }
            Host::Dynamic => {
                let bindings = self.location.bindings(now, peer.name.as_bytes());
                // What another node holds is that one's to watch.
                for binding in bindings.iter().filter(|binding| binding.node.is_none()) {
                    self.watch(now, peer, binding, rhythm, rhythm.every);
                }
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
            Host::Fixed(address) => self
                .fixed_uri(peer, address)
                .is_some_and(|(uri, _)| uri == watch.uri),
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
    pub(super) fn fixed_binding(&self, now: Instant, peer: &Peer) -> Option<Binding> {
        let Host::Fixed(address) = peer.host else {
            return None;
        };
        let (uri, transport) = self.fixed_uri(peer, address)?;
        Some(Binding {
            texts: Texts::new(&uri, b"", b""),
            q: 1000,
            expires: now,
            flow: self.exchange.ways.to(address, transport)?,
            cseq: 0,
            node: None,
        })
    }

    /// Asks one contact that is due; false when none is.
    pub(super) fn ask_contact(&mut self, now: Instant, out: &mut Outbox) -> bool {
        let Some((id, watch)) = self.qualifier.due(now) else {
            return false;
        };
        // When SIP is spoken again, all are looked at anew.
        if !self.exchange.carries(watch.flow.transport) || !self.is_bound(now, &watch) {
            self.qualifier.forget(&watch.aor, &watch.uri);
            return true;
        }
        let config = Arc::clone(&self.exchange.config);
        let (general, peer) = (&config.general, self.exchange.device(&watch.aor).cloned());
        let peer = peer.as_deref();
        let uri = Uri::parse(&watch.uri).ok();
        let flow = self.exchange.way_of(watch.flow, uri.as_ref());
        let (flow, routes) = self.exchange.first_hop(peer, flow);
        if watch.within.is_none() {
            out.send(&flow, |buffer| buffer.extend_from_slice(KEEP_ALIVE));
            return true;
        }
        let mut local = Text::from("<sip:");
        local.push(general.callerid.as_bytes());
        local.push(b"@");
        push_address(&mut local, general.advertised(&flow));
        local.push(b">");
        let target = Uri::without_headers(&watch.uri);
        let sayings = Sayings {
            call_id: &self.exchange.call_id(),
            local_tag: &self.exchange.tag(),
            local: &local,
            remote: &name_addr(target),
            target,
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

    /// `sip:user@address` of a device with a fixed host, and what leads there;
    /// `None` if none of what it may be called by is spoken here.
    fn fixed_uri(&self, peer: &Peer, address: SocketAddr) -> Option<(Text, Transport)> {
        let transport = self.exchange.transport_of(peer)?;
        let mut uri = Text::from("sip:");
        uri.push(peer.defaultuser.as_deref().unwrap_or(&peer.name).as_bytes());
        uri.push(b"@");
        push_address(&mut uri, address);
        uri.push(transport.uri_parameter());
        Some((uri, transport))
    }
}
