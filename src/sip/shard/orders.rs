//! What is ordered of this shard's channels.

use smallvec::SmallVec;

use super::serve::rows_of;
use super::shard::Shard;
use crate::base::{Handle, Instant};
use crate::call::{Call, Turn};
use crate::dialplan::{Foreign, Order, Reply};
use crate::machine::{Outbox, Rows, Span};

impl Shard {
    /// Has the channels that are meant do what is ordered; returns how many have
    /// done it. A name leads to its call; without one, all calls are looked at.
    pub(super) fn order_channels(&mut self, now: Instant, order: &Order, out: &mut Outbox) -> u32 {
        let done = self.order_some(now, order, Span::ALL, out);
        done.rows.iter().sum()
    }

    /// The same of a part of the table; the channels of each call. A name leads
    /// to its call from any part.
    pub(super) fn order_some(
        &mut self,
        now: Instant,
        order: &Order,
        span: Span,
        out: &mut Outbox,
    ) -> Rows<u32> {
        let calls = match order.whom.number() {
            Some(number) => Rows {
                rows: self.calls_of_number(number).into_vec(),
                next: None,
            },
            None => rows_of(&self.calls, span, |handle, _, calls| calls.push(handle)),
        };
        let mut done = Rows {
            rows: Vec::new(),
            next: calls.next,
        };
        for call in calls.rows {
            let channels = self.order_call(now, call, order, out);
            if channels > 0 {
                done.rows.push(channels);
            }
            if channels > 0 && order.whom.is_one() {
                done.next = None;
                break;
            }
        }
        done
    }

    /// The calls that a number in a channel's name leads to, as far as they are
    /// here: its own, and those of callees that have left it.
    pub(super) fn calls_of_number(&self, number: u32) -> SmallVec<[Handle; 2]> {
        let slot = self.exchange.slot_of(number);
        let own = slot.and_then(|slot| self.calls.at(slot));
        let own = own.map(|(handle, _)| handle);
        let departed = self.exchange.departed_from(number);
        own.into_iter().chain(departed).collect()
    }

    /// What another call's plan wants to know of a channel's variables, or wants
    /// set.
    pub(super) fn channel_variable(
        &mut self,
        now: Instant,
        foreign: &Foreign,
        out: &mut Outbox,
    ) -> Reply {
        let answer = |call: &mut Call, turn: &mut Turn<'_>| call.foreign(turn, foreign);
        let calls = self.calls_of_number(foreign.number());
        let mut replies = calls.into_iter();
        let reply = replies.find_map(|call| self.with_call(now, None, call, out, answer)?);
        reply.map_or(Reply::Nothing, Reply::Text)
    }

    fn order_call(&mut self, now: Instant, call: Handle, order: &Order, out: &mut Outbox) -> u32 {
        let obey = |call: &mut Call, turn: &mut Turn<'_>| call.obey(turn, order);
        self.with_call(now, None, call, out, obey).unwrap_or(0)
    }
}
