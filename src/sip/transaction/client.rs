//! The client transaction of every method but INVITE: RFC 3261 figure 6.
//!
//! Late responses (RFC 4320) find no transaction and go no further. Holds no
//! bytes.

use super::event::{ClientEvent, Outgoing, Reaction, Tell};
use super::timer::{Timer, Timers};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// No response yet.
    Trying { copies: u8 },
    /// A provisional response came.
    Proceeding,
    /// A final response came.
    Completed,
}

/// A request we sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Client {
    state: State,
    reliable: bool,
}

impl Client {
    /// The request has just been sent.
    pub fn start(timers: &Timers, reliable: bool) -> (Client, Reaction) {
        let reaction = Reaction::NONE.arm(Timer::F, timers.f());
        let reaction = if reliable {
            reaction
        } else {
            reaction.arm(Timer::E, timers.e(0))
        };
        (
            Client {
                state: State::Trying { copies: 0 },
                reliable,
            },
            reaction,
        )
    }

    /// Whether nothing has come yet.
    pub fn is_unanswered(self) -> bool {
        matches!(self.state, State::Trying { .. })
    }

    /// One event.
    pub fn step(self, event: ClientEvent, timers: &Timers) -> (Client, Reaction) {
        match self.state {
            State::Trying { copies } => self.trying(copies, event, timers),
            State::Proceeding => self.proceeding(event, timers),
            State::Completed => self.completed(event),
        }
    }

    fn trying(self, copies: u8, event: ClientEvent, timers: &Timers) -> (Client, Reaction) {
        match event {
            ClientEvent::Timer(Timer::E) => {
                let copies = copies.saturating_add(1);
                let again = Reaction::NONE.send(Outgoing::Request);
                (
                    self.to(State::Trying { copies }),
                    again.arm(Timer::E, timers.e(copies)),
                )
            }
            ClientEvent::Timer(Timer::F) => (self, Reaction::NONE.tell(Tell::Timeout).end()),
            ClientEvent::Unsent => (self, Reaction::NONE.tell(Tell::Unsent).end()),
            ClientEvent::Response(status) if status.is_provisional() => (
                self.to(State::Proceeding),
                Reaction::NONE.tell(Tell::Response),
            ),
            ClientEvent::Response(_) => self.finally(timers),
            ClientEvent::Cancel | ClientEvent::Timer(_) => (self, Reaction::NONE),
        }
    }

    fn proceeding(self, event: ClientEvent, timers: &Timers) -> (Client, Reaction) {
        match event {
            ClientEvent::Timer(Timer::E) => (
                self,
                Reaction::NONE
                    .send(Outgoing::Request)
                    .arm(Timer::E, timers.e(u8::MAX)),
            ),
            ClientEvent::Timer(Timer::F) => (self, Reaction::NONE.tell(Tell::Timeout).end()),
            ClientEvent::Unsent => (self, Reaction::NONE.tell(Tell::Unsent).end()),
            ClientEvent::Response(status) if status.is_provisional() => {
                (self, Reaction::NONE.tell(Tell::Response))
            }
            ClientEvent::Response(_) => self.finally(timers),
            ClientEvent::Cancel | ClientEvent::Timer(_) => (self, Reaction::NONE),
        }
    }

    fn completed(self, event: ClientEvent) -> (Client, Reaction) {
        match event {
            ClientEvent::Timer(Timer::K) => (self, Reaction::NONE.end()),
            _ => (self, Reaction::NONE),
        }
    }

    /// The first final response, in Trying and Proceeding alike.
    fn finally(self, timers: &Timers) -> (Client, Reaction) {
        let reaction = Reaction::NONE
            .tell(Tell::Response)
            .linger(Timer::K, timers.k(self.reliable));
        (self.to(State::Completed), reaction)
    }

