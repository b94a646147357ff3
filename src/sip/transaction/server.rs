//! The server transaction of every method but INVITE: RFC 3261 figure 8 under
//! the rules of RFC 4320.
//!
//! No provisional response but 100, and that not before the client's timer E
//! has reached T2; no 408; nothing at all once the client has given up. Holds
//! no bytes.

use super::event::{Outgoing, Reaction, ServerEvent};
use super::timer::{Timer, Timers};
use crate::wire::Status;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Nothing sent; `late` once a 100 may be (RFC 4320 §4.1).
    Trying { late: bool },
    /// A 100 was sent.
    Proceeding,
    /// A final response was sent.
    Completed,
}

/// A request we received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Server {
    state: State,
    reliable: bool,
}

impl Server {
    /// The request has just been passed to the user.
    pub fn start(timers: &Timers, reliable: bool) -> (Server, Reaction) {
        let wait = timers.trying_allowed(reliable);
        let bounded = Reaction::NONE.arm(Timer::F, timers.f());
        let reaction = if wait.is_zero() {
            bounded
        } else {
            bounded.arm(Timer::Trying, wait)
        };
        (
            Server {
                state: State::Trying {
                    late: wait.is_zero(),
                },
                reliable,
            },
            reaction,
        )
    }

    /// The request has just been passed to the user, who answers it at once.
    pub fn answered(status: Status, timers: &Timers, reliable: bool) -> (Server, Reaction) {
        let state = State::Trying { late: reliable };
        Server { state, reliable }.finally(status, timers)
    }

    /// One event.
    pub fn step(self, event: ServerEvent, timers: &Timers) -> (Server, Reaction) {
        match self.state {
            State::Trying { late } => self.trying(late, event, timers),
            State::Proceeding => self.proceeding(event, timers),
            State::Completed => self.completed(event),
        }
    }

    /// Whether a final response was sent.
    pub fn is_answered(self) -> bool {
        self.state == State::Completed
    }

    fn trying(self, late: bool, event: ServerEvent, timers: &Timers) -> (Server, Reaction) {
        match event {
            ServerEvent::Timer(Timer::Trying) => {
                (self.to(State::Trying { late: true }), Reaction::NONE)
            }
            ServerEvent::Request if late => (
                self.to(State::Proceeding),
                Reaction::NONE.send(Outgoing::Trying),
            ),
            ServerEvent::Respond(Status::TRYING) if late => (
                self.to(State::Proceeding),
                Reaction::NONE.send(Outgoing::Response),
            ),
            ServerEvent::Respond(status) => self.finally(status, timers),
            ServerEvent::Timer(Timer::F) => (self, Reaction::NONE.end()),
            _ => (self, Reaction::NONE),
        }
    }

    fn proceeding(self, event: ServerEvent, timers: &Timers) -> (Server, Reaction) {
        match event {
            ServerEvent::Request | ServerEvent::Respond(Status::TRYING) => {
                (self, Reaction::NONE.send(Outgoing::Response))
            }
            ServerEvent::Respond(status) => self.finally(status, timers),
            ServerEvent::Timer(Timer::F) => (self, Reaction::NONE.end()),
            ServerEvent::Ack | ServerEvent::Timer(_) => (self, Reaction::NONE),
        }
    }

    fn completed(self, event: ServerEvent) -> (Server, Reaction) {
        match event {
            ServerEvent::Request => (self, Reaction::NONE.send(Outgoing::Response)),
            ServerEvent::Timer(Timer::J) => (self, Reaction::NONE.end()),
            _ => (self, Reaction::NONE),
        }
    }

    /// A response from the user in Trying and Proceeding. A 408 would always
    /// come too late to be of use (RFC 4320 §4.2).
    fn finally(self, status: Status, timers: &Timers) -> (Server, Reaction) {
        if !status.is_final() || status == Status::REQUEST_TIMEOUT {
            return (self, Reaction::NONE);
        }
        let respond = Reaction::NONE.send(Outgoing::Response);
        (
            self.to(State::Completed),
            respond.linger(Timer::J, timers.j(self.reliable)),
        )
    }

