//! Which modules are loaded now, what uses them, and how one is loaded and
//! unloaded. What a module gives, or does, is nothing to it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use pinion_sip::machine::{Page, Query, Span};
use pinion_sip::modules::{Missing, Module as Part, Modules as Set};

use super::beside::{Beside, Switches};
use super::leave::Manner;
use super::{Module, names};
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
    /// Channels, calls or applications at hand, or families of rows, that are
    /// its.
    pub use_count: u32,
    /// How it is.
    pub status: Status,
}

/// Modules that are to be unloaded together.
#[derive(Debug)]
struct Parting {
    modules: Vec<Module>,
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

/// The modules of a running engine, and what is to become of them.
#[derive(Default)]
pub struct Modules {
    switches: Arc<Switches>,
    parting: Mutex<Vec<Parting>>,
    changed: Condvar,
}

impl Modules {
    /// Those of an engine whose modules beside the shards look at `switches`.
    pub fn new(switches: Arc<Switches>) -> Modules {
        Modules {
            switches,
            ..Modules::default()
        }
    }

    /// Whether a module beside the shards is loaded.
    pub fn is_on(&self, module: Beside) -> bool {
        self.switches.is_on(module)
    }

    /// All modules, by name.
    pub fn rows(&self, house: &House) -> Vec<Row> {
        let uses = Uses::now(house);
        let missing = house.settings().config.general.missing;
        let row = |module: Module| Row {
            module,
            use_count: uses.of(module),
            status: self.status(missing, module),
        };
        let mut rows: Vec<Row> = Module::all().map(row).collect();
        rows.sort_by_key(|row| row.module.name());
        rows
    }

    /// How a module is, where those parts are missing.
    pub fn status(&self, missing: Missing, module: Module) -> Status {
        match module {
            Module::Part(part) if missing.absent.has(part) => Status::NotRunning,
            Module::Part(part) if missing.leaving.has(part) => Status::Leaving,
            Module::Beside(beside) if !self.is_on(beside) => Status::NotRunning,
            Module::Part(_) | Module::Beside(_) => Status::Running,
        }
    }

    /// Loads a module, with its file as it is now. `Err` says why nothing has
    /// changed.
    pub fn load(&self, house: &House, module: Module) -> Result<(), String> {
        let reloader = reloader(house)?;
        let mut parting = self.lock();
        let missing = reloader.missing();
        let stays = |module: Module| {
            let leaves = |parting: &Parting| parting.modules.contains(&module);
            self.status(missing, module) == Status::Running && !parting.iter().any(leaves)
        };
        if stays(module) {
            return Err("it is loaded already".into());
        }
        let needed = module.depends_on().iter();
        let needed: Vec<&Module> = needed.filter(|needed| !stays(**needed)).collect();
        if !needed.is_empty() {
            return Err(format!("it needs {}", names(needed)));
        }
        let made_whole = match module {
            Module::Part(part) => with(missing, part),
            Module::Beside(_) => missing,
        };
        match module.parts().filter(|_| reloader.has_files()) {
            Some(parts) => drop(reloader.load(house, parts, made_whole)?),
            None if made_whole != missing => reloader.set_missing(house, made_whole),
            None => {}
        }
        if let Module::Beside(beside) = module {
            self.switches.set(beside, true);
        }
        call_off(&mut parting, &[module]);
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
        self.may_unload(modules, missing)?;
        let uses = Uses::now(house);
        let idle = uses.is_idle(modules);
        let uses = uses.of_all(modules);
        let deadline = |time: Duration| Instant::now() + time;
        let carries = modules.iter().any(|module| module.carries_calls());
        let stage = match manner {
            _ if idle => None,
            Manner::Unused if uses == 0 => {
                return Err("a shard does not say whether it is used".into());
            }
            Manner::Unused => {
                return Err(format!(
                    "in use {uses} times; when-idle, drain SECONDS or now says what becomes of that"
                ));
            }
            Manner::Now if !carries => None,
            Manner::WhenIdle => Some(Stage::Waiting),
            Manner::Drain(time) => Some(Stage::Draining(deadline(time))),
            Manner::Now => Some(Stage::Ending(deadline(LAST_MESSAGES))),
        };
        call_off(&mut parting, modules);
        let Some(stage) = stage else {
            self.take_out(house, reloader, modules);
            let mut said = format!("Unloaded {}", names(modules));
            for sentence in reloader.missed(absent(modules)) {
                said.push('\n');
                said.push_str(&sentence);
            }
            return Ok(said);
        };
        let (refused, until_then) = match stage {
            // It may have been drained before.
            Stage::Waiting => ("", staying(missing, modules)),
            _ => ("takes nothing new and ", leaving(missing, modules)),
        };
        if until_then != missing {
            reloader.set_missing(house, until_then);
        }
        if matches!(stage, Stage::Ending(_)) {
            end_calls(house, modules);
        }
        parting.push(Parting {
            modules: modules.to_vec(),
            stage,
        });
        self.changed.notify_all();
        let limit = match manner {
            Manner::Drain(time) => format!(", or after {} s", time.as_secs()),
            _ => String::new(),
        };
        Ok(format!(
            "{} {refused}is unloaded once it is not used{limit}; it is used {uses} times now",
            names(modules)
        ))
    }

