//! The INVITE server transaction: RFC 3261 figure 7 as RFC 6026 redraws it.
//!
//! Repeating a 2xx until its ACK is the user's part (§13.3.1.4), not this
//! machine's. Holds no bytes.

use super::event::{Outgoing, Reaction, ServerEvent, Tell};
use super::timer::{Timer, Timers};
use crate::wire::Status;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// No final response yet; `answered` once anything was sent.
    Proceeding { answered: bool },
    /// A 300–699 was sent and waits for its ACK.
    Completed { copies: u8 },
    /// The ACK came; copies of it may.
    Confirmed,
    /// A 2xx was sent; copies of the INVITE may come (RFC 6026).
    Accepted,
}

/// An INVITE we received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InviteServer {
    state: State,
    reliable: bool,
}

impl InviteServer {
    /// The INVITE has just been passed to the user.
    pub fn start(reliable: bool) -> (InviteServer, Reaction) {
        let state = State::Proceeding { answered: false };
        (
            InviteServer { state, reliable },
            Reaction::NONE.arm(Timer::Trying, Timers::TRYING),
        )
    }

    /// One event.
    pub fn step(self, event: ServerEvent, timers: &Timers) -> (InviteServer, Reaction) {
        match self.state {
            State::Proceeding { answered } => self.proceeding(answered, event, timers),
            State::Completed { copies } => self.completed(copies, event, timers),
            State::Confirmed => self.confirmed(event),
            State::Accepted => self.accepted(event),
        }
    }

    /// Whether a final response was sent.
    pub fn is_answered(self) -> bool {
        !matches!(self.state, State::Proceeding { .. })
    }

    /// Whether a 2xx was sent.
    pub fn is_accepted(self) -> bool {
        self.state == State::Accepted
    }

    fn proceeding(
        self,
        answered: bool,
        event: ServerEvent,
        timers: &Timers,
    ) -> (InviteServer, Reaction) {
        let respond = Reaction::NONE.send(Outgoing::Response);
        match event {
            ServerEvent::Timer(Timer::Trying) if answered => (self, Reaction::NONE),
            ServerEvent::Request | ServerEvent::Timer(Timer::Trying) => {
                (self.to(State::Proceeding { answered: true }), respond)
            }
            ServerEvent::Respond(status) => self.respond(status, timers),
            ServerEvent::Ack | ServerEvent::Timer(_) => (self, Reaction::NONE),
        }
    }

    fn completed(
        self,
        copies: u8,
        event: ServerEvent,
        timers: &Timers,
    ) -> (InviteServer, Reaction) {
        let respond = Reaction::NONE.send(Outgoing::Response);
        match event {
            ServerEvent::Request => (self, respond),
            ServerEvent::Timer(Timer::G) => {
                let copies = copies.saturating_add(1);
                let next = self.to(State::Completed { copies });
                (next, respond.arm(Timer::G, timers.g(copies)))
            }
            ServerEvent::Timer(Timer::H) => (self, Reaction::NONE.tell(Tell::Unacknowledged).end()),
            ServerEvent::Ack => {
                let reaction = Reaction::NONE.linger(Timer::I, timers.i(self.reliable));
                (self.to(State::Confirmed), reaction)
            }
            ServerEvent::Respond(_) | ServerEvent::Timer(_) => (self, Reaction::NONE),
        }
    }

    fn confirmed(self, event: ServerEvent) -> (InviteServer, Reaction) {
        match event {
            ServerEvent::Timer(Timer::I) => (self, Reaction::NONE.end()),
            _ => (self, Reaction::NONE),
        }
    }

    fn accepted(self, event: ServerEvent) -> (InviteServer, Reaction) {
        match event {
            ServerEvent::Respond(status) if status.is_success() => {
                (self, Reaction::NONE.send(Outgoing::Response))
            }
            ServerEvent::Ack => (self, Reaction::NONE.tell(Tell::Ack)),
            ServerEvent::Timer(Timer::L) => (self, Reaction::NONE.end()),
            _ => (self, Reaction::NONE),
        }
    }

    /// A response from the user in Proceeding.
    fn respond(self, status: Status, timers: &Timers) -> (InviteServer, Reaction) {
        let respond = Reaction::NONE.send(Outgoing::Response);
        if status.is_provisional() {
            return (self.to(State::Proceeding { answered: true }), respond);
        }
        if status.is_success() {
            return (self.to(State::Accepted), respond.arm(Timer::L, timers.l()));
        }
        let respond = respond.arm(Timer::H, timers.h());
        let respond = if self.reliable {
            respond
        } else {
            respond.arm(Timer::G, timers.g(0))
        };
        (self.to(State::Completed { copies: 0 }), respond)
    }

