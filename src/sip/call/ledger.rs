//! The records of a call while it lasts: one for each channel that a plan rings.
//!
//! It is made where the records are to be written, and costs a call nothing
//! otherwise. A record is handed out once its channel is gone and the plan that
//! rang it has had its say.

use smallvec::SmallVec;
use smol_str::SmolStr;

use super::call::Call;
use super::exchange::{Exchange, Turn};
use super::run::RunId;
use crate::base::{Instant, Text};
use crate::dialplan::{Cause, ChannelEvent, ChannelId, Cursor, Failure, Fork, Origin, Said, Sheet};
use crate::machine::{Body, Cdr, CdrId, Disposition, Envelope, RECORDS};
use crate::transaction::TransactionId;
use crate::wire::Status;

/// The records of one call that have not been handed out.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    open: SmallVec<[Open; 1]>,
}

/// One of them.
#[derive(Debug)]
struct Open {
    cdr: Box<Cdr>,
    /// The run that rang the channel.
    run: RunId,
    channel: ChannelId,
    start: Instant,
    invited: Option<Instant>,
    joined: Option<Instant>,
    ended: Option<Instant>,
}

impl Ledger {
    /// The record of a channel that is still there.
    fn of(&mut self, channel: ChannelId) -> Option<&mut Open> {
        let is_it = |open: &&mut Open| open.channel == channel && open.ended.is_none();
        self.open.iter_mut().find(is_it)
    }
}

impl Open {
    /// What comes of the channel.
    fn hear(&mut self, event: ChannelEvent) {
        match event {
            ChannelEvent::Failed(failure) => {
                self.cdr.disposition = disposition_of(failure);
                self.cdr.cause = failure.cause();
            }
            ChannelEvent::Hangup(cause) => self.cdr.cause = cause,
            _ => {}
        }
    }

    /// Its channel is gone, or goes on without its caller.
    fn end(&mut self, now: Instant) {
        self.ended = Some(now);
        let cdr = &mut self.cdr;
        if cdr.cause == Cause::NONE {
            cdr.cause = Cause::NORMAL_CLEARING;
        }
        if self.invited.is_some() && !cdr.callee_call_id.is_empty() && cdr.final_code.is_none() {
            cdr.final_code = Some(Status::REQUEST_TERMINATED.code());
        }
    }
}

impl Call {
    /// Begins to keep records, where they are written. Another node keeps those
    /// of a call it has brought.
    pub(super) fn keep_ledger(&mut self, turn: &Turn<'_>, cursor: &mut Cursor) {
        let exchange = &turn.exchange;
        if !exchange.config.general.records.enable || self.from_node {
            return;
        }
        cursor.keep_account(exchange.config.general.records.endbeforehexten);
        self.ledger = Some(Box::default());
    }

    /// A run is about to ring a channel.
    pub(super) fn account(
        &mut self,
        exchange: &Exchange,
        run: RunId,
        channel: ChannelId,
        origin: &Origin<'_>,
    ) {
        if self.ledger.is_some() {
            let cdr = self.record_from(exchange, run, origin);
            let open = Open {
                cdr,
                run,
                channel,
                start: origin.start,
                invited: None,
                joined: None,
                ended: None,
            };
            if let Some(ledger) = &mut self.ledger {
                ledger.open.push(open);
            }
        }
    }

