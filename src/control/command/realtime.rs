//! `realtime …`, `sip prune realtime`: rows of databases, and the devices of
//! them that are remembered.

use std::collections::BTreeSet;
use std::io;

use pinion_sip::base::Text;
use pinion_sip::dialplan::{Deed, Inquiry, Reply, Row, Rows};
use pinion_sip::machine::{Page, Query, Span};
use regex_lite::Regex;
use serde_json::{Value, json};

use super::inquiry::inquire;
use super::silent::Silent;
use super::{Command, Wrong, empty};
use crate::control::house::House;
use crate::control::out::{Column, Out};
use crate::realtime::mapping::{Section, Server};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "realtime destroy",
        arguments: "FAMILY COLUMN VALUE [COLUMN VALUE ...]",
        summary: "Remove rows of a realtime family",
        run: destroy,
    },
    Command {
        words: "realtime load",
        arguments: "FAMILY COLUMN VALUE [COLUMN VALUE ...]",
        summary: "The first row of a realtime family with these values",
        run: load,
    },
    Command {
        words: "realtime mysql status",
        arguments: "",
        summary: "How the databases are reached, and whether they answer",
        run: status,
    },
    Command {
        words: "realtime store",
        arguments: "FAMILY COLUMN VALUE [COLUMN VALUE ...]",
        summary: "Add a row to a realtime family",
        run: store,
    },
    Command {
        words: "realtime update",
        arguments: "FAMILY COLUMN VALUE NEWCOLUMN NEWVALUE",
        summary: "Set a column of the rows of a realtime family with that value",
        run: update,
    },
    Command {
        words: "sip prune realtime",
        arguments: "all|PEER|peer PEER|like PATTERN",
        summary: "Forget devices of the database; they are read again when they are needed",
        run: prune,
    },
];

/// The family, and columns with their values.
fn rows_of<'a>(arguments: &'a [&'a str]) -> Result<(&'a str, Row), Wrong> {
    let Some((family, pairs)) = arguments.split_first() else {
        return Err(Wrong::Usage);
    };
    if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
        return Err(Wrong::Usage);
    }
    let pairs = pairs.chunks(2).map(|pair| (pair[0].into(), pair[1].into()));
    Ok((family, pairs.collect()))
}

fn ask(house: &House, family: &str, matches: Row, deed: Deed) -> Reply {
    let rows = Rows {
        family: family.into(),
        matches,
        deed,
    };
    inquire(house, Inquiry::Rows(Box::new(rows)))
}

fn load(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let (family, matches) = rows_of(arguments)?;
    match ask(house, family, matches, Deed::Read) {
        Reply::Rows(rows) => match rows.first() {
            Some(row) => {
                out.remark(&format!("  {:>30}  {:<30}", "Column Name", "Column Value"))?;
                let dashes = "--------------------";
                out.remark(&format!("  {dashes:>30}  {dashes:<30}"))?;
                for (column, value) in row {
                    out.remark(&format!("  {column:>30}  {value:<30}"))?;
                }
                Ok(out.member("row", &object(row))?)
            }
            None => Ok(out.fail("No rows found matching search criteria.")?),
        },
        _ => unanswered(house, family, out),
    }
}

fn object(row: &Row) -> Value {
    let columns = row.iter();
    let columns = columns.map(|(column, value)| (column.to_string(), json!(value)));
    Value::Object(columns.collect())
}

fn update(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let &[family, column, value, new_column, new_value] = arguments else {
        return Err(Wrong::Usage);
    };
    let matches = vec![(column.into(), value.into())];
    let deed = Deed::Update(new_column.into(), new_value.into());
    match ask(house, family, matches, deed) {
        Reply::Text(count) => {
            let plural = if count == "1" { "" } else { "s" };
            Ok(out.line(format!("Updated {count} RealTime record{plural}."))?)
        }
        _ => unanswered(house, family, out),
    }
}

fn store(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let (family, row) = rows_of(arguments)?;
    match ask(house, family, row, Deed::Store) {
        Reply::Text(_) => Ok(out.line("Stored RealTime record.")?),
        _ => unanswered(house, family, out),
    }
}

