//! What the engine costs, measured without sockets.
//!
//! ```text
//!   Unit ── a piece of work with a name ── Rig ── a Shard between two phones
//!     │                                     └── Form: a phone's message with blanks
//!     ├── Table: a context of 10 000 patterns
//!     ├── benches/            how long it takes (criterion)
//!     ├── bin/instructions    how many instructions it runs (callgrind), against baseline.json
//!     └── tests/allocation    how often it allocates
//! compare/                    the engine beside its peers, with sockets
//!   MariaDb                   a database server of one's own, for it and for tests
//! ```
//!
//! Only what the engine does is measured: a [`Meter`] is laid around each turn
//! of the shard, and the phones' own work falls outside of it.

mod fixture;
mod form;
mod mariadb;
mod meter;
mod phone;
mod plan;
mod rig;
mod table;
mod unit;

pub use fixture::{invite_of_832_bytes, read_typed};
pub use form::Form;
pub use mariadb::MariaDb;
pub use meter::{Meter, clocked, counted, plain, take_clocked};
pub use rig::{Rig, Users};
pub use table::{Shape, Table};
pub use unit::Unit;
