//! What Asterisk's console shows and this engine has none of, or always has:
//! the tables are empty, and say so as Asterisk's do.

use serde_json::json;

use super::{Command, Wrong, empty};
use crate::control::house::House;
use crate::control::out::{Column, Out};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "sip show registry",
        arguments: "",
        summary: "Registrations of this engine with others; it makes none",
        run: registry,
    },
    Command {
        words: "sip show subscriptions",
        arguments: "",
        summary: "Subscriptions to this engine; it takes none",
        run: subscriptions,
    },
    Command {
        words: "sip show mwi",
        arguments: "",
        summary: "Subscriptions to voicemail elsewhere; there are none",
        run: mwi,
    },
    Command {
        words: "sip set history",
        arguments: "on|off",
        summary: "Whether the events of calls are kept; they always are",
        run: set_history,
    },
];

fn registry(_: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    const COLUMNS: [Column; 6] = [
        Column::left("Host", "host", 39),
        Column::left("dnsmgr", "dnsmgr", 6),
        Column::left("Username", "username", 13),
        Column::right("Refresh", "refresh_s", 8),
        Column::left("State", "state", 20),
        Column::left("Reg.Time", "registered", 25),
    ];
    empty(arguments)?;
    out.table("registrations", &COLUMNS)?.end()?;
    Ok(out.remark("0 SIP registrations.")?)
}

fn subscriptions(_: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    const COLUMNS: [Column; 8] = [
        Column::left("Peer", "address", 16),
        Column::left("User", "user", 16),
        Column::left("Call ID", "call_id", 16),
        Column::left("Extension", "extension", 16),
        Column::left("Last state", "state", 14),
        Column::left("Type", "type", 15),
        Column::left("Mailbox", "mailbox", 10),
        Column::left("Expiry", "expires_s", 6),
    ];
    empty(arguments)?;
    out.table("subscriptions", &COLUMNS)?.end()?;
    Ok(out.remark("0 active SIP subscriptions")?)
}

fn mwi(_: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    const COLUMNS: [Column; 4] = [
        Column::left("Host", "host", 31),
        Column::left("Username", "username", 13),
        Column::left("Mailbox", "mailbox", 11),
        Column::left("Subscribed", "subscribed", 10),
    ];
    empty(arguments)?;
    out.table("subscriptions", &COLUMNS)?.end()?;
    Ok(())
}

fn set_history(_: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    match arguments {
        ["on"] => {
            out.member("history", &json!(true))?;
            out.remark("SIP History Recording Enabled (use 'sip show history')")?;
        }
        ["off"] => out.fail("SIP history is always recorded: it costs nothing worth saving.")?,
        _ => return Err(Wrong::Usage),
    }
    Ok(())
}
