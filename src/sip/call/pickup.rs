//! A call that rings is answered by a telephone that has called somebody else
//! (`Pickup`): whose leg, moved here from its own call, takes the place of the
//! legs that ring.
//!
//! Two offers do not answer each other. The picker's is answered by silence (RFC
//! 3725 §4.3), and once it has acknowledged that, it is offered what the caller
//! offers: what it answers goes to the caller as any callee's answer does. A
//! picker who offered nothing is offered the caller's at once.

use super::black_hole;
use super::call::{ALLOW, Call, body_of, end_with};
use super::ending::give_back;
use super::exchange::{Alarm, Exchange, LegRef, Owner, Responding, Turn};
use super::leg::{Early, Leg, LegState};
use super::outbound::Channel;
use super::picker::{PickUp, Picker};
use super::resume::{Ask, Resume};
use super::run::{Role as RunRole, RunId};
use super::sip::Destination;
use super::within::MOST_GLARES;
use crate::base::{Instant, Text, shard_of};
use crate::dialog::Role;
use crate::dialplan::{Cause, ChannelId, Cursor, Failure, Pick};
use crate::machine::{Question, Way};
use crate::transaction::TransactionId;
use crate::wire::{HeaderName, Message, Method, Status};

/// The variable that marks a channel for those who would pick it up.
const MARK: &str = "PICKUPMARK";

/// What rings.
impl Call {
    /// The channel that rings longest of those that are wanted, and since when
    /// there is it.
    pub fn rings(&self, wanted: &PickUp) -> Option<(Instant, ChannelId)> {
        let over = self.is_closed() || self.ending.is_some() || !self.has_caller();
        if self.channels.is_empty() || over {
            return None;
        }
        let meant = self
            .channels
            .iter()
            .filter(|channel| self.ringing_leg(channel.id).is_some())
            .filter(|channel| self.is_wanted(channel, wanted));
        meant
            .map(|channel| (channel.born, channel.id))
            .min_by_key(|&(born, _)| born)
    }

    /// A leg of a channel that nobody has answered.
    fn ringing_leg(&self, id: ChannelId) -> Option<u16> {
        if self.answered_of(id).is_some() {
            return None;
        }
        let mut callees = self.legs.iter().skip(1);
        let position = callees.position(|leg| leg.rings_for(id))?;
        u16::try_from(position + 1).ok()
    }

    fn is_wanted(&self, channel: &Channel, wanted: &PickUp) -> bool {
        if let Pick::Group { .. } = wanted.pick {
            let device = channel.destination.peer.as_deref();
            let groups = device.and_then(|device| device.pickup_groups.as_ref());
            return groups.is_some_and(|groups| groups.call.meet(&wanted.groups));
        }
        // A Local channel is what the channel behind it rings for.
        let ahead = |channel: &&Channel| {
            let run = self.other(channel.run)?;
            (run.role == RunRole::Local).then(|| self.channel(run.channel))?
        };
        core::iter::successors(Some(channel), ahead)
            .take(self.channels.len())
            .any(|channel| self.is_called(channel, &wanted.pick))
    }

    fn is_called(&self, channel: &Channel, pick: &Pick) -> bool {
        match pick {
            Pick::Exten { exten, context } => self.cursor_at(channel.run).is_some_and(|cursor| {
                let (at_context, at_exten) = cursor.outermost();
                at_context.eq_ignore_ascii_case(context) && at_exten.eq_ignore_ascii_case(exten)
            }),
            Pick::Marked(mark) => self
                .mark_of(channel)
                .is_some_and(|is| is.eq_ignore_ascii_case(mark)),
            Pick::Channel(start) => {
                let name = channel.name(self.number);
                let begins = name.get(..start.len());
                begins.is_some_and(|begins| begins.eq_ignore_ascii_case(start))
            }
            Pick::Group { .. } => false,
        }
    }

    fn cursor_at(&self, run: RunId) -> Option<&Cursor> {
        match run {
            RunId::CALLER => self.own_cursor(),
            run => self.other(run)?.cursor(),
        }
    }

    /// A channel's own mark; that of a Local one is known to the plan behind it.
    fn mark_of<'c>(&'c self, channel: &'c Channel) -> Option<&'c str> {
        let own = channel
            .more
            .as_ref()
            .and_then(|more| more.variables.value(MARK));
        own.or_else(|| {
            let behind = self.other(channel.local()?.run?)?;
            behind.cursor()?.variables().value(MARK)
        })
    }
}