    /// Whether all are loaded, and nothing would be left behind without what it
    /// needs.
    fn may_unload(&self, modules: &[Module], missing: Missing) -> Result<(), String> {
        let is_loaded = |module: &Module| self.status(missing, *module) != Status::NotRunning;
        let gone: Vec<&Module> = modules.iter().filter(|module| !is_loaded(module)).collect();
        if !gone.is_empty() {
            return Err(format!("{} is not loaded", names(gone)));
        }
        let stays = |module: &Module| !modules.contains(module) && is_loaded(module);
        let needs = |module: &Module| {
            let mut needed = module.depends_on().iter();
            needed.any(|needed| modules.contains(needed))
        };
        let dependents: Vec<Module> = Module::all().filter(stays).filter(needs).collect();
        let depend = if dependents.len() == 1 {
            "depends"
        } else {
            "depend"
        };
        match dependents.is_empty() {
            true => Ok(()),
            false => Err(format!(
                "{} {depend} on it; unload that before, or along with it",
                names(&dependents)
            )),
        }
    }

    /// Has the engine go without modules.
    fn take_out(&self, house: &House, reloader: &Reloader, modules: &[Module]) {
        for module in modules {
            if let Module::Beside(beside) = module {
                self.switches.set(*beside, false);
            }
        }
        let missing = reloader.missing();
        let gone = gone(missing, modules);
        if gone != missing {
            reloader.set_missing(house, gone);
        }
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
        let (uses, now) = (Uses::now(house), Instant::now());
        parting.retain_mut(|parting| {
            let modules = &parting.modules;
            let idle = uses.is_idle(modules);
            let over = match parting.stage {
                Stage::Waiting => false,
                Stage::Draining(until) | Stage::Ending(until) => now >= until,
            };
            if !idle && !over {
                return true;
            }
            let carries = modules.iter().any(|module| module.carries_calls());
            if !idle && carries && matches!(parting.stage, Stage::Draining(_)) {
                end_calls(house, modules);
                parting.stage = Stage::Ending(now + LAST_MESSAGES);
                return true;
            }
            self.take_out(house, reloader, modules);
            tracing::info!("Unloaded {}", names(modules));
            false
        });
    }
}

/// Unloads in time what is to be unloaded in time, on a thread of its own.
pub fn attend(house: &Arc<House>) -> io::Result<()> {
    let house = Arc::clone(house);
    let work = move || {
        loop {
            house.modules.wait();
            house.modules.advance(&house);
            thread::sleep(LOOK);
        }
    };
    thread::Builder::new().name("modules".into()).spawn(work)?;
    Ok(())
}

fn reloader(house: &House) -> Result<&Arc<Reloader>, String> {
    let reloader = house.reloader.as_ref();
    reloader.ok_or_else(|| "this engine cannot be changed".into())
}

/// The parts of the shards among modules.
fn parts_of(modules: &[Module]) -> impl Iterator<Item = Part> {
    modules.iter().filter_map(|module| module.part())
}

fn absent(modules: &[Module]) -> Set {
    parts_of(modules).collect()
}

fn with(missing: Missing, part: Part) -> Missing {
    Missing {
        absent: missing.absent.without(part),
        leaving: missing.leaving.without(part),
    }
}

fn leaving(missing: Missing, modules: &[Module]) -> Missing {
    let leaving = parts_of(modules).fold(missing.leaving, Set::with);
    Missing { leaving, ..missing }
}

fn staying(missing: Missing, modules: &[Module]) -> Missing {
    let leaving = parts_of(modules).fold(missing.leaving, Set::without);
    Missing { leaving, ..missing }
}

fn gone(missing: Missing, modules: &[Module]) -> Missing {
    Missing {
        absent: parts_of(modules).fold(missing.absent, Set::with),
        ..staying(missing, modules)
    }
}

/// How often each module is used.
struct Uses {
    /// A module as often as it is used.
    all: Vec<Module>,
    /// Whether every shard has told of its calls to the last.
    whole: bool,
}

impl Uses {
    fn now(house: &House) -> Uses {
        let (mut all, mut whole) = (Vec::new(), true);
        for (_, page) in house.shards.pages(Query::Uses(Span::FIRST)) {
            whole &= page.is_some();
            if let Some(Page::Uses(rows)) = page {
                all.extend(rows.rows.into_iter().map(Module::Part));
            }
        }
        if let Some(reloader) = &house.reloader {
            all.extend(reloader.drivers().into_iter().map(Module::Beside));
        }
        Uses { all, whole }
    }

