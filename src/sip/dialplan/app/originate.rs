//! `Originate(technology/resource,app|exten,…[,timeout])`: rings a telephone,
//! which does something of its own once it is answered: `app,application[,data]`
//! or `exten,context[,exten[,priority]]`. The plan goes on when it is answered,
//! or will not be; `ORIGINATE_STATUS` tells which.

use core::time::Duration;

use super::super::arguments::split;
use super::super::inquiry::Inquiry;
use super::super::origination::{Goal, Origination, PATIENCE};
use super::super::step::{Next, Step};
use super::complain;

const USAGE: &str = "write Originate(technology/resource,app,application[,data[,,timeout]]) or \
                     Originate(technology/resource,exten,context[,exten[,priority[,timeout]]])";

pub(super) fn run(step: &mut Step<'_>, arguments: &str) -> Next {
    let parts = split(arguments, 6);
    let part = |at: usize| parts.get(at).map_or("", AsRef::as_ref).trim();
    let or = |text: &str, other: &str| {
        if text.is_empty() {
            other.into()
        } else {
            text.into()
        }
    };
    let goal = match part(1).to_ascii_lowercase().as_str() {
        "exten" => part(4)
            .parse()
            .or(match part(4) {
                "" => Ok(1),
                _ => Err(()),
            })
            .ok()
            .map(|priority| Goal::Plan {
                context: part(2).into(),
                exten: or(part(3), "s"),
                priority,
            }),
        "app" => Some(Goal::App {
            name: part(2).into(),
            arguments: part(3).into(),
        }),
        _ => None,
    };
    let (Some((tech, resource)), Some(goal), false) =
        (part(0).split_once('/'), goal, part(2).is_empty())
    else {
        complain(step, "Originate", USAGE);
        return step.fail();
    };
    let patience = part(5).parse().ok().filter(|&seconds| seconds > 0);
    let origination = Origination {
        tech: tech.into(),
        resource: resource.into(),
        goal,
        caller: Default::default(),
        variables: Vec::new(),
        patience: patience.map_or(PATIENCE, Duration::from_secs),
    };
    step.ask(Inquiry::Originate(Box::new(origination)), |step, reply| {
        let status = reply.text().unwrap_or_else(|| "FAILED".into());
        step.set("ORIGINATE_STATUS", &status);
        Next::Continue
    })
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::super::super::fake::call;
    use super::super::super::*;

    fn goal(arguments: &str) -> Option<(Goal, Duration)> {
        let line = format!("s,1,Originate({arguments})");
        let (_, fake, _) = call(&[&line, "s,2,Wait(1)"], "s");
        match fake.asked.first() {
            Some(Inquiry::Originate(asked)) => {
                assert_eq!((&*asked.tech, &*asked.resource), ("SIP", "100/5"));
                Some((asked.goal.clone(), asked.patience))
            }
            None => {
                assert_eq!(fake.warnings.len(), 1);
                None
            }
            other => panic!("{other:?}"),
        }
    }

    fn place(context: &str, exten: &str, priority: u32) -> Goal {
        Goal::Plan {
            context: context.into(),
            exten: exten.into(),
            priority,
        }
    }

    #[test]
    fn originate_reads_both_goals() {
        let seconds = Duration::from_secs;
        assert_eq!(
            goal("SIP/100/5,exten,c"),
            Some((place("c", "s", 1), seconds(30)))
        );
        assert_eq!(
            goal("SIP/100/5,exten,c,200,3,7"),
            Some((place("c", "200", 3), seconds(7)))
        );
        let app = Goal::App {
            name: "Dial".into(),
            arguments: "SIP/200,20".into(),
        };
        assert_eq!(
            goal("SIP/100/5,app,Dial,\"SIP/200,20\",,9"),
            Some((app, seconds(9)))
        );
    }

    #[test]
    fn originate_refuses_what_leads_nowhere() {
        for wrong in [
            "SIP/100/5",
            "SIP/100/5,exten",
            "x,exten,c",
            "SIP/1,app,",
            "SIP/1,exten,c,s,x",
        ] {
            assert_eq!(goal(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn originate_status_is_the_reply() {
        let lines = ["s,1,Originate(SIP/1,exten,c)", "s,2,Wait(1)"];
        for (reply, status) in [
            (Reply::Text("BUSY".into()), "BUSY"),
            (Reply::Failed, "FAILED"),
        ] {
            let (mut cursor, mut fake, _) = call(&lines, "s");
            cursor.handle(Event::Reply(Ticket(0), reply), &mut fake);
            let told = cursor.variables().value("ORIGINATE_STATUS");
            assert_eq!(told, Some(status));
        }
    }
}
