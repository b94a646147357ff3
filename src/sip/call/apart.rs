//! What a channel does beside ringing for its caller: routines, waiting to be
//! joined, and `h`.
//!
//! A plan that runs for one has no other side: it may wait, set, log and hang up,
//! and cannot dial.

use alloc::sync::Arc;

use super::call::{Call, Caller, body_of};
use super::exchange::Turn;
use super::kept::Body;
use super::outbound::{Channel, Held, More};
use super::run::Role;
use crate::base::Label;
use crate::config::Presentation;
use crate::dialplan::{
    Cause, ChannelEvent, ChannelId, Cursor, Ending, Place, Routine, Seek, Variables,
};

impl Call {
    /// Sends a channel into a routine.
    pub(super) fn enter_routine(
        &mut self,
        turn: &mut Turn<'_>,
        id: ChannelId,
        routine: Routine<'_>,
    ) -> bool {
        let plan = Arc::clone(&self.plan);
        let up = self.answered_of(self.behind(id)).is_some();
        let Some(channel) = self.channel_mut(id) else {
            return false;
        };
        let variables = core::mem::take(&mut channel.more().variables);
        let caller = own_identity(channel);
        let place = Place {
            context: channel.context(&turn.exchange.config.general),
            exten: "s",
            caller: &caller.number.lossy(),
            time: turn.exchange.unix(turn.now),
        };
        let limits = &turn.exchange.limits;
        let cursor = Cursor::routine(plan, place, routine, "", variables, limits);
        let begun = self.begin_run(turn, Role::Routine, id, cursor, caller);
        let begun = begun.map_err(|mut cursor| core::mem::take(cursor.variables_mut()));
        if let Ok(run) = begun
            && let Some(other) = self.other_mut(run)
        {
            other.answered = up;
        }
        let Some(more) = self.channel_mut(id).map(Channel::more) else {
            return false;
        };
        match begun {
            Ok(run) => more.run = Some(run),
            Err(variables) => more.variables = variables,
        }
        more.run.is_some()
    }

    /// A channel is back from its routine, or has ended in it.
    pub(super) fn routine_ended(
        &mut self,
        turn: &mut Turn<'_>,
        id: ChannelId,
        ending: Ending,
        variables: Variables,
        cause: Cause,
    ) {
        let Some(channel) = self.channel_mut(id) else {
            return;
        };
        let more = channel.more();
        more.run = None;
        if ending == Ending::Returned {
            more.variables = variables;
            self.report(id, ChannelEvent::Returned);
        } else {
            self.report(id, ChannelEvent::Hangup(cause));
            self.hang_up_channel(turn, id, cause);
        }
    }

    /// Ends a channel as its technology does.
    pub(super) fn hang_up_channel(&mut self, turn: &mut Turn<'_>, id: ChannelId, cause: Cause) {
        if let Some(tech) = self.tech_of(id) {
            tech.hangup(self, turn, id, cause, false);
        }
    }

    /// Keeps the answer being handled until its channel is joined.
    pub(super) fn hold(&mut self, turn: &mut Turn<'_>, id: ChannelId) {
        let real = self.behind(id);
        let caller_tag = self.current_caller_tag();
        if let Some(channel) = self.channel_mut(real) {
            let body = Body::of(body_of(turn));
            channel.more().held = Some(Held { body, caller_tag });
        }
    }

    /// Whether a channel that is not joined shall stay: its answer is held.
    pub(super) fn is_kept(&self, id: ChannelId) -> bool {
        let more = self.channel(id).and_then(|channel| channel.more.as_ref());
        more.is_some_and(|more| more.held.is_some())
    }

    /// A channel is gone: what ran on it ends, and its `h` extension runs.
    pub(super) fn forget_more(&mut self, turn: &mut Turn<'_>, channel: &Channel, more: &More) {
        if let Some(run) = more.run {
            self.channel_left(turn, run);
        }
        if !more.runs_h {
            return;
        }
        let caller = own_identity(channel);
        let place = Place {
            context: channel.context(&turn.exchange.config.general),
            exten: "h",
            caller: &caller.number.lossy(),
            time: turn.exchange.unix(turn.now),
        };
        let plan = Arc::clone(&self.plan);
        if plan.find(place, Seek::Priority(1)).is_some() {
            let (cause, variables) = (Cause::NORMAL_CLEARING, more.variables.clone());
            let limits = &turn.exchange.limits;
            let cursor = Cursor::farewell(plan, place, cause, variables, limits);
            let called = self.names_of(channel, false);
            // One too many is told of and left out.
            if let Ok(run) = self.begin_run(turn, Role::Farewell, channel.id, cursor, caller)
                && let Some(other) = self.other_mut(run)
            {
                other.called = Some(Box::new(called));
            }
        }
    }
}

/// Who a callee is when a plan runs for it.
pub(super) fn own_identity(channel: &Channel) -> Caller {
    let Channel { destination, .. } = channel;
    let named = destination.peer.as_ref().map(|peer| {
        let number = &peer.callerid.number;
        let number = if number.is_empty() {
            &*peer.name
        } else {
            number
        };
        Label::from(number)
    });
    let asked = destination.user.as_deref().map(Label::from);
    Caller {
        number: asked.or(named).unwrap_or_default(),
        name: Label::new(),
        presentation: Presentation::default(),
    }
}