    fn to(self, state: State) -> InviteServer {
        InviteServer { state, ..self }
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

    fn respond(status: Status) -> ServerEvent {
        ServerEvent::Respond(status)
    }

    fn timer(timer: Timer) -> ServerEvent {
        ServerEvent::Timer(timer)
    }

    fn after(events: &[ServerEvent]) -> (InviteServer, Reaction) {
        let start = InviteServer::start(false);
        events
            .iter()
            .fold(start, |(machine, _), &event| machine.step(event, &TIMERS))
    }

    #[test]
    fn start_gives_the_user_200_ms() {
        let wanted = Reaction::NONE.arm(Timer::Trying, Duration::from_millis(200));
        assert_eq!(after(&[]).1, wanted);
    }

    #[test]
    fn proceeding_200_ms_without_a_response_sends_100() {
        assert_eq!(after(&[timer(Timer::Trying)]).1, RESPOND);
    }

    #[test]
    fn proceeding_200_ms_after_a_response_sends_nothing() {
        assert_eq!(
            after(&[respond(Status::RINGING), timer(Timer::Trying)]).1,
            Reaction::NONE
        );
        assert_eq!(
            after(&[ServerEvent::Request, timer(Timer::Trying)]).1,
            Reaction::NONE
        );
    }

    #[test]
    fn proceeding_invite_sends_the_last_response() {
        assert_eq!(after(&[ServerEvent::Request]).1, RESPOND);
        assert_eq!(
            after(&[respond(Status::RINGING), ServerEvent::Request]).1,
            RESPOND
        );
    }

    #[test]
    fn proceeding_101_to_199_is_sent() {
        let (machine, reaction) = after(&[respond(Status::RINGING)]);
        assert_eq!(machine.state, State::Proceeding { answered: true });
        assert_eq!(reaction, RESPOND);
    }

    #[test]
    fn proceeding_2xx_is_sent_and_accepts() {
        let (machine, reaction) = after(&[respond(Status::OK)]);
        assert_eq!(machine.state, State::Accepted);
        assert_eq!(reaction, RESPOND.arm(Timer::L, TIMERS.timer_b));
    }

    #[test]
    fn proceeding_300_to_699_is_sent_and_completes() {
        let (machine, reaction) = after(&[respond(Status::BUSY_HERE)]);
        assert_eq!(machine.state, State::Completed { copies: 0 });
        assert_eq!(
            reaction,
            RESPOND
                .arm(Timer::H, TIMERS.timer_b)
                .arm(Timer::G, TIMERS.t1)
        );
    }

    #[test]
    fn proceeding_300_to_699_over_a_reliable_transport_arms_h_only() {
        let (machine, _) = InviteServer::start(true);
        let (_, reaction) = machine.step(respond(Status::BUSY_HERE), &TIMERS);
        assert_eq!(reaction, RESPOND.arm(Timer::H, TIMERS.timer_b));
    }

    #[test]
    fn proceeding_ack_is_ignored() {
        assert_eq!(after(&[ServerEvent::Ack]).1, Reaction::NONE);
    }

    #[test]
    fn completed_invite_sends_the_response() {
        assert_eq!(
            after(&[respond(Status::BUSY_HERE), ServerEvent::Request]).1,
            RESPOND
        );
    }

    #[test]
    fn completed_timer_g_sends_the_response_and_doubles_up_to_t2() {
        let mut events = vec![respond(Status::BUSY_HERE)];
        for wait_ms in [1000, 2000, 4000, 4000] {
            events.push(timer(Timer::G));
            let wanted = RESPOND.arm(Timer::G, Duration::from_millis(wait_ms));
            assert_eq!(after(&events).1, wanted);
        }
    }

    #[test]
    fn completed_timer_h_tells_and_ends() {
        let (_, reaction) = after(&[respond(Status::BUSY_HERE), timer(Timer::H)]);
        assert_eq!(reaction, Reaction::NONE.tell(Tell::Unacknowledged).end());
    }

    #[test]
    fn completed_ack_confirms() {
        let (machine, reaction) = after(&[respond(Status::BUSY_HERE), ServerEvent::Ack]);
        assert_eq!(machine.state, State::Confirmed);
        assert_eq!(reaction, Reaction::NONE.arm(Timer::I, TIMERS.t4));
    }

    #[test]
    fn completed_ack_over_a_reliable_transport_ends_at_once() {
        let (machine, _) = InviteServer::start(true);
        let (machine, _) = machine.step(respond(Status::BUSY_HERE), &TIMERS);
        assert_eq!(
            machine.step(ServerEvent::Ack, &TIMERS).1,
            Reaction::NONE.end()
        );
    }

    #[test]
    fn completed_takes_no_other_response() {
        for status in [Status::OK, Status::RINGING, Status::DECLINED] {
            let (_, reaction) = after(&[respond(Status::BUSY_HERE), respond(status)]);
            assert_eq!(reaction, Reaction::NONE);
        }
    }

    #[test]
    fn confirmed_absorbs_everything() {
        let events = [
            ServerEvent::Request,
            ServerEvent::Ack,
            timer(Timer::G),
            timer(Timer::H),
            respond(Status::OK),
        ];
        for event in events {
            let (_, reaction) = after(&[respond(Status::BUSY_HERE), ServerEvent::Ack, event]);
            assert_eq!(reaction, Reaction::NONE, "{event:?}");
        }
    }

    #[test]
    fn confirmed_timer_i_ends() {
        let events = [
            respond(Status::BUSY_HERE),
            ServerEvent::Ack,
            timer(Timer::I),
        ];
        assert_eq!(after(&events).1, Reaction::NONE.end());
    }

    #[test]
    fn accepted_invite_is_absorbed() {
        assert_eq!(
            after(&[respond(Status::OK), ServerEvent::Request]).1,
            Reaction::NONE
        );
    }

    #[test]
    fn accepted_ack_is_passed_up() {
        let (_, reaction) = after(&[respond(Status::OK), ServerEvent::Ack]);
        assert_eq!(reaction, Reaction::NONE.tell(Tell::Ack));
    }

    #[test]
    fn accepted_2xx_is_sent() {
        assert_eq!(
            after(&[respond(Status::OK), respond(Status::OK)]).1,
            RESPOND
        );
    }

    #[test]
    fn accepted_takes_no_other_response() {
        assert_eq!(
            after(&[respond(Status::OK), respond(Status::BUSY_HERE)]).1,
            Reaction::NONE
        );
        assert_eq!(
            after(&[respond(Status::OK), respond(Status::RINGING)]).1,
            Reaction::NONE
        );
    }

    #[test]
    fn accepted_timer_l_ends() {
        assert_eq!(
            after(&[respond(Status::OK), timer(Timer::L)]).1,
            Reaction::NONE.end()
        );
    }
}