/// How it is answered.
impl Call {
    /// Takes a picker's leg into the place of those that a channel rings. Its
    /// INVITE has the transaction `server`.
    pub fn pick_up(
        &mut self,
        turn: &mut Turn<'_>,
        id: ChannelId,
        picker: &Picker,
        server: TransactionId,
    ) {
        let Some(index) = self.ringing_leg(id) else {
            return;
        };
        self.drop_ringing(turn, id, true);
        let caller_tag = self.caller_tag(turn);
        let mut leg = Leg::new(picker.dialog.clone(), picker.peer.clone(), id);
        leg.state = LegState::Unacknowledged;
        leg.answered.push((leg.invite_cseq, server));
        let remote_tag = Text::from(leg.dialog.remote_tag());
        leg.ringing_in(&mut turn.exchange.ringing)
            .early
            .push(Early {
                remote_tag,
                caller_tag,
            });
        let owner = LegRef {
            call: self.handle,
            leg: index,
        };
        let exchange = &mut *turn.exchange;
        let (call_id, local_tag) = (leg.dialog.call_id(), leg.dialog.local_tag());
        exchange.dialogs.insert(call_id, local_tag, owner);
        exchange.transactions.set_owner(server, Owner::Leg(owner));
        exchange.counters.calls_picked_up += 1;
        if let Some(place) = self.leg_mut(index) {
            *place = leg;
        }
        self.lead_to(turn, id, picker);
        self.note_rung(turn, id, Some(index));
        self.accept_picker(turn, index, picker, server);
    }

    /// The channel leads to the picker from now on, and counts as its call.
    fn lead_to(&mut self, turn: &mut Turn<'_>, id: ChannelId, picker: &Picker) {
        let handle = self.handle;
        let Some(channel) = self.channel_mut(id) else {
            return;
        };
        let guest = picker.peer.is_none();
        channel.destination = Destination {
            peer: picker.peer.clone(),
            address: guest.then(|| Box::new(picker.dialog.flow.remote)),
            ..Destination::default()
        };
        channel.open_legs = 1;
        channel.failure = None;
        let before = channel.lease.take();
        let peer = picker.peer.as_ref();
        if let Some(peer) = peer.filter(|peer| peer.most_calls().is_some()) {
            // It has had a place as a caller, and is not refused this one.
            let place = turn.ask_for_place(peer, u32::MAX, Resume::Counted(handle));
            channel.lease = Some(place);
        }
        give_back(turn, before);
    }

    /// Sends a picker the 2xx to its INVITE.
    fn accept_picker(
        &mut self,
        turn: &mut Turn<'_>,
        index: u16,
        picker: &Picker,
        server: TransactionId,
    ) {
        let silence = picker.silence.as_deref();
        let offers = silence.is_none() && self.has_offer();
        if let Some(leg) = self.leg_mut(index) {
            leg.ringing_in(&mut turn.exchange.ringing).offered = offers;
        }
        let (content_type, body) = match &self.unanswered {
            Some(invite) if offers => (
                invite.body.content_type.as_bytes(),
                invite.body.bytes.as_slice(),
            ),
            _ => (
                &b"application/sdp"[..],
                silence.unwrap_or(black_hole::OFFER),
            ),
        };
        let dialog = &picker.dialog;
        let response = Responding {
            server,
            head: &picker.head,
            status: Status::OK,
            reason: None,
            tag: dialog.local_tag(),
        };
        turn.exchange
            .respond(turn.now, turn.out, response, |mut writer| {
                dialog.write_contact(&mut writer);
                writer.own(HeaderName::Allow, &[ALLOW]);
                end_with(writer, content_type, body);
            });
        let cseq = dialog.remote_cseq.unwrap_or(0);
        turn.record_response(Way::Out, index, Status::OK, (Method::Invite, cseq));
    }

    /// A picker has acknowledged its 2xx: it is offered what the caller offers,
    /// unless its 2xx made that offer and the ACK answers it.
    pub(super) fn picker_acknowledged(&mut self, turn: &mut Turn<'_>, index: u16) {
        if !self.confirm_picker(turn, index) {
            return;
        }
        let leg = self.leg(index);
        let ringing = leg.and_then(|leg| leg.ringing.as_ref());
        let offered = ringing.is_some_and(|ringing| ringing.offered);
        let (_, answer) = body_of(turn);
        match offered && !answer.is_empty() {
            true => self.picker_answered(turn, index),
            false => self.offer_to_picker(turn, index),
        }
        self.deliver(turn);
    }

    /// A picker never acknowledged its 2xx.
    pub(super) fn picker_silent(&mut self, turn: &mut Turn<'_>, index: u16) {
        if self.confirm_picker(turn, index) {
            self.lose_picker(turn, index, Status::REQUEST_TIMEOUT);
        }
        self.deliver(turn);
    }

    /// Whether a leg is a picker's whose 2xx waits for its ACK.
    pub(super) fn awaits_picker(&self, index: u16) -> bool {
        let leg = self.leg(index).filter(|_| index > 0);
        leg.is_some_and(|leg| leg.state == LegState::Unacknowledged)
    }

    /// Whether a picker is being set up still: its channel rings for whoever has
    /// dialled it.
    pub(super) fn is_joining(&self, index: u16) -> bool {
        let leg = self.leg(index).filter(|_| index > 0);
        leg.is_some_and(|leg| leg.dialog.role == Role::Uas && leg.ringing.is_some())
    }

