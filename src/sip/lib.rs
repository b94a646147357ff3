//! The SIP protocol of pinion, pure: no I/O, no clock, no thread, no log.
//!
//! The modules are listed bottom up; each imports only what stands above it
//! in this list. Data flows one way: a datagram is parsed (`wire`), matched
//! (`transaction`, `dialog`), decided (`method`, `call`) and written to the
//! `machine::Outbox`. Whatever has to wait is a `machine::Question` with a
//! deadline. `auth`, `registrar` and `dialplan` never name each other.

extern crate alloc;

pub mod auth;
pub mod base;
pub mod call;
pub mod commons;
pub mod config;
pub mod devices;
pub mod dialog;
pub mod dialplan;
pub mod machine;
pub mod method;
pub mod modules;
pub mod registrar;
pub mod shard;
pub mod transaction;
pub mod wire;
