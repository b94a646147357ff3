//! All devices, sip.conf's and those of the database that the shards know, in
//! the order of their names; and what their home shards know of them.
//!
//! The devices of sip.conf are read from the configuration all threads share:
//! no shard is asked who there is. The home shards are asked for the state of a
//! page of devices at a time, as they are written; no more than that is held.
//! A listing rests as long as it works, since shards may want its CPU.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use pinion_sip::base::{ShardId, shard_of};
use pinion_sip::config::{Config, Peer};
use pinion_sip::machine::{DeviceRow, Page, Query, Span};
use regex_lite::Regex;
use smol_str::SmolStr;

use super::Wrong;
use super::silent::Silent;
use crate::control::house::House;

/// Devices whose state one shard is asked for at once: some 50 µs of its time.
const PAGE: usize = 64;

/// Devices told between two rests.
const STRETCH: u32 = 256;

/// The longest rest: time that a slow reader takes is not work.
const LONGEST_REST: Duration = Duration::from_millis(2);

/// All devices there are.
pub(super) struct Directory {
    config: Arc<Config>,
    /// The database's, as far as they are known and not sip.conf's; by name.
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
    pub(super) fn of(house: &House, silent: &mut Silent) -> Directory {
        let config = house.settings().config;
        let mut known = Vec::new();
        if has_database(&config) {
            for (_, page) in silent.pages(house, Query::Known(Span::FIRST)) {
                if let Page::Known(rows) = page {
                    known.extend(rows.rows);
                }
            }
        }
        known.retain(|peer: &Arc<Peer>| config.peers.by_name(peer.name.as_bytes()).is_none());
        known.sort_by(|a, b| a.name.cmp(&b.name));
        // Several shards may know one.
        known.dedup_by(|a, b| a.name == b.name);
        Directory { config, known }
    }

    /// How many sip.conf has, and how many of the database's are known.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.config.peers.len(), self.known.len())
    }

    /// All of them, by name.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut of_file = self.config.peers.in_order().peekable();
        let mut stored = self.known.iter().peekable();
        let mut rests = Rests::default();
        std::iter::from_fn(move || {
            rests.step();
            let from_database = match (of_file.peek(), stored.peek()) {
                (Some(one), Some(other)) => other.name < one.name,
                (one, _) => one.is_none(),
            };
            let peer = match from_database {
                true => stored.next(),
                false => of_file.next(),
            };
            Some(Entry {
                peer: peer?,
                stored: from_database,
            })
        })
    }
}

/// When a long listing rests.
struct Rests {
    since: Instant,
    steps: u32,
}

impl Default for Rests {
    fn default() -> Rests {
        Rests {
            since: Instant::now(),
            steps: 0,
        }
    }
}

impl Rests {
    fn step(&mut self) {
        self.steps += 1;
        if self.steps >= STRETCH {
            thread::sleep(self.since.elapsed().min(LONGEST_REST));
            *self = Rests::default();
        }
    }
}

/// Whether devices may be in a database.
pub(super) fn has_database(config: &Config) -> bool {
    config.realtime.as_ref().is_some_and(|rules| rules.devices)
}

/// Tells of each device in turn what its home shard knows of it; `None` where
/// that does not answer.
pub(super) fn each<'d>(
    house: &House,
    silent: &mut Silent,
    mut entries: impl Iterator<Item = Entry<'d>>,
    mut tell: impl FnMut(Entry<'d>, Option<&DeviceRow>) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    let shards = house.shards.count().max(1);
    let home = |entry: &Entry<'_>| shard_of(entry.peer.name.as_bytes(), shards);
    loop {
        let page: Vec<Entry<'d>> = entries.by_ref().take(PAGE * usize::from(shards)).collect();
        if page.is_empty() {
            return Ok(());
        }
        let rows = (0..shards).map(|shard| {
            let own = page.iter().filter(|entry| home(entry) == shard);
            let names = own.map(|entry| entry.peer.name.clone()).collect();
            ask(house, silent, shard, names).into_iter()
        });
        let mut rows: Vec<_> = rows.collect();
        for entry in page {
            let row = rows.get_mut(usize::from(home(&entry)));
            tell(entry, row.and_then(Iterator::next).as_ref())?;
        }
    }
}

/// What the home shard of one device knows of it; `None` if that does not
/// answer.
pub(super) fn one(house: &House, silent: &mut Silent, name: &str) -> Option<DeviceRow> {
    match silent.ask_home(house, name, Query::Devices(vec![name.into()])) {
        Some(Page::Devices(mut rows)) => rows.pop(),
        _ => None,
    }
}

fn ask(house: &House, silent: &mut Silent, shard: ShardId, names: Vec<SmolStr>) -> Vec<DeviceRow> {
    if names.is_empty() {
        return Vec::new();
    }
    match silent.ask(house, shard, Query::Devices(names)) {
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
