//! What a channel does beside ringing for its caller: routines, waiting to be
//! joined, and going on in the plan by itself.
//!
//! A channel that goes on by itself has no other side: its plan may wait, set,
//! log and hang up, and cannot dial.

use alloc::sync::Arc;

use super::call::{Call, Caller, body_of};
use super::exchange::Turn;
use super::kept::Body;
use super::outbound::{Channel, Held, More};
use super::run::{Role, RunId};
use crate::base::{Label, Text};
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
        match self.begin_apart(turn, Role::Routine, id, (cursor, caller), up) {
            Ok(_) => true,
            Err(mut cursor) => {
                self.give_variables(id, &mut cursor);
                false
            }
        }
    }

    /// Gives a channel back the variables a run would have had.
    fn give_variables(&mut self, id: ChannelId, cursor: &mut Cursor) {
        if let Some(channel) = self.channel_mut(id) {
            channel.more().variables = core::mem::take(cursor.variables_mut());
        }
    }

    fn take_variables(&mut self, id: ChannelId) -> Variables {
        let more = self.channel_mut(id).and_then(|it| it.more.as_mut());
        more.map_or_else(Variables::default, |more| {
            core::mem::take(&mut more.variables)
        })
    }

    /// Lets an answered channel go on in the plan at a place, out of the routine
    /// it is in if it is in one.
    pub(super) fn go_on(
        &mut self,
        turn: &mut Turn<'_>,
        id: ChannelId,
        (context, exten, priority): (&str, &str, u32),
    ) -> bool {
        let plan = Arc::clone(&self.plan);
        // What is behind a Local channel has a plan of its own already.
        let Some(index) = self.answered_of(id) else {
            return false;
        };
        let Some(channel) = self.channel_mut(id) else {
            return false;
        };
        let caller = own_identity(channel);
        let place = Place {
            context,
            exten,
            caller: &caller.number.lossy(),
            time: turn.exchange.unix(turn.now),
        };
        if plan.find(place, Seek::Priority(priority)).is_none() && !plan.may_ask(place) {
            return false;
        }
        let routine = channel.more.as_ref().and_then(|more| more.run);
        let mut cursor = Cursor::new(plan, place, "", &turn.exchange.limits).at(priority);
        *cursor.variables_mut() = match routine.and_then(|routine| self.other_mut(routine)) {
            Some(routine) => routine.take_variables(),
            None => self.take_variables(id),
        };
        let run = match self.begin_apart(turn, Role::Onward, id, (cursor, caller), true) {
            Ok(run) => run,
            Err(mut cursor) => {
                self.give_variables(id, &mut cursor);
                return false;
            }
        };
        if let Some(routine) = routine {
            self.forget_run(routine);
        }
        if let Some(channel) = self.channel_mut(id) {
            channel.run = run;
        }
        self.hold_offer(id, index);
        self.part(turn, id);
        self.note_ended(turn.now, id);
        self.answer_with_silence(turn, id, index);
        true
    }

    fn begin_apart(
        &mut self,
        turn: &mut Turn<'_>,
        role: Role,
        id: ChannelId,
        (cursor, caller): (Cursor, Caller),
        answered: bool,
    ) -> Result<RunId, Box<Cursor>> {
        let run = self.begin_run(turn, role, id, cursor, caller)?;
        if let Some(other) = self.other_mut(run) {
            other.answered = answered;
        }
        if let Some(channel) = self.channel_mut(id) {
            channel.more().run = Some(run);
        }
        Ok(run)
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

    /// Keeps what a callee has offered to a caller who has not answered that yet:
    /// it is to be answered all the same (RFC 3261 §13.2.2.4).
    fn hold_offer(&mut self, id: ChannelId, index: u16) {
        let reoffer = self.reoffer.as_ref().filter(|_| self.bridge == Some(index));
        let Some(body) = reoffer.map(|reoffer| reoffer.offer().clone()) else {
            return;
        };
        if let Some(channel) = self.channel_mut(id) {
            let caller_tag = Text::new();
            channel.more().held = Some(Held { body, caller_tag });
        }
    }

    /// Whether a channel that is not joined shall stay: its answer is held, or
    /// it goes on by itself.
    pub(super) fn is_kept(&self, id: ChannelId) -> bool {
        let more = self.channel(id).and_then(|channel| channel.more.as_ref());
        more.is_some_and(|more| more.held.is_some()) || self.goes_on(id)
    }

    /// Whether a channel goes on in the plan by itself, whatever its call does.
    pub(super) fn goes_on(&self, id: ChannelId) -> bool {
        self.onward_run(id).is_some()
    }

    /// The run of a channel that goes on by itself.
    pub(super) fn onward_run(&self, id: ChannelId) -> Option<RunId> {
        let run = self.channel(id)?.more.as_ref()?.run?;
        let other = self.other(run)?;
        (other.role == Role::Onward).then_some(run)
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
            // One too many is told of and left out.
            let _ = self.begin_run(turn, Role::Farewell, channel.id, cursor, caller);
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