    fn of(&self, module: Module) -> u32 {
        let times = self.all.iter().filter(|&&used| used == module).count();
        u32::try_from(times).unwrap_or(u32::MAX)
    }

    fn of_all(&self, modules: &[Module]) -> u32 {
        let uses = modules.iter().map(|&module| self.of(module));
        uses.max().unwrap_or(0)
    }

    /// Whether none of them is used for sure.
    fn is_idle(&self, modules: &[Module]) -> bool {
        self.whole && self.of_all(modules) == 0
    }
}

/// These are not to be unloaded any more.
fn call_off(parting: &mut Vec<Parting>, modules: &[Module]) {
    for parting in parting.iter_mut() {
        parting.modules.retain(|module| !modules.contains(module));
    }
    parting.retain(|parting| !parting.modules.is_empty());
}

/// Ends the calls that cannot go on without modules.
fn end_calls(house: &House, modules: &[Module]) {
    let carriers = modules.iter().filter(|module| module.carries_calls());
    for part in carriers.filter_map(|module| module.part()) {
        // A shard that does not answer has its calls cut.
        let pages = house.shards.pages(Query::End(part, Span::ORDERED));
        pages.for_each(drop);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAN_SIP: Module = Module::Part(Part::ChanSip);
    const UDP: Module = Module::Part(Part::Udp);
    const TCP: Module = Module::Part(Part::Tcp);
    const REGISTRAR: Module = Module::Part(Part::Registrar);
    const DIAL: Module = Module::Part(Part::AppDial);

    #[test]
    fn nothing_is_unloaded_that_something_loaded_needs() {
        let (modules, none) = (Modules::default(), Missing::default());
        assert_eq!(
            modules.may_unload(&[CHAN_SIP], none),
            Err(
                "res_sip_registrar.so, res_sip_udp.so, res_sip_tcp.so depend on it; unload that before, or along with it"
                    .into()
            )
        );
        let all = [CHAN_SIP, UDP, TCP, REGISTRAR];
        assert_eq!(modules.may_unload(&all, none), Ok(()));
        let rest = gone(none, &[UDP, TCP, REGISTRAR]);
        assert_eq!(modules.may_unload(&[CHAN_SIP], rest), Ok(()));
        assert_eq!(
            modules.may_unload(&[UDP], rest),
            Err("res_sip_udp.so is not loaded".into())
        );
        let http = Module::Beside(Beside::Http);
        assert_eq!(
            modules.may_unload(&[http], none),
            Err("res_prometheus.so depends on it; unload that before, or along with it".into())
        );
        modules.switches.set(Beside::Metrics, false);
        assert_eq!(modules.may_unload(&[http], none), Ok(()));
    }

    #[test]
    fn what_leaves_is_not_gone_yet_and_what_is_gone_leaves_no_more() {
        let leaving = leaving(Missing::default(), &[DIAL]);
        assert!(leaving.leaving.has(Part::AppDial) && leaving.absent.is_empty());
        let gone = gone(leaving, &[DIAL]);
        assert!(gone.absent.has(Part::AppDial) && gone.leaving.is_empty());
        assert!(with(gone, Part::AppDial).is_empty());
    }

    #[test]
    fn modules_are_used_as_often_as_the_most_used_of_them() {
        let mut uses = Uses {
            all: vec![CHAN_SIP, UDP, CHAN_SIP],
            whole: true,
        };
        assert_eq!(uses.of(CHAN_SIP), 2);
        assert_eq!(uses.of_all(&[UDP, CHAN_SIP]), 2);
        assert!(uses.is_idle(&[DIAL]) && !uses.is_idle(&[DIAL, UDP]));
        uses.whole = false;
        assert!(!uses.is_idle(&[DIAL]), "nobody knows");
    }
}