    /// A record of what a run is and does.
    fn record_from(&self, exchange: &Exchange, run: RunId, origin: &Origin<'_>) -> Box<Cdr> {
        let other = self.other(run);
        let name = match other {
            Some(other) => self.variable_of_run(other, "CHANNEL").map(SmolStr::from),
            None => self.channel_name(0),
        };
        let unique_id = match other {
            Some(other) => self.variable_of_run(other, "UNIQUEID").map(SmolStr::from),
            None => Some(self.unique_id(None).into()),
        };
        let caller = self.legs.first();
        let device = caller.and_then(|leg| leg.peer.as_deref());
        Box::new(Cdr {
            src: origin.number.into(),
            clid: origin.clid(),
            dst: origin.exten.into(),
            dcontext: origin.context.into(),
            channel: name.unwrap_or_default(),
            lastapp: SmolStr::new_static(origin.application),
            lastdata: origin.arguments.into(),
            uniqueid: unique_id.unwrap_or_default(),
            linkedid: self.linked_id().into(),
            accountcode: device.map_or(SmolStr::default(), |peer| peer.accountcode.clone()),
            amaflags: device.map_or_else(Default::default, |peer| peer.amaflags),
            peer: device.map_or(SmolStr::default(), |peer| peer.name.clone()),
            call_id: caller.map_or(Text::new(), |leg| Text::from(leg.dialog.call_id())),
            start: exchange.unix_micros(origin.start),
            ..Cdr::default()
        })
    }

    /// A channel rings: the INVITE of one of its legs was sent, or its plan is
    /// entered.
    pub(super) fn note_rung(&mut self, turn: &Turn<'_>, channel: ChannelId, leg: Option<u16>) {
        let name = match (&self.ledger, self.channel(channel)) {
            (Some(_), Some(channel)) => channel.name(self.number),
            _ => return,
        };
        if let Some(open) = self.ledger.as_mut().and_then(|ledger| ledger.of(channel)) {
            open.cdr.dstchannel = name;
            open.invited.get_or_insert(turn.now);
        }
        if let Some(leg) = leg {
            self.note_leg(channel, leg);
        }
    }

    /// A channel is at a leg: the first it has rung, or the one that answered.
    fn note_leg(&mut self, channel: ChannelId, index: u16) {
        let open = self.ledger.as_mut().and_then(|ledger| ledger.of(channel));
        let leg = self.legs.get(usize::from(index));
        let (Some(open), Some(leg)) = (open, leg) else {
            return;
        };
        open.cdr.callee_call_id = Text::from(leg.dialog.call_id());
        let peer = leg.peer.as_deref();
        open.cdr.callee_peer = peer.map_or(SmolStr::default(), |peer| peer.name.clone());
        open.cdr.peeraccount = peer.map_or(SmolStr::default(), |peer| peer.accountcode.clone());
    }

    /// A callee's first 18x.
    pub(super) fn note_ringing(&mut self, now: Instant, channel: ChannelId) {
        if let Some(open) = self.ledger.as_mut().and_then(|ledger| ledger.of(channel))
            && let (Some(invited), None) = (open.invited, open.cdr.pdd)
        {
            open.cdr.pdd = Some(now.since(invited));
        }
    }

    /// A leg's INVITE was answered.
    pub(super) fn note_answered(&mut self, turn: &Turn<'_>, index: u16, invite: TransactionId) {
        if self.ledger.is_some() {
            let copies = turn.exchange.transactions.copies(invite);
            self.note_final(turn.now, index, Status::OK, copies);
        }
    }

    /// A leg's INVITE was refused.
    pub(super) fn note_refused(&mut self, turn: &Turn<'_>, index: u16, status: Status) {
        if self.ledger.is_some() {
            let invite = self.leg(index).and_then(|leg| leg.invite);
            let copies = |invite| turn.exchange.transactions.copies(invite);
            self.note_final(turn.now, index, status, invite.map_or(0, copies));
        }
    }

    /// The final response to the INVITE of a leg, which was sent so many times
    /// more.
    pub(super) fn note_final(&mut self, now: Instant, index: u16, status: Status, copies: u8) {
        if self.ledger.is_none() {
            return;
        }
        let Some(channel) = self.leg(index).map(|leg| leg.channel) else {
            return;
        };
        if status.is_success() {
            self.note_leg(channel, index);
        }
        if let Some(open) = self.ledger.as_mut().and_then(|ledger| ledger.of(channel)) {
            let cdr = &mut open.cdr;
            cdr.retransmissions = cdr.retransmissions.saturating_add(copies.into());
            if status.is_success() {
                cdr.final_code = Some(status.code());
                cdr.setup = open.invited.map(|invited| now.since(invited));
            }
        }
    }

