//! A call that the engine begins itself: it rings a telephone without an offer
//! and, when that answers, makes it the caller of its own plan.
//!
//! The telephone's offer is answered by silence (RFC 3725 §4.3). From then on it
//! is a caller who has been answered: whoever the plan dials is invited without
//! an offer, and what they offer goes to the telephone by a re-INVITE.

use alloc::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::apart::own_identity;
use super::black_hole;
use super::call::{Call, Caller, body_of};
use super::exchange::{Alarm, Exchange, LegRef, Owner, Turn};
use super::leg::Leg;
use super::outbound::Channel;
use super::run::Run;
use super::tech::tech;
use crate::base::{Handle, Instant, Label};
use crate::config::Presentation;
use crate::dialplan::{
    Cause, ChannelEvent, ChannelId, Cursor, Failure, Goal, Originated, Origination, Place, Reply,
    Ticket, Variables,
};

/// What a call is that has no caller yet.
pub(super) struct Originating {
    origination: Box<Origination>,
    asker: Option<(Handle, Ticket)>,
    channel: ChannelId,
    until: Instant,
    rang: bool,
    /// Times it wanted to be rung elsewhere.
    forwarded: u16,
}

impl Call {
    /// A call without a caller, and whose plan waits to hear what becomes of it.
    /// `None` if this engine has no address to call from.
    pub fn originating(
        now: Instant,
        exchange: &mut Exchange,
        origination: Box<Origination>,
        asker: Option<(Handle, Ticket)>,
    ) -> Option<Call> {
        let flow = exchange.ways.to_self()?;
        let nobody = Leg::of_nobody(flow);
        let (number, name) = &origination.caller;
        let caller = Caller {
            number: Label::from(number.as_str()),
            name: Label::from(name.as_str()),
            presentation: Presentation::default(),
        };
        let mut call = Call::of(now, exchange, nobody, caller);
        call.originating = Some(Box::new(Originating {
            until: now + origination.patience,
            origination,
            asker,
            channel: ChannelId(0),
            rang: false,
            forwarded: 0,
        }));
        Some(call)
    }

    /// Rings the telephone; false if there is no such thing to ring, and the call
    /// is over.
    pub fn ring_first(&mut self, turn: &mut Turn<'_>, handle: Handle) -> bool {
        self.begin(turn, handle);
        let Some(originating) = &self.originating else {
            return false;
        };
        let alarm = Alarm::Plan { call: handle };
        turn.exchange.alarms.set_at(originating.until, alarm);
        let Origination { tech, resource, .. } = &*originating.origination;
        let (tech, resource) = (tech.clone(), resource.clone());
        if !self.ring(turn, &tech, &resource) {
            self.give_up(turn, Originated::Failed, Cause::NO_ROUTE_DESTINATION);
        }
        self.deliver(turn);
        !self.is_closed()
    }

    /// Rings a place for the telephone; false if there is no such place.
    fn ring(&mut self, turn: &mut Turn<'_>, technology: &str, resource: &str) -> bool {
        let Some(tech) = tech(technology) else {
            return false;
        };
        let Ok(id) = tech.request(self, turn, resource) else {
            return false;
        };
        if let Some(originating) = &mut self.originating {
            originating.channel = id;
            let variables = &originating.origination.variables;
            let mut channels = self.channels.iter_mut();
            if let Some(channel) = channels.find(|channel| channel.id == id) {
                if channel.local().is_none() {
                    // It will be the caller, and is known as that from the start.
                    (channel.suffix, channel.serial) = (0, self.unique.1);
                }
                if !variables.is_empty() {
                    set_all(&mut channel.more().variables, variables);
                }
            }
        }
        tech.call(self, turn, id);
        true
    }

