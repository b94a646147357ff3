//! Callers who answer calls that ring elsewhere: finds such a call here, asks
//! other shards for one, and passes on what is for those who have moved.

use core::time::Duration;

use super::intake::call_id;
use super::moved::{Since, Way};
use super::pending::Asked;
use super::shard::Shard;
use crate::base::{Flow, Handle, Instant, Level, ShardId, shard_of};
use crate::call::{Alarm, Ask, Owner, PickUp, Resume};
use crate::dialplan::{ChannelId, Reply, Ticket};
use crate::machine::{Answer, Body, Envelope, Outbox};
use crate::transaction::Start;
use crate::wire::{Fields, Message};

/// How long copies of its messages may come after the end of a dialog: what
/// transactions last (64·T1) and T4.
const ECHO: Duration = Duration::from_secs(37);

impl Shard {
    /// Whether a call that rings here takes that leg for its callee's. `own` is
    /// the leg's own call, where that is here, too.
    pub(super) fn pick_up(
        &mut self,
        now: Instant,
        wanted: &PickUp,
        own: Option<Handle>,
        out: &mut Outbox,
    ) -> bool {
        let picker = &wanted.picker;
        let mut invite = Vec::new();
        picker.head.write_invite(&mut invite);
        let mut fields = Fields::new();
        let Ok(invite) = Message::parse(&invite, &mut fields) else {
            return false;
        };
        let identity = self.exchange.transactions.identify(&invite);
        if own.is_none() && self.exchange.transactions.knows(&identity) {
            // Asked once more: the answer was lost.
            return true;
        }
        let found = self.ringing(wanted, own).filter(|_| !identity.is_old());
        let Some((call, channel)) = found else {
            return false;
        };
        // What its own call parts with there makes room for the transaction below.
        if let Some(own) = own {
            self.with_call(now, None, own, out, |call, turn| call.moved(turn));
        }
        let start = Start {
            identity: &identity,
            flow: *picker.head.flow(),
            timers: self.exchange.timers(picker.peer.as_deref()),
            owner: Owner::Nobody,
        };
        let Ok(server) = self.exchange.transactions.open_server(now, start) else {
            return false;
        };
        self.with_call(now, None, call, out, |call, turn| {
            call.pick_up(turn, channel, picker, server);
        });
        true
    }

    /// The channel that rings longest here of those that are wanted.
    fn ringing(&self, wanted: &PickUp, own: Option<Handle>) -> Option<(Handle, ChannelId)> {
        let others = self.calls.iter().filter(|(call, _)| Some(*call) != own);
        let rings = others.filter_map(|(handle, call)| Some((call.rings(wanted)?, handle)));
        let ((_, channel), call) = rings.min_by_key(|((born, _), _)| *born)?;
        Some((call, channel))
    }

    /// Whether this is the home of a leg's Call-ID. Only from there it may move:
    /// the home alone knows the way of what is for it, and of one leg at a time.
    fn is_home_of(&self, wanted: &PickUp) -> bool {
        let call_id = wanted.picker.dialog.call_id();
        shard_of(call_id, self.exchange.shards) == self.exchange.shard
    }

    /// Puts the question whether a call here takes a leg of this very shard.
    pub(super) fn pick_up_here(
        &mut self,
        now: Instant,
        wanted: &PickUp,
        ask: Ask,
        out: &mut Outbox,
    ) {
        let own = ask.resume.call();
        if !self.is_home_of(wanted) || !self.pick_up(now, wanted, own, out) {
            let answer = Some(Answer::PickedUp(false));
            self.resume(now, Asked { ask, asked: now }, answer, out);
        }
    }

    /// Prepares to hold what comes while another shard is asked. False if there
    /// is no room, the Call-ID is that of a leg that has moved already, or this is
    /// not its home: the plan goes on.
    pub(super) fn offer(
        &mut self,
        now: Instant,
        wanted: &PickUp,
        resume: &Resume,
        out: &mut Outbox,
    ) -> bool {
        let dialog = &wanted.picker.dialog;
        let since = dialog.remote_cseq.unwrap_or(0);
        let offered = self.is_home_of(wanted) && self.moved.offer(dialog.call_id(), since);
        if !offered && let &Resume::PickUp(call, ticket) = resume {
            self.with_call(now, None, call, out, |call, turn| {
                call.stayed(turn, ticket, Reply::Text(String::new()));
            });
        }
        offered
    }