    /// None of a channel's legs was answered: the response that speaks for all.
    pub(super) fn note_lost(&mut self, channel: ChannelId, best: Status) {
        if let Some(open) = self.ledger.as_mut().and_then(|ledger| ledger.of(channel)) {
            open.cdr.final_code = Some(best.code());
        }
    }

    /// What a channel reports.
    pub(super) fn note_report(&mut self, channel: ChannelId, event: ChannelEvent) {
        if let Some(open) = self.ledger.as_mut().and_then(|ledger| ledger.of(channel)) {
            open.hear(event);
        }
    }

    /// The caller is joined to a channel, and so to what is behind it.
    pub(super) fn note_joined(&mut self, now: Instant, channel: ChannelId, leg: u16) {
        let mut next = Some(channel).filter(|_| self.ledger.is_some());
        for _ in 0..=self.channels.len() {
            let Some(id) = next else { break };
            let behind = self.next_behind(id);
            if behind.is_some() {
                self.note_leg(id, leg);
            }
            if let Some(open) = self.ledger.as_mut().and_then(|ledger| ledger.of(id)) {
                open.joined.get_or_insert(now);
                open.cdr.disposition = Disposition::Answered;
                open.cdr.final_code = Some(Status::OK.code());
            }
            next = behind;
        }
    }

    /// A channel is gone, or goes on without its caller.
    pub(super) fn note_ended(&mut self, now: Instant, channel: ChannelId) {
        if let Some(open) = self.ledger.as_mut().and_then(|ledger| ledger.of(channel)) {
            open.end(now);
        }
    }

    /// Hands out the records of channels that are gone, for the run that rang
    /// them. One that is `over` and has rung nobody leaves a record of its own.
    pub(super) fn settle(
        &mut self,
        turn: &mut Turn<'_>,
        run: RunId,
        cursor: &mut Cursor,
        over: bool,
    ) {
        let Some(ledger) = &mut self.ledger else {
            return;
        };
        let gone = |open: &Open| open.run == run && open.ended.is_some();
        while let Some(at) = ledger.open.iter().position(gone) {
            let open = ledger.open.remove(at);
            write(turn, cursor, open);
        }
        let alone = over && !cursor.has_rung();
        let joined = self.answered_at.filter(|_| run == RunId::CALLER);
        let unanswered = turn.exchange.config.general.records.unanswered;
        if !alone || (joined.is_none() && !unanswered) {
            return;
        }
        if let Some(origin) = cursor.origin() {
            let mut cdr = self.record_from(turn.exchange, run, &origin);
            cdr.cause = cursor.cause();
            cdr.disposition = match joined {
                Some(_) => Disposition::Answered,
                None => disposition_of(Failure::Hangup(cdr.cause)),
            };
            let open = Open {
                cdr,
                run,
                channel: ChannelId(0),
                start: origin.start,
                invited: None,
                joined,
                ended: Some(turn.now),
            };
            write(turn, cursor, open);
        }
    }
}

/// Hands a record out, and those that `ForkCDR` has left behind before it.
fn write(turn: &mut Turn<'_>, cursor: &mut Cursor, open: Open) {
    let forks = cursor.take_forks();
    let said = cursor.said();
    for fork in forks {
        let Fork { sheet, ended } = fork;
        let mut copy = open.cdr.clone();
        let joined = match ended {
            Some(ended) => open.joined.filter(|joined| *joined <= ended),
            None => open.joined,
        };
        if ended.is_some() && joined.is_none() {
            alone(&mut copy);
        }
        let times = Times {
            start: sheet.begun.unwrap_or(cursor.began()),
            joined,
            end: ended.or(open.ended),
        };
        hand_out(turn, copy, times, said, Some(&sheet));
    }
    let sheet = said.map(|said| said.sheet);
    let begun = sheet.and_then(|sheet| sheet.begun);
    let times = Times {
        start: begun.map_or(open.start, |begun| begun.max(open.start)),
        joined: open.joined,
        end: open.ended,
    };
    hand_out(turn, open.cdr, times, said, sheet);
}

