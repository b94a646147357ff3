//! What the end of a run is to whoever it ran for: the caller's final response,
//! what a Local channel reports, the return of a routine.

use smallvec::SmallVec;

use super::call::Call;
use super::exchange::Turn;
use super::outbound::Channel;
use super::run::{Role, RunId};
use super::within::relayable;
use crate::config::FinalResponse;
use crate::dialplan::{Cause, ChannelEvent, ChannelId, Cursor, Ending, Failure, Fell, Variables};
use crate::wire::Status;

impl Call {
    /// A run has come to its end, or lingers after it.
    pub(super) fn ended(
        &mut self,
        turn: &mut Turn<'_>,
        run: RunId,
        ending: Ending,
        mut cursor: Box<Cursor>,
        lingers: bool,
    ) {
        let cause = match cursor.cause() {
            Cause::NONE => ending.cause(),
            cause => cause,
        };
        let fell = cursor.fell();
        if run == RunId::CALLER {
            if lingers {
                self.linger(run, cursor);
            }
            let status = self.final_status(turn, ending, cause, fell);
            self.refuse_caller(turn, status, cause);
            self.hang_up(turn, cause);
            return;
        }
        let variables = match ending {
            Ending::Returned => core::mem::take(cursor.variables_mut()),
            _ => Variables::default(),
        };
        let Some(other) = self.other_mut(run) else {
            return;
        };
        let role = core::mem::replace(&mut other.role, Role::Farewell);
        let (channel, answered) = (other.channel, other.answered);
        if role == Role::Local {
            self.hang_up_requested(turn, run, cause);
            self.settle(turn, run, &mut cursor, false);
        }
        if lingers {
            self.linger(run, cursor);
        } else {
            self.forget_run(run);
        }
        match role {
            Role::Local => {
                let event = match answered {
                    true => ChannelEvent::Hangup(cause),
                    false => ChannelEvent::Failed(failure_of(ending, cause)),
                };
                self.report(channel, event);
                self.forget_channel(turn, channel);
            }
            Role::Routine => self.routine_ended(turn, channel, ending, variables, cause),
            Role::Farewell => {}
        }
    }

    /// Hangs up what a run that is over has requested and left behind.
    fn hang_up_requested(&mut self, turn: &mut Turn<'_>, run: RunId, cause: Cause) {
        let left = |channel: &&Channel| channel.run == run;
        let left: SmallVec<[ChannelId; 2]> = self
            .channels
            .iter()
            .filter(left)
            .map(|channel| channel.id)
            .collect();
        for channel in left {
            self.hang_up_channel(turn, channel, cause);
        }
    }

    /// Tells a caller who has not been answered how its plan ended.
    fn refuse_caller(&mut self, turn: &mut Turn<'_>, status: Status, cause: Cause) {
        if !self.is_answered() {
            self.final_response(turn, status, None, cause);
        }
    }

    /// The final response for the end of the caller's plan. What its device
    /// wants instead of Asterisk's counts for a plan that ran out of priorities;
    /// what a plan says itself stands.
    fn final_status(
        &self,
        turn: &Turn<'_>,
        ending: Ending,
        cause: Cause,
        fell: Option<Fell>,
    ) -> Status {
        let Some(fell) = fell else {
            return ending.status();
        };
        let device = self.device(turn, 0);
        let told = match device.final_response {
            FinalResponse::Fallthrough => None,
            FinalResponse::Passthrough => {
                let best = self.refused.as_ref().map(|refused| refused.best);
                best.filter(|best| best.code() >= 400).map(relayable)
            }
            FinalResponse::Q850 => cause.status(),
        };
        let unheard = fell == Fell::NoAnswer && ending.has_no_status();
        let told = told.or_else(|| unheard.then_some(device.noanswer_response));
        told.unwrap_or(ending.status())
    }

    /// The call has run away: it ends.
    pub(super) fn end_runaway(&mut self, turn: &mut Turn<'_>) {
        let cause = Cause::NORMAL_TEMPORARY_FAILURE;
        if !self.is_closed() && self.ending.is_none() {
            self.refuse_caller(turn, Ending::Hangup(cause).status(), cause);
            self.hang_up(turn, cause);
        }
    }
}

/// What the end of the plan behind a Local channel is to whoever rang it.
fn failure_of(ending: Ending, cause: Cause) -> Failure {
    match ending {
        Ending::Busy => Failure::Busy(cause),
        Ending::Congestion => Failure::Congestion(cause),
        Ending::Hangup(_) | Ending::Returned => Failure::Hangup(cause),
    }
}
