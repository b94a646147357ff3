//! `SoftHangup(technology/resource[,options])`: hangs up a channel of another
//! call, or of this one: the one of that name, or the first found of that
//! device; with `a`, all of the device.

use super::super::cause::Cause;
use super::super::inquiry::{Inquiry, Reply};
use super::super::order::{Action, Order, Whom};
use super::super::step::{Next, Step};
use super::complain;

pub(super) fn run(step: &mut Step<'_>, arguments: &str) -> Next {
    let (name, options) = arguments.split_once(',').unwrap_or((arguments, ""));
    let name = name.trim();
    if name.is_empty() {
        complain(step, "SoftHangup", "write SoftHangup(technology/resource)");
        return Next::Continue;
    }
    let order = Order {
        whom: Whom::of(name, options.contains('a')),
        action: Action::HangUp(Cause::NORMAL_CLEARING),
    };
    order_of(step, order, |_, _| Next::Continue)
}

/// Orders something of channels, and goes on with how many have done it. Where
/// no name leads to a shard, one is asked after the other.
pub(super) fn order_of(
    step: &mut Step<'_>,
    order: Order,
    then: impl FnOnce(&mut Step<'_>, u32) -> Next + Send + 'static,
) -> Next {
    match order.whom.number() {
        Some(_) => {
            let inquiry = Inquiry::Order(Box::new(order), None);
            step.ask(inquiry, |step, reply| then(step, count(reply).unwrap_or(0)))
        }
        None => ask_shard(step, order, 0, 0, then),
    }
}

fn ask_shard(
    step: &mut Step<'_>,
    order: Order,
    shard: u16,
    before: u32,
    then: impl FnOnce(&mut Step<'_>, u32) -> Next + Send + 'static,
) -> Next {
    let inquiry = Inquiry::Order(Box::new(order.clone()), Some(shard));
    step.ask(inquiry, move |step, reply| {
        let done = before + count(reply.clone()).unwrap_or(0);
        // Nobody can be asked behind the last shard.
        if reply == Reply::Failed || (done > 0 && order.whom.is_one()) {
            return then(step, done);
        }
        ask_shard(step, order, shard + 1, done, then)
    })
}

fn count(reply: Reply) -> Option<u32> {
    reply.text()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::super::fake::call;
    use super::super::super::*;

    #[test]
    fn softhangup_of_a_name_asks_once() {
        let lines = ["s,1,SoftHangup(SIP/7-0000002a,a)", "s,2,Wait(1)"];
        let (mut cursor, mut fake, _) = call(&lines, "s");
        let [Inquiry::Order(order, None)] = &fake.asked[..] else {
            panic!("{:?}", fake.asked)
        };
        assert_eq!(order.whom, Whom::Named("SIP/7-0000002a".into()));
        cursor.handle(Event::Reply(Ticket(0), Reply::Text("1".into())), &mut fake);
        assert_eq!(cursor.position().2, 2);
    }

    #[test]
    fn softhangup_of_a_device_asks_until_one_has_a_channel_of_it() {
        for (arguments, shards) in [("SIP/7", 2), ("SIP/7,a", 3)] {
            let line = format!("s,1,SoftHangup({arguments})");
            let (mut cursor, mut fake, _) = call(&[&line, "s,2,Wait(1)"], "s");
            let replies = [
                Reply::Text("0".into()),
                Reply::Text("1".into()),
                Reply::Failed,
            ];
            let mut asked = 0;
            while cursor.position().2 == 1 {
                let ticket = Ticket(asked as u32);
                cursor.handle(Event::Reply(ticket, replies[asked].clone()), &mut fake);
                asked += 1;
            }
            assert_eq!((asked, fake.asked.len()), (shards, shards), "{arguments}");
        }
    }
}