/// A record that ended before anybody was rung.
fn alone(cdr: &mut Cdr) {
    let Cdr {
        dstchannel,
        callee_call_id,
        callee_peer,
        ..
    } = cdr;
    *dstchannel = SmolStr::default();
    *callee_peer = SmolStr::default();
    *callee_call_id = Text::new();
    (cdr.pdd, cdr.setup, cdr.final_code) = (None, None, None);
    cdr.disposition = Disposition::NoAnswer;
}

/// When a record begins, counts as answered, and ends.
struct Times {
    start: Instant,
    joined: Option<Instant>,
    end: Option<Instant>,
}

fn hand_out(
    turn: &mut Turn<'_>,
    mut cdr: Box<Cdr>,
    times: Times,
    said: Option<Said<'_>>,
    sheet: Option<&Sheet>,
) {
    let rules = turn.exchange.config.general.records;
    if sheet.is_some_and(|sheet| sheet.disabled) {
        return;
    }
    if cdr.disposition == Disposition::Congestion && !rules.congestion {
        cdr.disposition = Disposition::Failed;
    }
    let nobody = cdr.dstchannel.is_empty() && cdr.disposition != Disposition::Answered;
    if nobody && !rules.unanswered {
        return;
    }
    if let Some(said) = said {
        let set = |field: &mut SmolStr, value: Option<&str>| {
            if let Some(value) = value {
                *field = value.into();
            }
        };
        set(&mut cdr.accountcode, said.accountcode);
        set(&mut cdr.peeraccount, said.peeraccount);
        cdr.amaflags = said.amaflags.unwrap_or(cdr.amaflags);
    }
    for (name, value) in sheet.iter().flat_map(|sheet| sheet.fields.iter()) {
        match name {
            "userfield" => cdr.userfield = value.into(),
            _ => cdr.fields.push((name.into(), value.into())),
        }
    }
    let exchange = &mut *turn.exchange;
    let from = sheet.and_then(|sheet| sheet.answered_from);
    let joined = times.joined.map(|at| from.map_or(at, |from| at.max(from)));
    cdr.start = exchange.unix_micros(times.start);
    cdr.answer = joined.map(|at| exchange.unix_micros(at));
    cdr.end = exchange.unix_micros(times.end.unwrap_or(turn.now));
    exchange.counters.call_records += 1;
    cdr.id = CdrId {
        shard: exchange.shard,
        incarnation: exchange.incarnation,
        serial: exchange.counters.call_records,
    };
    turn.out.forward(Envelope {
        from: exchange.shard,
        to: RECORDS,
        body: Body::Record(cdr),
    });
}

/// How a call came out that failed so (`ast_hangup_cause_to_dial_status` and
/// `dial_status_to_disposition`).
fn disposition_of(failure: Failure) -> Disposition {
    match failure {
        Failure::Busy(_) => Disposition::Busy,
        Failure::Congestion(_) => Disposition::Congestion,
        Failure::Unavailable(_) => Disposition::Failed,
        Failure::Forwarded(_) => Disposition::NoAnswer,
        Failure::Hangup(cause) => match cause {
            Cause::USER_BUSY => Disposition::Busy,
            Cause::NORMAL_CIRCUIT_CONGESTION => Disposition::Congestion,
            Cause::NONE | Cause::NORMAL_CLEARING | Cause::NO_ANSWER => Disposition::NoAnswer,
            _ => Disposition::Failed,
        },
    }
}
