//! The units a thread begins, from their first request to their end (RFC 3261
//! §8.1, §9.1, §13.2, §17.1), and what paces them. A unit has one transaction
//! at a time that matters, so its state says which.

mod enrolment;
mod flight;
mod requests;
mod responses;

pub(super) use requests::{NOTHING_MORE, answer};

use std::time::Duration;

use pinion_sip::base::{Instant, Lanes, Random};

use super::dialog::Dialog;
use super::lots::Lots;
use super::pool::Pool;
use super::site::{ENROLMENT, Site};
use super::{Alarm, Desk, LATE};
use crate::plan::{Load, Pacer, Unit, share};
use crate::tally::{Again, Cause, Stage};
use enrolment::Enrolment;
use flight::{Flight, State};

/// Units begun for one input, so that a thread that fell behind looks at its
/// sockets in between.
const AT_ONCE: usize = 256;

/// The calling side of one thread.
pub(super) struct Client {
    flights: Pool<Flight>,
    pace: Pace,
    enrolment: Enrolment,
    /// Units and their weights added up.
    units: Lots<Unit>,
    /// Draws the units of a mix.
    random: Random,
    /// The number of the next unit.
    number: u64,
    /// How many units may begin at all.
    most: u64,
    stopped: bool,
    /// The slot from which on conversations are still to be ended, once it is
    /// stopped.
    hanging_up: Option<u32>,
    /// For what is computed of a message before it is written.
    scratch: Vec<u8>,
    /// Of a 2xx whose unit is over, or that is not the unit's own.
    stray: Dialog,
}

/// What lets units begin.
enum Pace {
    /// Not begun yet.
    Waiting(Option<Box<Pacer>>),
    /// By the clock: when the run began, and when the next unit is due.
    Open {
        began: Instant,
        pacer: Box<Pacer>,
        next: Option<Instant>,
    },
    /// By the ends of others, so many at once, from one time to another.
    Closed {
        in_flight: usize,
        began: Instant,
        ends: Instant,
    },
}

impl Client {
    pub(super) fn new(site: &Site, random: &mut Random) -> Client {
        let plan = &site.plan;
        let mine = |whole: u64| share(whole, site.thread, site.threads);
        let enrols = plan.callee.as_ref().is_some_and(|callee| callee.register);
        let pacer = match plan.load {
            Load::Open(arrival) if !plan.units.is_empty() => Some(Box::new(Pacer::new(
                arrival,
                plan.duration,
                site.thread,
                site.threads,
                Random::from_seed(random.seed()),
            ))),
            _ => None,
        };
        Client {
            flights: Pool::new(plan.most_at_once),
            pace: Pace::Waiting(pacer),
            enrolment: Enrolment::new(
                if enrols {
                    mine(plan.callees.count())
                } else {
                    0
                },
                plan.most_at_once.into(),
                plan.expires_s,
            ),
            units: Lots::new(&plan.units),
            random: Random::from_seed(random.seed()),
            number: 0,
            most: plan.count.map_or(u64::MAX, mine),
            stopped: plan.units.is_empty(),
            hanging_up: None,
            scratch: Vec::with_capacity(1024),
            stray: Dialog::default(),
        }
    }

    /// Units begin `at`.
    pub(super) fn begin(&mut self, site: &Site, at: Instant) {
        let plan = &site.plan;
        let Pace::Waiting(pacer) = &mut self.pace else {
            return;
        };
        self.pace = match (plan.load, pacer.take()) {
            (Load::Closed(in_flight), _) => Pace::Closed {
                in_flight: share(in_flight.into(), site.thread, site.threads) as usize,
                began: at,
                ends: at + plan.duration,
            },
            (_, Some(mut pacer)) => {
                let next = pacer.next_time().map(|after| at + after);
                Pace::Open {
                    began: at,
                    pacer,
                    next,
                }
            }
            (_, None) => Pace::Waiting(None),
        };
    }

    /// No unit begins from now on, conversations are ended, and no registration
    /// before the load is waited for.
    pub(super) fn stop(&mut self, site: &Site) {
        self.stopped = true;
        self.hanging_up = Some(0);
        if !self.is_enrolled() {
            // Before the load there is nothing else in the table.
            self.flights = Pool::new(site.plan.most_at_once);
            self.enrolment.give_up();
        }
    }

    /// Units under way.
    pub(super) fn running(&self) -> usize {
        self.flights.len()
    }

    /// Whether those who are called are registered.
    pub(super) fn is_enrolled(&self) -> bool {
        self.enrolment.is_enrolled()
    }

    /// The load is over: those who were called are removed.
    pub(super) fn leave(&mut self) {
        self.enrolment.leave();
    }

