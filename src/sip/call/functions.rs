//! What a plan may ask of the SIP technology by functions: header fields,
//! devices, the caller's channel, and what dialled channels responded.
//!
//! It reads; nothing here changes a call but what it remembers.

use smol_str::SmolStr;

use super::call::Call;
use super::exchange::Turn;
use super::leg::LegState;
use crate::base::lossy;
use crate::config::{Host, Peer};
use crate::dialplan::{Cause, ChannelId, Failure, Plan};
use crate::wire::{Fields, HeaderName, Message, StartLine, Status};

/// The most channels whose responses are remembered; the oldest goes first.
const CHANNELS: usize = 32;

/// The longest reason phrase remembered.
const PHRASE_BYTES: usize = 64;

/// What is kept for the functions of a plan that has them.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The caller's first INVITE.
    invite: Box<[u8]>,
    /// What each channel dialled responded last.
    responses: Vec<Response>,
}

/// The last response on a channel.
#[derive(Debug)]
struct Response {
    channel: SmolStr,
    /// `SIP 486 Busy Here`.
    text: SmolStr,
    cause: Cause,
}

impl Told {
    /// What a plan will want to know; nothing for most plans.
    pub(super) fn of(plan: &Plan, invite: &Message<'_>) -> Option<Box<Told>> {
        let invite: &[u8] = match (plan.reads_request(), plan.reads_responses()) {
            (true, _) => invite.datagram(),
            (false, true) => b"",
            (false, false) => return None,
        };
        Some(Box::new(Told {
            invite: invite.into(),
            responses: Vec::new(),
        }))
    }

    /// The same for a call that no INVITE has begun.
    pub(super) fn without_invite(plan: &Plan) -> Option<Box<Told>> {
        plan.reads_responses().then(Box::default)
    }

    /// The n-th header field of a name, from 1.
    fn header(&self, name: &str, number: usize) -> Option<String> {
        let mut fields = Fields::new();
        let invite = Message::parse(&self.invite, &mut fields).ok()?;
        let known = HeaderName::new(name.as_bytes());
        let same = |(text, field, _): &(&[u8], Option<HeaderName>, &[u8])| match known {
            Some(_) => *field == known,
            None => text.eq_ignore_ascii_case(name.as_bytes()),
        };
        let mut named = invite.all().filter(same);
        let (_, _, value) = named.nth(number.checked_sub(1)?)?;
        Some(lossy(value).into_owned())
    }

    /// The caller's own URI.
    fn from(&self) -> Option<String> {
        let mut fields = Fields::new();
        let invite = Message::parse(&self.invite, &mut fields).ok()?;
        Some(lossy(invite.from().ok()?.uri).into_owned())
    }

    fn note(&mut self, channel: SmolStr, status: Status, reason: &[u8]) {
        let mut phrase = lossy(reason.get(..PHRASE_BYTES).unwrap_or(reason)).into_owned();
        phrase.retain(|character| !character.is_control());
        let cause = match status.code() {
            300.. => Failure::from_status(status).cause(),
            _ => Cause::NORMAL_CLEARING,
        };
        let response = Response {
            text: format!("SIP {} {phrase}", status.code()).trim_end().into(),
            channel,
            cause,
        };
        let mut known = self.responses.iter_mut();
        match known.find(|known| known.channel == response.channel) {
            Some(known) => *known = response,
            None => {
                if self.responses.len() == CHANNELS {
                    self.responses.remove(0);
                }
                self.responses.push(response);
            }
        }
    }

    /// `tech`: what the channel responded. `ast`: what its cause is called.
    fn cause(&self, arguments: &str) -> Option<String> {
        let (channel, kind) = arguments.split_once(',').unwrap_or((arguments, "tech"));
        let mut responses = self.responses.iter();
        let response = responses.find(|response| response.channel == channel.trim())?;
        Some(match kind.trim() {
            "ast" => response.cause.phrase().into(),
            _ => response.text.to_string(),
        })
    }

    fn channels(&self) -> String {
        let names = self.responses.iter().map(|response| &*response.channel);
        names.collect::<Vec<_>>().join(",")
    }
}

impl Call {
    /// Remembers a response to the INVITE of a leg, if the plan may ask for it.
    pub(super) fn note_response(&mut self, index: u16, response: &Message<'_>) {
        if self.told.is_none() {
            return;
        }
        let (StartLine::Response { status, reason }, Some(channel)) =
            (response.start(), self.channel_name(index))
        else {
            return;
        };
        if let Some(told) = &mut self.told {
            told.note(channel, status, reason);
        }
    }

    /// `HangupCauseClear`.
    pub(super) fn forget_responses(&mut self) {
        if let Some(told) = &mut self.told {
            told.responses.clear();
        }
    }

