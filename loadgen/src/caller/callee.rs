//! The calls a thread takes: what a phone does when it is called (RFC 3261
//! §8.2, §9.2, §13.3, §17.2), by behaviours drawn from the seed. Calls nobody.

mod goodbye;
mod past;

use std::cmp::Ordering;
use std::time::Duration;

use pinion_sip::base::{Flow, Hasher, Instant, Random};
use pinion_sip::wire::{Method, Status, Via, Writer};

use super::client::{NOTHING_MORE, answer};
use super::dialog::{Dialog, set};
use super::glance::Glance;
use super::lots::Lots;
use super::pool::Pool;
use super::site::{Site, back, carried, read_mark, session};
use super::{Alarm, Desk, LATE};
use crate::plan::{Behaviour, Plan};
use crate::quota::Quota;
use crate::tally::{Again, Cause, Stage, mix};
use past::Past;

/// Where a call stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// To be answered when the ring time is over, or never.
    Ringing,
    /// 2xx sent, its ACK is to come.
    Accepted,
    /// Another final response sent, its ACK is to come.
    Rejected,
    /// Acknowledged.
    Talking,
    /// BYE sent, as the ACK never came.
    Ending,
}

/// One call taken.
struct Call {
    state: State,
    behaviour: Behaviour,
    /// It has been acknowledged once: what comes then is a re-INVITE's.
    stood: bool,
    /// Times the final response, or the BYE, was sent again.
    copies: u8,
    /// CSeq of the last INVITE.
    cseq: u32,
    /// What the call is known by at the caller's end, if it says.
    mark: Option<u64>,
    /// The final response, or 180 until there is one.
    status: Status,
    /// When the INVITE came.
    begun: Instant,
    /// When the final response, or the BYE, was first sent.
    sent: Instant,
    flow: Option<Flow>,
    /// Via to Record-Route of every response, as lines.
    head: Vec<u8>,
    /// The caller's Contact.
    contact: Vec<u8>,
}

impl Default for Call {
    fn default() -> Call {
        Call {
            state: State::Ringing,
            behaviour: Behaviour::Answer,
            stood: false,
            copies: 0,
            cseq: 0,
            mark: None,
            status: Status::RINGING,
            begun: Instant::START,
            sent: Instant::START,
            flow: None,
            head: Vec::new(),
            contact: Vec::new(),
        }
    }
}

impl Call {
    /// Keeps what answers to an INVITE repeat, and where they go.
    fn keep(&mut self, invite: &Glance, via: &Via, flow: Flow, tag: &[u8]) {
        self.cseq = invite.cseq.number;
        self.head.clear();
        invite.write_head(via, flow.remote, tag, true, &mut self.head);
        set(&mut self.contact, invite.contact.unwrap_or_default());
        self.flow = Some(back(via, flow));
    }
}

/// The called side of one thread.
pub(super) struct Callee {
    calls: Pool<Call>,
    /// INVITEs of calls that are over, so that a copy begins none.
    past: Past,
    hasher: Hasher,
    /// Draws behaviours.
    random: Random,
    /// Behaviours with their weights added up.
    behaviours: Lots<Behaviour>,
    ring: Duration,
    /// The end of every 200, from Contact on.
    answer: Vec<u8>,
    tag: Vec<u8>,
    /// Of the call that a BYE is about.
    dialog: Dialog,
    /// Whether calls taken are the units of this run.
    counts: bool,
    /// How many of those may be taken.
    quota: Quota,
    stopped: bool,
}

impl Callee {
    pub(super) fn new(plan: &Plan, site: &Site, random: &mut Random, quota: &Quota) -> Callee {
        let local = site.callee.unwrap_or(plan.target);
        let body = session(local, "- 1 1");
        let planned = plan.callee.as_ref();
        let behaviours = planned.iter().flat_map(|callee| &callee.behaviours);
        Callee {
            calls: Pool::new(plan.most_at_once),
            past: Past::new(plan.timers.t4),
            hasher: random.hasher(),
            random: Random::from_seed(random.seed()),
            behaviours: Lots::new(behaviours),
            ring: planned.map_or(Duration::ZERO, |callee| callee.ring),
            answer: format!(
                "Contact: <sip:{local}{}>\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE\r\n\
                 Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
                carried(plan.transport),
                body.len()
            )
            .into_bytes(),
            tag: Vec::with_capacity(32),
            dialog: Dialog::default(),
            counts: plan.units.is_empty(),
            quota: quota.clone(),
            stopped: false,
        }
    }

