//! A row of `sippeers` becomes a device, by the very options that a section of
//! sip.conf has. What a row says of a registration is not read here.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pinion_sip::config::{Peer, PeerKind, Qualify, Secret};
use smol_str::SmolStr;

use super::device::Device;
use super::general::Globals;
use super::key::{self, Effect};
use super::load::{Load, Resolve, Setting};
use super::value::Wrong;
use crate::config::file::Position;
use crate::config::words;

/// The family whose rows are read; sentences name it as their place.
const FAMILY: &str = "sippeers";

/// Sentences remembered as told. Whoever writes rows could fill any memory
/// with wrong values.
const TOLD_MOST: usize = 4096;

/// What makes devices of rows: `[general]` and `[authentication]` as they
/// were read, shared by all who read rows.
pub struct RowReader {
    /// What holds for a row that does not say: as `[general]` has it, but for
    /// one contact, which is all a row has room for.
    defaults: Peer,
    credentials: Vec<(String, Secret, String)>,
    t1min: Duration,
    /// `--t1`, whatever a row says.
    forced_t1: Option<Duration>,
    realm: SmolStr,
    /// `rtcachefriends`: only a device that is kept can be watched.
    kept: bool,
    resolve: Resolve,
    at: Position,
    told: Mutex<HashSet<u64>>,
}

/// A device, and a sentence for each value of its row that could not be taken.
#[derive(Debug)]
pub(super) struct FromRow {
    /// The device; an option whose value does not fit is at its default.
    pub(super) peer: Peer,
    /// What is wrong with the row; no secret is shown.
    pub(super) complaints: Vec<String>,
}

impl RowReader {
    pub(super) fn new(
        globals: &Globals,
        credentials: Vec<(String, Secret, String)>,
        resolve: Resolve,
    ) -> RowReader {
        let general = &globals.general;
        let mut defaults = globals.defaults.peer.clone();
        defaults.max_contacts = 1;
        RowReader {
            defaults,
            credentials,
            t1min: general.t1min,
            forced_t1: None,
            realm: general.realm.as_str().into(),
            kept: general.rtcachefriends,
            resolve,
            at: Position {
                file: FAMILY.into(),
                line: 0,
            },
            told: Mutex::default(),
        }
    }

    /// T1 of every device from now on, with Timer B at 64·T1.
    pub fn force_timer_t1(&mut self, t1: Duration) {
        self.forced_t1 = Some(t1);
    }

    /// The device of a row, and what is wrong with it.
    pub(super) fn read(&self, name: &str, columns: &[(String, String)]) -> Result<FromRow, String> {
        let mut load = Load::new(self.resolve);
        let mut device = Device::new(name, &self.defaults);
        device.kind = Some(PeerKind::Friend);
        for (column, value) in columns {
            self.column(column, value, &mut device, &mut load)?;
        }
        if device.host.is_none() {
            device.host = Some(("dynamic".into(), self.at.clone()));
        }
        let finished = device.finish(&self.at, self.t1min, &mut load);
        let mut complaints = load.warnings.iter().map(ToString::to_string);
        let Some(mut peer) = finished else {
            return Err(complaints.next_back().unwrap_or_default());
        };
        let mut complaints: Vec<String> = complaints.collect();
        if !self.kept && peer.qualify != Qualify::Off {
            peer.qualify = Qualify::Off;
            complaints.push(format!(
                "{FAMILY}: qualify has no effect on devices that are not kept. Write rtcachefriends=yes in sip.conf."
            ));
        }
        if let Some(t1) = self.forced_t1 {
            peer.timer_t1 = t1;
            peer.timer_b = t1 * 64;
        }
        peer.credentials.extend_from_slice(&self.credentials);
        peer.hash_secret(&self.realm);
        Ok(FromRow { peer, complaints })
    }

    /// The device of a row: (column, value) in any order, a column as often as
    /// it has values. Columns that are no options, and empty values, say
    /// nothing. Each sentence about a value that could not be taken goes to
    /// `tell` once, however often the row is read. Blocks where a name has to be
    /// resolved. `Err` says why the row must not be used: without the value that
    /// does not fit, it would let in whom it keeps out, or call whom nobody
    /// meant.
    pub fn device(
        &self,
        name: &str,
        columns: &[(String, String)],
        tell: impl Fn(&str),
    ) -> Result<Arc<Peer>, String> {
        let FromRow { peer, complaints } = self.read(name, columns)?;
        for complaint in complaints
            .iter()
            .filter(|complaint| self.is_news(complaint))
        {
            tell(complaint);
        }
        Ok(Arc::new(peer))
    }

    /// Whether a sentence has not been told yet.
    fn is_news(&self, sentence: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        sentence.hash(&mut hasher);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.len() < TOLD_MOST && told.insert(hasher.finish())
    }

    fn column(
        &self,
        column: &str,
        value: &str,
        device: &mut Device,
        load: &mut Load,
    ) -> Result<(), String> {
        if value.is_empty() {
            return Ok(());
        }
        let Some((option, key)) = key::find(column) else {
            return Ok(());
        };
        let (Effect::Device(set) | Effect::Both(set) | Effect::Each(_, set)) = &key.effect else {
            return Ok(());
        };
        // A number cannot be empty: it says so where no phone is registered.
        if option == "port" && value == "0" {
            return Ok(());
        }
        let mut setting = Setting {
            key: option,
            text: value,
            at: &self.at,
            load,
        };
        let Err(Wrong(accepted)) = set(device, &mut setting) else {
            return Ok(());
        };
        let shown = (!key.secret).then_some(value);
        let sentence = words::misfit(column, shown, &device.peer.name, &accepted);
        if key.guards {
            return Err(format!("{}: {sentence} The row is left out.", self.at));
        }
        load.warn(&self.at, format!("{sentence} It stays at its default."));
        Ok(())
    }
}