    /// A picker's dialog stands; false if it is over, as nobody waits for it any
    /// more: it may be sent its BYE now (RFC 3261 §15).
    fn confirm_picker(&mut self, turn: &mut Turn<'_>, index: u16) -> bool {
        if !self.awaits_picker(index) {
            return false;
        }
        let Some(leg) = self.leg_mut(index) else {
            return false;
        };
        leg.state = LegState::Confirmed;
        let Some(cause) = leg.bye_owed.take() else {
            return true;
        };
        self.bye(turn, index, cause);
        self.forget_leg(turn, index);
        false
    }

    /// Sends a picker the caller's offer, or asks it for one where the caller has
    /// none to be answered.
    fn offer_to_picker(&mut self, turn: &mut Turn<'_>, index: u16) {
        let max_forwards = self.max_forwards.min(self.device(turn, index).maxforwards);
        let invite = self.unanswered.take();
        let body = match &invite {
            Some(invite) => (invite.body.content_type.as_bytes(), &*invite.body.bytes),
            None => (&b""[..], &b""[..]),
        };
        let sent = self.send_within(turn, index, Method::Invite, max_forwards, body);
        self.unanswered = invite;
        if let Some(leg) = self.leg_mut(index) {
            leg.invite = sent;
        }
        if sent.is_none() {
            self.lose_picker(turn, index, Status::SERVICE_UNAVAILABLE);
        }
    }

    /// Whether that transaction offers a picker what the caller offers.
    pub(super) fn is_offered_to_picker(&self, index: u16, client: TransactionId) -> bool {
        let leg = self.leg(index).filter(|_| index > 0);
        leg.is_some_and(|leg| leg.dialog.role == Role::Uas && leg.invite == Some(client))
    }

    /// A picker responds to the caller's offer.
    pub(super) fn picker_responded(
        &mut self,
        turn: &mut Turn<'_>,
        index: u16,
        response: &Message<'_>,
        status: Status,
    ) {
        if status.is_provisional() {
            return;
        }
        let call = self.handle;
        let Some(leg) = self.leg_mut(index) else {
            return;
        };
        leg.invite = None;
        if status.is_success() {
            leg.dialog.refresh_target(response, &turn.exchange.ways);
            self.owe_ack(turn, index);
            self.picker_answered(turn, index);
        } else if status == Status::REQUEST_PENDING && leg.attempts < MOST_GLARES {
            leg.attempts += 1;
            self.wait_after_glare(turn, index, Alarm::Offer { call, leg: index });
        } else {
            self.lose_picker(turn, index, status);
        }
    }

    /// Leaves an offer that a picker has not answered yet.
    pub(super) fn leave_offer(&mut self, turn: &mut Turn<'_>, index: u16) {
        let leg = self.leg(index).filter(|_| index > 0);
        let leg = leg.filter(|leg| leg.dialog.role == Role::Uas);
        if let Some(client) = leg.and_then(|leg| leg.invite) {
            self.abandon_invite(turn, client, index);
        }
    }

    /// The wait after a 491 is over.
    pub fn offer_again(&mut self, turn: &mut Turn<'_>, index: u16) {
        let waits = |leg: &Leg| {
            leg.dialog.role == Role::Uas
                && leg.state == LegState::Confirmed
                && leg.ringing.is_some()
                && leg.invite.is_none()
        };
        if self.leg(index).is_some_and(waits) {
            self.offer_to_picker(turn, index);
            self.deliver(turn);
        }
    }

    /// The picker's answer, or its offer where the caller has none, is the body
    /// of the message being handled: who rang the channel hears that it answers.
    fn picker_answered(&mut self, turn: &mut Turn<'_>, index: u16) {
        self.note_final(turn.now, index, Status::OK, 0);
        self.tell_answered(turn, index);
    }

    /// A picker cannot be talked to.
    pub(super) fn lose_picker(&mut self, turn: &mut Turn<'_>, index: u16, status: Status) {
        self.drop_leg(turn, index, Cause::NORMAL_CLEARING, false);
        self.note_final(turn.now, index, status, 0);
        self.lost_leg(turn, index, status, Failure::from_status(status));
    }
}

/// Where its dialog lives.
impl Call {
    /// The Call-IDs of pickers that are in this call.
    pub fn pickers(&self) -> impl Iterator<Item = &[u8]> {
        // A caller of its own accord is where its home is.
        let callers = usize::from(self.former.is_none());
        let legs = self.legs.iter().skip(callers);
        let theirs = |leg: &&Leg| leg.dialog.role == Role::Uas && leg.state != LegState::Ended;
        legs.filter(theirs).map(|leg| leg.dialog.call_id())
    }
}

impl Exchange {
    /// Tells the home of a picker's Call-ID, where that is another shard, whether
    /// its dialog lives here, or nowhere any more.
    pub fn tell_home(&mut self, call_id: &[u8], lives: bool) {
        let (here, to) = (self.shard, shard_of(call_id, self.shards));
        if to == here {
            return;
        }
        let question = Question::Lives {
            to,
            call_id: Text::from(call_id),
            on: lives.then_some(here),
        };
        let resume = Resume::Release;
        self.asks.push_back(Ask { question, resume });
    }
}
