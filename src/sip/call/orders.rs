//! What a call's channels do because somebody else wants it: another call's
//! plan, or an operator.

use alloc::sync::Arc;

use smallvec::SmallVec;

use super::apart::own_identity;
use super::call::Call;
use super::exchange::Turn;
use super::run::RunId;
use crate::dialplan::{Action, Cause, ChannelEvent, ChannelId, Failure, Order, Place, Seek};
use crate::wire::Status;

/// One end of a call.
#[derive(Clone, Copy)]
enum End {
    Caller,
    Channel(ChannelId),
    /// The far side of a Local channel.
    Far(ChannelId),
}

impl Call {
    /// Does what is ordered with the channels that are meant; returns how many
    /// have done it.
    pub fn obey(&mut self, turn: &mut Turn<'_>, order: &Order) -> u32 {
        let mut done = 0;
        let meant = self.meant(order);
        if let Action::HangUp(_) = order.action {
            self.doom(&meant);
        }
        for end in meant {
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
        let others = self.channels.iter().flat_map(|channel| {
            let near = (End::Channel(channel.id), channel.name(self.number));
            let far = || (End::Far(channel.id), channel.far_name(self.number));
            [Some(near), channel.local().map(|_| far())]
        });
        let mut meant: SmallVec<[End; 4]> = caller
            .into_iter()
            .chain(others.flatten())
            .filter(|(_, name)| order.whom.means(name))
            .map(|(end, _)| end)
            .collect();
        if order.whom.is_one() {
            meant.truncate(1);
        }
        meant
    }

    /// Has no channel outlive whoever has dialled it (`F`) that is meant as well.
    fn doom(&mut self, meant: &[End]) {
        for end in meant {
            if let End::Channel(id) = *end
                && let Some(channel) = self.channel_mut(id)
            {
                channel.more().doomed = true;
            }
        }
    }

    fn hang_up_end(&mut self, turn: &mut Turn<'_>, end: End, cause: Cause) -> bool {
        match end {
            End::Caller if self.is_closed() || self.moving => return false,
            End::Caller => {
                let status = cause.status().unwrap_or(Status::DECLINED);
                if !self.is_answered() {
                    self.final_response(turn, status, None, cause);
                }
                self.caller_left(turn, cause);
            }
            // Neither side of a Local channel stays without the other.
            End::Channel(id) | End::Far(id) => {
                // The one before may have taken it along.
                if self.channel(id).is_none() {
                    return false;
                }
                let answered = self.answered_of(self.behind(id));
                let event = match answered.filter(|&index| !self.is_joining(index)) {
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
            End::Caller => !self.moving && self.redirect_run(turn, RunId::CALLER, place),
            End::Channel(id) => self.redirect_callee(turn, id, place),
            End::Far(id) => {
                let run = self.channel(id).and_then(|channel| channel.local()?.run);
                run.is_some_and(|run| self.redirect_run(turn, run, place))
            }
        }
    }

    /// Sends an answered callee into the plan, once what it is set up with is
    /// settled. It has no extension of its own that might be left out; its context
    /// is its device's.
    fn redirect_callee(&mut self, turn: &mut Turn<'_>, id: ChannelId, place: &str) -> bool {
        let mut parts = place.rsplitn(3, ',').map(str::trim);
        let (Some(priority), Some(exten)) = (parts.next(), parts.next()) else {
            return false;
        };
        let Some(channel) = self.channel(id) else {
            return false;
        };
        let config = Arc::clone(&turn.exchange.config);
        let context = parts.next().filter(|context| !context.is_empty());
        let context = context.unwrap_or_else(|| channel.context(&config.general));
        let caller = own_identity(channel);
        let at = Place {
            context,
            exten,
            caller: &caller.number.lossy(),
            time: turn.exchange.unix(turn.now),
        };
        let labelled = || self.plan.find(at, Seek::Label(priority));
        let priority = priority
            .parse()
            .ok()
            .or_else(|| labelled().map(|instruction| instruction.priority));
        let Some(priority) = priority.filter(|&priority| priority > 0) else {
            return false;
        };
        let index = self.answered_of(self.behind(id));
        if index.is_some_and(|index| self.is_joining(index)) {
            return false;
        }
        // Who dialled it loses it.
        let run = channel.run;
        let context = context.to_owned();
        let gone = self.go_on(turn, id, (&context, exten, priority));
        if gone {
            self.report_to(run, id, ChannelEvent::Hangup(Cause::NORMAL_CLEARING));
        }
        gone
    }
}