    /// The name of the channel a leg belongs to.
    pub(super) fn channel_name(&self, index: u16) -> Option<SmolStr> {
        let leg = self.leg(index)?;
        if index > 0 {
            let channel = self.channel(leg.channel)?;
            return Some(channel.name(self.number));
        }
        if let Some(former) = &self.former {
            return Some(former.name.clone());
        }
        let device = leg.peer.as_ref().map_or("guest", |peer| &peer.name);
        Some(format!("SIP/{device}-{:08x}", self.number).into())
    }

    /// The leg of a channel the call has dialled, while it has one.
    pub(super) fn leg_of(&self, channel: ChannelId) -> Option<u16> {
        let legs = (0..).zip(&self.legs).skip(1);
        let mut own = legs.filter(|(_, leg)| leg.channel == channel);
        let (index, _) = own.find(|(_, leg)| leg.state != LegState::Ended)?;
        Some(index)
    }

    /// What a function yields for the channel of a leg; `None` if there is nothing
    /// of the kind. A channel without a leg is not of SIP.
    pub(super) fn read(
        &self,
        turn: &Turn<'_>,
        leg: Option<u16>,
        function: &str,
        arguments: &str,
    ) -> Option<String> {
        let told = self.told.as_deref();
        match function {
            "SIP_HEADER" if leg != Some(0) => None,
            "SIP_HEADER" => {
                let (name, number) = arguments.split_once(',').unwrap_or((arguments, "1"));
                told?.header(name.trim(), number.trim().parse().unwrap_or(1))
            }
            "HANGUPCAUSE" => told?.cause(arguments),
            "HANGUPCAUSE_KEYS" => Some(told?.channels()),
            "CHECKSIPDOMAIN" => {
                let domains = &turn.exchange.config.general.domains;
                let ours = |domain: &&String| domain.eq_ignore_ascii_case(arguments.trim());
                domains.iter().find(ours).map(|_| arguments.trim().into())
            }
            "SIPPEER" => {
                let (name, item) = arguments.split_once(',').unwrap_or((arguments, "ip"));
                let exchange = &turn.exchange;
                let name = name.trim().as_bytes();
                let found = exchange.devices.by_name(turn.now, &exchange.config, name);
                peer_item(found.ok()??, item.trim())
            }
            "CHANNEL" => self.channel_item(leg?, arguments.trim()),
            _ => None,
        }
    }

    /// An item of a leg's channel. What its INVITE said is known of the caller's.
    fn channel_item(&self, index: u16, item: &str) -> Option<String> {
        let leg = self.leg(index)?;
        let invite = || self.told.as_deref().filter(|_| index == 0);
        let remote = leg.dialog.flow.remote;
        match item.to_ascii_lowercase().as_str() {
            "channeltype" => Some("SIP".into()),
            "peerip" | "recvip" => Some(remote.ip().to_string()),
            "recvport" => Some(remote.port().to_string()),
            "from" => invite()?.from(),
            "useragent" => invite()?.header("User-Agent", 1),
            "uri" => Some(lossy(leg.dialog.target()).into_owned()),
            "peername" => leg.peer.as_ref().map(|peer| peer.name.to_string()),
            "t38passthrough" => Some("0".into()),
            _ => None,
        }
    }
}

/// What is configured of a device. Where a dynamic one is at the moment, and how
/// many calls it has, its home shard knows.
fn peer_item(peer: &Peer, item: &str) -> Option<String> {
    let address = match peer.host {
        Host::Fixed(address) => Some(address),
        Host::Dynamic => None,
    };
    let lower = item.to_ascii_lowercase();
    if let Some(name) = lower.strip_prefix("chanvar[") {
        let length = name.strip_suffix(']')?.len();
        let name = item.get("chanvar[".len()..)?.get(..length)?;
        let mut set = peer.setvar.iter();
        return set
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone());
    }
    match lower.as_str() {
        "ip" => address.map(|address| address.ip().to_string()),
        "port" => address.map(|address| address.port().to_string()),
        "dynamic" => Some(if address.is_none() { "yes" } else { "no" }.into()),
        "context" => Some(peer.context.clone()),
        "callerid_name" => Some(peer.callerid.name.clone()),
        "callerid_num" => Some(peer.callerid.number.clone()),
        "limit" => Some(peer.call_limit.to_string()),
        "busylevel" => Some(peer.busylevel.to_string()),
        "callgroup" => Some(peer.pickup_groups.as_ref()?.call.numbers()),
        "pickupgroup" => Some(peer.pickup_groups.as_ref()?.pickup.numbers()),
        "namedcallgroup" => Some(peer.pickup_groups.as_ref()?.call.names()),
        "namedpickupgroup" => Some(peer.pickup_groups.as_ref()?.pickup.names()),
        "maxforwards" => Some(peer.maxforwards.to_string()),
        _ => None,
    }
}
