//! The modules of an engine: parts that are compiled in, and that operators load,
//! unload and reload while calls run.
//!
//! ```text
//!   modules.conf ──> conf ──┐
//!                           ├──> Missing ──> Reloader ──> shards
//!   module … ──> Modules ───┘
//! ```
//!
//! A part of the shards is one bit in their configuration: taking it out is a
//! reload, a switch between two messages, and what it gives is found missing
//! where it is asked for. Calls keep the plan they began with, and so its
//! applications and functions, whatever is unloaded meanwhile. What needs
//! another is never without it: an unload that would leave a dependent behind is
//! refused, and so is a load before what it needs.
//!
//! - `conf`: which are loaded at the start
//! - `state`: which are loaded now; load and unload
//! - `leave`: how one that is used is unloaded
//! - `missed`: which lines of a plan need one that is missing

mod conf;
mod leave;
mod missed;
mod state;

use pinion_sip::modules::Module;

use crate::config::{Parts, did_you_mean};

pub use conf::{Chosen, choose};
pub use leave::Manner;
pub use missed::missed;
pub use state::{Modules, Row, Status, attend};

/// What a module needs to be loaded before it.
pub fn depends_on(module: Module) -> &'static [Module] {
    match module {
        Module::Registrar | Module::Udp => &[Module::ChanSip],
        Module::AppForkCdr => &[Module::AppCdr],
        _ => &[],
    }
}

/// The file a module has its settings from.
pub fn parts(module: Module) -> Option<Parts> {
    match module {
        Module::ChanSip | Module::Registrar => Some(Parts::SIP),
        Module::PbxConfig => Some(Parts::PLAN),
        _ => None,
    }
}

/// Whether a call cannot go on without a module. Others leave to their plans
/// what these began with.
fn carries_calls(module: Module) -> bool {
    matches!(module, Module::ChanSip | Module::Udp)
}

/// All modules, each after those it needs; what opens sockets comes last.
pub fn in_order() -> Vec<Module> {
    let opens = |module: &&Module| **module == Module::Udp;
    let (last, first): (Vec<&Module>, Vec<&Module>) = Module::ALL.iter().partition(opens);
    let mut ordered = Vec::with_capacity(Module::ALL.len());
    for &module in first.into_iter().chain(last) {
        push(module, &mut ordered);
    }
    ordered
}

fn push(module: Module, ordered: &mut Vec<Module>) {
    for &needed in depends_on(module) {
        push(needed, ordered);
    }
    if !ordered.contains(&module) {
        ordered.push(module);
    }
}

/// The module of that name; `Err` says that there is none, and what may have
/// been meant.
pub fn named(name: &str) -> Result<Module, String> {
    Module::named(name).ok_or_else(|| {
        let bare = name.strip_suffix(".so").unwrap_or(name);
        let hint = did_you_mean(bare, Module::ALL.iter().map(|module| module.name()));
        format!(
            "No such module '{name}'{}{hint}",
            if hint.is_empty() { "" } else { "." }
        )
    })
}

/// Names as operators write them: `app_dial.so, chan_sip.so`.
fn names(modules: impl IntoIterator<Item = Module>) -> String {
    let names = modules
        .into_iter()
        .map(|module| format!("{}.so", module.name()));
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod order_tests {
    use super::*;

    #[test]
    fn a_module_comes_after_those_it_needs_and_sockets_last() {
        let ordered = in_order();
        assert_eq!(ordered.len(), Module::ALL.len());
        let place = |module| ordered.iter().position(|&other| other == module).unwrap();
        for &module in Module::ALL {
            for &needed in depends_on(module) {
                assert!(place(needed) < place(module), "{}", module.name());
            }
        }
        assert_eq!(ordered.last(), Some(&Module::Udp));
    }

    #[test]
    fn a_name_that_is_none_is_told_with_the_nearest() {
        assert_eq!(named("app_dial.so"), Ok(Module::AppDial));
        assert_eq!(
            named("app_dail.so"),
            Err("No such module 'app_dail.so'. Did you mean 'app_dial'?".into())
        );
        assert_eq!(named("nosuch.so"), Err("No such module 'nosuch.so'".into()));
    }
}
