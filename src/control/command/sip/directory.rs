//! All devices, sip.conf's and those of the database that the shards know, in
//! the order of their names; and what their home shards know of them.
//!
//! The devices of sip.conf are read from the configuration all threads share:
//! no shard is asked who there is. The home shards are then asked for the state
//! of as many devices as make a page, one page after the other as they are
//! written: what is held is a word for each device, and the rows of one page.

use std::sync::Arc;

use pinion_sip::base::{ShardId, shard_of};
use pinion_sip::config::{Config, Peer};
use pinion_sip::machine::{DeviceRow, Page, Query, Span};
use regex_lite::Regex;
use smol_str::SmolStr;

use crate::control::command::Wrong;
use crate::control::house::House;

/// Devices whose state one shard is asked for at once.
const PAGE: usize = Span::FIRST.most as usize;

/// All devices there are.
pub(super) struct Directory {
    config: Arc<Config>,
    /// The database's, as far as they are known.
    known: Vec<Arc<Peer>>,
}

/// One device.
#[derive(Clone, Copy)]
pub(super) struct Entry<'d> {
    pub(super) peer: &'d Arc<Peer>,
    /// Whether the database has it, rather than sip.conf.
    pub(super) stored: bool,
}

impl Directory {
    pub(super) fn of(house: &House) -> Directory {
        let config = house.settings().config;
        let mut known = Vec::new();
        if has_database(&config) {
            for (_, page) in house.shards.pages(Query::Known(Span::FIRST)) {
                if let Page::Known(rows) = page {
                    known.extend(rows.rows);
                }
            }
        }
        Directory { config, known }
    }

    /// Those that are wanted, by name. One that several shards know is one.
    pub(super) fn entries(&self, wanted: impl Fn(&Peer) -> bool) -> Vec<Entry<'_>> {
        let entry = |stored| move |peer| Entry { peer, stored };
        let of_file = self.config.peers.iter().map(entry(false));
        let stored = self.known.iter().map(entry(true));
        let mut entries: Vec<Entry<'_>> = of_file
            .chain(stored)
            .filter(|entry| wanted(entry.peer))
            .collect();
        // A file that is in order already costs one look at each.
        entries.sort_by(|a, b| (&a.peer.name, a.stored).cmp(&(&b.peer.name, b.stored)));
        entries.dedup_by(|later, earlier| later.peer.name == earlier.peer.name);
        entries
    }
}

/// Whether devices may be in a database.
pub(super) fn has_database(config: &Config) -> bool {
    config.realtime.as_ref().is_some_and(|rules| rules.devices)
}

/// Tells of each device in turn what its home shard knows of it; `None` where
/// that does not answer.
pub(super) fn each(
    house: &House,
    entries: &[Entry<'_>],
    mut tell: impl FnMut(Entry<'_>, Option<&DeviceRow>) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    let shards = house.shards.count();
    for page in entries.chunks(PAGE * usize::from(shards.max(1))) {
        let home = |entry: &Entry<'_>| shard_of(entry.peer.name.as_bytes(), shards);
        let mut rows: Vec<_> = (0..shards)
            .map(|shard| {
                let own = page.iter().filter(|entry| home(entry) == shard);
                ask(
                    house,
                    shard,
                    own.map(|entry| entry.peer.name.clone()).collect(),
                )
                .into_iter()
            })
            .collect();
        for entry in page {
            let row = rows.get_mut(usize::from(home(entry)));
            tell(*entry, row.and_then(Iterator::next).as_ref())?;
        }
    }
    Ok(())
}

/// What the home shard of one device knows of it.
pub(super) fn one(house: &House, name: &str) -> Option<DeviceRow> {
    let home = shard_of(name.as_bytes(), house.shards.count());
    ask(house, home, vec![name.into()]).pop()
}

fn ask(house: &House, shard: ShardId, names: Vec<SmolStr>) -> Vec<DeviceRow> {
    if names.is_empty() {
        return Vec::new();
    }
    match house.shards.ask(shard, Query::Devices(names)) {
        Some(Page::Devices(rows)) => rows,
        _ => Vec::new(),
    }
}

/// `[like PATTERN]`: an extended regular expression that a name has somewhere.
pub(super) fn like(arguments: &[&str]) -> Result<Option<Regex>, Wrong> {
    match arguments {
        [] => Ok(None),
        ["like", pattern] => Ok(Some(Regex::new(pattern).map_err(|_| Wrong::Usage)?)),
        _ => Err(Wrong::Usage),
    }
}
