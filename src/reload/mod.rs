//! Another configuration for a running engine.
//!
//! ```text
//!   files ──> config::load_again ──> Difference ──> whoever asked
//!                      │
//!   modules ───────> assemble ──> Live, shards
//! ```
//!
//! Files are read, checked and compared on a thread that gives way to shards;
//! a shard hears of it by one input that costs the same whatever has changed.
//! What has not changed is the very same value as before, so nothing is done
//! for it. A file with a mistake leaves everything as it was. What is taken
//! apart is taken apart here, never by a shard.
//!
//! - `live`: what threads beside the shards go by; what went before
//! - `assemble`: from what the files say to what the shards go by
//! - `hangup`: all of it at SIGHUP
//! - `difference`, `plan`: what has changed, told

mod assemble;
mod difference;
pub mod hangup;
mod live;
mod plan;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pinion_runtime::give_way;
use pinion_sip::base::{Text, shard_of};
use pinion_sip::config::Config;
use pinion_sip::machine::Query;
use pinion_sip::modules::{Missing, Modules};

use crate::config::file::Exec;
use crate::config::{self, Loaded, Parts};
use crate::control::house::House;
use crate::modules::{Beside, Switches, missed};
use crate::notify::Reloading;
use crate::read_rows;
use crate::realtime::mapping::{Mapping, Section};
use crate::records;

pub use assemble::{Basis, assemble, name_node};
pub use difference::{Changed, Difference, Side};
pub use live::Live;
pub use plan::{Fate, PlanDifference};

/// Devices a shard forgets in one turn.
const FORGOTTEN: usize = 256;

/// How often it is looked whether what went before is still used.
const TIDY: Duration = Duration::from_secs(1);

/// What a running engine needs for it.
pub struct Reloader {
    basis: Basis,
    live: Arc<Live>,
    /// What the files said when they were last read.
    held: Mutex<Loaded>,
    /// Whether somebody takes apart what went before.
    tidies: Arc<Mutex<bool>>,
}

impl Reloader {
    /// For an engine that goes by `live`, which was made of `loaded`.
    pub fn new(basis: Basis, live: Arc<Live>, loaded: Loaded) -> Reloader {
        Reloader {
            basis,
            live,
            held: Mutex::new(loaded),
            tidies: Arc::default(),
        }
    }

    /// Reads parts of the configuration anew and has the engine go by them;
    /// `dry`: only says what would change. `Err` says, with file and line, why
    /// all stays as it was. Blocks; one at a time.
    pub fn reload(&self, house: &House, parts: Parts, dry: bool) -> Result<Difference, String> {
        self.bring(house, parts, None, dry)
    }

    /// The same while something else becomes `missing`.
    pub fn load(
        &self,
        house: &House,
        parts: Parts,
        missing: Missing,
    ) -> Result<Difference, String> {
        self.bring(house, parts, Some(missing), false)
    }

    fn bring(
        &self,
        house: &House,
        parts: Parts,
        missing: Option<Missing>,
        dry: bool,
    ) -> Result<Difference, String> {
        let mut held = self.held();
        let _told = (!dry).then(Reloading::begin);
        let old = self.live.config();
        let missing = missing.unwrap_or(old.general.missing);
        let made = self.aside(|| self.draft(&held, &old, parts, missing));
        let (loaded, config, difference) = made?;
        if let Some((old, new)) = &difference.peers {
            // Whoever is told of these may be the last to have them.
            self.live.keep(if dry { new } else { old }.clone());
        }
        if dry {
            self.aside(|| drop((loaded, config)));
            self.tidy();
            return Ok(difference);
        }
        let rows = &loaded.rows;
        if !Arc::ptr_eq(rows, &held.rows) {
            self.live.set_rows(Arc::clone(rows));
        }
        if let Some(realtime) = &house.about.realtime
            && self.basis.mapping.is_alike(&loaded.mapping)
        {
            realtime.move_to(&loaded.mapping);
        }
        self.adopt(house, config);
        if let Some(board) = &house.records {
            board.adopt(records::style(&loaded));
        }
        let before = std::mem::replace(&mut *held, loaded);
        drop(held);
        self.aside(|| drop(before));
        let gone = difference.removed.iter().chain(&difference.settled);
        unregister(house, &gone.map(String::as_str).collect::<Vec<_>>());
        Ok(difference)
    }

