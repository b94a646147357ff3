//! What is ordered of this shard's channels.

use super::shard::Shard;
use crate::base::{Handle, Instant};
use crate::call::{Call, Turn};
use crate::dialplan::Order;
use crate::machine::Outbox;

impl Shard {
    /// Has the channels that are meant do what is ordered; returns how many have
    /// done it. A name leads to its call; without one, all calls are looked at.
    pub(super) fn order_channels(&mut self, now: Instant, order: &Order, out: &mut Outbox) -> u32 {
        let shards = u32::from(self.exchange.shards);
        if let Some(number) = order.whom.number() {
            let here = number % shards == u32::from(self.exchange.shard);
            let call = self.calls.at(number / shards).filter(|_| here);
            let handle = call.map(|(handle, _)| handle);
            return handle.map_or(0, |handle| self.order_call(now, handle, order, out));
        }
        let mut done = 0;
        for slot in 0..self.calls.used_slots() as u32 {
            if let Some((handle, _)) = self.calls.at(slot) {
                done += self.order_call(now, handle, order, out);
            }
            if done > 0 && order.whom.is_one() {
                break;
            }
        }
        done
    }

    fn order_call(&mut self, now: Instant, call: Handle, order: &Order, out: &mut Outbox) -> u32 {
        let obey = |call: &mut Call, turn: &mut Turn<'_>| call.obey(turn, order);
        self.with_call(now, None, call, out, obey).unwrap_or(0)
    }
}
