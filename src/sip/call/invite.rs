//! The INVITEs that open legs: where each goes, whom it says it is from, and what
//! it brings along.

use alloc::sync::Arc;

use super::call::{ALLOW, Call, end_with, name_addr};
use super::diversion;
use super::exchange::{LegRef, Outgoing, Owner, Turn};
use super::identity::{self, push_user};
use super::leg::{Leg, LegState};
use super::node::Onward;
use super::outbound::{More, shown};
use super::wishes;
use crate::base::{Flow, Text};
use crate::config::{General, Peer};
use crate::dialog::{Dialog, Role, Sayings};
use crate::dialplan::ChannelId;
use crate::wire::{HeaderName, Method, Uri};

/// Where one leg of a channel goes.
pub(super) struct Target {
    /// Its Request-URI.
    pub(super) uri: Text,
    /// The path to it.
    pub(super) flow: Flow,
    /// Requests inside the dialog go by that path, whatever the contact says; so
    /// they do to a device with `nat=force_rport`.
    pub(super) pinned: bool,
    /// The device it reaches.
    pub(super) peer: Option<Arc<Peer>>,
    /// Instead of URI and device: another node, which knows the way.
    pub(super) onward: Option<Box<Onward>>,
}

impl Target {
    pub(super) fn new(uri: Text, flow: Flow, peer: Option<Arc<Peer>>) -> Target {
        Target {
            uri,
            flow,
            pinned: false,
            peer,
            onward: None,
        }
    }
}

impl Call {
    /// The place of one more leg: one that ended, else a new one. `None` when
    /// the call has as many as it may.
    fn free_leg(&self, most: u16) -> Option<u16> {
        let ended = |leg: &Leg| leg.state == LegState::Ended && leg.bye_owed.is_none();
        let reused = self.legs.iter().skip(1).position(ended);
        let index = reused.map_or(self.legs.len(), |position| position + 1);
        u16::try_from(index).ok().filter(|index| *index <= most)
    }

    /// Opens a leg and sends its INVITE.
    pub(super) fn invite(&mut self, turn: &mut Turn<'_>, id: ChannelId, target: Target) {
        let Some(index) = self.free_leg(turn.exchange.limits.legs_per_call) else {
            return;
        };
        let (call_id, local_tag) = (turn.exchange.call_id(), turn.exchange.tag());
        let Target {
            uri,
            flow,
            pinned,
            peer,
            onward,
        } = target;
        let (uri, to, peer) = match onward {
            Some(onward) => {
                let device = onward.device(turn.exchange, &call_id, &local_tag);
                (onward.uri, Some(onward.to), Some(device))
            }
            None => (uri, None, peer),
        };
        let mut channels = self.channels.iter();
        let more = channels
            .find(|channel| channel.id == id)
            .and_then(|channel| channel.more.as_deref());
        let (uri, to, peer) = match more {
            None => (uri, to, peer),
            Some(more) => dressed(more, &turn.exchange.config.general, uri, to, peer),
        };
        let (flow, routes) = turn.exchange.first_hop(peer.as_deref(), flow);
        let general = &turn.exchange.config.general;
        let device = general.device(peer.as_deref());
        let proxy = device.forced_proxy();
        let uri = if device.usereqphone {
            with_user_phone(uri)
        } else {
            uri
        };
        let ours = (general.advertised(&flow), flow.transport);
        let (local, contact) = identity::local(self.caller_of(id), device, general, ours);
        let sayings = Sayings {
            call_id: &call_id,
            local_tag: &local_tag,
            remote_tag: b"",
            local: &local,
            remote: &name_addr(to.as_ref().unwrap_or(&uri)),
            target: &uri,
            contact: &contact,
        };
        let mut dialog = Dialog::new(Role::Uac, &sayings, flow);
        dialog.routes = routes;
        dialog.local_cseq = 101;
        dialog.pinned = pinned || device.nat.force_rport;
        dialog.proxy = proxy.map(Box::new);
        let owner = LegRef {
            call: self.handle,
            leg: index,
        };
        turn.exchange
            .dialogs
            .insert(dialog.call_id(), dialog.local_tag(), owner);
        let leg = Leg::new(dialog, peer, id);
        match self.legs.get_mut(usize::from(index)) {
            Some(ended) => *ended = leg,
            None => self.legs.push(leg),
        }
        if self.send_invite(turn, index, None) {
            self.note_rung(turn, id, Some(index));
            if let Some(channel) = self.channel_mut(id) {
                channel.open_legs += 1;
            }
        } else {
            self.forget_leg(turn, index);
        }
    }

