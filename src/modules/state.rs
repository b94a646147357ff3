//! Which modules are loaded now, what uses them, and how one is loaded and
//! unloaded. What a module gives, or does, is nothing to it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pinion_sip::dialplan::{Action, Cause, Order, Whom};
use pinion_sip::machine::{Page, Query, Span};
use pinion_sip::modules::{Missing, Module, Modules as Set};

use super::leave::Manner;
use super::{carries_calls, depends_on, names, parts};
use crate::control::house::House;
use crate::reload::Reloader;

/// How often it is looked whether a module that is to be unloaded is used.
const LOOK: Duration = Duration::from_millis(250);

/// How long calls that were ended have for their last messages.
const LAST_MESSAGES: Duration = Duration::from_secs(3);

/// How a module is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Loaded.
    Running,
    /// Loaded as yet; takes nothing new.
    Leaving,
    /// Not loaded.
    NotRunning,
}

impl Status {
    /// In a word or two.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Running => "Running",
            Status::Leaving => "Leaving",
            Status::NotRunning => "Not Running",
        }
    }
}

/// A module as operators see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// Which.
    pub module: Module,
    /// Channels, calls or applications at hand that are its.
    pub use_count: u32,
    /// How it is.
    pub status: Status,
}

/// Modules that are to be unloaded together.
#[derive(Debug)]
struct Parting {
    modules: Set,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// They are used as before until they are idle.
    Waiting,
    /// They take nothing new; calls may end until then.
    Draining(Instant),
    /// Calls have been ended; their last messages may come until then.
    Ending(Instant),
}

/// The modules of a running engine. Which are missing is in its configuration;
/// here is what is to become of them.
#[derive(Default)]
pub struct Modules {
    parting: Mutex<Vec<Parting>>,
    changed: Condvar,
}

impl Modules {
    /// All modules, by name.
    pub fn rows(&self, house: &House) -> Vec<Row> {
        let uses = uses(house);
        let missing = house.settings().config.general.missing;
        let row = |&module: &Module| Row {
            module,
            use_count: uses.of(module),
            status: match module {
                _ if missing.absent.has(module) => Status::NotRunning,
                _ if missing.leaving.has(module) => Status::Leaving,
                _ => Status::Running,
            },
        };
        let mut rows: Vec<Row> = Module::ALL.iter().map(row).collect();
        rows.sort_by_key(|row| row.module.name());
        rows
    }

    /// Loads a module, with its file as it is now. `Err` says why nothing has
    /// changed.
    pub fn load(&self, house: &House, module: Module) -> Result<(), String> {
        let reloader = reloader(house)?;
        let mut parting = self.lock();
        let missing = reloader.missing();
        let leaves = parting.iter().any(|parting| parting.modules.has(module));
        if !missing.has(module) && !leaves {
            return Err("it is loaded already".into());
        }
        let needed = depends_on(module).iter().copied();
        let needed: Vec<Module> = needed.filter(|&needed| missing.has(needed)).collect();
        if !needed.is_empty() {
            return Err(format!("it needs {}", names(needed)));
        }
        let whole = Missing {
            absent: missing.absent.without(module),
            leaving: missing.leaving.without(module),
        };
        match parts(module).filter(|_| reloader.has_files()) {
            Some(parts) => drop(reloader.load(house, parts, whole)?),
            None => reloader.set_missing(house, whole),
        }
        for parting in parting.iter_mut() {
            parting.modules = parting.modules.without(module);
        }
        parting.retain(|parting| !parting.modules.is_empty());
        Ok(())
    }