    /// Calls held.
    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    /// No call is taken from now on.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }

    /// Whether it has had the calls it may have, to their ends.
    pub(super) fn is_spent(&self) -> bool {
        self.quota.is_spent() && self.calls.is_empty()
    }

    /// A request came.
    pub(super) fn request(
        &mut self,
        desk: &mut Desk,
        request: &Glance,
        method: Method,
        flow: Flow,
    ) {
        let tag = request.to_tag;
        let place = tag.and_then(|tag| desk.site.read_tag(tag));
        match (method, tag) {
            (Method::Invite, None) => self.invited(desk, request, flow),
            (Method::Invite, Some(_)) => self.invited_again(desk, request, flow, place),
            (Method::Ack, _) => self.acknowledged(desk, request, place),
            (Method::Bye, _) => self.hung_up(desk, request, flow, place),
            (Method::Cancel, _) => self.cancelled(desk, request, flow),
            (Method::Options | Method::Message, _) => {
                answer(desk, request, flow, Status::OK, b"callee");
            }
            (Method::Info | Method::Update | Method::Notify, Some(_)) if place.is_some() => {
                answer(desk, request, flow, Status::OK, b"");
            }
            (Method::Info | Method::Update | Method::Notify, _) => {
                answer(desk, request, flow, Status::CALL_DOES_NOT_EXIST, b"callee");
            }
            _ => answer(desk, request, flow, Status::NOT_IMPLEMENTED, b"callee"),
        }
    }

    /// An alarm was due at `due`.
    pub(super) fn ring(&mut self, desk: &mut Desk, alarm: Alarm, due: Instant) {
        let slot = alarm.slot;
        let Some(entry) = self.calls.ringing(slot, alarm.serial) else {
            return;
        };
        desk.tally.ring(desk.now, due);
        let call = &mut entry.value;
        match (call.state, call.behaviour) {
            (State::Ringing, Behaviour::Answer) => self.conclude(desk, slot, Status::OK),
            (State::Ringing, Behaviour::Silent) => self.end(desk, slot),
            (State::Ringing, _) => {
                // Once a minute, so that no proxy gives up (§13.3.1.1).
                self.send(desk, slot);
                self.alarm(desk, slot, pinion_sip::transaction::Timers::REFRESH);
            }
            (State::Accepted | State::Rejected, _) => self.press(desk, slot, due),
            (State::Ending, _) => self.press_bye(desk, slot),
            (State::Talking, _) => {}
        }
    }

    /// Timers G and H, and their like for a 2xx (§13.3.1.4, §17.2.1).
    fn press(&mut self, desk: &mut Desk, slot: u32, due: Instant) {
        let timers = &desk.site.plan.timers;
        let call = &mut self.calls.entry(slot).value;
        let waited = desk.now.since(call.sent);
        if waited >= timers.h() {
            let accepted = call.state == State::Accepted;
            if self.counts && !call.stood {
                desk.tally.fail(desk.now, Cause::Unacknowledged);
            } else {
                desk.tally.note(Cause::Unacknowledged);
            }
            if accepted {
                self.hang_up(desk, slot);
            } else {
                self.forget(desk, slot);
            }
            return;
        }
        call.copies = call.copies.saturating_add(1);
        let next = timers.g(call.copies).min(timers.h().saturating_sub(waited));
        let what = "final response to INVITE";
        desk.tally.again(if desk.now.since(due) > LATE {
            Again::Late(what)
        } else {
            Again::Silent(what)
        });
        self.send(desk, slot);
        self.alarm(desk, slot, next);
    }

