//! `sip show users`: the devices that may call.

use pinion_sip::config::{PeerKind, Secret};
use serde_json::json;

use super::directory::{self, Directory, Entry};
use super::silent::Silent;
use super::{Command, Wrong};
use crate::control::house::House;
use crate::control::out::{Cell, Column, Out};

pub(super) const COMMANDS: &[Command] = &[Command {
    words: "sip show users",
    arguments: "[like PATTERN]",
    summary: "Devices that may call",
    run: users,
}];

const COLUMNS: [Column; 6] = [
    Column::left("Username", "name", 26),
    Column::left("Secret", "secret", 16),
    Column::left("Accountcode", "accountcode", 16),
    Column::left("Def.Context", "context", 16),
    Column::left("ACL", "acl", 4),
    Column::left("Forcerport", "force_rport", 10),
];

fn users(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let pattern = directory::like(arguments)?;
    let mut silent = Silent::default();
    let directory = Directory::of(house, &mut silent);
    let wanted = |entry: &Entry<'_>| {
        let Entry { peer, .. } = entry;
        peer.kind != PeerKind::Peer
            && pattern
                .as_ref()
                .is_none_or(|like| like.is_match(&peer.name))
    };
    let mut table = out.table("users", &COLUMNS)?;
    for entry in directory.entries().filter(wanted) {
        let peer = entry.peer;
        let set = peer.secret != Secret::None;
        table.row(&[
            peer.name.as_str().into(),
            // A console shows no password.
            Cell::Both(if set { "<Set>" } else { "" }.into(), json!(set)),
            peer.accountcode.as_str().into(),
            peer.context.as_str().into(),
            (!peer.acl.0.is_empty()).into(),
            peer.nat.force_rport.into(),
        ])?;
    }
    table.end()?;
    Ok(silent.own_up(out)?)
}
