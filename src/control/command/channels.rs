//! `core show channels|channel|calls`: what is being talked.

use pinion_sip::machine::{ChannelRow, Page, Query, Span};
use serde_json::json;
use smol_str::SmolStr;

use super::silent::Silent;
use super::{Command, Wrong, empty};
use crate::control::house::House;
use crate::control::out::{Cell, Column, Form, Out};
use crate::table::sum;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "core show calls",
        arguments: "",
        summary: "How many calls there are, and have been",
        run: calls,
    },
    Command {
        words: "core show channel",
        arguments: "CHANNEL",
        summary: "All there is to know of a channel",
        run: channel,
    },
    Command {
        words: "core show channels",
        arguments: "[concise|verbose|count]",
        summary: "The channels of all calls",
        run: channels,
    },
];

/// What only programs see of a channel, whatever people are shown.
const FACTS: [Column; 14] = [
    Column::hidden("channel"),
    Column::hidden("state"),
    Column::hidden("context"),
    Column::hidden("extension"),
    Column::hidden("priority"),
    Column::hidden("application"),
    Column::hidden("data"),
    Column::hidden("callerid"),
    Column::hidden("duration_s"),
    Column::hidden("accountcode"),
    Column::hidden("peeraccount"),
    Column::hidden("bridge"),
    Column::hidden("uniqueid"),
    Column::hidden("shard"),
];

const PLAIN: [Column; 4] = [
    Column::left("Channel", "", 20),
    Column::left("Location", "", 20),
    Column::left("State", "", 7),
    Column::left("Application(Data)", "", 30),
];

const VERBOSE: [Column; 12] = [
    Column::left("Channel", "", 20),
    Column::left("Context", "", 20),
    Column::left("Extension", "", 16),
    Column::right("Prio", "", 4),
    Column::left("State", "", 7),
    Column::left("Application", "", 12),
    Column::left("Data", "", 25),
    Column::left("CallerID", "", 15),
    Column::right("Duration", "", 8),
    Column::left("Accountcode", "", 11),
    Column::left("PeerAccount", "", 11),
    Column::left("BridgeID", "", 20),
];

/// How channels are shown.
#[derive(Clone, Copy, PartialEq)]
enum Layout {
    Plain,
    Concise,
    Verbose,
}

fn channels(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let layout = match arguments {
        [] => Layout::Plain,
        ["concise"] => Layout::Concise,
        ["verbose"] => Layout::Verbose,
        ["count"] => return count(house, out),
        _ => return Err(Wrong::Usage),
    };
    if layout == Layout::Concise && out.form() == Form::Text {
        return concise(house, out);
    }
    let people: &[Column] = match layout {
        Layout::Verbose => &VERBOSE,
        _ => &PLAIN,
    };
    let columns = [people, &FACTS].concat();
    let (mut calls, mut silent) = (0, Silent::default());
    let mut table = out.table("channels", &columns)?;
    for (shard, row) in rows(house, &mut silent) {
        calls += u64::from(row.calls);
        let mut cells = match layout {
            Layout::Verbose => verbose(&row),
            _ => plain(&row),
        };
        cells.extend(facts(&row, shard.into()));
        table.row(&cells)?;
    }
    let channels = table.end()?;
    footer(house, channels, calls, out)?;
    Ok(silent.own_up(out)?)
}

/// A part of the calls: a row of a channel takes a shard a microsecond or two.
const PAGE: Span = Span { from: 0, most: 64 };

/// All channels there are, shard by shard.
fn rows<'h>(
    house: &'h House,
    silent: &'h mut Silent,
) -> impl Iterator<Item = (u16, ChannelRow)> + 'h {
    let pages = silent.pages(house, Query::Channels(PAGE));
    pages.flat_map(|(shard, page)| {
        let rows = match page {
            Page::Channels(rows) => rows.rows,
            _ => Vec::new(),
        };
        rows.into_iter().map(move |row| (shard, row))
    })
}