    /// Rings where the telephone wants to be rung instead (3xx); false if that
    /// is nowhere, or too often.
    fn ring_elsewhere(&mut self, turn: &mut Turn<'_>, id: ChannelId) -> bool {
        let most = turn.exchange.limits.legs_per_call;
        let Some(originating) = &mut self.originating else {
            return false;
        };
        originating.forwarded += 1;
        let refused = self.refused.take();
        let refused = refused.filter(|refused| refused.channel == id);
        let Some(forward) = refused.and_then(|refused| refused.forward) else {
            return false;
        };
        if originating.forwarded >= most {
            return false;
        }
        match forward.to.split_once('/') {
            Some((tech, resource)) => self.ring(turn, tech, resource),
            None => self.ring(
                turn,
                "Local",
                &format!("{}@{}", forward.to, forward.context),
            ),
        }
    }

    /// Whether there is a caller, or has been.
    pub(super) fn has_caller(&self) -> bool {
        self.originating.is_none()
    }

    /// What the telephone does that is being rung. False if this call has a
    /// caller, whose plan is to hear of it.
    pub(super) fn originating_heard(
        &mut self,
        turn: &mut Turn<'_>,
        id: ChannelId,
        event: ChannelEvent,
    ) -> bool {
        if self.has_caller() {
            return false;
        }
        match event {
            ChannelEvent::Failed(Failure::Forwarded(_)) if self.ring_elsewhere(turn, id) => {}
            ChannelEvent::Ringing => {
                if let Some(originating) = &mut self.originating {
                    originating.rang = true;
                }
            }
            ChannelEvent::Proceeding | ChannelEvent::Progress | ChannelEvent::Returned => {}
            ChannelEvent::Answered => self.take_for_caller(turn),
            ChannelEvent::Failed(failure) => {
                let (outcome, cause) = outcome_of(failure);
                self.give_up(turn, outcome, cause);
            }
            ChannelEvent::Hangup(cause) => self.give_up(turn, Originated::Hangup, cause),
        }
        true
    }

    /// Gives up a telephone that has rung long enough.
    pub(super) fn originating_waited(&mut self, turn: &mut Turn<'_>) {
        let Some(originating) = &self.originating else {
            return;
        };
        if originating.until <= turn.now {
            let outcome = match originating.rang {
                true => Originated::Ringing,
                false => Originated::Failed,
            };
            self.give_up(turn, outcome, Cause::NO_ANSWER);
        }
    }

    fn give_up(&mut self, turn: &mut Turn<'_>, outcome: Originated, cause: Cause) {
        self.not_originated(turn, outcome);
        self.hang_up(turn, cause);
    }

    /// A call that has no caller yet will have none: whoever waits for it is told.
    pub(super) fn not_originated(&mut self, turn: &mut Turn<'_>, outcome: Originated) {
        if let Some(originating) = self.originating.take() {
            tell(turn, originating.asker, outcome);
        }
    }

    /// Makes the telephone that has answered the caller, and starts its plan.
    fn take_for_caller(&mut self, turn: &mut Turn<'_>) {
        let Some(originating) = &self.originating else {
            return;
        };
        let requested = originating.channel;
        let real = self.behind(requested);
        let Some(index) = self.answered_of(real) else {
            return;
        };
        let Some(originating) = self.originating.take() else {
            return;
        };
        let Originating {
            origination, asker, ..
        } = *originating;
        self.answer_with_silence(turn, real, index);
        self.seat(turn, index);
        let mut first = self.take_channels(turn, requested, real);
        self.lease = first.lease.take();
        let identity = own_identity(&first);
        if self.caller.number.is_empty() {
            self.caller = identity;
        }
        self.answered_at = Some(turn.now);
        turn.exchange.counters.calls_answered += 1;
        let mut cursor = self.cursor_of(turn, &origination);
        self.keep_ledger(turn, &mut cursor);
        self.own = Run::of(cursor);
        tell(turn, asker, Originated::Success);
        self.start(turn);
    }

    /// Acknowledges the 2xx of a channel, of this turn or held, with an answer to
    /// its offer that takes no media. One that needs no ACK any more gets none.
    pub(super) fn answer_with_silence(&mut self, turn: &mut Turn<'_>, id: ChannelId, index: u16) {
        let held = self.channel_mut(id).and_then(|channel| {
            let more = channel.more.as_mut()?;
            more.held.take()
        });
        let (content_type, offer) = match &held {
            Some(held) => (held.body.content_type.as_bytes(), &*held.body.bytes),
            None => body_of(turn),
        };
        let silence = black_hole::answer(content_type, offer);
        self.acknowledge_with(turn, index, b"application/sdp", &silence);
    }

