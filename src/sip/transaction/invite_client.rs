//! The INVITE client transaction: RFC 3261 figure 5 as RFC 6026 redraws it.
//!
//! Adds §9.1: a CANCEL waits for a provisional response, and an INVITE that
//! stays unanswered 64·T1 after it is given up. Holds no bytes.

use super::event::{ClientEvent, Outgoing, Reaction, Tell};
use super::timer::{Timer, Timers};
use crate::wire::Status;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// No response yet; `cancel` once the user wants none.
    Calling { copies: u8, cancel: bool },
    /// A provisional response came; `cancelled` once a CANCEL went out.
    Proceeding { cancelled: bool },
    /// A 300–699 came and is acknowledged.
    Completed,
    /// A 2xx came; more may (RFC 6026).
    Accepted,
}

/// An INVITE we sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InviteClient {
    state: State,
    reliable: bool,
}

impl InviteClient {
    /// The INVITE has just been sent.
    pub fn start(timers: &Timers, reliable: bool) -> (InviteClient, Reaction) {
        let state = State::Calling {
            copies: 0,
            cancel: false,
        };
        let reaction = Reaction::NONE.arm(Timer::B, timers.b());
        let reaction = if reliable {
            reaction
        } else {
            reaction.arm(Timer::A, timers.a(0))
        };
        (InviteClient { state, reliable }, reaction)
    }

    /// Whether nothing has come yet.
    pub fn is_unanswered(self) -> bool {
        matches!(self.state, State::Calling { .. })
    }

    /// Whether nothing has come yet, and the user wants nothing any more.
    pub fn is_unwanted(self) -> bool {
        matches!(self.state, State::Calling { cancel: true, .. })
    }

    /// One event.
    pub fn step(self, event: ClientEvent, timers: &Timers) -> (InviteClient, Reaction) {
        match self.state {
            State::Calling { copies, cancel } => self.calling(copies, cancel, event, timers),
            State::Proceeding { cancelled } => self.proceeding(cancelled, event, timers),
            State::Completed => self.completed(event),
            State::Accepted => self.accepted(event),
        }
    }

    fn calling(
        self,
        copies: u8,
        cancel: bool,
        event: ClientEvent,
        timers: &Timers,
    ) -> (InviteClient, Reaction) {
        match event {
            ClientEvent::Timer(Timer::A) => {
                let copies = copies.saturating_add(1);
                let next = self.to(State::Calling { copies, cancel });
                (
                    next,
                    Reaction::NONE
                        .send(Outgoing::Request)
                        .arm(Timer::A, timers.a(copies)),
                )
            }
            ClientEvent::Timer(Timer::B) => (self, Reaction::NONE.tell(Tell::Timeout).end()),
            ClientEvent::Unsent => (self, Reaction::NONE.tell(Tell::Unsent).end()),
            ClientEvent::Cancel => (
                self.to(State::Calling {
                    copies,
                    cancel: true,
                }),
                Reaction::NONE,
            ),
            ClientEvent::Response(status) if status.is_provisional() => {
                let told = Reaction::NONE.tell(Tell::Response);
                let reaction = if cancel {
                    cancelling(told, timers)
                } else {
                    told
                };
                (self.to(State::Proceeding { cancelled: cancel }), reaction)
            }
            ClientEvent::Response(status) => self.finally(status, timers),
            ClientEvent::Timer(_) => (self, Reaction::NONE),
        }
    }

    fn proceeding(
        self,
        cancelled: bool,
        event: ClientEvent,
        timers: &Timers,
    ) -> (InviteClient, Reaction) {
        match event {
            ClientEvent::Response(status) if status.is_provisional() => {
                (self, Reaction::NONE.tell(Tell::Response))
            }
            ClientEvent::Response(status) => self.finally(status, timers),
            ClientEvent::Cancel if !cancelled => (
                self.to(State::Proceeding { cancelled: true }),
                cancelling(Reaction::NONE, timers),
            ),
            ClientEvent::Timer(Timer::Abandon) => (self, Reaction::NONE.tell(Tell::Timeout).end()),
            // It has arrived; its final response may take another connection
            // (RFC 3261 §18.2.2).
            ClientEvent::Cancel | ClientEvent::Unsent | ClientEvent::Timer(_) => {
                (self, Reaction::NONE)
            }
        }
    }

    fn completed(self, event: ClientEvent) -> (InviteClient, Reaction) {
        match event {
            ClientEvent::Response(status) if status.is_final() && !status.is_success() => {
                (self, Reaction::NONE.send(Outgoing::Ack))
            }
            ClientEvent::Timer(Timer::D) => (self, Reaction::NONE.end()),
            _ => (self, Reaction::NONE),
        }
    }

    fn accepted(self, event: ClientEvent) -> (InviteClient, Reaction) {
        match event {
            ClientEvent::Response(status) if status.is_success() => {
                (self, Reaction::NONE.tell(Tell::Response))
            }
            ClientEvent::Timer(Timer::M) => (self, Reaction::NONE.end()),
            _ => (self, Reaction::NONE),
        }
    }

