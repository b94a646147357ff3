//! What an operator sees of a call's channels: the caller's first, then those
//! it has called, each with the far side of a Local one behind it.

use smol_str::{SmolStr, format_smolstr};

use super::call::Call;
use super::exchange::Exchange;
use super::leg::{Leg, LegState};
use super::outbound::Channel;
use super::run::{Other, Role};
use crate::base::Instant;
use crate::dialplan::{Cursor, Party, PartyField};
use crate::machine::{ChannelDetail, ChannelRow, ChannelState};

impl Call {
    /// Tells of each channel. Of the one called `wanted` all is told, and of no
    /// other anything.
    pub fn each_channel(
        &self,
        now: Instant,
        exchange: &Exchange,
        wanted: Option<&str>,
        mut tell: impl FnMut(ChannelRow),
    ) {
        let is_wanted = |name: &SmolStr| wanted.is_none_or(|wanted| wanted == name);
        let own = self
            .channel_name(0)
            .filter(|_| !self.closed && self.has_caller());
        if let Some(name) = own.filter(is_wanted) {
            let mut row = self.own_row(now, exchange, name);
            if wanted.is_some() {
                row.detail = Some(Box::new(self.own_detail()));
            }
            tell(row);
        }
        for channel in &self.channels {
            let leg = self.outbound_leg(channel);
            let state = match leg {
                Some(leg) if leg.is_up() => ChannelState::Up,
                Some(leg) if leg.state == LegState::Ended => continue,
                Some(leg) if leg.ringing.is_some() => ChannelState::Ringing,
                _ => ChannelState::Down,
            };
            let name = channel.name(self.number);
            let far = self.far_side(channel);
            let far_name = channel.far_name(self.number);
            if is_wanted(&name) {
                let mut row = self.row(now, exchange, channel, name);
                row.state = state;
                if wanted.is_some() {
                    row.detail = Some(Box::new(self.detail_of(channel, leg)));
                }
                tell(row);
            }
            if let Some(far) = far.filter(|_| is_wanted(&far_name)) {
                tell(self.far_row(now, exchange, channel, far, far_name, wanted.is_some()));
            }
        }
    }

    /// Of the legs of a channel the one that is furthest.
    fn outbound_leg(&self, channel: &Channel) -> Option<&Leg> {
        let legs = self.legs.iter().skip(1);
        let own = legs.filter(|leg| leg.channel == channel.id);
        own.max_by_key(|leg| match leg.state {
            LegState::Ended => 0,
            LegState::Inviting if leg.ringing.is_none() => 1,
            LegState::Inviting => 2,
            LegState::Unacknowledged | LegState::Confirmed => 3,
        })
    }

    /// The run behind a Local channel.
    fn far_side(&self, channel: &Channel) -> Option<&Other> {
        let other = self.other(channel.local()?.run?)?;
        Some(other).filter(|other| other.role == Role::Local)
    }

    fn own_row(&self, now: Instant, exchange: &Exchange, name: SmolStr) -> ChannelRow {
        let began = self.unique.0.0;
        let since = || core::time::Duration::from_secs(exchange.unix(now).0.saturating_sub(began));
        let former = self.former.as_ref();
        let cursor = self.own_cursor();
        let mut row = ChannelRow {
            state: match self.answered_at {
                Some(_) => ChannelState::Up,
                None => ChannelState::Ring,
            },
            calls: true,
            number: SmolStr::new(self.caller.number.lossy()),
            age: former.map_or_else(since, |former| now.since(former.born)),
            bridge: self.bridge.map(|_| self.number),
            unique_id: self.unique_id(None).into(),
            ..blank(name)
        };
        if let Some(cursor) = cursor {
            place(&mut row, cursor, now, exchange);
        }
        row
    }

    fn row(
        &self,
        now: Instant,
        exchange: &Exchange,
        channel: &Channel,
        name: SmolStr,
    ) -> ChannelRow {
        let joined = self.bridge.and_then(|leg| self.leg(leg));
        let is_joined = joined.is_some_and(|leg| leg.channel == channel.id);
        let mut row = ChannelRow {
            context: channel.context(&exchange.config.general).into(),
            priority: 1,
            application: "AppDial".into(),
            arguments: "(Outgoing Line)".into(),
            number: number_of(channel),
            age: now.since(channel.born),
            bridge: is_joined.then_some(self.number),
            unique_id: self.unique_id(Some(channel)).into(),
            ..blank(name)
        };
        let run = channel.more.as_ref().and_then(|more| more.run);
        if let Some(cursor) = run.and_then(|run| self.other(run)?.cursor()) {
            place(&mut row, cursor, now, exchange);
        }
        row
    }

