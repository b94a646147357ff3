//! How a call ends: every leg by what it waits for, and nothing left behind.

use core::time::Duration;

use smallvec::SmallVec;

use super::call::Call;
use super::exchange::{Alarm, Outgoing, Owner, Turn};
use super::leg::LegState;
use super::reason::write_cause;
use super::resume::Resume;
use super::run::RunId;
use crate::base::{Level, Text};
use crate::dialog::Role;
use crate::dialplan::{Cause, ChannelEvent, ChannelId, Originated};
use crate::machine::{Lease, Question, Way, What};
use crate::transaction::TransactionId;
use crate::wire::{Method, Status};

/// How soon a BYE that found no room is tried again.
const BYE_RETRY: Duration = Duration::from_millis(500);

impl Call {
    /// Ends the call: every leg by what it is waiting for.
    pub(super) fn hang_up(&mut self, turn: &mut Turn<'_>, cause: Cause) {
        turn.record(What::Ended(cause));
        self.not_originated(turn, Originated::Failed);
        let mut stopped = self.stop_plan();
        self.bridge = None;
        self.drop_relays(turn);
        let channels: SmallVec<[_; 4]> = self
            .channels
            .iter()
            .map(|channel| (channel.id, channel.tech))
            .collect();
        for (channel, tech) in channels {
            tech.hangup(self, turn, channel, cause, false);
        }
        for index in 1..self.legs.len() as u16 {
            self.drop_leg(turn, index, cause, false);
        }
        match self.legs.first().map(|leg| leg.state) {
            Some(LegState::Inviting) => {
                self.final_response(turn, Status::SERVER_INTERNAL_ERROR, None, cause);
                self.close(turn);
            }
            Some(LegState::Unacknowledged) => self.ending = Some(cause),
            Some(LegState::Confirmed) => {
                self.bye(turn, 0, cause);
                self.close(turn);
            }
            Some(LegState::Ended) | None => self.close(turn),
        }
        if let Some(cursor) = &mut stopped {
            self.settle(turn, RunId::CALLER, cursor, true);
        }
        self.deliver(turn);
    }

    /// Ends the bridge if the caller is joined to that channel, whose own ACK the
    /// caller's 2xx waits for in vain then.
    pub(super) fn part(&mut self, turn: &mut Turn<'_>, channel: ChannelId) {
        let joined = self.bridge.and_then(|index| self.leg(index));
        if joined.is_some_and(|leg| leg.channel == channel) {
            self.bridge = None;
            self.drop_relays(turn);
            self.acknowledge_owed(turn, 0);
        }
    }

    /// The caller acknowledged its 2xx, or never will.
    pub(super) fn acknowledged(&mut self, turn: &mut Turn<'_>) {
        if let Some(leg) = self.legs.first_mut()
            && leg.state == LegState::Unacknowledged
        {
            leg.state = LegState::Confirmed;
        }
        if let Some(cause) = self.ending.take() {
            self.bye(turn, 0, cause);
            self.close(turn);
        }
    }

    /// Nobody acknowledged a 2xx of ours for 64·T1: the session ends (RFC 3261
    /// §13.3.1.4).
    pub fn unacknowledged(&mut self, turn: &mut Turn<'_>, leg: u16, server: TransactionId) {
        let Some(answered) = self.leg_mut(leg).map(|leg| &mut leg.answered) else {
            return;
        };
        let before = answered.len();
        answered.retain(|(_, waiting)| *waiting != server);
        if answered.len() == before {
            return;
        }
        if self.awaits_picker(leg) {
            self.picker_silent(turn, leg);
            return;
        }
        self.note(turn, Level::Warn, "unacknowledged", || {
            "a 2xx was never acknowledged; the call ends".into()
        });
        if leg == 0 {
            self.acknowledged(turn);
        }
        if !self.is_closed() {
            self.dialog_lost(turn, leg, Cause::NO_USER_RESPONSE);
            self.deliver(turn);
        }
    }

    /// The remote of a leg is not there any more (§12.2.1.2), or of no use: it counts
    /// as hung up.
    pub(super) fn dialog_lost(&mut self, turn: &mut Turn<'_>, index: u16, cause: Cause) {
        let leg = self.leg(index).filter(|_| index > 0);
        match leg.map(|leg| leg.channel) {
            Some(channel) => {
                self.report(channel, ChannelEvent::Hangup(cause));
                self.hang_up_channel(turn, channel, cause);
            }
            None => self.caller_left(turn, cause),
        }
    }

    /// Ends a leg that stands: ACK for a 2xx that still waits for one, BYE.
    pub(super) fn bye(&mut self, turn: &mut Turn<'_>, index: u16, cause: Cause) {
        self.leave(turn, index);
        if let Some(leg) = self.leg_mut(index).filter(|leg| leg.is_up()) {
            leg.state = LegState::Ended;
            leg.bye_owed = Some(cause);
            self.send_bye(turn, index);
        }
    }

