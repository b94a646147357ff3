//! The console of a running engine, as operators and their scripts use it: the
//! program asks the engine's process over its socket.

#[path = "../engine/address.rs"]
mod address;
#[path = "../engine/mod.rs"]
#[expect(dead_code, reason = "other tests watch counters and restarts")]
mod engine;
#[path = "../http/phone.rs"]
mod phone;
#[path = "../loopback/phones.rs"]
#[expect(dead_code, reason = "other tests have phones with wrong passwords")]
mod phones;
#[path = "../loopback/sipp.rs"]
#[expect(dead_code, reason = "other tests judge more of what SIPp says")]
mod sipp;

mod asked;
mod calls;
mod commands;
mod history;
mod rows;
mod sessions;
mod terminal;
