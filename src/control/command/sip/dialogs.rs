//! `sip show channels`, `sip show channelstats`, `sip show channel`: the dialogs
//! of calls, one for each of their legs.

use std::io;
use std::time::Duration;

use pinion_sip::base::Text;
use pinion_sip::machine::{DialogDetail, DialogRow, Page, Query, Span};
use serde_json::{Value, json};

use super::silent::Silent;
use super::{Command, Wrong, empty};
use crate::control::house::House;
use crate::control::out::{Cell, Column, Fields, Out};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "sip show channels",
        arguments: "",
        summary: "The dialogs of all calls",
        run: channels,
    },
    Command {
        words: "sip show channelstats",
        arguments: "",
        summary: "The dialogs of all calls; media passes by, and is not counted",
        run: channelstats,
    },
    Command {
        words: "sip show channel",
        arguments: "CALLID",
        summary: "The dialogs whose Call-IDs begin so, in full",
        run: channel,
    },
];

const CHANNELS: [Column; 9] = [
    Column::left("Peer", "address", 16),
    Column::left("User/ANR", "user", 16),
    Column::left("Call ID", "call_id", 16),
    Column::left("Format", "format", 16),
    Column::left("Hold", "hold", 8),
    Column::left("Last Message", "last_message", 15),
    Column::left("Expiry", "expiry", 10),
    Column::left("Peer", "peer", 10),
    Column::hidden("answered_s"),
];

const STATS: [Column; 11] = [
    Column::left("Peer", "address", 16),
    Column::left("Call ID", "call_id", 12),
    Column::left("Duration", "answered_s", 8),
    Column::left("Recv: Pack", "received", 11),
    Column::left("Lost", "received_lost", 10),
    Column::left("(     %)", "received_lost_percent", 8),
    Column::left("Jitter", "received_jitter", 6),
    Column::left("Send: Pack", "sent", 11),
    Column::left("Lost", "sent_lost", 10),
    Column::left("(     %)", "sent_lost_percent", 8),
    Column::left("Jitter", "sent_jitter", 6),
];

/// Tells of all dialogs, page by page.
fn each(
    house: &House,
    query: Query,
    silent: &mut Silent,
    mut tell: impl FnMut(&DialogRow) -> io::Result<()>,
) -> io::Result<()> {
    for (_, page) in silent.pages(house, query) {
        if let Page::Dialogs(rows) = page {
            rows.rows.iter().try_for_each(&mut tell)?;
        }
    }
    Ok(())
}

fn channels(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    empty(arguments)?;
    let mut silent = Silent::default();
    let mut table = out.table("dialogs", &CHANNELS)?;
    each(house, Query::Dialogs(Span::FIRST), &mut silent, |row| {
        table.row(&cells(row))
    })?;
    let count = table.end()?;
    let plural = if count == 1 { "" } else { "s" };
    out.remark(&format!("{count} active SIP dialog{plural}"))?;
    Ok(silent.own_up(out)?)
}

fn cells(row: &DialogRow) -> [Cell<'_>; 9] {
    let user = match row.user.as_str() {
        "" => Cell::Both("(None)".into(), Value::Null),
        user => user.into(),
    };
    let peer = match &row.peer {
        Some(peer) => peer.as_str().into(),
        None => Cell::Both("<guest>".into(), Value::Null),
    };
    [
        address(row),
        user,
        row.call_id.lossy().into_owned().into(),
        // Media is not looked at: neither its formats nor whether it is held.
        Cell::Both("(nothing)".into(), Value::Null),
        Cell::Both("No".into(), Value::Null),
        row.last.into(),
        Cell::Both("".into(), Value::Null),
        peer,
        Cell::Both("".into(), seconds(row)),
    ]
}

fn address(row: &DialogRow) -> Cell<'static> {
    let ip = row.remote.ip().to_canonical().to_string();
    Cell::Both(ip.into(), json!(row.remote.to_string()))
}

fn seconds(row: &DialogRow) -> Value {
    json!(row.answered.map(|time| time.as_secs()))
}

