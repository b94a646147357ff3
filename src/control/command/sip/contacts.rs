//! `sip unregister`, `sip qualify peer`: what an operator has done about where a
//! device is.

use pinion_sip::base::Text;
use pinion_sip::machine::{Page, Query};

use super::find::{Found, find};
use super::sheet::name_and_load;
use super::silent::Silent;
use super::{Command, Wrong};
use crate::control::house::House;
use crate::control::out::Out;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "sip unregister",
        arguments: "PEER",
        summary: "Forget where a device is registered",
        run: unregister,
    },
    Command {
        words: "sip qualify peer",
        arguments: "PEER [load]",
        summary: "Ask a device whether it answers; load reads it from the database",
        run: qualify,
    },
];

fn unregister(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let [name] = arguments else {
        return Err(Wrong::Usage);
    };
    let mut silent = Silent::default();
    match silent.ask_home(house, name, Query::Unregister(Text::from(*name))) {
        Some(Page::Done(1)) => out.line(format!("Unregistered peer '{name}'\n"))?,
        Some(_) if find(house, &mut silent, name, false).is_some() => {
            out.fail(format!("Peer {name} not registered"))?;
        }
        Some(_) => out.fail(format!("Peer unknown: '{name}'. Not unregistered."))?,
        None => {}
    }
    Ok(silent.own_up(out)?)
}

fn qualify(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let (name, load) = name_and_load(arguments)?;
    let mut silent = Silent::default();
    let Some(Found { peer, .. }) = find(house, &mut silent, name, load) else {
        out.fail(format!("Peer '{name}' not found"))?;
        return Ok(silent.own_up(out)?);
    };
    if peer.asked_within().is_none() {
        return Ok(out.fail(format!("Peer '{name}' is not monitored (qualify=no)"))?);
    }
    match silent.ask_home(house, name, Query::Qualify(Text::from(name))) {
        Some(Page::Done(1)) | None => {}
        Some(_) => out.fail(format!("Peer '{name}' has no contact to ask"))?,
    }
    Ok(silent.own_up(out)?)
}
