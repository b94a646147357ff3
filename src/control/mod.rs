//! What an operator asks of a running engine, and of a plan.
//!
//! ```text
//!   socket ──> session ──> command ──> House ──> Shards, the serving thread
//!                             │
//!                             └──> Out: text in Asterisk's columns, or JSON
//! ```
//!
//! - `house`: what every command reaches
//! - `watching`: the log and the messages that operators watch
//! - `command`: the commands, one file per family and one row each
//! - `out`: what a command says, in either form
//! - `words`, `complete`: how a line is divided, and how it may go on
//! - `socket`, `session`, `frame`: how consoles reach the engine
//! - `audit`: who asked what
//! - `news`: what attached consoles are told without having asked
//! - `http`: metrics, health, tables and a page for browsers
//! - `show`, `explain`: a plan told

pub mod audit;
pub mod command;
pub mod complete;
pub mod explain;
pub mod frame;
pub mod house;
pub mod http;
pub mod news;
pub mod out;
pub mod session;
pub mod show;
pub mod socket;
pub mod watching;
pub mod words;
