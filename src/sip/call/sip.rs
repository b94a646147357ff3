//! The SIP technology: what a SIP channel is, from its request to its end.
//!
//! One channel may have several legs: every contact its peer registered rings,
//! highest q first in order, and the first to answer wins.

use alloc::sync::Arc;
use core::net::SocketAddr;

use smol_str::SmolStr;

use super::call::{Call, push_address};
use super::exchange::{Owner, Turn};
use super::identity::push_user;
use super::invite::{Target, with_user};
use super::leg::LegState;
use super::node::Onward;
use super::outbound::Channel;
use super::resource::{self, Resource};
use super::resume::Resume;
use super::tech::ChannelTech;
use crate::base::{Level, Text, Transport};
use crate::config::{Host, Peer, PeerKind, Qualify};
use crate::dialplan::{Cause, ChannelEvent, ChannelId, Failure};
use crate::machine::realtime::Errand;
use crate::machine::{Question, Way};
use crate::registrar::Binding;
use crate::wire::{Method, Uri};

/// Where a SIP channel leads.
#[derive(Clone, Debug, Default)]
pub struct Destination {
    /// The device, if one was named.
    pub peer: Option<Arc<Peer>>,
    /// The user part asked for, instead of the contact's own.
    pub user: Option<Box<[u8]>>,
    /// The address, where no device was named.
    pub address: Option<Box<SocketAddr>>,
    /// The name, while only the database can tell whether it is a device's.
    pub sought: Option<Box<[u8]>>,
    /// The transport asked for, where an address is called.
    pub transport: Option<Transport>,
}

/// The technology.
pub struct Sip;

impl ChannelTech for Sip {
    fn name(&self) -> &'static str {
        "SIP"
    }

    fn request(
        &self,
        call: &mut Call,
        turn: &mut Turn<'_>,
        resource: &str,
    ) -> Result<ChannelId, Cause> {
        let parts = Resource::parse(resource);
        let (Some(destination), Ok(account)) = (destination(turn, &parts), parts.account()) else {
            call.note(turn, Level::Warn, "no-such-peer", || {
                let host = parts.host_shown();
                format!("Dial: 'SIP/{host}' names no peer and no address")
            });
            return Err(Cause::SUBSCRIBER_ABSENT);
        };
        let transport = parts.transport.map(|name| {
            let known = Transport::named(name.as_bytes());
            known.filter(|&transport| turn.exchange.speaks(transport))
        });
        if transport == Some(None) {
            call.note(turn, Level::Warn, "no-such-transport", || {
                let transport = parts.transport.unwrap_or_default();
                format!("Dial: {transport} is not spoken here")
            });
            return Err(Cause::SUBSCRIBER_ABSENT);
        }
        let mut channel = Channel::to(Destination {
            transport: transport.flatten(),
            ..destination
        });
        if account.is_some() || parts.dnid.is_some() {
            let more = channel.more();
            more.account = account;
            more.dnid = parts.dnid.map(SmolStr::new);
        }
        Ok(call.new_channel(turn, channel))
    }

    fn call(&self, call: &mut Call, turn: &mut Turn<'_>, id: ChannelId) {
        let handle = call.handle;
        let Some(channel) = call.channel_mut(id) else {
            return;
        };
        if let Some(name) = &channel.destination.sought {
            let errand = Errand::Peer(Text::from(&**name));
            turn.ask(Question::Errand(errand), Resume::Device(handle, id));
            return;
        }
        let peer = channel.destination.peer.as_ref();
        match peer.and_then(|peer| Some((peer, peer.most_ringing()?))) {
            Some((peer, limit)) => {
                let resume = Resume::AdmitChannel(handle, id);
                let place = turn.ask_for_place(peer, limit, resume);
                channel.lease = Some(place);
            }
            None => call.locate(turn, id),
        }
    }

    fn hangup(
        &self,
        call: &mut Call,
        turn: &mut Turn<'_>,
        id: ChannelId,
        cause: Cause,
        elsewhere: bool,
    ) {
        call.part(turn, id);
        for index in 1..call.legs.len() as u16 {
            if call.leg(index).is_some_and(|leg| leg.channel == id) {
                call.drop_leg(turn, index, cause, elsewhere);
            }
        }
        call.forget_channel(turn, id);
    }
}

