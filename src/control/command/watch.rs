//! `sip set debug`, `sip trace`, `core set`, `logger`: what operators watch.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use pinion_sip::base::shard_of;
use pinion_sip::config::Host;
use pinion_sip::machine::{Page, Query, Sought};

use super::{Command, Wrong, empty};
use crate::capture::Trace;
use crate::control::house::House;
use crate::control::out::{Column, Out};
use crate::logs::Levels;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "sip set debug",
        arguments: "on|off|ip ADDRESS[:PORT]|peer PEER|callid CALLID|number NUMBER|method METHOD",
        summary: "Show messages as they come and go; each adds to those before it",
        run: debug,
    },
    Command {
        words: "sip trace",
        arguments: "on|ip ADDRESS[:PORT]|peer PEER|callid CALLID|number NUMBER|method METHOD > FILE|off|show",
        summary: "Write messages into a new file of the engine's host, for Wireshark",
        run: trace,
    },
    Command {
        words: "core set verbose",
        arguments: "LEVEL",
        summary: "From 3 on, log each step of the dialplan",
        run: verbose,
    },
    Command {
        words: "core set debug",
        arguments: "LEVEL [LOG-MODULE]",
        summary: "From 1 on, log as with debug, from 5 on as with trace; 0 as before",
        run: core_debug,
    },
    Command {
        words: "logger rotate",
        arguments: "",
        summary: "Open the log's file anew, after it was moved away",
        run: rotate,
    },
    Command {
        words: "logger set level",
        arguments: "LEVELS",
        summary: "Log so loud from now on, as in --log: info,sip=debug",
        run: set_levels,
    },
    Command {
        words: "logger show channels",
        arguments: "",
        summary: "Where the log goes, how loud it is, and what was lost of it",
        run: channels,
    },
];

/// Why it is not known what is sought.
enum Unsought {
    Usage,
    /// In one sentence.
    Because(String),
}

/// What the words of a command seek, and how Asterisk confirms it.
fn sought(house: &House, words: &[&str]) -> Result<(Sought, String), Unsought> {
    let told = |sought, kind: &str, what: &str| Ok((sought, format!("for {kind}: {what}")));
    match words {
        ["ip", address] => {
            let sought = match (address.parse::<IpAddr>(), address.parse::<SocketAddr>()) {
                (Ok(ip), _) => Sought::Address(ip, None),
                (_, Ok(at)) => Sought::Address(at.ip(), Some(at.port())),
                _ => return Err(Unsought::Because(format!("'{address}' is no address"))),
            };
            told(sought, "IP", address)
        }
        ["peer", name] => match peer(house, name) {
            Some(peer) => told(peer, "peer", name),
            None => Err(Unsought::Because(format!("No such peer '{name}'"))),
        },
        ["callid", id] => told(Sought::CallId((*id).into()), "Call-ID", id),
        ["number", number] => told(Sought::Number((*number).into()), "number", number),
        ["method", method] => {
            let method = method.to_ascii_uppercase();
            told(Sought::Method(method.as_str().into()), "method", &method)
        }
        _ => Err(Unsought::Usage),
    }
}

/// A device: by its name, and by the addresses it has now. `None`: there is
/// none, as far as is known without asking a database.
fn peer(house: &House, name: &str) -> Option<Sought> {
    let config = house.settings().config;
    let home = shard_of(name.as_bytes(), house.shards.count());
    let page = house.shards.ask(home, Query::Devices(vec![name.into()]));
    let contacts = match page {
        Some(Page::Devices(mut rows)) => rows.pop().map(|row| row.contacts),
        _ => None,
    };
    let in_file = config.peers.by_name(name.as_bytes());
    if in_file.is_none() && config.realtime.is_none() {
        return None;
    }
    let registered = contacts.into_iter().flatten();
    let mut addresses: Vec<_> = registered
        .map(|contact| contact.binding.flow.remote)
        .collect();
    if let Some(Host::Fixed(address)) = in_file.map(|peer| &peer.host)
        && !addresses.contains(address)
    {
        addresses.push(*address);
    }
    Some(Sought::Peer {
        name: name.into(),
        addresses,
    })
}

/// Where a device is now, in the words of Asterisk, which watches that alone;
/// `None` for what is no device, or nowhere.
fn places(sought: &Sought) -> Option<String> {
    let Sought::Peer { addresses, .. } = sought else {
        return None;
    };
    let ips: BTreeSet<IpAddr> = addresses.iter().map(|at| at.ip().to_canonical()).collect();
    let lines: Vec<String> = ips
        .iter()
        .map(|ip| format!("Enabled for IP: {ip}"))
        .collect();
    (!lines.is_empty()).then(|| lines.join("\nSIP Debugging "))
}

fn debug(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let messages = &house.watching.messages;
    let (sought, told) = match arguments {
        ["off"] => {
            messages.clear();
            return Ok(out.line("SIP Debugging Disabled")?);
        }
        ["on"] => {
            let again = !messages.sought().is_empty();
            let told = if again { "re-enabled" } else { "enabled" };
            (Sought::All, told.to_owned())
        }
        words => match sought(house, words) {
            Ok((sought, told)) => {
                let told = places(&sought).unwrap_or(format!("Enabled {told}"));
                (sought, told)
            }
            Err(Unsought::Usage) => return Err(Wrong::Usage),
            Err(Unsought::Because(why)) => return Ok(out.fail(why)?),
        },
    };
    Ok(match messages.add(sought) {
        Ok(()) => out.line(format!("SIP Debugging {told}")),
        Err(error) => out.fail(format!("No thread to print messages: {error}")),
    }?)
}

