//! The registrations of those who are called: all of them before the load,
//! each again before it expires (RFC 3261 §10.2.4), and none left behind but of
//! a load that is refused (§10.2.2): whoever is called next would ring here as
//! well, where nobody answers any more.

use std::time::Duration;

use pinion_sip::base::Instant;
use pinion_sip::wire::{ContactValue, elements};

use super::{Client, Desk};
use crate::caller::glance::Glance;
use crate::caller::lines::Name;
use crate::caller::site::ENROLMENT;
use crate::plan::Unit;
use crate::tally::Cause;

/// Registrations under way at once.
const AT_ONCE: u64 = 64;

/// How far they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// The first round is under way.
    Arriving,
    /// All are registered.
    Here,
    /// The load is over; what is under way is waited for.
    Closing,
    /// The last round, in which all are removed, is under way.
    Leaving,
    /// All is over.
    Gone,
}

/// Who is registered, and when again.
pub(super) struct Enrolment {
    /// The next to be registered in this round.
    next: u64,
    /// One above the last.
    end: u64,
    /// Times all have been registered.
    round: u32,
    running: u64,
    /// When the first round began.
    began: Instant,
    /// The shortest time the registrar keeps one.
    lifetime: Duration,
    /// Registrations under way at once.
    most: u64,
    phase: Phase,
    /// Why one of the first or the last round failed; then no other is begun.
    why: Option<Cause>,
}

impl Enrolment {
    /// Of `count` users, `most` at once at most, for `expires_s` if the
    /// registrar agrees.
    pub(super) fn new(count: u64, most: u64, expires_s: u32) -> Enrolment {
        Enrolment {
            next: 0,
            end: count,
            round: 0,
            running: 0,
            began: Instant::START,
            lifetime: Duration::from_secs(expires_s.into()),
            most: most.min(AT_ONCE),
            phase: if count == 0 {
                Phase::Here
            } else {
                Phase::Arriving
            },
            why: None,
        }
    }

    /// Whether all are registered.
    pub(super) fn is_enrolled(&self) -> bool {
        self.phase != Phase::Arriving
    }

    /// Whether the last round is under way.
    pub(super) fn is_leaving(&self) -> bool {
        self.phase == Phase::Leaving
    }

    /// Whether nobody is registered any more, as far as the registrar answers.
    pub(super) fn is_gone(&self) -> bool {
        self.phase == Phase::Gone
    }

    /// Why the load cannot begin: somebody could not be registered.
    pub(super) fn refusal(&self) -> Option<String> {
        let why = self.why.filter(|_| self.phase == Phase::Arriving)?;
        Some(format!(
            "not all users to be called could be registered ({why}); \
             --no-register leaves that to the target"
        ))
    }

    /// Nobody else is registered, and nobody is waited for.
    pub(super) fn give_up(&mut self) {
        if self.round == 0 {
            self.end = self.next;
        }
        (self.running, self.phase) = (0, Phase::Here);
    }

    /// The load is over: all are removed.
    pub(super) fn leave(&mut self) {
        self.phase = Phase::Closing;
        self.advance();
    }

    fn advance(&mut self) {
        if self.running > 0 {
            return;
        }
        self.phase = match self.phase {
            Phase::Arriving if self.round > 0 && self.why.is_none() => Phase::Here,
            Phase::Closing => {
                // Numbers of the round that was under way are not used again.
                (self.next, self.round) = (0, self.round + 1);
                // What failed before the load is no reason to stay.
                self.why = None;
                if self.end == 0 {
                    Phase::Gone
                } else {
                    Phase::Leaving
                }
            }
            Phase::Leaving if self.next == self.end || self.why.is_some() => Phase::Gone,
            other => other,
        };
    }

    /// When the next registration is due: at once in the first round and in the
    /// last, between them spread evenly over two fifths of a lifetime, so that
    /// the last of the second round, four fifths after the first began, is in
    /// time.
    fn deadline(&self) -> Option<Instant> {
        if self.end == 0 || self.why.is_some() || self.running >= self.most {
            return None;
        }
        match self.phase {
            Phase::Arriving if self.round > 0 => None,
            Phase::Leaving if self.next == self.end => None,
            Phase::Arriving | Phase::Leaving => Some(self.began),
            Phase::Closing | Phase::Gone => None,
            Phase::Here => {
                let period = self.lifetime * 2 / 5;
                let share = self.next as f64 / self.end as f64;
                let due = self.began + period * self.round + period.mul_f64(share);
                (!period.is_zero()).then_some(due)
            }
        }
    }