    fn to(self, state: State) -> Client {
        Client { state, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Status;
    use core::time::Duration;

    const TIMERS: Timers = Timers {
        t1: Duration::from_millis(500),
        t2: Duration::from_secs(4),
        t4: Duration::from_secs(5),
        timer_b: Duration::from_secs(32),
    };

    fn response(status: Status) -> ClientEvent {
        ClientEvent::Response(status)
    }

    fn timer(timer: Timer) -> ClientEvent {
        ClientEvent::Timer(timer)
    }

    fn after(events: &[ClientEvent]) -> (Client, Reaction) {
        let start = Client::start(&TIMERS, false);
        events
            .iter()
            .fold(start, |(machine, _), &event| machine.step(event, &TIMERS))
    }

    #[test]
    fn start_arms_e_and_f() {
        let arm = [
            Some((Timer::F, TIMERS.timer_b)),
            Some((Timer::E, TIMERS.t1)),
        ];
        assert_eq!(
            after(&[]).1,
            Reaction {
                arm,
                ..Reaction::NONE
            }
        );
        let (_, reliable) = Client::start(&TIMERS, true);
        assert_eq!(reliable.arm, [Some((Timer::F, TIMERS.timer_b)), None]);
    }

    #[test]
    fn trying_timer_e_retransmits_and_doubles_up_to_t2() {
        let mut events = Vec::new();
        for wait_ms in [1000, 2000, 4000, 4000] {
            events.push(timer(Timer::E));
            let again = Reaction::NONE.send(Outgoing::Request);
            assert_eq!(
                after(&events).1,
                again.arm(Timer::E, Duration::from_millis(wait_ms))
            );
        }
    }

    #[test]
    fn trying_timer_f_times_out() {
        assert_eq!(
            after(&[timer(Timer::F)]).1,
            Reaction::NONE.tell(Tell::Timeout).end()
        );
    }

    #[test]
    fn trying_1xx_is_passed_up_and_proceeds() {
        let (machine, reaction) = after(&[response(Status::TRYING)]);
        assert_eq!(machine.state, State::Proceeding);
        assert_eq!(reaction, Reaction::NONE.tell(Tell::Response));
    }

    #[test]
    fn trying_final_is_passed_up_and_completes() {
        for status in [Status::OK, Status::UNAUTHORIZED, Status::DECLINED] {
            let (machine, reaction) = after(&[response(status)]);
            assert_eq!(machine.state, State::Completed);
            assert_eq!(
                reaction,
                Reaction::NONE.tell(Tell::Response).arm(Timer::K, TIMERS.t4)
            );
        }
    }

    #[test]
    fn proceeding_timer_e_retransmits_every_t2() {
        let again = Reaction::NONE
            .send(Outgoing::Request)
            .arm(Timer::E, TIMERS.t2);
        assert_eq!(after(&[response(Status::TRYING), timer(Timer::E)]).1, again);
    }

    #[test]
    fn proceeding_timer_f_times_out() {
        let (_, reaction) = after(&[response(Status::TRYING), timer(Timer::F)]);
        assert_eq!(reaction, Reaction::NONE.tell(Tell::Timeout).end());
    }

    #[test]
    fn proceeding_1xx_is_passed_up() {
        let (machine, reaction) = after(&[response(Status::TRYING), response(Status::TRYING)]);
        assert_eq!(machine.state, State::Proceeding);
        assert_eq!(reaction, Reaction::NONE.tell(Tell::Response));
    }

    #[test]
    fn proceeding_final_is_passed_up_and_completes() {
        let (machine, reaction) = after(&[response(Status::TRYING), response(Status::OK)]);
        assert_eq!(machine.state, State::Completed);
        assert_eq!(
            reaction,
            Reaction::NONE.tell(Tell::Response).arm(Timer::K, TIMERS.t4)
        );
    }

    #[test]
    fn completed_absorbs_copies() {
        for copy in [
            response(Status::OK),
            response(Status::TRYING),
            timer(Timer::E),
        ] {
            assert_eq!(
                after(&[response(Status::OK), copy]).1,
                Reaction::NONE,
                "{copy:?}"
            );
        }
    }

    #[test]
    fn completed_timer_f_is_no_timeout() {
        assert_eq!(
            after(&[response(Status::OK), timer(Timer::F)]).1,
            Reaction::NONE
        );
    }

    #[test]
    fn completed_timer_k_ends() {
        assert_eq!(
            after(&[response(Status::OK), timer(Timer::K)]).1,
            Reaction::NONE.end()
        );
    }

    #[test]
    fn completed_over_a_reliable_transport_ends_at_once() {
        let (machine, _) = Client::start(&TIMERS, true);
        let (_, reaction) = machine.step(response(Status::OK), &TIMERS);
        assert_eq!(reaction, Reaction::NONE.tell(Tell::Response).end());
    }
}
