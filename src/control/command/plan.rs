//! `dialplan …`, `core show globals|hints`: the plan that calls go through.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use pinion_sip::base::UnixTime;
use pinion_sip::dialplan::{Inquiry, Place, Reply, split_hint};
use pinion_sip::machine::{Page, Query};
use serde_json::json;

use super::inquiry::inquire;
use super::{Command, Wrong, empty};
use crate::config::did_you_mean;
use crate::control::explain::explain;
use crate::control::house::House;
use crate::control::out::{Column, Form, Out};
use crate::control::show::{self, Wanted};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "core show globals",
        arguments: "",
        summary: "The global variables",
        run: globals,
    },
    Command {
        words: "core show hints",
        arguments: "",
        summary: "The hints of the dialplan, and the states of their devices",
        run: hints,
    },
    Command {
        words: "dialplan explain",
        arguments: "EXTEN@CONTEXT [CALLERID]",
        summary: "Which extension a number reaches, why no other, and what would run",
        run: tell,
    },
    Command {
        words: "dialplan set global",
        arguments: "NAME VALUE",
        summary: "Set a global variable",
        run: set_global,
    },
    Command {
        words: "dialplan show",
        arguments: "[CONTEXT]",
        summary: "The dialplan, a context (or EXTEN@CONTEXT) of it",
        run: list,
    },
    Command {
        words: "dialplan show globals",
        arguments: "",
        summary: "The global variables",
        run: globals,
    },
];

fn list(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let wanted = match *arguments {
        [] => Wanted::default(),
        [what] => Wanted::of(what),
        _ => return Err(Wrong::Usage),
    };
    let plan = house.settings().config.plan.clone();
    if let Some(name) = wanted.context.filter(|name| plan.context(name).is_none()) {
        let sentence = format!("There is no existence of '{name}' context");
        let known = plan.contexts().iter().map(|context| context.name());
        return Ok(out.fail(format!("{sentence}{}", did_you_mean(name, known)))?);
    }
    let mut said = Vec::new();
    match out.form() {
        Form::Text => {
            if !out.text(|sink| show::show(&plan, wanted, sink))? {
                out.fail_silently();
            }
        }
        Form::Json => {
            let found = show::show(&plan, wanted, &mut said)?;
            let text = String::from_utf8_lossy(&said);
            match found {
                true => text.lines().try_for_each(|line| out.line(line))?,
                false => out.fail(text.trim_end())?,
            }
        }
    }
    Ok(())
}

fn tell(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let (place, caller) = match *arguments {
        [place] => (place, ""),
        [place, caller] => (place, caller),
        _ => return Err(Wrong::Usage),
    };
    let Some((exten, context)) = place.rsplit_once('@') else {
        return Err(Wrong::Usage);
    };
    let plan = house.settings().config.plan.clone();
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let asked = Place {
        exten: if exten.is_empty() { "s" } else { exten },
        context,
        caller,
        time: UnixTime(since.map_or(0, |since| since.as_secs())),
    };
    let Some(explanation) = explain(&plan, asked) else {
        let known = plan.contexts().iter().map(|context| context.name());
        let hint = did_you_mean(context, known);
        return Ok(out.fail(format!("There is no context '{context}'.{hint}"))?);
    };
    match out.form() {
        Form::Text => out.text(|sink| explanation.write_text(sink))?,
        Form::Json => out.member("explanation", &explanation.to_json())?,
    }
    if !explanation.runs() {
        out.fail_silently();
    }
    Ok(())
}

/// The globals as they are now: what was set counts for more than the file.
fn values(house: &House) -> BTreeMap<String, String> {
    let plan = house.settings().config.plan.clone();
    let of_file = plan.globals();
    let mut values: BTreeMap<String, String> = of_file
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    if let Some(Page::Globals(set)) = house.shards.ask(0, Query::Globals) {
        values.extend(
            set.into_iter()
                .map(|(name, value)| (name.into(), value.into())),
        );
    }
    values
}

fn globals(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    empty(arguments)?;
    let values = values(house);
    for (name, value) in &values {
        out.remark(&format!("   {name}={value}"))?;
    }
    let count = values.len();
    let plural = if count == 1 { "" } else { "s" };
    out.remark(&format!("\n    -- {count} variable{plural}"))?;
    Ok(out.member("globals", &json!(values))?)
}

fn set_global(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let &[name, value] = arguments else {
        return Err(Wrong::Usage);
    };
    match house
        .shards
        .ask(0, Query::SetGlobal(name.into(), value.into()))
    {
        Some(Page::Done(1..)) => {
            let said = format!("\n    -- Global variable \"{name}\" set to \"{value}\"");
            Ok(out.remark(&said)?)
        }
        _ => Ok(out.fail(format!("There is no room for the global variable {name}"))?),
    }
}

fn hints(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    const COLUMNS: [Column; 4] = [
        Column::hidden("extension"),
        Column::hidden("context"),
        Column::hidden("devices"),
        Column::hidden("state"),
    ];
    empty(arguments)?;
    let plan = house.settings().config.plan.clone();
    let hints = plan.contexts().iter().flat_map(|context| {
        let extensions = context.extensions().iter();
        extensions.filter_map(move |extension| Some((context, extension, extension.hint()?)))
    });
    let hints: Vec<_> = hints.collect();
    if hints.is_empty() {
        out.member("hints", &json!([]))?;
        return Ok(out.remark("There are no registered dialplan hints")?);
    }
    if out.form() == Form::Json {
        let mut table = out.table("hints", &COLUMNS)?;
        for (context, extension, hint) in hints {
            let devices = split_hint(hint).0;
            let row = [
                extension.pattern().as_str(),
                context.name(),
                devices,
                state(house, devices),
            ];
            table.row(&row.map(Into::into))?;
        }
        table.end()?;
        return Ok(());
    }
    out.line("\n    -= Registered Asterisk Dial Plan Hints =-")?;
    for (context, extension, hint) in &hints {
        let devices = split_hint(hint).0;
        let (exten, context) = (extension.pattern().as_str(), context.name());
        let state = state(house, devices);
        out.line(format!(
            "{exten:>20}@{context:<20.20}: {devices:<20.20}  State:{state:<15.15} Watchers  0"
        ))?;
    }
    out.line("----------------")?;
    Ok(out.line(format!("- {} hints registered", hints.len()))?)
}

/// The state of devices taken together, in the words of extensions: what most
/// of all is worth knowing of any of them.
fn state(house: &House, devices: &str) -> &'static str {
    const WORDS: [(&str, &str); 8] = [
        ("RINGINUSE", "InUse&Ringing"),
        ("RINGING", "Ringing"),
        ("INUSE", "InUse"),
        ("ONHOLD", "Hold"),
        ("BUSY", "Busy"),
        ("NOT_INUSE", "Idle"),
        ("UNAVAILABLE", "Unavailable"),
        ("INVALID", "Unavailable"),
    ];
    let rank = |device: &str| {
        let reply = inquire(house, Inquiry::Device(device.into()));
        let Reply::Text(state) = reply else {
            return None;
        };
        WORDS.iter().position(|(name, _)| *name == state)
    };
    let best = devices.split('&').filter_map(rank).min();
    best.map_or("Unknown", |at| WORDS[at].1)
}
