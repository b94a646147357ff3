//! The engine as a service of its host: whom it runs as, what it tells the
//! service manager, and the files that come with it for that.

#[path = "../engine/address.rs"]
mod address;
#[path = "../console/asked.rs"]
#[expect(dead_code, reason = "these tests order, and read little")]
mod asked;
#[path = "../engine/mod.rs"]
#[expect(dead_code, reason = "these tests make no calls")]
mod engine;

#[path = "../../examples/man.rs"]
#[expect(dead_code, reason = "the tests do what its main does")]
mod man;
mod manual;
mod notify;
mod package;
#[path = "../http/phone.rs"]
mod phone;
mod rights;
mod tune;
mod unit;

use std::env;
use std::path::PathBuf;

/// The engine under test.
fn binary() -> PathBuf {
    env::var_os("PINION_BIN").map_or_else(|| env!("CARGO_BIN_EXE_pinion").into(), PathBuf::from)
}