/// Channels and calls.
fn count(house: &House, out: &mut Out<'_>) -> Result<(), Wrong> {
    let mut silent = Silent::default();
    let counts = |(channels, calls): (u64, u64), (_, row): (u16, ChannelRow)| {
        (channels + 1, calls + u64::from(row.calls))
    };
    let (channels, calls) = rows(house, &mut silent).fold((0, 0), counts);
    footer(house, channels, calls, out)?;
    Ok(silent.own_up(out)?)
}

fn plain(row: &ChannelRow) -> Vec<Cell<'_>> {
    let location = match row.context.is_empty() || row.exten.is_empty() {
        true => "(None)".into(),
        false => format!("{}@{}:{}", row.exten, row.context, row.priority),
    };
    let application = match row.application.is_empty() {
        true => "(None)".into(),
        false => format!("{}({})", row.application, row.arguments),
    };
    vec![
        (&*row.name).into(),
        location.into(),
        row.state.as_str().into(),
        application.into(),
    ]
}

fn verbose(row: &ChannelRow) -> Vec<Cell<'_>> {
    let (minutes, seconds) = (row.age.as_secs() / 60, row.age.as_secs() % 60);
    vec![
        (&*row.name).into(),
        (&*row.context).into(),
        (&*row.exten).into(),
        i64::from(row.priority).into(),
        row.state.as_str().into(),
        (&*row.application).into(),
        (&*row.arguments).into(),
        (&*row.number).into(),
        format!("{:02}:{:02}:{seconds:02}", minutes / 60, minutes % 60).into(),
        (&*row.account).into(),
        (&*row.peer_account).into(),
        bridge(row).into(),
    ]
}

fn facts(row: &ChannelRow, shard: i64) -> [Cell<'_>; FACTS.len()] {
    [
        (&*row.name).into(),
        row.state.as_str().into(),
        (&*row.context).into(),
        (&*row.exten).into(),
        i64::from(row.priority).into(),
        (&*row.application).into(),
        (&*row.arguments).into(),
        (&*row.number).into(),
        (row.age.as_secs() as i64).into(),
        (&*row.account).into(),
        (&*row.peer_account).into(),
        bridge(row).into(),
        (&*row.unique_id).into(),
        shard.into(),
    ]
}

fn bridge(row: &ChannelRow) -> String {
    row.bridge
        .map_or(String::new(), |bridge| format!("{bridge:08x}"))
}

/// Fields between exclamation marks, for scripts. The 3 says that accounting
/// follows no rule of its own (`AMA_DOCUMENTATION`).
fn concise(house: &House, out: &mut Out<'_>) -> Result<(), Wrong> {
    let mut silent = Silent::default();
    for (_, row) in rows(house, &mut silent) {
        let fields = [
            row.name.to_string(),
            row.context.to_string(),
            row.exten.to_string(),
            row.priority.to_string(),
            row.state.as_str().into(),
            or_none(&row.application),
            row.arguments.clone(),
            row.number.to_string(),
            row.account.to_string(),
            row.peer_account.to_string(),
            "3".into(),
            row.age.as_secs().to_string(),
            bridge(&row),
            row.unique_id.to_string(),
        ];
        out.line(fields.join("!"))?;
    }
    Ok(silent.own_up(out)?)
}

fn or_none(text: &str) -> String {
    if text.is_empty() { "(None)" } else { text }.into()
}

fn footer(house: &House, channels: u64, calls: u64, out: &mut Out<'_>) -> Result<(), Wrong> {
    let plural = |count| if count == 1 { "" } else { "s" };
    out.member("active_channels", &channels.into())?;
    out.remark(&format!("{channels} active channel{}", plural(channels)))?;
    so_far(house, calls, out)
}

fn calls(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    empty(arguments)?;
    let mut silent = Silent::default();
    let calls = sum("calls", &silent.census(house));
    so_far(house, calls, out)?;
    Ok(silent.own_up(out)?)
}