    /// Sends a leg's first INVITE, with credentials the second time.
    pub(super) fn send_invite(
        &mut self,
        turn: &mut Turn<'_>,
        index: u16,
        credentials: Option<(HeaderName, &[u8])>,
    ) -> bool {
        let owner = Owner::Leg(LegRef {
            call: self.handle,
            leg: index,
        });
        let Some(id) = self.leg(index).map(|leg| leg.channel) else {
            return false;
        };
        let mut channels = self.channels.iter();
        let channel = channels.find(|channel| channel.id == id);
        let caller = shown(channel, self.others.as_deref(), &self.caller);
        let more = channel.and_then(|channel| channel.more.as_ref());
        let passed = &self.passed;
        let offer = self.unanswered.as_ref().map(|invite| &invite.body);
        let (content_type, body) = match offer {
            Some(offer) => (offer.content_type.as_bytes(), offer.bytes.as_slice()),
            None => (&b""[..], &b""[..]),
        };
        let Some(leg) = self.legs.get_mut(usize::from(index)) else {
            return false;
        };
        let cseq = leg.dialog.next_cseq();
        let timers = turn.exchange.timers(leg.peer.as_deref());
        let config = Arc::clone(&turn.exchange.config);
        let (dialog, device) = (&leg.dialog, config.general.device(leg.peer.as_deref()));
        let request = Outgoing {
            dialog,
            method: Method::Invite,
            cseq,
            max_forwards: self.max_forwards.min(device.maxforwards),
            timers,
            owner,
        };
        leg.invite = turn.request(request, |mut writer| {
            writer.own(HeaderName::Allow, &[ALLOW]);
            if let Some((name, authorization)) = credentials {
                writer.field(name, authorization);
            }
            let ours = config.general.advertised(&dialog.flow);
            identity::assert(&mut writer, caller, device, ours);
            for (name, value) in &device.header {
                writer.other(name.as_bytes(), value.as_bytes());
            }
            if let Some(more) = more {
                if let Some(redirecting) = &more.redirecting
                    && config.general.send_diversion
                {
                    diversion::write(&mut writer, redirecting, ours);
                }
                wishes::write(&mut writer, &more.variables);
            }
            writer.lines(passed);
            end_with(writer, content_type, body);
        });
        leg.state = LegState::Inviting;
        leg.invite.is_some()
    }
}

/// URI, To and device of a leg, as the destination and the variables of its
/// channel want them.
fn dressed(
    more: &More,
    general: &General,
    mut uri: Text,
    to: Option<Text>,
    peer: Option<Arc<Peer>>,
) -> (Text, Option<Text>, Option<Arc<Peer>>) {
    let to = to.or_else(|| {
        let dnid = more.dnid.as_deref()?;
        if dnid.contains('@') {
            return Some(Text::from(["sip:", dnid].concat().as_str()));
        }
        Some(with_user(&Uri::parse(&uri).ok()?, dnid.as_bytes()))
    });
    wishes::push_options(&mut uri, &more.variables);
    (uri, to, wishes::device(more, peer, general))
}

/// `uri` with another user part.
pub(super) fn with_user(uri: &Uri<'_>, user: &[u8]) -> Text {
    let mut text = Text::from("sip:");
    push_user(&mut text, user);
    text.push(b"@");
    text.push(uri.host);
    if let Some(port) = uri.port {
        text.push(b":");
        text.push(crate::base::Decimal::new(port.into()).as_bytes());
    }
    text
}

/// `uri` said to be a telephone number, if its user is one and it does not say
/// what its user is (RFC 3261 §19.1.1).
fn with_user_phone(mut uri: Text) -> Text {
    let is_number = Uri::parse(&uri).is_ok_and(|uri| {
        let digits = uri.user.strip_prefix(b"+").unwrap_or(uri.user);
        !digits.is_empty()
            && digits.iter().all(u8::is_ascii_digit)
            && !uri.params.has(b"user")
            && uri.headers.is_empty()
    });
    if is_number {
        uri.push(b";user=phone");
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_are_telephones() {
        for (uri, expected) in [
            ("sip:1001@h", "sip:1001@h;user=phone"),
            ("sip:+491@h:5070;ob", "sip:+491@h:5070;ob;user=phone"),
            ("sip:+@h", "sip:+@h"),
            ("sip:ann@h", "sip:ann@h"),
            ("sip:h", "sip:h"),
            ("sip:1@h;user=ip", "sip:1@h;user=ip"),
            ("sip:1@h?Subject=x", "sip:1@h?Subject=x"),
        ] {
            assert_eq!(with_user_phone(Text::from(uri)).lossy(), expected);
        }
    }
}