    /// A new call, or a copy of its INVITE.
    fn invited(&mut self, desk: &mut Desk, request: &Glance, flow: Flow) {
        let Some(via) = request.top_via() else {
            desk.tally.strays += 1;
            return;
        };
        let key = self.key(&via, request);
        if let Some(slot) = self.calls.find(key) {
            desk.tally.again(Again::Copy("INVITE"));
            if self.calls.entry(slot).value.behaviour != Behaviour::Silent {
                self.send(desk, slot);
            }
            return;
        }
        if self.past.has(key) {
            desk.tally.again(Again::Copy("INVITE"));
            return;
        }
        if self.stopped || self.counts && !self.quota.take() {
            answer(desk, request, flow, Status::SERVICE_UNAVAILABLE, b"callee");
            return;
        }
        let Some(slot) = self.calls.insert(key) else {
            desk.tally.skipped += 1;
            answer(desk, request, flow, Status::SERVICE_UNAVAILABLE, b"callee");
            return;
        };
        let behaviour = self.draw();
        let mark = read_mark(request.body, desk.site.run);
        desk.tally.callee.begun += 1;
        desk.tally.callee.strangers += u64::from(mark.is_err() && !self.counts);
        if self.counts {
            desk.tally.begin(desk.now, desk.now);
        }
        let entry = self.calls.entry(slot);
        self.tag.clear();
        desk.site.write_tag(slot, entry.generation, &mut self.tag);
        entry.value = Call {
            behaviour,
            mark: mark.ok().flatten(),
            begun: desk.now,
            head: std::mem::take(&mut entry.value.head),
            contact: std::mem::take(&mut entry.value.contact),
            ..Call::default()
        };
        entry.value.keep(request, &via, flow, &self.tag);
        match behaviour {
            Behaviour::Answer if self.ring.is_zero() => {
                self.send(desk, slot);
                self.conclude(desk, slot, Status::OK);
            }
            Behaviour::Answer => {
                self.send(desk, slot);
                self.alarm(desk, slot, self.ring);
            }
            Behaviour::Ring => {
                self.send(desk, slot);
                self.alarm(desk, slot, pinion_sip::transaction::Timers::REFRESH);
            }
            Behaviour::Silent => {
                desk.tally.callee.refused += 1;
                self.alarm(desk, slot, desk.site.plan.timers.b());
            }
            Behaviour::Busy => self.conclude(desk, slot, Status::BUSY_HERE),
            Behaviour::Refuse(code) => {
                let status = Status::new(code).unwrap_or(Status::BUSY_HERE);
                self.conclude(desk, slot, status);
            }
        }
    }

    /// A re-INVITE: the session goes on as it is (§14.2).
    fn invited_again(
        &mut self,
        desk: &mut Desk,
        request: &Glance,
        flow: Flow,
        place: Option<(u32, u32)>,
    ) {
        let found =
            place.and_then(|(slot, generation)| Some((slot, self.calls.at(slot, generation)?)));
        let (Some((slot, entry)), Some(via)) = (found, request.top_via()) else {
            answer(desk, request, flow, Status::CALL_DOES_NOT_EXIST, b"");
            return;
        };
        let call = &entry.value;
        let (state, cseq) = (call.state, call.cseq);
        match (state, request.cseq.number.cmp(&cseq)) {
            (State::Accepted | State::Talking, Ordering::Greater) => {
                self.calls.entry(slot).value.keep(request, &via, flow, b"");
                self.conclude(desk, slot, Status::OK);
            }
            (State::Accepted | State::Talking, Ordering::Equal) => {
                desk.tally.again(Again::Copy("INVITE"));
                self.send(desk, slot);
            }
            // Overtaken (§12.2.2), or too early (§14.2).
            (State::Accepted | State::Talking | State::Ringing, _) => {
                answer(desk, request, flow, Status::SERVER_INTERNAL_ERROR, b"");
            }
            (State::Rejected | State::Ending, _) => {
                answer(desk, request, flow, Status::CALL_DOES_NOT_EXIST, b"");
            }
        }
    }

    /// Sends the final response.
    fn conclude(&mut self, desk: &mut Desk, slot: u32, status: Status) {
        let call = &mut self.calls.entry(slot).value;
        call.state = if status.is_success() {
            State::Accepted
        } else {
            // A silent one has been counted when it began.
            desk.tally.callee.refused += u64::from(call.behaviour != Behaviour::Silent);
            State::Rejected
        };
        (call.status, call.sent, call.copies) = (status, desk.now, 0);
        self.send(desk, slot);
        self.alarm(desk, slot, desk.site.plan.timers.g(0));
    }

    /// Sends the present response.
    fn send(&mut self, desk: &mut Desk, slot: u32) {
        let call = &self.calls.entry(slot).value;
        let Some(flow) = &call.flow else {
            return;
        };
        let tail: &[u8] = if call.status.is_success() {
            &self.answer
        } else {
            NOTHING_MORE
        };
        desk.out.send(flow, |out| {
            Writer::new(out, false).status(call.status, None);
            out.extend_from_slice(&call.head);
            out.extend_from_slice(tail);
        });
    }

    fn acknowledged(&mut self, desk: &mut Desk, request: &Glance, place: Option<(u32, u32)>) {
        let Some((slot, generation)) = place else {
            desk.tally.strays += 1;
            return;
        };
        let entry = self.calls.at(slot, generation);
        let call = entry.map(|entry| &entry.value);
        // Any other's is the ACK of an INVITE before (§13.2.2.4).
        let Some(call) = call.filter(|call| call.cseq == request.cseq.number) else {
            return;
        };
        match call.state {
            State::Accepted => {
                if !call.stood {
                    desk.tally.time(Stage::Ack, desk.now, call.sent);
                }
                self.stand(desk, slot);
            }
            State::Rejected => self.end(desk, slot),
            State::Ringing | State::Talking | State::Ending => {}
        }
    }

