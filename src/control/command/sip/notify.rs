//! `sip notify`: devices told what a section of sip_notify.conf says, as to read
//! their configuration anew.

use pinion_sip::base::Text;
use pinion_sip::machine::{Notification, Page, Query};

use super::find::find;
use super::silent::Silent;
use super::{Command, Wrong};
use crate::config::{did_you_mean, notify};
use crate::control::house::House;
use crate::control::out::Out;

pub(super) const COMMANDS: &[Command] = &[Command {
    words: "sip notify",
    arguments: "TYPE PEER [PEER ...]",
    summary: "Send devices a NOTIFY of a type that sip_notify.conf has",
    run: notify,
}];

fn notify(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let [kind, names @ ..] = arguments else {
        return Err(Wrong::Usage);
    };
    if names.is_empty() {
        return Err(Wrong::Usage);
    }
    let types = match types(house) {
        Ok(types) if types.is_empty() => {
            let file = notify::FILE;
            return Ok(out.fail(format!("No {file} file found, or no types listed there"))?);
        }
        Ok(types) => types,
        Err(sentence) => return Ok(out.fail(sentence)?),
    };
    let Some((_, notification)) = types.iter().find(|(known, _)| known == kind) else {
        let hint = did_you_mean(kind, types.iter().map(|(known, _)| known.as_str()));
        let stop = if hint.is_empty() { "" } else { "." };
        let sentence = format!("Unable to find notify type '{kind}'{stop}{hint}");
        return Ok(out.fail(sentence)?);
    };
    let mut silent = Silent::default();
    for name in names {
        match tell(house, &mut silent, name, notification) {
            true => out.line(format!("Sending NOTIFY of type '{kind}' to '{name}'"))?,
            false => out.fail(format!("Could not create address for '{name}'"))?,
        }
    }
    Ok(silent.own_up(out)?)
}

/// Whether a device has a contact that is told.
fn tell(house: &House, silent: &mut Silent, name: &str, notification: &Notification) -> bool {
    // Its home shard must know it: the database may be asked.
    if find(house, silent, name, true).is_none() {
        return false;
    }
    let query = Query::Notify(Text::from(name), Box::new(notification.clone()));
    matches!(silent.ask_home(house, name, query), Some(Page::Done(1..)))
}

/// What sip_notify.conf says now. `Err` says, with file and line, what is wrong
/// with it.
pub(in crate::control) fn types(house: &House) -> Result<Vec<(String, Notification)>, String> {
    let Some(directory) = &house.about.directory else {
        return Ok(Vec::new());
    };
    notify::load(directory).map_err(|error| error.to_string())
}
