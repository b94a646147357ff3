//! `Pickup([exten[@context][&…]])` and `PickupChan(channel[&…][,p])`: the caller
//! answers a call that rings elsewhere.
//!
//! Where there is one, the caller belongs to that call from then on, and its own
//! plan is over. Where there is none, the plan goes on. `Pickup()` looks for a
//! call in the caller's groups; `mark@PICKUPMARK` for a channel whose variable
//! `PICKUPMARK` is that; with `p`, the names of channels are beginnings.

use alloc::collections::VecDeque;

use super::super::inquiry::{Inquiry, Reply};
use super::super::pickup::Pick;
use super::super::step::{Next, Step};
use super::complain;

pub(super) fn pickup(step: &mut Step<'_>, arguments: &str) -> Next {
    let arguments = arguments.trim();
    if arguments.is_empty() {
        let setting = |name| Some(step.state.record()?.setting(name)?.into());
        let pick = Pick::Group {
            numbers: setting("pickupgroup"),
            names: setting("namedpickupgroup"),
        };
        return begin(step, "Pickup", [pick].into());
    }
    let here = step.state.position.context();
    let wanted = each(arguments).map(|part| Pick::of(part, here)).collect();
    begin(step, "Pickup", wanted)
}

pub(super) fn pickup_channel(step: &mut Step<'_>, arguments: &str) -> Next {
    let (names, options) = arguments.split_once(',').unwrap_or((arguments, ""));
    let partial = options.contains('p');
    let wanted: VecDeque<Pick> = each(names)
        .map(|name| Pick::channel(name, partial))
        .collect();
    if wanted.is_empty() {
        complain(
            step,
            "PickupChan",
            "write PickupChan(channel[&channel2][,p])",
        );
    }
    begin(step, "PickupChan", wanted)
}

/// What stands between `&`.
fn each(arguments: &str) -> impl Iterator<Item = &str> {
    let parts = arguments.split('&').map(str::trim);
    parts.filter(|part| !part.is_empty())
}

fn begin(step: &mut Step<'_>, application: &str, wanted: VecDeque<Pick>) -> Next {
    if step.is_over() {
        return Next::Continue;
    }
    if step.channels.is_answered() {
        let text = "a caller who has been answered cannot pick up a call";
        complain(step, application, text);
        return Next::Continue;
    }
    look(step, wanted, 0)
}

/// Asks one shard after the other, this one first, for one call after the other.
/// The reply to a pick-up that has come about reaches nobody: the call that asked
/// is no more.
fn look(step: &mut Step<'_>, mut wanted: VecDeque<Pick>, shard: u16) -> Next {
    let Some(pick) = wanted.front() else {
        return Next::Continue;
    };
    let inquiry = Inquiry::Pickup(Box::new(pick.clone()), shard);
    step.ask(inquiry, move |step, reply| match reply {
        Reply::Nothing => look(step, wanted, shard + 1),
        // Nobody can be asked behind the last shard.
        Reply::Failed if shard > 0 => {
            wanted.pop_front();
            look(step, wanted, 0)
        }
        _ => Next::Continue,
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::fake::{Fake, call};
    use super::super::super::*;

    /// What was asked, of which shard.
    fn asked(fake: &Fake) -> Vec<(Pick, u16)> {
        let each = fake.asked.iter().map(|inquiry| match inquiry {
            Inquiry::Pickup(pick, shard) => ((**pick).clone(), *shard),
            other => panic!("{other:?}"),
        });
        each.collect()
    }

    fn exten(exten: &str, context: &str) -> Pick {
        Pick::Exten {
            exten: exten.into(),
            context: context.into(),
        }
    }

    #[test]
    fn pickup_asks_every_shard_for_each_call_and_goes_on_without_one() {
        let lines = ["s,1,Pickup(100&200@office)", "s,2,Wait(1)"];
        let (mut cursor, mut fake, _) = call(&lines, "s");
        let replies = [
            Reply::Nothing,
            Reply::Failed,
            Reply::Nothing,
            Reply::Nothing,
            Reply::Failed,
        ];
        for (ticket, reply) in (0..).zip(replies) {
            assert_eq!(cursor.position().2, 1);
            cursor.handle(Event::Reply(Ticket(ticket), reply), &mut fake);
        }
        assert_eq!(cursor.position().2, 2);
        let (first, second) = (exten("100", "c"), exten("200", "office"));
        let expected = [
            (first.clone(), 0),
            (first, 1),
            (second.clone(), 0),
            (second.clone(), 1),
            (second, 2),
        ];
        assert_eq!(asked(&fake), expected);
    }

    #[test]
    fn pickup_asks_nobody_else_when_it_is_not_known_what_became_of_it() {
        let lines = ["s,1,Pickup(100&200)", "s,2,Wait(1)"];
        let (mut cursor, mut fake, _) = call(&lines, "s");
        let unknown = Reply::Text(String::new());
        cursor.handle(Event::Reply(Ticket(0), unknown), &mut fake);
        assert_eq!((cursor.position().2, fake.asked.len()), (2, 1));
    }

    #[test]
    fn pickup_without_arguments_is_by_the_groups_of_device_or_plan() {
        let group = |numbers: Option<&str>, names: Option<&str>| Pick::Group {
            numbers: numbers.map(Into::into),
            names: names.map(Into::into),
        };
        let (_, fake, _) = call(&["s,1,Pickup()"], "s");
        assert_eq!(asked(&fake), [(group(None, None), 0)]);
        let lines = [
            "s,1,Set(CHANNEL(pickupgroup)=1-2)",
            "s,2,Set(CHANNEL(namedpickupgroup)=desk)",
            "s,3,Pickup()",
        ];
        let (_, fake, _) = call(&lines, "s");
        assert_eq!(asked(&fake), [(group(Some("1-2"), Some("desk")), 0)]);
    }

    #[test]
    fn pickupchan_is_by_the_names_of_channels() {
        for (arguments, start) in [("SIP/7", "SIP/7-"), ("SIP/7,p", "SIP/7")] {
            let (_, fake, _) = call(&[&format!("s,1,PickupChan({arguments})")], "s");
            assert_eq!(asked(&fake), [(Pick::Channel(start.into()), 0)]);
        }
    }

    #[test]
    fn whoever_has_been_answered_picks_nothing_up() {
        let lines = ["s,1,Dial(SIP/1,,g)", "s,2,Pickup(100)", "s,3,Wait(1)"];
        let (mut cursor, mut fake, _) = call(&lines, "s");
        let events = [
            ChannelEvent::Answered,
            ChannelEvent::Hangup(Cause::NORMAL_CLEARING),
        ];
        for event in events {
            cursor.handle(Event::Channel(ChannelId(1), event), &mut fake);
        }
        assert_eq!(cursor.position().2, 3);
        assert!(fake.asked.is_empty());
        assert!(
            fake.warnings[0].contains("cannot pick up"),
            "{:?}",
            fake.warnings
        );
    }
}
