//! The engine as a process, driven over the loopback interface by SIPp.
//!
//! `tests/run` names an optimised binary by `PINION_BIN`; then the load runs
//! at its full rate and the figures are judged. Without, cargo's own build is
//! driven at a tenth of that, and figures are only printed.

#[path = "../engine/address.rs"]
mod address;
#[path = "../console/asked.rs"]
#[expect(dead_code, reason = "these tests order, and read nothing")]
mod asked;
#[path = "../engine/mod.rs"]
mod engine;
#[path = "../http/client.rs"]
#[expect(dead_code, reason = "these tests fetch the metrics and no more")]
mod http;

mod departure;
mod flood;
mod flows;
mod frugal;
mod load;
#[path = "../realtime/mariadb.rs"]
#[expect(dead_code, reason = "other tests do it harm, these do not")]
mod mariadb;
mod nodes;
mod office;
mod phones;
mod pickup;
mod records;
mod refusals;
mod sipp;
mod steering;
mod streams;
mod unreachable;
mod usage;
mod users;
mod watched;

use std::env;
use std::sync::RwLock;
use std::time::Duration;

/// 64·T1, or Timer D, the longest a transaction lingers, and a little for the sweep.
const LINGER: Duration = Duration::from_secs(34);

/// Whether the engine under test is an optimised one.
fn optimised() -> bool {
    env::var_os("PINION_BIN").is_some()
}

/// Tests of behaviour share the machine; whoever measures has it alone, but for
/// those that only wait for an engine's tables to empty.
static MACHINE: RwLock<()> = RwLock::new(());

/// Shares the machine with other tests until dropped.
fn share_machine() -> impl Drop {
    MACHINE
        .read()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Has the machine alone until dropped.
fn take_machine() -> impl Drop {
    MACHINE
        .write()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
