//! The engine as a process, over databases of the tests' own, spoken to by
//! phones over the loopback interface.

#[path = "../../engine/mod.rs"]
mod process;

mod calls;
mod changes;
mod faults;
mod house;
mod life;
mod nodes;
mod phone;
mod plans;
mod secrets;
mod state;
mod storm;
mod storms;
mod strangers;

pub use process::{Engine, Scratch};
