//! What an operator asks of a running engine, and of a plan.
//!
//! ```text
//!   console, -x, HTTP ──> command ──> House ──> Shards, the serving thread
//!                            │
//!                            └──> Out: text in Asterisk's columns, or JSON
//! ```
//!
//! - `house`: what every command reaches
//! - `out`: what a command says, in either form
//! - `command`: the commands, one file per family and one row each
//! - `show`, `explain`: a plan told

pub mod command;
pub mod explain;
pub mod house;
pub mod out;
pub mod show;
