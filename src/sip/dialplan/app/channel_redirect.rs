//! `ChannelRedirect(channel,[[context,]exten,]priority)`: another channel goes on
//! there, whatever it does now. What is left out of the place is as where that
//! channel is. `CHANNELREDIRECT_STATUS` is `SUCCESS`, or `NOCHANNEL`.

use super::super::order::{Action, Order, Whom};
use super::super::step::{Next, Step};
use super::complain;
use super::soft_hangup::order_of;

pub(super) fn run(step: &mut Step<'_>, arguments: &str) -> Next {
    let (name, place) = arguments.split_once(',').unwrap_or((arguments, ""));
    let (name, place) = (name.trim(), place.trim());
    if name.is_empty() || place.is_empty() {
        let usage = "write ChannelRedirect(channel,[[context,]exten,]priority)";
        complain(step, "ChannelRedirect", usage);
        return step.fail();
    }
    let order = Order {
        whom: Whom::Named(name.into()),
        action: Action::Redirect(place.into()),
    };
    if order.whom.number().is_none() {
        return told(step, 0);
    }
    order_of(step, order, told)
}

fn told(step: &mut Step<'_>, done: u32) -> Next {
    let status = if done > 0 { "SUCCESS" } else { "NOCHANNEL" };
    step.set("CHANNELREDIRECT_STATUS", status);
    Next::Continue
}

#[cfg(test)]
mod tests {
    use super::super::super::fake::{call, enter, plan};
    use super::super::super::*;

    #[test]
    fn who_has_not_been_let_in_is_not_sent_elsewhere() {
        let (mut cursor, mut fake) = enter(plan(&["s,1,Wait(1)", "s,2,Wait(1)"]), "s");
        assert_eq!(cursor.redirect("s,2", &mut fake), None);
        cursor.start(&mut fake);
        assert!(cursor.redirect("s,2", &mut fake).is_some());
        assert_eq!(cursor.position().2, 2);
    }

    #[test]
    fn channelredirect_tells_whether_there_was_such_a_channel() {
        for (name, reply, status) in [
            ("SIP/7-0000002a", Some("1"), "SUCCESS"),
            ("SIP/7-0000002a", Some("0"), "NOCHANNEL"),
            ("SIP/7", None, "NOCHANNEL"),
        ] {
            let line = format!("s,1,ChannelRedirect({name},office,100,1)");
            let (mut cursor, mut fake, _) = call(&[&line, "s,2,Wait(1)"], "s");
            if let Some(reply) = reply {
                let [Inquiry::Order(order, None)] = &fake.asked[..] else {
                    panic!("{:?}", fake.asked)
                };
                assert_eq!(order.action, Action::Redirect("office,100,1".into()));
                let reply = Reply::Text(reply.into());
                cursor.handle(Event::Reply(Ticket(0), reply), &mut fake);
            }
            let told = cursor.variables().value("CHANNELREDIRECT_STATUS");
            assert_eq!(told, Some(status), "{name}");
        }
    }
}