    /// One has ended: `None` well, or for a cause, which is given back when it
    /// is one of the load's time.
    pub(super) fn ended(&mut self, failure: Option<Cause>) -> Option<Cause> {
        self.running -= 1;
        let of_the_load = matches!(self.phase, Phase::Here | Phase::Closing);
        if !of_the_load {
            self.why = self.why.or(failure);
        }
        self.advance();
        failure.filter(|_| of_the_load)
    }

    /// The number of the next one, and its first CSeq: above those of the round
    /// before, which was challenged at most once.
    fn take(&mut self) -> (u64, u32) {
        let taken = (ENROLMENT + self.next, 1 + 2 * self.round);
        self.running += 1;
        self.next += 1;
        if self.next == self.end && self.phase != Phase::Leaving {
            (self.next, self.round) = (0, self.round + 1);
        }
        taken
    }
}

impl Client {
    /// Sends every registration that is due.
    pub(super) fn enrol_due(&mut self, desk: &mut Desk) {
        if self.enrolment.round == 0 && self.enrolment.next == 0 {
            self.enrolment.began = desk.now;
        }
        while self.enrolment_deadline().is_some_and(|due| due <= desk.now) {
            let (number, cseq) = self.enrolment.take();
            self.launch(desk, number, Unit::Register, cseq, desk.now);
        }
    }

    /// When the next registration is due, if another is to be.
    pub(super) fn enrolment_deadline(&self) -> Option<Instant> {
        let wanted =
            self.enrolment.phase != Phase::Here || self.units.is_empty() || !self.begins_no_more();
        self.enrolment.deadline().filter(|_| wanted)
    }

    /// Keeps for how long the registrar takes a registration: what it says of
    /// our Contact, or of all of them (§10.2.4).
    pub(super) fn granted(&mut self, desk: &Desk, number: u64, response: &Glance) {
        let site = desk.site;
        self.scratch.clear();
        self.scratch.extend_from_slice(b"sip:");
        let name = |out: &mut Vec<u8>| site.users(number).write_name(site.user_index(number), out);
        name(&mut self.scratch);
        let local = site.callee.unwrap_or(site.plan.target);
        self.scratch
            .extend_from_slice(format!("@{local}").as_bytes());
        let contacts = response.lines(Name::Contact);
        let ours = contacts
            .flat_map(|line| elements(line.value()))
            .filter_map(|value| match ContactValue::parse(value)? {
                ContactValue::Addr(address) => Some(address),
                ContactValue::Star => None,
            })
            .find(|address| address.uri.starts_with(&self.scratch));
        let all = || {
            std::str::from_utf8(response.others(b"Expires").next()?)
                .ok()?
                .parse()
                .ok()
        };
        if let Some(expires_s) = ours.and_then(|address| address.expires_s()).or_else(all) {
            let granted = Duration::from_secs(u64::from(expires_s));
            self.enrolment.lifetime = self.enrolment.lifetime.min(granted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_three() -> Enrolment {
        Enrolment::new(3, 2, 60)
    }

    /// Registers whoever is due until all are.
    fn arrive(mut enrolment: Enrolment) -> Enrolment {
        while !enrolment.is_enrolled() {
            enrolment.take();
            enrolment.ended(None);
        }
        enrolment
    }

    /// Who is removed once the load is over, which comes to its end.
    #[track_caller]
    fn removed(mut enrolment: Enrolment) -> Vec<u64> {
        enrolment.leave();
        if enrolment.running > 0 {
            enrolment.ended(None);
        }
        let mut removed = Vec::new();
        while enrolment.deadline().is_some() {
            removed.push(enrolment.take().0 - ENROLMENT);
            enrolment.ended(None);
        }
        assert!(enrolment.is_gone());
        removed
    }

    #[test]
    fn all_who_came_are_removed() {
        assert_eq!(removed(Enrolment::new(0, 2, 60)), [0; 0]);
        assert_eq!(removed(arrive(of_three())), [0, 1, 2]);
        let mut again = arrive(of_three());
        again.take();
        assert_eq!(removed(again), [0, 1, 2], "one was under way");
    }

    #[test]
    fn a_failure_before_the_load_keeps_nobody_from_leaving() {
        let mut stopped = of_three();
        stopped.take();
        stopped.take();
        stopped.ended(Some(Cause::HungUp));
        assert!(stopped.refusal().is_some());
        stopped.give_up();
        assert_eq!(removed(stopped), [0, 1]);
    }

    #[test]
    fn a_failure_of_the_last_round_ends_it() {
        let mut leaving = arrive(of_three());
        leaving.leave();
        leaving.take();
        leaving.ended(Some(Cause::HungUp));
        assert!(leaving.is_gone());
    }
}
