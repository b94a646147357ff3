//! `channel …`: single channels, and calls the engine begins itself.

use pinion_sip::base::ShardId;
use pinion_sip::dialplan::{Action, Cause, Goal, Order, Origination, PATIENCE, Whom};
use pinion_sip::machine::{Page, Query, Span};

use super::silent::Silent;
use super::{Command, Wrong};
use crate::control::house::House;
use crate::control::out::Out;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "channel originate",
        arguments: "TECH/RESOURCE application APP [ARGUMENTS]|TECH/RESOURCE extension EXTEN[@CONTEXT]",
        summary: "Ring a telephone, which runs an application or goes into the dialplan",
        run: originate,
    },
    Command {
        words: "channel redirect",
        arguments: "CHANNEL [[CONTEXT,]EXTEN,]PRIORITY",
        summary: "Send a channel elsewhere in the dialplan",
        run: redirect,
    },
    Command {
        words: "channel request hangup",
        arguments: "CHANNEL|TECH/RESOURCE|all",
        summary: "Hang up a channel, all of a device, or all there are",
        run: hang_up,
    },
];

/// What is ordered, done on the shards it is for; how many channels did it.
fn order(house: &House, silent: &mut Silent, order: Order) -> u32 {
    let number = order.whom.number();
    let query = Query::Order(order, Span::ORDERED);
    let done = |page: Page| match page {
        Page::Obeyed(calls) => calls.rows.iter().sum(),
        _ => 0,
    };
    match number {
        Some(number) => {
            let home = number % u32::from(house.shards.count().max(1));
            let page = silent.ask(house, home as ShardId, query);
            page.map_or(0, done)
        }
        None => silent.pages(house, query).map(|(_, page)| done(page)).sum(),
    }
}

fn hang_up(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let [name] = arguments else {
        return Err(Wrong::Usage);
    };
    let whom = match name.eq_ignore_ascii_case("all") {
        true => Whom::All,
        false => Whom::of(name, true),
    };
    let named = whom.number().is_some();
    let action = Action::HangUp(Cause::NORMAL_CLEARING);
    let mut silent = Silent::default();
    match order(house, &mut silent, Order { whom, action }) {
        0 if name.eq_ignore_ascii_case("all") => out.line("0 channels were hung up")?,
        0 => out.fail(format!("{name} is not a known channel"))?,
        _ if named => out.line(format!("Requested Hangup on channel '{name}'"))?,
        1 => out.line("1 channel was hung up")?,
        count => out.line(format!("{count} channels were hung up"))?,
    }
    Ok(silent.own_up(out)?)
}

fn redirect(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let [name, place] = arguments else {
        return Err(Wrong::Usage);
    };
    let whom = Whom::of(name, false);
    let action = Action::Redirect((*place).into());
    let mut silent = Silent::default();
    if whom.number().is_some() && order(house, &mut silent, Order { whom, action }) > 0 {
        out.line(format!(
            "Channel '{name}' successfully redirected to {place}"
        ))?;
    } else {
        out.fail(format!(
            "Channel '{name}' failed to redirect to {place}: there is no such channel, or no such place"
        ))?;
    }
    Ok(silent.own_up(out)?)
}

fn originate(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let [device, kind, goal, rest @ ..] = arguments else {
        return Err(Wrong::Usage);
    };
    let Some((tech, resource)) = device.split_once('/') else {
        return Err(Wrong::Usage);
    };
    let goal = match (kind.to_ascii_lowercase().as_str(), rest) {
        ("application", rest) => Goal::App {
            name: (*goal).into(),
            arguments: rest.join(" ").into(),
        },
        ("extension", []) => {
            let (exten, context) = goal.rsplit_once('@').unwrap_or((goal, "default"));
            Goal::Plan {
                context: context.into(),
                exten: if exten.is_empty() { "s" } else { exten }.into(),
                priority: 1,
            }
        }
        _ => return Err(Wrong::Usage),
    };
    let origination = Origination {
        tech: tech.into(),
        resource: resource.into(),
        goal,
        caller: Default::default(),
        variables: Vec::new(),
        patience: PATIENCE,
    };
    // Any shard may have the call; those of one device go to one.
    let mut silent = Silent::default();
    match silent.ask_home(house, device, Query::Originate(Box::new(origination))) {
        Some(Page::Done(1..)) => out.line(format!("Ringing {device}"))?,
        Some(_) => out.fail(format!(
            "{device} cannot be rung: there is no such device or technology, or no room for a call"
        ))?,
        None => {}
    }
    Ok(silent.own_up(out)?)
}