fn destroy(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let (family, matches) = rows_of(arguments)?;
    match ask(house, family, matches, Deed::Destroy) {
        Reply::Rows(rows) if rows.is_empty() => {
            Ok(out.fail("No rows found matching search criteria.")?)
        }
        Reply::Rows(rows) => {
            let plural = if rows.len() == 1 { "" } else { "s" };
            Ok(out.line(format!("Removed {} RealTime record{plural}.", rows.len()))?)
        }
        _ => unanswered(house, family, out),
    }
}

fn unanswered(house: &House, family: &str, out: &mut Out<'_>) -> Result<(), Wrong> {
    let sentence = match house.about.realtime {
        Some(_) => format!(
            "The database of '{family}' has not done it: extconfig.conf does not have the family, or the log says why"
        ),
        None => "extconfig.conf has no database".into(),
    };
    Ok(out.fail(sentence)?)
}

fn status(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    const COLUMNS: [Column; 3] = [
        Column::hidden("name"),
        Column::hidden("database"),
        Column::hidden("state"),
    ];
    empty(arguments)?;
    let realtime = house.about.realtime.as_ref();
    let counters = realtime.map(|realtime| realtime.counters());
    let counters = counters.unwrap_or_default();
    let state = |name: &str| {
        let own = ["read", "write"].map(|way| format!("realtime_breaker_{name}_{way}"));
        let mut known = counters.iter().filter(|(counter, _)| own.contains(counter));
        match known.all(|(_, state)| *state == 0) {
            true => "answers",
            false => "fails",
        }
    };
    let mut lines = Vec::new();
    let mut table = out.table("databases", &COLUMNS)?;
    for section in &house.about.sections {
        let (name, database, user) = match section {
            Section::Mysql(section) => {
                let place = match &section.server {
                    Server::Tcp(host, port) => format!("{}@{host}, port {port}", section.dbname),
                    Server::Socket(path) => {
                        format!("{} by socket {}", section.dbname, path.display())
                    }
                };
                (
                    &section.name,
                    place,
                    format!(" with username {}", section.dbuser),
                )
            }
            Section::Sqlite(section) => (
                &section.name,
                section.dbfile.display().to_string(),
                String::new(),
            ),
        };
        let state = state(name);
        lines.push(format!("{name} connected to {database}{user}: it {state}"));
        table.row(&[(&**name).into(), database.into(), state.into()])?;
    }
    table.end()?;
    if lines.is_empty() {
        return Ok(out.remark("No database is configured.")?);
    }
    Ok(lines.iter().try_for_each(|line| out.remark(line))?)
}

fn prune(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let config = house.settings().config;
    let mut silent = Silent::default();
    match *arguments {
        ["all"] => {
            let count = known(house, &mut silent, |_| true).len();
            house.shards.prune(None);
            pruned(count, out)?;
        }
        ["like", pattern] => {
            let pattern = match Regex::new(pattern) {
                Ok(pattern) => pattern,
                Err(error) => return Ok(out.fail(format!("{pattern}: {error}"))?),
            };
            let names = known(house, &mut silent, |name| pattern.is_match(name));
            for name in &names {
                house.shards.prune(Some(&Text::from(name.as_str())));
            }
            pruned(names.len(), out)?;
        }
        ["peer", name] | [name] => {
            let is_known = !known(house, &mut silent, |known| known == name).is_empty();
            let in_file = config.peers.by_name(name.as_bytes()).is_some();
            match (is_known, in_file) {
                (true, _) => {
                    house.shards.prune(Some(&Text::from(name)));
                    out.line(format!("Peer '{name}' pruned."))?;
                }
                (false, true) => out.fail(format!(
                    "Peer '{name}' is not a Realtime peer, cannot be pruned."
                ))?,
                (false, false) => out.fail(format!("Peer '{name}' not found."))?,
            }
        }
        _ => return Err(Wrong::Usage),
    }
    Ok(silent.own_up(out)?)
}

fn pruned(count: usize, out: &mut Out<'_>) -> io::Result<()> {
    out.member("pruned", &json!(count))?;
    let said = match count {
        0 => "No peers found to prune.".into(),
        count => format!("{count} peers pruned."),
    };
    out.remark(&said)
}

/// The devices of the database that any shard remembers, and whose names are
/// wanted.
fn known(house: &House, silent: &mut Silent, wanted: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (_, page) in silent.pages(house, Query::Known(Span::FIRST)) {
        if let Page::Known(rows) = page {
            let own = rows.rows.iter().map(|peer| peer.name.to_string());
            names.extend(own.filter(|name| wanted(name)));
        }
    }
    names
}