    /// The first final response, in Calling and Proceeding alike.
    fn finally(self, status: Status, timers: &Timers) -> (InviteClient, Reaction) {
        let told = Reaction::NONE.tell(Tell::Response);
        if status.is_success() {
            return (self.to(State::Accepted), told.arm(Timer::M, timers.m()));
        }
        let reaction = told
            .send(Outgoing::Ack)
            .linger(Timer::D, timers.d(self.reliable));
        (self.to(State::Completed), reaction)
    }

    fn to(self, state: State) -> InviteClient {
        InviteClient { state, ..self }
    }
}

fn cancelling(reaction: Reaction, timers: &Timers) -> Reaction {
    reaction
        .send(Outgoing::Cancel)
        .arm(Timer::Abandon, timers.b())
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

    fn response(status: Status) -> ClientEvent {
        ClientEvent::Response(status)
    }

    fn timer(timer: Timer) -> ClientEvent {
        ClientEvent::Timer(timer)
    }

    /// A UDP transaction after `events`, and what the last of them wanted.
    fn after(events: &[ClientEvent]) -> (InviteClient, Reaction) {
        let start = InviteClient::start(&TIMERS, false);
        events
            .iter()
            .fold(start, |(machine, _), &event| machine.step(event, &TIMERS))
    }

    fn state(events: &[ClientEvent]) -> State {
        after(events).0.state
    }

    #[test]
    fn start_arms_a_and_b() {
        let arm = [
            Some((Timer::B, TIMERS.timer_b)),
            Some((Timer::A, TIMERS.t1)),
        ];
        assert_eq!(
            after(&[]).1,
            Reaction {
                arm,
                ..Reaction::NONE
            }
        );
    }

    #[test]
    fn start_over_a_reliable_transport_arms_b_only() {
        let (_, reaction) = InviteClient::start(&TIMERS, true);
        assert_eq!(reaction.arm, [Some((Timer::B, TIMERS.timer_b)), None]);
    }

    #[test]
    fn calling_timer_a_retransmits_and_doubles() {
        let mut events = Vec::new();
        for copies in 1..=6 {
            events.push(timer(Timer::A));
            let wanted = Reaction::NONE
                .send(Outgoing::Request)
                .arm(Timer::A, TIMERS.t1 * (1 << copies));
            assert_eq!(after(&events).1, wanted);
        }
    }

    #[test]
    fn calling_timer_b_times_out() {
        assert_eq!(
            after(&[timer(Timer::B)]).1,
            Reaction::NONE.tell(Tell::Timeout).end()
        );
    }

    #[test]
    fn calling_1xx_is_passed_up_and_proceeds() {
        let (machine, reaction) = after(&[response(Status::TRYING)]);
        assert_eq!(machine.state, State::Proceeding { cancelled: false });
        assert_eq!(reaction, Reaction::NONE.tell(Tell::Response));
    }

    #[test]
    fn calling_2xx_is_passed_up_and_accepts() {
        let (machine, reaction) = after(&[response(Status::OK)]);
        assert_eq!(machine.state, State::Accepted);
        assert_eq!(
            reaction,
            Reaction::NONE
                .tell(Tell::Response)
                .arm(Timer::M, TIMERS.timer_b)
        );
    }

    #[test]
    fn calling_300_to_699_is_acknowledged_passed_up_and_completes() {
        let (machine, reaction) = after(&[response(Status::BUSY_HERE)]);
        assert_eq!(machine.state, State::Completed);
        let wanted = Reaction::NONE.send(Outgoing::Ack).tell(Tell::Response);
        assert_eq!(reaction, wanted.arm(Timer::D, Duration::from_secs(32)));
    }

    #[test]
    fn calling_cancel_waits_for_a_provisional_response() {
        let (_, reaction) = after(&[ClientEvent::Cancel]);
        assert_eq!(reaction, Reaction::NONE);
        let (machine, reaction) = after(&[ClientEvent::Cancel, response(Status::RINGING)]);
        assert_eq!(machine.state, State::Proceeding { cancelled: true });
        assert_eq!(reaction.send, Some(Outgoing::Cancel));
        assert_eq!(reaction.to_user, Some(Tell::Response));
        assert_eq!(reaction.arm, [Some((Timer::Abandon, TIMERS.timer_b)), None]);
    }

    #[test]
    fn calling_cancel_before_a_final_response_is_never_sent() {
        let (machine, reaction) = after(&[ClientEvent::Cancel, response(Status::OK)]);
        assert_eq!((machine.state, reaction.send), (State::Accepted, None));
        let (_, reaction) = after(&[ClientEvent::Cancel, response(Status::BUSY_HERE)]);
        assert_eq!(reaction.send, Some(Outgoing::Ack));
    }

    #[test]
    fn calling_cancelled_still_retransmits() {
        let (machine, reaction) = after(&[ClientEvent::Cancel, timer(Timer::A)]);
        assert_eq!(
            machine.state,
            State::Calling {
                copies: 1,
                cancel: true
            }
        );
        assert_eq!(reaction.send, Some(Outgoing::Request));
    }

    #[test]
    fn proceeding_1xx_is_passed_up() {
        let (machine, reaction) = after(&[response(Status::TRYING), response(Status::RINGING)]);
        assert_eq!(machine.state, State::Proceeding { cancelled: false });
        assert_eq!(reaction, Reaction::NONE.tell(Tell::Response));
    }

    #[test]
    fn proceeding_retransmits_no_longer() {
        let ringing = response(Status::RINGING);
        assert_eq!(after(&[ringing, timer(Timer::A)]).1, Reaction::NONE);
        assert_eq!(after(&[ringing, timer(Timer::B)]).1, Reaction::NONE);
    }

    #[test]
    fn proceeding_2xx_is_passed_up_and_accepts() {
        let (machine, reaction) = after(&[response(Status::RINGING), response(Status::OK)]);
        assert_eq!(machine.state, State::Accepted);
        assert_eq!(
            reaction,
            Reaction::NONE
                .tell(Tell::Response)
                .arm(Timer::M, TIMERS.timer_b)
        );
    }

    #[test]
    fn proceeding_300_to_699_is_acknowledged_passed_up_and_completes() {
        let (machine, reaction) = after(&[response(Status::RINGING), response(Status::DECLINED)]);
        assert_eq!(machine.state, State::Completed);
        assert_eq!(
            (reaction.send, reaction.to_user),
            (Some(Outgoing::Ack), Some(Tell::Response))
        );
    }

    #[test]
    fn proceeding_cancel_is_sent_once() {
        let events = [
            response(Status::RINGING),
            ClientEvent::Cancel,
            ClientEvent::Cancel,
        ];
        let (machine, reaction) = after(&events[..2]);
        assert_eq!(machine.state, State::Proceeding { cancelled: true });
        let wanted = Reaction::NONE.send(Outgoing::Cancel);
        assert_eq!(reaction, wanted.arm(Timer::Abandon, TIMERS.timer_b));
        assert_eq!(after(&events).1, Reaction::NONE);
    }

    #[test]
    fn proceeding_abandon_times_out() {
        let events = [
            response(Status::RINGING),
            ClientEvent::Cancel,
            timer(Timer::Abandon),
        ];
        assert_eq!(after(&events).1, Reaction::NONE.tell(Tell::Timeout).end());
    }

    #[test]
    fn completed_300_to_699_is_acknowledged_again_and_not_passed_up() {
        let busy = response(Status::BUSY_HERE);
        let (machine, reaction) = after(&[busy, busy]);
        assert_eq!(machine.state, State::Completed);
        assert_eq!(reaction, Reaction::NONE.send(Outgoing::Ack));
    }

    #[test]
    fn completed_ignores_everything_else() {
        let busy = response(Status::BUSY_HERE);
        let others = [
            response(Status::RINGING),
            response(Status::OK),
            ClientEvent::Cancel,
            timer(Timer::A),
        ];
        for other in others {
            assert_eq!(after(&[busy, other]).1, Reaction::NONE, "{other:?}");
        }
    }

    #[test]
    fn completed_timer_d_ends() {
        assert_eq!(
            after(&[response(Status::BUSY_HERE), timer(Timer::D)]).1,
            Reaction::NONE.end()
        );
    }

    #[test]
    fn completed_over_a_reliable_transport_ends_at_once() {
        let (machine, _) = InviteClient::start(&TIMERS, true);
        let (_, reaction) = machine.step(response(Status::BUSY_HERE), &TIMERS);
        assert_eq!(reaction.send, Some(Outgoing::Ack));
        assert!(reaction.ended);
    }

    #[test]
    fn accepted_2xx_is_passed_up_again() {
        let ok = response(Status::OK);
        let (machine, reaction) = after(&[ok, ok]);
        assert_eq!(machine.state, State::Accepted);
        assert_eq!(reaction, Reaction::NONE.tell(Tell::Response));
    }

    #[test]
    fn accepted_ignores_everything_else() {
        let ok = response(Status::OK);
        let others = [
            response(Status::RINGING),
            response(Status::BUSY_HERE),
            ClientEvent::Cancel,
        ];
        for other in others {
            assert_eq!(after(&[ok, other]).1, Reaction::NONE, "{other:?}");
        }
        assert_eq!(state(&[ok, ClientEvent::Cancel]), State::Accepted);
    }

    #[test]
    fn accepted_timer_m_ends() {
        assert_eq!(
            after(&[response(Status::OK), timer(Timer::M)]).1,
            Reaction::NONE.end()
        );
    }
}
