//! The load generator of pinion: makes calls, registrations and questions at
//! intended times, takes calls, and measures what comes of them.
//!
//! ```text
//!   Cli ── Plan ── run ── drive ── thread per CPU ── Seat ── Caller: Machine
//!                   │                                 │       ├── Client  what it begins
//!                   │                                 │       └── Callee  what it takes
//!                   └── assemble ── Results           └── Gate  all begin, and end, together
//!                          └── verdict
//! ```
//!
//! It runs on the server's own runtime and SIP core. A [`caller::Caller`] is a
//! machine like the server's shard: pure, driven by inputs and time, so it runs
//! in a simulation as it does on the wire, and the same seed makes the same
//! bytes. It finds a call by the number in its Call-ID and writes messages from
//! templates; in steady state it allocates nothing.
//!
//! - [`plan`]: everything the flags say, as a value; arrivals and users.
//! - [`caller`]: the machine. [`run::Worker`] is what [`run::drive`] wants of
//!   any machine that makes load, so other kinds of load have the same pacing
//!   by deadline, the same start and the same accounts.
//! - [`tally`]: counts and histograms of one thread. Every latency is measured
//!   from the intended time, so a target that stalls is not spared the
//!   requests it delayed.
//! - [`results`]: the schema of what a run leaves; [`verdict`]: whether the
//!   generator was the limit, by what it watched of itself.
//! - [`scenario`]: SIPp scenario files, run by a machine of their own.
//! - [`report`]: a run as text, JSON or one HTML page, and beside another run;
//!   [`search`]: the highest rate that keeps an objective; [`flood`]: traffic a
//!   server must survive. [`commands`] are their flags, [`cli`] a run's.

pub mod assemble;
pub mod caller;
pub mod cli;
pub mod commands;
pub mod error;
pub mod flood;
pub mod host;
pub mod plan;
mod progress;
pub mod quota;
pub mod report;
pub mod results;
pub mod run;
pub mod scenario;
pub mod search;
pub mod tally;
pub mod verdict;

pub use error::Error;
pub use plan::Plan;
pub use results::Results;
pub use run::{run, run_until};