    /// Settles what INVITEs have left open on a leg that ends: their 2xx of
    /// either direction needs its ACK (§13.2.2.4), or no further copy of it.
    fn leave(&mut self, turn: &mut Turn<'_>, index: u16) {
        self.acknowledge_owed(turn, index);
        self.leave_offer(turn, index);
        if let Some(leg) = self.leg_mut(index) {
            leg.bye_owed = None;
            for (_, server) in leg.answered.drain(..) {
                turn.exchange.transactions.acknowledge(server);
            }
        }
    }

    /// Sends the BYE a leg is owed. One that finds the table full is owed
    /// until there is room: nobody stays connected to nothing.
    pub fn send_bye(&mut self, turn: &mut Turn<'_>, index: u16) {
        let call = self.handle;
        let Some(leg) = self.leg_mut(index) else {
            return;
        };
        let Some(cause) = leg.bye_owed else { return };
        let timers = turn.exchange.timers(leg.peer.as_deref());
        let cseq = leg.dialog.next_cseq();
        let device = turn.exchange.config.general.device(leg.peer.as_deref());
        let (max_forwards, q850) = (device.maxforwards, device.use_q850_reason);
        let request = Outgoing {
            dialog: &leg.dialog,
            method: Method::Bye,
            cseq,
            max_forwards,
            timers,
            owner: Owner::Nobody,
        };
        let sent = turn.request(request, |mut writer| {
            write_cause(&mut writer, cause, q850);
            writer.end();
        });
        match sent {
            Some(_) => {
                leg.bye_owed = None;
                turn.record_request(Way::Out, index, Method::Bye, cseq);
            }
            None => {
                let alarm = Alarm::Bye { call, leg: index };
                turn.exchange.alarms.set(turn.now, BYE_RETRY, alarm);
            }
        }
    }

    /// Forgets the caller's dialogs and gives its place back.
    fn close(&mut self, turn: &mut Turn<'_>) {
        if core::mem::replace(&mut self.closed, true) {
            return;
        }
        turn.exchange.counters.calls_ended += 1;
        // A caller whom the engine has rung may repeat its 2xx.
        self.settle_leg(turn, 0);
        if let Some(leg) = self.legs.first_mut() {
            leg.state = LegState::Ended;
            let call_id = leg.dialog.call_id();
            let local_tag = leg.dialog.local_tag();
            turn.exchange.dialogs.remove(call_id, local_tag);
            for tag in &self.caller_tags {
                turn.exchange.dialogs.remove(call_id, tag);
            }
            if let Some(former) = &self.former {
                turn.exchange.departed.remove(&(former.number, self.handle));
                if leg.dialog.role == Role::Uas {
                    turn.exchange.tell_home(call_id, false);
                }
            }
        }
        give_back(turn, self.lease.take());
    }

    /// The remote's BYE: the other side is told, unless its plan goes on (`g`).
    pub(super) fn hung_up_by(&mut self, turn: &mut Turn<'_>, index: u16, cause: Cause) {
        self.leave(turn, index);
        let Some(leg) = self.leg_mut(index) else {
            return;
        };
        leg.state = LegState::Ended;
        if index == 0 {
            self.caller_left(turn, Cause::NORMAL_CLEARING);
            return;
        }
        let channel = leg.channel;
        self.settle_leg(turn, index);
        self.forget_leg(turn, index);
        self.part(turn, channel);
        self.report(channel, ChannelEvent::Hangup(cause));
        self.forget_channel(turn, channel);
        self.deliver(turn);
    }

    /// Takes a callee's leg out of the dialog table.
    pub(super) fn forget_leg(&mut self, turn: &mut Turn<'_>, index: u16) {
        if let Some(leg) = self.leg_mut(index) {
            leg.state = LegState::Ended;
            leg.stop_ringing(&mut turn.exchange.ringing);
            let (call_id, tag) = (leg.dialog.call_id(), leg.dialog.local_tag());
            let was_known = turn.exchange.dialogs.remove(call_id, tag);
            if was_known && leg.dialog.role == Role::Uas {
                turn.exchange.tell_home(call_id, false);
            }
        }
    }

    /// Takes a channel away and gives its place back.
    pub(super) fn forget_channel(&mut self, turn: &mut Turn<'_>, id: ChannelId) {
        if let Some(position) = self.channels.iter().position(|channel| channel.id == id) {
            self.note_ended(turn.now, id);
            self.keep_names(id);
            let channel = self.channels.swap_remove(position);
            if let Some(more) = &channel.more {
                self.forget_more(turn, &channel, more);
            }
            give_back(turn, channel.lease);
            self.give_back_of(turn, id);
        }
    }
}

/// Gives a place in a call limit back.
pub(super) fn give_back(turn: &mut Turn<'_>, lease: Option<Box<(Text, Lease)>>) {
    if let Some((peer, lease)) = lease.map(|lease| *lease) {
        turn.ask(Question::Release { peer, lease }, Resume::Release);
    }
}