/// Where a resource leads.
fn destination(turn: &Turn<'_>, resource: &Resource<'_>) -> Option<Destination> {
    let host = resource.host;
    let user = resource.user.map(|user| user.as_bytes().into());
    let exchange = &turn.exchange;
    let found = exchange
        .devices
        .by_name(turn.now, &exchange.config, host.as_bytes());
    let (peer, sought) = match found {
        Ok(peer) => (
            peer.filter(|peer| peer.kind != PeerKind::User).cloned(),
            None,
        ),
        Err(_) => (None, Some(host.as_bytes().into())),
    };
    let address = match &peer {
        Some(_) => None,
        None => resource::address(host).map(Box::new),
    };
    let leads_somewhere = peer.is_some() || address.is_some() || sought.is_some();
    leads_somewhere.then_some(Destination {
        peer,
        user,
        address,
        sought,
        transport: None,
    })
}

impl Call {
    /// What became of the device a channel leads to; `Err`: the database does
    /// not answer, and it is not known.
    pub fn device_found(
        &mut self,
        turn: &mut Turn<'_>,
        id: ChannelId,
        found: Result<Option<Arc<Peer>>, ()>,
    ) {
        let Some(channel) = self.channel_mut(id) else {
            return;
        };
        channel.destination.sought = None;
        match found {
            Ok(peer) => {
                channel.destination.peer = peer.filter(|peer| peer.kind != PeerKind::User);
                Sip.call(self, turn, id);
            }
            Err(()) if channel.destination.address.is_some() => Sip.call(self, turn, id),
            Err(()) => {
                let cause = Cause::NORMAL_CIRCUIT_CONGESTION;
                self.fail(turn, id, Failure::Congestion(cause));
            }
        }
        self.deliver(turn);
    }

    /// The answer to the question a limited channel put.
    /// False if the channel is gone and its place must be given back.
    pub fn channel_admitted(&mut self, turn: &mut Turn<'_>, id: ChannelId, admitted: bool) -> bool {
        let Some(channel) = self.channel(id) else {
            return false;
        };
        let peer = channel.destination.peer.as_ref();
        let refusal = if peer.is_some_and(|peer| peer.is_busy_first()) {
            Failure::Busy(Cause::USER_BUSY)
        } else {
            Failure::Unavailable(Cause::USER_BUSY)
        };
        if admitted {
            self.locate(turn, id);
        } else {
            turn.exchange.counters.calls_limited += 1;
            self.fail(turn, id, refusal);
        }
        self.deliver(turn);
        true
    }

    /// Finds out where a channel's legs go.
    fn locate(&mut self, turn: &mut Turn<'_>, id: ChannelId) {
        let handle = self.handle;
        let Some(channel) = self.channel(id) else {
            return;
        };
        let destination = &channel.destination;
        let fixed = match &destination.peer {
            Some(peer) => match peer.host {
                // One that is watched is left out while it does not answer: its home knows.
                Host::Fixed(_) if peer.qualify != Qualify::Off && destination.user.is_none() => {
                    None
                }
                Host::Fixed(address) => Some(address),
                Host::Dynamic => None,
            },
            None => destination.address.as_deref().copied(),
        };
        match (fixed, &destination.peer) {
            (Some(address), _) => self.invite_address(turn, id, address),
            (None, Some(peer)) => {
                let name = Text::from(peer.name.as_str());
                turn.ask(Question::Bindings(name), Resume::Bindings(handle, id));
            }
            (None, None) => self.fail(turn, id, Failure::Unavailable(Cause::SUBSCRIBER_ABSENT)),
        }
    }