    /// The call stands: the caller has said so.
    fn stand(&mut self, desk: &mut Desk, slot: u32) {
        let entry = self.calls.entry(slot);
        entry.alarm = entry.alarm.wrapping_add(1);
        entry.value.state = State::Talking;
        if std::mem::replace(&mut entry.value.stood, true) {
            return;
        }
        desk.tally.callee.answered += 1;
        match entry.value.mark {
            Some(mark) => {
                desk.tally.callee.marks = desk.tally.callee.marks.wrapping_add(mix(mark));
            }
            None => desk.tally.callee.unmarked += 1,
        }
    }

    fn hung_up(
        &mut self,
        desk: &mut Desk,
        request: &Glance,
        flow: Flow,
        place: Option<(u32, u32)>,
    ) {
        let Some((slot, generation)) = place else {
            answer(desk, request, flow, Status::CALL_DOES_NOT_EXIST, b"callee");
            return;
        };
        answer(desk, request, flow, Status::OK, b"");
        let Some(state) = self
            .calls
            .at(slot, generation)
            .map(|entry| entry.value.state)
        else {
            // A call of ours that is over: a copy, as its 200 was lost.
            desk.tally.again(Again::Copy("BYE"));
            return;
        };
        match state {
            // The INVITE is still to be answered (§15.1.2), and its ACK ends it.
            State::Ringing => self.conclude(desk, slot, Status::REQUEST_TERMINATED),
            State::Rejected => {}
            State::Accepted => {
                // The ACK was lost; who ends a call has seen it answered.
                self.stand(desk, slot);
                desk.tally.callee.ended += 1;
                self.end(desk, slot);
            }
            State::Talking => {
                desk.tally.callee.ended += 1;
                self.end(desk, slot);
            }
            // It has failed already.
            State::Ending => self.forget(desk, slot),
        }
    }

    fn cancelled(&mut self, desk: &mut Desk, request: &Glance, flow: Flow) {
        let Some(via) = request.top_via() else {
            desk.tally.strays += 1;
            return;
        };
        let key = self.key(&via, request);
        let Some(slot) = self.calls.find(key) else {
            let status = if self.past.has(key) {
                Status::OK
            } else {
                Status::CALL_DOES_NOT_EXIST
            };
            answer(desk, request, flow, status, b"callee");
            return;
        };
        let entry = self.calls.entry(slot);
        let ringing = entry.value.state == State::Ringing;
        self.tag.clear();
        desk.site.write_tag(slot, entry.generation, &mut self.tag);
        let tag = std::mem::take(&mut self.tag);
        answer(desk, request, flow, Status::OK, &tag);
        self.tag = tag;
        if ringing {
            self.conclude(desk, slot, Status::REQUEST_TERMINATED);
        }
    }

    /// The call went as it should.
    fn end(&mut self, desk: &mut Desk, slot: u32) {
        if self.counts {
            let begun = self.calls.entry(slot).value.begun;
            desk.tally.time(Stage::Whole, desk.now, begun);
            desk.tally.complete(desk.now);
        }
        self.forget(desk, slot);
    }

    fn forget(&mut self, desk: &mut Desk, slot: u32) {
        let key = self.calls.entry(slot).key;
        self.past.add(desk.now, key);
        self.calls.remove(slot);
    }

    fn alarm(&mut self, desk: &mut Desk, slot: u32, after: Duration) {
        let entry = self.calls.entry(slot);
        entry.alarm = entry.alarm.wrapping_add(1);
        let alarm = Alarm {
            callee: true,
            slot,
            serial: entry.alarm,
        };
        desk.lanes.set(desk.now, after, alarm);
    }

    /// What a call is found by before it has a tag: the branch, which its
    /// INVITE and its CANCEL share (§17.2.3).
    fn key(&self, via: &Via, request: &Glance) -> u64 {
        let branch = via.branch().unwrap_or(b"");
        self.hasher
            .hash_one((branch, via.sent_by(), request.call_id))
    }

    fn draw(&mut self) -> Behaviour {
        let drawn = self.behaviours.draw(&mut self.random);
        drawn.unwrap_or(Behaviour::Answer)
    }
}
