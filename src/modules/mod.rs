//! The modules of an engine: parts that are compiled in, and that operators load,
//! unload and reload while calls run.
//!
//! ```text
//!   modules.conf ──> conf ──┐         ┌──> Missing ──> Reloader ──> shards
//!                           ├─────────┤
//!   module … ──> Modules ───┘         └──> Switches ──> records, HTTP, drivers
//! ```
//!
//! A part of the shards is one bit in their configuration: taking it out is a
//! reload, a switch between two messages, and what it gives is found missing
//! where it is asked for. Calls keep the plan they began with, and so its
//! applications and functions, whatever is unloaded meanwhile. What works beside
//! the shards looks at a switch. What needs another is never without it: an
//! unload that would leave a dependent behind is refused, and so is a load before
//! what it needs.
//!
//! - `beside`: the modules beside the shards, and their switches
//! - `conf`: which are loaded at the start
//! - `state`: which are loaded now; load and unload
//! - `leave`: how one that is used is unloaded
//! - `missed`: which lines of a plan need one that is missing

mod beside;
mod conf;
mod leave;
mod missed;
mod state;

use pinion_sip::modules::Module as Part;

use crate::config::{Parts, did_you_mean};

pub use beside::{Beside, Switches};
pub use conf::{Chosen, choose};
pub use leave::Manner;
pub use missed::missed;
pub use state::{Modules, Row, Status, attend};

/// A module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Module {
    /// One of the shards.
    Part(Part),
    /// One beside them.
    Beside(Beside),
}

impl Module {
    /// All there are.
    pub fn all() -> impl Iterator<Item = Module> {
        let parts = Part::ALL.iter().copied().map(Module::Part);
        parts.chain(Beside::ALL.iter().copied().map(Module::Beside))
    }

    /// Which of the shards' it is.
    fn part(self) -> Option<Part> {
        match self {
            Module::Part(part) => Some(part),
            Module::Beside(_) => None,
        }
    }

    /// What operators call it, without `.so`.
    pub fn name(self) -> &'static str {
        match self {
            Module::Part(part) => part.name(),
            Module::Beside(beside) => beside.name(),
        }
    }

    /// What it is, in a few words.
    pub fn summary(self) -> &'static str {
        match self {
            Module::Part(part) => part.summary(),
            Module::Beside(beside) => beside.summary(),
        }
    }

    /// What it needs to be loaded before it.
    pub fn depends_on(self) -> &'static [Module] {
        match self {
            Module::Part(Part::Registrar | Part::Udp | Part::Tcp) => &[Module::Part(Part::ChanSip)],
            Module::Part(Part::AppForkCdr) => &[Module::Part(Part::AppCdr)],
            Module::Beside(Beside::Metrics) => &[Module::Beside(Beside::Http)],
            _ => &[],
        }
    }

    /// The file it has its settings from.
    pub fn parts(self) -> Option<Parts> {
        match self {
            Module::Part(Part::ChanSip | Part::Registrar) => Some(Parts::SIP),
            Module::Part(Part::PbxConfig) => Some(Parts::PLAN),
            Module::Part(Part::PbxRealtime) => Some(Parts::REST),
            Module::Beside(Beside::Http | Beside::Metrics) => None,
            Module::Beside(_) => Some(Parts::REST),
            Module::Part(_) => None,
        }
    }

    /// Whether a call cannot go on without it. Others leave to their plans what
    /// these began with.
    fn carries_calls(self) -> bool {
        matches!(self, Module::Part(Part::ChanSip | Part::Udp | Part::Tcp))
    }

    /// Whether messages come in by it.
    fn opens(self) -> bool {
        matches!(self, Module::Part(Part::Udp | Part::Tcp))
    }
}

/// All modules, each after those it needs; by what messages come in comes last.
pub fn in_order() -> Vec<Module> {
    let (last, first): (Vec<Module>, Vec<Module>) =
        Module::all().partition(|module| module.opens());
    let mut ordered = Vec::new();
    for module in first.into_iter().chain(last) {
        push(module, &mut ordered);
    }
    ordered
}

fn push(module: Module, ordered: &mut Vec<Module>) {
    for &needed in module.depends_on() {
        push(needed, ordered);
    }
    if !ordered.contains(&module) {
        ordered.push(module);
    }
}

/// The module of that name, with or without `.so`; `Err` says that there is
/// none, and what may have been meant.
pub fn named(name: &str) -> Result<Module, String> {
    let bare = name.strip_suffix(".so").unwrap_or(name);
    let found = Module::all().find(|module| module.name() == bare);
    found.ok_or_else(|| {
        let hint = did_you_mean(bare, Module::all().map(Module::name));
        let stop = if hint.is_empty() { "" } else { "." };
        format!("No such module '{name}'{stop}{hint}")
    })
}

/// Names as operators write them: `app_dial.so, chan_sip.so`.
fn names<'m>(modules: impl IntoIterator<Item = &'m Module>) -> String {
    let modules = modules.into_iter();
    let names = modules.map(|module| format!("{}.so", module.name()));
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