    fn far_row(
        &self,
        now: Instant,
        exchange: &Exchange,
        channel: &Channel,
        far: &Other,
        name: SmolStr,
        wanted: bool,
    ) -> ChannelRow {
        let mut row = self.row(now, exchange, channel, name);
        row.state = match far.answered {
            true => ChannelState::Up,
            false => ChannelState::Ring,
        };
        row.number = SmolStr::new(far.caller.number.lossy());
        if let Some(cursor) = far.cursor() {
            place(&mut row, cursor, now, exchange);
            if wanted {
                row.detail = Some(Box::new(detail(cursor)));
            }
        }
        row
    }

    fn own_detail(&self) -> ChannelDetail {
        let cursor = self.own_cursor();
        let callee = self.bridge.and_then(|leg| self.leg(leg));
        let callee = callee.and_then(|leg| self.channel(leg.channel));
        let leg = self.legs.first();
        ChannelDetail {
            linked_id: self.linked_id().into(),
            caller_name: SmolStr::new(self.caller.name.lossy()),
            connected: callee.map(number_of).unwrap_or_default(),
            call_id: leg.map(call_id).unwrap_or_default(),
            ..cursor.map(detail).unwrap_or_default()
        }
    }

    fn detail_of(&self, channel: &Channel, leg: Option<&Leg>) -> ChannelDetail {
        let set = channel.more.iter().flat_map(|more| more.variables.iter());
        let variables = set.map(|(name, value)| (name.into(), value.into()));
        let caller = self.caller_of(channel.id);
        ChannelDetail {
            linked_id: self.linked_id().into(),
            connected: SmolStr::new(caller.number.lossy()),
            dialled: number_of(channel),
            call_id: leg.map(call_id).unwrap_or_default(),
            variables: variables.collect(),
            ..ChannelDetail::default()
        }
    }
}

fn call_id(leg: &Leg) -> SmolStr {
    SmolStr::new(crate::base::lossy(leg.dialog.call_id()))
}

/// The number called: the user asked for, else the device's name.
fn number_of(channel: &Channel) -> SmolStr {
    let to = &channel.destination;
    match (&to.user, &to.peer, &to.address) {
        (Some(user), _, _) => SmolStr::new(crate::base::lossy(user)),
        (None, Some(peer), _) => peer.name.clone(),
        (None, None, Some(address)) => format_smolstr!("{address}"),
        (None, None, None) => SmolStr::default(),
    }
}

/// Where a run is.
fn place(row: &mut ChannelRow, cursor: &Cursor, now: Instant, exchange: &Exchange) {
    let (context, exten, priority) = cursor.position();
    (row.context, row.exten, row.priority) = (context.into(), exten.into(), priority);
    let number = cursor.party(Party::Caller, PartyField::Number);
    if !number.is_empty() {
        row.number = number.into();
    }
    row.account = cursor.setting("accountcode").into();
    row.peer_account = cursor.setting("peeraccount").into();
    match cursor.at_hand(now, &|name| exchange.globals.value(name)) {
        Some((application, arguments)) => {
            row.application = application.into();
            row.arguments = arguments.into_owned();
        }
        None => (row.application, row.arguments) = <(SmolStr, String)>::default(),
    }
}

fn detail(cursor: &Cursor) -> ChannelDetail {
    let variables = cursor.variables().iter();
    ChannelDetail {
        dialled: cursor.party(Party::Dialled, PartyField::Number).into(),
        language: cursor.setting("language").into(),
        variables: variables
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        ..ChannelDetail::default()
    }
}

fn blank(name: SmolStr) -> ChannelRow {
    ChannelRow {
        name,
        state: ChannelState::Down,
        calls: false,
        context: SmolStr::default(),
        exten: SmolStr::default(),
        priority: 0,
        application: SmolStr::default(),
        arguments: String::new(),
        number: SmolStr::default(),
        account: SmolStr::default(),
        peer_account: SmolStr::default(),
        age: core::time::Duration::ZERO,
        bridge: None,
        unique_id: SmolStr::default(),
        detail: None,
    }
}
