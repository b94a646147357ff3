//! What a call's channels do because somebody else wants it: another call's
//! plan, or an operator.

use smallvec::SmallVec;

use super::call::Call;
use super::exchange::Turn;
use crate::dialplan::{Action, Cause, ChannelEvent, ChannelId, Failure, Order};
use crate::wire::Status;

/// One end of a call.
#[derive(Clone, Copy)]
enum End {
    Caller,
    Channel(ChannelId),
}

impl Call {
    /// Does what is ordered with the channels that are meant; returns how many
    /// have done it.
    pub fn obey(&mut self, turn: &mut Turn<'_>, order: &Order) -> u32 {
        let mut done = 0;
        for end in self.meant(order) {
            done += u32::from(match &order.action {
                Action::HangUp(cause) => self.hang_up_end(turn, end, *cause),
                Action::Redirect(place) => self.redirect_end(turn, end, place),
            });
        }
        self.deliver(turn);
        done
    }

    /// The channels an order is for.
    fn meant(&self, order: &Order) -> SmallVec<[End; 4]> {
        let caller = self.channel_name(0);
        let caller = caller.filter(|_| !self.is_closed() && self.has_caller());
        let caller = caller.map(|name| (End::Caller, name));
        let others = self
            .channels
            .iter()
            .map(|channel| (End::Channel(channel.id), channel.name(self.number)));
        let mut meant: SmallVec<[End; 4]> = caller
            .into_iter()
            .chain(others)
            .filter(|(_, name)| order.whom.means(name))
            .map(|(end, _)| end)
            .collect();
        if order.whom.is_one() {
            meant.truncate(1);
        }
        meant
    }

    fn hang_up_end(&mut self, turn: &mut Turn<'_>, end: End, cause: Cause) -> bool {
        match end {
            End::Caller if self.is_closed() => return false,
            End::Caller => {
                let status = cause.status().unwrap_or(Status::DECLINED);
                if !self.is_answered() {
                    self.final_response(turn, status, None, cause);
                }
                self.caller_left(turn, cause);
            }
            End::Channel(id) => {
                // The one before may have taken it along.
                if self.channel(id).is_none() {
                    return false;
                }
                let event = match self.answered_of(self.behind(id)) {
                    Some(_) => ChannelEvent::Hangup(cause),
                    None => ChannelEvent::Failed(Failure::Hangup(cause)),
                };
                self.report(id, event);
                self.hang_up_channel(turn, id, cause);
            }
        }
        true
    }

    fn redirect_end(&mut self, turn: &mut Turn<'_>, end: End, place: &str) -> bool {
        match end {
            End::Caller => self.redirect_caller(turn, place),
            End::Channel(id) => {
                let mut parts = place.split(',').map(str::trim);
                let (Some(context), Some(exten), Some(priority)) =
                    (parts.next(), parts.next(), parts.next())
                else {
                    return false;
                };
                let priority = priority.parse().unwrap_or(0);
                let up = self.answered_of(id).is_some();
                // Who dialled it has lost it.
                let run = self.channel(id).map(|channel| channel.run);
                let gone = up && self.go_on(turn, id, (context, exten, priority));
                if let Some(run) = run.filter(|_| gone) {
                    let event = ChannelEvent::Hangup(Cause::NORMAL_CLEARING);
                    self.report_to(run, id, event);
                }
                gone
            }
        }
    }
}