fn so_far(house: &House, calls: u64, out: &mut Out<'_>) -> Result<(), Wrong> {
    let plural = |count| if count == 1 { "" } else { "s" };
    let begun = sum("calls_begun", &house.shards.census());
    out.member("active_calls", &calls.into())?;
    out.member("calls_processed", &begun.into())?;
    out.remark(&format!("{calls} active call{}", plural(calls)))?;
    Ok(out.remark(&format!("{begun} call{} processed", plural(begun)))?)
}

fn channel(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let &[name] = arguments else {
        return Err(Wrong::Usage);
    };
    let mut silent = Silent::default();
    let query = Query::Channel(Span::FIRST, SmolStr::new(name));
    let found = silent
        .pages(house, query)
        .find_map(|(shard, page)| match page {
            Page::Channels(mut rows) => rows.rows.pop().map(|row| (shard, row)),
            _ => None,
        });
    match found {
        Some((shard, row)) => whole(&row, shard, out),
        None => {
            out.fail(format!("{name} is not a known channel"))?;
            Ok(silent.own_up(out)?)
        }
    }
}

fn whole(row: &ChannelRow, shard: u16, out: &mut Out<'_>) -> Result<(), Wrong> {
    let detail = row.detail.as_deref().cloned().unwrap_or_default();
    let not_known = |text: &str| if text.is_empty() { "(N/A)" } else { text }.to_string();
    let (type_name, _) = row.name.split_once('/').unwrap_or(("", ""));
    let elapsed = row.age.as_secs();
    let elapsed = format!("{}h{}m{}s", elapsed / 3600, elapsed / 60 % 60, elapsed % 60);
    let sections: [(&str, &[(&str, String)]); 2] = [
        (
            " -- General --",
            &[
                ("           Name: ", row.name.to_string()),
                ("           Type: ", type_name.into()),
                ("       UniqueID: ", row.unique_id.to_string()),
                ("       LinkedID: ", detail.linked_id.to_string()),
                ("      Caller ID: ", not_known(&row.number)),
                (" Caller ID Name: ", not_known(&detail.caller_name)),
                ("Connected Line ID: ", not_known(&detail.connected)),
                ("    DNID Digits: ", not_known(&detail.dialled)),
                ("       Language: ", detail.language.to_string()),
                (
                    "          State: ",
                    format!("{} ({})", row.state.as_str(), row.state.number()),
                ),
                ("  NativeFormats: ", "(nothing)".into()),
                ("   Elapsed Time: ", elapsed),
                ("      Bridge ID: ", bridge(row)),
                ("        Call-ID: ", detail.call_id.to_string()),
                ("          Shard: ", shard.to_string()),
            ],
        ),
        (
            " --   PBX   --",
            &[
                ("        Context: ", row.context.to_string()),
                ("      Extension: ", row.exten.to_string()),
                ("       Priority: ", row.priority.to_string()),
                ("    Application: ", or_none(&row.application)),
                ("           Data: ", row.arguments.clone()),
            ],
        ),
    ];
    for (title, lines) in sections {
        out.remark(title)?;
        for (name, value) in lines {
            out.remark(&format!("{name}{value}"))?;
        }
    }
    out.remark("      Variables:")?;
    for (name, value) in &detail.variables {
        out.remark(&format!("{name}={value}"))?;
    }
    let named = FACTS.iter().zip(facts(row, shard.into()));
    let mut object: serde_json::Map<_, _> = named
        .map(|(column, cell)| (column.key().to_owned(), cell.json()))
        .collect();
    let variables = detail.variables.iter();
    let variables: serde_json::Map<_, _> = variables
        .map(|(name, value)| (name.to_string(), json!(value.as_str())))
        .collect();
    for (key, value) in [
        ("linkedid", json!(detail.linked_id.as_str())),
        ("callerid_name", json!(detail.caller_name.as_str())),
        ("connected", json!(detail.connected.as_str())),
        ("dialled", json!(detail.dialled.as_str())),
        ("call_id", json!(detail.call_id.as_str())),
        ("language", json!(detail.language.as_str())),
        ("variables", variables.into()),
    ] {
        object.insert(key.into(), value);
    }
    Ok(out.member("channel", &object.into())?)
}
