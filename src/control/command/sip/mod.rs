//! `sip …`: devices, registrations and dialogs, in the words and columns of
//! Asterisk's console.
//!
//! - `directory`: all devices in order, and what their home shards know of them
//! - `peers`, `users`, `inuse`: one line for each of them
//! - `find`, `sheet`: one of them in full
//! - `contacts`, `notify`: `unregister`, `qualify peer`, `notify`
//! - `dialogs`: the dialogs of calls
//! - `settings`: what holds for all
//! - `objects`, `sched`: what is held, and waited for
//! - `tcp`: connections
//! - `none`: what this engine has none of

mod contacts;
mod dialogs;
mod directory;
mod find;
mod inuse;
mod none;
pub(in crate::control) mod notify;
mod objects;
mod peers;
mod sched;
mod settings;
mod sheet;
mod state;
mod tcp;
mod users;

#[cfg(test)]
mod tests;

use super::{Command, Wrong, empty, silent};

/// The commands of each file.
pub(super) const FAMILIES: [&[Command]; 12] = [
    peers::COMMANDS,
    users::COMMANDS,
    inuse::COMMANDS,
    sheet::COMMANDS,
    contacts::COMMANDS,
    notify::COMMANDS,
    dialogs::COMMANDS,
    settings::COMMANDS,
    objects::COMMANDS,
    sched::COMMANDS,
    tcp::COMMANDS,
    none::COMMANDS,
];