fn channelstats(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    empty(arguments)?;
    let unseen = |text: &'static str| Cell::Both(text.into(), Value::Null);
    let mut silent = Silent::default();
    let mut table = out.table("dialogs", &STATS)?;
    each(house, Query::Dialogs(Span::FIRST), &mut silent, |row| {
        let clock = row.answered.map(clock).unwrap_or_default();
        table.row(&[
            address(row),
            Cell::Both(
                row.call_id
                    .lossy()
                    .chars()
                    .take(11)
                    .collect::<String>()
                    .into(),
                json!(row.call_id.lossy()),
            ),
            Cell::Both(clock.into(), seconds(row)),
            unseen("0000000000"),
            unseen("0000000000"),
            unseen("( 0.00%)"),
            unseen("0.0000"),
            unseen("0000000000"),
            unseen("0000000000"),
            unseen("( 0.00%)"),
            unseen("0.0000"),
        ])
    })?;
    let count = table.end()?;
    let plural = if count == 1 { "" } else { "s" };
    out.remark(&format!("{count} active SIP channel{plural}"))?;
    Ok(silent.own_up(out)?)
}

/// `hh:mm:ss`.
fn clock(time: Duration) -> String {
    let s = time.as_secs();
    format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
}

fn channel(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let [call_id] = arguments else {
        return Err(Wrong::Usage);
    };
    let query = Query::Dialog(Span::FIRST, Text::from(*call_id));
    let mut silent = Silent::default();
    let mut dialogs = out.sheets("dialogs")?;
    each(house, query, &mut silent, |row| match &row.detail {
        Some(detail) => tell(row, detail, dialogs.fields()),
        None => Ok(()),
    })?;
    if dialogs.end()? == 0 {
        out.fail(format!("No such SIP Call ID starting with '{call_id}'"))?;
    }
    Ok(silent.own_up(out)?)
}

fn tell(row: &DialogRow, detail: &DialogDetail, mut sheet: Fields<'_, '_>) -> io::Result<()> {
    let direction = if detail.incoming {
        "Incoming"
    } else {
        "Outgoing"
    };
    let text = |text: &Text| text.lossy().into_owned();
    let null = |shown: &'static str| Cell::Both(shown.into(), Value::Null);
    sheet.remark("\n  * SIP Call")?;
    sheet.field("  Curr. trans. direction:  ", "direction", direction)?;
    sheet.field("  Call-ID:                ", "call_id", text(&row.call_id))?;
    let channel = detail.channel.as_deref().map_or(null("<none>"), Cell::from);
    sheet.field("  Owner channel ID:       ", "channel", channel)?;
    for line in [
        "  Our Codec Capability:   (nothing)",
        "  Non-Codec Capability (DTMF):   0",
        "  Their Codec Capability:   (nothing)",
        "  Joint Codec Capability:   (nothing)",
        "  Format:                 (nothing)",
        "  T.38 support            No",
        "  Video support           Yes",
        "  MaxCallBR:              0 kbps",
    ] {
        sheet.remark(line)?;
    }
    let remote = row.remote.to_string();
    sheet.field("  Theoretical Address:    ", "address", remote.as_str())?;
    sheet.remark(&format!("  Received Address:       {remote}"))?;
    sheet.member("local_address", json!(detail.local.to_string()));
    sheet.remark("  SIP Transfer mode:      closed")?;
    sheet.field("  Force rport:            ", "force_rport", detail.pinned)?;
    sheet.remark("  Audio IP:               (none)")?;
    sheet.field(
        "  Our Tag:                ",
        "local_tag",
        text(&detail.local_tag),
    )?;
    sheet.field(
        "  Their Tag:              ",
        "remote_tag",
        text(&detail.remote_tag),
    )?;
    sheet.member("local_cseq", json!(detail.local_cseq));
    sheet.member("remote_cseq", json!(detail.remote_cseq));
    sheet.remark("  SIP User agent:         ")?;
    sheet.field("  Username:               ", "user", row.user.as_str())?;
    let peer = row.peer.as_deref().map_or(null("<guest>"), Cell::from);
    sheet.field("  Peername:               ", "peer", peer)?;
    sheet.field("  Original uri:           ", "target", text(&detail.target))?;
    sheet.remark(&format!("  Caller-ID:              {}", row.user))?;
    sheet.field("  Need Destroy:           ", "over", detail.over)?;
    sheet.field("  Last Message:           ", "last_message", row.last)?;
    sheet.remark("  Promiscuous Redir:      No")?;
    let routes = match text(&detail.routes) {
        routes if routes.is_empty() => null("N/A"),
        routes => routes.into(),
    };
    sheet.field("  Route:                  ", "routes", routes)?;
    sheet.remark("  DTMF Mode:              none")?;
    sheet.remark("  SIP Options:            (none)")?;
    sheet.remark("  Session-Timer:          Inactive")?;
    let transport = detail.transport.name();
    sheet.field("  Transport:              ", "transport", transport)?;
    sheet.remark("  Media:                  None\n\n")?;
    sheet.member("answered_s", seconds(row));
    sheet.end()
}