    fn to(self, state: State) -> Server {
        Server { state, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    const TIMERS: Timers = Timers {
        t1: Duration::from_millis(500),
        t2: Duration::from_secs(4),
        t4: Duration::from_secs(5),
        timer_b: Duration::from_secs(32),
    };
    const RESPOND: Reaction = Reaction {
        send: Some(Outgoing::Response),
        ..Reaction::NONE
    };
    const LATE: ServerEvent = ServerEvent::Timer(Timer::Trying);
    const PROCEED: ServerEvent = ServerEvent::Respond(Status::TRYING);

    fn respond(status: Status) -> ServerEvent {
        ServerEvent::Respond(status)
    }

    fn timer(timer: Timer) -> ServerEvent {
        ServerEvent::Timer(timer)
    }

    fn after(events: &[ServerEvent]) -> (Server, Reaction) {
        let start = Server::start(&TIMERS, false);
        events
            .iter()
            .fold(start, |(machine, _), &event| machine.step(event, &TIMERS))
    }

    #[test]
    fn start_bounds_the_transaction_and_waits_to_allow_100() {
        let wanted = Reaction::NONE
            .arm(Timer::F, TIMERS.timer_b)
            .arm(Timer::Trying, Duration::from_millis(3500));
        assert_eq!(after(&[]).1, wanted);
    }

    #[test]
    fn trying_request_is_discarded() {
        assert_eq!(after(&[ServerEvent::Request]).1, Reaction::NONE);
    }

    #[test]
    fn trying_late_request_is_answered_100() {
        let (machine, reaction) = after(&[LATE, ServerEvent::Request]);
        assert_eq!(machine.state, State::Proceeding);
        assert_eq!(reaction, Reaction::NONE.send(Outgoing::Trying));
    }

    #[test]
    fn trying_100_is_refused_until_late() {
        assert_eq!(after(&[PROCEED]).1, Reaction::NONE);
        let (machine, reaction) = after(&[LATE, PROCEED]);
        assert_eq!((machine.state, reaction), (State::Proceeding, RESPOND));
    }

    #[test]
    fn trying_100_over_a_reliable_transport_is_sent_at_once() {
        let (machine, _) = Server::start(&TIMERS, true);
        assert_eq!(machine.step(PROCEED, &TIMERS).1, RESPOND);
    }

    #[test]
    fn no_other_provisional_response_is_sent() {
        for events in [
            &[LATE, respond(Status::RINGING)][..],
            &[LATE, PROCEED, respond(Status::RINGING)],
        ] {
            assert_eq!(after(events).1, Reaction::NONE);
        }
    }

    #[test]
    fn no_408_is_sent() {
        let timeout = respond(Status::REQUEST_TIMEOUT);
        for events in [&[timeout][..], &[LATE, PROCEED, timeout]] {
            let (machine, reaction) = after(events);
            assert_eq!(reaction, Reaction::NONE);
            assert!(!machine.is_answered());
        }
    }

    #[test]
    fn trying_final_is_sent_and_completes() {
        for status in [Status::OK, Status::UNAUTHORIZED, Status::DECLINED] {
            let (machine, reaction) = after(&[respond(status)]);
            assert_eq!(machine.state, State::Completed);
            assert_eq!(reaction, RESPOND.arm(Timer::J, TIMERS.timer_b));
        }
    }

    #[test]
    fn unanswered_timer_f_ends_without_a_word() {
        assert_eq!(after(&[timer(Timer::F)]).1, Reaction::NONE.end());
        assert_eq!(
            after(&[LATE, PROCEED, timer(Timer::F)]).1,
            Reaction::NONE.end()
        );
    }

    #[test]
    fn proceeding_request_sends_the_response() {
        assert_eq!(after(&[LATE, PROCEED, ServerEvent::Request]).1, RESPOND);
    }

    #[test]
    fn proceeding_100_is_sent() {
        let (machine, reaction) = after(&[LATE, PROCEED, PROCEED]);
        assert_eq!((machine.state, reaction), (State::Proceeding, RESPOND));
    }

    #[test]
    fn proceeding_final_is_sent_and_completes() {
        let (machine, reaction) = after(&[LATE, PROCEED, respond(Status::OK)]);
        assert_eq!(machine.state, State::Completed);
        assert_eq!(reaction, RESPOND.arm(Timer::J, TIMERS.timer_b));
    }

    #[test]
    fn completed_request_sends_the_response() {
        assert_eq!(
            after(&[respond(Status::OK), ServerEvent::Request]).1,
            RESPOND
        );
    }

    #[test]
    fn completed_discards_other_responses() {
        assert_eq!(
            after(&[respond(Status::OK), respond(Status::DECLINED)]).1,
            Reaction::NONE
        );
        assert_eq!(after(&[respond(Status::OK), PROCEED]).1, Reaction::NONE);
    }

    #[test]
    fn completed_timer_f_does_not_end() {
        assert_eq!(
            after(&[respond(Status::OK), timer(Timer::F)]).1,
            Reaction::NONE
        );
    }

    #[test]
    fn completed_timer_j_ends() {
        assert_eq!(
            after(&[respond(Status::OK), timer(Timer::J)]).1,
            Reaction::NONE.end()
        );
    }

    #[test]
    fn completed_over_a_reliable_transport_ends_at_once() {
        let (machine, _) = Server::start(&TIMERS, true);
        assert_eq!(machine.step(respond(Status::OK), &TIMERS).1, RESPOND.end());
    }
}