    /// Another shard was asked whether it takes the leg of a call, and has
    /// answered, or not in time.
    pub(super) fn picked_up(
        &mut self,
        now: Instant,
        (call, ticket): (Handle, Ticket),
        wanted: &PickUp,
        answer: Option<Answer>,
        out: &mut Outbox,
    ) {
        let reply = match answer {
            Some(Answer::PickedUp(true)) => None,
            Some(Answer::PickedUp(false)) => Some(Reply::Nothing),
            _ => Some(Reply::Text(String::new())),
        };
        let home = reply.is_none().then_some(wanted.to);
        let held = match wanted.to == self.exchange.shard {
            true => Vec::new(),
            false => self.moved.settle(wanted.picker.dialog.call_id(), home),
        };
        self.with_call(now, None, call, out, |call, turn| match reply {
            None => call.moved(turn),
            Some(reply) => call.stayed(turn, ticket, reply),
        });
        // What has moved is passed on from there.
        for (bytes, flow) in held {
            self.message(now, &bytes, flow, out);
        }
    }

    /// Passes a datagram on whose dialog has moved, or holds it while that is
    /// not known; false if it is for this shard.
    #[cold]
    pub(super) fn pass_on(&mut self, bytes: &[u8], flow: Flow, out: &mut Outbox) -> bool {
        let call_id = call_id(bytes);
        let Some(since) = self.moved.since(call_id) else {
            return false;
        };
        if self.stays(since, bytes) {
            return false;
        }
        match self.moved.way(call_id, bytes, flow) {
            Way::Here => return false,
            Way::Held => self.exchange.counters.held_back += 1,
            Way::To(shard) => self.hand_over(bytes.into(), flow, shard, out),
        }
        true
    }

    /// Whether a datagram is none of the dialog that has moved, though it bears
    /// its Call-ID: a late copy of a request from before its INVITE, another
    /// INVITE by that Call-ID, or what is of a transaction or a dialog here.
    fn stays(&self, Since { cseq, settled }: Since, bytes: &[u8]) -> bool {
        let mut fields = Fields::new();
        let Ok(message) = Message::parse(bytes, &mut fields) else {
            return false;
        };
        let transactions = &self.exchange.transactions;
        if !message.is_request() {
            return transactions.waits_for(&message);
        }
        let Ok(number) = message.cseq().map(|cseq| cseq.number) else {
            return false;
        };
        let tag = message.to().ok().and_then(|to| to.tag());
        // Where the number is not known, what opens a dialog may be a copy of
        // what has moved.
        let opens = tag.is_none() && cseq > 0 && number != cseq;
        if number < cseq || opens {
            return true;
        }
        // Until that is settled the dialog that may move is here, too.
        let dialog = || self.exchange.dialogs.find(message.call_id(), tag?);
        settled && (transactions.knows(&transactions.identify(&message)) || dialog().is_some())
    }

    /// Hands a datagram to the shard it is for.
    pub(super) fn hand_over(
        &mut self,
        bytes: Box<[u8]>,
        flow: Flow,
        to: ShardId,
        out: &mut Outbox,
    ) {
        self.exchange.counters.handed_off += 1;
        out.stopwatch.leave();
        out.forward(Envelope {
            from: self.exchange.shard,
            to,
            body: Body::Datagram { bytes, flow },
        });
    }

    /// Hears where a dialog lives whose home is here. `None`: it is to be told
    /// again, once that is settled.
    pub(super) fn hear_where(
        &mut self,
        now: Instant,
        call_id: &[u8],
        on: Option<ShardId>,
    ) -> Option<Answer> {
        let heard = match on {
            Some(shard) => self.moved.lives(call_id, shard),
            None => {
                let (heard, over) = self.moved.over(call_id);
                if let Some(key) = over {
                    self.exchange.alarms.set(now, ECHO, Alarm::Forget(key));
                }
                heard
            }
        };
        heard.then_some(Answer::Released)
    }

    /// A shard was replaced: it forgot its dialogs, and where those live whose
    /// home it is.
    pub(super) fn tell_of_pickers(&mut self, shard: ShardId, out: &mut Outbox) {
        self.moved.replaced(shard);
        let shards = self.exchange.shards;
        let mut told = 0;
        for (_, call) in self.calls.iter() {
            let theirs = |call_id: &&[u8]| shard_of(call_id, shards) == shard;
            for call_id in call.pickers().filter(theirs) {
                self.exchange.tell_home(call_id, true);
                told += 1;
            }
        }
        if told > 0 {
            out.note(Level::Info, "pickers-told", || {
                format!("shard {shard} was told of {told} dialogs that it is home to")
            });
        }
    }
}