    /// Whether they are.
    pub(super) fn is_gone(&self) -> bool {
        self.enrolment.is_gone()
    }

    /// Why the load cannot begin: somebody could not be registered.
    pub(super) fn refusal(&self) -> Option<String> {
        self.enrolment.refusal()
    }

    /// Whether no unit will begin any more and none is under way.
    pub(super) fn is_spent(&self) -> bool {
        self.begins_no_more() && self.flights.is_empty()
    }

    fn begins_no_more(&self) -> bool {
        match &self.pace {
            _ if self.stopped || self.number >= self.most => true,
            Pace::Waiting(_) => false,
            Pace::Open { next, .. } => next.is_none(),
            Pace::Closed { in_flight, .. } => *in_flight == 0,
        }
    }

    /// When something is next to be begun or ended.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.hanging_up.is_some() {
            return Some(Instant::START);
        }
        let unit = self.unit_deadline();
        let registration = self.enrolment_deadline();
        unit.into_iter().chain(registration).min()
    }

    fn unit_deadline(&self) -> Option<Instant> {
        match &self.pace {
            _ if self.stopped || self.number >= self.most => None,
            Pace::Open { next, .. } => *next,
            // The ends of units begin others; only the first need a wake.
            Pace::Closed {
                in_flight, began, ..
            } if self.flights.len() < *in_flight => Some(*began),
            Pace::Closed { .. } | Pace::Waiting(_) => None,
        }
    }

    /// Ends the conversations that a stop cuts short, some at a time.
    fn hang_up(&mut self, desk: &mut Desk) {
        for _ in 0..AT_ONCE {
            let Some(from) = self.hanging_up else {
                return;
            };
            let slot = self.flights.let_from(from);
            self.hanging_up = slot.map(|slot| slot + 1);
            let Some(slot) = slot else {
                return;
            };
            let flight = &mut self.flights.entry(slot).value;
            if flight.state == State::Talking {
                flight.state = State::Ending;
                flight.since = desk.now;
                self.request(desk, slot);
            }
        }
    }

    /// Begins every unit that is due.
    pub(super) fn begin_due(&mut self, desk: &mut Desk) {
        self.hang_up(desk);
        self.enrol_due(desk);
        for _ in 0..AT_ONCE {
            if self.stopped || self.number >= self.most {
                return;
            }
            let intended = match &mut self.pace {
                Pace::Waiting(_) => return,
                Pace::Open { began, pacer, next } => {
                    let Some(due) = next.filter(|due| *due <= desk.now) else {
                        return;
                    };
                    *next = pacer.next_time().map(|after| *began + after);
                    due
                }
                Pace::Closed {
                    in_flight,
                    began,
                    ends,
                } => {
                    if *began > desk.now {
                        return;
                    }
                    if *ends <= desk.now {
                        *in_flight = 0;
                    }
                    if self.flights.len() >= *in_flight {
                        return;
                    }
                    desk.now
                }
            };
            let number = self.number;
            self.number += 1;
            let unit = self.draw();
            self.launch(desk, number, unit, 1, intended);
        }
    }

    /// The next unit of the mix.
    fn draw(&mut self) -> Unit {
        self.units.draw(&mut self.random).unwrap_or(Unit::Options)
    }

    /// Sends the first request of the unit `number`.
    fn launch(&mut self, desk: &mut Desk, number: u64, unit: Unit, cseq: u32, intended: Instant) {
        let Some(slot) = self.flights.insert(number) else {
            desk.tally.skipped += 1;
            if number >= ENROLMENT {
                self.enrolment.ended(None);
            }
            return;
        };
        let site = desk.site;
        let socket = if number >= ENROLMENT {
            site.callee_socket()
        } else {
            (number % site.callers.len().max(1) as u64) as u8
        };
        let state = match unit {
            Unit::Call => State::Calling,
            Unit::Register | Unit::Options | Unit::Message => State::Asking,
        };
        let flight = &mut self.flights.entry(slot).value;
        flight.start(unit, state, socket, intended);
        flight.cseq = cseq;
        if number < ENROLMENT {
            desk.tally.begin(desk.now, intended);
            desk.tally.caller.begun += u64::from(unit == Unit::Call);
        }
        self.request(desk, slot);
    }

    /// Sends the request of the flight's state for the first time.
    fn request(&mut self, desk: &mut Desk, slot: u32) {
        let flight = &mut self.flights.entry(slot).value;
        flight.sent = desk.now;
        flight.copies = 0;
        self.transmit(desk, slot);
        self.alarm(desk, slot, desk.site.plan.timers.a(0));
    }

    fn alarm(&mut self, desk: &mut Desk, slot: u32, after: Duration) {
        let entry = self.flights.entry(slot);
        entry.alarm = entry.alarm.wrapping_add(1);
        let serial = entry.alarm;
        set(desk.lanes, desk.now, after, slot, serial);
    }

    /// An alarm was due at `due`.
    pub(super) fn ring(&mut self, desk: &mut Desk, alarm: Alarm, due: Instant) {
        let Some(entry) = self.flights.ringing(alarm.slot, alarm.serial) else {
            return;
        };
        let flight = &mut entry.value;
        desk.tally.ring(desk.now, due);
        let slot = alarm.slot;
        match flight.state {
            State::Proceeding => {
                let rings_for = desk.now.since(flight.sent);
                let left = desk.site.plan.answer_limit.saturating_sub(rings_for);
                if left.is_zero() {
                    flight.state = State::Cancelling;
                    flight.settled = false;
                    flight.since = desk.now;
                    self.request(desk, slot);
                } else {
                    self.alarm(desk, slot, left);
                }
            }
            State::Talking => {
                flight.end(due);
                self.request(desk, slot);
            }
            State::GivenUp => self.finish(slot),
            State::Calling | State::Cancelling | State::Asking | State::Ending => {
                self.press(desk, slot, due);
            }
        }
    }

    /// Timers A, B, E and F: the request again, or no more.
    fn press(&mut self, desk: &mut Desk, slot: u32, due: Instant) {
        let timers = &desk.site.plan.timers;
        let flight = &mut self.flights.entry(slot).value;
        let waited = desk.now.since(flight.sent);
        if waited >= timers.b() {
            self.time_out(desk, slot);
            return;
        }
        let invite = flight.state == State::Calling;
        let settled = flight.settled;
        if !settled {
            flight.copies = flight.copies.saturating_add(1);
            let method = flight.method();
            desk.tally.again(if desk.now.since(due) > LATE {
                Again::Late(method)
            } else {
                Again::Silent(method)
            });
            self.transmit(desk, slot);
        }
        let flight = &self.flights.entry(slot).value;
        let next = match flight.copies {
            _ if settled => timers.b(),
            copies if invite => timers.a(copies),
            copies => timers.e(copies),
        };
        self.alarm(desk, slot, next.min(timers.b().saturating_sub(waited)));
    }

    /// 64·T1 without a final response.
    fn time_out(&mut self, desk: &mut Desk, slot: u32) {
        let flight = &mut self.flights.entry(slot).value;
        match flight.state {
            State::Calling => {
                // A late 2xx must be acknowledged and ended (§13.2.2.4).
                let method = flight.method();
                flight.state = State::GivenUp;
                self.fail(desk, slot, Cause::Timeout(method));
                self.alarm(desk, slot, desk.site.plan.timers.b());
            }
            State::Cancelling => {
                flight.state = State::GivenUp;
                self.fail(desk, slot, Cause::Uncancelled);
                self.alarm(desk, slot, desk.site.plan.timers.b());
            }
            _ => {
                let method = flight.method();
                self.fail(desk, slot, Cause::Timeout(method));
                self.finish(slot);
            }
        }
    }

    /// The unit went as it should.
    fn complete(&mut self, desk: &mut Desk, slot: u32) {
        let entry = self.flights.entry(slot);
        let flight = &mut entry.value;
        if std::mem::replace(&mut flight.counted, true) {
            return;
        }
        if entry.key >= ENROLMENT {
            self.enrolment.ended(None);
            return;
        }
        let held = match flight.state {
            State::Ending => desk.site.plan.hold,
            _ => Duration::ZERO,
        };
        // A stop may have cut it short, and then its length says nothing.
        if !self.stopped {
            desk.tally.time(Stage::Whole, desk.now, flight.begun + held);
        }
        desk.tally.complete(desk.now);
    }

    /// The unit did not.
    fn fail(&mut self, desk: &mut Desk, slot: u32, cause: Cause) {
        let entry = self.flights.entry(slot);
        if std::mem::replace(&mut entry.value.counted, true) {
            return;
        }
        if entry.key >= ENROLMENT {
            if let Some(cause) = self.enrolment.ended(Some(cause)) {
                desk.tally.note(cause);
            }
            return;
        }
        desk.tally.fail(desk.now, cause);
    }

    /// Nothing more is to come of it.
    fn finish(&mut self, slot: u32) {
        self.flights.remove(slot);
    }
}

fn set(lanes: &mut Lanes<Alarm>, now: Instant, after: Duration, slot: u32, serial: u32) {
    let alarm = Alarm {
        callee: false,
        slot,
        serial,
    };
    lanes.set(now, after, alarm);
}
