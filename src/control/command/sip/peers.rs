//! `sip show peers`: where all devices are, and whether they answer.

use serde_json::{Value, json};

use super::directory::{self, Directory, Entry, has_database};
use super::silent::Silent;
use super::state::{self, Status};
use super::{Command, Wrong};
use crate::control::house::House;
use crate::control::out::{Cell, Column, Out};
use pinion_sip::config::{Host, PeerKind};
use pinion_sip::machine::DeviceRow;

pub(super) const COMMANDS: &[Command] = &[Command {
    words: "sip show peers",
    arguments: "[like PATTERN]",
    summary: "Devices that can be called, and where they are",
    run: peers,
}];

const COLUMNS: [Column; 16] = [
    Column::left("Name/username", "name", 25),
    Column::left("Host", "host", 39),
    Column::left("Dyn", "dynamic", 3),
    Column::left("Forcerport", "force_rport", 10),
    Column::left("Comedia", "comedia", 10),
    Column::left("ACL", "acl", 3),
    Column::left("Port", "port", 8).uncut(),
    Column::left("Status", "status", 11).uncut(),
    Column::left("Description", "description", 32),
    REALTIME,
    Column::hidden("ms"),
    Column::hidden("username"),
    Column::hidden("contacts"),
    Column::hidden("expires_s"),
    Column::hidden("user_agent"),
    Column::hidden("calls"),
];

/// Has a title only where there is a database.
const REALTIME: Column = Column::left("", "realtime", 0).uncut();

/// How many there are of each kind.
#[derive(Default)]
struct Tally {
    /// Asked, and not asked; there, and not there.
    monitored: [u64; 2],
    unmonitored: [u64; 2],
}

fn peers(house: &House, arguments: &[&str], out: &mut Out<'_>) -> Result<(), Wrong> {
    let pattern = directory::like(arguments)?;
    let mut silent = Silent::default();
    let directory = Directory::of(house, &mut silent);
    let wanted = |entry: &Entry<'_>| {
        let Entry { peer, .. } = entry;
        peer.kind != PeerKind::User
            && pattern
                .as_ref()
                .is_none_or(|like| like.is_match(&peer.name))
    };
    let mut columns = COLUMNS;
    if has_database(&house.settings().config) {
        columns[9] = Column::left("Realtime", "realtime", 0).uncut();
    }
    let mut tally = Tally::default();
    let mut table = out.table("peers", &columns)?;
    let entries = directory.entries().filter(wanted);
    directory::each(house, &mut silent, entries, |entry, row| {
        tally.count(entry, row);
        Ok(table.row(&cells(entry, row))?)
    })?;
    let count = table.end()?;
    let Tally {
        monitored,
        unmonitored,
    } = tally;
    out.remark(&format!(
        "{count} sip peers [Monitored: {} online, {} offline Unmonitored: {} online, {} offline]",
        monitored[0], monitored[1], unmonitored[0], unmonitored[1]
    ))?;
    let totals = |[online, offline]: [u64; 2]| json!({ "online": online, "offline": offline });
    out.member("monitored", &totals(monitored))?;
    out.member("unmonitored", &totals(unmonitored))?;
    Ok(silent.own_up(out)?)
}

impl Tally {
    fn count(&mut self, entry: Entry<'_>, row: Option<&DeviceRow>) {
        let contact = state::first(row);
        let (counts, online) = match Status::of(entry.peer, contact) {
            Status::Unmonitored => (&mut self.unmonitored, contact.is_some()),
            status => (
                &mut self.monitored,
                matches!(status, Status::Ok(_) | Status::Lagged(_)),
            ),
        };
        counts[usize::from(!online)] += 1;
    }
}

/// The row of a device; what only programs see is made for them alone.
fn cells(entry: Entry<'_>, row: Option<&DeviceRow>) -> [Cell<'static>; 16] {
    let peer = entry.peer;
    let contact = state::first(row);
    let username = state::username(peer, contact);
    let name = match &username {
        Some(user) => format!("{}/{user}", peer.name),
        None => peer.name.to_string(),
    };
    let (host, port) = match state::address(contact) {
        Some(address) => (
            Cell::from(address.ip().to_string()),
            Cell::from(u32::from(address.port())),
        ),
        None => (
            Cell::Both("(Unspecified)".into(), Value::Null),
            Cell::Both("0".into(), Value::Null),
        ),
    };
    let dynamic = peer.host == Host::Dynamic;
    let flag =
        |set: bool, text: &'static str| Cell::Both(if set { text } else { "" }.into(), json!(set));
    let status = Status::of(peer, contact);
    let (name_of_status, ms) = status.json();
    let only = |value: Value| Cell::Both("".into(), value);
    let binding = contact.map(|contact| &contact.binding);
    [
        Cell::Both(name.into(), json!(peer.name.as_str())),
        host,
        flag(dynamic, " D "),
        state::force_rport(peer.nat, contact).into(),
        Cell::Both("No".into(), json!(false)),
        flag(!peer.acl.0.is_empty(), " A "),
        port,
        Cell::Both(status.text().into(), name_of_status),
        peer.description.clone().into(),
        flag(entry.stored, "Cached RT"),
        only(ms),
        only(json!(username)),
        only(json!(row.map(|row| row.contacts.len()))),
        only(json!(contact.map(|contact| contact.left_s))),
        only(json!(binding.map(|binding| {
            String::from_utf8_lossy(binding.user_agent()).into_owned()
        }))),
        only(json!(row.map(|row| row.calls))),
    ]
}