    /// Has the engine go without what these modules give.
    pub fn set_missing(&self, house: &House, missing: Missing) {
        let held = self.held();
        let old = self.live.config();
        let made = self.aside(|| {
            let earlier = Some((&*held, &*old));
            Arc::new(assemble(&self.basis, &held, missing, earlier))
        });
        self.adopt(house, made);
    }

    /// The configuration the engine goes by.
    pub fn config(&self) -> Arc<Config> {
        self.live.config()
    }

    /// Which modules beside the shards are loaded.
    pub fn switches(&self) -> Arc<Switches> {
        Arc::clone(&self.basis.switches)
    }

    /// The databases that were there at the start.
    pub fn sections(&self) -> Vec<Section> {
        self.basis.mapping.sections.clone()
    }

    /// What the engine goes without.
    pub fn missing(&self) -> Missing {
        self.live.config().general.missing
    }

    /// Which lines of the plan need one of these modules.
    pub fn missed(&self, absent: Modules) -> Vec<String> {
        missed(&self.held().config.plan, absent)
    }

    /// The driver of each family of rows, as often as it has one.
    pub fn drivers(&self) -> Vec<Beside> {
        let mapping = &self.basis.mapping;
        let places = mapping.families.iter().flat_map(|family| &family.places);
        let sections = places.filter_map(|place| mapping.sections.get(place.read_section));
        sections.map(Section::driver).collect()
    }

    /// Whether there are files to read.
    pub fn has_files(&self) -> bool {
        self.basis.flags.config.is_some()
    }

    fn held(&self) -> MutexGuard<'_, Loaded> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draft(
        &self,
        held: &Loaded,
        old: &Config,
        parts: Parts,
        missing: Missing,
    ) -> Result<(Loaded, Arc<Config>, Difference), String> {
        let flags = &self.basis.flags;
        let Some(dir) = &flags.config else {
            return Err("there are no files to read: the configuration is built in".into());
        };
        let rows = |mapping: &Mapping, file: &str| read_rows(mapping, file, flags.db_timeout);
        let mut loaded = config::load_again(dir, &rows, Exec::Run, held, parts)
            .map_err(|error| error.to_string())?;
        // Nobody else has it yet, unless it is that of before.
        if let (Some(t1), Some(rows)) = (flags.t1, Arc::get_mut(&mut loaded.rows)) {
            rows.force_timer_t1(t1);
        }
        let config = assemble(&self.basis, &loaded, missing, Some((held, old)));
        let (before, after) = (
            Side {
                loaded: held,
                config: old,
            },
            Side {
                loaded: &loaded,
                config: &config,
            },
        );
        let difference = Difference::between(before, after, &self.basis);
        Ok((loaded, Arc::new(config), difference))
    }

    /// Returns when all shards go by it.
    fn adopt(&self, house: &House, config: Arc<Config>) {
        self.live.adopt(Arc::clone(&config));
        house.adopt(config);
        // Shards take orders in turn: this one is answered after that.
        drop(house.shards.ask_all(&Query::Removed([].into())));
        self.tidy();
    }

    /// Has what went before taken apart as soon as nobody uses it.
    fn tidy(&self) {
        let mut tidies = self.tidies.lock().unwrap_or_else(PoisonError::into_inner);
        if *tidies {
            return;
        }
        let (live, flag) = (Arc::clone(&self.live), Arc::clone(&self.tidies));
        let work = move || {
            give_way();
            loop {
                std::thread::sleep(TIDY);
                if live.tidy() > 0 {
                    continue;
                }
                // Taking apart takes long, and whoever reloads waits for this lock.
                let mut tidies = flag.lock().unwrap_or_else(PoisonError::into_inner);
                if live.is_tidy() {
                    *tidies = false;
                    return;
                }
            }
        };
        // Without a thread it is left for the next time.
        let spawned = std::thread::Builder::new().name("tidy".into()).spawn(work);
        *tidies = spawned.is_ok();
    }

    /// Does something that takes long, giving way to shards.
    fn aside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                give_way();
                work()
            });
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

/// Has the homes of devices forget where these are, some at a time.
fn unregister(house: &House, names: &[&str]) {
    let shards = house.shards.count();
    for shard in 0..shards {
        let at_home = |name: &&&str| shard_of(name.as_bytes(), shards) == shard;
        let names: Vec<Text> = names
            .iter()
            .filter(at_home)
            .map(|name| Text::from(*name))
            .collect();
        for some in names.chunks(FORGOTTEN) {
            // A shard that does not answer lets them end in their time.
            let _ = house.shards.ask(shard, Query::Removed(some.into()));
        }
    }
}

#[cfg(test)]
mod tests;
