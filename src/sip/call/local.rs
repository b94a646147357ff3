//! The Local technology: `Local/exten[@context][/options]`, a channel that
//! rings the dialplan.
//!
//! Whoever requests the channel sees a callee; behind it a run goes through
//! the plan with that callee for its caller. Signalling is never bridged
//! twice: a caller joined to a Local channel is joined to the leg behind it.
//! The options `n`, `j`, `m` and `b` concern media and change nothing here.

use alloc::sync::Arc;
use core::fmt;

use super::call::Call;
use super::exchange::Turn;
use super::outbound::Channel;
use super::run::{Role, RunId};
use super::sip::Destination;
use super::tech::ChannelTech;
use crate::base::Level;
use crate::dialplan::{Cause, ChannelEvent, ChannelId, Cursor, Failure, Match, Place};

/// What a Local channel is beyond a channel.
#[derive(Debug)]
pub struct Ends {
    exten: Box<str>,
    context: Box<str>,
    /// The run behind it, once it is called.
    pub(super) run: Option<RunId>,
    /// The channel that answered there.
    pub(super) far: Option<ChannelId>,
    /// A caller is joined to it.
    joined: bool,
}

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Local/{}@{}", self.exten, self.context)
    }
}

impl Ends {
    /// Reads `exten[@context][/options]`; the context is `default`.
    fn parse(resource: &str) -> Option<Ends> {
        let (place, _) = resource.split_once('/').unwrap_or((resource, ""));
        let (exten, context) = place.split_once('@').unwrap_or((place, "default"));
        (!exten.is_empty()).then(|| Ends {
            exten: exten.into(),
            context: context.into(),
            run: None,
            far: None,
            joined: false,
        })
    }
}

/// The technology.
pub struct Local;

impl ChannelTech for Local {
    fn name(&self) -> &'static str {
        "Local"
    }

    fn request(
        &self,
        call: &mut Call,
        turn: &mut Turn<'_>,
        resource: &str,
    ) -> Result<ChannelId, Cause> {
        let Some(ends) = Ends::parse(resource) else {
            call.note(turn, Level::Warn, "no-such-exten", || {
                format!("Dial: 'Local/{resource}' names no extension")
            });
            return Err(Cause::NO_ROUTE_DESTINATION);
        };
        let id = call.new_channel(
            turn,
            Channel {
                tech: &Local,
                ..Channel::to(Destination::default())
            },
        );
        if let Some(channel) = call.channel_mut(id) {
            channel.more().local = Some(ends);
        }
        Ok(id)
    }

    fn call(&self, call: &mut Call, turn: &mut Turn<'_>, id: ChannelId) {
        let cause = match call.enter_plan(turn, id) {
            Ok(()) => return,
            Err(cause) => cause,
        };
        call.fail(turn, id, Failure::Unavailable(cause));
    }

    fn hangup(&self, call: &mut Call, turn: &mut Turn<'_>, id: ChannelId, _: Cause, _: bool) {
        let run = call.channel(id).and_then(|channel| channel.local()?.run);
        call.forget_channel(turn, id);
        if let Some(run) = run {
            call.channel_left(turn, run);
        }
    }
}

impl Call {
    /// Begins the run behind a Local channel.
    fn enter_plan(&mut self, turn: &mut Turn<'_>, id: ChannelId) -> Result<(), Cause> {
        let plan = Arc::clone(&self.plan);
        let caller = self.caller_of(id).clone();
        let Some(more) = self.channel_mut(id).map(Channel::more) else {
            return Err(Cause::SUBSCRIBER_ABSENT);
        };
        let variables = core::mem::take(&mut more.variables);
        let dialled = core::mem::take(&mut more.dialled);
        let redirecting = more.redirecting.take();
        let Some(ends) = &more.local else {
            return Err(Cause::SUBSCRIBER_ABSENT);
        };
        let place = Place {
            context: &ends.context,
            exten: &ends.exten,
            caller: &caller.number.lossy(),
            time: turn.exchange.unix(turn.now),
        };
        if plan.exists(place) != Match::Yes && !plan.may_ask(place) {
            let Ends { exten, context, .. } = ends;
            let text = format!(
                "Dial: there is no extension {exten} in context {context} for a Local channel"
            );
            self.note(turn, Level::Warn, "no-such-exten", || text);
            return Err(Cause::NO_ROUTE_DESTINATION);
        }
        let name = caller.name.lossy();
        let mut cursor = Cursor::new(plan, place, &name, &turn.exchange.limits);
        *cursor.variables_mut() = variables;
        if let Some(redirecting) = redirecting {
            cursor.set_redirecting(&redirecting);
        }
        caller.tell_presentation(&mut cursor);
        if self.ledger.is_some() {
            cursor.keep_account(turn.exchange.config.general.records.endbeforehexten);
        }
        let caller = caller.clone();
        let run = self.begin_run(turn, Role::Local, id, cursor, caller);
        let run = run.map_err(|_| Cause::NORMAL_CIRCUIT_CONGESTION)?;
        if let Some(other) = self.other_mut(run) {
            other.dialled = dialled;
        }
        if let Some(ends) = self.channel_mut(id).and_then(Channel::local_mut) {
            ends.run = Some(run);
        }
        self.note_rung(turn, id, None);
        Ok(())
    }

    /// The run behind a Local channel joins it to an answered channel of its
    /// own: that is its answer, or another leg for whoever is joined to it.
    pub(super) fn answer_local(&mut self, turn: &mut Turn<'_>, run: RunId, answered: ChannelId) {
        let Some(other) = self.other_mut(run) else {
            return;
        };
        let local = other.channel;
        let first = !core::mem::replace(&mut other.answered, true);
        let Some(ends) = self.channel_mut(local).and_then(Channel::local_mut) else {
            return;
        };
        ends.far = Some(answered);
        if first {
            self.report(local, ChannelEvent::Answered);
        } else if ends.joined {
            self.join(turn, answered);
        }
    }

    /// The channel that answered behind a Local one.
    pub(super) fn next_behind(&self, id: ChannelId) -> Option<ChannelId> {
        self.channel(id)?.local()?.far
    }

    /// The channel that has the leg a channel leads to.
    pub(super) fn behind(&self, id: ChannelId) -> ChannelId {
        let mut real = id;
        for _ in 0..self.channels.len() {
            match self.next_behind(real) {
                Some(far) => real = far,
                None => break,
            }
        }
        real
    }

    /// The channel that has the leg a channel leads to. Every Local channel on
    /// the way is joined from now on.
    pub(super) fn join_through(&mut self, id: ChannelId) -> ChannelId {
        let mut real = id;
        // Each channel is behind one other at most.
        for _ in 0..self.channels.len() {
            let Some(ends) = self.channel_mut(real).and_then(Channel::local_mut) else {
                break;
            };
            ends.joined = true;
            let Some(far) = ends.far else { break };
            real = far;
        }
        real
    }
}