    /// Unloads modules, now or in time, and says which. `Err` says why nothing
    /// has changed.
    pub fn unload(
        &self,
        house: &House,
        modules: &[Module],
        manner: Manner,
    ) -> Result<String, String> {
        let reloader = reloader(house)?;
        let mut parting = self.lock();
        let missing = reloader.missing();
        let set: Set = modules.iter().copied().collect();
        may_unload(set, missing)?;
        let uses = uses(house).of_all(set);
        let deadline = |time: Duration| Instant::now() + time;
        let stage = match manner {
            _ if uses == 0 => None,
            Manner::Unused => {
                return Err(format!(
                    "in use {uses} times; when-idle, drain SECONDS or now says what becomes of that"
                ));
            }
            Manner::Now if !set.iter().any(carries_calls) => None,
            Manner::WhenIdle => Some(Stage::Waiting),
            Manner::Drain(time) => Some(Stage::Draining(deadline(time))),
            Manner::Now => {
                reloader.set_missing(house, leave(missing, set));
                end_calls(house);
                Some(Stage::Ending(deadline(LAST_MESSAGES)))
            }
        };
        let Some(stage) = stage else {
            reloader.set_missing(house, gone(missing, set));
            let mut said = format!("Unloaded {}", names(set.iter()));
            for sentence in reloader.missed(set) {
                said.push('\n');
                said.push_str(&sentence);
            }
            return Ok(said);
        };
        if matches!(stage, Stage::Draining(_)) {
            reloader.set_missing(house, leave(missing, set));
        }
        parting.push(Parting {
            modules: set,
            stage,
        });
        self.changed.notify_all();
        let refused = if stage == Stage::Waiting {
            ""
        } else {
            "takes nothing new and "
        };
        let limit = match manner {
            Manner::Drain(time) => format!(", or after {} s", time.as_secs()),
            _ => String::new(),
        };
        Ok(format!(
            "{} {refused}is unloaded once it is not used{limit}; it is used {uses} times now",
            names(set.iter())
        ))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Parting>> {
        self.parting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is something to be unloaded.
    fn wait(&self) {
        let parting = self.lock();
        let idle = |parting: &mut Vec<Parting>| parting.is_empty();
        drop(self.changed.wait_while(parting, idle));
    }

    /// Unloads what has become idle, or has had its time.
    fn advance(&self, house: &House) {
        let Ok(reloader) = reloader(house) else {
            return;
        };
        let mut parting = self.lock();
        let (uses, now) = (uses(house), Instant::now());
        let mut missing = reloader.missing();
        let before = missing;
        parting.retain_mut(|parting| {
            let idle = uses.of_all(parting.modules) == 0;
            let over = match parting.stage {
                Stage::Waiting => false,
                Stage::Draining(until) | Stage::Ending(until) => now >= until,
            };
            if !idle && !over {
                return true;
            }
            let carries = parting.modules.iter().any(carries_calls);
            if !idle && carries && matches!(parting.stage, Stage::Draining(_)) {
                end_calls(house);
                parting.stage = Stage::Ending(now + LAST_MESSAGES);
                return true;
            }
            missing = gone(missing, parting.modules);
            tracing::info!("Unloaded {}", names(parting.modules.iter()));
            false
        });
        if missing != before {
            reloader.set_missing(house, missing);
        }
    }
}

/// Unloads in time what is to be unloaded in time. Does not return.
pub fn attend(house: &House) -> ! {
    loop {
        house.modules.wait();
        house.modules.advance(house);
        std::thread::sleep(LOOK);
    }
}

fn reloader(house: &House) -> Result<&Arc<Reloader>, String> {
    let reloader = house.reloader.as_ref();
    reloader.ok_or_else(|| "this engine cannot be changed".into())
}

/// Whether nothing that is loaded would be left behind without what it needs.
fn may_unload(set: Set, missing: Missing) -> Result<(), String> {
    let gone: Vec<Module> = set
        .iter()
        .filter(|&module| missing.absent.has(module))
        .collect();
    if !gone.is_empty() {
        return Err(format!("{} is not loaded", names(gone)));
    }
    let stays = |module: &Module| !set.has(*module) && !missing.absent.has(*module);
    let needs = |module: &Module| depends_on(*module).iter().any(|&needed| set.has(needed));
    let dependents: Vec<Module> = Module::ALL
        .iter()
        .copied()
        .filter(stays)
        .filter(needs)
        .collect();
    match dependents.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "{} depends on it; unload that before, or along with it",
            names(dependents)
        )),
    }
}

fn leave(missing: Missing, set: Set) -> Missing {
    let leaving = set.iter().fold(missing.leaving, Set::with);
    Missing { leaving, ..missing }
}

fn gone(missing: Missing, set: Set) -> Missing {
    Missing {
        absent: set.iter().fold(missing.absent, Set::with),
        leaving: set.iter().fold(missing.leaving, Set::without),
    }
}

/// How often each module is used.
struct Uses(Vec<Module>);

impl Uses {
    fn of(&self, module: Module) -> u32 {
        let times = self.0.iter().filter(|&&used| used == module).count();
        u32::try_from(times).unwrap_or(u32::MAX)
    }

    fn of_all(&self, set: Set) -> u32 {
        set.iter().map(|module| self.of(module)).max().unwrap_or(0)
    }
}

fn uses(house: &House) -> Uses {
    let mut all = Vec::new();
    for (_, page) in house.shards.pages(Query::Uses(Span::FIRST)) {
        if let Page::Uses(rows) = page {
            all.extend(rows.rows);
        }
    }
    Uses(all)
}

/// Ends all calls.
fn end_calls(house: &House) {
    let order = Order {
        whom: Whom::All,
        action: Action::HangUp(Cause::NORMAL_CIRCUIT_CONGESTION),
    };
    for shard in 0..house.shards.count() {
        // A shard that does not answer has its calls cut.
        let _ = house.shards.ask(shard, Query::Order(order.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(modules: &[Module]) -> Set {
        modules.iter().copied().collect()
    }

    #[test]
    fn nothing_is_unloaded_that_something_loaded_needs() {
        let none = Missing::default();
        assert_eq!(
            may_unload(set(&[Module::ChanSip]), none),
            Err(
                "res_sip_registrar.so, res_sip_udp.so depends on it; unload that before, or along with it"
                    .into()
            )
        );
        let all = set(&[Module::ChanSip, Module::Udp, Module::Registrar]);
        assert_eq!(may_unload(all, none), Ok(()));
        let rest = gone(none, set(&[Module::Udp, Module::Registrar]));
        assert_eq!(may_unload(set(&[Module::ChanSip]), rest), Ok(()));
        assert_eq!(
            may_unload(set(&[Module::Udp]), rest),
            Err("res_sip_udp.so is not loaded".into())
        );
    }

    #[test]
    fn what_leaves_is_not_gone_yet_and_what_is_gone_leaves_no_more() {
        let dial = set(&[Module::AppDial]);
        let leaving = leave(Missing::default(), dial);
        assert!(leaving.leaving.has(Module::AppDial) && leaving.absent.is_empty());
        let gone = gone(leaving, dial);
        assert!(gone.absent.has(Module::AppDial) && gone.leaving.is_empty());
    }

    #[test]
    fn modules_are_used_as_often_as_the_most_used_of_them() {
        let uses = Uses(vec![Module::ChanSip, Module::Udp, Module::ChanSip]);
        assert_eq!(uses.of(Module::ChanSip), 2);
        assert_eq!(uses.of_all(set(&[Module::Udp, Module::ChanSip])), 2);
        assert_eq!(uses.of_all(set(&[Module::AppDial])), 0);
    }
}
