//! `sip show objects`, `sip show domains`: what is held by name.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use pinion_sip::config::Host;
use pinion_sip::machine::{Page, Query, Span};
use serde_json::{Value, json};

use super::directory::{Directory, Entry};
use super::silent::Silent;
use super::{Command, Wrong, empty};
use crate::control::house::House;
use crate::control::out::{Cell, Column, Fields, Out, Table};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "sip show objects",
        arguments: "",
        summary: "Devices and dialogs, and how many references each has",
        run: objects,
    },
    Command {
        words: "sip show domains",
        arguments: "",
        summary: "The domains that are ours",
        run: domains,
    },
];

fn objects(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    empty(arguments)?;
    let mut silent = Silent::default();
    let directory = Directory::of(house, &mut silent);
    let (of_file, stored) = directory.len();
    out.remark(&format!(
        "-= Peer objects: {of_file} static, {stored} realtime, 0 autocreate =-\n"
    ))?;
    let peer = |sheets: &mut Table<'_, '_>, entry: Entry<'_>| {
        let references = Arc::strong_count(entry.peer);
        object(sheets.fields(), &entry.peer.name, "peer", references)
    };
    let mut peers = out.sheets("peers")?;
    let mut all = directory.entries();
    all.try_for_each(|entry| peer(&mut peers, entry))?;
    peers.end()?;
    out.remark("-= Peer objects by IP =-\n")?;
    let mut peers = out.sheets("peers_by_ip")?;
    let fixed = |entry: &Entry<'_>| matches!(entry.peer.host, Host::Fixed(_));
    let mut with_address = directory.entries().filter(fixed);
    with_address.try_for_each(|entry| peer(&mut peers, entry))?;
    peers.end()?;
    out.remark("-= Registry objects: 0 =-\n\n-= Dialog objects:\n")?;
    let mut dialogs = out.sheets("dialogs")?;
    for (_, page) in silent.pages(house, Query::Dialogs(Span::FIRST)) {
        let Page::Dialogs(rows) = page else { continue };
        for row in rows.rows {
            // Its call owns it.
            object(dialogs.fields(), &row.call_id.lossy(), "dialog", 1)?;
        }
    }
    dialogs.end()?;
    Ok(silent.own_up(out)?)
}

fn object(mut sheet: Fields<'_, '_>, name: &str, kind: &str, references: usize) -> io::Result<()> {
    sheet.field("name: ", "name", name)?;
    sheet.field("type: ", "type", kind)?;
    sheet.remark("objflags: 0")?;
    let references = i64::try_from(references).unwrap_or(i64::MAX);
    sheet.field("refcount: ", "refcount", references)?;
    sheet.remark("")?;
    sheet.end()
}

fn domains(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    const COLUMNS: [Column; 3] = [
        Column::left("Our local SIP domains:", "domain", 40),
        Column::left("Context", "context", 20),
        Column::left("Set by", "set_by", 16),
    ];
    empty(arguments)?;
    let config = house.settings().config;
    let general = &config.general;
    if general.domains.is_empty() {
        out.member("domains", &json!([]))?;
        return Ok(out.remark("SIP Domain support not enabled.\n")?);
    }
    let mut table = out.table("domains", &COLUMNS)?;
    for domain in &general.domains {
        let mut contexts = general.domain_contexts.iter();
        let context = match contexts.find(|(other, _)| other == domain) {
            Some((_, context)) => context.as_str().into(),
            None => Cell::Both("(default)".into(), Value::Null),
        };
        // The addresses of this host are added by `autodomain`.
        let ours =
            |address: &SocketAddr| address.ip().to_string() == domain.trim_matches(['[', ']']);
        let set_by = match house.listening.iter().any(|(_, address)| ours(address)) {
            true => Cell::Both("[Automatic]".into(), json!("autodomain")),
            false => Cell::Both("[Configured]".into(), json!("sip.conf")),
        };
        table.row(&[domain.as_str().into(), context, set_by])?;
    }
    table.end()?;
    Ok(out.remark("")?)
}