    /// Puts a leg into the caller's place.
    pub(super) fn seat(&mut self, turn: &mut Turn<'_>, index: u16) {
        self.legs.swap(0, usize::from(index));
        let owner = LegRef {
            call: self.handle,
            leg: 0,
        };
        let Some(leg) = self.legs.first_mut() else {
            return;
        };
        leg.stop_ringing(&mut turn.exchange.ringing);
        let (call_id, tag) = (leg.dialog.call_id(), leg.dialog.local_tag());
        turn.exchange.dialogs.insert(call_id, tag, owner);
        let answered = leg.answered.iter().map(|&(_, server)| server);
        for transaction in leg.invite.into_iter().chain(answered) {
            let owner = Owner::Leg(owner);
            turn.exchange.transactions.set_owner(transaction, owner);
        }
    }

    /// Takes the telephone's channel away, and the Local channels on the way to
    /// it: it is the caller's now.
    fn take_channels(
        &mut self,
        turn: &mut Turn<'_>,
        requested: ChannelId,
        real: ChannelId,
    ) -> Channel {
        let mut way: SmallVec<[ChannelId; 2]> = smallvec![requested];
        while let Some(&last) = way.last().filter(|&&last| last != real) {
            let far = self.channel(last).and_then(|channel| channel.local()?.far);
            let Some(far) = far else { break };
            way.push(far);
        }
        let mut taken: SmallVec<[Channel; 2]> = SmallVec::new();
        for id in way {
            if let Some(position) = self.channels.iter().position(|channel| channel.id == id) {
                taken.push(self.channels.swap_remove(position));
            }
        }
        // Nobody is behind these any more: their plans end.
        for channel in &taken {
            if let Some(run) = channel.local().and_then(|ends| ends.run) {
                self.channel_left(turn, run);
            }
        }
        taken
            .pop()
            .unwrap_or_else(|| Channel::to(Default::default()))
    }

    fn cursor_of(&self, turn: &Turn<'_>, origination: &Origination) -> Cursor {
        let (number, name) = (self.caller.number.lossy(), self.caller.name.lossy());
        let (plan, limits) = (Arc::clone(&self.plan), &turn.exchange.limits);
        let place = |context, exten| Place {
            context,
            exten,
            caller: &number,
            time: turn.exchange.unix(turn.now),
        };
        let mut cursor = match &origination.goal {
            Goal::Plan {
                context,
                exten,
                priority,
            } => Cursor::new(plan, place(context, exten), &name, limits).at(*priority),
            Goal::App {
                name: app,
                arguments,
            } => {
                // No context has this name: the application is all there is.
                let cursor = Cursor::new(plan, place("", "s"), &name, limits);
                cursor.running(app, arguments)
            }
        };
        set_all(cursor.variables_mut(), &origination.variables);
        cursor
    }
}

fn set_all(variables: &mut Variables, wanted: &[(Box<str>, Box<str>)]) {
    for (name, value) in wanted {
        // A full table of variables keeps what it has, as a plan's Set does.
        let _ = variables.set(name, value);
    }
}

/// Tells a plan that waits what has become of the telephone it wanted rung.
fn tell(turn: &mut Turn<'_>, asker: Option<(Handle, Ticket)>, outcome: Originated) {
    if let Some((call, ticket)) = asker {
        let reply = Reply::Text(outcome.as_str().into());
        turn.exchange.replies.push((call, ticket, reply));
    }
}

fn outcome_of(failure: Failure) -> (Originated, Cause) {
    match failure {
        Failure::Busy(cause) => (Originated::Busy, cause),
        Failure::Congestion(cause) => (Originated::Congestion, cause),
        Failure::Hangup(cause) => (Originated::Hangup, cause),
        Failure::Unavailable(cause) | Failure::Forwarded(cause) => (Originated::Failed, cause),
    }
}
