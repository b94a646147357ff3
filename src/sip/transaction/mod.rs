//! Transactions: RFC 3261 §17 with RFC 6026 and RFC 4320.
//!
//! Four machines, one figure each, say what happens.

mod client;
mod event;
mod invite_client;
mod invite_server;
mod server;
mod timer;

pub use client::Client;
pub use event::{ClientEvent, Outgoing, Reaction, ServerEvent, Tell};
pub use invite_client::InviteClient;
pub use invite_server::InviteServer;
pub use server::Server;
pub use timer::{Timer, Timers};
