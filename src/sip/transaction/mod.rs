//! Transactions: RFC 3261 §17 with RFC 6026 and RFC 4320.
//!
//! Four machines, one figure each, say what happens; the table finds the
//! machine a message belongs to, keeps the bytes it may need again, and rings
//! its timers. Dialogs, methods and the meaning of a response are for others.

mod branch;
mod client;
mod event;
mod invite_client;
mod invite_server;
mod key;
mod server;
mod table;
mod timer;

pub use branch::Branch;
pub use client::Client;
pub use event::{ClientEvent, Outgoing, Reaction, ServerEvent, Tell};
pub use invite_client::InviteClient;
pub use invite_server::InviteServer;
pub use key::Identity;
pub use server::Server;
pub use table::{Answered, Counts, Expired, Full, Keep, Received, Start, Table};
pub use timer::{Timer, Timers};

/// Names one transaction of a [`Table`]. Stale ones find nothing.
pub type TransactionId = crate::base::Handle;