    /// The bindings of a channel's peer: a leg for each.
    pub fn located(&mut self, turn: &mut Turn<'_>, id: ChannelId, bindings: &[Binding]) {
        let Some(channel) = self.channel(id) else {
            return;
        };
        let peer = channel.destination.peer.clone();
        let user = channel.destination.user.clone();
        // Who has been brought here is looked for nowhere else.
        let from_node = self.from_node;
        let may = |binding: &&Binding| binding.node.is_none() || !from_node;
        let bindings = || bindings.iter().filter(may);
        for binding in bindings() {
            if let (Some(node), Some(peer)) = (&binding.node, &peer) {
                let onward = Onward::new(node, peer.name.as_bytes(), user.as_deref());
                let target = Target {
                    onward: Some(Box::new(onward)),
                    ..Target::new(Text::new(), binding.flow, None)
                };
                self.invite(turn, id, target);
                continue;
            }
            let parsed = Uri::parse(binding.uri()).ok();
            let uri = match (&user, parsed) {
                (Some(user), Some(parsed)) => with_user(&parsed, user),
                _ => Text::from(Uri::without_headers(binding.uri())),
            };
            let flow = turn.exchange.way_of(binding.flow, parsed.as_ref());
            let pinned = parsed.and_then(|uri| uri.socket_addr(5060)) != Some(binding.flow.remote);
            let target = Target {
                pinned,
                ..Target::new(uri, flow, peer.clone())
            };
            self.invite(turn, id, target);
        }
        if bindings().next().is_none() {
            match peer.as_ref().and_then(|peer| peer.defaultip) {
                Some(address) => self.invite_address(turn, id, address),
                None => self.fail(turn, id, Failure::Unavailable(Cause::SUBSCRIBER_ABSENT)),
            }
        } else if self
            .channel(id)
            .is_some_and(|channel| channel.open_legs == 0)
        {
            self.fail(
                turn,
                id,
                Failure::Congestion(Cause::NORMAL_CIRCUIT_CONGESTION),
            );
        }
        self.deliver(turn);
    }

    /// A leg to a fixed address.
    fn invite_address(&mut self, turn: &mut Turn<'_>, id: ChannelId, address: SocketAddr) {
        let Some(channel) = self.channel(id) else {
            return;
        };
        let peer = channel.destination.peer.clone();
        let named = peer
            .as_ref()
            .map(|peer| peer.defaultuser.as_deref().unwrap_or(&peer.name).as_bytes());
        let mut uri = Text::from("sip:");
        if let Some(user) = channel.destination.user.as_deref().or(named) {
            push_user(&mut uri, user);
            uri.push(b"@");
        }
        push_address(&mut uri, address);
        let device = turn.exchange.config.general.device(peer.as_deref());
        let transport = channel.destination.transport;
        let transport = transport.or_else(|| turn.exchange.transport_of(device));
        let flow = transport.and_then(|transport| turn.exchange.ways.to(address, transport));
        let Some(flow) = flow else {
            self.note(turn, Level::Warn, "no-such-transport", || {
                format!("Dial: no socket of ours leads to {address} as it is to be called")
            });
            self.fail(turn, id, Failure::Unavailable(Cause::SUBSCRIBER_ABSENT));
            return;
        };
        uri.push(flow.transport.uri_parameter());
        self.invite(turn, id, Target::new(uri, flow, peer));
        if self
            .channel(id)
            .is_some_and(|channel| channel.open_legs == 0)
        {
            self.fail(
                turn,
                id,
                Failure::Congestion(Cause::NORMAL_CIRCUIT_CONGESTION),
            );
        }
    }

    /// Ends one leg of a channel: CANCEL while it rings, BYE once it stands.
    pub(super) fn drop_leg(
        &mut self,
        turn: &mut Turn<'_>,
        index: u16,
        cause: Cause,
        elsewhere: bool,
    ) {
        if self.awaits_picker(index) {
            // It is sent its BYE once it has acknowledged its 2xx.
            if let Some(leg) = self.leg_mut(index) {
                leg.bye_owed = Some(cause);
            }
            return;
        }
        let Some(leg) = self.leg(index) else { return };
        match (leg.state, leg.invite) {
            (LegState::Inviting, Some(invite)) => {
                let extra: &[u8] = if elsewhere {
                    b"Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n"
                } else {
                    b""
                };
                turn.exchange
                    .transactions
                    .set_owner(invite, Owner::Straggler { ended: leg.ended });
                let cseq = leg.dialog.local_cseq;
                turn.exchange
                    .transactions
                    .cancel(turn.now, invite, extra, turn.out);
                turn.record_request(Way::Out, index, Method::Cancel, cseq);
            }
            (LegState::Unacknowledged | LegState::Confirmed, _) => {
                self.acknowledge_owed(turn, index);
                self.bye(turn, index, cause);
            }
            (LegState::Inviting, None) | (LegState::Ended, _) => {}
        }
        self.settle_leg(turn, index);
        self.forget_leg(turn, index);
    }

    /// A channel is gone before it was answered.
    pub(super) fn fail(&mut self, turn: &mut Turn<'_>, id: ChannelId, failure: Failure) {
        self.report(id, ChannelEvent::Failed(failure));
        self.forget_channel(turn, id);
    }
}