fn trace(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let watching = &house.watching;
    match arguments {
        ["off"] => Ok(match watching.end_trace() {
            Some(trace) => out.line(told(&trace)),
            None => out.line("Nothing is written"),
        }?),
        ["show"] => {
            let text = watching.with_trace(|trace| trace.map(told));
            Ok(out.line(text.unwrap_or("Nothing is written".into()))?)
        }
        [words @ .., ">", path] => {
            let (sought, what) = match sought(house, words) {
                Ok(found) => found,
                Err(Unsought::Usage) if words == ["on"] => (Sought::All, "of all".into()),
                Err(Unsought::Usage) => return Err(Wrong::Usage),
                Err(Unsought::Because(why)) => return Ok(out.fail(why)?),
            };
            let path = Path::new(path);
            if !path.is_absolute() {
                return Ok(out.fail("Give the whole path: the engine writes the file")?);
            }
            Ok(begin(house, sought, &what, path, out)?)
        }
        _ => Err(Wrong::Usage),
    }
}

fn begin(
    house: &House,
    sought: Sought,
    what: &str,
    path: &Path,
    out: &mut Out<'_>,
) -> io::Result<()> {
    let path_told = path.display();
    match house.watching.trace(sought, path) {
        Ok(true) => out.line(format!("Messages {what} are written to {path_told}")),
        Ok(false) => out.fail("Another file is written; end it with 'sip trace off'"),
        Err(error) => out.fail(format!("{path_told}: {error}")),
    }
}

/// A file and what is in it.
fn told(trace: &Trace) -> String {
    let (messages, dropped) = trace.counts();
    let path = trace.path().display();
    let ended = if trace.is_over() { ", ended" } else { "" };
    format!("{path}: {messages} messages, {dropped} dropped{ended}")
}

/// `Console verbose was 0 and is now 3.`, as Asterisk says it.
fn changed(what: &str, was: u8, is: u8) -> String {
    match (was, is) {
        (was, is) if was == is => format!("{what} is still {is}."),
        (was, 0) => format!("{what} was {was} and is now OFF."),
        (0, is) => format!("{what} was OFF and is now {is}."),
        (was, is) => format!("{what} was {was} and is now {is}."),
    }
}

/// A level: a number, or `off`.
fn number(word: &str) -> Result<u8, Wrong> {
    match word {
        "off" => Ok(0),
        word => word.parse().map_err(|_| Wrong::Usage),
    }
}

fn verbose(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let [level] = arguments else {
        return Err(Wrong::Usage);
    };
    let level = number(level)?;
    let was = house.watching.logs.set_verbose(level);
    Ok(out.line(changed("Console verbose", was, level))?)
}

fn core_debug(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let (level, module) = match arguments {
        [level] => (level, None),
        [level, name] => match Levels::module(name) {
            Ok(module) => (level, Some(module)),
            Err(why) => return Ok(out.fail(why)?),
        },
        _ => return Err(Wrong::Usage),
    };
    let level = number(level)?;
    let was = house.watching.logs.set_debug(level, module);
    Ok(out.line(changed("Core debug", was, level))?)
}

fn rotate(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    empty(arguments)?;
    house.watching.logs.rotate();
    Ok(out.line("The log goes on in a file opened anew")?)
}

fn set_levels(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let [text] = arguments else {
        return Err(Wrong::Usage);
    };
    Ok(match text.parse::<Levels>() {
        Ok(levels) => {
            house.watching.logs.set_levels(levels);
            out.line(format!(
                "The log's level is {}",
                house.watching.logs.levels()
            ))
        }
        Err(why) => out.fail(why),
    }?)
}

fn channels(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    const COLUMNS: [Column; 4] = [
        Column::left("Channel", "channel", 35),
        Column::left("Type", "type", 8),
        Column::left("Status", "status", 8),
        Column::left("Configuration", "configuration", 60),
    ];
    empty(arguments)?;
    let logs = &house.watching.logs;
    let (file, levels) = (logs.file(), logs.levels().to_string());
    let (name, kind) = match &file {
        Some(path) => (path.display().to_string(), "File"),
        None => ("stderr".into(), "Console"),
    };
    let mut table = out.table("channels", &COLUMNS)?;
    table.row(&[name.into(), kind.into(), "Enabled".into(), levels.into()])?;
    table.end()?;
    for (name, count) in logs.counters() {
        out.line(format!("{name}: {count}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_confirmed_by_where_it_is() {
        let peer = |addresses: &[&str]| Sought::Peer {
            name: "1001".into(),
            addresses: addresses.iter().map(|at| at.parse().unwrap()).collect(),
        };
        assert_eq!(places(&Sought::All), None);
        assert_eq!(places(&peer(&[])), None);
        let there = peer(&[
            "127.9.9.1:37152",
            "127.9.9.1:37153",
            "[::ffff:127.9.9.2]:5060",
        ]);
        let expected = "Enabled for IP: 127.9.9.1\nSIP Debugging Enabled for IP: 127.9.9.2";
        assert_eq!(places(&there).as_deref(), Some(expected));
    }

    #[test]
    fn levels_are_confirmed_as_asterisk_confirms_them() {
        assert_eq!(
            changed("Core debug", 0, 3),
            "Core debug was OFF and is now 3."
        );
        assert_eq!(
            changed("Core debug", 3, 5),
            "Core debug was 3 and is now 5."
        );
        assert_eq!(
            changed("Core debug", 3, 0),
            "Core debug was 3 and is now OFF."
        );
        assert_eq!(changed("Core debug", 3, 3), "Core debug is still 3.");
    }
}
