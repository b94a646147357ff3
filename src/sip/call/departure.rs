//! A callee that goes on in the plan without its caller (`F` and `G` of `Dial`,
//! `ChannelRedirect`): it leaves the call that has rung it, and is the caller of
//! one of its own from then on.
//!
//! What is the channel's goes along: its leg as it stands, its name, its
//! variables, its place in a call limit, its groups and locks. What it has
//! offered and nobody has answered is answered by silence (RFC 3725 §4.3). The
//! shard enters its call once the turn is over that it leaves in; whoever its
//! plan dials then is told to it as to any caller who was answered before.

use alloc::sync::Arc;

use smol_str::SmolStr;

use super::apart::own_identity;
use super::call::{Call, Caller};
use super::exchange::{Exchange, Turn};
use super::functions::Told;
use super::leg::Leg;
use super::outbound::Held;
use super::run::Run;
use crate::base::{Handle, Instant, Level, Text, UnixTime};
use crate::dialplan::{Cause, ChannelId, Cursor, Place, Seek, Variables};
use crate::machine::What;

/// What a caller's channel has from the call that it has left.
pub(super) struct Former {
    /// Its name.
    pub(super) name: SmolStr,
    /// The number of that call, in its name.
    pub(super) number: u32,
    /// `LINKEDID`: when the first call of them all began, and the number of its
    /// caller's channel.
    pub(super) linked: (UnixTime, u64),
    /// Since when there is it.
    pub(super) born: Instant,
}

impl Call {
    /// Lets an answered channel leave and go on in the plan at a place, out of
    /// the routine it is in if it is in one; for a Local channel, which ends, who
    /// has answered behind it. False, and nothing done, where it cannot.
    pub(super) fn go_on(
        &mut self,
        turn: &mut Turn<'_>,
        id: ChannelId,
        (context, exten, priority): (&str, &str, u32),
    ) -> bool {
        let real = self.behind(id);
        let plan = Arc::clone(&self.plan);
        let (Some(index), Some(channel)) = (self.answered_of(real), self.channel(real)) else {
            return false;
        };
        if self.is_doomed(id) || self.is_doomed(real) {
            return false;
        }
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
        if self.awaits_callers_answer(real, index) {
            return false;
        }
        if !turn.exchange.has_room() {
            turn.exchange.counters.calls_refused += 1;
            self.note(turn, Level::Warn, "no-room-to-go-on", || {
                format!("there is no room for another call: no callee goes on at {context},{exten}")
            });
            return false;
        }
        let mut cursor = Cursor::new(plan, place, "", &turn.exchange.limits).at(priority);
        *cursor.variables_mut() = self.take_variables(real);
        self.hold_offer(real, index);
        self.part(turn, real);
        self.note_ended(turn.now, real);
        self.answer_with_silence(turn, real, index);
        turn.record(What::Onward(index));
        self.depart(turn, real, index, (cursor, caller));
        if id != real {
            self.hang_up_channel(turn, id, Cause::NORMAL_CLEARING);
        }
        true
    }

    /// Whether a channel is about to be hung up.
    fn is_doomed(&self, id: ChannelId) -> bool {
        let more = self.channel(id).and_then(|channel| channel.more.as_ref());
        more.is_some_and(|more| more.doomed)
    }

    /// Whether the answer to what a callee's 2xx has offered is to come with the
    /// caller's ACK: nobody else can give it.
    fn awaits_callers_answer(&self, id: ChannelId, index: u16) -> bool {
        let owed = self.leg(index).is_some_and(|leg| leg.ack_owed.is_some());
        let more = self.channel(id).and_then(|channel| channel.more.as_ref());
        let held = more.is_some_and(|more| more.held.is_some());
        owed && !held && self.reoffer.is_none()
    }

    /// The variables of a channel: those of the routine it is in, which ends.
    fn take_variables(&mut self, id: ChannelId) -> Variables {
        let more = self.channel_mut(id).and_then(|it| it.more.as_mut());
        let Some(more) = more else {
            return Variables::default();
        };
        match more.run.take() {
            None => core::mem::take(&mut more.variables),
            Some(run) => {
                let routine = self.other_mut(run);
                let variables = routine.map(|routine| routine.take_variables());
                self.forget_run(run);
                variables.unwrap_or_default()
            }
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

    /// Takes a channel and its leg out, and has the shard enter the call they are
    /// from now on.
    fn depart(
        &mut self,
        turn: &mut Turn<'_>,
        id: ChannelId,
        index: u16,
        (mut cursor, caller): (Cursor, Caller),
    ) {
        let position = self.channels.iter().position(|channel| channel.id == id);
        let leg = self.legs.get_mut(usize::from(index));
        let (Some(position), Some(leg)) = (position, leg) else {
            return;
        };
        if self.current == Some(index) {
            // What the response being handled says is no word of this call's.
            self.current = None;
        }
        let nobody = Leg::of_nobody(leg.dialog.flow);
        let mut leg = core::mem::replace(leg, nobody);
        leg.channel = ChannelId(0);
        let mut channel = self.channels.swap_remove(position);
        let name = channel.name(self.number);
        if let Some(mut more) = channel.more.take_if(|more| more.runs_h) {
            more.variables = cursor.variables().clone();
            self.forget_more(turn, &channel, &more);
        }
        let mut call = Call::of(turn.now, turn.exchange, leg, caller);
        call.plan = Arc::clone(&self.plan);
        call.unique = (self.unique.0, channel.serial);
        call.told = Told::without_invite(&self.plan);
        call.from_node = self.from_node;
        call.lease = channel.lease;
        call.holdings = self.take_along(id, &name);
        call.answered_at = Some(turn.now);
        call.former = Some(Box::new(Former {
            name,
            number: self.number,
            linked: self.linked(),
            born: channel.born,
        }));
        call.keep_ledger(turn, &mut cursor);
        call.own = Run::of(cursor);
        turn.exchange.calls += 1;
        turn.exchange.departures.push_back(call);
    }

    /// The first turn of the call of a channel that has left another: what comes
    /// for its leg is this call's, and its plan starts.
    pub fn begin_apart(&mut self, turn: &mut Turn<'_>, handle: Handle) {
        self.begin(turn, handle);
        turn.exchange.counters.calls_answered += 1;
        turn.record(What::Onward(0));
        self.seat(turn, 0);
        if let Some(former) = &self.former {
            turn.exchange.departed.insert((former.number, handle));
        }
        self.start(turn);
    }

    /// What its channels have in common in `LINKEDID`.
    pub(super) fn linked(&self) -> (UnixTime, u64) {
        let former = self.former.as_ref();
        former.map_or(self.unique, |former| former.linked)
    }
}

impl Exchange {
    /// Whether there may be another call.
    pub fn has_room(&self) -> bool {
        self.calls < self.limits.calls
    }

    /// The calls of channels that have left the call of that number.
    pub fn departed_from(&self, number: u32) -> impl Iterator<Item = Handle> {
        let first = Handle {
            slot: 0,
            generation: 0,
        };
        let departed = self.departed.range((number, first)..);
        let same = departed.take_while(move |(from, _)| *from == number);
        same.map(|&(_, handle)| handle)
    }
}
