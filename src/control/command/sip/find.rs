//! One device, wherever it is known.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use pinion_sip::base::Text;
use pinion_sip::config::Peer;
use pinion_sip::machine::{DeviceRow, Page, Query, Span};

use super::directory;
use super::silent::Silent;
use crate::control::house::House;

/// How often a shard is asked whether the database has answered.
const LOOK: Duration = Duration::from_millis(20);

/// How much longer than the database's own deadline that is done.
const LEEWAY: Duration = Duration::from_millis(500);

/// A device and what its home shard knows of it.
pub(super) struct Found {
    pub(super) peer: Arc<Peer>,
    /// Whether the database has it, rather than sip.conf.
    pub(super) stored: bool,
    pub(super) row: DeviceRow,
}

impl Found {
    fn stored(peer: Arc<Peer>, row: DeviceRow) -> Found {
        Found {
            peer,
            stored: true,
            row,
        }
    }
}

/// The device called `name`. Unless `load` has it read from the database, one
/// of those that no shard knows now is not found.
pub(super) fn find(house: &House, silent: &mut Silent, name: &str, load: bool) -> Option<Found> {
    let config = house.settings().config;
    let row = directory::one(house, silent, name)?;
    if let Some(peer) = config.peers.by_name(name.as_bytes()) {
        return Some(Found {
            peer: Arc::clone(peer),
            stored: false,
            row,
        });
    }
    let rules = config.realtime.as_ref().filter(|rules| rules.devices)?;
    let known = row.known.clone();
    let known = known.or_else(|| known_elsewhere(house, silent, name));
    match known {
        Some(known) => Some(Found::stored(known, row)),
        None if load => read(house, silent, name, rules.timeout + LEEWAY),
        None => None,
    }
}

/// A device that has called, and was never called itself, is known where its
/// calls are, and perhaps not at home.
fn known_elsewhere(house: &House, silent: &mut Silent, name: &str) -> Option<Arc<Peer>> {
    let mut pages = silent.pages(house, Query::Known(Span::FIRST));
    pages.find_map(|(_, page)| match page {
        Page::Known(rows) => rows.rows.into_iter().find(|peer| peer.name == name),
        _ => None,
    })
}

/// Has its home shard read a device, and waits until it has.
fn read(house: &House, silent: &mut Silent, name: &str, patience: Duration) -> Option<Found> {
    silent.ask_home(house, name, Query::Load(Text::from(name)))?;
    let end = Instant::now() + patience;
    loop {
        let row = directory::one(house, silent, name)?;
        if let Some(peer) = row.known.clone() {
            return Some(Found::stored(peer, row));
        }
        if Instant::now() >= end {
            return None;
        }
        thread::sleep(LOOK);
    }
}
